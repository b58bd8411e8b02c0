//! The assessment and everything observed as one JSON object, which [`super::api`] completes.
//!
//! Invariant: keys are stable, and a key is only added. An absent value is `null` or an absent list element, never
//! 0. Times are RFC 3339 in UTC; a unit stands at the end of a key (`_seconds`, `_bytes`, `_ratio`, ...).
//! `docs/api.md` describes the object.

mod values;

use serde_json::{Value, json};

use crate::assessment::Assessment;
use crate::observation::{SourceId, Time};
use crate::state::{Slot, State, View};

/// The object. `state` and `assessment` belong to the same instant.
pub fn state_json(state: &State, assessment: &Assessment) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "at": assessment.at,
        "started_at": state.started_at,
        "severity": assessment.severity,
        "liveness": assessment.liveness,
        "checks": assessment.checks,
        "sources": sources(state, assessment.at),
        "rates": rates(state),
    })
}

fn sources(state: &State, now: Time) -> Value {
    let entries = SourceId::ALL.map(|source| {
        let mut entry = reading(state, source, now);
        health(state, source, &mut entry);
        (source.name().to_owned(), entry)
    });
    Value::Object(entries.into_iter().collect())
}

/// How reading `source` went.
fn health(state: &State, source: SourceId, entry: &mut Value) {
    let stats = &state.sources[source.index()];
    entry["attempts"] = stats.attempts.into();
    entry["failures"] = stats.failures.into();
    entry["success"] = stats.success.into();
    entry["duration_seconds"] = stats.success.map(|_| stats.took.as_secs_f64()).into();
    entry["last_success_at"] = json!(stats.last_success_at);
}

fn reading(state: &State, source: SourceId, now: Time) -> Value {
    match source {
        SourceId::Loop => of_slot(&state.loop_, now, values::loop_),
        SourceId::Subagents => of_slot(&state.subagents, now, values::subagents),
        SourceId::Vllm => of_slot(&state.vllm, now, values::vllm),
        SourceId::Gpu => of_slot(&state.gpu, now, values::gpu),
        SourceId::Parity => of_slot(&state.parity, now, values::parity),
        SourceId::Verdicts => of_slot(&state.verdicts, now, values::verdicts),
        SourceId::Site => of_slot(&state.site, now, values::site),
        SourceId::Review => of_slot(&state.review, now, values::review),
        SourceId::Watchdog => of_slot(&state.watchdog, now, values::watchdog),
        SourceId::Host => of_slot(&state.host, now, values::host),
    }
}

/// What is known of one source: how the latest reading went, and the last value however it went.
fn of_slot<T>(slot: &Slot<T>, now: Time, value: fn(&T) -> Value) -> Value {
    let view = slot.view(now);
    let mut entry = json!({
        "status": view.freshness().name(),
        "observed_at": view.last().map(|last| last.at),
        "value": view.last().map(|last| value(&last.value)),
    });
    match &view {
        View::Missing { what, .. } => entry["message"] = (*what).into(),
        View::Failed { failure, since, count, .. } => {
            entry["message"] = failure.message.as_str().into();
            entry["failure"] = failure.kind.name().into();
            entry["failing_since"] = json!(since);
            entry["failures_in_a_row"] = (*count).into();
        }
        _ => {}
    }
    entry
}

/// What only several readings together tell of vLLM.
fn rates(state: &State) -> Value {
    let window = &state.vllm_window;
    let quantiles = |of: &dyn Fn(f64) -> Option<f64>| json!({ "p50": of(0.5), "p90": of(0.9), "p99": of(0.99) });
    json!({
        "generation_tokens_per_second": window.generation_tokens_per_second(),
        "prompt_tokens_per_second": window.prompt_tokens_per_second(),
        "requests_per_second": window.requests_per_second(),
        "prefix_cache_hit_ratio": window.prefix_cache_hit_ratio(),
        "time_to_first_token_seconds": quantiles(&|q| window.time_to_first_token(q)),
        "inter_token_latency_seconds": quantiles(&|q| window.inter_token_latency(q)),
        "request_latency_seconds": quantiles(&|q| window.request_latency(q)),
        "queue_time_seconds": quantiles(&|q| window.queue_time(q)),
        "stalled_since": window.stall().map(|stall| stall.since),
    })
}

#[cfg(test)]
mod tests;
