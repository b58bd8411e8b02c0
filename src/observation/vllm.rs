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
    /// What came of a one-token request for the model whose engine has stood still the longest, when one ended
    /// since the last sample.
    pub canary: Option<Canary>,
}

impl VllmSample {
    /// The sum over the engines that tell the value; `None` where none does.
    pub fn total(&self, of: impl Fn(&Engine) -> Option<f64>) -> Option<f64> {
        self.engines.iter().filter_map(of).reduce(|sum, one| sum + one)
    }

    /// KV-cache use of the fullest engine, 0 to 1.
    pub fn fullest_cache(&self) -> Option<f64> {
        self.engines.iter().filter_map(|engine| engine.kv_cache_usage).reduce(f64::max)
    }
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

impl Histogram {
    /// The value below which the share `q` of all observations lies, by the rules of Prometheus'
    /// `histogram_quantile`: linear within a bucket, and the highest finite bound for what lies above it. `None`
    /// without observations, without two buckets, or for a `q` outside 0 to 1.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let (&(last, total), finite) = self.buckets.split_last()?;
        let highest = finite.last()?.0;
        if last != f64::INFINITY || total.is_nan() || total <= 0.0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = q * total;
        let Some(at) = finite.iter().position(|(_, count)| *count >= rank) else {
            return Some(highest);
        };
        let (upper, count) = finite[at];
        let (lower, below) = match at.checked_sub(1) {
            Some(previous) => finite[previous],
            None if upper <= 0.0 => return Some(upper),
            None => (0.0, 0.0),
        };
        let within = count - below;
        Some(if within > 0.0 { lower + (upper - lower) * (rank - below) / within } else { upper })
    }

    /// The observations made since `earlier`; `None` when that is not an earlier state of the same histogram.
    pub fn since(&self, earlier: &Histogram) -> Option<Histogram> {
        if self.buckets.len() != earlier.buckets.len() {
            return None;
        }
        let pairs = self.buckets.iter().zip(&earlier.buckets);
        let buckets = pairs.map(|(new, old)| (new.0 == old.0 && new.1 >= old.1).then_some((new.0, new.1 - old.1)));
        let count = Some(self.count - earlier.count).filter(|count| *count >= 0.0)?;
        Some(Histogram { buckets: buckets.collect::<Option<_>>()?, sum: self.sum - earlier.sum, count })
    }
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

impl Canary {
    /// Every outcome.
    pub const ALL: [Canary; 3] = [Canary::Answered, Canary::TimedOut, Canary::Inconclusive];

    /// The name in labels, records and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Canary::Answered => "answered",
            Canary::TimedOut => "timed_out",
            Canary::Inconclusive => "inconclusive",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn histogram(buckets: &[(f64, f64)]) -> Histogram {
        Histogram { buckets: buckets.to_vec(), sum: 1.0, count: buckets.last().map_or(0.0, |last| last.1) }
    }

    #[test]
    fn quantiles_are_those_of_prometheus() {
        let h = histogram(&[(0.1, 2.0), (0.5, 6.0), (1.0, 8.0), (INF, 10.0)]);
        assert_eq!(h.quantile(0.1), Some(0.05));
        assert_eq!(h.quantile(0.4), Some(0.1 + 0.4 * 0.5));
        assert_eq!(h.quantile(0.8), Some(1.0));
        assert_eq!(h.quantile(0.99), Some(1.0), "the highest finite bound");
        assert_eq!(h.quantile(0.0), Some(0.0));
        let below_zero = histogram(&[(-1.0, 5.0), (INF, 5.0)]);
        assert_eq!(below_zero.quantile(0.5), Some(-1.0), "no lower bound to interpolate from");
    }

    #[test]
    fn no_quantile_without_observations_or_sense() {
        for empty in [
            &[][..],
            &[(INF, 3.0)],
            &[(1.0, 0.0), (INF, 0.0)],
            &[(1.0, 1.0), (2.0, 1.0)],
            &[(1.0, 0.0), (INF, f64::NAN)],
        ] {
            assert_eq!(histogram(empty).quantile(0.5), None, "{empty:?}");
        }
        let h = histogram(&[(1.0, 1.0), (INF, 1.0)]);
        assert_eq!((h.quantile(-0.1), h.quantile(1.1), h.quantile(f64::NAN)), (None, None, None));
    }

    #[test]
    fn a_difference_needs_an_earlier_state_of_the_same() {
        let old = histogram(&[(1.0, 1.0), (INF, 2.0)]);
        let new = histogram(&[(1.0, 4.0), (INF, 6.0)]);
        assert_eq!(new.since(&old).unwrap().buckets, [(1.0, 3.0), (INF, 4.0)]);
        assert_eq!(old.since(&new), None, "restarted");
        assert_eq!(new.since(&histogram(&[(2.0, 1.0), (INF, 2.0)])), None, "other bounds");
        assert_eq!(new.since(&histogram(&[(INF, 2.0)])), None, "other bounds");
    }
}
