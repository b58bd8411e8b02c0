//! What judging a year of records again costs: beside the floor of reading the file, `jq`, and Python.
//!
//! Run with `cargo bench --bench backtest`; `AUTOSWE_BENCH_EXPORTER` names the release build, `AUTOSWE_BENCH_DAYS` the
//! days (365), `AUTOSWE_BENCH_SERIES` a file that keeps the year from run to run.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "../tests/year/mod.rs"]
mod year;

use std::fs::File;
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use autoswe_exporter::assessment::Thresholds;
use autoswe_exporter::backtest::{Place, Question, backtest};
use autoswe_exporter::observation::Time;

const RUNS: usize = 5;

fn main() {
    let days = std::env::var("AUTOSWE_BENCH_DAYS").map_or(365, |days| days.parse().expect("a number of days"));
    let directory = tempfile::tempdir().expect("a directory");
    let kept = std::env::var("AUTOSWE_BENCH_SERIES").map(PathBuf::from).ok();
    let path = kept.unwrap_or_else(|| directory.path().join("system-state.jsonl"));
    let end = Time::from_second(1_795_348_800).expect("a time");
    if !path.exists() {
        let mut file = BufWriter::new(File::create(&path).expect("a file"));
        year::write(&mut file, days, 7, end).expect("room on the disk");
    }
    let bytes = std::fs::metadata(&path).expect("the file").len();
    let lines = std::process::Command::new("wc").arg("-l").arg(&path).output().expect("wc");
    let lines = String::from_utf8_lossy(&lines.stdout);
    println!("{} bytes, lines: {}", bytes, lines.split_whitespace().next().unwrap_or("?"));
    floor(&path, bytes);
    library(&path, bytes);
    let exporter = std::env::var("AUTOSWE_BENCH_EXPORTER").ok();
    if let Some(exporter) = &exporter {
        peer("backtest", bytes, RUNS, || command(exporter, &["backtest", "--log"], &path));
        peer("backtest --json", bytes, RUNS, || command(exporter, &["backtest", "--json", "--log"], &path));
    }
    let filter = "[.ts, .severity, .heartbeat_age_seconds] | @csv";
    peer("jq, three keys", bytes, 1, || command("jq", &["-r", filter], &path));
    let script = "import json,sys\nfor line in open(sys.argv[1]): json.loads(line)['heartbeat_age_seconds']";
    peer("python json, one key", bytes, 1, || command("python3", &["-c", script], &path));
}

fn floor(path: &Path, bytes: u64) {
    let mut buffer = vec![0; 1 << 20];
    time("reading alone", bytes, || {
        let mut file = File::open(path).expect("the file");
        while file.read(&mut buffer).expect("bytes") > 0 {}
    });
}

fn library(path: &Path, bytes: u64) {
    let config = year::config();
    for threads in [1, 0] {
        let question = Question {
            places: vec![Place::File(path.to_owned())],
            thresholds: Thresholds::new(&config, true),
            config: config.clone(),
            since: None,
            until: None,
            threads,
            block: 0,
        };
        let name = if threads == 1 { "library, one thread" } else { "library, a thread a core" };
        time(name, bytes, || drop(backtest(&question)));
    }
}

fn time(name: &str, bytes: u64, mut work: impl FnMut()) {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name:<26} {best:>7.3} s wall, {:>6.0} MB/s (best of {RUNS})", bytes as f64 / best / 1e6);
}

fn command(program: &str, arguments: &[&str], path: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).arg(path).stdout(Stdio::null());
    command
}

/// Wall, CPU and memory of a program, by GNU time's words.
fn peer(name: &str, bytes: u64, runs: usize, command: impl Fn() -> Command) {
    let mut best: Option<(f64, String)> = None;
    for _ in 0..runs {
        let inner = command();
        let mut timed = Command::new("/usr/bin/env");
        timed.args(["time", "-f", "%U %S %M"]).arg(inner.get_program()).args(inner.get_args());
        let start = Instant::now();
        let Ok(output) = timed.stdout(Stdio::null()).output() else { return println!("{name}: not here") };
        let wall = start.elapsed().as_secs_f64();
        let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if best.as_ref().is_none_or(|(least, _)| wall < *least) {
            best = Some((wall, told));
        }
    }
    if let Some((wall, told)) = best {
        let speed = bytes as f64 / wall / 1e6;
        println!("{name:<26} {wall:>7.3} s wall, {speed:>6.0} MB/s, user s, system s, kB: {told} (best of {runs})");
    }
}
