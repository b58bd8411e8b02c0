//! `system-state.jsonl`. A placeholder with the real one's interface, until the real one is merged.

use std::path::Path;

use crate::assessment::Assessment;
use crate::config::SystemStateConfig;
use crate::observation::Time;
use crate::state::State;

/// One line of the series.
#[derive(Debug, Clone)]
pub struct Record;

/// The record of `state` and `assessment` at `now`.
pub fn record(_state: &State, _assessment: &Assessment, _now: Time) -> Record {
    Record
}

/// Appends records.
#[derive(Debug)]
pub struct SystemState;

impl SystemState {
    /// Appends to the file that `config` names, taken from `runtime_dir`.
    pub fn new(_config: &SystemStateConfig, _runtime_dir: &Path) -> Self {
        SystemState
    }

    /// Appends `record`.
    ///
    /// # Errors
    /// Always, in this placeholder.
    pub fn write(&mut self, _record: &Record) -> std::io::Result<()> {
        Err(std::io::Error::other("the series is not part of this build"))
    }
}
