//! What goes wrong with drivers and GPUs, and how the source comes back from it.

use std::process::Command;
use std::time::{Duration, Instant};

use autoswe_exporter::assessment::{Severity, Thresholds, assess};
use autoswe_exporter::config::Config;
use autoswe_exporter::observation::{Failure, FailureKind, Field, GpuReading, Observation, Reading, SourceId, Time};
use autoswe_exporter::source::gpu::GpuSource;
use autoswe_exporter::source::worker::Worker;
use autoswe_exporter::state::State;

use super::double::{Double, failed, gpus, observed, read, read_until};

const TWO: &str = "nvmlDeviceGetCount_v2 = 2\n";

/// A deadline that only a call that hangs can miss.
const DEADLINE: Duration = Duration::from_millis(400);

fn kind_of(script: &str) -> FailureKind {
    failed(read(&mut Double::new(script).source())).kind
}

#[test]
fn each_trouble_is_a_failure_of_its_own() {
    assert_eq!(kind_of("nvmlInit_v2 = driver_not_loaded"), FailureKind::DriverNotLoaded);
    assert_eq!(kind_of("nvmlInit_v2 = lib_rm_version_mismatch"), FailureKind::DriverMismatch);
    assert_eq!(kind_of("nvmlInit_v2 = unknown"), FailureKind::DriverError);
    assert_eq!(kind_of("nvmlInit_v2 = no_permission"), FailureKind::DriverError);
    assert_eq!(kind_of("nvmlDeviceGetCount_v2 = 0"), FailureKind::NoGpu);
    assert_eq!(kind_of("nvmlDeviceGetCount_v2 = unknown"), FailureKind::DriverError);
    assert_eq!(kind_of("*@0 = gpu_is_lost"), FailureKind::GpuLost);
    assert_eq!(kind_of("nvmlDeviceGetTemperature = gpu_is_lost"), FailureKind::GpuLost);
    assert_eq!(kind_of("nvmlDeviceGetFieldValues = gpu_is_lost"), FailureKind::GpuLost);
    assert_eq!(kind_of("*@0 = reset_required"), FailureKind::GpuLost);
    assert_eq!(kind_of("nvmlDeviceGetTemperature = reset_required"), FailureKind::GpuLost);
    assert_eq!(kind_of("*@0 = no_permission"), FailureKind::DriverError);
    assert_eq!(kind_of("*@0 = unknown"), FailureKind::DriverError);
}

#[test]
fn a_gpu_all_of_whose_answers_fail_is_not_one_that_lacks_values() {
    assert_eq!(kind_of("* = unknown"), FailureKind::DriverError);
}

#[test]
fn a_library_that_is_not_nvml_is_a_failure() {
    let double = Double::without("", &["nvmlInit_v2"]);
    assert_eq!(failed(read(&mut double.source())).kind, FailureKind::DriverError);
    std::fs::write(double.library(), "not a library").unwrap();
    let failure = failed(read(&mut double.source()));
    assert_eq!(failure.kind, FailureKind::DriverError);
    assert!(failure.message.contains("libnvml_double.so"), "{failure}");
}

#[test]
fn the_source_recovers_when_the_driver_comes_back() {
    let double = Double::new("nvmlInit_v2 = driver_not_loaded");
    let mut source = double.source();
    assert_eq!(failed(read(&mut source)).kind, FailureKind::DriverNotLoaded);
    double.script("");
    read_until(&mut source, |reading| reading.observed().map(|_| ()));

    double.script("nvmlDeviceGetCount_v2 = driver_not_loaded");
    assert_eq!(failed(read(&mut source)).kind, FailureKind::DriverNotLoaded);
    double.script("model = gb10");
    let name = read_until(&mut source, |reading| reading.observed().map(|r| r.gpus[0].name.clone()));
    assert_eq!(name, "NVIDIA GB10", "what never changes is asked anew");
    // The failed initialisation counts no user; of the two that succeeded the first was shut down.
    assert_eq!(double.calls("nvmlShutdown"), 1);
}

#[test]
fn opening_is_not_tried_at_every_reading() {
    let double = Double::new("nvmlInit_v2 = driver_not_loaded");
    let mut config = double.config();
    config.interval.0 = 3600.0;
    let mut source = GpuSource::new(&config);
    for _ in 0..5 {
        assert_eq!(failed(read(&mut source)).kind, FailureKind::DriverNotLoaded);
    }
    assert_eq!(double.calls("nvmlInit_v2"), 1);
}

#[test]
fn after_a_clean_reading_opening_waits_for_nothing() {
    let double = Double::new("");
    let mut config = double.config();
    config.interval.0 = 3600.0;
    let mut source = GpuSource::new(&config);
    observed(read(&mut source));
    double.script("nvmlDeviceGetCount_v2 = unknown");
    failed(read(&mut source));
    double.script("");
    observed(read(&mut source));
}

#[test]
fn another_number_of_gpus_is_looked_at_anew() {
    let double = Double::new(TWO);
    let mut source = double.source();
    observed(read(&mut source));
    double.script("");
    assert_eq!(failed(read(&mut source)).kind, FailureKind::DriverError);
    assert_eq!(read_until(&mut source, |reading| reading.observed().map(|r| r.gpus.len())), 1);

    double.script("nvmlDeviceGetCount_v2 = 0");
    assert_eq!(failed(read(&mut source)).kind, FailureKind::NoGpu);
}

#[test]
fn a_lost_gpu_leaves_the_others_and_comes_back() {
    let double = Double::new(TWO);
    let mut source = double.source();
    assert_eq!(observed(read(&mut source)).gpus.len(), 2);

    double.script(&format!("{TWO}*@1 = gpu_is_lost"));
    let reading = observed(read(&mut source));
    assert_eq!((reading.gpus.len(), reading.gpus[0].index), (1, 0));
    assert_eq!(reading.lost.len(), 1);
    assert!(reading.lost[0].0 == 1 && reading.lost[0].1.contains("fell off the bus"), "{:?}", reading.lost);

    // NVML calls it lost until the last user has shut it down and it is initialised again.
    let reopened =
        |reading: &Reading<GpuReading>| reading.observed().filter(|_| double.calls("nvmlInit_v2") > 1).cloned();
    assert_eq!(read_until(&mut source, reopened).lost.len(), 1);
    double.script(TWO);
    read_until(&mut source, |reading| {
        reading.observed().filter(|r| r.lost.is_empty() && r.gpus.len() == 2).map(|_| ())
    });
}

#[test]
fn a_gpu_of_another_user_is_not_lost() {
    let double = Double::new(&format!("{TWO}*@1 = no_permission"));
    let reading = observed(read(&mut double.source()));
    assert_eq!((reading.gpus.len(), reading.lost), (1, vec![]));
}

#[test]
fn xid_counts_outlive_the_driver_and_say_why_a_gpu_was_lost() {
    let double = Double::new(TWO);
    let mut source = double.source();
    observed(read(&mut source));
    double.script(&format!("{TWO}xids = 1:79"));
    let first = |reading: &Reading<GpuReading>| reading.observed()?.gpus.get(1)?.xids.first().copied();
    assert_eq!(read_until(&mut source, first).count, 1);

    double.script(&format!("{TWO}xids = 1:79\n*@1 = gpu_is_lost"));
    let lost = observed(read(&mut source)).lost;
    assert!(lost[0].1.contains("XID 79"), "{lost:?}");

    // The event is still in the script: a new registration must not count it again.
    double.script(&format!("{TWO}xids = 1:79"));
    let again = read_until(&mut source, |reading| first(reading).filter(|_| double.calls("nvmlInit_v2") > 1));
    assert_eq!((again.xid, again.count), (79, 1));
    double.script(&format!("{TWO}xids = 1:79 1:79"));
    read_until(&mut source, |reading| first(reading).filter(|xid| xid.count == 2));
}

#[tokio::test]
async fn a_call_that_hangs_costs_its_readings_and_nothing_else() {
    let double = Double::new("");
    let mut worker = double.worker();
    observed(read_by(&mut worker).await);

    double.script("nvmlDeviceGetTemperature = hang");
    assert_eq!(failed(read_by(&mut worker).await).kind, FailureKind::TimedOut);
    let asked = double.calls("nvmlDeviceGetTemperature");
    let begun = Instant::now();
    for _ in 0..20 {
        let Failure { kind, message } = failed(read_by(&mut worker).await);
        assert_eq!(kind, FailureKind::TimedOut, "{message}");
    }
    assert!(begun.elapsed() < DEADLINE * 20, "while the call is stuck, readings fail at once");
    assert_eq!(double.calls("nvmlDeviceGetTemperature"), asked, "the stuck driver is left alone");

    double.script("nvmlDeviceGetTemperature = 55");
    let temperature = recovered(&mut worker).await.gpus[0].temperature;
    assert_eq!(temperature, Field::Value(55.0));
}

#[tokio::test]
async fn an_initialisation_that_hangs_costs_its_readings_and_nothing_else() {
    let double = Double::new("nvmlInit_v2 = hang");
    let mut worker = double.worker();
    assert_eq!(failed(read_by(&mut worker).await).kind, FailureKind::TimedOut);
    assert_eq!(failed(read_by(&mut worker).await).kind, FailureKind::TimedOut);
    double.script("");
    recovered(&mut worker).await;
    assert_eq!(double.calls("nvmlInit_v2"), 1);
}

/// Left hanging on purpose: see the next test.
#[tokio::test]
async fn a_driver_that_never_answers() {
    let double = Double::new("nvmlInit_v2 = hang");
    assert_eq!(failed(read_by(&mut double.worker()).await).kind, FailureKind::TimedOut);
}

#[test]
fn a_driver_that_never_answers_does_not_keep_the_process_alive() {
    let mut test = Command::new(std::env::current_exe().unwrap());
    let mut child = test.args(["--exact", "gpu::trouble::a_driver_that_never_answers"]).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ended.expect("a stuck call keeps the process alive").success());
}

/// From the driver's return code to the verdict, and back to OK when the driver is back.
#[tokio::test]
async fn the_check_follows_the_driver() {
    let double = Double::new("model = gb10");
    let mut worker = double.worker();
    let mut state = State::new(&Config::default(), Time::now());
    let mut judge = async |script: &str, until: &str| {
        double.script(script);
        for _ in 0..400 {
            let (at, source) = (Time::now(), SourceId::Gpu);
            let reading = worker.read(at, DEADLINE).await;
            state.apply(Observation { source, at, took: Duration::ZERO, reading });
            let thresholds = Thresholds::new(&Config::default(), false);
            let assessment = assess(&state, &thresholds, at);
            let gpu = assessment.check("gpu").unwrap();
            let code = gpu.findings.first().map_or("none", |finding| finding.code);
            if code == until {
                return gpu.severity;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never found {until}");
    };
    assert_eq!(judge("model = gb10", "none").await, Severity::Ok);
    assert_eq!(judge("model = gb10\nnvmlDeviceGetTemperature = 86", "hot").await, Severity::Warn);
    assert_eq!(judge("model = gb10\nnvmlDeviceGetTemperature = 96", "at_slowdown").await, Severity::Crit);
    assert_eq!(judge("model = gb10\nnvmlDeviceGetCurrentClocksEventReasons = 64", "throttled").await, Severity::Warn);
    assert_eq!(judge("model = gb10\n*@0 = gpu_is_lost", "gpu_lost").await, Severity::Crit);
    assert_eq!(judge("nvmlDeviceGetCount_v2 = driver_not_loaded", "driver_error").await, Severity::Crit);
    assert_eq!(judge("model = gb10\nnvmlDeviceGetPowerUsage = hang", "unanswered").await, Severity::Warn);
    assert_eq!(judge("model = gb10", "none").await, Severity::Ok);
    assert_eq!(judge("model = gb10\nxids = 0:62", "xid").await, Severity::Crit);
}

async fn read_by(worker: &mut Worker) -> Reading<GpuReading> {
    gpus(worker.read(Time::now(), DEADLINE).await)
}

async fn recovered(worker: &mut Worker) -> GpuReading {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match read_by(worker).await {
            Reading::Observed(reading) => return reading,
            other => assert!(Instant::now() < until, "still {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
