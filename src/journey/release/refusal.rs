//! What the gate did not let pass, for `leak-report.json`.
//!
//! Invariant: rule, place and fingerprint; never the value, and never a file's name that must not be shown.

use std::collections::BTreeMap;

use serde::Serialize;

use super::gate::Finding;
use super::intake::Verdict;

/// Findings that are listed; the others are counted.
const LISTED: usize = 1000;

/// Why a release was refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Refusal {
    /// How often each rule found something.
    pub counts: BTreeMap<String, u64>,
    /// The first of what was found, in the order of the files.
    pub findings: Vec<Finding>,
    /// Files that could not be scanned.
    pub unscanned: Vec<Unscanned>,
}

/// A file that could not be scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unscanned {
    /// The file.
    pub file: String,
    /// Why.
    pub error: String,
}

impl Refusal {
    /// Takes in what was said of a file.
    pub(super) fn note(&mut self, verdict: Verdict) {
        for finding in verdict.findings {
            *self.counts.entry(finding.rule.clone()).or_default() += 1;
            if self.findings.len() < LISTED {
                self.findings.push(finding);
            }
        }
        let room = LISTED - self.unscanned.len().min(LISTED);
        self.unscanned.extend(verdict.unscanned.into_iter().take(room));
    }

    /// Whether nothing was refused.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.unscanned.is_empty()
    }
}
