//! What one publication costs beside the rendering of pages: the copy of the state and of the history that a snapshot
//! still holds, and the judgement. A typical machine (one engine, one GPU) and a large one (8 each), windows full.

use std::time::Duration;

use autoswe_exporter::assessment::{Assessment, Thresholds, assess};
use autoswe_exporter::config::Config;
use autoswe_exporter::history::History;
use autoswe_exporter::observation::*;
use autoswe_exporter::source::vllm::parse;
use autoswe_exporter::state::State;
use divan::{Bencher, black_box};
use jiff::SignedDuration;

/// A captured page of a busy vLLM 0.32.0, 590 lines.
const PAGE: &str = include_str!("../tests/fixtures/vllm-0.32.0/busy-8.prom");

fn main() {
    divan::main();
}

fn time(seconds: i64) -> Time {
    Time::UNIX_EPOCH + SignedDuration::from_secs(1_795_000_000 + seconds)
}

fn gpu(index: u32, second: i64) -> Gpu {
    let process = |pid| GpuProcess { pid, command: "python3".into(), memory: Field::Value(1 << 30), vllm: pid < 4 };
    Gpu {
        index,
        uuid: format!("GPU-{index:08}-0000-4000-8000-000000000001"),
        name: "NVIDIA GB10".into(),
        utilization: Field::Value(0.9 + (second % 7) as f64 / 100.0),
        sm_clock: Field::Value(2.4e9),
        sm_clock_max: Field::Value(3.0e9),
        power: Field::Value(60.0),
        temperature: Field::Value(63.0),
        throttle_reasons: Field::Value(0),
        processes: Field::Value((0..8).map(process).collect()),
        ..Gpu::default()
    }
}

/// A state and a history that were fed for six hours.
fn full(size: u32) -> (State, History, Assessment) {
    let config = Config::default();
    let thresholds = Thresholds::new(&config, false);
    let (mut state, mut history) = (State::new(&config, time(0)), History::default());
    let sample = parse(PAGE.as_bytes(), "").expect("a captured page");
    for second in (0..6 * 3600).step_by(2) {
        let mut sample = sample.clone();
        let first = sample.engines.remove(0);
        sample.engines = (0..size)
            .map(|engine| Engine {
                engine: engine.to_string(),
                generation_tokens: Some(224.0 * second as f64),
                ..first.clone()
            })
            .collect();
        let gpus = (0..size).map(|index| gpu(index, second)).collect();
        let data = [Data::Vllm(sample), Data::Gpu(GpuReading { gpus, ..GpuReading::default() })];
        for data in data {
            let (source, reading) = (data.source(), Reading::Observed(data));
            state.apply(Observation { source, at: time(second), took: Duration::from_millis(1), reading });
        }
        let assessment = assess(&state, &thresholds, time(second));
        history.note(&state, &assessment);
    }
    let assessment = assess(&state, &thresholds, time(6 * 3600));
    (state, history, assessment)
}

#[divan::bench(args = [1, 8])]
fn copy_state(bencher: Bencher<'_, '_>, size: u32) {
    let (state, ..) = full(size);
    bencher.bench_local(|| black_box(&state).clone());
}

#[divan::bench(args = [1, 8])]
fn copy_history(bencher: Bencher<'_, '_>, size: u32) {
    let (_, history, _) = full(size);
    bencher.bench_local(|| black_box(&history).clone());
}

#[divan::bench(args = [1, 8])]
fn judge(bencher: Bencher<'_, '_>, size: u32) {
    let (state, _, assessment) = full(size);
    let thresholds = Thresholds::new(&Config::default(), false);
    bencher.bench_local(|| assess(black_box(&state), &thresholds, assessment.at));
}
