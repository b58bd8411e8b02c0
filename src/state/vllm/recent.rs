//! Latencies and cache hits over the last minutes.
//!
//! Invariant: figures are of the last minutes, or, while less than a minute was watched, of all the time since
//! vLLM's start; never of both.

use std::collections::VecDeque;

use crate::observation::{Histogram, Time, VllmSample, seconds_since};

/// Seconds that the figures look back.
const WINDOW: f64 = 300.0;
/// Seconds that must have been watched before figures are of what was watched.
const LEAST: f64 = 60.0;
/// Seconds between two samples that are kept.
const STEP: f64 = 10.0;

/// The histograms that quantiles are taken of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Latency {
    TimeToFirstToken,
    InterToken,
    Request,
    Queue,
}

#[derive(Debug, Clone)]
struct Totals {
    at: Time,
    histograms: [Option<Histogram>; 4],
    queries: Option<f64>,
    hits: Option<f64>,
}

/// The totals some minutes ago, and now.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    earlier: VecDeque<Totals>,
    latest: Option<Totals>,
}

impl Recent {
    /// Takes in a sample. One that is not `continuous` with those before it starts anew.
    pub(super) fn push(&mut self, at: Time, sample: &VllmSample, continuous: bool) {
        if !continuous {
            *self = Recent::default();
        }
        let is_due = self.earlier.back().is_none_or(|last| seconds_since(at, last.at) >= STEP);
        let totals = Totals::of(at, sample);
        if is_due {
            self.earlier.push_back(totals.clone());
        }
        while self.earlier.get(1).is_some_and(|next| seconds_since(at, next.at) >= WINDOW) {
            self.earlier.pop_front();
        }
        self.latest = Some(totals);
    }

    /// The `q`-quantile in seconds; `None` when nothing was observed.
    pub(super) fn quantile(&self, latency: Latency, q: f64) -> Option<f64> {
        let latest = self.latest.as_ref()?.histograms[latency as usize].as_ref()?;
        let base = self.base().and_then(|base| base.histograms[latency as usize].as_ref());
        match base.and_then(|base| latest.since(base)) {
            Some(recent) => recent.quantile(q),
            None => latest.quantile(q),
        }
    }

    /// Share of looked-up tokens that the prefix cache held, 0 to 1; `None` when none was looked up.
    pub(super) fn hit_ratio(&self) -> Option<f64> {
        let latest = self.latest.as_ref()?;
        let (hits, queries) = (latest.hits?, latest.queries?);
        let base = self.base().and_then(|base| Some((base.hits?, base.queries?))).unwrap_or_default();
        let (hits, queries) = (hits - base.0, queries - base.1);
        (queries > 0.0 && hits >= 0.0).then(|| (hits / queries).min(1.0))
    }

    fn base(&self) -> Option<&Totals> {
        let (base, latest) = (self.earlier.front()?, self.latest.as_ref()?);
        (seconds_since(latest.at, base.at) >= LEAST).then_some(base)
    }
}

impl Totals {
    fn of(at: Time, sample: &VllmSample) -> Self {
        let sum = |counts: Vec<Option<f64>>| counts.into_iter().flatten().reduce(|a, b| a + b);
        Totals {
            at,
            histograms: [
                sample.time_to_first_token.clone(),
                sample.inter_token_latency.clone(),
                sample.request_latency.clone(),
                sample.queue_time.clone(),
            ],
            queries: sum(sample.engines.iter().map(|engine| engine.prefix_cache_queries).collect()),
            hits: sum(sample.engines.iter().map(|engine| engine.prefix_cache_hits).collect()),
        }
    }
}
