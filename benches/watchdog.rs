//! What the watchdog costs while the loop is healthy, beside monit with one file check; what one evaluation for a timer
//! costs, beside starting Python to do nothing; and how long it takes from the limit to the restart.
//!
//! Run with `cargo bench --bench watchdog`; it needs Debian's `monit`, `python3` and `systemd`, and takes about five
//! minutes. `AUTOSWE_BENCH_WATCHDOG` names the program to measure, such as a release build; the exporter beside it is
//! used with it.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "stage/healthy_loop.rs"]
mod healthy_loop;
#[path = "stage/mod.rs"]
mod stage;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use healthy_loop::HealthyLoop;
use stage::{Running, children_cpu_seconds, rss_mib};

const WATCHED: Duration = Duration::from_secs(60);
const RUNS: usize = 60;

fn main() {
    println!("machine: {}", stage::machine());
    let stage = HealthyLoop::new();
    daemon(&stage);
    once(&stage);
    restart(&stage);
}

/// The watchdog to measure.
fn watchdog() -> PathBuf {
    std::env::var_os("AUTOSWE_BENCH_WATCHDOG")
        .map_or_else(|| env!("CARGO_BIN_EXE_autoswe-watchdog").into(), PathBuf::from)
}

/// The watchdog over this loop.
fn watching(stage: &HealthyLoop, settings: &str) -> Command {
    stage.watched_by(Command::new(watchdog()), settings)
}

/// CPU time of all threads of `process`, by the scheduler's count, seconds.
fn cpu_of(process: &Running) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", process.id())).expect("its threads");
    let of = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).unwrap_or(0.0)
    };
    tasks.flatten().map(of).sum::<f64>() / 1e9
}

fn daemon(stage: &HealthyLoop) {
    let size = std::fs::metadata(watchdog()).expect("the program").len();
    println!("binary               {:.2} MB", size as f64 / 1e6);
    // Evaluations come faster than in earnest, so that a minute of them gives a firm figure.
    let watchdog = Running::start(&mut watching(stage, "restart: {interval: 1s}\n"));
    let monit = monit(stage);
    std::thread::sleep(Duration::from_secs(5));
    let (count, cpu) = (stage.evaluations(), cpu_of(&watchdog));
    let monit_cpu = cpu_of(&monit);
    std::thread::sleep(WATCHED);
    let each = (cpu_of(&watchdog) - cpu) / (stage.evaluations() - count) as f64;
    println!("evaluation           {:.0} us CPU, {:.2} ms a minute at 30 s", each * 1e6, each * 2e3);
    println!("resident             {:.2} MiB", rss_mib(watchdog.id()));
    let monit_cpu = cpu_of(&monit) - monit_cpu;
    println!("monit, every 5 s     {:.1} ms CPU a minute, {:.2} MiB resident", monit_cpu * 1e3, rss_mib(monit.id()));
}

/// monit with one check, of the heartbeat's age.
fn monit(stage: &HealthyLoop) -> Running {
    let file = stage.runtime().join("monitrc");
    let place = stage.runtime().display();
    let text = format!(
        "set daemon 5\nset pidfile {place}/monit.pid\nset statefile {place}/monit.state\nset idfile {place}/monit.id\n\
         check file heartbeat with path {place}/state-heartbeat.json\n  if timestamp > 15 minutes then alert\n"
    );
    std::fs::write(&file, text).expect("a configuration");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("permissions");
    Running::start(Command::new("monit").arg("-I").arg("-c").arg(file).stdout(Stdio::null()).stderr(Stdio::null()))
}

fn once(stage: &HealthyLoop) {
    let watchdog = each(|| {
        let mut command = watching(stage, "");
        command.arg("--once");
        command
    });
    println!("--once               {:.2} ms CPU", watchdog * 1e3);
    // Debian's own is smaller than the one that a developer may have first in PATH.
    for python in ["python3", "/usr/bin/python3"] {
        let theirs = each(|| {
            let mut command = Command::new(python);
            command.args(["-c", "pass"]).stdin(Stdio::null());
            command
        });
        println!("{python} -c pass: {:.2} ms CPU, {:.1} times as much", theirs * 1e3, theirs / watchdog);
    }
}

/// Mean CPU seconds of [`RUNS`] runs.
fn each(command: impl Fn() -> Command) -> f64 {
    let before = children_cpu_seconds();
    let ran = (0..RUNS).filter(|_| command().status().is_ok_and(|status| status.success())).count();
    assert_eq!(ran, RUNS, "every run succeeds");
    (children_cpu_seconds() - before) / RUNS as f64
}

/// With the real interval and confirmations, and limits that are passed soon.
fn restart(stage: &HealthyLoop) {
    let settings = "vllm: {enabled: false}\ngpu: {enabled: false}\nchecks: {loop: {warn: 5s, crit: 10s}}\n";
    let _watchdog = Running::start(&mut watching(stage, settings));
    std::thread::sleep(Duration::from_secs(11));
    std::fs::write(stage.runtime().join("hang"), "").expect("a file");
    let passed = Instant::now() + Duration::from_secs(10);
    let trail = stage.runtime().join("liveness-restarts.jsonl");
    let asked = std::iter::repeat_with(|| std::thread::sleep(Duration::from_millis(50)))
        .take(3000)
        .find(|()| std::fs::read_to_string(&trail).is_ok_and(|text| text.contains("intent")));
    let took = Instant::now().saturating_duration_since(passed).as_secs_f64();
    let wanted = "at most one evaluation (30 s) and one confirmation (30 s)";
    match asked {
        Some(()) => println!("limit to restart     {took:.1} s; wanted {wanted}"),
        None => println!("limit to restart     none within 150 s; wanted {wanted}"),
    }
}
