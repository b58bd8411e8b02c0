//! The watchdog: restarts the loop when, and only when, it is wedged.
//!
//! ```text
//! look (watch.rs)  ->  facts  ->  memory  ->  inputs  ->  decide  ->  act
//! files, systemd,                 (pure)                  (pure)      intent, diagnostics, last look, restart
//! dependencies                                                        verify: the outcome, by later evaluations
//! ```
//!
//! Invariants:
//!
//! 1. [`decide::decide`] is pure, and every gate of its table must open before a restart.
//! 2. Unknown input never escalates: whatever cannot be read leads to a row that does nothing.
//! 3. A restart is written down, on the disk, before it is asked for; a watchdog killed at any point neither makes a
//!    restart that does not count nor forgets one.
//! 4. No age that calls for a restart is taken from a clock that somebody can set.

mod act;
pub mod clock;
pub mod decide;
pub mod dependencies;
mod diagnose;
pub mod doctor;
pub mod evaluation;
pub mod exporter;
mod eyes;
pub mod lock;
pub mod memory;
mod ping;
pub mod reason;
pub mod run;
pub mod saved;
pub mod senders;
pub mod trail;
pub mod verify;
pub mod watch;
