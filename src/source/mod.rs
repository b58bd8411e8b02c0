//! Where data comes from: one file per source. `read` does the I/O, `parse` is pure.
//!
//! Invariant: a source that hangs, fails or panics costs its own reading and nothing else. Blocking sources run on
//! a thread of their own ([`worker`]); a reading that is not back by its deadline is a failure, and while it is
//! still under way the source fails at once.

pub mod file;
pub mod gpu;
pub mod host;
pub mod json;
pub mod lines;
pub mod loop_;
pub mod newest;
pub mod own_process;
pub mod parity;
mod processes;
pub mod review;
pub mod set;
pub mod site;
pub mod subagents;
pub mod verdicts;
pub mod vllm;
pub mod watchdog;
pub mod worker;

use crate::observation::{Data, Reading, Time};

/// A source whose reading blocks.
pub trait Source: Send + 'static {
    /// Reads once. `now` is the time of the reading.
    fn read(&mut self, now: Time) -> Reading<Data>;
}
