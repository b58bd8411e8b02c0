//! What a record tells of vLLM and the GPUs, as readings that show the same.
//!
//! Invariant: a figure that the record does not hold is absent in the reading too.

use super::found::{Codes, Found};
use super::keys::Number;
use super::last::Sample;
use super::record::Moment;
use super::replay::{Instant, whole};
use crate::observation::*;
use crate::state::GpuWindow;

/// Whether anything was found of vLLM, so that it was not merely absent.
pub(super) fn vllm_found(recorded: Found) -> bool {
    !recorded.warn.within(Codes::of_check(SourceId::Vllm.index())).is_empty()
}

/// A sample of an engine that has work to do and generates nothing.
pub(super) fn standing(moment: &Moment) -> VllmSample {
    let (running, waiting) = (moment.get(Number::Running), moment.get(Number::Waiting));
    let has_work = [running, waiting].into_iter().flatten().any(|count| count > 0.0);
    // A standstill that outlives the readings was one of an engine with work to do.
    let running = if has_work { running } else { Some(1.0) };
    let engine = Engine { running, waiting, generation_tokens: Some(1.0), ..Engine::default() };
    VllmSample { engines: vec![engine], ..VllmSample::default() }
}

/// The GPU that the record's figures are of; of several, one that is as hot as the hottest.
pub(super) fn gpu_of(instant: &Instant<'_>) -> Gpu {
    let moment = instant.moment;
    let told = |number| Field::from(moment.get(number));
    let temperature = moment.get(Number::Temperature);
    let slowdown = temperature.zip(moment.get(Number::SlowdownMargin)).map(|(now, margin)| now + margin);
    let fastest = moment.get(Number::SmClock).zip(moment.get(Number::ClockRatio).filter(|ratio| *ratio > 0.0));
    let xid = |(xid, age): (&f64, &f64)| XidCount {
        xid: whole(Some(*xid)).unwrap_or(0),
        count: 1,
        last_at: unix_seconds(instant.moment.at) - age,
    };
    Gpu {
        name: "GPU".into(),
        utilization: told(Number::Utilization),
        sm_clock: told(Number::SmClock),
        sm_clock_max: fastest.map(|(clock, ratio)| clock / ratio).into(),
        // It is told apart from nothing only; its value is for people.
        power: if moment.get(Number::Utilization).is_none() { told(Number::Power) } else { Field::Unsupported },
        temperature: temperature.into(),
        temperature_slowdown: slowdown.into(),
        throttle_reasons: whole(moment.get(Number::Throttle)).into(),
        memory_used: whole(moment.get(Number::GpuMemoryUsed)).into(),
        remap_failed: moment.get(Number::RemapFailed).map(|failed| failed == 1.0).into(),
        ecc_uncorrected: if moment.get(Number::EccGrown).is_some() { Field::Value(1) } else { Field::Unsupported },
        xids: moment.xids.iter().zip(&moment.xid_ages).map(xid).collect(),
        ..Gpu::default()
    }
}

/// `window` with the samples before `instant`, for the conditions that count once they last.
pub(super) fn rows(mut window: GpuWindow, instant: &Instant<'_>) -> GpuWindow {
    let now = Sample::of(instant.moment);
    let now = now.map(|sample| Sample { at: instant.at, ..sample });
    let at_record = Sample::of(instant.moment).filter(|_| instant.at > instant.moment.at);
    let samples = instant.samples.iter().copied().chain(at_record).chain(now);
    for sample in samples.filter(|sample| sample.at <= instant.at) {
        let gpu = Gpu {
            utilization: Field::Value(sample.utilization),
            sm_clock: sample.clock_ratio.into(),
            sm_clock_max: Field::Value(1.0),
            throttle_reasons: whole(sample.throttle).into(),
            ..Gpu::default()
        };
        let engine = Engine { running: sample.running, ..Engine::default() };
        window.note_requests(sample.at, &VllmSample { engines: vec![engine], ..VllmSample::default() });
        if sample.at < instant.at {
            window.push(sample.at, &GpuReading { gpus: vec![gpu], ..GpuReading::default() });
        }
    }
    window
}
