//! `watchdog`: whether the watchdog still watches, whether what it does helps, and what only it knows of the loop.
//!
//! Invariant: an outcome that is not known is no failure, and a budget that is not known is not spent. What the
//! watchdog saw of the unit is passed on only while its evaluation is fresh.

use super::code::{UNREAD, UNREADABLE, VANISHED};
use super::frame::FRAME;
use super::{Check, Code, Shown, Verdict};
use crate::assessment::Severity::{self, Crit, Warn};
use crate::assessment::Thresholds;
use crate::observation::{
    Data, Observation, Restart, RestartOutcome, Time, WatchdogFinding, WatchdogReading, seconds_since,
};
use crate::state::State;
use crate::watchdog::reason::Reason;
use crate::words;

/// What only the watchdog knows, by the reason of its decision. The other reasons are silence and pauses, which the
/// check `loop` tells, and a spent budget.
const PASSED_ON: [(Reason, &str); 7] = [
    (Reason::Bus, "bus"),
    (Reason::NotLoaded, "unit_not_loaded"),
    (Reason::Busy, "unit_busy"),
    (Reason::Stopped, "unit_stopped"),
    (Reason::Failed, "unit_failed"),
    (Reason::Dependency, "held"),
    (Reason::History, "history_unreadable"),
];
/// The same of what it found beside its decision: its word, and the code here. The others are told by checks of their
/// own, from the same files.
const FOUND: [(&str, &str); 2] = [("bus_fallback", "bus"), ("left_over", "left_over")];

pub(crate) const CHECK: Check = Check {
    id: "watchdog",
    summary: "The watchdog's last evaluation, its restart budget, what came of its last restart, and what only it \
              knows of the loop.",
    warn: "The last evaluation is older than `warn` (`timer_warn` where a timer makes them), one of its files cannot be read or understood, or the watchdog \
           says so: the service manager does not answer, or the unit is stopped, or busy for long.",
    crit: "The restart budget is spent, the last restart did not take, or the watchdog says so: the service manager \
           does not answer for the third time, the unit is not loaded, has failed or does not stop, a restart would \
           not cure the loop, restarts cannot be counted, or processes outlived one.",
    runbook: "watchdog.md",
    codes: CODES,
    metrics: &[
        "autoswe_watchdog_last_evaluation_timestamp_seconds",
        "autoswe_watchdog_budget_remaining",
        "autoswe_watchdog_last_restart_timestamp_seconds",
        "autoswe_watchdog_decisions_total",
        "autoswe_watchdog_restarts_total",
    ],
    assess,
    fires: || example(&WatchdogReading { budget_remaining: Some(0), ..healthy() }),
    quiet: || example(&healthy()),
};

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    FRAME.judge(&state.watchdog.view(now), now, |reading| judge(reading, thresholds, now))
}

fn judge(reading: &WatchdogReading, thresholds: &Thresholds, now: Time) -> Verdict {
    let mut verdict = Verdict::ok(summary(reading, thresholds.restart.verify.0, now));
    if let Some(at) = reading.last_evaluation_at {
        let limit = thresholds.limits.watchdog.evaluation(reading.once);
        match seconds_since(now, at) > limit {
            true => stale(&mut verdict, limit, (at, now)),
            false => pass_on(&mut verdict, reading),
        }
    }
    if reading.budget_remaining == Some(0) {
        verdict.add(Severity::Crit, "budget_spent", "the watchdog has no restart left and gave up");
    }
    if let Some(Restart { at, outcome: RestartOutcome::DidNotTake, .. }) = reading.last_restart {
        let reason = format!("the last restart, {}, did not bring the loop back", words::ago(now, at));
        verdict.add(Severity::Crit, "restart_did_not_take", reason);
    }
    if !reading.problems.is_empty() {
        verdict.add(Severity::Warn, "partly_unreadable", reading.problems.join("; "));
    }
    verdict
}

fn stale(verdict: &mut Verdict, limit: f64, (at, now): (Time, Time)) {
    let limit = words::length(limit);
    let reason = format!("the watchdog last evaluated {}, over the limit of {limit}", words::ago(now, at));
    verdict.add(Severity::Warn, "stale", reason);
}

/// What only the watchdog knows, in its own words, at a severity that the table knows: another version of the watchdog
/// may say another one, of which nobody would be told.
fn pass_on(verdict: &mut Verdict, reading: &WatchdogReading) {
    let told = |code: &str, severity: &str| {
        let severity = Severity::of(severity).filter(|severity| *severity != Severity::Ok)?;
        Some(CHECK.code(code)?.nearest(severity))
    };
    let reason = reading.reason.as_deref().and_then(Reason::of);
    let code = PASSED_ON.iter().find(|(known, _)| Some(*known) == reason);
    if let (Some((_, code)), Some(text)) = (code, &reading.text)
        && let Some(severity) = reading.row_severity.as_deref().and_then(|severity| told(code, severity))
    {
        verdict.add(severity, code, text).hint = reading.hint.clone().unwrap_or_default();
    }
    for WatchdogFinding { severity, code, reason, hint } in &reading.findings {
        let Some((_, code)) = FOUND.iter().find(|(word, _)| word == code) else { continue };
        if let Some(severity) = told(code, severity) {
            let finding = verdict.join(severity, code, reason.clone());
            if finding.hint.is_empty() {
                finding.hint.clone_from(hint);
            }
        }
    }
}

/// `verify`: a restart without an outcome is being verified for this long, seconds; after that its outcome is unknown.
fn summary(reading: &WatchdogReading, verify: f64, now: Time) -> String {
    let why = reading.reason.as_ref().filter(|reason| *reason != Reason::Fresh.name());
    let why = why.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let mut parts = vec![match (reading.last_evaluation_at, &reading.decision) {
        (Some(at), Some(decision)) => format!("evaluated {}: {decision}{why}", words::ago(now, at)),
        (Some(at), None) => format!("evaluated {}", words::ago(now, at)),
        (None, _) => "no evaluation known".into(),
    }];
    parts.extend(reading.budget_remaining.map(|budget| format!("{budget} restarts left")));
    parts.extend(reading.last_restart.as_ref().map(|restart| {
        let outcome = match restart.outcome {
            RestartOutcome::Took => "took",
            RestartOutcome::DidNotTake => "did not take",
            RestartOutcome::CalledOff => "called off",
            RestartOutcome::Pending if seconds_since(now, restart.at) < verify => "being verified",
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

/// What it may find.
const CODES: &[Code] = &[
    Code {
        word: "budget_spent",
        found: &[Crit],
        summary: "the watchdog's restart budget is spent: nobody restarts the loop any more",
        mend: "the loop needs a person: find out why it wedges, then `autoswe-watchdog reset`",
        shows: LAST_RESTART,
    },
    Code {
        word: "restart_did_not_take",
        found: &[Crit],
        summary: "the watchdog's last restart did not bring the loop back",
        mend: "start the loop by hand and read its journal, then `autoswe-watchdog reset`",
        shows: LAST_RESTART,
    },
    Code {
        word: "unit_not_loaded",
        found: &[Crit],
        summary: "the service manager does not have the loop's unit",
        mend: "set loop.unit and loop.unit_manager to the loop's unit, or install it; `systemctl cat` shows it",
        shows: &[],
    },
    Code {
        word: "unit_failed",
        found: &[Crit],
        summary: "the loop's unit has failed",
        mend: "read its journal, mend the cause, then `systemctl reset-failed` and `systemctl start` it (`--user` for a user unit)",
        shows: &[],
    },
    Code {
        word: "unit_stopped",
        found: &[Warn],
        summary: "the loop's unit is stopped",
        mend: "start it again if it is not stopped on purpose",
        shows: &[],
    },
    Code {
        word: "unit_busy",
        found: &[Warn, Crit],
        summary: "the loop's unit does not come to an end of starting or stopping",
        mend: "read the unit's journal: what does it wait for?",
        shows: &[],
    },
    Code {
        word: "bus",
        found: &[Warn, Crit],
        summary: "the service manager does not answer the watchdog",
        mend: "`autoswe-watchdog doctor` says what is wrong with the service manager",
        shows: &[],
    },
    Code {
        word: "held",
        found: &[Crit],
        summary: "the loop is wedged and a restart would not cure it",
        mend: "bring vLLM or the GPU back: see the alerts of the checks vllm and gpu",
        shows: &[],
    },
    Code {
        word: "history_unreadable",
        found: &[Crit],
        summary: "the loop is wedged and its restarts cannot be counted",
        mend: "mend liveness-restarts.jsonl (`autoswe-watchdog status` says what is wrong), then `autoswe-watchdog reset`",
        shows: &[],
    },
    Code {
        word: "left_over",
        found: &[Crit],
        summary: "processes of the loop outlived its last restart",
        mend: "`systemd-cgls --user-unit autoswe.service` and `ps` show them; end them by hand",
        shows: &[],
    },
    Code {
        word: "stale",
        found: &[Warn],
        summary: "the watchdog does not evaluate any more",
        mend: "nobody restarts the loop meanwhile: `systemctl --user status autoswe-watchdog` and its journal",
        shows: &[Shown::length(
            "It last evaluated {} ago",
            "time() - autoswe_watchdog_last_evaluation_timestamp_seconds{$here}",
        )],
    },
    Code {
        word: "partly_unreadable",
        found: &[Warn],
        summary: "one of the watchdog's files cannot be read or understood",
        mend: "mend what its page says; until then what was read before is judged",
        shows: &[],
    },
    Code { summary: "the watchdog's files were there and are gone", ..VANISHED },
    Code { summary: "the watchdog's files cannot be read", ..UNREADABLE },
    UNREAD,
];

/// What is known of restarts.
const LAST_RESTART: &[Shown] = &[
    Shown::length("The last restart was {} ago", "time() - autoswe_watchdog_last_restart_timestamp_seconds{$here}"),
    Shown::whole("{} restarts are left", "autoswe_watchdog_budget_remaining{$here}"),
];

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

    /// A reading with what the watchdog writes of `reason`.
    fn decided(reason: &str, severity: &str, hint: &str) -> WatchdogReading {
        WatchdogReading {
            decision: Some("hold".into()),
            reason: Some(reason.into()),
            row_severity: Some(severity.into()),
            text: Some("a text".into()),
            hint: Some(hint.to_owned()).filter(|hint| !hint.is_empty()),
            ..healthy()
        }
    }

    fn found(severity: &str, code: &str) -> WatchdogFinding {
        let (severity, code) = (severity.into(), code.into());
        WatchdogFinding { severity, code, reason: "a reason".into(), hint: "a hint".into() }
    }

    #[test]
    fn what_only_the_watchdog_knows_is_passed_on_in_its_words() {
        for (reason, code) in PASSED_ON {
            for (word, severity) in [("WARN", Warn), ("CRIT", Crit)] {
                let reading = decided(reason.name(), word, "a hint");
                // Another version may say another severity, of which there is no alert.
                let known = CHECK.code(code).unwrap().nearest(severity);
                assert_eq!(codes(&CHECK, example(&reading)), [(known, code)]);
            }
            assert_eq!(codes(&CHECK, example(&decided(reason.name(), "OK", ""))), []);
        }
        let findings = given(&CHECK, example(&decided("failed", "CRIT", "a hint"))).findings;
        assert_eq!((findings[0].reason.as_str(), findings[0].hint.as_str()), ("a text", "a hint"));
        let summary = given(&CHECK, example(&decided("failed", "CRIT", "a hint"))).summary;
        assert!(summary.starts_with("evaluated 20 s ago: hold (failed), "), "{summary}");
    }

    #[test]
    fn what_another_check_tells_or_nobody_knows_is_not_passed_on() {
        let ours = |reason: &Reason| !PASSED_ON.iter().any(|(passed_on, _)| passed_on == reason);
        for reason in Reason::ALL.into_iter().filter(ours) {
            assert_eq!(codes(&CHECK, example(&decided(reason.name(), "CRIT", "a hint"))), [], "{}", reason.name());
        }
        assert_eq!(codes(&CHECK, example(&decided("bad_omen", "CRIT", "a hint"))), []);
        assert_eq!(codes(&CHECK, example(&decided("failed", "BAD", "a hint"))), []);
    }

    #[test]
    fn what_was_found_beside_the_decision_is_passed_on_and_does_not_colour_it() {
        let findings = vec![found("CRIT", "left_over"), found("WARN", "bus_fallback"), found("WARN", "over_budget")];
        let severity = Some("CRIT".into());
        let stopped = WatchdogReading { severity, findings, ..decided("stopped", "OK", "") };
        assert_eq!(codes(&CHECK, example(&stopped)), [(Crit, "left_over"), (Warn, "bus")]);
        let findings = vec![found("WARN", "bus_fallback")];
        let both = given(&CHECK, example(&WatchdogReading { findings, ..decided("bus", "CRIT", "a hint") })).findings;
        assert_eq!((both.len(), both[0].severity, both[0].reason.as_str()), (1, Crit, "a text; a reason"));
    }

    #[test]
    fn an_old_evaluation_says_only_that_it_is_old() {
        let findings = vec![found("CRIT", "left_over")];
        let old = WatchdogReading { findings, ..decided("failed", "CRIT", "a hint") };
        let at = |last_evaluation_at| example(&WatchdogReading { last_evaluation_at, ..old.clone() });
        assert_eq!(codes(&CHECK, at(Some(ago(181)))), [(Warn, "stale")]);
        let by_a_timer = |seconds| WatchdogReading { once: true, last_evaluation_at: Some(ago(seconds)), ..healthy() };
        assert_eq!(codes(&CHECK, example(&by_a_timer(660))), []);
        assert_eq!(codes(&CHECK, example(&by_a_timer(661))), [(Warn, "stale")]);
        assert_eq!(codes(&CHECK, at(None)), [], "an evaluation that nobody dated may be old");
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
