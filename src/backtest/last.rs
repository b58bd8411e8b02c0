//! What a record does not hold because the latest reading of a source gave nothing: the checks go on judging what was
//! last read, so it is taken from the record before.
//!
//! Invariant: a record is filled in from the one before it and from nothing else, in their order.

use super::keys::{Number, Source};
use super::record::{Moment, Told};
use crate::observation::{Time, seconds_since};

/// What the GPU's figures were at one record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) at: Time,
    pub(super) utilization: f64,
    pub(super) clock_ratio: Option<f64>,
    pub(super) throttle: Option<f64>,
    pub(super) running: Option<f64>,
}

/// Samples that are kept at most, however close the records are.
const SAMPLES: usize = 1024;

const GPU: [Number; 12] = [
    Number::Gpus,
    Number::GpusLost,
    Number::Utilization,
    Number::SmClock,
    Number::ClockRatio,
    Number::Power,
    Number::Temperature,
    Number::SlowdownMargin,
    Number::Throttle,
    Number::GpuMemoryUsed,
    Number::EccUncorrected,
    Number::RemapFailed,
];
const HOST: [Number; 5] =
    [Number::MemoryTotal, Number::MemoryAvailable, Number::PressureFull, Number::DiskTotal, Number::DiskAvailable];

/// Fills in `moment` from the record `before` it.
pub(super) fn fill(moment: &mut Moment, before: &Moment) {
    let older = seconds_since(moment.at, before.at).max(0.0);
    let gone = |told: Told| told.keeps_last() || told == Told::Missing;
    if moment.told(Source::Loop).keeps_last() {
        [Number::Paused, Number::PausedHard].into_iter().for_each(|number| moment.keep(number, before, 0.0));
        moment.keep(Number::PausedSeconds, before, older);
        [Source::Heartbeat, Source::Pause, Source::LoopState]
            .into_iter()
            .for_each(|source| moment.told[source as usize] = before.told(source));
    }
    let is_told = |told: Told| !matches!(told, Told::Observed | Told::Absent);
    if is_told(moment.told(Source::Heartbeat)) || is_told(moment.told(Source::Loop)) {
        moment.phase = before.phase;
        moment.keep(Number::PhaseAge, before, older);
    }
    if moment.told(Source::Subagents).keeps_last() {
        // Whoever is not seen any more does not grow older.
        moment.agents.clone_from(&before.agents);
        moment.keep(Number::SubagentsHidden, before, 0.0);
    }
    if gone(moment.told(Source::Gpu)) {
        GPU.into_iter().for_each(|number| moment.keep(number, before, 0.0));
        moment.xids.clone_from(&before.xids);
        moment.xid_ages = before.xid_ages.iter().map(|age| age + older).collect();
        moment.keep(Number::EccGrown, before, older);
    }
    if gone(moment.told(Source::Host)) {
        HOST.into_iter().for_each(|number| moment.keep(number, before, 0.0));
        moment.keep(Number::Uptime, before, older);
    }
}

/// Drops the samples that are of no use at `now`, where a condition must last `sustained` seconds: all but the last that
/// are older than that. They stand in order.
pub(super) fn forget(samples: &mut Vec<Sample>, now: Time, sustained: f64) {
    let old = samples.iter().take_while(|sample| seconds_since(now, sample.at) >= sustained).count();
    let useless = old.saturating_sub(1).max(samples.len().saturating_sub(SAMPLES));
    samples.drain(..useless);
}

impl Sample {
    /// What `moment` shows of the GPU; `None` where it was not read, or there are several.
    pub(super) fn of(moment: &Moment) -> Option<Self> {
        let single = moment.get(Number::Gpus) == Some(1.0) && moment.told(Source::Gpu) == Told::Observed;
        Some(Sample {
            at: moment.at,
            utilization: moment.get(Number::Utilization).filter(|_| single)?,
            clock_ratio: moment.get(Number::ClockRatio),
            throttle: moment.get(Number::Throttle),
            running: moment.get(Number::Running).filter(|_| !moment.is(Number::GaugesStale)),
        })
    }
}
