//! What every check does with the view on its source: off, not read yet, not present, vanished, unreadable, no longer
//! read.
//!
//! Invariant: a reading that gave nothing is itself a finding, and what was last read is still judged, so that its
//! absence resolves nothing.

use super::Verdict;
use crate::assessment::Severity;
use crate::observation::{Failure, Time, seconds_since};
use crate::state::View;
use crate::words;

/// How one check judges that its source gave nothing new.
pub(super) struct Frame {
    /// Failed readings in a row from which on that is critical; `None` where it never is.
    pub(super) unreadable_crit: Option<u64>,
}

/// The frame of the checks for which an unreadable source is never critical.
pub(super) const FRAME: Frame = Frame { unreadable_crit: None };

impl Frame {
    /// What `judge` says of the last value read, with a finding where the latest reading gave none.
    pub(super) fn judge<T>(&self, view: &View<'_, T>, now: Time, judge: impl FnOnce(&T) -> Verdict) -> Verdict {
        if let Some(verdict) = Verdict::without_reading(view) {
            return verdict;
        }
        let mut verdict = match (view.last(), view) {
            (Some(last), _) => judge(&last.value),
            (None, View::Missing { what, .. }) => return Verdict::not_present(*what),
            (None, _) => Verdict::ok("never read"),
        };
        match view {
            View::Missing { what, last: Some(last) } => {
                let reason = format!("{what}; it was last seen {}", words::ago(now, last.at));
                verdict.add(Severity::Warn, "vanished", reason);
            }
            View::Failed { failure, since, count, .. } => {
                self.failed(&mut verdict, failure, (*count, words::ago(now, *since)));
            }
            View::Stale(last) => verdict.unread(last.at, now),
            _ => {}
        }
        verdict
    }

    fn failed(&self, verdict: &mut Verdict, failure: &Failure, (count, first): (u64, String)) {
        let is_critical = self.unreadable_crit.is_some_and(|crit| count >= crit);
        let row = if count > 1 { format!(" ({count} readings in a row, the first {first})") } else { String::new() };
        let severity = if is_critical { Severity::Crit } else { Severity::Warn };
        verdict.add(severity, "unreadable", format!("{failure}{row}"));
    }
}

impl Verdict {
    /// Adds that no reading was made since `last`: the exporter's own trouble.
    pub(super) fn unread(&mut self, last: Time, now: Time) {
        let passed = words::length(seconds_since(now, last));
        let reason = format!("nothing was read for {passed}; the exporter itself does not keep up");
        self.add(Severity::Warn, "unread", reason);
    }
}

#[cfg(test)]
pub(super) mod tests {
    //! What the tests of the checks have in common.

    use super::super::{Check, example_now, example_state};
    use crate::assessment::{CheckResult, Severity, Thresholds};
    use crate::config::Config;
    use crate::observation::{Data, Failure, FailureKind, Observation, Reading, SourceId, Time};

    /// What `check` says after `observations` under the default configuration.
    pub(in super::super) fn given(check: &Check, observations: Vec<Observation>) -> CheckResult {
        given_at(check, observations, example_now())
    }

    /// The same, judged at `now`.
    pub(in super::super) fn given_at(check: &Check, observations: Vec<Observation>, now: Time) -> CheckResult {
        check.run(&example_state(observations), &Thresholds::new(&Config::default(), false), now)
    }

    /// Its findings by severity and code.
    pub(in super::super) fn codes(check: &Check, observations: Vec<Observation>) -> Vec<(Severity, &'static str)> {
        codes_of(&given(check, observations))
    }

    /// The findings of `result` by severity and code.
    pub(in super::super) fn codes_of(result: &CheckResult) -> Vec<(Severity, &'static str)> {
        result.findings.iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    /// A reading made at the instant of the examples.
    pub(in super::super) fn observation(source: SourceId, reading: Reading<Data>) -> Observation {
        Observation { source, at: example_now(), took: std::time::Duration::ZERO, reading }
    }

    /// A reading of `kind` that failed at the instant of the examples.
    pub(in super::super) fn failed(source: SourceId, kind: FailureKind) -> Observation {
        observation(source, Reading::Failed(Failure::new(kind, "it does not work")))
    }

    /// `observation`, made `seconds` before the instant of the examples.
    pub(in super::super) fn before(seconds: i64, observation: Observation) -> Observation {
        Observation { at: example_now() - jiff::SignedDuration::from_secs(seconds), ..observation }
    }
}
