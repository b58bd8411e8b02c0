//! Values: those that never change, those of an idle GPU and of one at work, and a reading as a recording.

use std::path::Path;
use std::time::{Duration, Instant};

use autoswe_exporter::config::GpuConfig;
use autoswe_exporter::observation::{Field, GpuReading, Reading, THROTTLE_REASONS};
use autoswe_exporter::source::gpu::{GpuSource, parse_recording};
use serde_json::{Value, json};

use super::super::double::{observed, read, read_until};
use super::told::{Told, judge, number, print, settle};
use super::work::Work;
use super::{MIB, STAND_IN, World, series, smi};
use crate::exporter::metric;

/// A metric with its further labels, `nvidia-smi`'s field, how much of our unit is one of its own, and how much it
/// rounds.
const FIXED: [(&str, &str, &str, f64, f64); 6] = [
    ("memory_total_bytes", "", "memory.total", MIB as f64, 1.0),
    ("sm_clock_max_hertz", "", "clocks.max.sm", 1e6, 0.0),
    ("memory_clock_max_hertz", "", "clocks.max.memory", 1e6, 0.0),
    ("power_limit_watts", "", "enforced.power.limit", 1.0, 0.01),
    ("ecc_errors_total", ",kind=\"corrected\"", "ecc.errors.corrected.volatile.total", 1.0, 0.0),
    ("ecc_errors_total", ",kind=\"uncorrected\"", "ecc.errors.uncorrected.volatile.total", 1.0, 0.0),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a GPU and its driver; tests/run gpu"]
async fn what_never_changes_is_what_nvidia_smi_tells() {
    let world = World::start(json!({})).await;
    let (page, state) = (world.exporter.metrics().await, world.exporter.state().await);
    let gpus = smi::gpus();
    let mut told = vec![Told::same("GPUs", metric(&page, "autoswe_gpus"), Some(gpus.len() as f64))];
    for (at, gpu) in gpus.into_iter().enumerate() {
        told.extend(identity(&page, &state["sources"]["gpu"]["value"]["gpus"][at], gpu));
        told.extend(FIXED.map(|(name, labels, field, unit, within)| {
            let ours = metric(&page, &series(name, gpu, labels)).map(|value| value / unit);
            Told::near(field, ours, smi::numbers(gpu, [field])[0], within)
        }));
        told.extend(thresholds(&page, gpu));
        told.extend(memory_threshold(&page, gpu));
        told.extend(remapped_rows(&page, gpu));
    }
    judge(print(told));
}

fn identity(page: &str, value: &Value, gpu: u32) -> [Told; 2] {
    let fields = ["uuid", "name", "driver_version", "pci.bus_id"];
    let [uuid, name, driver, bus] = smi::ask(gpu, fields).map(Option::unwrap_or_default);
    let begin = format!("autoswe_gpu_info{{gpu=\"{gpu}\",");
    let ours = page.lines().find(|line| line.starts_with(&begin)).unwrap_or_default();
    let theirs = format!("{begin}uuid=\"{uuid}\",name=\"{name}\",driver_version=\"{driver}\"}} 1");
    [
        Told::same("identity", ours, theirs.as_str()),
        Told::same("PCI address", value["pci_bus_id"].as_str().unwrap_or_default(), bus.as_str()),
    ]
}

/// GPUs since Ada tell how far they are from a threshold, and `nvidia-smi` shows only that: it is counted from another
/// sensor than the temperature, so what follows from it is near at best.
fn thresholds(page: &str, gpu: u32) -> [Told; 2] {
    let told = smi::temperatures(gpu);
    let of = |name: &str| told.get(name).copied();
    let ceiling = of("GPU Current Temp").zip(of("GPU T.Limit Temp")).map(|(now, margin)| now + margin);
    [("slowdown", "GPU Slowdown"), ("shutdown", "GPU Shutdown")].map(|(label, name)| {
        let ours = metric(page, &series("temperature_threshold_celsius", gpu, &format!(",threshold=\"{label}\"")));
        let margin = ceiling.zip(of(&format!("{name} T.Limit Temp"))).map(|(ceiling, limit)| ceiling - limit);
        match (of(&format!("{name} Temp")), margin) {
            (None, Some(margin)) => {
                let near = ours.is_none_or(|ours| (ours - margin).abs() <= 15.0);
                Told::holds(format!("{label}: ours {}, nvidia-smi's margins say {margin}", number(ours)), near)
            }
            (plain, _) => Told::near(label, ours, plain, 0.0),
        }
    })
}

/// That of the memory, where `nvidia-smi` tells it as a temperature and not as a margin.
fn memory_threshold(page: &str, gpu: u32) -> Option<Told> {
    let ours = metric(page, &series("temperature_threshold_celsius", gpu, ",threshold=\"memory_slowdown\""));
    let theirs = smi::temperatures(gpu).get("Memory Max Operating Temp").copied();
    theirs.map(|theirs| Told::near("memory slowdown", ours, Some(theirs), 0.0))
}

fn remapped_rows(page: &str, gpu: u32) -> [Told; 2] {
    let fields = ["remapped_rows.uncorrectable", "remapped_rows.failure"];
    let [rows, failed] = smi::table("remapped-rows", gpu, fields).pop().unwrap_or_default();
    let failed = failed.map(|text| f64::from(!["0", "No"].contains(&text.as_str())));
    let rows = rows.map(|text| text.parse().unwrap());
    [
        Told::same("remapped rows", metric(page, &series("remapped_rows", gpu, "")), rows),
        Told::same("row remap failed", metric(page, &series("row_remap_failed", gpu, "")), failed),
    ]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a GPU and its driver; tests/run gpu"]
async fn live_values_are_those_of_nvidia_smi_idle_and_at_work() {
    let world = World::start(json!({})).await;
    let compare = async |least, most| {
        let told = async || live(&world.exporter.metrics().await, (least, most));
        settle(told).await
    };
    let mut told = compare(0.0, 0.1).await;
    let idle = memory_used(&world.exporter.metrics().await);
    let work = Work::busy(STAND_IN, 1024 * MIB);
    told.extend(compare(0.9, 1.0).await);
    let grown = memory_used(&world.exporter.metrics().await) - idle;
    let enough = (1024.0..2048.0 + 1024.0).contains(&grown);
    let grown = Told::holds(format!("memory grew by {grown} MiB with 1024 MiB and a context"), enough);
    told.extend(print(vec![grown]));
    told.extend(print(energy(&world.exporter.metrics().await).into()));
    drop(work);
    told.extend(compare(0.0, 0.1).await);
    judge(told);
}

fn memory_used(page: &str) -> f64 {
    metric(page, &series("memory_used_bytes", 0, "")).unwrap_or(f64::NAN) / MIB as f64
}

/// The first GPU's values, with a utilization between these two. Memory in use is without what the driver reserves
/// for itself, in `nvidia-smi` since driver 510 too.
fn live(page: &str, (least, most): (f64, f64)) -> Vec<Told> {
    let fields = [
        "utilization.gpu",
        "utilization.memory",
        "temperature.gpu",
        "temperature.memory",
        "power.draw",
        "memory.used",
        "memory.reserved",
        "clocks.sm",
        "clocks.mem",
    ];
    let [busy, memory_busy, temperature, memory_temperature, power, used, reserved, sm, memory] =
        smi::numbers(0, fields);
    let [reasons] = smi::numbers(0, ["clocks_event_reasons.active"]);
    let ours = |name, unit: f64| metric(page, &series(name, 0, "")).map(|value| value / unit);
    let share = |of: Option<f64>, share: f64, least: f64| of.map_or(least, |of| (of * share).max(least));
    let utilization = ours("utilization_ratio", 1.0);
    let between = utilization.is_some_and(|ours| (least..=most).contains(&ours));
    vec![
        Told::holds(format!("utilization {} is between {least} and {most}", number(utilization)), between),
        Told::near("utilization %", ours("utilization_ratio", 0.01), busy, 10.0),
        Told::near("memory utilization %", ours("memory_utilization_ratio", 0.01), memory_busy, 10.0),
        Told::near("temperature °C", ours("temperature_celsius", 1.0), temperature, 5.0),
        Told::near("memory temperature °C", ours("memory_temperature_celsius", 1.0), memory_temperature, 5.0),
        Told::near("power W", ours("power_watts", 1.0), power, share(power, 0.25, 30.0)),
        Told::near(
            format!("memory used MiB (reserved beside it: {})", number(reserved)),
            ours("memory_used_bytes", MIB as f64),
            used,
            share(used, 0.01, 2.0),
        ),
        Told::near("SM clock MHz", ours("sm_clock_hertz", 1e6), sm, share(sm, 0.1, 15.0)),
        Told::near("memory clock MHz", ours("memory_clock_hertz", 1e6), memory, share(memory, 0.1, 15.0)),
        Told::same("clock event reasons", throttled(page), reasons),
    ]
}

/// The bits of the reasons that hold, put together from the states on the page.
fn throttled(page: &str) -> Option<f64> {
    let unknown = metric(page, &series("throttled", 0, ",reason=\"unknown\""))?;
    assert_eq!(unknown, 0.0, "the driver tells a reason that has no name here");
    let holds = |name: &str| metric(page, &series("throttled", 0, &format!(",reason=\"{name}\"")));
    THROTTLE_REASONS.iter().map(|reason| Some(reason.bit as f64 * holds(reason.name)?)).sum()
}

/// Over some seconds the energy grows by the mean power times the time. A source of this process asks for it at each
/// reading; the program on whose `page` it stands does not, so what that tells is some half a minute old.
fn energy(page: &str) -> [Told; 2] {
    let mut source = GpuSource::new(&GpuConfig::default()).energy_every(Duration::ZERO);
    let mut look = || {
        let gpu = observed(read(&mut source)).gpus.swap_remove(0);
        [gpu.energy, gpu.power, gpu.power_limit].map(|field| field.get().unwrap_or(f64::NAN))
    };
    let [before, _, most] = look();
    let behind = metric(page, &series("energy_joules_total", 0, "")).map_or(f64::NAN, |told| before - told);
    let line = format!("the program's energy is {behind:.0} J behind, at most 40 s at {most:.0} W");
    let recent = Told::holds(line, (0.0..=40.0 * most).contains(&behind));
    let (begun, mut powers) = (Instant::now(), Vec::new());
    let grown = loop {
        std::thread::sleep(Duration::from_millis(250));
        let [now, power, _] = look();
        powers.push(power);
        if begun.elapsed() >= Duration::from_secs(8) {
            break now - before;
        }
    };
    let (seconds, watts) = (begun.elapsed().as_secs_f64(), powers.iter().sum::<f64>() / powers.len() as f64);
    let line = format!("energy grew by {grown:.0} J in {seconds:.1} s at {watts:.0} W, {} readings", powers.len());
    [recent, Told::holds(line, (grown / (watts * seconds) - 1.0).abs() <= 0.25)]
}

/// Written into the directory that `AUTOSWE_GPU_RECORD` names, where it names one.
#[test]
#[ignore = "needs a GPU and its driver; tests/run gpu"]
fn a_reading_is_a_recording_idle_and_at_work() {
    smi::gpus();
    let mut source = GpuSource::new(&GpuConfig { vllm_pattern: STAND_IN.into(), ..GpuConfig::default() });
    let mut record = |name: &str, (least, most): (f64, f64)| {
        let within = |reading: &GpuReading| match reading.gpus[0].utilization {
            Field::Value(busy) => (least..=most).contains(&busy),
            Field::Unsupported => false,
        };
        let found = |reading: &Reading<GpuReading>| reading.observed().filter(|reading| within(reading)).cloned();
        let reading = read_until(&mut source, found);
        let json = serde_json::to_string_pretty(&reading).unwrap();
        eprintln!("{name}: {json}");
        if let Some(directory) = std::env::var_os("AUTOSWE_GPU_RECORD") {
            std::fs::write(Path::new(&directory).join(format!("{name}.json")), &json).unwrap();
        }
        let again = parse_recording(json.as_bytes()).unwrap();
        assert_eq!((&again.driver_version, again.lost), (&reading.driver_version, reading.lost));
        assert_eq!(again.gpus[0].uuid, reading.gpus[0].uuid);
        assert_eq!(again.gpus[0].memory_total, reading.gpus[0].memory_total);
        assert_eq!(again.gpus[0].processes, reading.gpus[0].processes);
    };
    record("idle", (0.0, 0.1));
    let _work = Work::busy(STAND_IN, 1024 * MIB);
    record("busy", (0.9, 1.0));
}
