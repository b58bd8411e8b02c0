//! Alerts: what a finding is called once somebody is to be told of it, the same whoever sends it.
//!
//! Invariant: an alert's name, severity and runbook follow from the check and the code of the finding, and from nothing
//! else, so that the shipped rules, what this program pushes, the dashboards and the runbooks speak of the same alerts.

pub mod active;
mod annotations;
pub mod beside;
pub mod definition;
mod recorded;
pub mod rules;
pub mod saved;
pub mod store;
mod watchers;

use std::collections::BTreeSet;

use crate::assessment::Severity;
use crate::check::{CHECKS, Code};
use crate::config::AlertsConfig;
use crate::config::value::Seconds;

/// What every alert's name begins with.
const PREFIX: &str = "Autoswe";
/// The alert that always fires: who no longer receives it knows that nobody would tell of any other.
pub const DEAD_MANS_SWITCH: &str = "AutosweDeadMansSwitch";

/// What `code`, found by `check`, is in the check's table; `None` for what no check finds.
pub(crate) fn code_of(check: &str, code: &str) -> Option<&'static Code> {
    CHECKS.iter().find(|known| known.id == check)?.codes.iter().find(|known| known.word == code)
}

/// The names of all alerts that this program may push.
pub fn names() -> BTreeSet<String> {
    let names = CHECKS.iter().flat_map(|check| check.codes.iter().map(|code| name(check.id, code.word)));
    names.chain([DEAD_MANS_SWITCH.to_owned()]).collect()
}

/// The name of the alert that tells of `code`, found by `check`: `AutosweLoopHeartbeatOld`.
pub fn name(check: &str, code: &str) -> String {
    let words = check.split('_').chain(code.split('_')).filter(|word| !word.is_empty());
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    words.fold(PREFIX.to_owned(), |name, word| name + &capital(word))
}

/// `words` with the end of a sentence: a full stop, unless they ask.
pub(crate) fn ended(words: &str) -> String {
    format!("{words}{}", if words.ends_with('?') { "" } else { "." })
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
            CHECKS.iter().flat_map(|check| check.codes.iter().map(|code| name(check.id, code.word))).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn the_runbook_is_linked_at_the_finding() {
        let config = AlertsConfig { runbooks: "https://example/books/".into(), ..AlertsConfig::default() };
        assert_eq!(config.runbook_url("loop.md", "heartbeat_old"), "https://example/books/loop.md#heartbeat_old");
    }
}
