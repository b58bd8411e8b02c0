//! `autoswe-watchdog doctor`: whether everything is as it must be for a restart to work, and what mends it.
//!
//! ```text
//! gather.rs, files.rs, linger.rs (bus, files, programs)  ->  Facts  ->  judge/ (pure)  ->  Report  ->  show.rs
//! ```
//!
//! Invariants:
//!
//! 1. Nothing is changed: what can only be known by trying is tried with a file of its own, which is taken away.
//! 2. Everything has a time limit, and whatever is broken costs only its own findings.
//! 3. What is not known is told as such, never as fine.

mod files;
mod gather;
mod judge;
mod linger;
mod show;

use super::exporter::Exporter;
use crate::assessment::Severity;
use crate::config::Loaded;

pub use show::{json, text};

/// How a finding counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// For information: not known, not there, or as it may well be meant.
    Note,
    /// As it must be.
    Ok,
    /// A restart works, and something about it is not as it should be.
    Warn,
    /// A restart would not work, would not help, or hits a loop that is well.
    Crit,
}

impl Grade {
    /// The word for scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Grade::Note => "NOTE",
            Grade::Ok => Severity::Ok.name(),
            Grade::Warn => Severity::Warn.name(),
            Grade::Crit => Severity::Crit.name(),
        }
    }
}

/// What was found in one respect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was checked, a word.
    pub check: &'static str,
    /// How it counts.
    pub grade: Grade,
    /// What was found, in one line.
    pub text: String,
    /// The mend; empty where there is nothing to do.
    pub hint: String,
}

/// All that was found, in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The loop's unit and its manager.
    pub subject: String,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings count so.
    pub fn count(&self, grade: Grade) -> usize {
        self.findings.iter().filter(|finding| finding.grade == grade).count()
    }

    /// The worst of them, at least `Ok`.
    pub fn worst(&self) -> Grade {
        self.findings.iter().map(|finding| finding.grade).max().unwrap_or(Grade::Ok).max(Grade::Ok)
    }
}

/// Checks everything. `exporter` looks at vLLM and the GPUs.
pub async fn examine(loaded: &Loaded, exporter: &Exporter) -> Report {
    let facts = gather::gather(loaded, exporter).await;
    judge::judge(&facts, &loaded.config)
}
