//! What reading the inputs and putting them together costs: 10,000 iterations, 250,000 answers, 30,000 events, a time
//! series of half a gigabyte, and a repository of as many commits.
//!
//! Run with `cargo bench --bench correlate`. `AUTOSWE_BENCH_SERIES_MB` sets the size of the series (550), 0 leaves it and
//! the repository out.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "stage/mod.rs"]
mod stage;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use autoswe_exporter::config::Config;
use autoswe_exporter::journey::account;
use autoswe_exporter::journey::correlate::correlate;
use autoswe_exporter::journey::inputs::{freeze, read};
use autoswe_exporter::journey::run::Tokens;
use autoswe_exporter::journey::transcript::{Ledger, Session, Turn};
use autoswe_exporter::observation::Time;
use stage::own_cpu_seconds;

const ITERATIONS: u64 = 10_000;
const TURNS: u64 = 25;
const BEGAN: u64 = 1_780_000_000;
/// Seconds of one iteration.
const LENGTH: u64 = 1200;
const RUNS: usize = 7;

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = directory.path().join("runtime");
    fs::create_dir(&runtime).expect("a directory");
    let mut config = Config { runtime_dir: runtime.clone(), ..Config::default() };
    config.journey.repository = None;
    write_state(&runtime.join("state.json"));
    write_events(&runtime);
    let kept = directory.path().join("kept");
    let size = |name: &str| fs::metadata(runtime.join(name)).map_or(0, |file| file.len());
    println!(
        "state.json {} bytes, verdicts {}, events {}",
        size("state.json"),
        size("verdicts.jsonl"),
        size("wedge-events.jsonl")
    );
    time("freeze and digest", || assert!(freeze(&config).is_news_since(&[0; 32])));
    let mut only = config.clone();
    only.verdicts.file = "none".into();
    fs::rename(runtime.join("wedge-events.jsonl"), runtime.join("away")).expect("the file");
    time("read state.json alone", || drop(read(&freeze(&only), &kept)));
    fs::rename(runtime.join("away"), runtime.join("wedge-events.jsonl")).expect("the file");
    time("read all files", || drop(read(&freeze(&config), &kept)));
    let gathered = read(&freeze(&config), &kept);
    let ledger = ledger();
    let clones = time("cloning what correlate takes", || drop((gathered.clone(), ledger.clone())));
    let whole = time("the same and correlate", || drop(correlate(gathered.clone(), ledger.clone())));
    println!("correlate: {:.1} ms", (whole - clones) * 1e3);
    let run = correlate(gathered, ledger);
    println!(
        "{} iterations, {} contradictions, {:?}",
        run.epochs[0].iterations.len(),
        run.contradictions.len(),
        run.left_out
    );
    let state_dir = directory.path().join("account");
    time("write the account, unchanged", || account::write(&run, &state_dir).expect("room on the disk"));
    let megabytes = std::env::var("AUTOSWE_BENCH_SERIES_MB").map_or(550, |text| text.parse().expect("a number"));
    if megabytes > 0 {
        series(&config, &runtime, megabytes);
        repository(config, directory.path());
    }
}

fn series(config: &Config, runtime: &Path, megabytes: u64) {
    let file = runtime.join("system-state.jsonl");
    let mut writer = BufWriter::new(fs::File::create(&file).expect("a file"));
    let filler = "\"vllm_requests_running\":4,\"gpu_power_watts\":61.25,".repeat(58);
    let records = megabytes * 1_000_000 / 3100;
    for record in 0..records {
        let green = 1000 + record / 500;
        writeln!(
            writer,
            "{{\"ts\":{},{filler}\"parity_green\":{green},\"parity_red\":5,\"parity_manual\":1,\"parity_not_applicable\":2,\
             \"parity_unknown\":0,\"verdicts\":null}}",
            BEGAN + record * 60
        )
        .expect("room on the disk");
    }
    writer.flush().expect("room on the disk");
    let place = tempfile::tempdir().expect("a directory");
    let frozen = freeze(config);
    let start = Instant::now();
    let points = read(&frozen, place.path()).parity.len();
    println!("series of {megabytes} MB, first: {:.0} ms, {points} changes", start.elapsed().as_secs_f64() * 1e3);
    time("all files with the series, nothing new in it", || drop(read(&freeze(config), place.path())));
    fs::remove_file(file).expect("the file");
}

/// `git fast-import` makes a commit an iteration, five files each.
fn repository(mut config: Config, directory: &Path) {
    let place = directory.join("repository");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(directory)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().expect("git")
    };
    git(&["init", "-q", "-b", "main", "repository"]).wait().expect("git");
    let mut import = git(&["-C", "repository", "fast-import", "--quiet"]);
    let mut pipe = BufWriter::new(import.stdin.take().expect("a pipe"));
    for number in 0..ITERATIONS {
        let at = BEGAN + number * LENGTH + 900;
        let subject = format!("module {number}: a change");
        write!(
            pipe,
            "commit refs/heads/main\ncommitter A <a@example.org> {at} +0000\ndata {}\n{subject}\n",
            subject.len()
        )
        .expect("a pipe");
        for file in 0..5 {
            let text = format!("line {number}\n").repeat(usize::try_from(file * 7 + 3).expect("a small number"));
            let name = number % 300 * 5 + file;
            write!(pipe, "M 100644 inline src/f{name}.rs\ndata {}\n{text}\n", text.len()).expect("a pipe");
        }
    }
    pipe.flush().expect("a pipe");
    drop(pipe);
    import.wait().expect("git");
    config.journey.repository = Some(place.display().to_string());
    let kept = tempfile::tempdir().expect("a directory");
    let frozen = freeze(&config);
    let start = Instant::now();
    let commits = read(&frozen, kept.path()).commits.expect("commits").list.len();
    println!("all files and {commits} commits, first: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    time("the same, nothing new", || drop(read(&freeze(&config), kept.path())));
}

/// Best of several, seconds of wall time; CPU time of this process beside it.
fn time(name: &str, mut work: impl FnMut()) -> f64 {
    let mut best = (f64::INFINITY, f64::INFINITY);
    for _ in 0..RUNS {
        let (start, cpu) = (Instant::now(), own_cpu_seconds());
        work();
        best = (best.0.min(start.elapsed().as_secs_f64()), best.1.min(own_cpu_seconds() - cpu));
    }
    println!("{name:<46} {:>8.2} ms wall, {:>8.2} ms CPU (best of {RUNS})", best.0 * 1e3, best.1 * 1e3);
    best.1
}

fn write_state(path: &PathBuf) {
    let mut text =
        format!("{{\"epoch\":1,\"iter\":{ITERATIONS},\"phase\":\"writer\",\"started_at\":{BEGAN},\"history\":[");
    for number in 0..ITERATIONS {
        let start = BEGAN + number * LENGTH;
        let at = |seconds: u64| Time::from_second(i64::try_from(seconds).expect("a time")).expect("a time");
        write!(
            text,
            "{}{{\"epoch\":1,\"iter\":{number},\"slug\":\"module-{number}\",\"module\":\"core/parser\",\"outcome\":\"{}\",\
             \"started_at\":\"{}\",\"ended_at\":\"{}\",\"tokens\":{{\"qwen3-coder\":{},\"small\":{}}},\"codex_calls\":2,\
             \"codex_tokens\":5300,\"commits\":[\"{number:040x}\"],\"files\":[\"src/core/parser/a.rs\",\
             \"src/core/parser/b.rs\",\"tests/parser.rs\",\"src/lib.rs\"]}}",
            if number == 0 { "" } else { "," },
            if number % 3 == 0 { "REVERT" } else { "ACCEPT" },
            at(start),
            at(start + LENGTH - 10),
            TURNS * 1000 - number % 2 * 1000,
            number % 2 * 1000,
        )
        .expect("a text");
    }
    fs::write(path, text + "]}").expect("room on the disk");
}

fn write_events(runtime: &Path) {
    let (mut verdicts, mut wedges) = (String::new(), String::new());
    for number in 0..ITERATIONS {
        let end = BEGAN + number * LENGTH + LENGTH - 20;
        let word = if number % 3 == 0 { "REVERT" } else { "ACCEPT" };
        for (at, word) in [(end - 600, "REVERT"), (end, word)] {
            writeln!(verdicts, "{{\"ts\":{at},\"epoch\":1,\"iter\":{number},\"module\":\"core/parser\",\"verdict\":\"{word}\",\"score\":0.93,\"reason\":\"all cells of the module are green and the diff stays within its bounds\"}}").expect("a text");
        }
        writeln!(wedges, "{{\"ts\":{},\"iter\":{number},\"kind\":\"hung_child\",\"waited_s\":900,\"message\":\"the writer's child gave no sign of life\"}}", end - 300).expect("a text");
    }
    fs::write(runtime.join("verdicts.jsonl"), verdicts).expect("room on the disk");
    fs::write(runtime.join("wedge-events.jsonl"), wedges).expect("room on the disk");
}

fn ledger() -> Ledger {
    let at =
        |number: u64| i64::try_from((BEGAN + number / TURNS * LENGTH + number % TURNS * 40) * 1000).expect("a time");
    let turn = |number: u64| Turn {
        at_ms: at(number),
        session: u32::try_from(number / 200).expect("a small number"),
        model: u16::from(number / TURNS % 2 == 1 && number.is_multiple_of(TURNS)),
        sidechain: number.is_multiple_of(7),
        tokens: Tokens { input: 400, output: 600, cache_read: 0, cache_creation: 0 },
        tool_calls: 2,
        file: u32::try_from(number / 200).expect("a small number"),
        offset: number * 3000,
    };
    let turns: Vec<Turn> = (0..ITERATIONS * TURNS).map(turn).collect();
    let sessions = (0..=ITERATIONS * TURNS / 200).map(|number| Session {
        id: format!("session-{number:08}"),
        cwd: None,
        first_at: Time::UNIX_EPOCH,
        last_at: Time::UNIX_EPOCH,
    });
    let sessions: Vec<Session> = sessions.collect();
    let files = sessions.iter().map(|session| PathBuf::from(&session.id)).collect();
    Ledger { files, sessions, models: vec!["qwen3-coder".into(), "small".into()], turns, left_out: Vec::new() }
}
