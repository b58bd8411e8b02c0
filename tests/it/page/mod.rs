//! The status page in Chromium, served by the real server.

mod look;
pub(crate) mod sample;

use std::sync::Arc;
use std::time::Duration;

use autoswe_exporter::assessment::{Severity, Thresholds};
use autoswe_exporter::config::Config;
use autoswe_exporter::history::History;
use autoswe_exporter::process::run;
use autoswe_exporter::sink::api;
use autoswe_exporter::sink::moment::Moment;
use autoswe_exporter::sink::page::{Refresh, render};
use autoswe_exporter::state::State;
use autoswe_exporter::web::{Limits, Pages, Server, Snapshot, router};
use tokio::process::Command;

/// Chromium takes seconds to start on a busy machine.
const BROWSER: Duration = Duration::from_secs(90);
/// More bytes than it prints of any page.
const MOST: usize = 64 << 20;

/// The pages of `moment` behind the real server: where, and the counters.
async fn serve(moment: Moment) -> (String, Arc<Pages>) {
    let thresholds = Thresholds::new(&Config::default(), false);
    let pages = Arc::new(Pages::new(Snapshot::of(moment, &thresholds, "# EOF\n".into(), "# EOF\n".into())));
    let server = Server::bind(&["127.0.0.1:0".into()]).unwrap();
    let address = server.addresses()[0];
    let app = router(Arc::clone(&pages), "/metrics").unwrap();
    tokio::spawn(server.serve(app, Limits::default(), std::future::pending()));
    (format!("http://{address}/"), pages)
}

/// Runs Chromium on `url`; what it writes to standard output.
pub(crate) async fn chromium(url: &str, arguments: &[&str]) -> String {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new("chromium");
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.arg(format!("--user-data-dir={}", profile.path().display())).args(arguments).arg(url);
    // All its processes end with it, before its profile goes, where it hangs too.
    let output = run(&mut command, BROWSER, MOST).await.unwrap_or_else(|error| {
        panic!("chromium does not work ({error}); is the Debian package installed? apt-get install chromium")
    });
    String::from_utf8(output.stdout).unwrap()
}

/// The text of `html` without its markup, with single spaces.
pub(crate) fn text(html: &str) -> String {
    let body = html.split_once("<body>").expect("a body").1;
    let mut text = String::new();
    for piece in body.split('<') {
        text.push(' ');
        text.push_str(piece.split_once('>').map_or(piece, |(_, text)| text));
    }
    let text = text.replace("&nbsp;", " ").replace('\u{a0}', " ").replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&amp;", "&").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Opens the page of `moment` in Chromium, and checks what holds for every page.
async fn opened(moment: Moment) -> String {
    let (url, pages) = serve(moment).await;
    let html = chromium(&url, &["--dump-dom"]).await;
    let answered: Vec<_> = pages.requests().into_iter().filter(|row| row.count > 0).collect();
    assert_eq!(answered.len(), 1, "only the page itself is asked for: {answered:?}");
    assert_eq!((answered[0].handler, answered[0].code, answered[0].count), ("status", 200, 1));
    assert_eq!(html.matches("<h1").count(), 1);
    for forbidden in ["<script", "<img", "<iframe", "<object", "@import", "url("] {
        assert!(!html.contains(forbidden), "{forbidden} in {html}");
    }
    for tag in html.split('<').filter_map(|piece| piece.split_once('>')).map(|(tag, _)| tag) {
        assert!(![" on", " src=", "javascript:", " style="].iter().any(|bad| tag.contains(bad)), "{tag}");
        let external = tag.contains("://") && !tag.contains("href=\"data:image/svg+xml,");
        assert!(!external, "{tag}");
    }
    assert!(html.contains("<html lang=\"en\">") && html.contains("name=\"viewport\""));
    html
}

#[tokio::test]
async fn ok_says_so_first_and_shows_every_figure() {
    let html = opened(sample::moment(Severity::Ok)).await;
    assert!(html.contains("<title>OK · spark-01</title>"), "{html}");
    assert!(html.contains("<meta http-equiv=\"refresh\" content=\"15\">"));
    let text = text(&html);
    for shown in [
        "OK All is well",
        "9 checks, nothing found · for 95 min, since 10:25:00 UTC",
        "117 iteration",
        "billing/invoice-rounding",
        "Phase writer, for 5 min",
        "Heartbeat 4 s ago",
        "Sub-agents 1 judge, 2 writer",
        "Running 3 Waiting 1 KV cache 41 %",
        "96 % busy Power 41 W Temperature 63 °C SM clock 2.41 GHz of 3.00 GHz",
        "85 % green, 212 of 250",
        "green 212 red 31 manual 7 n/a 14",
        "4 of the last 5 accepted",
        "82 of 100, health score Reviewed 32 min ago",
        "Latest review by the judge 82 of 100, health score degraded 32 min ago , by codex, gpt-5.5",
        "Progress on every second iteration; reverts are small. The worst 5 of 7 findings",
        "crit a test was deleted to get green Evidence: commit 1f2e3d4 Suggestion: restore it",
        "info iterations take 14 min in the median Evidence: verdicts 104 to 117",
        "The last attempt that failed, 2.5 h ago : timed-out: no answer within 420 s",
        "30 % memory available",
        "Tokens per second, last 6 h",
        "1 not judged: watchdog",
        "Severity, last 6 h",
    ] {
        assert!(text.contains(shown), "{shown:?} in {text}");
    }
    assert!(!text.contains("Runbook") && !text.contains("must be restarted"));
}

#[tokio::test]
async fn warn_leads_with_its_findings() {
    let html = opened(sample::moment(Severity::Warn)).await;
    assert!(html.contains("<title>WARN · spark-01</title>"));
    let text = text(&html);
    for shown in [
        "WARN Worth a look, not urgent 2 warnings in 9 checks",
        "WARN gpu GPU 0 is throttled",
        "Throttled sw_thermal_slowdown",
        "Check the air flow, and nvidia-smi -q -d PERFORMANCE",
        "Runbook docs/runbooks/gpu.md",
        "none of the last 3 verdicts is ACCEPT",
        "gpu OK → WARN",
    ] {
        assert!(text.contains(shown), "{shown:?} in {text}");
    }
}

#[tokio::test]
async fn crit_puts_the_worst_first_and_marks_what_is_old() {
    let html = opened(sample::moment(Severity::Crit)).await;
    assert!(html.contains("<title>CRIT · spark-01</title>"));
    let text = text(&html);
    for shown in [
        "CRIT Needs somebody now 2 critical and 2 warnings in 9 checks",
        "CRIT loop heartbeat is 1084 s old",
        "The loop must be restarted: heartbeat is 1084 s old and the loop is not paused",
        "cannot be read; as of 1 s ago",
        "UNHEARD_OF_WORD",
        "heartbeat_stale",
        "loop OK → CRIT",
        "vllm failed 1 s ago 2 ms 1 of 3",
        "watchdog nothing there",
    ] {
        assert!(text.contains(shown), "{shown:?} in {text}");
    }
    let checks = html.split_once("<ul class=\"checks\">").unwrap().1;
    let order: Vec<_> = checks.split("<li id=\"check-").skip(1).map(|row| row.split('"').next().unwrap()).collect();
    assert_eq!(order[..4], ["loop", "vllm", "gpu", "verdicts"]);
}

#[tokio::test]
async fn hostile_text_stays_text() {
    let html = opened(sample::with_module(Severity::Ok, sample::HOSTILE)).await;
    assert!(text(&html).contains(sample::HOSTILE), "{html}");
}

#[test]
fn a_program_that_has_just_started_says_so() {
    let state = Arc::new(State::new(&Config::default(), autoswe_exporter::check::example_now()));
    let full = sample::moment(Severity::Ok);
    let mut assessment = (*full.assessment).clone();
    assessment.checks.clear();
    let moment = Moment { state, assessment: Arc::new(assessment), history: Arc::new(History::default()), ..full };
    let html = render(&moment, Refresh::Off);
    assert!(text(&html).contains("Starting: nothing was judged yet"));
    assert!(!html.contains("<meta http-equiv=\"refresh\"") && html.contains("paused"));
    assert!(text(&html).contains("gpu not read yet"));
}

#[test]
fn the_page_is_small() {
    let html = render(&sample::moment(Severity::Crit), Refresh::On);
    assert!(html.len() < 64 * 1024, "{}", html.len());
}

#[test]
fn the_state_as_json_holds_the_same() {
    let moment = sample::moment(Severity::Crit);
    let compact: serde_json::Value = serde_json::from_slice(&api::render(&moment, false)).unwrap();
    let pretty: serde_json::Value = serde_json::from_slice(&api::render(&moment, true)).unwrap();
    assert_eq!(compact, pretty);
    let at = |pointer: &str| compact.pointer(pointer).unwrap_or_else(|| panic!("{pointer} in {pretty:#}")).clone();
    assert_eq!(at("/severity"), "CRIT");
    assert_eq!(at("/liveness/must_restart"), true);
    assert_eq!(at("/checks/0/check"), "loop");
    assert_eq!(at("/checks/0/findings/0/code"), "heartbeat_stale");
    assert_eq!(at("/checks/0/since"), "2026-11-22T11:57:00Z");
    assert_eq!(at("/sources/loop/value/heartbeat/value/iteration"), 117);
    assert_eq!(at("/sources/vllm/status"), "failed");
    assert_eq!(at("/sources/vllm/success"), false);
    assert_eq!(at("/sources/subagents/value/agents").as_array().unwrap().len(), 3);
    assert_eq!(at("/sources/watchdog/value"), serde_json::Value::Null);
    let events = at("/events");
    let change = |event: &&serde_json::Value| event["check"] == "loop" && event["to"] == "CRIT";
    assert_eq!(events.as_array().unwrap().iter().filter(change).count(), 1);
}
