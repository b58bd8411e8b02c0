//! `verdicts`: whether the judge still accepts what the loop makes, and still judges at all.
//!
//! Invariant: verdicts without a time never count as old, and too few verdicts never count as rejected.

use super::code::{UNREAD, UNREADABLE, VANISHED};
use super::frame::FRAME;
use super::{Check, Code, Shown, Verdict};
use crate::assessment::Severity::{self, Crit, Warn};
use crate::assessment::Thresholds;
use crate::config::VerdictLimits;
use crate::observation::{self as seen, Data, Observation, Time, Verdicts, seconds_since};
use crate::state::State;
use crate::words;

pub(crate) const CHECK: Check = Check {
    id: "verdicts",
    summary: "The judge's last verdicts on the loop's iterations.",
    warn: "The last `rejected_warn` verdicts are all other than ACCEPT, the last one is older than `stale` while the \
           loop runs, or lines of the file are not verdicts.",
    crit: "The last `wedged_crit` verdicts are all WEDGED_NO_VERDICT.",
    runbook: "verdicts.md",
    codes: CODES,
    metrics: &["autoswe_verdicts_recent", "autoswe_verdict_last_timestamp_seconds"],
    assess,
    fires: || example(&["ACCEPT", "REVERT", "REVERT", "REVERT"]),
    quiet: || example(&["REVERT", "REVERT", "ACCEPT"]),
};

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    let running = loop_runs(state, thresholds, now);
    let limits = &thresholds.limits.verdicts;
    FRAME.judge(&state.verdicts.view(now), now, |verdicts| judge(verdicts, limits, running, now))
}

/// Whether the loop is known to run: a fresh heartbeat, and no pause sentinel.
fn loop_runs(state: &State, thresholds: &Thresholds, now: Time) -> bool {
    let Some(reading) = state.loop_.current(now) else { return false };
    let beat = reading.heartbeat.observed().and_then(|heartbeat| heartbeat.at);
    let fresh = beat.is_some_and(|at| seconds_since(now, at) < thresholds.limits.loop_.warn.0);
    fresh && reading.pause.observed().is_some_and(|pause| pause.since().is_none())
}

fn judge(verdicts: &Verdicts, limits: &VerdictLimits, running: bool, now: Time) -> Verdict {
    let mut verdict = Verdict::ok(summary(verdicts, now));
    let wedged = last_all(verdicts, limits.wedged_crit, |one| one.is("WEDGED_NO_VERDICT"));
    let rejected = last_all(verdicts, limits.rejected_warn, |one| !one.is("ACCEPT"));
    if wedged {
        let reason = format!("the last {} verdicts are all WEDGED_NO_VERDICT", limits.wedged_crit);
        verdict.add(Severity::Crit, "wedged", reason);
    } else if rejected {
        let reason = format!("none of the last {} verdicts is ACCEPT", limits.rejected_warn);
        verdict.add(Severity::Warn, "rejected", reason);
    }
    if let Some(at) = verdicts.recent.last().and_then(|last| last.at)
        && running
        && seconds_since(now, at) > limits.stale.0
    {
        let limit = words::length(limits.stale.0);
        let reason =
            format!("the loop runs, and its last verdict came {}, over the limit of {limit}", words::ago(now, at));
        verdict.add(Severity::Warn, "stale", reason);
    }
    if verdicts.malformed_lines > 0 {
        let reason = format!("{} of the last lines are not verdicts", verdicts.malformed_lines);
        verdict.add(Severity::Warn, "malformed_lines", reason);
    }
    verdict
}

fn summary(verdicts: &Verdicts, now: Time) -> String {
    let Some(last) = verdicts.recent.last() else { return "no verdict yet".into() };
    let words: Vec<&str> = verdicts.recent.iter().map(|one| one.verdict.as_str()).collect();
    let when = last.at.map_or("at an unknown time".into(), |at| words::ago(now, at));
    format!("{}; the last {when}", words.join(", "))
}

/// Whether there are `count` verdicts and all of the last ones hold; no more than were read can be asked for.
fn last_all(verdicts: &Verdicts, count: u64, holds: impl Fn(&seen::Verdict) -> bool) -> bool {
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(5);
    count > 0 && verdicts.recent.len() >= count && verdicts.recent.iter().rev().take(count).all(holds)
}

/// Verdicts five minutes apart, the last one five minutes old.
fn example(words: &[&str]) -> Vec<Observation> {
    let now = super::example_now();
    let times = (1..=words.len() as i64).rev().map(|n| now - jiff::SignedDuration::from_mins(5 * n));
    let recent = words
        .iter()
        .zip(times)
        .map(|(word, at)| seen::Verdict { verdict: (*word).into(), at: Some(at), ..seen::Verdict::default() })
        .collect();
    vec![super::example_reading(0, Data::Verdicts(Verdicts { recent, malformed_lines: 0 }))]
}

/// What it may find.
const CODES: &[Code] = &[
    Code {
        word: "wedged",
        found: &[Crit],
        summary: "the judge gives no verdict any more",
        mend: "the judge gives no answer: run its command by hand, look at its log, network and credentials",
        shows: &[Shown::whole(
            "The last {} verdicts are all WEDGED_NO_VERDICT",
            "autoswe_verdicts_wedged_in_a_row{$here}",
        )],
    },
    Code {
        word: "rejected",
        found: &[Warn],
        summary: "the judge rejects what the loop makes",
        mend: "read the reasons in verdicts.jsonl; PAUSE the loop if it repeats one mistake",
        shows: &[Shown::whole("None of the last {} verdicts is ACCEPT", "autoswe_verdicts_since_accept{$here}")],
    },
    Code {
        word: "stale",
        found: &[Warn],
        summary: "the loop runs and no verdict comes",
        mend: "see which phase the loop is in and whether the judge starts",
        shows: &[Shown::length(
            "The last verdict came {} ago",
            "time() - autoswe_verdict_last_timestamp_seconds{$here}",
        )
        .over(&[(Warn, "stale")])],
    },
    Code {
        word: "malformed_lines",
        found: &[Warn],
        summary: "lines of the verdicts' file are not verdicts",
        mend: "`tail -n 25 verdicts.jsonl | cat -A` shows them; mend the judge that writes them",
        shows: &[Shown::whole("{} of the last lines are none", "autoswe_verdict_malformed_lines{$here}")],
    },
    Code { summary: "the verdicts' file was there and is gone", ..VANISHED },
    Code { summary: "the verdicts' file cannot be read", ..UNREADABLE },
    UNREAD,
];

#[cfg(test)]
mod tests {
    use super::super::frame::tests::{codes, given, observation};
    use super::*;
    use crate::assessment::Severity::{Crit, Warn};
    use crate::observation::{Failure, FailureKind, Heartbeat, LoopReading, Pause, Reading, SourceId};

    fn now() -> Time {
        super::super::example_now()
    }

    fn running(beat_age: i64, paused: Option<Time>) -> Observation {
        let at = Some(now() - jiff::SignedDuration::from_secs(beat_age));
        let reading = LoopReading {
            heartbeat: Reading::Observed(Heartbeat { at, ..Heartbeat::default() }),
            state: Reading::Missing("no state".into()),
            pause: Reading::Observed(Pause { soft: paused, hard: None }),
        };
        observation(SourceId::Loop, Reading::Observed(Data::Loop(reading)))
    }

    fn old_verdict(hours: i64) -> Observation {
        let at = Some(now() - jiff::SignedDuration::from_hours(hours));
        let recent = vec![seen::Verdict { verdict: "ACCEPT".into(), at, ..seen::Verdict::default() }];
        observation(SourceId::Verdicts, Reading::Observed(Data::Verdicts(Verdicts { recent, malformed_lines: 0 })))
    }

    #[test]
    fn three_rejections_in_a_row_are_a_warning() {
        assert_eq!(codes(&CHECK, example(&["ACCEPT", "revert", "REVERT", "something"])), [(Warn, "rejected")]);
        assert_eq!(codes(&CHECK, example(&["REVERT", "REVERT", "REVERT", "Accept"])), []);
        assert_eq!(codes(&CHECK, example(&["REVERT", "REVERT"])), [], "too few to tell");
    }

    #[test]
    fn five_without_a_verdict_are_critical() {
        assert_eq!(codes(&CHECK, example(&["wedged_no_verdict"; 5])), [(Crit, "wedged")]);
        assert_eq!(codes(&CHECK, example(&["WEDGED_NO_VERDICT"; 4])), [(Warn, "rejected")]);
    }

    #[test]
    fn an_old_verdict_matters_only_while_the_loop_runs() {
        assert_eq!(codes(&CHECK, vec![old_verdict(3), running(5, None)]), [(Warn, "stale")]);
        assert_eq!(codes(&CHECK, vec![old_verdict(1), running(5, None)]), []);
        assert_eq!(codes(&CHECK, vec![old_verdict(3), running(700, None)]), [], "the loop stands still");
        assert_eq!(codes(&CHECK, vec![old_verdict(3), running(5, Some(now()))]), [], "paused");
        assert_eq!(codes(&CHECK, vec![old_verdict(3)]), [], "nothing is known of the loop");
    }

    #[test]
    fn malformed_lines_are_a_warning() {
        let verdicts = Verdicts { recent: vec![], malformed_lines: 2 };
        let reading = Reading::Observed(Data::Verdicts(verdicts));
        assert_eq!(codes(&CHECK, vec![observation(SourceId::Verdicts, reading)]), [(Warn, "malformed_lines")]);
    }

    #[test]
    fn absence_is_told_apart_and_resolves_nothing() {
        use crate::assessment::Presence;
        let missing = || observation(SourceId::Verdicts, Reading::Missing("no verdicts at /x".into()));
        assert_eq!(given(&CHECK, vec![missing()]).presence, Presence::NotPresent);
        assert_eq!(given(&CHECK, vec![]).presence, Presence::Pending);

        let mut wedged = example(&["WEDGED_NO_VERDICT"; 5]);
        wedged.push(missing());
        assert_eq!(codes(&CHECK, wedged), [(Crit, "wedged"), (Warn, "vanished")]);

        let failed = Failure::new(FailureKind::Unreadable, "verdicts /x: is a directory");
        let failed = observation(SourceId::Verdicts, Reading::Failed(failed));
        assert_eq!(codes(&CHECK, vec![failed]), [(Warn, "unreadable")]);
    }

    #[test]
    fn the_summary_tells_words_and_age() {
        assert_eq!(given(&CHECK, example(&["REVERT", "ACCEPT"])).summary, "REVERT, ACCEPT; the last 5 min ago");
        assert_eq!(given(&CHECK, example(&[])).summary, "no verdict yet");
    }
}
