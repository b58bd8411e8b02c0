use std::time::Duration;

use super::*;
use crate::assessment::{CheckResult, Presence, Severity};
use crate::check::{EXAMPLE_NOW, example_state};
use crate::config::Config;

fn judge(observations: Vec<Observation>) -> CheckResult {
    judge_at(observations, 0)
}

fn judge_at(observations: Vec<Observation>, later: i64) -> CheckResult {
    let thresholds = Thresholds::new(&Config::default(), false);
    let now = Time::from_second(EXAMPLE_NOW + later).unwrap();
    CHECK.run(&example_state(observations), &thresholds, now)
}

fn one_gpu(gpu: Gpu) -> CheckResult {
    judge(vec![example_reading(0, gpu)])
}

fn codes(result: &CheckResult) -> Vec<(Severity, &'static str)> {
    result.findings.iter().map(|finding| (finding.severity, finding.code)).collect()
}

fn reading_of(ago: i64, reading: GpuReading) -> Observation {
    Observation { reading: Reading::Observed(Data::Gpu(reading)), ..example_reading(ago, example_gpu()) }
}

fn failing(ago: i64, kind: FailureKind) -> Observation {
    Observation { reading: Reading::Failed(Failure::new(kind, "words")), ..example_reading(ago, example_gpu()) }
}

fn missing(ago: i64) -> Observation {
    Observation { reading: Reading::Missing("no NVML library".into()), ..example_reading(ago, example_gpu()) }
}

fn requests(ago: i64, running: f64) -> Observation {
    let engines = vec![Engine { running: Some(running), ..Engine::default() }];
    Observation {
        source: SourceId::Vllm,
        reading: Reading::Observed(Data::Vllm(VllmSample { engines, ..VllmSample::default() })),
        took: Duration::ZERO,
        ..example_reading(ago, example_gpu())
    }
}

fn process(pid: u32, command: &str, vllm: bool) -> GpuProcess {
    GpuProcess { pid, command: command.into(), memory: Field::Unsupported, vllm }
}

#[test]
fn the_examples_fire_and_stay_quiet() {
    let fired = judge(fires());
    assert_eq!(codes(&fired), [(Warn, "silent_cap")]);
    let reason = &fired.findings[0].reason;
    assert!(reason.contains("630 MHz of 3.00 GHz") && reason.contains("90 s") && reason.contains("16 W"), "{reason}");
    let quiet = judge(quiet());
    assert_eq!(codes(&quiet), []);
    assert_eq!(quiet.summary, "GPU 0 NVIDIA GB10: 95 % busy, 63 °C, 43 W, 2.41 GHz");
}

#[test]
fn a_silent_cap_must_last() {
    let capped = || Gpu { sm_clock: Field::Value(630e6), ..example_gpu() };
    assert_eq!(codes(&judge(vec![example_reading(55, capped()), example_reading(0, capped())])), []);
    assert_eq!(
        codes(&judge(vec![example_reading(60, capped()), example_reading(0, capped())])),
        [(Warn, "silent_cap")]
    );
    let told = || Gpu { throttle_reasons: Field::Value(0x4), ..capped() };
    assert_eq!(
        codes(&judge(vec![example_reading(90, told()), example_reading(0, told())])),
        [],
        "it is told: not silent"
    );
}

#[test]
fn temperatures_are_judged_by_the_gpus_own_threshold_or_the_limits() {
    let gpu = |now: f64, slowdown| {
        one_gpu(Gpu { temperature: Field::Value(now), temperature_slowdown: slowdown, ..example_gpu() })
    };
    assert_eq!(codes(&gpu(86.0, Field::Value(92.0))), []);
    assert_eq!(codes(&gpu(87.0, Field::Value(92.0))), [(Warn, "hot")]);
    assert_eq!(codes(&gpu(92.0, Field::Value(92.0))), [(Crit, "at_slowdown")]);
    assert_eq!(codes(&gpu(84.0, Field::Unsupported)), []);
    assert_eq!(codes(&gpu(85.0, Field::Unsupported)), [(Warn, "hot")]);
    assert_eq!(codes(&gpu(95.0, Field::Unsupported)), [(Crit, "at_slowdown")]);
}

#[test]
fn only_harmful_throttle_reasons_are_found_and_all_are_named() {
    let gpu = |bits| one_gpu(Gpu { throttle_reasons: Field::Value(bits), ..example_gpu() });
    assert_eq!(codes(&gpu(0x1 | 0x2 | 0x4 | 0x10 | 0x100 | 1 << 40)), []);
    let throttled = gpu(0x8 | 0x40);
    assert_eq!(codes(&throttled), [(Warn, "throttled")]);
    assert!(throttled.findings[0].reason.ends_with("hw_slowdown, hw_thermal_slowdown"));
}

#[test]
fn an_idle_gpu_is_found_only_while_requests_run_and_names_who_contends() {
    let idle = |processes: Vec<GpuProcess>| {
        let processes = Field::Value(processes);
        Gpu { utilization: Field::Value(0.0), processes, ..example_gpu() }
    };
    let story = |running: f64, since: i64, processes: &[GpuProcess]| {
        let both = |ago| [requests(ago, running), example_reading(ago, idle(processes.to_vec()))];
        judge((0..=since / 5).rev().flat_map(|n| both(n * 5)).collect())
    };
    let contended = story(1.0, 60, &[process(1, "EngineCore", true), process(2, "train.py", false)]);
    assert_eq!(codes(&contended), [(Warn, "idle")]);
    assert!(contended.findings[0].reason.contains("contending: train.py (pid 2)"), "{:?}", contended.findings);
    assert!(contended.summary.contains("contending: train.py (pid 2)"));
    assert_eq!(codes(&story(1.0, 55, &[])), []);
    assert_eq!(codes(&story(0.0, 90, &[])), [], "no requests, no work");
}

#[test]
fn a_request_that_has_just_come_does_not_make_a_long_idle_gpu_wrong() {
    let idle = || Gpu { utilization: Field::Value(0.0), ..example_gpu() };
    let mut story: Vec<Observation> = (0..=60).rev().map(|n| example_reading(n * 5, idle())).collect();
    story.insert(60, requests(2, 1.0));
    assert_eq!(codes(&judge(story)), []);
}

#[test]
fn gpus_without_vllm_may_be_idle() {
    let gpu = |index: u32, busy: f64, vllm: bool| Gpu {
        index,
        uuid: format!("GPU-{index}"),
        utilization: Field::Value(busy),
        processes: Field::Value(vec![process(index, "python3", vllm)]),
        ..example_gpu()
    };
    let story = |busy: f64| {
        let reading = |ago| {
            reading_of(ago, GpuReading { gpus: vec![gpu(0, busy, true), gpu(1, 0.0, false)], ..Default::default() })
        };
        judge((0..=13).rev().flat_map(|n| [requests(n * 5, 1.0), reading(n * 5)]).collect())
    };
    assert_eq!(codes(&story(0.9)), []);
    assert_eq!(codes(&story(0.0)), [(Warn, "idle")]);
}

#[test]
fn a_lost_gpu_is_critical_beside_healthy_ones() {
    let reading = GpuReading { gpus: vec![example_gpu()], lost: vec![(1, "fell off".into())], ..Default::default() };
    let result = judge(vec![reading_of(0, reading)]);
    assert_eq!(codes(&result), [(Crit, "gpu_lost")]);
    assert_eq!(result.findings[0].reason, "GPU 1 is lost: fell off");
    assert!(result.summary.contains("1 lost"));
}

#[test]
fn a_gpu_that_is_no_longer_listed_is_lost() {
    let other = Gpu { index: 1, uuid: "GPU-b".into(), ..example_gpu() };
    let both = GpuReading { gpus: vec![example_gpu(), other], ..Default::default() };
    let result = judge(vec![reading_of(5, both), example_reading(0, example_gpu())]);
    assert_eq!(codes(&result), [(Crit, "gpu_lost")]);
    assert!(result.findings[0].reason.contains("GPU-b"));
}

#[test]
fn several_gpus_make_one_finding() {
    let hot = |index: u32| Gpu { index, uuid: index.to_string(), temperature: Field::Value(88.0), ..example_gpu() };
    let result = judge(vec![reading_of(0, GpuReading { gpus: vec![hot(0), hot(3)], ..Default::default() })]);
    assert_eq!(codes(&result), [(Warn, "hot")]);
    assert!(result.findings[0].reason.contains("GPU 0 at 88") && result.findings[0].reason.contains("GPU 3 at 88"));
    assert_eq!(result.summary, "2 GPUs, 95 % to 95 % busy, hottest 88 °C");
}

#[test]
fn critical_xids_count_for_as_long_as_they_are_new() {
    let told = |xid, ago: i64| {
        let last_at = (EXAMPLE_NOW - ago) as f64;
        one_gpu(Gpu { xids: vec![XidCount { xid, count: 1, last_at }], ..example_gpu() })
    };
    let result = told(79, 300);
    assert_eq!(codes(&result), [(Crit, "xid")]);
    assert_eq!(result.findings[0].reason, "GPU 0: XID 79, the GPU fell off the bus, 5 min ago");
    assert_eq!(codes(&told(79, 3601)), []);
    assert_eq!(codes(&told(13, 300)), [], "an application's own fault");
}

#[test]
fn an_xid_outlives_the_reading_that_told_it() {
    let xids = vec![XidCount { xid: 79, count: 1, last_at: (EXAMPLE_NOW - 10) as f64 }];
    let told = example_reading(10, Gpu { xids, ..example_gpu() });
    let lost = judge(vec![told.clone(), failing(0, FailureKind::GpuLost)]);
    assert_eq!(codes(&lost), [(Crit, "gpu_lost"), (Crit, "xid")]);
    let restarted = judge(vec![told, example_reading(0, example_gpu())]);
    assert_eq!(codes(&restarted), [(Crit, "xid")]);
}

#[test]
fn memory_that_fails_is_found() {
    let ecc = |errors| Gpu { ecc_uncorrected: Field::Value(errors), ..example_gpu() };
    let grown = judge(vec![example_reading(5, ecc(1)), example_reading(0, ecc(3))]);
    assert_eq!(codes(&grown), [(Warn, "ecc_uncorrected")]);
    assert!(grown.findings[0].reason.contains("2 uncorrected"));
    assert_eq!(codes(&one_gpu(ecc(3))), [], "errors from before this program may be old");
    assert_eq!(codes(&one_gpu(Gpu { remap_failed: Field::Value(true), ..example_gpu() })), [(Crit, "remap_failed")]);
    assert_eq!(codes(&one_gpu(Gpu { remap_failed: Field::Value(false), ..example_gpu() })), []);
}

#[test]
fn a_value_that_is_not_told_any_more_resolves_nothing() {
    let trouble = Gpu {
        temperature: Field::Value(96.0),
        throttle_reasons: Field::Value(0x40),
        remap_failed: Field::Value(true),
        ..example_gpu()
    };
    let silent = Gpu { temperature: Field::Unsupported, throttle_reasons: Field::Unsupported, ..example_gpu() };
    let result = judge(vec![example_reading(40, trouble), example_reading(0, silent)]);
    assert_eq!(codes(&result), [(Crit, "at_slowdown"), (Crit, "remap_failed"), (Warn, "throttled")]);
    assert_eq!(result.findings[0].reason, "GPU 0 at 96 °C, slows down at 95 °C (told 40 s ago)");
    assert_eq!(result.findings[2].reason, "GPU 0 throttled: hw_thermal_slowdown (told 40 s ago)");
}

#[test]
fn a_gpu_that_vanishes_beside_one_that_never_told_is_lost() {
    let mute = || Gpu { index: 1, uuid: "GPU-mute".into(), ..Gpu::default() };
    let both = GpuReading { gpus: vec![example_gpu(), mute()], ..Default::default() };
    let left = GpuReading { gpus: vec![mute()], ..Default::default() };
    assert_eq!(codes(&judge(vec![reading_of(5, both), reading_of(0, left)])), [(Crit, "gpu_lost")]);
}

#[test]
fn failures_of_the_driver_are_critical_and_say_how_to_turn_the_source_off() {
    for kind in [FailureKind::DriverNotLoaded, FailureKind::DriverMismatch, FailureKind::DriverError] {
        let result = judge(vec![failing(0, kind)]);
        assert_eq!(codes(&result), [(Crit, "driver_error")]);
        assert!(result.findings[0].hint.contains("--no-collector.gpu"));
    }
    assert_eq!(codes(&judge(vec![failing(0, FailureKind::GpuLost)])), [(Crit, "gpu_lost")]);
    assert_eq!(codes(&judge(vec![failing(0, FailureKind::Malformed)])), [(Warn, "unreadable")]);
}

#[test]
fn no_gpu_is_worse_where_there_was_one() {
    assert_eq!(codes(&judge(vec![failing(0, FailureKind::NoGpu)])), [(Warn, "no_gpu")]);
    let gone = judge(vec![example_reading(5, example_gpu()), failing(0, FailureKind::NoGpu)]);
    assert_eq!(codes(&gone), [(Crit, "no_gpu")]);
}

#[test]
fn no_library_is_not_present_unless_there_was_one() {
    let result = judge(vec![missing(0)]);
    assert_eq!((result.presence, result.severity), (Presence::NotPresent, Severity::Ok));
    let gone = judge(vec![example_reading(5, example_gpu()), missing(0)]);
    assert_eq!(codes(&gone), [(Crit, "library_gone")]);
}

#[test]
fn silence_is_a_warning_and_then_critical_and_mends_nothing() {
    let hot = example_reading(65, Gpu { temperature: Field::Value(88.0), ..example_gpu() });
    let silent = judge_at(vec![hot.clone(), failing(60, FailureKind::TimedOut)], -30);
    assert_eq!(codes(&silent), [(Warn, "unanswered"), (Warn, "hot")]);
    assert!(silent.summary.starts_with("35 s ago: GPU 0"), "{}", silent.summary);
    let silent = judge_at(vec![hot, failing(60, FailureKind::TimedOut)], 0);
    assert_eq!(codes(&silent), [(Crit, "unanswered"), (Warn, "hot")]);
}

#[test]
fn a_reading_that_is_too_old_is_a_warning() {
    assert_eq!(codes(&judge_at(vec![example_reading(0, example_gpu())], 300)), [(Warn, "unread")]);
}

#[test]
fn a_gpu_that_tells_nothing_is_not_present_unless_it_once_told() {
    let mute = || Gpu { name: "Orin (nvgpu)".into(), uuid: "GPU-5ca1ab1e".into(), ..Gpu::default() };
    let jetson = one_gpu(mute());
    assert_eq!((jetson.presence, codes(&jetson)), (Presence::NotPresent, vec![]));
    assert_eq!(jetson.summary, "GPU 0 Orin (nvgpu): NVML tells no value of it");
    let fell_silent = judge(vec![example_reading(5, example_gpu()), example_reading(0, mute())]);
    assert_eq!(codes(&fell_silent), [(Warn, "mute")]);
}
