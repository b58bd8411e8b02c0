//! `system-state.jsonl` as the running program writes it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::{Exporter, Home, LOOK, PATIENCE, metric};

fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    // A line that is being written is not there yet.
    text.rsplit_once('\n').map_or(Vec::new(), |(whole, _)| whole.lines().map(str::to_owned).collect())
}

/// The lines of the series, once there are `count` of them.
async fn lines_until(file: &Path, count: usize) -> Vec<String> {
    let start = std::time::Instant::now();
    loop {
        let lines = lines(file);
        if lines.len() >= count {
            return lines;
        }
        assert!(start.elapsed() < PATIENCE, "{} of {count} lines: {lines:#?}", lines.len());
        tokio::time::sleep(LOOK).await;
    }
}

fn record(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// The value of a metric, once it is at least `least`.
async fn at_least(exporter: &Exporter, name: &str, least: f64) -> f64 {
    let start = std::time::Instant::now();
    loop {
        let value = metric(&exporter.metrics().await, name).unwrap();
        if value >= least {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "{name} is {value}");
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test]
async fn a_record_at_the_start_and_at_each_change_of_severity() {
    let home = Home::new();
    home.beat(1);
    home.write_verdicts(&["ACCEPT"]);
    let exporter = home.start().await;
    let file = home.runtime("system-state.jsonl");
    let first = record(&lines_until(&file, 1).await[0]);
    assert_eq!((&first["severity"], &first["iteration"], &first["warn"]), (&json!("OK"), &json!(117), &json!([])));
    assert_eq!(first["verdicts"], json!(["ACCEPT"]), "the first record waits for every source");
    home.beat(700);
    let second = record(&lines_until(&file, 2).await[1]);
    assert_eq!((&second["severity"], &second["findings"]), (&json!("WARN"), &json!(["loop.heartbeat_old"])));
    assert!(second["warn"][0].as_str().unwrap().starts_with("loop: heartbeat 12 min old"), "{second}");
    home.beat(0);
    let third = record(&lines_until(&file, 3).await[2]);
    assert_eq!(third["severity"], "OK");
    assert!(third["heartbeat_age_seconds"].as_f64().unwrap() < 60.0);
    assert_eq!(at_least(&exporter, "autoswe_system_state_records_total", 3.0).await, 3.0);
    assert_eq!(metric(&exporter.metrics().await, "autoswe_system_state_failures_total"), Some(0.0));
    assert_documented(&first);
}

/// Every key of a real record stands in the manual, and the other way round.
fn assert_documented(record: &Value) {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/system-state.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(key, _)| key);
    let documented: BTreeSet<&str> = rows.filter(|key| !key.contains('<')).collect();
    assert_eq!(record.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>(), documented);
}

#[tokio::test]
async fn a_line_that_a_crash_cut_short_stays_and_harms_nothing() {
    let home = Home::new();
    home.beat(0);
    let file = home.runtime("system-state.jsonl");
    let torn = "{\"ts\":\"2026-11-21T00:00:00Z\",\"severi";
    std::fs::write(&file, format!("{{\"ts\":\"2026-11-20T00:00:00Z\"}}\n{torn}")).unwrap();
    let _exporter = home.start().await;
    let lines = lines_until(&file, 3).await;
    assert_eq!((lines.len(), lines[1].as_str()), (3, torn));
    assert_eq!(record(&lines[2])["severity"], "OK");
}

#[tokio::test]
async fn a_full_disk_costs_a_counter_and_one_warning() {
    let series = json!({"file": "/dev/full", "interval": "50ms"});
    let home = Home::new().with(json!({"system_state": series}));
    home.beat(0);
    let exporter = home.start().await;
    at_least(&exporter, "autoswe_system_state_failures_total", 3.0).await;
    let page = exporter.metrics().await;
    assert_eq!(metric(&page, "autoswe_system_state_records_total"), Some(0.0));
    assert_eq!(metric(&page, "autoswe_severity"), Some(0.0), "nothing else suffers");
    assert_eq!(exporter.get("/").await.status, 200);
    let told = exporter.log.with("the time series is not written");
    assert!(told.len() == 1 && told[0].contains("level=warn") && told[0].contains("make room"), "{told:#?}");
}

/// As on a fresh machine, where the loop has not run yet.
#[tokio::test]
async fn a_directory_that_the_loop_makes_later_is_waited_for() {
    let mut home = Home::new();
    let runtime = home.path().join("later/runtime");
    home = home.with(json!({"runtime_dir": runtime, "system_state": {"interval": "50ms"}}));
    let exporter = home.start().await;
    at_least(&exporter, "autoswe_system_state_failures_total", 3.0).await;
    let told = exporter.log.with("the time series is not written");
    assert!(told.len() == 1 && told[0].contains("it begins when the loop makes it"), "{told:#?}");
    assert!(!runtime.exists(), "the loop's directory is the loop's");
    std::fs::create_dir_all(&runtime).unwrap();
    let first = record(&lines_until(&runtime.join("system-state.jsonl"), 1).await[0]);
    assert_eq!(first["findings"], json!(["loop.heartbeat_missing"]));
    exporter.log.until("the time series is written again").await;
}
