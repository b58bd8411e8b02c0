//! What reading the agent's transcripts costs: for the first time, when nothing is new, and when one session is.
//!
//! Run with `cargo bench --bench transcripts`. `AUTOSWE_BENCH_ITERATIONS` and `AUTOSWE_BENCH_TRANSCRIPTS` set the size
//! of the run (10,000 iterations, 2 GB), `AUTOSWE_BENCH_RUN` names a directory that keeps it from time to time. Each
//! figure is of a process of its own, which this program starts, so that the peak of memory is that of reading alone.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "../tests/generated_run/mod.rs"]
mod generated_run;
#[path = "stage/mod.rs"]
mod stage;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use autoswe_exporter::journey::transcript::{Frozen, Options, read};
use generated_run::{Plan, generate};
use stage::own_cpu_seconds;

/// The first argument of the process that reads.
const READ: &str = "read";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == READ) {
        Some(at) => reading(Path::new(&arguments[at + 1]), Path::new(&arguments[at + 2]), &arguments[at + 3]),
        None => measure(),
    }
}

fn measure() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let iterations = number("AUTOSWE_BENCH_ITERATIONS", 10_000);
    let transcripts = number("AUTOSWE_BENCH_TRANSCRIPTS", 2_000_000_000);
    let scratch = tempfile::tempdir().expect("a directory");
    let kept = std::env::var("AUTOSWE_BENCH_RUN").map(PathBuf::from);
    let run = kept.unwrap_or_else(|_| scratch.path().join("run"));
    let plan = Plan { iterations, transcripts, commits: 10, seed: 1, secrets: false, plant: None };
    if !run.exists() {
        let start = Instant::now();
        let made = generate(&run, &plan).expect("room on the disk");
        println!("made {:?} in {:.1} s, {} traps", made.config, start.elapsed().as_secs_f64(), made.traps.len());
        println!("transcripts, bytes, answers: {:?}", made.transcripts);
    }
    for threads in ["1", "0"] {
        let state = scratch.path().join(format!("state-{threads}"));
        println!("threads: {threads} (0: one a CPU)");
        for name in ["first run", "nothing new", "nothing new"] {
            show(name, &run, &state, threads);
        }
        one_more(&run, &plan, threads);
        show("one session more", &run, &state, threads);
        show("nothing new", &run, &state, threads);
    }
}

/// Adds a session of some 200 kB, of another run.
fn one_more(run: &Path, plan: &Plan, seed: &str) {
    let other = tempfile::tempdir().expect("a directory");
    let seed = 1000 + seed.parse::<u64>().expect("a number");
    let plan = Plan { iterations: 1, transcripts: 200_000, seed, ..plan.clone() };
    generate(other.path(), &plan).expect("a small run");
    let project = run.join("projects/-one-more");
    std::fs::create_dir_all(&project).expect("a directory");
    let largest = glob::glob(&other.path().join("projects/*/*.jsonl").display().to_string())
        .expect("a glob")
        .flatten()
        .max_by_key(|path| path.metadata().map_or(0, |metadata| metadata.len()))
        .expect("a transcript");
    std::fs::copy(&largest, project.join(largest.file_name().expect("a name"))).expect("a copy");
}

fn show(name: &str, run: &Path, state: &Path, threads: &str) {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).arg(READ).args([run, state]).arg(threads).output().expect("a process");
    println!("{name:<18} {}", String::from_utf8_lossy(&output.stdout).trim());
}

fn reading(run: &Path, state: &Path, threads: &str) {
    let threads = threads.parse().expect("a number");
    let options = Options { state_dir: state.to_owned(), max_line: 8 << 20, threads };
    let (wall, before) = (Instant::now(), own_cpu_seconds());
    let frozen = Frozen::look(&[run.join("projects/*/*.jsonl")]).expect("a glob");
    let looked = own_cpu_seconds();
    let ledger = read(&frozen, &options, &mut |_, _| {});
    let (wall, spent) = (wall.elapsed().as_secs_f64(), own_cpu_seconds() - before);
    let (files, bytes) = frozen.size();
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?").trim();
    let walk = (looked - before) * 1e3;
    let rate = bytes as f64 / 1e6 / spent;
    print!("{:>7.1} ms wall, {:>7.1} ms CPU ({walk:.1} ms the walk), ", wall * 1e3, spent * 1e3);
    println!("{rate:>6.0} MB a CPU second, peak {peak}: {files} files, {} turns", ledger.turns.len());
}
