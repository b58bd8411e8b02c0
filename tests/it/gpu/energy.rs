//! The energy, which costs most of a reading: when it is asked for, and what stands in between.

use std::time::Duration;

use autoswe_exporter::observation::{Field, GpuReading};
use autoswe_exporter::source::gpu::GpuSource;

use super::double::{Double, failed, observed, read, read_until};

use Field::{Unsupported, Value};

/// The call that it is about.
const CALL: &str = "nvmlDeviceGetTotalEnergyConsumption";

/// So long that no second turn comes in a test.
const LONG: Duration = Duration::from_secs(24 * 3600);

fn seldom(double: &Double) -> GpuSource {
    double.source().energy_every(LONG)
}

fn energies(reading: &GpuReading) -> Vec<Field<f64>> {
    reading.gpus.iter().map(|gpu| gpu.energy).collect()
}

#[test]
fn it_is_asked_for_at_the_first_reading_and_stands_in_the_next_ones() {
    let double = Double::new("nvmlDeviceGetCount_v2 = 2");
    let mut source = seldom(&double);
    assert_eq!(energies(&observed(read(&mut source))), [Value(123_456.789); 2]);
    double.script(&format!("nvmlDeviceGetCount_v2 = 2\n{CALL} = 200000000\nnvmlDeviceGetPowerUsage = 1000"));
    for _ in 0..3 {
        let reading = observed(read(&mut source));
        assert_eq!(energies(&reading), [Value(123_456.789); 2]);
        assert_eq!(reading.gpus[1].power, Value(1.0), "the rest is asked for each time");
    }
    assert_eq!((double.calls(CALL), double.calls("nvmlDeviceGetPowerUsage")), (2, 8));
}

#[test]
fn it_is_asked_for_again_in_the_next_turn() {
    let double = Double::new("");
    let mut source = double.source().energy_every(Duration::from_millis(20));
    observed(read(&mut source));
    double.script(&format!("{CALL} = 200000000"));
    read_until(&mut source, |reading| {
        reading.observed().filter(|reading| energies(reading) == [Value(200_000.0)]).map(|_| ())
    });
}

#[test]
fn a_new_session_asks_at_once() {
    let double = Double::new("");
    let mut source = seldom(&double);
    observed(read(&mut source));
    double.script("nvmlDeviceGetCount_v2 = driver_not_loaded");
    failed(read(&mut source));
    double.script(&format!("{CALL} = 5000"));
    assert_eq!(energies(&observed(read(&mut source))), [Value(5.0)], "a driver that was loaded anew counts anew");
}

#[test]
fn a_gpu_that_does_not_know_it_is_not_asked_each_time() {
    let double = Double::new(&format!("{CALL} = not_supported"));
    let mut source = seldom(&double);
    for _ in 0..3 {
        assert_eq!(energies(&observed(read(&mut source))), [Unsupported]);
    }
    assert_eq!(double.calls(CALL), 1);
}

#[test]
fn a_call_that_failed_is_made_again_at_the_next_reading() {
    let double = Double::new(&format!("{CALL} = unknown"));
    let mut source = seldom(&double);
    assert_eq!(energies(&observed(read(&mut source))), [Unsupported]);
    double.script("");
    assert_eq!(energies(&observed(read(&mut source))), [Value(123_456.789)]);
}

#[test]
fn it_stands_while_what_never_changes_is_asked_for_again() {
    let double = Double::new("nvmlDeviceGetMaxClockInfo = unknown");
    let mut source = seldom(&double);
    for _ in 0..3 {
        assert_eq!(energies(&observed(read(&mut source))), [Value(123_456.789)]);
    }
    assert_eq!(double.calls(CALL), 1);
}

#[test]
fn a_gpu_that_is_lost_while_asked_for_it_is_lost() {
    let double = Double::new("nvmlDeviceGetCount_v2 = 2");
    let mut source = double.source().energy_every(Duration::ZERO);
    observed(read(&mut source));
    double.script(&format!("nvmlDeviceGetCount_v2 = 2\n{CALL}@1 = gpu_is_lost"));
    let reading = observed(read(&mut source));
    assert_eq!((reading.gpus.len(), reading.lost.len(), reading.lost[0].0), (1, 1, 1));
}
