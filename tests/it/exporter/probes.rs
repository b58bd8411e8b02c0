//! `/livez` and `/startupz` as a kubelet asks them, through a loop's life.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Exporter, Home, PATIENCE};

/// Seconds; real time passes in these tests, so the limits are far from any age that a slow machine makes.
const LIMITS: (&str, &str) = ("300s", "600s");
const SILENT: i64 = 700;

fn home() -> Home {
    Home::new().with(json!({"checks": {"loop": {"warn": LIMITS.0, "crit": LIMITS.1}}}))
}

async fn until(exporter: &Exporter, path: &str, status: u16) -> String {
    let start = std::time::Instant::now();
    loop {
        let answer = exporter.get(path).await;
        if answer.status == status {
            return answer.text();
        }
        assert!(start.elapsed() < PATIENCE, "{path} never was {status}: {}", answer.text());
        tokio::time::sleep(super::LOOK).await;
    }
}

#[tokio::test]
async fn a_silent_loop_must_be_restarted_and_a_paused_one_must_not() {
    let home = home();
    home.beat(0);
    let exporter = home.start().await;
    assert_eq!(exporter.get("/livez").await.status, 200);
    home.beat(SILENT);
    let reason = until(&exporter, "/livez", 503).await;
    assert_eq!(reason, "no heartbeat for 12 min, and nothing speaks against a restart\n");
    let state = exporter.state().await;
    assert_eq!((&state["severity"], &state["liveness"]["must_restart"]), (&json!("CRIT"), &json!(true)));
    std::fs::write(home.runtime("PAUSE"), "").unwrap();
    assert_eq!(until(&exporter, "/livez", 200).await, "the loop is paused\n");
    std::fs::remove_file(home.runtime("PAUSE")).unwrap();
    home.beat(0);
    until(&exporter, "/startupz", 200).await;
    assert_eq!(exporter.get("/livez").await.status, 200);
}

#[tokio::test]
async fn a_silent_loop_is_left_alone_while_its_model_server_is_gone() {
    let url = crate::support::closed_port().await;
    let home = home().with(json!({
        "vllm": {"enabled": true, "url": url, "interval": "50ms"},
        "checks": {"vllm": {"unreachable_crit": "200ms"}},
    }));
    home.beat(SILENT);
    let exporter = home.start().await;
    let state = exporter.until("vllm is critical", |state| super::check(state, "vllm")["severity"] == "CRIT").await;
    assert_eq!(super::check(&state, "loop")["severity"], "CRIT");
    let livez = exporter.get("/livez").await;
    assert_eq!(livez.status, 200, "{}", livez.text());
    assert!(livez.text().starts_with("a restart would not cure vllm: "), "{}", livez.text());
}

/// A kubelet restarts the loop's container, and this program lives on beside it: the old heartbeat must not pass for
/// the new container's.
#[tokio::test]
async fn starting_takes_a_heartbeat_of_this_life() {
    let home = home();
    home.beat(SILENT);
    let exporter = home.start().await;
    let reason = until(&exporter, "/startupz", 503).await;
    assert!(reason.contains("is older than this watch; waiting for a new one"), "{reason}");
    home.beat(0);
    assert!(until(&exporter, "/startupz", 200).await.ends_with(" was seen\n"));
    std::fs::write(home.runtime("PAUSE_HARD"), "").unwrap();
    home.beat(SILENT);
    let paused = |state: &Value| state["sources"]["loop"]["value"]["pause"]["value"]["hard_since"].is_string();
    exporter.until("the pause is seen", paused).await;
    assert_eq!(exporter.get("/startupz").await.text(), "the loop is paused; nothing to wait for\n");
}

#[tokio::test]
async fn a_loop_that_is_not_watched_is_neither_waited_for_nor_restarted() {
    let home = home();
    let mut exporter = Exporter::spawn(home.command().arg("--no-collector.loop")).await;
    exporter.ready().await;
    assert_eq!(exporter.get("/startupz").await.text(), "the loop is not watched; nothing to wait for\n");
    assert_eq!(exporter.get("/livez").await.status, 200);
    assert_eq!(exporter.get("/-/healthy").await.status, 200);
    exporter.signal(Signal::INT);
    assert_eq!(exporter.exit_code(PATIENCE).await, Some(0));
}
