//! What NVML costs: opening it, a reading, the memory that it adds, and the whole program with and without it, beside
//! `nvidia-smi` and pynvml.
//!
//! Run with `cargo bench --bench gpu` on a machine with an NVIDIA GPU that is idle. pynvml is measured where python3 has
//! it. Nothing here asserts.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "stage/mod.rs"]
mod stage;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use autoswe_exporter::config::GpuConfig;
use autoswe_exporter::observation::{Data, GpuReading, Reading, Time};
use autoswe_exporter::source::Source;
use autoswe_exporter::source::gpu::GpuSource;
use stage::{Stage, children_cpu_seconds, cpu_seconds, median, own_cpu_seconds, rss_mib};

const READINGS: usize = 200;
/// Readings that are as far apart as the GPU needs to rest between them.
const SPACED: usize = 5;
const OPENINGS: usize = 5;
/// As long as from one look at the energy to the next, so that one falls into it.
const WATCHED: Duration = Duration::from_secs(30);
/// What `nvidia-smi` is asked for: what one reading of ours holds, as far as it tells it.
const FIELDS: &str = "--query-gpu=index,uuid,name,driver_version,utilization.gpu,utilization.memory,clocks.sm,clocks.mem,\
                      clocks.max.sm,clocks.max.memory,power.draw,enforced.power.limit,temperature.gpu,\
                      temperature.memory,memory.used,memory.total,ecc.errors.corrected.volatile.total,\
                      ecc.errors.uncorrected.volatile.total,clocks_event_reasons.active";

fn main() {
    stage::serve_vllm_if_asked();
    let before = rss_mib(std::process::id());
    let (opening, source, reading) = open();
    let reading = match reading {
        Reading::Observed(reading) => reading,
        Reading::Missing(why) => return println!("gpu: nothing to measure: {why}"),
        Reading::Failed(why) => return println!("gpu: nothing to measure: {why}"),
    };
    println!("machine: {}", stage::machine());
    println!("GPUs: {}, driver {}", names(&reading), reading.driver_version);
    println!("opening, the first time: {opening}");
    readings(source, before, reading.gpus.len());
    openings();
    whole();
    nvidia_smi();
    pynvml();
}

/// Wall and CPU seconds of this process, its threads and the driver on their behalf.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3} ms wall, {:.3} ms CPU", self.wall * 1e3, self.cpu * 1e3)
    }
}

fn cost<T>(work: impl FnOnce() -> T) -> (Cost, T) {
    let (begun, before) = (Instant::now(), own_cpu_seconds());
    let made = work();
    (Cost { wall: begun.elapsed().as_secs_f64(), cpu: own_cpu_seconds() - before }, made)
}

fn read(source: &mut GpuSource) -> Reading<GpuReading> {
    source.read(Time::now()).map(|data| match data {
        Data::Gpu(reading) => reading,
        _ => GpuReading::default(),
    })
}

/// A new source and its first reading, which loads and initialises NVML.
fn open() -> (Cost, GpuSource, Reading<GpuReading>) {
    let (cost, (source, reading)) = cost(|| {
        let mut source = GpuSource::new(&GpuConfig::default());
        let reading = read(&mut source);
        (source, reading)
    });
    (cost, source, reading)
}

fn names(reading: &GpuReading) -> String {
    let names: Vec<&str> = reading.gpus.iter().map(|gpu| gpu.name.as_str()).collect();
    format!("{} ({})", names.len(), names.join(", "))
}

fn readings(mut source: GpuSource, before: f64, gpus: usize) {
    let opened = rss_mib(std::process::id());
    println!("RSS: {before:.1} MiB before, {opened:.1} MiB with NVML open");
    let mut costs: Vec<Cost> = (0..READINGS).map(|_| cost(|| drop(read(&mut source))).0).collect();
    println!("a reading of {gpus} GPU, one after the other, median of {READINGS}: {}", middle(&mut costs));
    println!("the slowest of them: {:.3} ms wall", costs.iter().map(|cost| cost.wall).fold(0.0, f64::max) * 1e3);
    let mut asking = GpuSource::new(&GpuConfig::default()).energy_every(Duration::ZERO);
    drop(read(&mut asking));
    let mut costs: Vec<Cost> = (0..READINGS).map(|_| cost(|| drop(read(&mut asking))).0).collect();
    drop(asking);
    println!("the same with the energy at each, which is asked for every 30 s: {}", middle(&mut costs));
    let mut spaced: Vec<Cost> = (0..SPACED)
        .map(|_| {
            std::thread::sleep(Duration::from_secs(2));
            cost(|| drop(read(&mut source))).0
        })
        .collect();
    println!("a reading 2 s after the last one, median of {SPACED}: {}", middle(&mut spaced));
    println!("RSS: {:.1} MiB after all readings", rss_mib(std::process::id()));
    // The thread that waits for events, which wakes up twice a second.
    let (waiting, ()) = cost(|| std::thread::sleep(Duration::from_secs(10)));
    println!("NVML open and nothing read for 10 s: {:.3} ms CPU", waiting.cpu * 1e3);
}

/// The medians of wall and CPU time, each by itself.
fn middle(costs: &mut [Cost]) -> Cost {
    let of = |value: fn(&Cost) -> f64| median(&mut costs.iter().map(value).collect::<Vec<_>>());
    Cost { wall: of(|cost| cost.wall), cpu: of(|cost| cost.cpu) }
}

/// Opening again: the library's files are in memory by then.
fn openings() {
    let mut costs: Vec<Cost> = (0..OPENINGS)
        .map(|_| {
            // The thread of the last session holds NVML for half a second more.
            std::thread::sleep(Duration::from_secs(1));
            open().0
        })
        .collect();
    println!("opening again with a first reading, median of {OPENINGS}: {}", middle(&mut costs));
}

/// The whole program at the default intervals, nobody scraping, with and without the GPU; both at once.
fn whole() {
    let stage = Stage::new(200);
    let start = |arguments: &[&str]| {
        let mut command = Command::new(stage::exporter());
        command.arg("--config.file").arg(stage.config()).arg("--web.listen-address=127.0.0.1:0").args(arguments);
        command.env(stage::EVERY_PROCESS.0, stage::EVERY_PROCESS.1);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the exporter")
    };
    let mut programs = [("with the GPU", start(&[])), ("without", start(&["--no-collector.gpu"]))];
    std::thread::sleep(Duration::from_secs(5));
    let before = programs.each_ref().map(|(_, child)| exact_cpu_seconds(child.id()));
    std::thread::sleep(WATCHED);
    for ((name, child), before) in programs.iter_mut().zip(before) {
        let share = (exact_cpu_seconds(child.id()) - before) / WATCHED.as_secs_f64();
        let (seconds, rss) = (WATCHED.as_secs(), rss_mib(child.id()));
        println!("the whole program {name} over {seconds} s: {:.3} % of a core, RSS {rss:.1} MiB", share * 100.0);
        end(child);
    }
}

/// The scheduler's own count, in nanoseconds, of a process whose threads live on; in ticks where there is none.
fn exact_cpu_seconds(pid: u32) -> f64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let spent = |path: std::path::PathBuf| -> Option<f64> {
        std::fs::read_to_string(path.join("schedstat")).ok()?.split_once(' ')?.0.parse().ok()
    };
    let all: Option<f64> = threads.map(|thread| spent(thread.path())).sum();
    all.map_or_else(|| cpu_seconds(pid), |nanoseconds| nanoseconds * 1e-9)
}

fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

/// One query, as a script would make it each time.
fn nvidia_smi() {
    const RUNS: usize = 10;
    let before = children_cpu_seconds();
    let mut walls = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        let output = Command::new("nvidia-smi").args([FIELDS, "--format=csv,noheader,nounits"]).output();
        walls.push(begun.elapsed().as_secs_f64());
        match output {
            Ok(output) if output.status.success() => {}
            Ok(output) => return println!("nvidia-smi: {}", String::from_utf8_lossy(&output.stdout).trim()),
            Err(error) => return println!("nvidia-smi: missing ({error})"),
        }
    }
    let cpu = (children_cpu_seconds() - before) / RUNS as f64;
    println!("nvidia-smi, one query, median wall and mean CPU of {RUNS}: {}", Cost { wall: median(&mut walls), cpu });
}

/// The same values through pynvml, in a loop of its own.
fn pynvml() {
    let script = include_str!("peer_gpu.py");
    let output = Command::new("python3").args(["-c", script, &READINGS.to_string()]).output();
    match output {
        Ok(output) if output.status.success() => print!("{}", String::from_utf8_lossy(&output.stdout)),
        Ok(output) => {
            println!("pynvml: {}", String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("failed"))
        }
        Err(error) => println!("pynvml: no python3 ({error})"),
    }
}
