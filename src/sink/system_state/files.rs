//! The record's keys that come from files: the loop, the judged work, and those who watch over it.
//!
//! Invariant: what was last read from a file stays in the record while the file cannot be read, with the age it has
//! by then; the key `*_reading` tells that. The loop's other keys are of the latest reading only.

use serde::Serialize;

use super::record::{age, reading};
use crate::journey::last_run::Outcome;
use crate::observation::{LoopReading, Reading, Time};
use crate::state::{State, View};

/// The loop's heartbeat, state and pause.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct LoopPart {
    loop_reading: &'static str,
    heartbeat_reading: &'static str,
    heartbeat_age_seconds: Option<f64>,
    heartbeat_changed_seconds: Option<f64>,
    heartbeat_excused_seconds: Option<f64>,
    epoch: Option<u64>,
    iteration: Option<u64>,
    vertex: Option<String>,
    phase: Option<String>,
    phase_age_seconds: Option<f64>,
    invocation_id: Option<String>,
    loop_state_reading: &'static str,
    module: Option<String>,
    loop_status: Option<String>,
    iterations_finished: Option<u64>,
    pause_reading: &'static str,
    paused: Option<bool>,
    paused_seconds: Option<f64>,
    paused_hard: Option<bool>,
}

impl LoopPart {
    pub(super) fn of(state: &State, now: Time) -> Self {
        let view = state.loop_.view(now);
        let outer = reading(&view);
        let current = view.current();
        let last_beat = state.last_heartbeat.as_ref().and_then(|dated| dated.value.at);
        let beat = current.and_then(|loop_| loop_.heartbeat.observed());
        let durable = current.and_then(|loop_| loop_.state.observed());
        let pause = current.and_then(|loop_| loop_.pause.observed());
        LoopPart {
            loop_reading: outer,
            heartbeat_reading: current.map_or(outer, |loop_| inner(&loop_.heartbeat)),
            heartbeat_age_seconds: last_beat.map(|at| age(now, at)),
            heartbeat_changed_seconds: state.heartbeat_track.changed_at.map(|at| age(now, at)),
            heartbeat_excused_seconds: state.heartbeat_track.excused_at.map(|at| age(now, at)),
            epoch: current.and_then(LoopReading::epoch),
            iteration: current.and_then(LoopReading::iteration),
            vertex: current.and_then(LoopReading::vertex).map(str::to_owned),
            phase: current.and_then(LoopReading::phase).map(str::to_owned),
            phase_age_seconds: beat.and_then(|beat| beat.phase_started_at).map(|at| age(now, at)),
            invocation_id: beat.and_then(|beat| beat.invocation_id.clone()),
            loop_state_reading: current.map_or(outer, |loop_| inner(&loop_.state)),
            module: durable.and_then(|durable| durable.module.clone()),
            loop_status: durable.and_then(|durable| durable.status.clone()),
            iterations_finished: durable.and_then(|durable| durable.iterations_finished),
            pause_reading: current.map_or(outer, |loop_| inner(&loop_.pause)),
            paused: pause.map(|pause| pause.since().is_some()),
            paused_seconds: pause.and_then(|pause| pause.since()).map(|at| age(now, at)),
            paused_hard: pause.map(|pause| pause.hard.is_some()),
        }
    }
}

/// How one file of several went.
fn inner<T>(reading: &Reading<T>) -> &'static str {
    match reading {
        Reading::Observed(_) => "observed",
        Reading::Missing(_) => "missing",
        Reading::Failed(failure) => failure.kind.name(),
    }
}

/// The parity matrix and the judge's verdicts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct JudgedPart {
    parity_reading: &'static str,
    parity_failed_readings: Option<u64>,
    parity_green: Option<u64>,
    parity_red: Option<u64>,
    parity_manual: Option<u64>,
    parity_not_applicable: Option<u64>,
    parity_unknown: Option<u64>,
    parity_duplicate_keys: Option<u64>,
    parity_fell_seconds: Option<f64>,
    parity_fell_from: Option<u64>,
    verdicts_reading: &'static str,
    verdicts: Option<Vec<String>>,
    verdict_last_age_seconds: Option<f64>,
    verdict_last_score: Option<f64>,
    verdicts_malformed_lines: Option<u64>,
}

impl JudgedPart {
    pub(super) fn of(state: &State, now: Time) -> Self {
        let (parity_view, verdicts_view) = (state.parity.view(now), state.verdicts.view(now));
        let parity = parity_view.last().map(|dated| dated.value);
        let fall = state.parity_trend.fall();
        let verdicts = verdicts_view.last().map(|dated| &dated.value);
        let last = verdicts.and_then(|verdicts| verdicts.recent.last());
        JudgedPart {
            parity_reading: reading(&parity_view),
            parity_failed_readings: match parity_view {
                View::Failed { count, .. } => Some(count),
                _ => None,
            },
            parity_green: parity.map(|cells| cells.green),
            parity_red: parity.map(|cells| cells.red),
            parity_manual: parity.map(|cells| cells.manual),
            parity_not_applicable: parity.map(|cells| cells.not_applicable),
            parity_unknown: parity.map(|cells| cells.unknown),
            parity_duplicate_keys: parity.map(|cells| cells.duplicate_keys),
            parity_fell_seconds: fall.map(|fall| age(now, fall.at)),
            parity_fell_from: fall.map(|fall| fall.from),
            verdicts_reading: reading(&verdicts_view),
            verdicts: verdicts.map(|verdicts| verdicts.recent.iter().map(|one| one.verdict.clone()).collect()),
            verdict_last_age_seconds: last.and_then(|last| last.at).map(|at| age(now, at)),
            verdict_last_score: last.and_then(|last| last.score),
            verdicts_malformed_lines: verdicts.map(|verdicts| verdicts.malformed_lines),
        }
    }
}

/// The site, the reviews and the watchdog.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct WatchersPart {
    site_reading: &'static str,
    site_age_seconds: Option<f64>,
    site_data_age_seconds: Option<f64>,
    site_refused_seconds: Option<f64>,
    site_failed_seconds: Option<f64>,
    review_reading: &'static str,
    review_age_seconds: Option<f64>,
    review_score: Option<f64>,
    review_verdict: Option<String>,
    review_attempt_age_seconds: Option<f64>,
    review_failed_attempts: Option<u64>,
    watchdog_reading: &'static str,
    watchdog_evaluation_age_seconds: Option<f64>,
    watchdog_once: Option<bool>,
    watchdog_decision: Option<String>,
    watchdog_budget_remaining: Option<u64>,
    watchdog_restart_age_seconds: Option<f64>,
    watchdog_restart_outcome: Option<&'static str>,
    watchdog_problems: Option<u64>,
}

impl WatchersPart {
    pub(super) fn of(state: &State, now: Time) -> Self {
        let views = (state.site.view(now), state.review.view(now), state.watchdog.view(now));
        let site = views.0.last().map(|dated| &dated.value);
        let run = site.and_then(|site| site.synthesis.as_ref());
        let since = |outcome| run.filter(|run| run.outcome == outcome).map(|run| age(now, run.ended_at));
        let review = views.1.last().map(|dated| &dated.value);
        let good = review.and_then(|review| review.last_good.as_ref());
        let watchdog = views.2.last().map(|dated| &dated.value);
        let restart = watchdog.and_then(|watchdog| watchdog.last_restart.as_ref());
        WatchersPart {
            site_reading: reading(&views.0),
            site_age_seconds: site.and_then(|site| site.built_at).map(|at| age(now, at)),
            site_data_age_seconds: site.and_then(|site| site.data_at).map(|at| age(now, at)),
            site_refused_seconds: since(Outcome::Refused),
            site_failed_seconds: since(Outcome::Failed),
            review_reading: reading(&views.1),
            review_age_seconds: good.map(|good| age(now, good.at)),
            review_score: good.map(|good| good.health_score),
            review_verdict: good.and_then(|good| good.verdict.clone()),
            review_attempt_age_seconds: review.and_then(|review| review.last_attempt_at).map(|at| age(now, at)),
            review_failed_attempts: review.map(|review| review.failed_since),
            watchdog_reading: reading(&views.2),
            watchdog_evaluation_age_seconds: watchdog.and_then(|dog| dog.last_evaluation_at).map(|at| age(now, at)),
            watchdog_once: watchdog.map(|dog| dog.once),
            watchdog_decision: watchdog.and_then(|dog| dog.decision.clone()),
            watchdog_budget_remaining: watchdog.and_then(|dog| dog.budget_remaining),
            watchdog_restart_age_seconds: restart.map(|restart| age(now, restart.at)),
            watchdog_restart_outcome: restart.map(|restart| restart.outcome.name()),
            watchdog_problems: watchdog.map(|dog| dog.problems.len() as u64),
        }
    }
}
