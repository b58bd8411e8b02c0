//! Whether the loop must be restarted, by the rules that the watchdog restarts it by, as far as they can be known
//! without its unit.
//!
//! Invariant: doubt never restarts. Whatever is unknown, paused, excused or beyond a restart's help is "no".

use crate::assessment::{CheckResult, Liveness, Thresholds};
use crate::observation::{Pause, Reading, Time, seconds_since};
use crate::state::{State, View};
use crate::words;

/// Findings of other checks that a restart of the loop would not cure.
const BEYOND_HELP: [(&str, &[&str]); 2] = [
    ("vllm", &["unreachable", "unanswered", "server_error", "vanished", "stalled"]),
    ("gpu", &["gpu_lost", "driver_error", "unanswered", "no_gpu", "library_gone"]),
];

/// Whether the loop must be restarted: only when its heartbeat is critically old and nothing speaks against it.
pub fn liveness(checks: &[CheckResult], state: &State, thresholds: &Thresholds, now: Time) -> Liveness {
    match holds(checks, state, thresholds, now) {
        Some(reason) => Liveness { must_restart: false, reason },
        None => {
            let age = words::length(effective_age(state, thresholds, now).unwrap_or_default());
            Liveness {
                must_restart: true,
                reason: format!("no heartbeat for {age}, and nothing speaks against a restart"),
            }
        }
    }
}

/// What speaks against a restart; the first reason found.
fn holds(checks: &[CheckResult], state: &State, thresholds: &Thresholds, now: Time) -> Option<String> {
    not_looked_at(state, now)
        .or_else(|| still_fresh(state, thresholds, now))
        .or_else(|| within_phase(state, thresholds, now))
        .or_else(|| beyond_help(checks).map(|what| format!("a restart would not cure {what}")))
        .or_else(|| budget_spent(state))
}

fn not_looked_at(state: &State, now: Time) -> Option<String> {
    let reading = match state.loop_.view(now) {
        View::Observed(last) => &last.value,
        View::Disabled => return Some("the loop is not watched".into()),
        _ => return Some("the loop's files could not be looked at".into()),
    };
    match reading.pause {
        Reading::Observed(Pause { soft: None, hard: None }) => None,
        Reading::Observed(_) => Some("the loop is paused".into()),
        _ => Some("it is not known whether the loop is paused".into()),
    }
}

fn still_fresh(state: &State, thresholds: &Thresholds, now: Time) -> Option<String> {
    let limits = &thresholds.limits.loop_;
    let Some(heartbeat) = state.heartbeat_age(now, limits.future.0) else {
        return Some("no heartbeat was seen yet".into());
    };
    let age = effective_age(state, thresholds, now)?;
    if age > limits.crit.0 {
        return None;
    }
    let excused = if heartbeat > limits.crit.0 {
        format!(", excused until {} ago by a boot, pause, outage or change of the clock", words::length(age))
    } else {
        String::new()
    };
    Some(format!("heartbeat {} old{excused}", words::length(heartbeat)))
}

/// How long the loop has been silent without an excuse: since its heartbeat, this machine's boot, or the last excuse,
/// whichever came last.
fn effective_age(state: &State, thresholds: &Thresholds, now: Time) -> Option<f64> {
    let heartbeat = state.heartbeat_age(now, thresholds.limits.loop_.future.0)?;
    let booted = state.host.last().and_then(|host| host.value.booted_at);
    let excuses = [booted, state.heartbeat_track.excused_at];
    Some(excuses.into_iter().flatten().map(|at| seconds_since(now, at).max(0.0)).fold(heartbeat, f64::min))
}

/// Slow is not dead: the phase that the loop was in when it fell silent may still be at work.
fn within_phase(state: &State, thresholds: &Thresholds, now: Time) -> Option<String> {
    let heartbeat = &state.last_heartbeat.as_ref()?.value;
    let phase = heartbeat.phase.as_ref()?;
    let lasts = seconds_since(now, heartbeat.phase_started_at?);
    let may_last = thresholds.restart.phase_may_last(thresholds.phases.budget(phase)?);
    let within = (-thresholds.limits.loop_.future.0..=may_last).contains(&lasts);
    let (lasts, may_last) = (words::length(lasts.max(0.0)), words::length(may_last));
    within.then(|| format!("silent, but the phase {phase} has lasted {lasts} and may last {may_last}"))
}

/// What of `checks` a restart of the loop would not cure, as `check: reason`; the first one found.
pub(crate) fn beyond_help(checks: &[CheckResult]) -> Option<String> {
    let codes = |id| BEYOND_HELP.iter().find(|(check, _)| *check == id).map_or(&[][..], |(_, codes)| *codes);
    checks.iter().find_map(|check| {
        let finding = check.findings.iter().find(|finding| codes(check.check).contains(&finding.code))?;
        Some(format!("{}: {}", check.check, finding.reason))
    })
}

fn budget_spent(state: &State) -> Option<String> {
    let spent = state.watchdog.last()?.value.budget_remaining == Some(0);
    spent.then(|| "the watchdog's restart budget is spent; somebody must look".into())
}

#[cfg(test)]
mod tests;
