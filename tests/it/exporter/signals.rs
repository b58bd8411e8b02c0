//! The program's life: it stops in time whatever hangs, takes in a new configuration, and refuses a bad one.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Exporter, Home, PATIENCE, check, metric};
use crate::gpu::double::Double;

/// What issue and manual promise.
pub(crate) const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// A GPU whose driver never comes back, and a source that is found to hang.
async fn stuck(gpu: &Double) -> (Home, Exporter) {
    let gpu = json!({"enabled": true, "library": gpu.library(), "interval": "50ms", "deadline": "200ms"});
    let home = Home::new().with(json!({"gpu": gpu}));
    home.beat(0);
    let exporter = home.start().await;
    exporter.until("NVML hangs", |state| state["sources"]["gpu"]["failure"] == "timed_out").await;
    (home, exporter)
}

/// A connection that had its answer and is kept open.
async fn idle_connection(exporter: &Exporter) -> TcpStream {
    let mut stream = TcpStream::connect(exporter.addresses[0]).await.unwrap();
    stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    stream
}

#[tokio::test]
async fn it_stops_in_time_with_a_stuck_driver_and_an_idle_client() {
    let double = Double::new("nvmlDeviceGetTemperature = hang");
    let (_home, mut exporter) = stuck(&double).await;
    let mut idle = idle_connection(&exporter).await;
    exporter.signal(Signal::TERM);
    assert_eq!(exporter.exit_code(STOPS_WITHIN).await, Some(0), "{}", exporter.log.all());
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.expect("the connection was closed and not reset");
    assert_eq!(exporter.log.with("message=stopped").len(), 1, "{}", exporter.log.all());
}

/// A client that has begun its request, which keeps the program for as long as draining may take.
async fn begun_request(exporter: &Exporter) -> TcpStream {
    let mut slow = TcpStream::connect(exporter.addresses[0]).await.unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost:").await.unwrap();
    // It must have been accepted, or stopping would not wait for it.
    idle_connection(exporter).await;
    slow
}

#[tokio::test]
async fn a_second_signal_aborts() {
    let home = Home::new();
    let mut exporter = home.start().await;
    let slow = begun_request(&exporter).await;
    exporter.signal(Signal::TERM);
    exporter.log.until("stopping; a second signal aborts").await;
    exporter.signal(Signal::INT);
    assert_eq!(exporter.exit_code(STOPS_WITHIN).await, Some(1));
    assert!(exporter.log.until("second signal: aborting").await.contains("signal=SIGINT"));
    drop(slow);
}

#[tokio::test]
async fn it_stops_in_time_with_a_request_that_never_ends() {
    let home = Home::new();
    let mut exporter = home.start().await;
    let _slow = begun_request(&exporter).await;
    exporter.signal(Signal::TERM);
    assert_eq!(exporter.exit_code(STOPS_WITHIN).await, Some(0), "{}", exporter.log.all());
}

fn severity_of_loop(state: &Value) -> &str {
    check(state, "loop")["severity"].as_str().unwrap()
}

#[tokio::test]
async fn a_new_configuration_takes_effect_and_a_bad_one_is_refused() {
    let mut home = Home::new();
    home.beat(300);
    home.write_verdicts(&["ACCEPT"]);
    let mut exporter = home.start().await;
    assert_eq!(severity_of_loop(&exporter.state().await), "OK");
    let page = exporter.metrics().await;
    assert_eq!(metric(&page, "autoswe_config_last_reload_successful"), Some(1.0));
    assert_eq!(metric(&page, "autoswe_verdicts_recent{verdict=\"ACCEPT\"}"), Some(1.0));

    home = home.with(json!({"checks": {"loop": {"warn": "100s"}}, "verdicts": {"enabled": false}}));
    home.write_config();
    exporter.signal(Signal::HUP);
    let state = exporter.until("the limit fell", |state| severity_of_loop(state) == "WARN").await;
    assert_eq!(state["sources"]["verdicts"]["status"], "disabled");
    let page = exporter.metrics().await;
    assert!(!page.contains("autoswe_verdicts_recent{"), "{page}");
    assert_eq!(metric(&page, "autoswe_check_threshold{check=\"loop\",limit=\"warn\"}"), Some(100.0));

    let bad = "loop:\n  interval: 50ms\nchecks:\n  loop:\n    wran: 100h\n";
    std::fs::write(home.config_file(), bad).unwrap();
    exporter.signal(Signal::HUP);
    let line = exporter.log.until("config.yml:5:5").await;
    assert!(line.contains("checks.loop.wran: unknown key; did you mean `warn`?"), "{line}");
    let page = refused(&exporter).await;
    assert_eq!(metric(&page, "autoswe_check_threshold{check=\"loop\",limit=\"warn\"}"), Some(100.0));
    assert_eq!(severity_of_loop(&exporter.state().await), "WARN", "the old one stays in force");

    home.write_config();
    exporter.signal(Signal::HUP);
    exporter.log.until("the configuration was reloaded").await;
    let mut again = exporter.metrics().await;
    while metric(&again, "autoswe_config_last_reload_successful") != Some(1.0) {
        again = exporter.metrics().await;
    }
    exporter.signal(Signal::TERM);
    assert_eq!(exporter.exit_code(STOPS_WITHIN).await, Some(0));
}

/// The page that tells of a refused configuration.
async fn refused(exporter: &Exporter) -> String {
    let start = std::time::Instant::now();
    loop {
        let page = exporter.metrics().await;
        if metric(&page, "autoswe_config_last_reload_successful") == Some(0.0) {
            return page;
        }
        assert!(start.elapsed() < PATIENCE, "{page}");
    }
}

#[tokio::test]
async fn a_driver_that_hangs_does_not_keep_a_new_configuration_away() {
    let double = Double::new("nvmlDeviceGetTemperature = hang");
    let (home, exporter) = stuck(&double).await;
    let home = home.with(json!({"gpu": {"enabled": false}}));
    home.write_config();
    exporter.signal(Signal::HUP);
    exporter.until("the GPU is turned off", |state| state["sources"]["gpu"]["status"] == "disabled").await;
    assert!(exporter.until("OK", |state| state["severity"] == "OK").await["checks"].is_array());
}
