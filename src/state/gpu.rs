//! How long each GPU has been in a condition that only counts when it lasts.

use crate::observation::{GpuReading, Time};

/// Since when conditions hold.
#[derive(Debug, Clone, Default)]
pub struct GpuWindow {}

impl GpuWindow {
    /// Takes in a reading.
    pub fn push(&mut self, _at: Time, _reading: &GpuReading) {}
}
