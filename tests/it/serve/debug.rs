//! The debug surfaces over real HTTP, with real files.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;

use autoswe_exporter::config::Config;
use autoswe_exporter::journey::serve::Counters;
use autoswe_exporter::journey::serve::debug::{Debug, Token};
use axum::Router;
use axum::routing::get;
use serde_json::Value;
use tempfile::TempDir;

use super::wire::{Answer, Served};

const TOKEN: &str = "0123456789abcdef";
const SURFACES: [&str; 4] = ["GET /status", "GET /api/journey", "GET /raw/verdicts.jsonl", "POST /synthesize"];

/// A server with the surfaces, and the runtime directory that it looks at.
struct Desk {
    served: Served,
    counters: Arc<Counters>,
    directory: TempDir,
}

impl Desk {
    fn start(token: Option<&str>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config { runtime_dir: directory.path().into(), ..Config::default() };
        config.journey.trigger = directory.path().join("trigger");
        std::fs::write(directory.path().join("verdicts.jsonl"), "{\"a\":1}\n{\"b\":2}\n").unwrap();
        let counters = Arc::new(Counters::default());
        let token = Token::of_variable("TOKEN", token).unwrap();
        let served = Served::start(Debug::new(public(), &config, (Arc::clone(&counters), token)));
        Desk { served, counters, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn ask(&self, line: &str, headers: &str) -> Answer {
        self.served.ask(line, headers).await
    }
}

/// Stands for the site.
fn public() -> Router {
    Router::new().route("/", get(async || "the site"))
}

#[tokio::test]
async fn each_surface_answers_and_the_rest_is_the_sites() {
    let desk = Desk::start(None);
    let status = desk.ask("GET /status", "").await;
    assert_eq!((status.status(), status.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(status.body.contains("No release is shown yet") && status.body.contains("<form method=\"post\""));
    let journey = desk.ask("GET /api/journey", "").await;
    let journey: Value = serde_json::from_str(&journey.body).unwrap();
    assert_eq!(journey["last_run"]["state"], "missing");
    let raw = desk.ask("GET /raw/verdicts.jsonl", "").await;
    assert_eq!((raw.status(), raw.body.as_str()), (200, "{\"a\":1}\n{\"b\":2}\n"));
    assert_eq!(raw.header("content-type"), "text/plain; charset=utf-8");
    for surface in SURFACES {
        let answer = desk.ask(surface, "").await;
        let seals = ["cache-control", "x-content-type-options", "cross-origin-resource-policy"];
        assert_eq!(seals.map(|seal| answer.header(seal)), ["no-store", "nosniff", "same-origin"], "{surface}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    assert_eq!(desk.ask("GET /", "").await.body, "the site");
    assert_eq!(desk.ask("GET /rawest", "").await.status(), 404);
    let get = desk.ask("GET /synthesize", "").await;
    assert_eq!((get.status(), get.header("allow")), (405, "POST"));
    let head = desk.ask("HEAD /raw/verdicts.jsonl", "").await;
    assert_eq!((head.status(), head.header("content-length"), head.body.as_str()), (200, "16", ""));
}

#[tokio::test]
async fn other_names_are_404_with_those_that_there_are() {
    let desk = Desk::start(None);
    std::fs::write(desk.path("secrets.env"), "secret").unwrap();
    for name in [
        "secrets.env",
        "../etc/passwd",
        "%2e%2e%2fetc%2fpasswd",
        "..%2fverdicts.jsonl",
        "verdicts.jsonl/",
        "",
        "state.json%00",
    ] {
        let answer = desk.ask(&format!("GET /raw/{name}"), "").await;
        assert_eq!(answer.status(), 404, "{name}");
        assert!(
            answer.body.contains("\nverdicts.jsonl\n") && !answer.body.contains("root:"),
            "{name}: {}",
            answer.body
        );
    }
    let absent = desk.ask("GET /raw/state.json", "").await;
    assert_eq!((absent.status(), absent.body.starts_with("There is no such file now")), (404, true));
}

#[tokio::test]
async fn parts_of_a_file_and_what_is_none() {
    let desk = Desk::start(None);
    let raw = async |query: &str, headers: &str| desk.ask(&format!("GET /raw/verdicts.jsonl{query}"), headers).await;
    let part = raw("", "Range: bytes=2-3\r\n").await;
    assert_eq!((part.status(), part.body.as_str(), part.header("content-range")), (206, "a\"", "bytes 2-3/16"));
    let last = raw("?tail=3", "").await;
    assert_eq!((last.status(), last.body.as_str(), last.header("journey-part")), (200, "2}\n", "bytes 13-15/16"));
    let beyond = raw("", "Range: bytes=16-\r\n").await;
    assert_eq!((beyond.status(), beyond.header("content-range")), (416, "bytes */16"));
    assert_eq!(raw("?tail=many", "").await.status(), 400);
    assert_eq!(raw("", "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n").await.status(), 200);
    std::fs::write(desk.path("wedge-events.jsonl"), "line\n".repeat(1 << 20)).unwrap();
    let large = desk.ask("GET /raw/wedge-events.jsonl", "").await;
    assert!(large.body.len() <= 1 << 20 && large.body.starts_with("line\n"), "{}", large.body.len());
    assert!(large.header("journey-part").ends_with(&format!("-{}/{}", (5 << 20) - 1, 5 << 20)));
    symlink(desk.path("verdicts.jsonl"), desk.path("state.json")).unwrap();
    assert_eq!(desk.ask("GET /raw/state.json", "").await.body.len(), 16);
    let fifo = desk.path("state-heartbeat.json");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let fifo = desk.ask("GET /raw/state-heartbeat.json", "").await;
    assert!(fifo.status() == 503 && fifo.body.contains("is a FIFO"), "{}", fifo.body);
}

#[tokio::test]
async fn a_synthesis_is_asked_for_once_however_many_ask() {
    let desk = Desk::start(None);
    let asked =
        futures_util::future::join_all((0..20).map(|_| desk.ask("POST /synthesize", "Content-Length: 0\r\n"))).await;
    assert!(asked.iter().all(|answer| answer.status() == 202 && answer.header("location") == "/status"));
    assert_eq!(asked.iter().filter(|answer| answer.body.starts_with("A synthesis is asked for;")).count(), 1);
    assert!(desk.path("trigger").is_file());
    assert!(desk.ask("GET /status", "").await.body.contains("One has been asked for since"));
    let names: Vec<_> =
        std::fs::read_dir(desk.directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the trigger, the verdicts and nothing else: {names:?}");
    // The bridge takes it away; then one can be asked for again.
    std::fs::remove_file(desk.path("trigger")).unwrap();
    let again = desk.ask("POST /synthesize", "Content-Length: 5\r\n\r\nx=y&z").await;
    assert!(again.body.starts_with("A synthesis is asked for;"), "{}", again.body);
    std::fs::remove_file(desk.path("trigger")).unwrap();
    std::fs::create_dir(desk.path("trigger")).unwrap();
    let refused = desk.ask("POST /synthesize", "").await;
    assert!(refused.status() == 503 && refused.body.contains("move it away"), "{}", refused.body);
}

#[tokio::test]
async fn without_a_token_other_names_and_other_sites_pages_are_refused() {
    let desk = Desk::start(None);
    for surface in SURFACES {
        let rebound = format!("{surface} HTTP/1.1\r\nHost: example.org:8765\r\nConnection: close\r\n\r\n");
        assert_eq!(desk.served.raw(&rebound).await.status(), 403, "{surface}");
        let nameless = format!("{surface} HTTP/1.0\r\n\r\n");
        assert_eq!(desk.served.raw(&nameless).await.status(), 403, "{surface}");
        let proxied = desk.ask(surface, "X-Forwarded-For: 192.0.2.1\r\n").await;
        assert_eq!(proxied.status(), 403, "{surface}");
    }
    for page in ["Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n", "Origin: http://localhost:3000\r\n"]
    {
        assert_eq!(desk.ask("POST /synthesize", page).await.status(), 403, "{page}");
    }
    assert!(!desk.path("trigger").exists());
    assert_eq!(desk.counters.read(None, None).debug_refused, 15);
    let own = format!("Sec-Fetch-Site: same-origin\r\nOrigin: http://{}\r\n", desk.served.address);
    assert_eq!(desk.ask("POST /synthesize", &own).await.status(), 202);
}

#[tokio::test]
async fn with_a_token_it_opens_every_surface_and_nothing_else_does() {
    let desk = Desk::start(Some(TOKEN));
    for surface in SURFACES {
        let without = desk.ask(surface, "").await;
        assert_eq!(without.status(), 401, "{surface}");
        assert!(without.header("www-authenticate").starts_with("Bearer realm="), "{surface}");
        assert_eq!(without.header("cache-control"), "no-store", "{surface}");
        let wrong = desk.ask(surface, "Authorization: Bearer 0123456789abcdeF\r\n").await;
        assert!(wrong.status() == 401 && wrong.header("www-authenticate").contains("invalid_token"), "{surface}");
        assert!(!desk.path("trigger").exists());
    }
    assert_eq!(desk.counters.read(None, None).debug_refused, 8);
    let shown = format!("Authorization: Bearer {TOKEN}\r\n");
    // Whoever has the token may be anywhere, so the host is any.
    for surface in SURFACES {
        let request = format!("{surface} HTTP/1.1\r\nHost: example.org\r\n{shown}Connection: close\r\n\r\n");
        let answer = desk.served.raw(&request).await;
        assert_eq!(answer.status(), if surface.starts_with("POST") { 202 } else { 200 }, "{surface}");
        assert!(!answer.body.contains(TOKEN));
    }
    assert_eq!(desk.ask("GET /", "").await.body, "the site", "the site itself asks for none");
}
