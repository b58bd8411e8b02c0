//! How the count of green parity cells moved.

use crate::observation::{Parity, Time};

/// The latest fall of the green count.
#[derive(Debug, Clone, Default)]
pub struct ParityTrend {}

impl ParityTrend {
    /// Takes in a reading.
    pub fn push(&mut self, _at: Time, _parity: &Parity) {}
}
