//! How reading the sources goes.

use super::{Inputs, Samples, metrics};
use crate::observation::{Failure, FailureKind, Reading, SourceId};
use crate::state::{SourceStats, View};

metrics! {
    /// Whether the latest reading of the source succeeded. Finding nothing there is a success.
    SUCCESS = Gauge autoswe_source_success { source };
    /// How long the latest reading of the source took.
    DURATION = Gauge autoswe_source_duration_seconds { source };
    /// When the source was last read with success.
    LAST_SUCCESS = Gauge autoswe_source_last_success_timestamp_seconds { source };
    /// Readings of the source that were made.
    ATTEMPTS = Counter autoswe_source_attempts_total { source };
    /// Readings of the source that failed.
    FAILURES = Counter autoswe_source_failures_total { source };
    /// Whether what the source reads was there when it last succeeded or failed; 0 when there was nothing to read.
    PRESENT = Gauge autoswe_source_present { source };
    /// Why the latest reading of the source failed: 1 for the reason. All 0 when it did not fail.
    FAILURE = StateSet autoswe_source_failure { source, reason };
    /// When the first reading of the present row of failures was made. Absent when the latest reading did not fail.
    FAILURE_START = Gauge autoswe_source_failure_start_timestamp_seconds { source };
    /// Readings of the source that failed in a row, up to the latest one.
    CONSECUTIVE_FAILURES = Gauge autoswe_source_consecutive_failures { source };
}

/// What became of the latest reading, whatever it would yield.
#[derive(Clone, Copy)]
enum Outcome<'a> {
    Present,
    Missing,
    Failed(&'a Failure),
}

pub(super) fn samples(inputs: &Inputs<'_>, out: &mut Samples) {
    let (state, now) = (inputs.state, inputs.now());
    macro_rules! source {
        ($id:ident, $slot:ident) => {
            let view = state.$slot.view(now);
            row(SourceId::$id, &state.sources[SourceId::$id.index()], &view, out);
            outcome(SourceId::$id, of(&view), out);
        };
    }
    source!(Subagents, subagents);
    source!(Vllm, vllm);
    source!(Gpu, gpu);
    source!(Parity, parity);
    source!(Verdicts, verdicts);
    source!(Site, site);
    source!(Review, review);
    source!(Watchdog, watchdog);
    source!(Host, host);
    let view = state.loop_.view(now);
    row(SourceId::Loop, &state.sources[SourceId::Loop.index()], &view, out);
    // The loop's reading has an outcome for each file: the heartbeat's counts.
    let heartbeat = view.current().map(|reading| match &reading.heartbeat {
        Reading::Observed(_) => Outcome::Present,
        Reading::Missing(_) => Outcome::Missing,
        Reading::Failed(failure) => Outcome::Failed(failure),
    });
    outcome(SourceId::Loop, heartbeat.or(of(&view)), out);
}

fn of<'a, T>(view: &View<'a, T>) -> Option<Outcome<'a>> {
    match view {
        View::Disabled | View::Pending => None,
        View::Observed(_) | View::Stale(_) => Some(Outcome::Present),
        View::Missing { .. } => Some(Outcome::Missing),
        View::Failed { failure, .. } => Some(Outcome::Failed(failure)),
    }
}

fn row<T>(source: SourceId, stats: &SourceStats, view: &View<'_, T>, out: &mut Samples) {
    if matches!(view, View::Disabled) {
        return;
    }
    let source = &[source.name()];
    out.set(ATTEMPTS, source, stats.attempts);
    out.set(FAILURES, source, stats.failures);
    out.set(SUCCESS, source, stats.success);
    out.set(DURATION, source, stats.success.map(|_| stats.took));
    out.set(LAST_SUCCESS, source, stats.last_success_at);
    match view {
        View::Failed { since, count, .. } => {
            out.set(FAILURE_START, source, *since);
            out.set(CONSECUTIVE_FAILURES, source, *count);
        }
        View::Pending => {}
        _ => out.set(CONSECUTIVE_FAILURES, source, 0_u64),
    }
}

fn outcome(source: SourceId, outcome: Option<Outcome<'_>>, out: &mut Samples) {
    let Some(outcome) = outcome else { return };
    let failure = match outcome {
        Outcome::Failed(failure) => Some(failure.kind),
        Outcome::Present | Outcome::Missing => None,
    };
    out.set(PRESENT, &[source.name()], !matches!(outcome, Outcome::Missing));
    let known = reasons(source);
    let states = known.iter().map(|&kind| (kind.name(), failure == Some(kind)));
    // A reason that this source is not expected to give is shown all the same.
    let other = failure.filter(|kind| !known.contains(kind)).map(|kind| (kind.name(), true));
    out.set_states(FAILURE, &[source.name()], states.chain(other));
}

/// The reasons for which reading `source` can fail; each has a sample from the start.
fn reasons(source: SourceId) -> &'static [FailureKind] {
    use FailureKind::*;
    match source {
        SourceId::Vllm => &[TimedOut, Unreachable, ServerError, BadStatus, NotPrometheus, NoVllmSeries, Malformed],
        SourceId::Gpu => &[TimedOut, DriverNotLoaded, DriverMismatch, GpuLost, NoGpu, DriverError],
        _ => &[TimedOut, Unreadable, Malformed],
    }
}
