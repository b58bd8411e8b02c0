//! GPUs: the production code against the NVML double, through nvml-wrapper's own loading path.

pub(crate) mod double;
mod energy;
mod memory_temperature;
mod real;
mod recorded;
mod trouble;
mod xid;

use autoswe_exporter::config::GpuConfig;
use autoswe_exporter::observation::{Field, Gpu, Reading, SourceId, Time, XidCount};
use autoswe_exporter::source::Source;
use autoswe_exporter::source::gpu::GpuSource;
use double::{Double, failed, observed, read, read_until};

use Field::{Unsupported, Value};

#[test]
fn a_data_centre_gpu_tells_every_value_in_base_units() {
    let double = Double::new("");
    let reading = observed(read(&mut double.source()));
    assert_eq!((reading.driver_version.as_str(), reading.lost.len()), ("570.86.15", 0));
    let [gpu] = reading.gpus.try_into().unwrap();
    assert_eq!(
        (gpu.index, gpu.name.as_str(), gpu.pci_bus_id.as_str()),
        (0, "NVIDIA H100 80GB HBM3", "00000000:01:00.0")
    );
    assert_eq!(gpu.uuid, "GPU-5ca1ab1e-0000-0000-0000-000000000000");
    assert_eq!((gpu.utilization, gpu.memory_utilization), (Value(0.97), Value(0.61)));
    assert_eq!((gpu.sm_clock, gpu.sm_clock_max), (Value(1.755e9), Value(1.98e9)));
    assert_eq!((gpu.memory_clock, gpu.memory_clock_max), (Value(2.619e9), Value(2.619e9)));
    assert_eq!((gpu.power, gpu.power_limit, gpu.energy), (Value(541.23), Value(700.0), Value(123_456.789)));
    let temperatures = (gpu.temperature, gpu.temperature_slowdown, gpu.temperature_shutdown);
    assert_eq!(temperatures, (Value(62.0), Value(92.0), Value(95.0)));
    assert_eq!((gpu.memory_temperature, gpu.memory_temperature_slowdown), (Value(78.0), Value(95.0)));
    assert_eq!(gpu.throttle_reasons, Value(0));
    assert_eq!((gpu.memory_used, gpu.memory_total), (Value(70_394_809_984), Value(85_520_809_984)));
    assert_eq!((gpu.ecc_corrected, gpu.ecc_uncorrected), (Value(3), Value(0)));
    assert_eq!((gpu.remapped_rows, gpu.remap_failed), (Value(0), Value(false)));
    assert!(gpu.xids.is_empty() && gpu.processes == Value(vec![]));
}

#[test]
fn a_gb10_lacks_values_and_none_of_them_is_zero() {
    let double = Double::new("model = gb10");
    let [gpu] = observed(read(&mut double.source())).gpus.try_into().unwrap();
    assert_eq!((gpu.utilization, gpu.memory_utilization), (Value(0.95), Value(0.0)));
    assert_eq!((gpu.sm_clock, gpu.sm_clock_max, gpu.power), (Value(2.411e9), Value(3.003e9), Value(43.02)));
    assert_eq!((gpu.temperature, gpu.energy, gpu.throttle_reasons), (Value(63.0), Value(987.654), Value(0)));
    assert_eq!((gpu.memory_used, gpu.memory_total), (Unsupported, Unsupported));
    assert_eq!((gpu.memory_clock, gpu.memory_clock_max, gpu.power_limit), (Unsupported, Unsupported, Unsupported));
    assert_eq!((gpu.temperature_slowdown, gpu.temperature_shutdown), (Unsupported, Unsupported));
    assert_eq!((gpu.memory_temperature, gpu.memory_temperature_slowdown), (Unsupported, Unsupported));
    assert_eq!((gpu.ecc_corrected, gpu.ecc_uncorrected), (Unsupported, Unsupported));
    assert_eq!((gpu.remapped_rows, gpu.remap_failed), (Unsupported, Unsupported));
}

#[test]
fn a_jetson_is_a_gpu_that_tells_nothing() {
    let double = Double::new("model = jetson");
    let [gpu] = observed(read(&mut double.source())).gpus.try_into().unwrap();
    assert_eq!(gpu.name, "Orin (nvgpu)");
    assert!(!gpu.tells_anything());
    assert_eq!(gpu.processes, Unsupported);
}

#[test]
fn a_value_that_fails_leaves_the_others() {
    let failing = ["nvmlDeviceGetPowerUsage", "nvmlDeviceGetTemperature", "nvmlDeviceGetComputeRunningProcesses_v3"];
    let double = Double::new(&failing.map(|call| format!("{call} = unknown\n")).concat());
    let [gpu] = observed(read(&mut double.source())).gpus.try_into().unwrap();
    assert_eq!((gpu.power, gpu.temperature), (Unsupported, Unsupported));
    assert_eq!(gpu.processes, Unsupported, "not that there is none");
    assert_eq!((gpu.utilization, gpu.power_limit, gpu.ecc_corrected), (Value(0.97), Value(700.0), Value(3)));
}

#[test]
fn unknown_throttle_bits_are_kept() {
    let double = Double::new("nvmlDeviceGetCurrentClocksEventReasons = 1099511627840");
    let [gpu] = observed(read(&mut double.source())).gpus.try_into().unwrap();
    assert_eq!(gpu.throttle_reasons, Value((1 << 40) | 64));
}

#[test]
fn an_old_driver_is_asked_by_its_old_calls() {
    let missing = ["nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetRemappedRows"];
    let double = Double::without("", &missing);
    let [gpu] = observed(read(&mut double.source())).gpus.try_into().unwrap();
    assert_eq!(gpu.throttle_reasons, Value(1), "told as throttle reasons");
    assert_eq!((gpu.memory_used, gpu.memory_total), (Value(71_020_809_984), Value(85_520_809_984)));
    assert_eq!((gpu.remapped_rows, gpu.remap_failed), (Unsupported, Unsupported));
    assert_eq!(gpu.utilization, Value(0.97));
}

#[test]
fn a_driver_without_events_is_read_all_the_same() {
    for missing in ["nvmlEventSetCreate", "nvmlDeviceGetSupportedEventTypes", "nvmlEventSetWait_v2"] {
        let double = Double::without("xids = 0:79", &[missing]);
        let mut source = double.source();
        let [gpu] = observed(read(&mut source)).gpus.try_into().unwrap();
        assert_eq!((gpu.utilization, gpu.xids), (Value(0.97), vec![]), "without {missing}");
    }
}

#[test]
fn what_never_changes_is_asked_once() {
    let double = Double::new("nvmlDeviceGetCount_v2 = 2");
    let mut source = double.source();
    for _ in 0..3 {
        assert_eq!(observed(read(&mut source)).gpus.len(), 2);
    }
    assert_eq!((double.calls("nvmlInit_v2"), double.calls("nvmlDeviceGetName")), (1, 2));
    assert_eq!((double.calls("nvmlDeviceGetMaxClockInfo"), double.calls("nvmlDeviceGetPowerUsage")), (4, 6));
}

#[test]
fn what_never_changes_is_asked_again_when_it_failed() {
    let double = Double::new("nvmlDeviceGetMaxClockInfo = unknown");
    let mut source = double.source();
    assert_eq!(observed(read(&mut source)).gpus[0].sm_clock_max, Unsupported);
    double.script("");
    assert_eq!(observed(read(&mut source)).gpus[0].sm_clock_max, Value(1.98e9));
    assert_eq!(observed(read(&mut source)).gpus[0].sm_clock_max, Value(1.98e9));
    assert_eq!(double.calls("nvmlInit_v2"), 1);
}

#[test]
fn processes_are_named_and_told_apart_from_vllm() {
    let own = std::process::id();
    let double = Double::new(&format!("nvmlDeviceGetComputeRunningProcesses_v3 = {own} 1048576 {own} 1 4294967294 7"));
    // The default pattern would match this test's own name on the command line.
    let config = GpuConfig { vllm_pattern: "another program".into(), ..double.config() };
    let [gpu] = observed(read(&mut GpuSource::new(&config))).gpus.try_into().unwrap();
    let [mine, other] = gpu.known_processes() else { panic!("one process is listed once: {:?}", gpu.processes) };
    assert_eq!((mine.pid, mine.memory, mine.vllm, mine.contends()), (own, Value(1_048_576), false, true));
    let comm = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(mine.command, comm.trim_end());
    assert!(other.command.is_empty() && !other.contends(), "a process that /proc does not show is not accused");

    let config = GpuConfig { vllm_pattern: "/deps/it-".into(), ..double.config() };
    let [gpu] = observed(read(&mut GpuSource::new(&config))).gpus.try_into().unwrap();
    assert!(gpu.known_processes()[0].vllm, "the pattern is matched with the command line");
}

#[test]
fn xids_are_counted_by_gpu_and_code() {
    let double = Double::new("nvmlDeviceGetCount_v2 = 2\nxids = 1:48");
    let mut source = double.source();
    let before = Time::now().as_second();
    let first = observed(read(&mut source));
    assert!(first.gpus[1].xids.is_empty(), "an event from before this program listened is not new");
    double.script("nvmlDeviceGetCount_v2 = 2\nxids = 1:48 0:79 0:31 0:79 1:999");
    // The events come one after the other, also between the reading of one GPU and of the next.
    let all = |gpus: &[Gpu]| gpus.iter().flat_map(|gpu| &gpu.xids).map(|xid| xid.count).sum::<u64>() == 4;
    let gpus = read_until(&mut source, |reading| {
        reading.observed().filter(|reading| all(&reading.gpus)).map(|reading| reading.gpus.clone())
    });
    let counts = |xids: &[XidCount]| xids.iter().map(|x| (x.xid, x.count)).collect::<Vec<_>>();
    assert_eq!(counts(&gpus[0].xids), [(31, 1), (79, 2)]);
    assert_eq!(counts(&gpus[1].xids), [(999, 1)]);
    assert!(gpus[0].xids.iter().all(|xid| xid.last_at >= before as f64), "each has the time it arrived");
}

#[test]
fn a_gpu_that_refuses_events_does_not_silence_the_others() {
    let script = "nvmlDeviceGetCount_v2 = 3\nnvmlDeviceRegisterEvents@0 = not_supported\n\
                  nvmlDeviceGetSupportedEventTypes@2 = 0\n";
    let double = Double::new(script);
    let mut source = double.source();
    observed(read(&mut source));
    double.script(&format!("{script}xids = 1:74"));
    read_until(&mut source, |reading| {
        reading.observed().filter(|r| r.gpus[1].xids.first().is_some_and(|x| x.xid == 74)).map(|_| ())
    });
}

#[test]
fn a_recording_stands_in_for_nvml() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gpu.json");
    let recording = file.to_str().map(str::to_owned);
    let mut source = GpuSource::new(&GpuConfig { recording, library: "/nonexistent".into(), ..GpuConfig::default() });
    let absent = failed(read(&mut source));
    assert!(absent.message.contains("gpu.json") && absent.message.contains("gpu.recording"), "{absent}");

    let told = observed(read(&mut Double::new("model = gb10").source()));
    std::fs::write(&file, serde_json::to_vec(&told).unwrap()).unwrap();
    assert_eq!(observed(read(&mut source)), told);

    std::fs::write(&file, r#"{"gpus": [{"power": "a lot"}]}"#).unwrap();
    let bad = failed(read(&mut source));
    assert!(bad.message.contains("gpu.json") && bad.message.contains("line 1 column"), "{bad}");

    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert!(failed(read(&mut source)).message.contains("directory"));
}

#[test]
fn a_machine_without_nvml_is_not_a_failure() {
    let mut source = GpuSource::new(&GpuConfig { library: "libno-such-nvml.so.1".into(), ..GpuConfig::default() });
    let Reading::Missing(what) = source.read(Time::now()) else { panic!("not missing") };
    assert!(what.contains("libno-such-nvml.so.1") && what.contains("gpu.library"), "{what}");
    assert_eq!(SourceId::Gpu.name(), "gpu");
}
