//! The model server: what it does, how fast, and whether it stalls.

use super::{Inputs, Samples, Summary, metrics};
use crate::observation::{Canary, Engine, FailureKind, Histogram, SourceId, VllmSample, seconds_since};
use crate::state::{View, VllmWindow};

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
    /// Whether vLLM has had work and nothing has moved for longer than checks.vllm.stall_warn.
    STALLED = Gauge autoswe_vllm_stalled;
    /// When something last moved, while vLLM has work and nothing moves. Absent otherwise.
    STALL_START = Gauge autoswe_vllm_stall_start_timestamp_seconds;
    /// What came of the one-token request that tells a hang from a stale gauge. Absent until one was sent during the
    /// present stall.
    CANARY = StateSet autoswe_vllm_canary { result };
    /// Time to first token, all engines together; quantiles since vLLM's start.
    TIME_TO_FIRST_TOKEN = Summary autoswe_vllm_time_to_first_token_seconds;
    /// Time between two tokens of one request, all engines together; quantiles since vLLM's start.
    INTER_TOKEN_LATENCY = Summary autoswe_vllm_inter_token_latency_seconds;
    /// Time of whole requests, all engines together; quantiles since vLLM's start.
    REQUEST_LATENCY = Summary autoswe_vllm_request_latency_seconds;
    /// Time that requests waited in the queue, all engines together; quantiles since vLLM's start.
    QUEUE_TIME = Summary autoswe_vllm_queue_time_seconds;
}

pub(super) fn samples(inputs: &Inputs<'_>, out: &mut Samples) {
    let view = inputs.state.vllm.view(inputs.now());
    if !inputs.not_present(SourceId::Vllm) {
        out.set(UP, &[], up(&view));
    }
    let Some(sample) = view.current() else { return };
    out.set(ANSWER_DURATION, &[], sample.answered_in);
    out.set(START, &[], sample.process_start);
    for engine in &sample.engines {
        each_engine(engine, out);
    }
    for (metric, histogram) in [
        (TIME_TO_FIRST_TOKEN, &sample.time_to_first_token),
        (INTER_TOKEN_LATENCY, &sample.inter_token_latency),
        (REQUEST_LATENCY, &sample.request_latency),
        (QUEUE_TIME, &sample.queue_time),
    ] {
        if let Some(histogram) = histogram {
            out.set_summary(metric, &[], summary(histogram));
        }
    }
    movement(inputs, &inputs.state.vllm_window, out);
}

/// `--disable-log-stats` takes the series away from a server that is up.
fn up(view: &View<'_, VllmSample>) -> Option<bool> {
    match view {
        View::Observed(_) => Some(true),
        View::Failed { failure, .. } => Some(failure.kind == FailureKind::NoVllmSeries),
        View::Disabled | View::Pending | View::Stale(_) | View::Missing { .. } => None,
    }
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

fn movement(inputs: &Inputs<'_>, window: &VllmWindow, out: &mut Samples) {
    out.set(GENERATION_RATE, &[], window.generation_tokens_per_second());
    out.set(PROMPT_RATE, &[], window.prompt_tokens_per_second());
    let stall = window.stall();
    let lasts = |since| seconds_since(inputs.now(), since) > inputs.thresholds.limits.vllm.stall_warn.0;
    out.set(STALLED, &[], stall.as_ref().is_some_and(|stall| lasts(stall.since)));
    out.set(STALL_START, &[], stall.as_ref().map(|stall| stall.since));
    if let Some(canary) = stall.as_ref().and_then(|stall| stall.canary) {
        let results =
            [("answered", Canary::Answered), ("timed_out", Canary::TimedOut), ("inconclusive", Canary::Inconclusive)];
        out.set_states(CANARY, &[], results.map(|(name, result)| (name, result == canary)));
    }
}

fn summary(histogram: &Histogram) -> Summary {
    let quantiles = [0.5, 0.9, 0.99].into_iter().filter_map(|q| Some((q, quantile(histogram, q)?))).collect();
    #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "a count; `as` clamps a hostile one")]
    Summary { quantiles, sum: histogram.sum, count: histogram.count as u64 }
}

/// The value below which a share of `q` of all values lies, linear within its bucket as Prometheus's
/// `histogram_quantile` has it. `None` without values. The highest finite bound stands for what lies above it.
fn quantile(histogram: &Histogram, q: f64) -> Option<f64> {
    let total = histogram.buckets.last()?.1;
    if total <= 0.0 {
        return None;
    }
    let rank = q * total;
    let index = histogram.buckets.iter().position(|&(_, count)| count >= rank)?;
    let (bound, count) = histogram.buckets[index];
    let (below, before) = if index == 0 { (0.0, 0.0) } else { histogram.buckets[index - 1] };
    if bound.is_infinite() {
        return Some(below);
    }
    Some(below + (bound - below) * (rank - before) / (count - before).max(f64::MIN_POSITIVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_linear_within_a_bucket() {
        let buckets = vec![(1.0, 0.0), (2.0, 10.0), (4.0, 20.0), (f64::INFINITY, 20.0)];
        let histogram = Histogram { buckets, sum: 40.0, count: 20.0 };
        assert_eq!(quantile(&histogram, 0.5), Some(2.0));
        assert_eq!(quantile(&histogram, 0.75), Some(3.0));
        assert_eq!(quantile(&histogram, 0.25), Some(1.5));
    }

    #[test]
    fn values_above_the_highest_bound_count_as_it_and_no_values_have_no_quantile() {
        let histogram = Histogram { buckets: vec![(1.0, 0.0), (f64::INFINITY, 3.0)], sum: 9.0, count: 3.0 };
        assert_eq!(quantile(&histogram, 0.5), Some(1.0));
        assert_eq!(quantile(&Histogram::default(), 0.5), None);
        assert_eq!(quantile(&Histogram { buckets: vec![(f64::INFINITY, 0.0)], sum: 0.0, count: 0.0 }, 0.5), None);
    }
}
