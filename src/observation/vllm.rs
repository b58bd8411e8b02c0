//! One answer of vLLM's `/metrics`, reduced to what the checks and metrics rest on.

use std::time::Duration;

/// What one answer said. Every series is optional: vLLM's versions and flags differ.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VllmSample {
    /// `process_start_time_seconds`, Unix seconds; absent with data parallelism.
    pub process_start: Option<f64>,
    /// One per `model_name` and `engine`, sorted by both.
    pub engines: Vec<Engine>,
    /// Time to first token, seconds; summed over engines.
    pub time_to_first_token: Option<Histogram>,
    /// Time between two tokens of a request, seconds.
    pub inter_token_latency: Option<Histogram>,
    /// Whole request, seconds.
    pub request_latency: Option<Histogram>,
    /// Time a request waited in the queue, seconds.
    pub queue_time: Option<Histogram>,
    /// How long vLLM took to answer.
    pub answered_in: Duration,
    /// What came of a one-token request, when one was sent since the last sample.
    pub canary: Option<Canary>,
}

/// Series of one engine. Counters are cumulative since the engine's start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Engine {
    /// Label `model_name`.
    pub model_name: String,
    /// Label `engine`; empty up to vLLM 0.6.
    pub engine: String,
    /// Requests in execution batches.
    pub running: Option<f64>,
    /// Requests waiting to be processed.
    pub waiting: Option<f64>,
    /// KV-cache use, 0 to 1.
    pub kv_cache_usage: Option<f64>,
    /// Prompt tokens processed.
    pub prompt_tokens: Option<f64>,
    /// Tokens generated.
    pub generation_tokens: Option<f64>,
    /// Preemptions.
    pub preemptions: Option<f64>,
    /// Engine steps (`iteration_tokens_total_count`).
    pub iterations: Option<f64>,
    /// Tokens looked up in the prefix cache.
    pub prefix_cache_queries: Option<f64>,
    /// Tokens found in the prefix cache.
    pub prefix_cache_hits: Option<f64>,
    /// Finished requests by `finished_reason`, sorted by it.
    pub request_success: Vec<(String, f64)>,
    /// True while the engine sleeps (`engine_sleep_state{sleep_state="awake"} 0`).
    pub asleep: Option<bool>,
}

/// A cumulative histogram: counts of observations at or below each bound.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// Upper bounds with cumulative counts, ascending; the last bound is infinite.
    pub buckets: Vec<(f64, f64)>,
    /// Sum of all observations.
    pub sum: f64,
    /// Number of observations.
    pub count: f64,
}

/// What came of a one-token request that tells a hang from a stale gauge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// A token came back: the engine works, its gauges are stale.
    Answered,
    /// No token within the deadline: the engine hangs.
    TimedOut,
    /// The server refused the request for another reason; it proves nothing.
    Inconclusive,
}
