//! A page of vLLM's `/metrics` as a [`VllmSample`]. Pure.
//!
//! Invariant: every series is optional, and one that is absent, NaN or negative stays absent. Several engines are
//! kept apart in gauges and counters and summed in histograms. Old and new metric names are both known; where a page
//! has both, the new one counts.

use crate::observation::{Engine, Failure, FailureKind, Histogram, VllmSample};
use crate::promtext::{Labels, Outcome, Sample, Samples, Text};

/// Engines that are read at most; the largest data-parallel deployments have some hundreds.
const MAX_ENGINES: usize = 512;
/// Buckets of one histogram that are read at most; vLLM's have 23.
const MAX_BUCKETS: usize = 256;
/// Finish reasons that are read at most; vLLM has 5.
const MAX_REASONS: usize = 32;
/// Characters of a label value that are kept, so that a hostile page cannot swell ours.
const MAX_LABEL: usize = 200;

/// Reads a page that came from `url`, which only names it in messages.
///
/// # Errors
/// [`FailureKind::NotPrometheus`] when the page is something else, [`FailureKind::NoVllmSeries`] when it holds no
/// series of vLLM.
pub fn parse(page: &[u8], url: &str) -> Result<VllmSample, Failure> {
    let mut draft = Draft::default();
    let mut samples = Samples::new(page);
    for sample in samples.by_ref() {
        draft.take(&sample);
    }
    let outcome = samples.outcome();
    if !outcome.is_prometheus() {
        return Err(not_prometheus(page, url, outcome));
    }
    if !draft.has_vllm {
        return Err(no_vllm_series(url, draft.other));
    }
    Ok(draft.finish())
}

fn not_prometheus(page: &[u8], url: &str, outcome: Outcome) -> Failure {
    let line = match outcome.first_bad {
        Some(bad) => format!(" (line {}: {})", bad.number, bad.why),
        None => String::new(),
    };
    let looks = super::text::looks_like(page);
    let message = format!("{url} answers with {looks}, not with Prometheus text{line}; is that really vLLM's port?");
    Failure::new(FailureKind::NotPrometheus, message)
}

fn no_vllm_series(url: &str, other: Option<String>) -> Failure {
    let other = other.map_or(String::new(), |name| format!(" (it has {name})"));
    let message = format!(
        "{url} answers with metrics but without any vllm:* series{other}; start vLLM without --disable-log-stats, or \
         correct vllm.url if another program answers there"
    );
    Failure::new(FailureKind::NoVllmSeries, message)
}

/// A value under a metric's present name, and the one under its former name.
#[derive(Debug, Default)]
struct Renamed<T> {
    new: T,
    old: T,
}

#[derive(Debug, Default)]
struct EngineDraft {
    engine: Engine,
    kv_cache: Renamed<Option<f64>>,
    prefix_queries: Renamed<Option<f64>>,
    prefix_hits: Renamed<Option<f64>>,
}

#[derive(Debug, Default)]
struct Draft {
    has_vllm: bool,
    other: Option<String>,
    process_start: Option<f64>,
    engines: Vec<EngineDraft>,
    /// Where the last sample's engine stands: pages list the engines of each metric in the same order.
    at: usize,
    time_to_first_token: HistogramDraft,
    inter_token_latency: Renamed<HistogramDraft>,
    request_latency: HistogramDraft,
    queue_time: HistogramDraft,
}

impl Draft {
    fn take(&mut self, sample: &Sample<'_>) {
        let name = sample.name.raw();
        match name.strip_prefix(b"vllm:") {
            Some(name) => {
                self.has_vllm = true;
                if sample.value >= 0.0 && sample.value.is_finite() {
                    self.take_vllm(name, sample.labels, sample.value);
                }
            }
            None if name == b"process_start_time_seconds" => {
                self.process_start = Some(sample.value).filter(|start| start.is_finite());
            }
            None => {
                self.other.get_or_insert_with(|| shorten(sample.name));
            }
        }
    }

    fn take_vllm(&mut self, name: &[u8], labels: Labels<'_>, value: f64) {
        if let Some((histogram, part)) = self.histogram(name) {
            histogram.take(part, labels, value);
        } else if let Some(field) = Series::of(name)
            && let Some(draft) = self.engine(labels)
        {
            field.store(draft, labels, value);
        }
    }

    /// The histogram that `name` belongs to, and the rest of the name.
    fn histogram<'n>(&mut self, name: &'n [u8]) -> Option<(&mut HistogramDraft, &'n [u8])> {
        let at = memchr::memmem::rfind(name, b"_seconds_")?;
        let (base, part) = (&name[..at], &name[at + b"_seconds_".len()..]);
        let histogram = match base {
            b"time_to_first_token" => &mut self.time_to_first_token,
            b"inter_token_latency" => &mut self.inter_token_latency.new,
            b"time_per_output_token" => &mut self.inter_token_latency.old,
            b"e2e_request_latency" => &mut self.request_latency,
            b"request_queue_time" => &mut self.queue_time,
            _ => return None,
        };
        Some((histogram, part))
    }

    /// The engine that `labels` name; `None` when the page has more of them than are read.
    fn engine(&mut self, labels: Labels<'_>) -> Option<&mut EngineDraft> {
        let [model, engine] = ["model_name", "engine"].map(|name| labels.get(name).unwrap_or_default());
        let same = |draft: &EngineDraft| said(model, &draft.engine.model_name) && said(engine, &draft.engine.engine);
        let found = [self.at, self.at + 1].into_iter().find(|at| self.engines.get(*at).is_some_and(same));
        let at = match found.or_else(|| self.engines.iter().position(same)) {
            Some(at) => at,
            None if self.engines.len() == MAX_ENGINES => return None,
            None => {
                let engine = Engine { model_name: shorten(model), engine: shorten(engine), ..Engine::default() };
                self.engines.push(EngineDraft { engine, ..EngineDraft::default() });
                self.engines.len() - 1
            }
        };
        self.at = at;
        self.engines.get_mut(at)
    }

    fn finish(self) -> VllmSample {
        let mut engines: Vec<Engine> = self.engines.into_iter().map(EngineDraft::finish).collect();
        engines.sort_by(|a, b| (&a.model_name, &a.engine).cmp(&(&b.model_name, &b.engine)));
        VllmSample {
            process_start: self.process_start,
            engines,
            time_to_first_token: self.time_to_first_token.finish(),
            inter_token_latency: self.inter_token_latency.new.finish().or(self.inter_token_latency.old.finish()),
            request_latency: self.request_latency.finish(),
            queue_time: self.queue_time.finish(),
            ..VllmSample::default()
        }
    }
}

/// The series of one engine that are kept.
#[derive(Debug, Clone, Copy)]
enum Series {
    Running,
    Waiting,
    KvCache,
    OldKvCache,
    Asleep,
    PromptTokens,
    GenerationTokens,
    Preemptions,
    Iterations,
    PrefixQueries,
    OldPrefixQueries,
    PrefixHits,
    OldPrefixHits,
    RequestSuccess,
}

impl Series {
    /// Counters are known with and without `_total`: the suffix came and went with the client library.
    fn of(name: &[u8]) -> Option<Self> {
        Some(match name.strip_suffix(b"_total").unwrap_or(name) {
            b"num_requests_running" => Series::Running,
            b"num_requests_waiting" => Series::Waiting,
            b"kv_cache_usage_perc" => Series::KvCache,
            b"gpu_cache_usage_perc" => Series::OldKvCache,
            b"engine_sleep_state" => Series::Asleep,
            b"prompt_tokens" => Series::PromptTokens,
            b"generation_tokens" => Series::GenerationTokens,
            b"num_preemptions" => Series::Preemptions,
            b"iteration_tokens_total_count" => Series::Iterations,
            b"prefix_cache_queries" => Series::PrefixQueries,
            b"gpu_prefix_cache_queries" => Series::OldPrefixQueries,
            b"prefix_cache_hits" => Series::PrefixHits,
            b"gpu_prefix_cache_hits" => Series::OldPrefixHits,
            b"request_success" => Series::RequestSuccess,
            _ => return None,
        })
    }

    /// Several series of one engine differ in a label that is not kept: counts add up. The share of the cache does
    /// not: under multiprocess mode (up to vLLM 0.11) each process tells its own with the label `pid`.
    fn store(self, draft: &mut EngineDraft, labels: Labels<'_>, value: f64) {
        let engine = &mut draft.engine;
        match self {
            Series::Running => add(&mut engine.running, value),
            Series::Waiting => add(&mut engine.waiting, value),
            Series::KvCache => raise(&mut draft.kv_cache.new, value),
            Series::OldKvCache => raise(&mut draft.kv_cache.old, value),
            Series::Asleep => {
                if labels.get("sleep_state").is_some_and(|state| state.is("awake")) {
                    engine.asleep = Some(value == 0.0);
                }
            }
            Series::PromptTokens => add(&mut engine.prompt_tokens, value),
            Series::GenerationTokens => add(&mut engine.generation_tokens, value),
            Series::Preemptions => add(&mut engine.preemptions, value),
            Series::Iterations => add(&mut engine.iterations, value),
            Series::PrefixQueries => add(&mut draft.prefix_queries.new, value),
            Series::OldPrefixQueries => add(&mut draft.prefix_queries.old, value),
            Series::PrefixHits => add(&mut draft.prefix_hits.new, value),
            Series::OldPrefixHits => add(&mut draft.prefix_hits.old, value),
            Series::RequestSuccess => {
                finished(&mut engine.request_success, labels.get("finished_reason").unwrap_or_default(), value);
            }
        }
    }
}

fn add(to: &mut Option<f64>, value: f64) {
    *to = Some(to.unwrap_or(0.0) + value);
}

fn raise(to: &mut Option<f64>, value: f64) {
    *to = Some(to.map_or(value, |present| present.max(value)));
}

fn finished(counts: &mut Vec<(String, f64)>, reason: Text<'_>, value: f64) {
    match counts.iter().position(|(known, _)| said(reason, known)) {
        Some(at) => counts[at].1 += value,
        None if counts.len() < MAX_REASONS => counts.push((shorten(reason), value)),
        None => {}
    }
}

impl EngineDraft {
    fn finish(self) -> Engine {
        let mut engine = self.engine;
        engine.kv_cache_usage = self.kv_cache.new.or(self.kv_cache.old);
        engine.prefix_cache_queries = self.prefix_queries.new.or(self.prefix_queries.old);
        engine.prefix_cache_hits = self.prefix_hits.new.or(self.prefix_hits.old);
        engine.request_success.sort_by(|a, b| a.0.cmp(&b.0));
        engine
    }
}

/// A histogram as its series come in, summed over engines.
#[derive(Debug, Default)]
struct HistogramDraft {
    buckets: Vec<(f64, f64)>,
    /// Where the next bucket will stand when this engine has the bounds of the one before.
    next: usize,
    sum: Option<f64>,
    count: Option<f64>,
}

impl HistogramDraft {
    fn take(&mut self, part: &[u8], labels: Labels<'_>, value: f64) {
        match part {
            b"sum" => add(&mut self.sum, value),
            b"count" => add(&mut self.count, value),
            b"bucket" => {
                let bound = labels.get("le").and_then(|le| le.decode().parse().ok());
                if let Some(bound) = bound.filter(|bound: &f64| !bound.is_nan()) {
                    self.add_bucket(bound, value);
                }
            }
            _ => {}
        }
    }

    fn add_bucket(&mut self, bound: f64, value: f64) {
        let same = |bucket: &(f64, f64)| bucket.0 == bound;
        let hit = Some(self.next).filter(|at| self.buckets.get(*at).is_some_and(same));
        let at = match hit.or_else(|| self.buckets.iter().position(same)) {
            Some(at) => at,
            None if self.buckets.len() == MAX_BUCKETS => return,
            None => {
                self.buckets.push((bound, 0.0));
                self.buckets.len() - 1
            }
        };
        self.buckets[at].1 += value;
        self.next = at + 1;
    }

    /// `None` for one without an infinite bucket: it was cut off, or its bounds could not be read.
    fn finish(mut self) -> Option<Histogram> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (last, total) = *self.buckets.last()?;
        if last != f64::INFINITY {
            return None;
        }
        Some(Histogram { buckets: self.buckets, sum: self.sum.unwrap_or(0.0), count: self.count.unwrap_or(total) })
    }
}

/// What `text` says, of which only the beginning is kept.
fn shorten(text: Text<'_>) -> String {
    text.decode().chars().take(MAX_LABEL).collect()
}

/// Whether `kept` is what [`shorten`] made, or would make, of `text`.
fn said(text: Text<'_>, kept: &str) -> bool {
    text.is(kept) || (text.raw().len() > MAX_LABEL && shorten(text) == kept)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
