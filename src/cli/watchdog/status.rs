//! `status`: what the watchdog decided last, its budget, and its last restarts, from its files alone.
//!
//! Invariant: it asks nobody and changes nothing, so that it works whatever is broken.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{output, shown};
use crate::config::Loaded;
use crate::observation::{Reading, RestartOutcome, Time, seconds_since};
use crate::source::lines::Lines;
use crate::watchdog::saved::Saved;
use crate::watchdog::trail::{Entry, Event, LINES, Trail};
use crate::words;

/// Restarts that are shown.
const SHOWN: usize = 5;

/// Runs the command. The exit code is 1 when nothing is known, or the last evaluation is too old.
pub(super) fn run(loaded: &Loaded, as_json: bool) -> ExitCode {
    let config = &loaded.config;
    let state = config.in_runtime_dir(&config.watchdog.state);
    let trail = config.in_runtime_dir(&config.watchdog.restarts);
    let saved = match Saved::read(&state) {
        Ok(saved) => saved,
        Err(message) => return output::fail(1, &message),
    };
    let trail = match Lines::new("restarts", trail, LINES).read(Trail::parse) {
        Reading::Observed(trail) => trail,
        Reading::Missing(_) => Trail::default(),
        Reading::Failed(failure) => return output::fail(1, &failure.message),
    };
    let now = Time::now();
    let Some(at) = saved.last_evaluation_ts else {
        let message = format!("no evaluation is known ({} is not there); does the watchdog run?", state.display());
        return output::fail(1, &message);
    };
    let alive = seconds_since(now, at) <= config.checks.watchdog.evaluation(saved.once);
    let restarts = restarts(&trail);
    let text = match as_json {
        true => format!("{:#}\n", object(&saved, &restarts, alive)),
        false => text(&saved, &restarts, (at, now, alive)),
    };
    match (shown(&text), alive) {
        (code, true) => code,
        (_, false) => ExitCode::from(1),
    }
}

/// The last restarts with what came of them, newest last.
fn restarts(trail: &Trail) -> Vec<(&Entry, RestartOutcome, Option<&str>)> {
    let outcome = |intent: &Entry| {
        let of_it = trail.entries.iter().rev().find_map(|entry| match entry.event {
            Event::Outcome(outcome) if entry.id == intent.id => Some((outcome, entry.reason.as_deref())),
            _ => None,
        });
        of_it.unwrap_or((RestartOutcome::Pending, None))
    };
    let intents = trail.entries.iter().filter(|entry| entry.event == Event::Intent);
    let all: Vec<_> = intents.map(|intent| (intent, outcome(intent))).collect();
    let first = all.len().saturating_sub(SHOWN);
    all[first..].iter().map(|(intent, (outcome, reason))| (*intent, *outcome, *reason)).collect()
}

fn text(
    saved: &Saved,
    restarts: &[(&Entry, RestartOutcome, Option<&str>)],
    (at, now, alive): (Time, Time, bool),
) -> String {
    let old =
        if alive { "" } else { "; it does not evaluate any more: see `systemctl --user status autoswe-watchdog`" };
    let mut out = format!("{}: evaluated {} by pid {}{old}\n", saved.unit, words::ago(now, at), saved.pid);
    out += &format!("{}  {} ({}): {}\n", saved.severity, saved.decision, saved.reason, saved.text);
    if !saved.hint.is_empty() {
        out += &format!("      mend: {}\n", saved.hint);
    }
    for finding in &saved.findings {
        out += &format!("{}  {}: {}\n      mend: {}\n", finding.severity, finding.code, finding.reason, finding.hint);
    }
    let left = saved.budget_remaining.map_or_else(|| "not known".into(), |left| left.to_string());
    out += &format!("restarts left: {left}\n");
    for (intent, outcome, reason) in restarts {
        let reason = reason.or(intent.reason.as_deref()).unwrap_or_default();
        out += &format!("  {:.0}  {:<12}  {reason}\n", intent.at, outcome.name());
    }
    out
}

/// The state file without the watchdog's own memory, and the last restarts.
fn object(saved: &Saved, restarts: &[(&Entry, RestartOutcome, Option<&str>)], alive: bool) -> Value {
    let mut object = json!(saved);
    if let Some(object) = object.as_object_mut() {
        object.remove("memory");
        object.insert("alive".into(), alive.into());
        let rows = restarts.iter().map(|(intent, outcome, reason)| {
            json!({
                "ts": intent.at, "id": intent.id, "reason": intent.reason, "outcome": outcome.name(), "found": reason,
                "invocation_id": intent.invocation,
            })
        });
        object.insert("last_restarts".into(), rows.collect());
    }
    object
}
