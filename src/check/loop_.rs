//! `loop`: whether the unattended loop gives signs of life, and whether it is paused.
//!
//! Invariant: the age of the last heartbeat known is judged however the latest look at it went, so that neither a
//! deleted nor a broken file makes a dead loop look better than it is. A paused loop's age is not judged.

use super::code::UNREAD;
use super::{Check, Code, Shown, Verdict, example_now, example_reading};
use crate::assessment::Severity::{self, Crit, Warn};
use crate::assessment::Thresholds;
use crate::config::LoopLimits;
use crate::observation::*;
use crate::state::{State, View};
use crate::words;

pub(crate) const CHECK: Check = Check {
    id: "loop",
    summary: "The loop's heartbeat is fresh, or the loop is paused on purpose.",
    warn: "The heartbeat is older than `warn`, missing, unreadable, malformed, or more than `future` ahead; the loop has \
           been paused for longer than `paused`; looking for the pause failed; the state file is malformed or vanished.",
    crit: "The heartbeat is older than `crit`.",
    runbook: "loop.md",
    codes: CODES,
    metrics: &[
        "autoswe_loop_heartbeat_timestamp_seconds",
        "autoswe_loop_epoch",
        "autoswe_loop_iteration",
        "autoswe_loop_paused",
    ],
    assess,
    fires: || example(960, Pause::default()),
    quiet: || example(4, Pause::default()),
};

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    let view = state.loop_.view(now);
    if let Some(verdict) = Verdict::without_reading(&view) {
        return verdict;
    }
    let judge = Judge { state, limits: &thresholds.limits.loop_, now };
    let mut verdict = Verdict::ok(String::new());
    judge.unread(&mut verdict, &view);
    let reading = view.last().map(|last| &last.value);
    verdict.summary = match reading.and_then(|reading| judge.paused(&mut verdict, &reading.pause)) {
        Some(paused) => paused,
        None => {
            judge.heartbeat(&mut verdict, reading);
            judge.age(&mut verdict);
            judge.summary(reading)
        }
    };
    if let Some(reading) = reading {
        judge.durable_state(&mut verdict, &reading.state);
    }
    verdict
}

struct Judge<'a> {
    state: &'a State,
    limits: &'a LoopLimits,
    now: Time,
}

impl Judge<'_> {
    /// The loop's files were not looked at, or not lately.
    fn unread(&self, verdict: &mut Verdict, view: &View<'_, LoopReading>) {
        let reason = match view {
            View::Failed { failure, .. } => failure.message.clone(),
            View::Missing { what, .. } => (*what).to_owned(),
            View::Stale(last) => return verdict.unread(last.at, self.now),
            _ => return,
        };
        verdict.add(Severity::Warn, "unread", reason);
    }

    /// The summary of a paused loop; `None` when it is not, or not known to be, paused.
    fn paused(&self, verdict: &mut Verdict, pause: &Reading<Pause>) -> Option<String> {
        let pause = match pause {
            Reading::Observed(pause) => *pause,
            Reading::Missing(why) => return self.pause_unknown(verdict, why),
            Reading::Failed(failure) => return self.pause_unknown(verdict, &failure.message),
        };
        let lasts = seconds_since(self.now, pause.since()?).max(0.0);
        let how = if pause.hard.is_some() { "hard" } else { "soft" };
        let summary = format!("paused ({how}) for {}", words::length(lasts));
        if lasts > self.limits.paused.0 {
            let reason = format!("{summary}, over the limit of {}", words::length(self.limits.paused.0));
            verdict.add(Severity::Warn, "paused_long", reason);
        }
        Some(summary)
    }

    fn pause_unknown(&self, verdict: &mut Verdict, why: &str) -> Option<String> {
        verdict.add(Severity::Warn, "pause_unknown", format!("it is not known whether the loop is paused: {why}"));
        None
    }

    /// What the latest look at the heartbeat found.
    fn heartbeat(&self, verdict: &mut Verdict, reading: Option<&LoopReading>) {
        let (code, reason) = match reading.map(|reading| &reading.heartbeat) {
            Some(Reading::Missing(what)) => ("heartbeat_missing", what.clone()),
            Some(Reading::Failed(failure)) if failure.kind == FailureKind::Malformed => {
                ("heartbeat_malformed", failure.message.clone())
            }
            Some(Reading::Failed(failure)) => ("heartbeat_unreadable", failure.message.clone()),
            Some(Reading::Observed(Heartbeat { at: Some(at), .. })) if self.ahead(*at) > self.limits.future.0 => {
                let reason = format!("heartbeat {} ahead of this machine's clock", words::length(self.ahead(*at)));
                ("heartbeat_future", reason)
            }
            _ => return,
        };
        verdict.add(Severity::Warn, code, reason);
    }

    fn durable_state(&self, verdict: &mut Verdict, reading: &Reading<LoopState>) {
        match reading {
            Reading::Failed(failure) => {
                verdict.add(Severity::Warn, "state_malformed", failure.message.clone());
            }
            Reading::Missing(what) => {
                let Some(seen) = self.state.loop_state_seen_at else { return };
                let reason = format!("{what}; it was last seen {}", words::ago(self.now, seen));
                verdict.add(Severity::Warn, "state_vanished", reason);
            }
            Reading::Observed(_) => {}
        }
    }

    fn ahead(&self, at: Time) -> f64 {
        -seconds_since(self.now, at)
    }

    /// How old the last heartbeat known is.
    fn age(&self, verdict: &mut Verdict) {
        let Some(age) = self.state.heartbeat_age(self.now, self.limits.future.0) else { return };
        let (severity, limit) = match age {
            age if age > self.limits.crit.0 => (Severity::Crit, self.limits.crit),
            age if age > self.limits.warn.0 => (Severity::Warn, self.limits.warn),
            _ => return,
        };
        let place = self.state.last_heartbeat.as_ref().map(|last| place(&last.value, None)).unwrap_or_default();
        let reason =
            format!("heartbeat {} old, over the limit of {}{place}", words::length(age), words::length(limit.0));
        verdict.add(severity, "heartbeat_old", reason);
    }

    fn summary(&self, reading: Option<&LoopReading>) -> String {
        let Some(age) = self.state.heartbeat_age(self.now, self.limits.future.0) else {
            return "no heartbeat seen yet".into();
        };
        let place = self.state.last_heartbeat.as_ref().map(|last| place(&last.value, Some(self.now)));
        let missing =
            if matches!(reading.map(|reading| &reading.heartbeat), Some(Reading::Missing(_))) { "last " } else { "" };
        format!("{missing}heartbeat {} old{}", words::length(age), place.unwrap_or_default())
    }
}

/// `, epoch 3, iteration 117, writer for 5 min`, as far as the heartbeat tells.
fn place(heartbeat: &Heartbeat, now: Option<Time>) -> String {
    let Heartbeat { epoch, iteration, phase, phase_started_at, file, .. } = heartbeat;
    let lasts = now.zip(*phase_started_at).map(|(now, since)| seconds_since(now, since).max(0.0));
    let parts = [
        file.as_ref().map(|file| file.display().to_string()),
        epoch.map(|epoch| format!("epoch {epoch}")),
        iteration.map(|iteration| format!("iteration {iteration}")),
        phase.as_ref().map(|phase| match lasts {
            Some(lasts) => format!("{phase} for {}", words::length(lasts)),
            None => phase.clone(),
        }),
    ];
    parts.into_iter().flatten().map(|part| format!(", {part}")).collect()
}

/// One reading with a heartbeat so many seconds old.
fn example(age: i64, pause: Pause) -> Vec<Observation> {
    let now = example_now();
    let heartbeat = Heartbeat {
        at: Some(now - jiff::SignedDuration::from_secs(age)),
        epoch: Some(3),
        iteration: Some(117),
        phase: Some("writer".into()),
        phase_started_at: Some(now - jiff::SignedDuration::from_secs(age + 300)),
        ..Heartbeat::default()
    };
    let reading = LoopReading {
        heartbeat: Reading::Observed(heartbeat),
        state: Reading::Observed(LoopState::default()),
        pause: Reading::Observed(pause),
    };
    vec![example_reading(0, Data::Loop(reading))]
}

/// What it may find.
const CODES: &[Code] = &[
    Code {
        word: "heartbeat_old",
        found: &[Warn, Crit],
        summary: "the loop's heartbeat is old",
        mend: "see the log of the loop's unit and the check subagents; the watchdog restarts a wedged loop",
        shows: &[Shown::length(
            "The last heartbeat is {} old",
            "time() - autoswe_loop_heartbeat_timestamp_seconds{$here}",
        )
        .over(&[(Warn, "warn"), (Crit, "crit")])],
    },
    Code {
        word: "heartbeat_missing",
        found: &[Warn],
        summary: "the loop's heartbeat is missing",
        mend: "start the loop, or set loop.heartbeat to the file that it writes",
        shows: LAST_HEARTBEAT,
    },
    Code {
        word: "heartbeat_malformed",
        found: &[Warn],
        summary: "the loop's heartbeat cannot be understood",
        mend: "a half-written file mends itself; else see what the loop writes there",
        shows: LAST_HEARTBEAT,
    },
    Code {
        word: "heartbeat_unreadable",
        found: &[Warn],
        summary: "the loop's heartbeat cannot be read",
        mend: "mend the path; until then the last heartbeat ages",
        shows: LAST_HEARTBEAT,
    },
    Code {
        word: "heartbeat_future",
        found: &[Warn],
        summary: "the loop's heartbeat comes from the future",
        mend: "set the clock (`timedatectl`); the loop's age is taken from the last change instead",
        shows: &[Shown::length(
            "The last heartbeat is {} ahead of Prometheus's clock",
            "autoswe_loop_heartbeat_timestamp_seconds{$here} - time() > 0",
        )
        .over(&[(Warn, "future")])],
    },
    Code {
        word: "paused_long",
        found: &[Warn],
        summary: "the loop has been paused for long",
        mend: "remove PAUSE and PAUSE_HARD from the runtime directory if the pause was forgotten",
        shows: &[Shown::length(
            "It has been paused ({mode}) for {}",
            "time() - autoswe_loop_pause_start_timestamp_seconds{$here}",
        )
        .over(&[(Warn, "paused")])],
    },
    Code {
        word: "pause_unknown",
        found: &[Warn],
        summary: "it is not known whether the loop is paused",
        mend: "mend the path that its page names; until then nothing restarts the loop",
        shows: &[],
    },
    Code {
        word: "state_malformed",
        found: &[Warn],
        summary: "the loop's state file cannot be understood",
        mend: "the loop writes it anew with its next step; if it stays so, restore it from its backup",
        shows: &[],
    },
    Code {
        word: "state_vanished",
        found: &[Warn],
        summary: "the loop's state file was there and is gone",
        mend: "find out who deleted or moved it",
        shows: &[],
    },
    Code {
        summary: "the loop's files cannot be looked at",
        mend: "see the exporter's log and whether the file system of the runtime directory answers (`ls` it)",
        ..UNREAD
    },
];

/// How old the last heartbeat known is, when the latest look gave none.
const LAST_HEARTBEAT: &[Shown] =
    &[Shown::length("The last heartbeat known is {} old", "time() - autoswe_loop_heartbeat_timestamp_seconds{$here}")];

#[cfg(test)]
mod tests;
