//! The loop: heartbeat, place in its work, pause.

use super::{Inputs, OTHER, Samples, metrics};
use crate::config::Phases;
use crate::observation::{LoopReading, LoopState, Reading, SourceId, VERDICTS, known_verdict};

metrics! {
    /// When the loop last gave a sign of life. The latest one known stays while the heartbeat cannot be read.
    HEARTBEAT = Gauge autoswe_loop_heartbeat_timestamp_seconds;
    /// Whether the latest reading of the heartbeat gave a time: 0 when it is missing, unreadable or without one.
    HEARTBEAT_VALID = Gauge autoswe_loop_heartbeat_valid;
    /// The loop's run number.
    EPOCH = Gauge autoswe_loop_epoch;
    /// The round within the run.
    ITERATION = Gauge autoswe_loop_iteration;
    /// The phase that the loop is in. `other` stands for a phase that the configuration does not name.
    PHASE = StateSet autoswe_loop_phase { phase };
    /// When the phase that the loop is in began.
    PHASE_START = Gauge autoswe_loop_phase_start_timestamp_seconds;
    /// Whether the operator paused the loop: soft (at the next vertex boundary) or hard (at once).
    PAUSED = StateSet autoswe_loop_paused { mode };
    /// Since when the operator's pause stands. Absent without one.
    PAUSE_START = Gauge autoswe_loop_pause_start_timestamp_seconds { mode };
    /// Iterations in the history of the loop's durable state, by outcome.
    ITERATIONS_FINISHED = Counter autoswe_loop_iterations_finished_total { outcome };
    /// When the loop's run began, as its durable state says.
    RUN_START = Gauge autoswe_loop_run_start_timestamp_seconds;
    /// When the loop last wrote its durable state.
    STATE_UPDATED = Gauge autoswe_loop_state_updated_timestamp_seconds;
}

pub(super) fn samples(inputs: &Inputs<'_>, out: &mut Samples) {
    let last = inputs.state.last_heartbeat.as_ref();
    out.set(HEARTBEAT, &[], last.and_then(|heartbeat| heartbeat.value.at));
    if let Some(reading) = inputs.state.loop_.current(inputs.now()) {
        if !inputs.not_present(SourceId::Loop) {
            out.set(HEARTBEAT_VALID, &[], reading.heartbeat.observed().is_some_and(|heartbeat| heartbeat.at.is_some()));
        }
        place(reading, &inputs.thresholds.phases, out);
        pause(reading, out);
        if let Reading::Observed(state) = &reading.state {
            history(state, out);
        }
    }
}

fn place(reading: &LoopReading, phases: &Phases, out: &mut Samples) {
    out.set(EPOCH, &[], reading.epoch());
    out.set(ITERATION, &[], reading.iteration());
    out.set(PHASE_START, &[], reading.heartbeat.observed().and_then(|heartbeat| heartbeat.phase_started_at));
    if let Some(phase) = reading.phase() {
        let known = phases.0.iter().map(|phase| phase.name.as_str()).filter(|name| !["idle", OTHER].contains(name));
        let known: Vec<&str> = known.chain(["idle"]).collect();
        let other = (OTHER, !known.contains(&phase));
        out.set_states(PHASE, &[], known.iter().map(|&name| (name, name == phase)).chain([other]));
    }
}

fn pause(reading: &LoopReading, out: &mut Samples) {
    // Not knowing is not "not paused".
    let Reading::Observed(pause) = &reading.pause else { return };
    let modes = [("soft", pause.soft), ("hard", pause.hard)];
    out.set_states(PAUSED, &[], modes.map(|(mode, since)| (mode, since.is_some())));
    for (mode, since) in modes {
        out.set(PAUSE_START, &[mode], since);
    }
}

fn history(state: &LoopState, out: &mut Samples) {
    out.set(RUN_START, &[], state.started_at);
    out.set(STATE_UPDATED, &[], state.updated_at);
    let Some(finished) = state.iterations_finished else { return };
    let of = |verdict| state.outcomes.iter().filter(move |(name, _)| known_verdict(name) == Some(verdict));
    let known: [u64; 3] = VERDICTS.map(|verdict| of(verdict).map(|(_, number)| number).sum());
    for (outcome, number) in VERDICTS.into_iter().zip(known) {
        out.set(ITERATIONS_FINISHED, &[outcome], number);
    }
    out.set(ITERATIONS_FINISHED, &[OTHER], finished.saturating_sub(known.iter().sum()));
}
