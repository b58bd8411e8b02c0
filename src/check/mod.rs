//! The checks: named rules over the state, one file each. [`CHECKS`] lists them.
//!
//! Invariant: a check is pure, reads its own limits, and brings an example that fires and one that stays quiet.

mod code;
mod frame;
#[cfg(test)]
mod given_tests;
mod gpu;
mod host;
mod liveness;
mod loop_;
mod parity;
mod review;
mod site;
mod subagents;
#[cfg(test)]
mod tests;
mod verdicts;
mod vllm;
mod watchdog;

use crate::assessment::{CheckResult, Finding, Presence, Severity, Thresholds};
use crate::config::Config;
use crate::observation::{Data, Observation, Reading, Time};
use crate::state::{State, View};
pub use code::{Code, Form, Shown};
pub(crate) use liveness::beyond_help;
pub use liveness::liveness;
pub(crate) use loop_::CHECK as LOOP;
pub(crate) use subagents::CHECK as SUBAGENTS;

/// A named rule.
pub struct Check {
    /// Its id: the `check` label, the section below `checks` and the source it mainly rests on.
    pub id: &'static str,
    /// What it watches, in a sentence.
    pub summary: &'static str,
    /// What is a warning, in a sentence that names the settings.
    pub warn: &'static str,
    /// What is critical, in a sentence that names the settings.
    pub crit: &'static str,
    /// The page in `docs/runbooks/`.
    pub runbook: &'static str,
    /// Everything it may find; each code has a section in the runbook.
    pub codes: &'static [Code],
    /// The metrics it rests on.
    pub metrics: &'static [&'static str],
    /// The rule.
    pub assess: fn(&State, &Thresholds, Time) -> Verdict,
    /// Observations after which it finds something at [`EXAMPLE_NOW`] under default thresholds.
    pub fires: fn() -> Vec<Observation>,
    /// Observations after which it finds nothing.
    pub quiet: fn() -> Vec<Observation>,
}

/// The instant at which the examples are judged: 2026-11-22 12:00:00 UTC, Unix seconds.
pub const EXAMPLE_NOW: i64 = 1_795_348_800;

/// What a rule says: a summary and its findings, or why it had nothing to judge.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether there was anything to judge.
    pub presence: Presence,
    /// The state in a few words.
    pub summary: String,
    /// What is not OK, in any order.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// A verdict without findings.
    pub fn ok(summary: impl Into<String>) -> Self {
        Verdict { presence: Presence::Judged, summary: summary.into(), findings: Vec::new() }
    }

    /// Nothing to judge: `what` is neither configured nor found.
    pub fn not_present(what: impl Into<String>) -> Self {
        Verdict { presence: Presence::NotPresent, summary: what.into(), findings: Vec::new() }
    }

    /// Adds a finding. Where its hint is left empty, it is the mend in the check's table.
    pub fn add(&mut self, severity: Severity, code: &'static str, reason: impl Into<String>) -> &mut Finding {
        self.findings.push_mut(Finding { severity, code, reason: reason.into(), hint: String::new() })
    }

    /// Adds a finding, or the reason of one more case to the finding of the same code.
    pub fn join(&mut self, severity: Severity, code: &'static str, reason: String) -> &mut Finding {
        match self.findings.iter().position(|finding| finding.code == code) {
            Some(known) => {
                let finding = &mut self.findings[known];
                finding.severity = finding.severity.max(severity);
                finding.reason = format!("{}; {reason}", finding.reason);
                finding
            }
            None => self.add(severity, code, reason),
        }
    }

    /// The verdict on a source that is off or was not read yet; `None` when there is something to judge.
    pub fn without_reading<T>(view: &View<'_, T>) -> Option<Self> {
        let (presence, summary) = match view {
            View::Disabled => (Presence::Disabled, "turned off in the configuration"),
            View::Pending => (Presence::Pending, "not read yet"),
            _ => return None,
        };
        Some(Verdict { presence, summary: summary.into(), findings: Vec::new() })
    }
}

impl Check {
    /// Applies the rule.
    pub fn run(&self, state: &State, thresholds: &Thresholds, now: Time) -> CheckResult {
        let Verdict { presence, summary, mut findings } = (self.assess)(state, thresholds, now);
        findings.iter_mut().for_each(|finding| self.complete(finding));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let severity = findings.first().map_or(Severity::Ok, |worst| worst.severity);
        CheckResult { check: self.id, presence, severity, summary, findings }
    }

    /// What its table says of the code called `word`.
    pub fn code(&self, word: &str) -> Option<&'static Code> {
        self.codes.iter().find(|code| code.word == word)
    }

    /// Gives `finding` the hint of its code, unless it has one of its own.
    fn complete(&self, finding: &mut Finding) {
        let code = self.code(finding.code).filter(|code| code.found.contains(&finding.severity));
        debug_assert!(code.is_some(), "`codes` of the check {} lacks {finding:?}", self.id);
        if let Some(code) = code.filter(|_| finding.hint.is_empty()) {
            finding.hint = code.mend.into();
        }
    }
}

/// Every check, in the order of reports.
pub const CHECKS: &[&Check] = &[
    &loop_::CHECK,
    &subagents::CHECK,
    &vllm::CHECK,
    &gpu::CHECK,
    &parity::CHECK,
    &verdicts::CHECK,
    &site::CHECK,
    &review::CHECK,
    &watchdog::CHECK,
    &host::CHECK,
];

/// The state after `observations` under the default configuration, for examples and tests.
pub fn example_state(observations: Vec<Observation>) -> State {
    let now = example_now();
    let mut state = State::new(&Config::default(), now - jiff::SignedDuration::from_hours(1));
    observations.into_iter().for_each(|observation| state.apply(observation));
    state
}

/// A reading of `data`, made `seconds` before [`EXAMPLE_NOW`].
pub(crate) fn example_reading(seconds: i64, data: Data) -> Observation {
    Observation {
        source: data.source(),
        at: example_now() - jiff::SignedDuration::from_secs(seconds),
        took: std::time::Duration::from_millis(1),
        reading: Reading::Observed(data),
    }
}

/// [`EXAMPLE_NOW`] as a time.
#[expect(clippy::expect_used, reason = "a constant within jiff's range")]
pub fn example_now() -> Time {
    Time::from_second(EXAMPLE_NOW).expect("a time within range")
}
