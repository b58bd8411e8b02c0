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

pub(super) fn sample(generation_tokens: Option<f64>, moment: &Moment) -> VllmSample {
    let engine = Engine {
        running: moment.get(Number::Running),
        waiting: moment.get(Number::Waiting),
        generation_tokens,
        ..Engine::default()
    };
    // A standstill that outlives the readings was one of an engine with work to do.
    let engine = match (generation_tokens, engine.running, engine.waiting) {
        (Some(_), running, waiting)
            if running.or(waiting).is_none_or(|count| count <= 0.0) && waiting.is_none_or(|count| count <= 0.0) =>
        {
            Engine { running: Some(1.0), ..engine }
        }
        _ => engine,
    };
    let answered_in = moment.get(Number::VllmAnswer).unwrap_or(0.0).clamp(0.0, 1e6);
    VllmSample {
        engines: vec![engine],
        answered_in: std::time::Duration::from_secs_f64(answered_in),
        ..VllmSample::default()
    }
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
        power: told(Number::Power),
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
