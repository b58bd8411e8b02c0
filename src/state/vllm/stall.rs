//! Which engines have work to do and do not move.
//!
//! Invariant: the only definition of a standstill. [`super::VllmWindow`] calls one that lasts a stall, and the source
//! decides by it when to send the one-token request. An engine that is absent from a page, or a page that is absent, moves nothing and resolves
//! nothing.

use crate::observation::{Canary, Engine, Time, VllmSample, seconds_since};

/// An engine that is absent from the pages for this many seconds is forgotten.
const FORGET_AFTER: f64 = 600.0;
/// Engines that are remembered at most while pages keep coming with new ones.
const MAX_ENGINES: usize = 1024;

/// An engine of vLLM has work to do and nothing moves.
#[derive(Debug, Clone, PartialEq)]
pub struct Stall {
    /// Label `model_name` of the engine.
    pub model_name: String,
    /// Label `engine`.
    pub engine: String,
    /// When something last moved, as far as samples show.
    pub since: Time,
    /// The latest sample in which it was seen not to move.
    pub seen_at: Time,
    /// Requests that run, as vLLM's gauge says.
    pub running: Option<f64>,
    /// Requests that wait.
    pub waiting: Option<f64>,
    /// What the one-token request said, if one was sent during this stall.
    pub canary: Option<Canary>,
}

/// How long each engine has stood still.
#[derive(Debug, Clone, Default)]
pub struct StallClock {
    process_start: Option<f64>,
    engines: Vec<EngineClock>,
}

/// What moves while an engine works. The use of the KV cache is among it because during a chunked prefill nothing
/// else is.
type Movement = [Option<f64>; 7];

#[derive(Debug, Clone)]
struct EngineClock {
    movement: Movement,
    has_work: bool,
    /// The one-token request was answered while the gauges stood still: they are stale, not the engine.
    acquitted: bool,
    stall: Stall,
}

impl StallClock {
    /// Takes in a sample.
    pub fn push(&mut self, at: Time, sample: &VllmSample) {
        if restarted(self.process_start, sample.process_start) {
            self.engines.clear();
        }
        self.process_start = sample.process_start.or(self.process_start);
        for engine in &sample.engines {
            match self.engines.iter_mut().find(|clock| clock.is_of(engine)) {
                Some(clock) => clock.tick(at, engine),
                None => self.engines.push(EngineClock::new(at, engine)),
            }
        }
        let crowded = self.engines.len() > MAX_ENGINES;
        self.engines.retain(|clock| {
            let unseen = seconds_since(at, clock.stall.seen_at);
            unseen <= 0.0 || !crowded && unseen < FORGET_AFTER
        });
        if let Some(canary) = sample.canary {
            self.hear(canary, sample);
        }
    }

    /// Every present standstill, however short, the longest first.
    pub fn stalls(&self) -> Vec<&Stall> {
        let stands = |clock: &&EngineClock| clock.stands_still() && !clock.acquitted;
        let mut stalls: Vec<&Stall> = self.engines.iter().filter(stands).map(|clock| &clock.stall).collect();
        stalls.sort_by_key(|stall| stall.since);
        stalls
    }

    /// Whether an engine's gauges were proven stale: it answered the one-token request while they stood still.
    pub fn gauges_are_stale(&self) -> bool {
        self.engines.iter().any(|clock| clock.stands_still() && clock.acquitted)
    }

    /// The model of the engine that has stood still the longest, when that is for `after` seconds or more. Engines
    /// with an answered one-token request count too: they may hang meanwhile.
    pub fn suspect(&self, now: Time, after: f64) -> Option<&str> {
        let longest = self.longest()?;
        (seconds_since(now, longest.since) >= after).then_some(&longest.model_name)
    }

    fn longest(&self) -> Option<&Stall> {
        let still = self.engines.iter().filter(|clock| clock.stands_still());
        still.map(|clock| &clock.stall).min_by_key(|stall| stall.since)
    }

    /// The source asked for the model that stood still the longest. An answer acquits an engine only when no other
    /// one could have given it.
    fn hear(&mut self, canary: Canary, sample: &VllmSample) {
        let Some(asked) = self.longest().map(|stall| stall.model_name.clone()) else { return };
        let alone = sample.engines.iter().filter(|engine| engine.model_name == asked).count() < 2;
        let of_it = |clock: &&mut EngineClock| clock.stands_still() && clock.stall.model_name == asked;
        for clock in self.engines.iter_mut().filter(of_it) {
            clock.stall.canary = Some(canary);
            match canary {
                Canary::Answered if alone => {
                    clock.acquitted = true;
                    clock.stall.since = clock.stall.seen_at;
                }
                Canary::TimedOut => clock.acquitted = false,
                Canary::Answered | Canary::Inconclusive => {}
            }
        }
    }
}

impl EngineClock {
    fn new(at: Time, engine: &Engine) -> Self {
        let stall = Stall {
            model_name: engine.model_name.clone(),
            engine: engine.engine.clone(),
            since: at,
            seen_at: at,
            running: engine.running,
            waiting: engine.waiting,
            canary: None,
        };
        EngineClock { movement: movement(engine), has_work: has_work(engine).unwrap_or(false), acquitted: false, stall }
    }

    fn is_of(&self, engine: &Engine) -> bool {
        self.stall.engine == engine.engine && self.stall.model_name == engine.model_name
    }

    fn tick(&mut self, at: Time, engine: &Engine) {
        let present = movement(engine);
        let moved = self.movement.iter().zip(&present).any(|pair| matches!(pair, (Some(a), Some(b)) if a != b));
        self.has_work = has_work(engine).unwrap_or(self.has_work);
        // A clock set back would make the stall's length negative.
        if moved || !self.has_work || at < self.stall.seen_at {
            self.stall.since = at;
            self.stall.canary = None;
            self.acquitted = false;
        }
        for (known, new) in self.movement.iter_mut().zip(present) {
            *known = new.or(*known);
        }
        self.stall.seen_at = at;
        self.stall.running = engine.running.or(self.stall.running);
        self.stall.waiting = engine.waiting.or(self.stall.waiting);
    }

    /// Two samples at least, with work to do and without movement between them; or one since the canary's answer.
    fn stands_still(&self) -> bool {
        self.has_work && (self.acquitted || self.stall.seen_at > self.stall.since)
    }
}

/// Whether the server behind two samples in a row is not the same process.
pub(super) fn restarted(before: Option<f64>, now: Option<f64>) -> bool {
    matches!((before, now), (Some(before), Some(now)) if before != now)
}

fn movement(engine: &Engine) -> Movement {
    [
        engine.generation_tokens,
        engine.prompt_tokens,
        engine.iterations,
        finished(engine),
        engine.prefix_cache_queries,
        engine.preemptions,
        engine.kv_cache_usage,
    ]
}

/// Requests the engine finished. Aborted ones are not among them: an impatient client aborts, our own one-token
/// request too, and vLLM's front end counts it while the engine behind it hangs.
fn finished(engine: &Engine) -> Option<f64> {
    let finished = engine.request_success.iter().filter(|(reason, _)| reason != "abort");
    if engine.request_success.is_empty() { None } else { Some(finished.map(|(_, count)| count).sum()) }
}

/// Whether requests run or wait; `None` when the page does not tell. A sleeping engine has nothing to do.
fn has_work(engine: &Engine) -> Option<bool> {
    if engine.asleep == Some(true) {
        return Some(false);
    }
    let counts = [engine.running, engine.waiting];
    counts.iter().flatten().map(|count| *count > 0.0).reduce(|a, b| a || b)
}

#[cfg(test)]
#[path = "stall_tests.rs"]
mod tests;
