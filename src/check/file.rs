//! The frame of the checks over a file: off, not read, not present, vanished, unreadable.
//!
//! Invariant: a file that vanished or cannot be read is itself a warning, and what was last read from it is still
//! judged, so that its absence resolves nothing.

use super::{Verdict, human_seconds};
use crate::assessment::Severity;
use crate::observation::{Time, seconds_since};
use crate::state::View;

/// What `judge` says of the last value read, with a warning where the latest reading gave none.
pub(super) fn judge_file<T>(view: &View<'_, T>, now: Time, judge: impl FnOnce(&T) -> Verdict) -> Verdict {
    if let Some(verdict) = Verdict::without_reading(view) {
        return verdict;
    }
    let mut verdict = match (view.last(), view) {
        (Some(last), _) => judge(&last.value),
        (None, View::Missing { what, .. }) => return Verdict::not_present(*what),
        (None, _) => Verdict::ok("never read"),
    };
    match view {
        View::Missing { what, last: Some(last) } => verdict.add(
            Severity::Warn,
            "vanished",
            format!("{what}; it was last seen {}", age(now, last.at)),
            "find out who deleted or moved it and put it back; restart the exporter where that was on purpose",
        ),
        View::Failed { failure, since, .. } => verdict.add(
            Severity::Warn,
            "unreadable",
            format!("{failure}; first so {}", age(now, *since)),
            "mend what the reason names; until then the last good reading is judged",
        ),
        _ => {}
    }
    verdict
}

/// `4 min ago`, or `4 min ahead of this machine's clock`.
pub(super) fn age(now: Time, then: Time) -> String {
    match seconds_since(now, then) {
        seconds if seconds <= -1.0 => format!("{} ahead of this machine's clock", human_seconds(-seconds)),
        seconds => format!("{} ago", human_seconds(seconds.max(0.0))),
    }
}

#[cfg(test)]
pub(super) mod tests {
    //! What the tests of the checks over files have in common.

    use super::super::{Check, example_now, example_state};
    use crate::assessment::{CheckResult, Severity, Thresholds};
    use crate::config::Config;
    use crate::observation::{Data, Observation, Reading, SourceId};

    /// What `check` says after `observations` under the default configuration.
    pub(in super::super) fn given(check: &Check, observations: Vec<Observation>) -> CheckResult {
        check.run(&example_state(observations), &Thresholds::new(&Config::default(), false), example_now())
    }

    /// Its findings by severity and code.
    pub(in super::super) fn codes(check: &Check, observations: Vec<Observation>) -> Vec<(Severity, &'static str)> {
        given(check, observations).findings.iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    /// A reading made at the instant of the examples.
    pub(in super::super) fn observation(source: SourceId, reading: Reading<Data>) -> Observation {
        Observation { source, at: example_now(), took: std::time::Duration::ZERO, reading }
    }
}
