//! What an earlier run recorded stands on the page of the next.

use autoswe_exporter::observation::Time;
use jiff::SignedDuration;
use serde_json::json;

use super::{Home, LOOK, PATIENCE};

#[tokio::test]
async fn a_new_start_shows_the_last_six_hours() {
    let home = Home::new();
    home.beat(1);
    let now = Time::now();
    let record = |minute: i64| {
        let ts = now - SignedDuration::from_mins(minute);
        json!({"ts": ts, "severity": "WARN", "heartbeat_age_seconds": 3000 + minute}).to_string() + "\n"
    };
    let lines: String = (1..=118).rev().map(|span| record(3 * span)).collect();
    std::fs::write(home.runtime("system-state.jsonl"), format!("spoilt\n{lines}{{\"ts\": 17")).unwrap();
    let exporter = home.start().await;
    let start = std::time::Instant::now();
    let page = loop {
        let page = exporter.get("/").await.text();
        if page.contains("Heartbeat age, last 6\u{a0}h") {
            break page;
        }
        assert!(start.elapsed() < PATIENCE, "no past on the page:\n{page}\n{}", exporter.log.all());
        tokio::time::sleep(LOOK).await;
    };
    assert!(page.contains("Severity, last 6\u{a0}h"), "{page}");
    let area = page.split("Heartbeat age, last 6\u{a0}h: from ").nth(1).unwrap();
    assert!(area.starts_with("0\u{a0}s to 56\u{a0}min") || area.starts_with("1\u{a0}s to 56\u{a0}min"), "{area}");
}
