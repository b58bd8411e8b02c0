//! What the benchmarks run on: a machine with 200 processes, a loop's runtime directory, and a vLLM page.
#![allow(dead_code, unreachable_pub, reason = "each benchmark uses a part of it")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use procfs::process::Process;
use rustix::time::{ClockId, clock_gettime};

/// A captured page of a busy vLLM 0.32.0, 590 lines.
const PAGE: &str = include_str!("../../tests/fixtures/vllm-0.32.0/busy-8.prom");

/// A temporary world for the exporter; its processes end and its files go when it is dropped.
pub(crate) struct Stage {
    // Before the directory, which goes when they have ended.
    _children: Vec<Running>,
    directory: tempfile::TempDir,
    vllm: u16,
}

impl Stage {
    /// A runtime directory, a vLLM in a process of its own, and so many sleeping processes that the machine has about
    /// `processes`.
    pub(crate) fn new(processes: usize) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (server, vllm) = start_vllm();
        let running = procfs::process::all_processes().map_or(0, Iterator::count);
        let sleeper = || Running::start(Command::new("sleep").arg("1200"));
        let children = (running..processes).map(|_| sleeper()).chain([server]).collect();
        let stage = Stage { _children: children, directory, vllm };
        stage.write_files();
        stage
    }

    fn write_files(&self) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let write = |name: &str, text: String| {
            let path = self.runtime().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, text).expect("a file written");
        };
        write(
            "state-heartbeat.json",
            format!(r#"{{"ts":{now},"pid":1,"epoch":3,"iter":117,"vertex":"write","phase":"writer"}}"#),
        );
        let finished: Vec<_> = (0..117)
            .map(|i| format!(r#"{{"epoch":3,"iter":{i},"outcome":"ACCEPT","started_at":{now},"ended_at":{now}}}"#))
            .collect();
        write("state.json", format!(r#"{{"epoch":3,"iter":117,"phase":"writer","history":[{}]}}"#, finished.join(",")));
        let verdicts = (0..500).map(|i| format!("{{\"ts\":{now},\"iter\":{i},\"verdict\":\"ACCEPT\",\"score\":8}}\n"));
        write("verdicts.jsonl", verdicts.collect());
        write("meta-judge.jsonl", format!("{{\"ts\":{now},\"health_score\":82,\"verdict\":\"healthy\"}}\n"));
        let cells = (0..400).map(|i| format!("  cell{i}:\n    status: green\n"));
        write("acceptance/parity-matrix.yaml", format!("cells:\n{}", cells.collect::<String>()));
        write("journey-web/dist/index.html", "<!doctype html>".into());
        write("journey-web/site-data.json", "{}".into());
        let config = format!(
            "runtime_dir: {0}\nrepo_root: {0}\nvllm: {{url: \"{1}\"}}\n",
            self.runtime().display(),
            self.vllm_url()
        );
        write("config.yml", config);
    }

    /// The runtime directory, which is the repository's root too.
    pub(crate) fn runtime(&self) -> &Path {
        self.directory.path()
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.runtime().join("config.yml")
    }

    /// The stand-in vLLM.
    pub(crate) fn vllm_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.vllm)
    }
}

/// A child that ends with its handle.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Running(command.spawn().expect("it starts"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Has the sub-agents' source look at every process instead of a unit's cgroup, as a variable with its value.
pub(crate) const EVERY_PROCESS: (&str, &str) = ("AUTOSWE_SUBAGENTS_OUTSIDE", "^sleep");

/// The exporter to measure: the one that `AUTOSWE_BENCH_EXPORTER` names, such as a release build with link-time
/// optimization, else the one built with this benchmark.
pub(crate) fn exporter() -> PathBuf {
    std::env::var_os("AUTOSWE_BENCH_EXPORTER")
        .map_or_else(|| env!("CARGO_BIN_EXE_autoswe-exporter").into(), PathBuf::from)
}

/// What the benchmark's own program is called with to be the vLLM; its CPU time must not count as the exporter's.
const SERVE: &str = "serve-vllm";

fn start_vllm() -> (Running, u16) {
    let program = std::env::current_exe().expect("this program");
    let mut child = Running::start(Command::new(program).arg(SERVE).stdout(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().expect("a pipe")).read_line(&mut line).expect("the port");
    (child, line.trim().parse().expect("a port"))
}

/// Serves the captured page for ever where this program was called to do so. To be called first in `main`.
pub(crate) fn serve_vllm_if_asked() {
    if !std::env::args().any(|argument| argument == SERVE) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("an address").port());
    for socket in listener.incoming().flatten() {
        std::thread::spawn(move || answer(socket));
    }
}

fn answer(socket: TcpStream) {
    let mut connection = BufReader::new(socket);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=1.0.0; charset=utf-8\r\ncontent-length: {}\r\n\r\n",
        PAGE.len()
    );
    let mut line = String::new();
    while connection.read_line(&mut line).is_ok_and(|read| read > 0) {
        if line == "\r\n"
            && connection.get_mut().write_all([head.as_bytes(), PAGE.as_bytes()].concat().as_slice()).is_err()
        {
            return;
        }
        line.clear();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_or(0, |address| address.port())
}

/// CPU time of this process so far, seconds.
pub(crate) fn own_cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// User and system seconds of process `pid` so far.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = Process::new(pid.cast_signed()).and_then(|process| process.stat());
    stat.map_or(f64::NAN, |stat| (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
}

/// User and system seconds of the children that ended so far.
pub(crate) fn children_cpu_seconds() -> f64 {
    let stat = Process::myself().and_then(|process| process.stat());
    stat.map_or(f64::NAN, |stat| (stat.cutime + stat.cstime) as f64 / procfs::ticks_per_second() as f64)
}

/// Resident memory of process `pid`, MiB, counted page by page: the total in `stat` is off by some hundred kilobytes.
pub(crate) fn rss_mib(pid: u32) -> f64 {
    let rollup = Process::new(pid.cast_signed()).and_then(|process| process.smaps_rollup());
    let bytes = rollup.ok().and_then(|rollup| rollup.memory_map_rollup.0.first()?.extension.map.get("Rss").copied());
    bytes.map_or(f64::NAN, |bytes| bytes as f64 / 1_048_576.0)
}

/// The median of `values`.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Processor and cores, for the record.
pub(crate) fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    format!("{}, {} cores", model.unwrap_or("unknown"), std::thread::available_parallelism().map_or(0, usize::from))
}
