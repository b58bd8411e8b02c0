//! The captured run of a real vLLM 0.32.0, replayed over HTTP to the running program: idle, busy, stalled, recovered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{Exporter, Home, check, metric};
use crate::support::{Request, Server, ok, silence, write};

macro_rules! captured {
    ($($name:literal),+) => { [$(include_bytes!(concat!("../../fixtures/vllm-0.32.0/", $name, ".prom")).as_slice()),+] };
}

const PAGES: [&[u8]; 12] = captured!(
    "idle",
    "busy-4",
    "busy-8",
    "busy-12",
    "stall-1",
    "stall-2",
    "stall-7",
    "stall-8",
    "recover-1",
    "recover-2",
    "recover-3",
    "recover-4"
);
const BUSY: std::ops::RangeInclusive<usize> = 1..=3;
const STALLED: std::ops::RangeInclusive<usize> = 4..=7;
const RECOVERED: std::ops::RangeInclusive<usize> = 8..=11;

/// A completion as vLLM answers it.
const COMPLETION: &[u8] = br#"{"choices":[{"text":"1"}],"usage":{"completion_tokens":1}}"#;

/// A server that shows the page that the test is at.
struct Replay {
    server: Server,
    at: Arc<AtomicUsize>,
}

impl Replay {
    /// Its engine answers a request for a token only where `answers`.
    async fn start(answers: bool) -> Self {
        let at = Arc::new(AtomicUsize::new(0));
        let page = at.clone();
        let server = Server::start(move |request: Request, stream: TcpStream| {
            let page = PAGES[page.load(Ordering::Relaxed)];
            async move {
                match request.line.as_str() {
                    "GET /metrics" => write(stream, ok("text/plain; version=1.0.0; charset=utf-8", page).into()).await,
                    _ if answers => write(stream, ok("application/json", COMPLETION).into()).await,
                    _ => silence(stream).await,
                }
            }
        })
        .await;
        Replay { server, at }
    }

    fn home(&self, settings: Value) -> Home {
        let vllm = json!({"enabled": true, "url": self.server.url, "interval": "50ms", "canary": false});
        let limits = json!({"vllm": {"stall_warn": "600ms", "stall_crit": "1500ms"}});
        let home = Home::new().with(json!({"vllm": vllm, "checks": limits})).with(settings);
        home.beat(0);
        home
    }

    /// Shows one page after the other, each until the program has read it.
    async fn show(&self, exporter: &Exporter, pages: std::ops::RangeInclusive<usize>) {
        for page in pages {
            self.at.store(page, Ordering::Relaxed);
            // The reading under way may still be of the page before.
            let next = attempts(&exporter.state().await) + 2;
            exporter.until("the page is read", |state| attempts(state) >= next).await;
        }
    }

    fn asked_for_a_token(&self) -> Option<Request> {
        self.server.seen().into_iter().find(|request| request.line == "POST /v1/completions")
    }
}

fn attempts(state: &Value) -> u64 {
    state["sources"]["vllm"]["attempts"].as_u64().unwrap()
}

async fn until(exporter: &Exporter, severity: &str) -> Value {
    exporter.until(severity, |state| check(state, "vllm")["severity"] == severity).await
}

/// How the severity of the check went, the first change first.
fn changes(state: &Value) -> Vec<(String, String)> {
    let events = state["events"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut changes: Vec<(Value, String, String)> = events
        .filter(|event| event["check"] == "vllm" && event["from"].is_string())
        .map(|event| (event["at"].clone(), word(&event["from"]), word(&event["to"])))
        .collect();
    changes.sort_by(|one, other| one.0.as_str().cmp(&other.0.as_str()));
    changes.into_iter().map(|(_, from, to)| (from, to)).collect()
}

#[tokio::test]
async fn the_verdict_follows_the_captured_run() {
    let replay = Replay::start(false).await;
    let home = replay.home(json!({}));
    let exporter = home.start().await;
    assert_eq!(check(&exporter.state().await, "vllm")["severity"], "OK", "idle");
    replay.show(&exporter, BUSY).await;
    let page = exporter.metrics().await;
    assert!(metric(&page, "autoswe_vllm_generation_tokens_per_second").unwrap() > 100.0, "{page}");
    assert_eq!(metric(&page, "autoswe_vllm_stalled"), Some(0.0));
    let running = "autoswe_vllm_requests_running{model_name=\"qwen-tiny\",engine=\"0\"}";
    assert_eq!(metric(&page, running), Some(6.0));
    replay.show(&exporter, STALLED).await;
    let state = until(&exporter, "WARN").await;
    assert!(state["rates"]["stalled_since"].is_string());
    let state = until(&exporter, "CRIT").await;
    let finding = &check(&state, "vllm")["findings"][0];
    assert_eq!((&finding["code"], &state["severity"]), (&json!("stalled"), &json!("CRIT")));
    assert!(finding["reason"].as_str().unwrap().starts_with("engine 0 of qwen-tiny stalled for "), "{finding}");
    assert_eq!(metric(&exporter.metrics().await, "autoswe_vllm_stalled"), Some(1.0));
    replay.show(&exporter, RECOVERED).await;
    let state = until(&exporter, "OK").await;
    let story = [("OK", "WARN"), ("WARN", "CRIT"), ("CRIT", "OK")].map(|(from, to)| (from.into(), to.into()));
    assert_eq!(changes(&state), story);
    assert_eq!(metric(&exporter.metrics().await, "autoswe_vllm_stalled"), Some(0.0));
    assert!(replay.asked_for_a_token().is_none(), "no token is asked for where that is turned off");
}

#[tokio::test]
async fn a_token_that_does_not_come_proves_the_hang() {
    let replay = Replay::start(false).await;
    let canary = json!({"vllm": {"canary": true, "canary_after": "200ms", "canary_timeout": "300ms"}});
    let home = replay.home(canary);
    let exporter = home.start().await;
    replay.show(&exporter, STALLED).await;
    let said =
        |state: &Value| check(state, "vllm")["findings"][0]["reason"].as_str().is_some_and(|r| r.contains("token"));
    let state = exporter.until("the finding tells of the request", |state| said(state)).await;
    let asked = replay.asked_for_a_token().unwrap();
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!((&body["model"], &body["max_tokens"]), (&json!("qwen-tiny"), &json!(1)));
    let page = exporter.metrics().await;
    assert_eq!(metric(&page, "autoswe_vllm_canary{result=\"timed_out\"}"), Some(1.0), "{state:#}");
    until(&exporter, "CRIT").await;
}

#[tokio::test]
async fn a_token_that_comes_tells_stale_gauges_from_a_hang() {
    let replay = Replay::start(true).await;
    let canary = json!({"vllm": {"canary": true, "canary_after": "200ms"}});
    let home = replay.home(canary);
    let exporter = home.start().await;
    replay.show(&exporter, STALLED).await;
    let acquitted = |state: &Value| replay.asked_for_a_token().is_some() && state["rates"]["stalled_since"].is_null();
    let state = exporter.until("an acquittal", acquitted).await;
    let later = attempts(&state) + 20;
    let state = exporter.until("20 readings more", |state| attempts(state) > later).await;
    assert_eq!((&state["rates"]["stalled_since"], &check(&state, "vllm")["severity"]), (&Value::Null, &json!("OK")));
    let page = exporter.metrics().await;
    let running = "autoswe_vllm_requests_running{model_name=\"qwen-tiny\",engine=\"0\"}";
    assert_eq!((metric(&page, running), metric(&page, "autoswe_vllm_stalled")), (Some(4.0), Some(0.0)));
}
