//! Alerts: what a finding is called once somebody is to be told of it, the same whoever sends it.
//!
//! Invariant: an alert's name, severity and runbook follow from the check and the code of the finding, and from nothing
//! else, so that the shipped rules, what this program pushes, the dashboards and the runbooks speak of the same alerts.

pub mod active;
pub mod beside;
pub mod saved;
pub mod store;

use std::collections::BTreeSet;

use crate::assessment::Severity;
use crate::check::CHECKS;
use crate::config::AlertsConfig;
use crate::config::value::Seconds;

/// What every alert's name begins with.
const PREFIX: &str = "Autoswe";
/// The alert that always fires: who no longer receives it knows that nobody would tell of any other.
pub const DEAD_MANS_SWITCH: &str = "AutosweDeadMansSwitch";
/// The page in `docs/runbooks/` about it.
pub const DEAD_MANS_SWITCH_RUNBOOK: &str = "dead-mans-switch.md";

/// Codes that are never found as a warning, by check: no warning is crossed on the way to them.
const NEVER_A_WARNING: [(&str, &[&str]); 3] = [
    ("gpu", &["gpu_lost", "library_gone", "driver_error", "at_slowdown", "xid"]),
    ("verdicts", &["wedged"]),
    (
        "watchdog",
        &[
            "budget_spent",
            "restart_did_not_take",
            "unit_not_loaded",
            "unit_failed",
            "held",
            "history_unreadable",
            "left_over",
        ],
    ),
];

/// Whether `code`, found by `check`, may be found as a warning; false too for what no check finds.
pub fn may_warn(check: &str, code: &str) -> bool {
    let crit_only = NEVER_A_WARNING.iter().any(|(id, codes)| *id == check && codes.contains(&code));
    !crit_only && CHECKS.iter().any(|known| known.id == check && known.codes.contains(&code))
}

/// The names of all alerts that this program may push.
pub fn names() -> BTreeSet<String> {
    let names = CHECKS.iter().flat_map(|check| check.codes.iter().map(|code| name(check.id, code)));
    names.chain([DEAD_MANS_SWITCH.to_owned()]).collect()
}

/// The name of the alert that tells of `code`, found by `check`: `AutosweLoopHeartbeatOld`.
pub fn name(check: &str, code: &str) -> String {
    let words = check.split('_').chain(code.split('_')).filter(|word| !word.is_empty());
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    words.fold(PREFIX.to_owned(), |name, word| name + &capital(word))
}

/// The value of the label `severity`; `None` for what is no alert.
pub const fn severity(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Ok => None,
        Severity::Warn => Some("warning"),
        Severity::Crit => Some("critical"),
    }
}

impl AlertsConfig {
    /// How long a finding of `severity` must be found before its alert fires.
    pub fn fires_after(&self, severity: Severity) -> Seconds {
        if severity == Severity::Crit { self.crit_for } else { self.warn_for }
    }

    /// Where to read about `code` in the page `runbook` (`loop.md`).
    pub fn runbook_url(&self, runbook: &str, code: &str) -> String {
        format!("{}/{runbook}#{code}", self.runbooks.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_in_camel_case() {
        assert_eq!(name("loop", "heartbeat_old"), "AutosweLoopHeartbeatOld");
        assert_eq!(name("vllm", "no_vllm_series"), "AutosweVllmNoVllmSeries");
    }

    #[test]
    fn no_two_findings_have_the_same_name() {
        let names: Vec<String> =
            CHECKS.iter().flat_map(|check| check.codes.iter().map(|code| name(check.id, code))).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn the_runbook_is_linked_at_the_finding() {
        let config = AlertsConfig { runbooks: "https://example/books/".into(), ..AlertsConfig::default() };
        assert_eq!(config.runbook_url("loop.md", "heartbeat_old"), "https://example/books/loop.md#heartbeat_old");
    }
}
