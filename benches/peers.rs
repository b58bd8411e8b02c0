//! The exporter beside its peers, in one run: scrapes against node_exporter, `report` against the same in Python.
//!
//! Run with `cargo bench --bench peers`. Needs `prometheus-node-exporter` and `python3`; a peer that is missing is
//! named as missing. Figures are CPU time, medians and ratios; nothing here asserts.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "stage/mod.rs"]
mod stage;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stage::{Running, Stage, cpu_seconds, free_port, median, rss_mib};

const NODE_EXPORTER: &str = "/usr/bin/prometheus-node-exporter";

fn main() {
    stage::serve_vllm_if_asked();
    let stage = Stage::new(200);
    println!("machine: {}", stage::machine());
    println!("exporter binary: {:.1} MB", std::fs::metadata(stage::exporter()).map_or(0.0, |m| m.len() as f64 / 1e6));
    starts(&stage);
    let ours = scrapes("autoswe-exporter", &exporter(&stage), 20_000);
    match Server::start(Command::new(NODE_EXPORTER), |port| vec![format!("--web.listen-address=127.0.0.1:{port}")]) {
        Some(peer) => {
            let theirs = scrapes("node_exporter", &peer, 300);
            for (ours, theirs) in ours.iter().zip(theirs) {
                println!("ratio at {} connections: {:.0} times less CPU", ours.0, theirs.1 / ours.1);
            }
        }
        None => println!("node_exporter: missing (apt-get install prometheus-node-exporter)"),
    }
    reports(&stage);
}

/// A server under load, killed when dropped.
struct Server {
    child: Running,
    address: SocketAddr,
}

impl Server {
    /// Starts `command` with the arguments for a free port, and waits until it answers.
    fn start(mut command: Command, arguments: impl Fn(u16) -> Vec<String>) -> Option<Self> {
        let port = free_port();
        let child = command.args(arguments(port)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let server = Server { child: Running(child), address: SocketAddr::from(([127, 0, 0, 1], port)) };
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if TcpStream::connect(server.address).is_ok_and(|socket| get(&mut BufReader::new(socket)).is_some()) {
                return Some(server);
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        None
    }
}

fn exporter(stage: &Stage) -> Server {
    let mut command = Command::new(stage::exporter());
    command.arg("--config.file").arg(stage.config());
    Server::start(command, |port| vec![format!("--web.listen-address=127.0.0.1:{port}")]).expect("the exporter answers")
}

/// One `GET /metrics` on a kept connection; the length of the page.
fn get(connection: &mut BufReader<TcpStream>) -> Option<usize> {
    connection.get_mut().write_all(b"GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n").ok()?;
    let (mut length, mut chunked, mut line) = (0, false, String::new());
    loop {
        line.clear();
        if connection.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        chunked |= lower.starts_with("transfer-encoding: chunked");
        if line == "\r\n" {
            break;
        }
    }
    if !chunked {
        connection.read_exact(&mut vec![0; length]).ok()?;
        return Some(length);
    }
    loop {
        line.clear();
        connection.read_line(&mut line).ok()?;
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        connection.read_exact(&mut vec![0; size + 2]).ok()?;
        length += size;
        if size == 0 {
            return Some(length);
        }
    }
}

/// CPU per scrape at 1, 8 and 64 connections: `(connections, seconds)`.
fn scrapes(name: &str, server: &Server, requests: usize) -> Vec<(usize, f64)> {
    let pid = server.child.id();
    std::thread::sleep(Duration::from_secs(3));
    println!("{name}: RSS idle {:.1} MiB", rss_mib(pid));
    [1, 8, 64]
        .into_iter()
        .map(|connections| {
            let (before, started) = (cpu_seconds(pid), Instant::now());
            let mut times = load(server.address, connections, requests / connections);
            let (cpu, wall) = (cpu_seconds(pid) - before, started.elapsed().as_secs_f64());
            let each = cpu / times.len() as f64;
            println!(
                "{name}: {connections} connections: {:.1} us CPU a scrape, p50 {:.2} ms, {:.0}/s, RSS {:.1} MiB",
                each * 1e6,
                median(&mut times) * 1e3,
                times.len() as f64 / wall,
                rss_mib(pid)
            );
            (connections, each)
        })
        .collect()
}

/// Scrapes from `connections` threads at once; how long each took, in seconds.
fn load(address: SocketAddr, connections: usize, each: usize) -> Vec<f64> {
    let threads: Vec<_> = (0..connections)
        .map(|_| {
            std::thread::spawn(move || {
                let Ok(socket) = TcpStream::connect(address) else { return Vec::new() };
                let mut connection = BufReader::new(socket);
                (0..each)
                    .map_while(|_| {
                        let started = Instant::now();
                        get(&mut connection).map(|_| started.elapsed().as_secs_f64())
                    })
                    .collect()
            })
        })
        .collect();
    threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
}

/// From the start of the process to the first complete answer.
fn starts(stage: &Stage) {
    let mut times: Vec<f64> = (0..15)
        .map(|_| {
            let started = Instant::now();
            let server = exporter(stage);
            let took = started.elapsed().as_secs_f64();
            drop(server);
            took
        })
        .collect();
    println!("start to first answer: median {:.1} ms", median(&mut times) * 1e3);
}

/// CPU and wall time of one report, ours and Python's.
fn reports(stage: &Stage) {
    let report = || {
        let mut command = Command::new(stage::exporter());
        command.arg("--config.file").arg(stage.config()).args(["report", "--sample", "0"]);
        command
    };
    let ours = commands(40, report);
    let scanning = commands(40, || {
        let mut command = report();
        command.env(stage::EVERY_PROCESS.0, stage::EVERY_PROCESS.1);
        command
    });
    let theirs = commands(15, || {
        let mut command = Command::new("python3");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peer_report.py"));
        command.arg(stage.runtime()).arg(stage.runtime()).arg(stage.vllm_url());
        command
    });
    println!("report: {:.1} ms CPU, {:.1} ms wall", ours.0 * 1e3, ours.1 * 1e3);
    println!("report in Python: {:.1} ms CPU, {:.1} ms wall", theirs.0 * 1e3, theirs.1 * 1e3);
    println!("ratio: {:.0} times less CPU", theirs.0 / ours.0);
    println!("report that looks at every process: {:.1} ms CPU, {:.1} ms wall", scanning.0 * 1e3, scanning.1 * 1e3);
    println!("ratio: {:.0} times less CPU", theirs.0 / scanning.0);
}

/// Mean CPU and median wall seconds of `count` runs.
fn commands(count: usize, command: impl Fn() -> Command) -> (f64, f64) {
    let before = stage::children_cpu_seconds();
    let mut walls: Vec<f64> = (0..count)
        .map(|_| {
            let started = Instant::now();
            drop(command().stdout(Stdio::null()).stderr(Stdio::null()).status());
            started.elapsed().as_secs_f64()
        })
        .collect();
    ((stage::children_cpu_seconds() - before) / count as f64, median(&mut walls))
}
