//! Rates, latencies and stall of vLLM, from the differences between samples.
//!
//! Invariant: every figure is as of the latest sample; whether that is fresh, the slot tells. A restart of the
//! server or of one engine gives a new baseline, never a negative or huge figure.

mod rates;
mod recent;
mod stall;
#[cfg(test)]
mod tests;

use crate::observation::{FailureKind, Time, VllmSample, seconds_since};
use rates::{Counter, Rates};
use recent::{Latency, Recent};
pub use stall::{Stall, StallClock};

/// The last samples of vLLM.
#[derive(Debug, Clone)]
pub struct VllmWindow {
    stall_after: f64,
    clock: StallClock,
    rates: Rates,
    recent: Recent,
    outage: Option<Outage>,
    reached: bool,
}

/// An unbroken row of failures of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outage {
    /// The kind.
    pub kind: FailureKind,
    /// When the first reading of the row was made.
    pub since: Time,
}

impl VllmWindow {
    /// No samples yet. An engine is stalled when it has stood still for `stall_after` seconds.
    pub fn new(stall_after: f64) -> Self {
        VllmWindow {
            stall_after,
            clock: StallClock::default(),
            rates: Rates::default(),
            recent: Recent::default(),
            outage: None,
            reached: false,
        }
    }

    /// Follows a changed limit.
    pub(super) fn set_stall_after(&mut self, seconds: f64) {
        self.stall_after = seconds;
    }

    /// Takes in a sample.
    pub fn push(&mut self, at: Time, sample: &VllmSample) {
        self.outage = None;
        self.reached = true;
        self.clock.push(at, sample);
        let continuous = self.rates.push(at, sample);
        self.recent.push(at, sample, continuous);
    }

    /// Takes in a reading that failed.
    pub fn failed(&mut self, at: Time, kind: FailureKind) {
        // Whoever answers, however badly, is there.
        self.reached |= kind != FailureKind::Unreachable;
        match self.outage {
            Some(outage) if outage.kind == kind => {}
            _ => self.outage = Some(Outage { kind, since: at }),
        }
    }

    /// The present row of failures; `None` when the latest reading succeeded.
    pub fn outage(&self) -> Option<Outage> {
        self.outage
    }

    /// Whether anything ever answered at vLLM's address.
    pub fn reached(&self) -> bool {
        self.reached
    }

    /// Tokens generated per second, over all engines and about the last 10 s.
    pub fn generation_tokens_per_second(&self) -> Option<f64> {
        self.rates.per_second(Counter::Generation)
    }

    /// Prompt tokens processed per second, over all engines and about the last 10 s.
    pub fn prompt_tokens_per_second(&self) -> Option<f64> {
        self.rates.per_second(Counter::Prompt)
    }

    /// Requests finished per second, for whatever reason, over all engines and about the last 10 s.
    pub fn requests_per_second(&self) -> Option<f64> {
        self.rates.per_second(Counter::Requests)
    }

    /// Share of the looked-up tokens that the prefix cache held, 0 to 1, over the last 5 min.
    pub fn prefix_cache_hit_ratio(&self) -> Option<f64> {
        self.recent.hit_ratio()
    }

    /// The `q`-quantile (0 to 1) of the time to the first token, seconds, over the last 5 min; like the others
    /// below, since vLLM's start while less than a minute was watched, and `None` without a request in that time.
    pub fn time_to_first_token(&self, q: f64) -> Option<f64> {
        self.recent.quantile(Latency::TimeToFirstToken, q)
    }

    /// The `q`-quantile of the time between two tokens of a request, seconds.
    pub fn inter_token_latency(&self, q: f64) -> Option<f64> {
        self.recent.quantile(Latency::InterToken, q)
    }

    /// The `q`-quantile of the time a whole request takes, seconds.
    pub fn request_latency(&self, q: f64) -> Option<f64> {
        self.recent.quantile(Latency::Request, q)
    }

    /// The `q`-quantile of the time a request waits, seconds.
    pub fn queue_time(&self, q: f64) -> Option<f64> {
        self.recent.quantile(Latency::Queue, q)
    }

    /// The longest present stall, if there is one.
    pub fn stall(&self) -> Option<&Stall> {
        self.stalls().into_iter().next()
    }

    /// The longest present standstill, however short; a stall once it lasts.
    pub fn standstill(&self) -> Option<&Stall> {
        self.clock.stalls().into_iter().next()
    }

    /// Whether the gauges of running and waiting requests were proven stale, so that they are no work to do.
    pub fn gauges_are_stale(&self) -> bool {
        self.clock.gauges_are_stale()
    }

    /// Whether an engine has work to do and did not move between the last two samples, however short that was.
    pub fn stands_still(&self) -> bool {
        !self.clock.stalls().is_empty()
    }

    /// Every engine's present stall, the longest first: what checks, metrics and pages mean by a stall. Only the time
    /// between samples counts, not that since the last one, and a standstill shorter than `checks.vllm.stall_warn`
    /// may be one slow step.
    pub fn stalls(&self) -> Vec<&Stall> {
        let mut stalls = self.clock.stalls();
        stalls.retain(|stall| seconds_since(stall.seen_at, stall.since) >= self.stall_after);
        stalls
    }
}
