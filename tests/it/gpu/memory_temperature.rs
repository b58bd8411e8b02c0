//! The temperature of the memory, which NVML tells as a field with a return code of its own.

use autoswe_exporter::observation::Field;

use super::double::{Double, observed, read};

use Field::{Unsupported, Value};

/// The call that it is about, and how a script names the field.
const CALL: &str = "nvmlDeviceGetFieldValues";
const FIELD: &str = "nvmlDeviceGetFieldValues(82)";

/// What a GPU tells whose driver answers so.
fn told(answer: &str) -> Field<f64> {
    let double = Double::new(&format!("{FIELD} = {answer}"));
    let gpu = observed(read(&mut double.source())).gpus.swap_remove(0);
    assert_eq!((gpu.temperature, gpu.utilization), (Value(62.0), Value(0.97)), "the others are told");
    gpu.memory_temperature
}

#[test]
fn it_is_told_whatever_type_of_whole_number_the_driver_names() {
    // Unsigned int, long and long long, and signed long long.
    for value_type in 1..=4 {
        assert_eq!(told(&format!("91 {value_type}")), Value(91.0), "of type {value_type}");
    }
    assert_eq!(told("0"), Value(0.0), "a temperature, where the driver says so");
}

#[test]
fn what_is_no_temperature_is_absent_and_not_zero() {
    assert_eq!(told("not_supported"), Unsupported);
    assert_eq!(told("invalid_argument"), Unsupported);
    assert_eq!(told("unknown"), Unsupported);
    assert_eq!(told(""), Unsupported, "a field that nobody filled in");
    assert_eq!(told("4294967295"), Unsupported, "all ones: not available");
    assert_eq!(told("18446744073709551615 3"), Unsupported);
    assert_eq!(told("18446744073709551615 4"), Unsupported);
    assert_eq!(told("91 17"), Unsupported, "a type that nobody knows");
}

#[test]
fn a_driver_without_the_call_is_read_all_the_same() {
    let gpu = observed(read(&mut Double::without("", &[CALL]).source())).gpus.swap_remove(0);
    assert_eq!((gpu.memory_temperature, gpu.temperature), (Unsupported, Value(62.0)));
    assert_eq!(gpu.memory_temperature_slowdown, Value(95.0));
}

#[test]
fn it_takes_one_call_for_each_gpu_and_reading_also_where_it_is_not_known() {
    for answer in ["78", "not_supported"] {
        let double = Double::new(&format!("nvmlDeviceGetCount_v2 = 2\n{FIELD} = {answer}"));
        let mut source = double.source();
        for _ in 0..3 {
            observed(read(&mut source));
        }
        assert_eq!((double.calls(CALL), double.calls("nvmlDeviceGetTemperature")), (6, 6), "{answer}");
    }
}

#[test]
fn a_threshold_that_an_old_driver_does_not_know_is_not_asked_for_again() {
    const THRESHOLD: &str = "nvmlDeviceGetTemperatureThreshold";
    for answer in ["invalid_argument", "not_supported"] {
        let double = Double::new(&format!("{THRESHOLD}(2) = {answer}"));
        let mut source = double.source();
        for _ in 0..3 {
            let gpu = observed(read(&mut source)).gpus.swap_remove(0);
            assert_eq!((gpu.memory_temperature_slowdown, gpu.temperature_slowdown), (Unsupported, Value(92.0)));
        }
        assert_eq!(double.calls(THRESHOLD), 3, "{answer}: each of the three once");
    }
}
