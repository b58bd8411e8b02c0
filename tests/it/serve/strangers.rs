//! What the world sends: lists of traversals, half requests, connections that say nothing.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use super::served::{Answer, Served};
use crate::exporter::PATIENCE;
use crate::release::gate::Words;
use crate::release::stage::{Stage, site};

/// Stands in every file that must not be seen.
const OUTSIDE: &str = "must-not-be-seen-4711";

/// Paths as scanners of web servers send them: each way to write a step up, so often, before each file that is worth
/// it, behind each place to begin at, and with each ending. More than 20,000.
fn traversals() -> Vec<String> {
    let steps = [
        "../",
        "..%2f",
        "..%2F",
        "%2e%2e/",
        "%2e%2e%2f",
        "%2E%2E%2F",
        ".%2e/",
        "%2e./",
        "..%5c",
        "..\\",
        "%2e%2e%5c",
        "..%255c",
        "..%252f",
        "%252e%252e/",
        "%252e%252e%252f",
        "..%c0%af",
        "%c0%ae%c0%ae/",
        "%c0%ae%c0%ae%c0%af",
        "..%c1%9c",
        "..%ef%bc%8f",
        "%uff0e%uff0e%u2215",
        "....//",
        "....\\/",
        "..././",
        "..;/",
        "..%00/",
        "..%0d/",
        "..//",
        "/%2e%2e",
        "..%e0%80%af",
        "%%32%65%%32%65/",
        "..%u2216",
        "..?/",
        "..#/",
        "./../",
    ];
    let files = [
        "etc/passwd",
        "etc/shadow",
        "proc/self/environ",
        "state/secret.txt",
        "secret.txt",
        "web/secret.txt",
        "windows/win.ini",
        "root/.ssh/id_rsa",
        "state/leak-report.json",
        "releases",
        "manifest.json",
        ".git/config",
    ];
    let starts = ["/", "/assets/", "/modules/", "/snapshots/v1/", "//", "/./", "/index.html/", "/snapshots/"];
    let endings = ["", "%00", "%00.html", "/", "?x=1", "/."];
    let mut all = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        for depth in 1..=8 {
            for (nth, file) in files.iter().enumerate() {
                for (place, start) in starts.iter().enumerate() {
                    let ending = endings[(at + depth + nth + place) % endings.len()];
                    all.push(format!("{start}{}{file}{ending}", step.repeat(depth)));
                }
            }
        }
    }
    let own = [
        "/current/../../state/secret.txt",
        "/releases/",
        "/snapshots",
        "/link.html",
        "/link/secret.txt",
        "/.hidden",
        "/.staging-1/index.html",
        "/index.html~",
        "/index.html.bak",
        "/INDEX.HTML",
        "/index.html%20",
        "/index.html.",
        "/index.html::$DATA",
        "/manifest.json",
        "/fifo",
        "/.well-known/security.txt",
        "/.env",
        "/proc/self/environ",
    ];
    all.extend(own.map(str::to_owned));
    all
}

#[tokio::test]
async fn no_path_leads_out_of_the_release() {
    let stage = Stage::new();
    let release = stage.publish(&site(3, 0), &Words::new(1, &["secret"]));
    stage.store().unwrap().snapshot("v1", &release.hash).unwrap();
    let served = Served::start(&stage, &[]).await;
    // Things that somebody put there after the release was checked.
    std::fs::write(stage.state().join("secret.txt"), OUTSIDE).unwrap();
    std::fs::write(stage.output().join("secret.txt"), OUTSIDE).unwrap();
    for name in ["planted.html", ".hidden"] {
        std::fs::write(release.path.join(name), OUTSIDE).unwrap();
    }
    symlink(stage.state().join("secret.txt"), release.path.join("link.html")).unwrap();
    symlink(stage.state(), release.path.join("link")).unwrap();
    // A file that is swapped after it was scanned, behind the server's back.
    std::fs::remove_file(release.path.join("style.css")).unwrap();
    symlink(stage.state().join("secret.txt"), release.path.join("style.css")).unwrap();

    let known: BTreeSet<Vec<u8>> = site(3, 0).into_values().map(String::into_bytes).collect();
    let paths = traversals();
    assert!(paths.len() > 20_000, "{}", paths.len());
    let mut shown = 0;
    for (path, answer) in paths.iter().zip(asked(&served, &paths)) {
        assert!([200, 301, 400, 404].contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.text().contains(OUTSIDE) && !answer.text().contains("root:"), "{path}");
        if answer.status == 200 {
            shown += 1;
            assert!(known.contains(&answer.body), "{path}: {}", answer.text());
        }
    }
    assert_eq!(shown, 0, "none of these is a file of the release");
    assert_eq!(served.get("/style.css").text(), site(3, 0)["style.css"]);
    assert!(served.log.all().lines().all(|line| !line.contains("panic")), "{}", served.log.all());
}

/// The answers to all of `paths`, sent as they are, on as few connections as the server keeps open.
fn asked(served: &Served, paths: &[String]) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut open: Option<TcpStream> = None;
    for path in paths {
        let mut stream = open.take().unwrap_or_else(|| {
            let stream = TcpStream::connect(served.address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_nodelay(true).unwrap();
            stream
        });
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
        let (answer, stays) = read_one(&mut stream);
        if stays {
            open = Some(stream);
        }
        answers.push(answer);
    }
    answers
}

/// One answer, and whether the connection stays open.
fn read_one(stream: &mut TcpStream) -> (Answer, bool) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 << 10]);
    loop {
        let count = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..count]);
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let length = end.and_then(|end| {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())?;
            Some((end + 4 + length, head.contains("connection: close")))
        });
        match length {
            Some((length, closes)) if bytes.len() >= length => return (Answer::parse(&bytes, "GET"), !closes),
            _ if count == 0 => return (Answer::parse(&bytes, "GET"), false),
            _ => {}
        }
    }
}

/// Memory that the process holds in RAM, bytes.
fn memory(served: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn those_who_say_nothing_or_drip_hold_up_nobody_and_are_cut_off() {
    let stage = Stage::new();
    stage.publish(&site(3, 0), &Words::new(1, &["secret"]));
    let config = stage.state().join("config.yml");
    std::fs::write(&config, "journey: {server: {header_timeout: 2s, idle_timeout: 4s, max_connections: 4000}}\n")
        .unwrap();
    let served = Served::start(&stage, &["--config.file", config.to_str().unwrap()]).await;
    served.get("/");
    let before = memory(&served);
    let connect = || TcpStream::connect(served.address).unwrap();
    let mut idle: Vec<TcpStream> = (0..700).map(|_| connect()).collect();
    let drips: Vec<TcpStream> = (0..300).map(|_| connect()).collect();
    let start = Instant::now();
    // Longer than the head may take, a byte each now and then: it buys no time.
    while start.elapsed() < Duration::from_secs(3) {
        for mut drip in &drips {
            drop(drip.write_all(b"G"));
        }
        assert_eq!(served.get("/index.html").text(), "index.html 0\n");
        std::thread::sleep(Duration::from_millis(100));
    }
    let grown = memory(&served).saturating_sub(before);
    assert!(grown < 20 << 20, "{grown} bytes for 1000 connections");
    for stream in idle.iter_mut().take(50).chain(&mut drips.into_iter().take(50).collect::<Vec<_>>()) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        // The end of the connection, by a refusal or a reset, and no waiting for it.
        drop(stream.read_to_end(&mut rest));
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&rest));
    }
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(served.get("/index.html").status, 200);
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let stage = Stage::new();
    stage.publish(&site(1, 0), &Words::new(1, &["secret"]));
    let config = stage.state().join("config.yml");
    std::fs::write(&config, "journey: {server: {max_connections: 3}}\n").unwrap();
    let served = Served::start(&stage, &["--config.file", config.to_str().unwrap()]).await;
    let held: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(served.address).unwrap()).collect();
    let start = Instant::now();
    // The server may not have accepted the three yet.
    let refused = loop {
        let answer = served.get("/");
        if answer.status == 503 {
            break answer;
        }
        assert!(start.elapsed() < PATIENCE);
    };
    assert_eq!(refused.header("retry-after"), "1");
    drop(held);
    while served.get("/").status != 200 {
        assert!(start.elapsed() < PATIENCE);
    }
}
