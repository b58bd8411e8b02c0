//! `watchdog`: whether the watchdog still watches, and whether what it does helps.
//!
//! Invariant: an outcome that is not known is no failure, and a budget that is not known is not spent.

use super::frame::FILE;
use super::{Check, Verdict};
use crate::assessment::{Severity, Thresholds};
use crate::config::WatchdogLimits;
use crate::observation::{Data, Observation, Restart, RestartOutcome, Time, WatchdogReading, seconds_since};
use crate::state::State;
use crate::words;

/// A restart without an outcome is being verified for this long, seconds: the watchdog waits up to 300 s for a fresh
/// heartbeat. After that its outcome is unknown.
const VERIFYING: f64 = 300.0;

pub(crate) const CHECK: Check = Check {
    id: "watchdog",
    summary: "The watchdog's last evaluation, its restart budget, and what came of its last restart.",
    warn: "The last evaluation is older than `warn`, or one of its files cannot be read or understood.",
    crit: "The restart budget is spent, or the last restart did not take.",
    runbook: "watchdog.md",
    codes: &["budget_spent", "restart_did_not_take", "stale", "partly_unreadable", "vanished", "unreadable", "unread"],
    metrics: &[
        "autoswe_watchdog_last_evaluation_timestamp_seconds",
        "autoswe_watchdog_budget_remaining",
        "autoswe_watchdog_last_restart_timestamp_seconds",
    ],
    assess,
    fires: || example(&WatchdogReading { budget_remaining: Some(0), ..healthy() }),
    quiet: || example(&healthy()),
};

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    FILE.judge(&state.watchdog.view(now), now, |reading| judge(reading, &thresholds.limits.watchdog, now))
}

fn judge(reading: &WatchdogReading, limits: &WatchdogLimits, now: Time) -> Verdict {
    let mut verdict = Verdict::ok(summary(reading, now));
    if let Some(at) = reading.last_evaluation_at
        && seconds_since(now, at) > limits.warn.0
    {
        let limit = words::length(limits.warn.0);
        let reason = format!("the watchdog last evaluated {}, over the limit of {limit}", words::ago(now, at));
        let hint = "nobody restarts the loop meanwhile: `systemctl --user status autoswe-watchdog` and its journal";
        verdict.add(Severity::Warn, "stale", reason, hint);
    }
    if reading.budget_remaining == Some(0) {
        let hint = "the loop needs a person: find out why it wedges, then `autoswe-watchdog reset`";
        verdict.add(Severity::Crit, "budget_spent", "the watchdog has no restart left and gave up", hint);
    }
    if let Some(Restart { at, outcome: RestartOutcome::DidNotTake, .. }) = reading.last_restart {
        let reason = format!("the last restart, {}, did not bring the loop back", words::ago(now, at));
        let hint = "start the loop by hand and read its journal, then `autoswe-watchdog reset`";
        verdict.add(Severity::Crit, "restart_did_not_take", reason, hint);
    }
    if !reading.problems.is_empty() {
        let hint = "mend what the reason names; until then what was read before is judged";
        verdict.add(Severity::Warn, "partly_unreadable", reading.problems.join("; "), hint);
    }
    verdict
}

fn summary(reading: &WatchdogReading, now: Time) -> String {
    let mut parts = vec![match (reading.last_evaluation_at, &reading.decision) {
        (Some(at), Some(decision)) => format!("evaluated {}: {decision}", words::ago(now, at)),
        (Some(at), None) => format!("evaluated {}", words::ago(now, at)),
        (None, _) => "no evaluation known".into(),
    }];
    parts.extend(reading.budget_remaining.map(|budget| format!("{budget} restarts left")));
    parts.extend(reading.last_restart.as_ref().map(|restart| {
        let outcome = match restart.outcome {
            RestartOutcome::Took => "took",
            RestartOutcome::DidNotTake => "did not take",
            RestartOutcome::CalledOff => "called off",
            RestartOutcome::Pending if seconds_since(now, restart.at) < VERIFYING => "being verified",
            RestartOutcome::Pending => "outcome unknown",
        };
        format!("last restart {} ({outcome})", words::ago(now, restart.at))
    }));
    parts.join(", ")
}

fn healthy() -> WatchdogReading {
    let now = super::example_now();
    WatchdogReading {
        last_evaluation_at: Some(now - jiff::SignedDuration::from_secs(20)),
        budget_remaining: Some(3),
        decision: Some("ok".into()),
        last_restart: Some(Restart {
            at: now - jiff::SignedDuration::from_hours(1),
            outcome: RestartOutcome::Took,
            reason: None,
        }),
        ..WatchdogReading::default()
    }
}

fn example(reading: &WatchdogReading) -> Vec<Observation> {
    vec![super::example_reading(0, Data::Watchdog(reading.clone()))]
}

#[cfg(test)]
mod tests {
    use super::super::frame::tests::{codes, given, observation};
    use super::*;
    use crate::assessment::Presence;
    use crate::assessment::Severity::{Crit, Warn};
    use crate::observation::{Reading, SourceId};

    fn ago(seconds: i64) -> Time {
        super::super::example_now() - jiff::SignedDuration::from_secs(seconds)
    }

    fn restart(outcome: RestartOutcome, seconds: i64) -> Vec<Observation> {
        let last_restart = Some(Restart { at: ago(seconds), outcome, reason: None });
        example(&WatchdogReading { last_restart, ..healthy() })
    }

    #[test]
    fn a_watchdog_that_stopped_evaluating_is_a_warning() {
        let evaluated = |seconds| example(&WatchdogReading { last_evaluation_at: Some(ago(seconds)), ..healthy() });
        assert_eq!(codes(&CHECK, evaluated(180)), []);
        assert_eq!(codes(&CHECK, evaluated(181)), [(Warn, "stale")]);
    }

    #[test]
    fn a_spent_budget_and_a_failed_restart_are_critical() {
        let spent = WatchdogReading { budget_remaining: Some(0), ..healthy() };
        assert_eq!(codes(&CHECK, example(&spent)), [(Crit, "budget_spent")]);
        assert_eq!(codes(&CHECK, restart(RestartOutcome::DidNotTake, 600)), [(Crit, "restart_did_not_take")]);
        assert_eq!(codes(&CHECK, restart(RestartOutcome::Took, 600)), []);
    }

    #[test]
    fn what_is_not_known_is_not_judged() {
        assert_eq!(codes(&CHECK, example(&WatchdogReading::default())), []);
        assert_eq!(codes(&CHECK, restart(RestartOutcome::Pending, 6000)), []);
        assert!(given(&CHECK, restart(RestartOutcome::Pending, 299)).summary.ends_with("(being verified)"));
        assert!(given(&CHECK, restart(RestartOutcome::Pending, 301)).summary.ends_with("(outcome unknown)"));
    }

    #[test]
    fn what_cannot_be_read_is_a_warning_beside_what_is_known() {
        let reading =
            WatchdogReading { budget_remaining: Some(0), problems: vec!["x".into(), "y".into()], ..healthy() };
        assert_eq!(codes(&CHECK, example(&reading)), [(Crit, "budget_spent"), (Warn, "partly_unreadable")]);
    }

    #[test]
    fn without_a_watchdog_nothing_is_sick() {
        let missing = observation(SourceId::Watchdog, Reading::Missing("no watchdog state at /x".into()));
        assert_eq!(given(&CHECK, vec![missing]).presence, Presence::NotPresent);
        let summary = given(&CHECK, example(&healthy())).summary;
        assert_eq!(summary, "evaluated 20 s ago: ok, 3 restarts left, last restart 60 min ago (took)");
    }
}
