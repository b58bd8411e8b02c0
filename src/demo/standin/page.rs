//! The stand-in's `/metrics`: the series of vLLM's page that matter, in its own format.
//!
//! Invariant: pure; the same model gives the same page, and a stalled model's counters do not move.

use std::fmt::Write;

use super::super::story::Model;
use super::MODEL;

/// Tokens that one request generates, and that its prompt has.
const TOKENS_PER_REQUEST: f64 = 420.0;
const PROMPT_PER_TOKEN: f64 = 6.0;

/// Share of prompt tokens found in the prefix cache.
const PREFIX_HITS: f64 = 0.71;

/// How much longer everything takes while the GPU is throttled.
const SLOWER: f64 = 2.6;

/// Upper bounds of latencies, seconds.
const LATENCY_BOUNDS: [f64; 14] = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0];

/// The page for `model` of a server started at `started` (Unix seconds).
pub(super) fn render(model: &Model, started: f64) -> String {
    let mut page = Page(String::with_capacity(8 << 10));
    page.scalar("process_start_time_seconds", "gauge", "Start of the process, Unix seconds.", started);
    page.scalar("process_resident_memory_bytes", "gauge", "Resident memory, bytes.", 9.1e9);
    gauges(&mut page, model);
    counters(&mut page, model);
    let requests = |tokens: f64| (tokens / TOKENS_PER_REQUEST).floor();
    let per_request = Counts { usual: requests(model.tokens), slow: requests(model.slow_tokens) };
    let per_token = Counts { usual: model.tokens.floor(), slow: model.slow_tokens.floor() };
    for (name, help, median, counts) in [
        ("time_to_first_token_seconds", "Request to first token.", 0.18, per_request),
        ("inter_token_latency_seconds", "Token to next token.", 0.019, per_token),
        ("e2e_request_latency_seconds", "Request to last token.", 8.1, per_request),
        ("request_queue_time_seconds", "Time in the queue.", 0.012, per_request),
        ("request_prefill_time_seconds", "Time in prefill.", 0.16, per_request),
        ("request_decode_time_seconds", "Time in decode.", 7.9, per_request),
    ] {
        page.histogram(name, help, median, counts);
    }
    page.0
}

fn gauges(page: &mut Page, model: &Model) {
    page.gauge("num_requests_running", "Requests in execution batches.", f64::from(model.running));
    page.gauge("num_requests_waiting", "Requests waiting.", f64::from(model.waiting));
    let used = if model.running == 0 { 0.0 } else { 0.22 + 0.3 * (all(model) % 9000.0) / 9000.0 };
    page.gauge("kv_cache_usage_perc", "KV-cache use, 0 to 1.", used);
    page.head("engine_sleep_state", "gauge", "Whether the engine sleeps.");
    for (state, value) in [("awake", 1.0), ("weights_offloaded", 0.0), ("discard_all", 0.0)] {
        page.sample("engine_sleep_state", &format!(",sleep_state=\"{state}\""), value);
    }
}

fn counters(page: &mut Page, model: &Model) {
    let tokens = all(model).floor();
    let prompt = (tokens * PROMPT_PER_TOKEN).floor();
    page.counter("generation_tokens_total", "Tokens generated.", tokens);
    page.counter("prompt_tokens_total", "Prompt tokens processed.", prompt);
    page.counter("prefix_cache_queries_total", "Tokens looked up in the prefix cache.", prompt);
    page.counter("prefix_cache_hits_total", "Tokens found in the prefix cache.", (prompt * PREFIX_HITS).floor());
    page.counter("num_preemptions_total", "Preemptions.", 0.0);
    page.head("request_success_total", "counter", "Finished requests.");
    let finished = (tokens / TOKENS_PER_REQUEST).floor();
    let stopped = (finished * 0.93).floor();
    for (reason, count) in [("stop", stopped), ("length", finished - stopped), ("abort", 0.0), ("error", 0.0)] {
        page.sample("request_success_total", &format!(",finished_reason=\"{reason}\""), count);
    }
    page.head("iteration_tokens_total", "histogram", "Tokens per engine step.");
    let steps = (tokens / 4.0).floor();
    for (bound, count) in [("1.0", 0.0), ("8.0", steps), ("+Inf", steps)] {
        page.sample("iteration_tokens_total_bucket", &format!(",le=\"{bound}\""), count);
    }
    page.sample("iteration_tokens_total_count", "", steps);
    page.sample("iteration_tokens_total_sum", "", tokens);
}

fn all(model: &Model) -> f64 {
    model.tokens + model.slow_tokens
}

/// How many observations were made at the usual speed, and while throttled.
#[derive(Clone, Copy)]
struct Counts {
    usual: f64,
    slow: f64,
}

/// The page so far. Writing to text cannot fail, so the outcome of `write!` is dropped.
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        writeln!(self.0, "# HELP vllm:{name} {help}\n# TYPE vllm:{name} {kind}").ok();
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        writeln!(self.0, "vllm:{name}{{engine=\"0\",model_name=\"{MODEL}\"{labels}}} {value:?}").ok();
    }

    fn scalar(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value:?}").ok();
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, "gauge", help);
        self.sample(name, "", value);
    }

    fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, "counter", help);
        self.sample(name, "", value);
    }

    /// A histogram whose values scatter around `median`, and around a longer one while throttled.
    fn histogram(&mut self, name: &str, help: &str, median: f64, counts: Counts) {
        self.head(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        let below = |bound: f64, median: f64| 1.0 / (1.0 + (median / bound).powi(5));
        for bound in LATENCY_BOUNDS {
            // Rounded, not cut: of a few requests, too, all lie below a bound that is far above the median.
            let usual = (counts.usual * below(bound, median)).round();
            let slow = (counts.slow * below(bound, median * SLOWER)).round();
            self.sample(&bucket, &format!(",le=\"{bound:?}\""), usual + slow);
        }
        let count = counts.usual + counts.slow;
        self.sample(&bucket, ",le=\"+Inf\"", count);
        self.sample(&format!("{name}_count"), "", count);
        self.sample(&format!("{name}_sum"), "", median * (counts.usual + SLOWER * counts.slow));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::Story;
    use super::*;

    fn page(seconds: f64) -> String {
        render(&Story::new(1.0).scene(Duration::from_secs_f64(seconds)).model, 1.5e9)
    }

    /// The values of one metric, in the page's order.
    fn values(page: &str, name: &str) -> Vec<f64> {
        let lines = page.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn every_line_is_a_comment_or_a_sample() {
        let page = page(80.0);
        for line in page.lines() {
            let sample = || line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok());
            assert!(line.starts_with("# HELP ") || line.starts_with("# TYPE ") || sample(), "{line}");
        }
        assert!(page.ends_with('\n'));
        let mut series: Vec<&str> = page.lines().filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect();
        let count = series.len();
        series.sort_unstable();
        series.dedup();
        assert_eq!(series.len(), count, "a series stands twice");
    }

    #[test]
    fn nothing_moves_in_the_stall_but_the_queue() {
        let without_queue = |seconds: f64| {
            let page = page(seconds);
            page.lines().filter(|line| !line.contains("num_requests_waiting")).map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(without_queue(46.0), without_queue(62.0));
        assert_ne!(page(46.0), page(62.0));
        assert_ne!(without_queue(64.0), without_queue(66.0));
    }

    #[test]
    fn histograms_are_cumulative_and_grow() {
        let (early, late) = (page(70.0), page(90.0));
        for name in ["time_to_first_token_seconds", "inter_token_latency_seconds", "e2e_request_latency_seconds"] {
            let buckets = values(&late, &format!("vllm:{name}_bucket"));
            assert!(buckets.is_sorted(), "{name}: {buckets:?}");
            assert_eq!(buckets.last(), values(&late, &format!("vllm:{name}_count")).first());
            let before = values(&early, &format!("vllm:{name}_bucket"));
            assert!(before.iter().zip(&buckets).all(|(before, after)| before <= after), "{name}");
        }
    }

    #[test]
    fn a_few_requests_are_no_slower_than_many() {
        let (few, many) = (page(5.0), page(10_000.0));
        for page in [few, many] {
            let first_token = values(&page, "vllm:time_to_first_token_seconds_bucket");
            let [.., below_20_s, below_40_s, all] = first_token[..] else { panic!("{first_token:?}") };
            assert!(below_20_s == all && below_40_s == all, "{first_token:?}");
        }
    }

    #[test]
    fn tokens_are_those_of_the_story() {
        assert_eq!(values(&page(10.0), "vllm:generation_tokens_total"), [2120.0]);
        assert_eq!(values(&page(10.0), "vllm:num_requests_running"), [4.0]);
    }
}
