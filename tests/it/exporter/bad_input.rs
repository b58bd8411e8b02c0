//! Everything is wrong at once: what hangs, floods or lies costs itself, and neither the page nor the machine.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Exporter, Home, check, metric};
use crate::gpu::double::Double;
use crate::support::{Server, drip, silence};

/// A scrape takes milliseconds. One that waits for a source waits for seconds; no machine is that slow.
const AT_ONCE: Duration = Duration::from_secs(2);
/// What the program may ever hold in RAM, bytes: less than any one of these inputs. It holds some 17 MiB.
const MEMORY: u64 = 64 << 20;

/// The answer to `path`, which must come at once.
async fn at_once(exporter: &Exporter, path: &str) -> String {
    let start = Instant::now();
    let answer = exporter.get(path).await;
    assert!(start.elapsed() < AT_ONCE, "{path} took {:?}", start.elapsed());
    assert_eq!(answer.status, 200, "{path}");
    answer.text()
}

fn failure<'a>(state: &'a Value, source: &str) -> (&'a str, &'a str) {
    let source = &state["sources"][source];
    (source["failure"].as_str().unwrap_or_default(), source["message"].as_str().unwrap_or_default())
}

/// A site and a review, which nothing is wrong with.
fn good_files(home: &Home) {
    for file in ["journey-web/dist/index.html", "journey-web/site-data.json", "acceptance/x"] {
        let path = home.repo(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "{}").unwrap();
    }
    let review = json!({"ts": autoswe_exporter::observation::Time::now(), "health_score": 88});
    std::fs::write(home.runtime("meta-judge.jsonl"), format!("{review}\n")).unwrap();
}

#[tokio::test]
async fn whatever_hangs_delays_no_scrape_and_hides_no_other_source() {
    let vllm = Server::start(|_, stream| silence(stream)).await;
    let gpu = Double::new("nvmlDeviceGetTemperature = hang");
    let home = Home::new().with(json!({
        "vllm": {"enabled": true, "url": vllm.url, "interval": "50ms", "deadline": "300ms"},
        "gpu": {"enabled": true, "library": gpu.library(), "interval": "50ms", "deadline": "300ms"},
        "host": {"enabled": true, "interval": "50ms"},
    }));
    good_files(&home);
    let fifo = |path: &Path| rustix::fs::mkfifoat(rustix::fs::CWD, path, 0o600.into()).unwrap();
    fifo(&home.runtime("state-heartbeat.json"));
    std::fs::create_dir(home.runtime("verdicts.jsonl")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", home.repo("acceptance/parity-matrix.yaml")).unwrap();
    let exporter = Exporter::spawn(&mut home.command()).await;
    let start = Instant::now();
    while exporter.get("/-/ready").await.status != 200 || start.elapsed() < Duration::from_secs(1) {
        assert!(at_once(&exporter, "/metrics").await.contains("\nautoswe_severity "));
        at_once(&exporter, "/").await;
        at_once(&exporter, "/livez").await;
    }
    let page = at_once(&exporter, "/metrics").await;
    assert_eq!(metric(&page, "autoswe_review_health_score"), Some(88.0));
    assert_eq!(metric(&page, "autoswe_site_in_sync"), Some(1.0));
    assert!(metric(&page, "autoswe_host_memory_total_bytes").is_some());
    for (source, success) in
        [("vllm", 0.0), ("gpu", 0.0), ("parity", 0.0), ("verdicts", 0.0), ("loop", 0.0), ("review", 1.0)]
    {
        assert_eq!(metric(&page, &format!("autoswe_source_success{{source=\"{source}\"}}")), Some(success), "{source}");
    }
    assert_messages(&exporter.state().await);
}

fn assert_messages(state: &Value) {
    let (kind, message) = failure(state, "vllm");
    assert!(kind == "timed_out" && message.contains("the request is still open"), "{message}");
    let (kind, message) = failure(state, "gpu");
    assert!(kind == "timed_out" && message.contains("gpu"), "{message}");
    let (_, message) = failure(state, "verdicts");
    assert!(message.contains("verdicts.jsonl") && message.contains("is a directory"), "{message}");
    let (_, message) = failure(state, "parity");
    assert!(message.contains("parity-matrix.yaml") && message.contains("is a device"), "{message}");
    let heartbeat = &state["sources"]["loop"]["value"]["heartbeat"];
    assert!(heartbeat["message"].as_str().unwrap().contains("is a FIFO"), "{heartbeat}");
    assert_eq!(check(state, "review")["severity"], "OK");
}

/// `count` bytes of `line` over and over, between `head` and `tail`.
fn fill(path: &Path, (head, line, tail): (&str, &str, &str), count: usize) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    file.write_all(head.as_bytes()).unwrap();
    for _ in 0..count / line.len() {
        file.write_all(line.as_bytes()).unwrap();
    }
    file.write_all(tail.as_bytes()).unwrap();
    file.flush().unwrap();
}

#[tokio::test]
async fn floods_are_read_in_bounded_memory() {
    const MB: usize = 1_000_000;
    let vllm = Server::start(|_, stream| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1073741824\r\n\r\n";
        async move { drip(stream, head, "a_metric{x=\"y\"} 1\n".repeat(4096).as_bytes(), Duration::ZERO).await }
    })
    .await;
    let home = Home::new().with(json!({"vllm": {"enabled": true, "url": vllm.url, "interval": "200ms"}}));
    good_files(&home);
    let word = "0123456789abcdef".repeat(64);
    for file in ["verdicts.jsonl", "state-heartbeat.json", "state.json", "watchdog-state.json"] {
        fill(&home.runtime(file), ("{\"reason\":\"", &word, "\"}\n"), 100 * MB);
    }
    let cell = "  - {name: \"a cell with a name of some length, as they have\", notes: [x, y], status: green}\n";
    fill(&home.repo("acceptance/parity-matrix.yaml"), ("cells:\n", cell, ""), 10 * MB);
    let exporter = Exporter::spawn(&mut home.command()).await;
    let start = Instant::now();
    while exporter.get("/-/ready").await.status != 200 {
        at_once(&exporter, "/metrics").await;
        assert!(start.elapsed() < super::PATIENCE, "{:#}", exporter.state().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let page = at_once(&exporter, "/metrics").await;
    assert!(metric(&page, "autoswe_parity_cells{state=\"green\"}").unwrap() > 100_000.0);
    assert_eq!(metric(&page, "autoswe_review_health_score"), Some(88.0));
    let state = exporter.state().await;
    let (_, message) = failure(&state, "vllm");
    assert!(message.contains("vllm.max_page"), "{message}");
    let peak = exporter.peak_memory();
    assert!(peak < MEMORY, "{} MiB", peak >> 20);
}

#[tokio::test]
async fn a_byte_a_second_is_given_up() {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n";
    let vllm = Server::start(|_, stream| drip(stream, HEAD, b"#", Duration::from_secs(1))).await;
    let settings = json!({"enabled": true, "url": vllm.url, "interval": "50ms", "deadline": "200ms", "timeout": "1s"});
    let home = Home::new().with(json!({"vllm": settings}));
    home.beat(0);
    let exporter = home.start().await;
    let given_up = |state: &Value| failure(state, "vllm").1.contains("no whole answer from ");
    let state = exporter.until("it is given up", given_up).await;
    assert_eq!(failure(&state, "vllm").0, "timed_out");
    assert_eq!(check(&state, "loop")["severity"], "OK");
    at_once(&exporter, "/metrics").await;
}
