//! The story's GPU: a unified-memory chip like NVIDIA's GB10, as a recording that stands in for NVML.
//!
//! Invariant: what such a chip does not tell (memory, power limit, ECC) is absent here too.

use super::story::{Chapter, Mood};
use crate::observation::{Field, Gpu, GpuProcess, GpuReading};

/// How fast the chip comes to another temperature: the difference falls to 37 % in this many seconds at speed 1.
const WARMING: f64 = 2.5;

/// From here on the chip slows down, degrees Celsius.
const THROTTLES_AT: f64 = 84.0;

/// `hw_thermal_slowdown` and `sw_thermal_slowdown`.
const HEAT: u64 = 0x40 | 0x20;
const IDLE: u64 = 0x1;

/// The GPU `into` seconds into `chapter`, coming from `previous`, after it used `energy` joules.
pub(super) fn reading(chapter: &Chapter, previous: &Chapter, into: f64, energy: f64) -> GpuReading {
    let temperature = chapter.temperature
        + (previous.temperature - chapter.temperature) * libm::exp(-into / WARMING)
        + ripple(into, 0.6);
    let (utilization, clock, reasons) = at_work(chapter.mood, temperature);
    let gpu = Gpu {
        index: 0,
        uuid: "GPU-de300000-0000-4000-8000-000000000001".into(),
        name: "NVIDIA GB10 (demo)".into(),
        pci_bus_id: "000F:01:00.0".into(),
        utilization: Field::Value(utilization),
        memory_utilization: Field::Value(0.0),
        sm_clock: Field::Value(clock),
        sm_clock_max: Field::Value(3.003e9),
        power: Field::Value(chapter.power + ripple(into, 1.5)),
        energy: Field::Value(energy),
        temperature: Field::Value(temperature.round()),
        temperature_slowdown: Field::Value(96.0),
        temperature_shutdown: Field::Value(101.0),
        throttle_reasons: Field::Value(reasons),
        processes: Field::Value(vec![vllm()]),
        ..Gpu::default()
    };
    GpuReading { driver_version: "580.95.05".into(), gpus: vec![gpu], lost: Vec::new() }
}

/// Utilization, SM clock (hertz) and throttle reasons.
fn at_work(mood: Mood, temperature: f64) -> (f64, f64, u64) {
    match mood {
        Mood::LoopHung => (0.0, 208e6, IDLE),
        Mood::ModelStalled => (0.0, 2.405e9, 0),
        _ if temperature >= THROTTLES_AT => (0.97, 1.35e9, HEAT),
        Mood::Healthy | Mood::GpuHot => (0.94, 2.405e9, 0),
    }
}

fn vllm() -> GpuProcess {
    GpuProcess { pid: 4711, command: "VLLM::EngineCor".into(), memory: Field::Value(68 << 30), vllm: true }
}

/// A little life in a value, up to `height` either way.
fn ripple(into: f64, height: f64) -> f64 {
    libm::sin(into * 1.7) * height
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Story;
    use super::*;

    fn at(seconds: f64) -> Gpu {
        Story::new(1.0).scene(Duration::from_secs_f64(seconds)).gpu.gpus.remove(0)
    }

    #[test]
    fn it_idles_works_throttles_and_cools_down() {
        assert_eq!(at(30.0).throttle_reasons, Field::Value(IDLE));
        assert_eq!(at(10.0).throttle_reasons, Field::Value(0));
        assert_eq!(at(80.0).throttle_reasons, Field::Value(HEAT));
        assert!(at(80.0).sm_clock.get() < at(10.0).sm_clock.get());
        assert_eq!(at(86.0).throttle_reasons, Field::Value(0));
    }

    #[test]
    fn it_never_comes_to_its_slowdown_temperature() {
        for second in 0..182 {
            assert!(at(f64::from(second)).temperature.get() < Some(96.0));
        }
    }

    #[test]
    fn a_recording_of_it_reads_back() {
        let reading = Story::new(1.0).scene(Duration::from_secs(70)).gpu;
        let text = serde_json::to_string(&reading).unwrap();
        assert_eq!(serde_json::from_str::<GpuReading>(&text).unwrap(), reading);
        assert_eq!(reading.gpus[0].memory_total, Field::Unsupported);
    }
}
