//! The observed values of each source as JSON.
//!
//! Invariant: one function per source; keys end in their unit where they have one.

use serde_json::{Value, json};

use crate::observation::*;

/// The outcome of one part of a reading.
fn part<T>(reading: &Reading<T>, value: impl Fn(&T) -> Value) -> Value {
    match reading {
        Reading::Observed(observed) => json!({ "status": "observed", "value": value(observed) }),
        Reading::Missing(what) => json!({ "status": "missing", "message": what, "value": null }),
        Reading::Failed(Failure { kind, message }) => {
            json!({ "status": "failed", "failure": kind.name(), "message": message, "value": null })
        }
    }
}

pub(super) fn loop_(reading: &LoopReading) -> Value {
    json!({
        "heartbeat": part(&reading.heartbeat, heartbeat),
        "state": part(&reading.state, loop_state),
        "pause": part(&reading.pause, |pause| json!({ "soft_since": pause.soft, "hard_since": pause.hard })),
    })
}

fn heartbeat(heartbeat: &Heartbeat) -> Value {
    json!({
        "at": heartbeat.at,
        "file": heartbeat.file,
        "pid": heartbeat.pid,
        "epoch": heartbeat.epoch,
        "iteration": heartbeat.iteration,
        "vertex": heartbeat.vertex,
        "phase": heartbeat.phase,
        "phase_started_at": heartbeat.phase_started_at,
        "invocation_id": heartbeat.invocation_id,
    })
}

fn loop_state(state: &LoopState) -> Value {
    let outcomes: serde_json::Map<String, Value> =
        state.outcomes.iter().map(|(outcome, count)| (outcome.clone(), (*count).into())).collect();
    json!({
        "epoch": state.epoch,
        "iteration": state.iteration,
        "vertex": state.vertex,
        "phase": state.phase,
        "module": state.module,
        "status": state.status,
        "started_at": state.started_at,
        "updated_at": state.updated_at,
        "iterations_finished": state.iterations_finished,
        "outcomes": outcomes,
    })
}

pub(super) fn subagents(reading: &Subagents) -> Value {
    let agent = |agent: &Subagent| {
        json!({
            "pid": agent.pid,
            "phase": agent.phase,
            "started_at": agent.started_at,
            "command": agent.command,
        })
    };
    json!({
        "agents": reading.agents.iter().map(agent).collect::<Vec<_>>(),
        "cgroup": reading.cgroup,
        "processes": reading.processes,
        "hidden": reading.hidden,
    })
}

pub(super) fn vllm(sample: &VllmSample) -> Value {
    json!({
        "process_start_unix_seconds": sample.process_start,
        "answered_in_seconds": sample.answered_in.as_secs_f64(),
        "canary": sample.canary.map(Canary::name),
        "engines": sample.engines.iter().map(engine).collect::<Vec<_>>(),
        "time_to_first_token": sample.time_to_first_token.as_ref().map(histogram),
        "inter_token_latency": sample.inter_token_latency.as_ref().map(histogram),
        "request_latency": sample.request_latency.as_ref().map(histogram),
        "queue_time": sample.queue_time.as_ref().map(histogram),
    })
}

fn engine(engine: &Engine) -> Value {
    let finished: serde_json::Map<String, Value> =
        engine.request_success.iter().map(|(reason, count)| (reason.clone(), (*count).into())).collect();
    json!({
        "model_name": engine.model_name,
        "engine": engine.engine,
        "requests_running": engine.running,
        "requests_waiting": engine.waiting,
        "kv_cache_usage_ratio": engine.kv_cache_usage,
        "prompt_tokens": engine.prompt_tokens,
        "generation_tokens": engine.generation_tokens,
        "preemptions": engine.preemptions,
        "iterations": engine.iterations,
        "prefix_cache_queries": engine.prefix_cache_queries,
        "prefix_cache_hits": engine.prefix_cache_hits,
        "requests_finished": finished,
        "asleep": engine.asleep,
    })
}

/// A histogram without its buckets: JSON has no infinity, and `/metrics` has the quantiles.
fn histogram(histogram: &Histogram) -> Value {
    json!({ "count": histogram.count, "sum_seconds": histogram.sum })
}

/// The recording's own form: base units (hertz, watts, joules, bytes, degrees Celsius, ratios).
pub(super) fn gpu(reading: &GpuReading) -> Value {
    serde_json::to_value(reading).unwrap_or_default()
}

pub(super) fn parity(parity: &Parity) -> Value {
    json!({
        "green": parity.green,
        "red": parity.red,
        "manual": parity.manual,
        "not_applicable": parity.not_applicable,
        "unknown": parity.unknown,
        "first_unknown_line": parity.first_unknown_line,
        "duplicate_keys": parity.duplicate_keys,
        "first_duplicate_line": parity.first_duplicate_line,
    })
}

pub(super) fn verdicts(reading: &Verdicts) -> Value {
    let verdict = |verdict: &Verdict| {
        json!({
            "at": verdict.at,
            "epoch": verdict.epoch,
            "iteration": verdict.iteration,
            "module": verdict.module,
            "verdict": verdict.verdict,
            "score": verdict.score,
            "reason": verdict.reason,
        })
    };
    json!({
        "recent": reading.recent.iter().map(verdict).collect::<Vec<_>>(),
        "malformed_lines": reading.malformed_lines,
    })
}

pub(super) fn site(site: &Site) -> Value {
    json!({ "built_at": site.built_at, "data_at": site.data_at, "synthesis": site.synthesis })
}

pub(super) fn review(review: &Review) -> Value {
    let good = |review: &GoodReview| {
        json!({
            "at": review.at,
            "health_score": review.health_score,
            "verdict": review.verdict,
            "summary": review.summary,
            "findings": review.findings.as_ref().map(findings),
            "judge": review.judge,
            "model": review.model,
        })
    };
    let attempts = |attempts: Attempts| counts(attempts.by_outcome().map(|(outcome, count)| (outcome.name(), count)));
    json!({
        "last_good": review.last_good.as_ref().map(good),
        "last_attempt_at": review.last_attempt_at,
        "failed_since": review.failed_since,
        "last_failed": review.last_failed.as_ref().map(failed_review),
        "attempts": review.attempts.map(attempts),
    })
}

fn findings(findings: &Findings) -> Value {
    let finding = |finding: &ReviewFinding| {
        json!({
            "severity": finding.severity.name(),
            "what": finding.what,
            "evidence": finding.evidence,
            "suggestion": finding.suggestion,
        })
    };
    json!({
        "count": findings.count(),
        "by_severity": counts(findings.by_severity().map(|(severity, count)| (severity.name(), count))),
        "worst": findings.worst.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn failed_review(failed: &FailedReview) -> Value {
    json!({
        "at": failed.at,
        "outcome": failed.outcome.name(),
        "error": failed.word.as_deref().unwrap_or(failed.outcome.name()),
        "reason": failed.reason,
        "judge": failed.judge,
        "model": failed.model,
    })
}

fn counts(counts: impl Iterator<Item = (&'static str, u64)>) -> Value {
    counts.map(|(name, count)| (name.to_owned(), Value::from(count))).collect::<serde_json::Map<_, _>>().into()
}

pub(super) fn watchdog(reading: &WatchdogReading) -> Value {
    let restart =
        |restart: &Restart| json!({ "at": restart.at, "outcome": restart.outcome.name(), "reason": restart.reason });
    let finding = |WatchdogFinding { severity, code, reason, hint }: &WatchdogFinding| json!({ "severity": severity, "code": code, "reason": reason, "hint": hint });
    let decision = |DecisionCount { decision, reason, count }: &DecisionCount| json!({ "decision": decision, "reason": reason, "count": count });
    let restarts: serde_json::Map<String, Value> =
        reading.restarts.iter().map(|(outcome, count)| (outcome.name().into(), (*count).into())).collect();
    json!({
        "last_evaluation_at": reading.last_evaluation_at,
        "decision": reading.decision,
        "reason": reading.reason,
        "severity": reading.severity,
        "row_severity": reading.row_severity,
        "once": reading.once,
        "text": reading.text,
        "hint": reading.hint,
        "findings": reading.findings.iter().map(finding).collect::<Vec<_>>(),
        "decisions": reading.decisions.as_ref().map(|counts| counts.iter().map(decision).collect::<Vec<_>>()),
        "restarts": restarts,
        "problems": reading.problems,
        "budget_remaining": reading.budget_remaining,
        "last_restart": reading.last_restart.as_ref().map(restart),
    })
}

pub(super) fn host(host: &Host) -> Value {
    json!({
        "memory_total_bytes": host.memory_total,
        "memory_available_bytes": host.memory_available,
        "swap_total_bytes": host.swap_total,
        "swap_free_bytes": host.swap_free,
        "memory_pressure_some_ratio": host.memory_pressure_some,
        "memory_pressure_full_ratio": host.memory_pressure_full,
        "disk_total_bytes": host.disk_total,
        "disk_available_bytes": host.disk_available,
        "booted_at": host.booted_at,
    })
}
