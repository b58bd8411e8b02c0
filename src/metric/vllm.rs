//! The model server: what it does, how fast, and whether it stalls.

use super::{Inputs, Samples, Summary, metrics};
use crate::observation::{Canary, Engine, SourceId, VllmSample};
use crate::state::VllmWindow;

metrics! {
    /// Whether vLLM answers: 1 also when it answers without any vllm:* series, 0 when it does not answer or not as
    /// vLLM. Absent where there is no vLLM.
    UP = Gauge autoswe_vllm_up;
    /// How long vLLM took to answer the latest reading of its metrics.
    ANSWER_DURATION = Gauge autoswe_vllm_answer_duration_seconds;
    /// When vLLM was started. Absent with data parallelism.
    START = Gauge autoswe_vllm_start_timestamp_seconds;
    /// Requests in execution batches.
    REQUESTS_RUNNING = Gauge autoswe_vllm_requests_running { model_name, engine };
    /// Requests waiting to be processed.
    REQUESTS_WAITING = Gauge autoswe_vllm_requests_waiting { model_name, engine };
    /// Use of the KV cache.
    KV_CACHE_USAGE = Gauge autoswe_vllm_kv_cache_usage_ratio { model_name, engine };
    /// Prompt tokens processed since the engine's start.
    PROMPT_TOKENS = Counter autoswe_vllm_prompt_tokens_total { model_name, engine };
    /// Tokens generated since the engine's start.
    GENERATION_TOKENS = Counter autoswe_vllm_generation_tokens_total { model_name, engine };
    /// Preemptions since the engine's start.
    PREEMPTIONS = Counter autoswe_vllm_preemptions_total { model_name, engine };
    /// Engine steps since the engine's start.
    STEPS = Counter autoswe_vllm_engine_steps_total { model_name, engine };
    /// Tokens looked up in the prefix cache since the engine's start.
    PREFIX_CACHE_QUERIES = Counter autoswe_vllm_prefix_cache_queries_total { model_name, engine };
    /// Tokens found in the prefix cache since the engine's start.
    PREFIX_CACHE_HITS = Counter autoswe_vllm_prefix_cache_hits_total { model_name, engine };
    /// Finished requests since the engine's start, by vLLM's own reasons.
    REQUESTS_FINISHED = Counter autoswe_vllm_requests_finished_total { model_name, engine, finished_reason };
    /// Whether the engine sleeps, its weights offloaded or discarded.
    ASLEEP = Gauge autoswe_vllm_asleep { model_name, engine };
    /// Tokens generated per second over the latest readings, all engines together.
    GENERATION_RATE = Gauge autoswe_vllm_generation_tokens_per_second;
    /// Prompt tokens processed per second over the latest readings, all engines together.
    PROMPT_RATE = Gauge autoswe_vllm_prompt_tokens_per_second;
    /// Whether an engine has had work and nothing has moved for checks.vllm.stall_warn. A stall stays while vLLM's
    /// page cannot be read: only movement ends it.
    STALLED = Gauge autoswe_vllm_stalled;
    /// When something last moved before the present stall. Absent without one.
    STALL_START = Gauge autoswe_vllm_stall_start_timestamp_seconds;
    /// What came of the one-token request that tells a hang from a stale gauge. Absent until one was sent during the
    /// present stall.
    CANARY = StateSet autoswe_vllm_canary { result };
    /// Time to first token, all engines together; quantiles of the last 5 min.
    TIME_TO_FIRST_TOKEN = Summary autoswe_vllm_time_to_first_token_seconds;
    /// Time between two tokens of one request, all engines together; quantiles of the last 5 min.
    INTER_TOKEN_LATENCY = Summary autoswe_vllm_inter_token_latency_seconds;
    /// Time of whole requests, all engines together; quantiles of the last 5 min.
    REQUEST_LATENCY = Summary autoswe_vllm_request_latency_seconds;
    /// Time that requests waited in the queue, all engines together; quantiles of the last 5 min.
    QUEUE_TIME = Summary autoswe_vllm_queue_time_seconds;
}

pub(super) fn samples(inputs: &Inputs<'_>, out: &mut Samples) {
    let view = inputs.state.vllm.view(inputs.now());
    if !inputs.not_present(SourceId::Vllm) {
        out.set(UP, &[], inputs.state.vllm_up(inputs.now()));
    }
    stall(&inputs.state.vllm_window, view.current().is_some(), out);
    let Some(sample) = view.current() else { return };
    out.set(ANSWER_DURATION, &[], sample.answered_in);
    out.set(START, &[], sample.process_start);
    for engine in &sample.engines {
        each_engine(engine, out);
    }
    latencies(sample, &inputs.state.vllm_window, out);
    out.set(GENERATION_RATE, &[], inputs.state.vllm_window.generation_tokens_per_second());
    out.set(PROMPT_RATE, &[], inputs.state.vllm_window.prompt_tokens_per_second());
}

fn each_engine(engine: &Engine, out: &mut Samples) {
    let labels = &[engine.model_name.as_str(), engine.engine.as_str()];
    out.set(REQUESTS_RUNNING, labels, engine.running);
    out.set(REQUESTS_WAITING, labels, engine.waiting);
    out.set(KV_CACHE_USAGE, labels, engine.kv_cache_usage);
    out.set(PROMPT_TOKENS, labels, engine.prompt_tokens);
    out.set(GENERATION_TOKENS, labels, engine.generation_tokens);
    out.set(PREEMPTIONS, labels, engine.preemptions);
    out.set(STEPS, labels, engine.iterations);
    out.set(PREFIX_CACHE_QUERIES, labels, engine.prefix_cache_queries);
    out.set(PREFIX_CACHE_HITS, labels, engine.prefix_cache_hits);
    out.set(ASLEEP, labels, engine.asleep);
    for (reason, number) in &engine.request_success {
        out.set(REQUESTS_FINISHED, &[labels[0], labels[1], reason], *number);
    }
}

fn stall(window: &VllmWindow, is_current: bool, out: &mut Samples) {
    let stall = window.stall();
    // Only a page that was read says that nothing is stalled.
    out.set(STALLED, &[], stall.map(|_| true).or(is_current.then_some(false)));
    out.set(STALL_START, &[], stall.map(|stall| stall.since));
    if let Some(canary) = stall.and_then(|stall| stall.canary) {
        out.set_states(CANARY, &[], Canary::ALL.map(|outcome| (outcome.name(), outcome == canary)));
    }
}

fn latencies(sample: &VllmSample, window: &VllmWindow, out: &mut Samples) {
    type Quantile = fn(&VllmWindow, f64) -> Option<f64>;
    let all: [(_, _, Quantile); 4] = [
        (TIME_TO_FIRST_TOKEN, &sample.time_to_first_token, VllmWindow::time_to_first_token),
        (INTER_TOKEN_LATENCY, &sample.inter_token_latency, VllmWindow::inter_token_latency),
        (REQUEST_LATENCY, &sample.request_latency, VllmWindow::request_latency),
        (QUEUE_TIME, &sample.queue_time, VllmWindow::queue_time),
    ];
    for (metric, total, quantile) in all {
        let Some(total) = total else { continue };
        let quantiles = [0.5, 0.9, 0.99].into_iter().filter_map(|q| Some((q, quantile(window, q)?))).collect();
        #[expect(
            clippy::cast_sign_loss,
            clippy::cast_possible_truncation,
            reason = "a count; a hostile one is clamped"
        )]
        out.set_summary(metric, &[], Summary { quantiles, sum: total.sum, count: total.count as u64 });
    }
}
