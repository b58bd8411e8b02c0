//! The assessment and everything observed as one JSON object: `/api/v1/state` and `report --json`.
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
        "status": status(&view),
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

fn status<T>(view: &View<'_, T>) -> &'static str {
    match view {
        View::Disabled => "disabled",
        View::Pending => "pending",
        View::Observed(_) => "observed",
        View::Stale(_) => "stale",
        View::Missing { .. } => "missing",
        View::Failed { .. } => "failed",
    }
}

/// What only several readings together tell.
fn rates(state: &State) -> Value {
    let window = &state.vllm_window;
    json!({
        "generation_tokens_per_second": window.generation_tokens_per_second(),
        "prompt_tokens_per_second": window.prompt_tokens_per_second(),
        "stalled_since": window.stall().map(|stall| stall.since),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::assessment::{Liveness, Severity};
    use crate::check::{example_now, example_state};
    use crate::observation::*;

    fn assessment() -> Assessment {
        let liveness = Liveness { must_restart: false, reason: "the heartbeat is fresh".into() };
        Assessment { at: example_now(), severity: Severity::Ok, checks: Vec::new(), liveness }
    }

    fn observation(source: SourceId, reading: Reading<Data>) -> Observation {
        Observation { source, at: example_now(), took: Duration::from_millis(3), reading }
    }

    fn json_after(observations: Vec<Observation>) -> Value {
        state_json(&example_state(observations), &assessment())
    }

    #[test]
    fn every_source_is_listed_even_when_nothing_was_read() {
        let json = json_after(Vec::new());
        for source in SourceId::ALL {
            let entry = &json["sources"][source.name()];
            assert_eq!(entry["status"], "pending", "{source}");
            assert!(entry["value"].is_null() && entry["duration_seconds"].is_null(), "{source}");
        }
        assert_eq!(json["severity"], "OK");
        assert_eq!(json["at"], "2026-11-22T12:00:00Z");
    }

    #[test]
    fn a_failure_keeps_the_last_value_beside_its_reason() {
        let parity = Parity { green: 3, ..Parity::default() };
        let failure = Failure::new(FailureKind::Malformed, "line 3 is no YAML");
        let json = json_after(vec![
            observation(SourceId::Parity, Reading::Observed(Data::Parity(parity))),
            observation(SourceId::Parity, Reading::Failed(failure)),
        ]);
        let entry = &json["sources"]["parity"];
        assert_eq!(entry["status"], "failed");
        assert_eq!(entry["failure"], "malformed");
        assert_eq!(entry["message"], "line 3 is no YAML");
        assert_eq!(entry["value"]["green"], 3);
        assert_eq!((&entry["attempts"], &entry["failures"]), (&json!(2), &json!(1)));
    }

    #[test]
    fn absent_values_are_null_and_never_zero() {
        let gpu =
            GpuReading { gpus: vec![Gpu { power: Field::Value(15.5), ..Gpu::default() }], ..GpuReading::default() };
        let json = json_after(vec![
            observation(SourceId::Gpu, Reading::Observed(Data::Gpu(gpu))),
            observation(SourceId::Host, Reading::Observed(Data::Host(Host::default()))),
            observation(SourceId::Vllm, Reading::Missing("no vLLM at http://x".into())),
        ]);
        let gpu = &json["sources"]["gpu"]["value"]["gpus"][0];
        assert_eq!(gpu["power"], 15.5);
        assert!(gpu["memory_used"].is_null(), "{gpu}");
        assert!(json["sources"]["host"]["value"]["memory_total_bytes"].is_null());
        assert_eq!(json["sources"]["vllm"]["status"], "missing");
        assert_eq!(json["sources"]["vllm"]["message"], "no vLLM at http://x");
    }

    #[test]
    fn the_parts_of_the_loop_have_outcomes_of_their_own() {
        let heartbeat = Heartbeat { at: Some(example_now()), iteration: Some(117), ..Heartbeat::default() };
        let reading = LoopReading {
            heartbeat: Reading::Observed(heartbeat),
            state: Reading::Missing("no state.json".into()),
            pause: Reading::Failed(Failure::new(FailureKind::Unreadable, "permission denied")),
        };
        let json = json_after(vec![observation(SourceId::Loop, Reading::Observed(Data::Loop(reading)))]);
        let value = &json["sources"]["loop"]["value"];
        assert_eq!(value["heartbeat"]["value"]["iteration"], 117);
        assert_eq!(value["state"], json!({"status": "missing", "message": "no state.json", "value": null}));
        assert_eq!(value["pause"]["failure"], "unreadable");
    }
}
