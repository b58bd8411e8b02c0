//! No benchmark, but on the same stage: finds out which functions the long-running programs run in their daily work, and
//! writes `link/PROGRAM.ld`, by which the linker lays them side by side (`build.rs`). Needs Debian's `valgrind`.
//!
//! ```sh
//! AUTOSWE_LINK_ORDER=none cargo build --release --target-dir target/unordered --config profile.release.strip=false
//! AUTOSWE_LINK_PROGRAMS=target/unordered/release cargo bench --bench link_order
//! ```
//!
//! Invariant: a list holds names without what changes from build to build, sorted, each once.

#![expect(clippy::print_stdout, reason = "what it found is told")]

#[path = "stage/healthy_loop.rs"]
mod healthy_loop;
#[path = "stage/release.rs"]
mod release;
#[path = "stage/mod.rs"]
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use healthy_loop::HealthyLoop;
use stage::{Running, Stage, free_port};

/// Under valgrind everything takes fifty times as long.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    stage::serve_vllm_if_asked();
    let Some(programs) = std::env::var_os("AUTOSWE_LINK_PROGRAMS").map(PathBuf::from) else {
        println!("AUTOSWE_LINK_PROGRAMS names no directory with programs to look at: see the head of this file");
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let works = [("autoswe-exporter", exporter as Work), ("autoswe-watchdog", watchdog), ("autoswe-journey", server)];
    for (name, work) in works {
        let traced = Traced { program: programs.join(name), output: directory.path().join(name) };
        work(&traced, directory.path());
        let ran = traced.names();
        let lasting: BTreeSet<_> = ran.iter().filter_map(|name| lasting(name)).collect();
        let file = format!("link/{name}.ld");
        std::fs::write(&file, list(&lasting)).expect("the list");
        println!("{file}: {} names for {} functions", lasting.len(), ran.len());
    }
}

/// What the linker is given.
fn list(names: &BTreeSet<String>) -> String {
    let sections: String = names.iter().map(|name| format!("    *(.text.{name} .text.*.{name})\n")).collect();
    format!(
        "/* The functions that the program runs in its daily work, side by side: build.rs says why. Made by\n   \
         benches/link_order.rs; not to be changed by hand. */\nSECTIONS {{\n  .text.often : {{\n{sections}  }}\n}} \
         INSERT BEFORE .text;\n"
    )
}

/// Has a program do its daily work.
type Work = fn(&Traced, &Path);

/// A program whose functions are counted.
struct Traced {
    program: PathBuf,
    output: PathBuf,
}

impl Traced {
    fn command(&self) -> Command {
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--tool=callgrind", "--demangle=no"]);
        command.arg(format!("--callgrind-out-file={}", self.output.display())).arg(&self.program);
        command.stdin(Stdio::null());
        command
    }

    /// Runs `command` and `while_it_runs`; then it is asked to end.
    fn run(command: &mut Command, while_it_runs: impl FnOnce()) {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = Running(child.expect("valgrind; apt-get install valgrind"));
        while_it_runs();
        drop(Command::new("kill").args(["-TERM", &child.id().to_string()]).status());
        let status = child.0.wait().expect("its end");
        assert!(status.success(), "it ended with {status}");
    }

    /// The functions that ran, as the linker names them.
    fn names(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.output).expect("what callgrind wrote");
        let (mut known, mut ran) = (BTreeMap::new(), BTreeSet::new());
        for line in text.lines() {
            let Some((kind, named)) = line.split_once("fn=") else { continue };
            let (number, name) = named.split_once(' ').unwrap_or((named, ""));
            if !name.is_empty() {
                known.insert(number, name);
            }
            // Callees (`cfn=`) that ran stand in a line of their own as well.
            if kind.is_empty() {
                ran.insert(number);
            }
        }
        ran.into_iter().filter_map(|number| Some((*known.get(number)?).to_owned())).collect()
    }
}

/// A pattern that fits a function of Rust in the next build as well: without the hashes of its crates and of itself.
fn lasting(name: &str) -> Option<String> {
    // Recursive ones are told apart.
    let name = name.split('\'').next().unwrap_or(name);
    if name.starts_with("_ZN") {
        let end = name.rfind("17h")?;
        return Some(format!("{}17h*", &name[..end]));
    }
    let name = name.strip_prefix("_R")?;
    let mut pattern = String::from("_R");
    let mut rest = name;
    // A crate is written `Cs`, a number in letters and digits, `_`, its name's length and its name.
    while let Some((before, crate_and_more)) = rest.split_once("Cs") {
        pattern.push_str(before);
        match crate_and_more.split_once('_') {
            Some((number, after)) if number.len() >= 8 && number.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                pattern.push_str("Cs*_");
                rest = after;
            }
            _ => {
                pattern.push_str("Cs");
                rest = crate_and_more;
            }
        }
    }
    Some(pattern + rest)
}

fn exporter(traced: &Traced, _: &Path) {
    let (stage, port) = (Stage::new(200), free_port());
    let mut command = traced.command();
    command.arg("--config.file").arg(stage.config()).arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command.env(stage::EVERY_PROCESS.0, stage::EVERY_PROCESS.1);
    Traced::run(&mut command, || {
        for round in 0..3 {
            for (path, headers) in [
                ("/metrics", ""),
                ("/metrics", "Accept-Encoding: gzip\r\n"),
                ("/metrics", "Accept: application/openmetrics-text; version=1.0.0; q=1\r\n"),
                ("/", ""),
                ("/-/healthy", ""),
                ("/-/ready", ""),
                ("/api/v1/state", ""),
                ("/livez", ""),
                ("/nothing", ""),
            ] {
                answer(port, path, headers);
            }
            // The sources are asked again.
            std::thread::sleep(Duration::from_secs(5 * (round + 1)));
        }
    });
}

fn watchdog(traced: &Traced, _: &Path) {
    let stage = HealthyLoop::new();
    let mut command = stage.watched_by(traced.command(), "restart: {interval: 1s}\n");
    let path = std::env::var_os("PATH").unwrap_or_default();
    Traced::run(command.env("PATH", path), || {
        let start = Instant::now();
        while !stage.runtime().join("watchdog-state.json").exists() || stage.evaluations() < 5 {
            assert!(start.elapsed() < PATIENCE, "the watchdog looks");
            std::thread::sleep(Duration::from_millis(200));
        }
    });
}

fn server(traced: &Traced, directory: &Path) {
    release::release(directory);
    let port = free_port();
    let mut command = traced.command();
    command.env("AUTOSWE_JOURNEY_SERVER_METRICS_ADDRESS", "127.0.0.1:0");
    command.args(["serve", "--bind", "127.0.0.1", "--port", &port.to_string(), "--outdir"]);
    Traced::run(command.arg(directory.join("web")), || {
        for (file, _) in release::FILES {
            for headers in ["", "Accept-Encoding: gzip, br\r\n", "If-None-Match: \"0\"\r\n", "Range: bytes=0-9\r\n"] {
                answer(port, &format!("/{file}"), headers);
            }
        }
        answer(port, "/nothing", "");
        answer(port, "/", "");
        // One that stays for two answers and goes without a word.
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        for _ in 0..2 {
            stream.write_all(b"GET /1k.txt HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").expect("a request");
            stream.read_exact(&mut [0; 1000]).expect("an answer");
            std::thread::sleep(Duration::from_secs(1));
        }
        drop(stream);
        // The release is looked for every second.
        std::thread::sleep(Duration::from_secs(4));
    });
}

/// Asks for `path` as soon as somebody listens, and takes the answer.
fn answer(port: u16, path: &str, headers: &str) {
    let start = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 "), "{path}");
}
