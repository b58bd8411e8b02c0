//! Rates of vLLM's counters over the last seconds.
//!
//! Invariant: a rate is never negative and never huge. An engine whose counters fell, or that is new, starts from a
//! new baseline; the other engines go on.

use std::collections::VecDeque;

use super::stall::restarted;
use crate::observation::{Engine, Time, VllmSample, seconds_since};

/// Seconds over which a rate is taken: smooth over a few readings, and live.
const WINDOW: f64 = 10.0;
/// Samples that are kept of one engine at most, however short the interval between readings.
const MAX_SAMPLES: usize = 64;

/// The counters that rates are taken of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counter {
    Generation,
    Prompt,
    Requests,
}

type Counters = [Option<f64>; 7];

/// The last samples of each engine.
#[derive(Debug, Clone, Default)]
pub(super) struct Rates {
    process_start: Option<f64>,
    engines: Vec<EngineRates>,
}

#[derive(Debug, Clone)]
struct EngineRates {
    model_name: String,
    engine: String,
    samples: VecDeque<(Time, Counters)>,
}

impl Rates {
    /// Takes in a sample. False when an engine was added, is gone or got a new baseline.
    pub(super) fn push(&mut self, at: Time, sample: &VllmSample) -> bool {
        let mut continuous = !restarted(self.process_start, sample.process_start);
        let mut before = std::mem::take(&mut self.engines);
        if !continuous {
            before.clear();
        }
        self.process_start = sample.process_start.or(self.process_start);
        for engine in &sample.engines {
            let known = before.iter().position(|known| known.is_of(engine));
            let mut rates = known.map_or_else(|| EngineRates::new(engine), |known| before.swap_remove(known));
            continuous &= rates.push(at, counters(engine));
            self.engines.push(rates);
        }
        continuous && before.is_empty()
    }

    /// Counts per second, over all engines that have two samples; `None` when none has.
    pub(super) fn per_second(&self, counter: Counter) -> Option<f64> {
        self.engines.iter().filter_map(|engine| engine.per_second(counter)).reduce(|a, b| a + b)
    }
}

impl EngineRates {
    fn new(engine: &Engine) -> Self {
        EngineRates { model_name: engine.model_name.clone(), engine: engine.engine.clone(), samples: VecDeque::new() }
    }

    fn is_of(&self, engine: &Engine) -> bool {
        self.engine == engine.engine && self.model_name == engine.model_name
    }

    /// False when this sample is a new baseline.
    fn push(&mut self, at: Time, counters: Counters) -> bool {
        let fell = |(before, now): (&Option<f64>, &Option<f64>)| matches!((before, now), (Some(b), Some(n)) if n < b);
        let continuous =
            self.samples.back().is_some_and(|(then, before)| *then < at && !before.iter().zip(&counters).any(fell));
        if !continuous {
            self.samples.clear();
        }
        self.samples.push_back((at, counters));
        // At least the last two stay, however long ago the one before was taken.
        while self.samples.len() > 2 && seconds_since(at, self.samples[0].0) > WINDOW {
            self.samples.pop_front();
        }
        if self.samples.len() > MAX_SAMPLES {
            self.samples.remove(1);
        }
        continuous
    }

    fn per_second(&self, counter: Counter) -> Option<f64> {
        let ((start, first), (end, last)) = (self.samples.front()?, self.samples.back()?);
        let seconds = seconds_since(*end, *start);
        let counted = last[counter as usize]? - first[counter as usize]?;
        (seconds > 0.0 && counted >= 0.0).then(|| counted / seconds)
    }
}

/// The first three in the order of [`Counter`]; the others only tell a restart.
fn counters(engine: &Engine) -> Counters {
    let requests = engine.request_success.iter().map(|(_, count)| *count).reduce(|a, b| a + b);
    [
        engine.generation_tokens,
        engine.prompt_tokens,
        requests,
        engine.iterations,
        engine.preemptions,
        engine.prefix_cache_queries,
        engine.prefix_cache_hits,
    ]
}
