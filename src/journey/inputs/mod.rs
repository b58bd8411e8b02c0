//! The inputs: what the loop left behind, as it stood when the run began.
//!
//! ```text
//! config  ->  places  ->  freeze            ->  read                                   ->  gathered
//!             (paths)     (open, lengths)       (state, lines, parity, git; tolerant)      (typed, with places)
//! ```
//!
//! Invariants:
//!
//! 1. Every file is opened once, when the run begins, and never read beyond its length of then. A file that is rotated
//!    or replaced meanwhile is still read as it was, because it is held open; one that is cut or rewritten in place is
//!    told as `changed`.
//! 2. A last line without its line ending waits for the next run.
//! 3. Whatever a file holds, reading ends, takes bounded memory and loses nothing beside what it names as left out.
//! 4. What is kept from run to run under `state_dir/inputs/` only saves time: without it, or with a spoilt one, the same
//!    comes out.

mod events;
mod fields;
mod frozen;
mod gathered;
pub mod git;
mod kept;
mod lines;
mod parity;
mod passed;
mod places;
mod read;
mod restarts;
mod state;
#[cfg(test)]
mod tests;

pub use frozen::{Frozen, freeze};
pub use gathered::{Commits, EventLine, Finished, Gathered, Heartbeat, RepoCommit, State, Told, VerdictLine};
pub(super) use kept::write_whole;
pub use passed::Passed;
pub(super) use places::named;
pub use read::read;
