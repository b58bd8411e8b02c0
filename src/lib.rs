//! Watches an unattended coding loop on a GPU machine, judges what it sees, and publishes it.
//!
//! One pipeline, one direction:
//!
//! ```text
//! source  ->  observation  ->  state  ->  assessment  ->  sink
//! (I/O)       (typed data)     (memory)   (pure verdict)  (metrics, JSONL, report, page)
//! ```
//!
//! The [`watchdog`] is a second process over the same sources, checks and limits; the exporter reads what it leaves in
//! two files. The [`journey`] is a third: it publishes what the loop did. The [`judge`] is a fourth: it asks a model about it.
//!
//! Invariants, kept by every module below:
//!
//! 1. [`assessment::assess`] is pure: same state, limits and `now`, same verdict.
//! 2. Absence is a value ([`observation::Reading`]): missing never turns into 0 and never resolves a finding.
//! 3. One bad source never blanks another: each runs under its own deadline ([`source`]).
//! 4. A metric, a check, a limit and a setting are each defined in one place.
//! 5. Sinks map an assessment. They decide nothing.

pub mod alert;
pub mod assessment;
pub mod backtest;
pub mod check;
pub mod cli;
pub mod config;
pub mod daemon;
#[cfg(test)]
mod dashboard;
pub mod demo;
#[cfg(test)]
mod golden;
pub mod history;
mod http;
pub mod install;
pub mod journey;
pub mod jsonl;
pub mod judge;
mod lock_file;
pub mod metric;
pub mod observation;
pub mod process;
#[cfg(test)]
mod promql;
pub mod promtext;
mod signals;
pub mod sink;
pub mod source;
pub mod state;
pub mod systemd;
pub mod watchdog;
pub mod web;
mod words;
