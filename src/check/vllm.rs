//! `vllm`: whether the model server answers, and whether its engines move while they have work.
//!
//! Invariant: a stall that was seen stays until a later sample shows movement; a reading that fails resolves nothing.

use super::code::{FAILING_FOR, UNREAD, VANISHED};
use super::{Check, Code, Shown, Verdict};
use crate::assessment::Severity::{self, Crit, Warn};
use crate::assessment::Thresholds;
use crate::config::VllmLimits;
use crate::observation::{
    Canary, Data, Engine, Failure, FailureKind, GpuReading, Observation, Time, VllmSample, seconds_since,
};
use crate::state::{Dated, Outage, Stall, State, View};
use crate::words;

/// GPUs that are shown as evidence at most.
const GPUS_SHOWN: usize = 4;

pub(crate) const CHECK: Check = Check {
    id: "vllm",
    summary: "Whether vLLM answers, and whether its engines move while they have work to do.",
    warn: "An engine with work to do and without movement for `stall_warn`; no connection or no answer; an HTTP \
           status other than 200; an answer that is not Prometheus text or has no `vllm:*` series; an answer that \
           took longer than `slow`.",
    crit: "A stall of `stall_crit`; no connection for `unreachable_crit`; no answer for `unanswered_crit`.",
    runbook: "vllm.md",
    codes: CODES,
    metrics: &[
        "autoswe_vllm_up",
        "autoswe_vllm_requests_running",
        "autoswe_vllm_requests_waiting",
        "autoswe_vllm_generation_tokens_per_second",
        "autoswe_vllm_stalled",
        "autoswe_vllm_stall_start_timestamp_seconds",
        "autoswe_vllm_answer_duration_seconds",
    ],
    assess,
    fires: || example(0.0),
    quiet: || example(440.0),
};

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    let view = state.vllm.view(now);
    if let Some(verdict) = Verdict::without_reading(&view) {
        return verdict;
    }
    let limits = &thresholds.limits.vllm;
    let mut verdict = match view {
        View::Failed { failure, .. } if is_absent(state, thresholds, failure) => {
            return Verdict::not_present(failure.message.clone());
        }
        View::Failed { failure, since, .. } => {
            let outage = state.vllm_window.outage().unwrap_or(Outage { kind: failure.kind, since });
            failing(failure, seconds_since(now, outage.since), limits)
        }
        View::Observed(last) => answering(state, &last.value, limits),
        View::Stale(last) => stale(state, last, now),
        View::Missing { what, last: None } => return Verdict::not_present(what),
        View::Missing { what, last: Some(last) } => gone(state, what, (last, now)),
        View::Disabled | View::Pending => return Verdict::ok(""),
    };
    add_stall(&mut verdict, state, limits, now);
    verdict
}

/// Whether this machine simply has no vLLM: nobody asked for one, and nothing ever answered.
fn is_absent(state: &State, thresholds: &Thresholds, failure: &Failure) -> bool {
    failure.kind == FailureKind::Unreachable && !state.vllm_window.reached() && !thresholds.vllm_expected
}

fn answering(state: &State, sample: &VllmSample, limits: &VllmLimits) -> Verdict {
    let mut verdict = Verdict::ok(summary(state, sample));
    let took = sample.answered_in.as_secs_f64();
    if took > limits.slow.0 {
        verdict.add(
            Severity::Warn,
            "slow",
            format!("vLLM took {took:.1} s to answer, over the limit of {}", words::length(limits.slow.0)),
        );
    }
    verdict
}

fn stale(state: &State, last: &Dated<VllmSample>, now: Time) -> Verdict {
    let mut verdict = Verdict::ok(format!("{}: {}", words::ago(now, last.at), summary(state, &last.value)));
    verdict.unread(last.at, now);
    verdict
}

fn gone(state: &State, what: &str, (last, now): (&Dated<VllmSample>, Time)) -> Verdict {
    let seen = words::ago(now, last.at);
    let mut verdict = Verdict::ok(format!("{seen}: {}", summary(state, &last.value)));
    verdict.add(Severity::Warn, "vanished", format!("{what}; it was last seen {seen}"));
    verdict
}

/// The verdict on readings that have failed in the same way for `lasts` seconds.
fn failing(failure: &Failure, lasts: f64, limits: &VllmLimits) -> Verdict {
    let (code, crit) = match failure.kind {
        FailureKind::Unreachable => ("unreachable", Some(limits.unreachable_crit.0)),
        FailureKind::TimedOut => ("unanswered", Some(limits.unanswered_crit.0)),
        FailureKind::ServerError => ("server_error", None),
        FailureKind::NotPrometheus => ("not_prometheus", None),
        FailureKind::NoVllmSeries => ("no_vllm_series", None),
        FailureKind::BadStatus => ("bad_status", None),
        _ => ("bad_answer", None),
    };
    let (severity, limit) = match crit {
        Some(crit) if lasts >= crit => (Severity::Crit, format!(", over the limit of {}", words::length(crit))),
        Some(crit) => (Severity::Warn, format!(", critical from {} on", words::length(crit))),
        None => (Severity::Warn, String::new()),
    };
    let mut verdict = Verdict::ok(format!("{} for {}", code.replace('_', " "), words::length(lasts)));
    verdict.add(severity, code, format!("for {}{limit}: {}", words::length(lasts), failure.message));
    verdict
}

fn add_stall(verdict: &mut Verdict, state: &State, limits: &VllmLimits, now: Time) {
    let stalls = state.vllm_window.stalls();
    let Some(longest) = stalls.first() else { return };
    let lasts = seconds_since(now, longest.since);
    let (severity, limit) = if lasts >= limits.stall_crit.0 {
        (Severity::Crit, limits.stall_crit)
    } else {
        (Severity::Warn, limits.stall_warn)
    };
    let engine = name(longest, stalls.len() - 1);
    let evidence = [Some(requests(longest)), canary(longest), gpus(state.gpu.current(now)), age(longest, now)];
    let evidence: Vec<String> = evidence.into_iter().flatten().collect();
    let reason = format!(
        "{engine} stalled for {}, over the limit of {}: {}",
        words::length(lasts),
        words::length(limit.0),
        evidence.join("; ")
    );
    verdict.add(severity, "stalled", reason);
}

fn name(stall: &Stall, others: usize) -> String {
    let engine = if stall.engine.is_empty() { "the engine".into() } else { format!("engine {}", stall.engine) };
    let model = if stall.model_name.is_empty() { String::new() } else { format!(" of {}", stall.model_name) };
    let others = if others > 0 { format!(" (and {others} more)") } else { String::new() };
    format!("{engine}{model}{others}")
}

fn requests(stall: &Stall) -> String {
    let count = |count: Option<f64>, what| count.map(|count| format!("{count:.0} {what}"));
    let counts = words::list([count(stall.running, "running"), count(stall.waiting, "waiting")]);
    format!("{counts}, and no token, step, prefill or request moved")
}

fn canary(stall: &Stall) -> Option<String> {
    let words = match stall.canary? {
        Canary::TimedOut => "a one-token request got no answer",
        Canary::Inconclusive => "a one-token request was refused, which proves nothing",
        Canary::Answered => "a one-token request was answered, perhaps by another engine",
    };
    Some(words.into())
}

fn gpus(reading: Option<&GpuReading>) -> Option<String> {
    let shown = reading?.gpus.iter().take(GPUS_SHOWN).filter_map(|gpu| {
        let utilization = gpu.utilization.get().map(words::percent);
        let values = words::list([utilization, gpu.power.get().map(|watts| format!("{watts:.0} W"))]);
        (!values.is_empty()).then(|| format!("GPU {} at {values}", gpu.index))
    });
    Some(shown.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
}

fn age(stall: &Stall, now: Time) -> Option<String> {
    let is_old = seconds_since(now, stall.seen_at) > 10.0;
    is_old.then(|| format!("last seen so {}", words::ago(now, stall.seen_at)))
}

/// `4 running, 0 waiting, 224 tokens/s, KV cache 3 %`, of what the sample tells.
fn summary(state: &State, sample: &VllmSample) -> String {
    let engines = &sample.engines;
    if !engines.is_empty() && engines.iter().all(|engine| engine.asleep == Some(true)) {
        return "asleep".into();
    }
    let parts = words::list([
        sample.total(|engine| engine.running).map(|count| format!("{count:.0} running")),
        sample.total(|engine| engine.waiting).map(|count| format!("{count:.0} waiting")),
        state.vllm_window.generation_tokens_per_second().map(|rate| format!("{rate:.0} tokens/s")),
        sample.fullest_cache().map(|share| format!("KV cache {}", words::percent(share))),
    ]);
    if parts.is_empty() { "answers".into() } else { parts }
}

/// A minute and more of readings every 2 s, during which `tokens` are generated per reading.
fn example(tokens: f64) -> Vec<Observation> {
    let sample = |reading: i32| {
        let engine = Engine {
            model_name: "qwen".into(),
            engine: "0".into(),
            running: Some(4.0),
            waiting: Some(0.0),
            generation_tokens: Some(1000.0 + tokens * f64::from(reading)),
            ..Engine::default()
        };
        Data::Vllm(VllmSample { engines: vec![engine], ..VllmSample::default() })
    };
    (0..=35).map(|reading| super::example_reading(2 * i64::from(35 - reading), sample(reading))).collect()
}

/// What it may find.
const CODES: &[Code] = &[
    Code {
        word: "stalled",
        found: &[Warn, Crit],
        summary: "vLLM has work to do and nothing moves",
        mend: "read vLLM's log; if it stays so, save `py-spy dump` of the engine process and restart vLLM",
        shows: &[Shown::length(
            "Nothing has moved for {}",
            "time() - autoswe_vllm_stall_start_timestamp_seconds{$here}",
        )
        .over(&[(Warn, "stall_warn"), (Crit, "stall_crit")])],
    },
    Code {
        word: "unreachable",
        found: &[Warn, Crit],
        summary: "vLLM cannot be reached",
        mend: LOOK,
        shows: &[FAILING_FOR.over(&[(Crit, "unreachable_crit")])],
    },
    Code {
        word: "unanswered",
        found: &[Warn, Crit],
        summary: "vLLM does not answer",
        mend: LOOK,
        shows: &[FAILING_FOR.over(&[(Crit, "unanswered_crit")])],
    },
    Code {
        word: "server_error",
        found: &[Warn],
        summary: "vLLM answers with a server error",
        mend: "read vLLM's log: a dead engine core answers 500 for ever",
        shows: &[FAILING_FOR],
    },
    Code {
        word: "not_prometheus",
        found: &[Warn],
        summary: "something else than vLLM answers at its address",
        mend: "correct vllm.url, or stop what took vLLM's port",
        shows: &[FAILING_FOR],
    },
    Code {
        word: "no_vllm_series",
        found: &[Warn],
        summary: "vLLM tells no statistics of its engines",
        mend: "start vLLM without --disable-log-stats",
        shows: &[FAILING_FOR],
    },
    Code {
        word: "bad_status",
        found: &[Warn],
        summary: "vLLM refuses to tell its metrics",
        mend: "correct vllm.url, or the API key",
        shows: &[FAILING_FOR],
    },
    Code {
        word: "bad_answer",
        found: &[Warn],
        summary: "vLLM's answer cannot be understood",
        mend: "correct vllm.url",
        shows: &[FAILING_FOR],
    },
    Code {
        word: "slow",
        found: &[Warn],
        summary: "vLLM takes long to answer",
        mend: "it is overloaded or short of CPU: look at the requests waiting and at `top`",
        shows: &[Shown::length("It took {} to answer", "autoswe_vllm_answer_duration_seconds{$here}")
            .over(&[(Warn, "slow")])],
    },
    Code { summary: "vLLM was there and is gone", mend: "start vLLM, or correct vllm.url", ..VANISHED },
    UNREAD,
];

const LOOK: &str = "`ss -ltnp` shows who listens on the port; read vLLM's log; start or restart it";

#[cfg(test)]
#[path = "vllm_tests.rs"]
mod tests;
