//! `report` on a real world: exit code, JSON, the appended record, the probe, and sources that hang or fail.

use std::collections::BTreeSet;
use std::process::Output;
use std::time::Duration;

use autoswe_exporter::demo::{StandIn, Story};
use serde_json::{Value, json};

use super::{Home, check, findings};
use crate::gpu::double::Double;
use crate::support::{Server, silence};

/// Runs `report` beside the servers of this test.
async fn report(home: &Home, arguments: &[&str]) -> (i32, String, String) {
    let mut command = home.command();
    command.arg("report").args(arguments);
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn parsed((code, stdout, stderr): (i32, String, String)) -> (i32, Value) {
    (code, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}")))
}

/// Every path of keys in an object, without what lists and mappings by name hold.
fn shape(value: &Value, at: &str, paths: &mut BTreeSet<String>) {
    paths.insert(at.to_owned());
    if let Value::Object(object) = value {
        object.iter().for_each(|(key, value)| shape(value, &format!("{at}/{key}"), paths));
    }
}

#[tokio::test]
async fn the_exit_code_is_that_of_the_worst() {
    let home = Home::new();
    for (age, code, severity) in [(0, 0, "OK"), (700, 0, "WARN"), (1000, 1, "CRIT")] {
        home.beat(age);
        let (exit, stdout, stderr) = report(&home, &["--sample", "0"]).await;
        assert_eq!((exit, stderr.as_str()), (code, ""), "{age}: {stdout}");
        assert!(stdout.starts_with(severity), "{stdout}");
    }
}

#[tokio::test]
async fn json_has_the_shape_of_the_running_programs_state() {
    let home = Home::new();
    home.beat(1000);
    home.write_verdicts(&["ACCEPT"]);
    let (code, told) = parsed(report(&home, &["--json"]).await);
    assert_eq!((code, &told["severity"]), (1, &json!("CRIT")));
    let served = home.start().await.until("CRIT", |state| state["severity"] == "CRIT").await;
    let shapes = [&told, &served].map(|value| {
        let mut paths = BTreeSet::new();
        shape(value, "", &mut paths);
        paths
    });
    assert_eq!(shapes[0], shapes[1]);
    let codes = [&told, &served].map(findings);
    assert_eq!(codes[0], codes[1]);
}

#[tokio::test]
async fn log_appends_one_record_or_says_why_not() {
    let home = Home::new();
    home.beat(0);
    for count in 1..=2 {
        let (code, _, stderr) = report(&home, &["--log", "--sample", "0"]).await;
        assert_eq!((code, stderr.as_str()), (0, ""));
        let text = std::fs::read_to_string(home.runtime("system-state.jsonl")).unwrap();
        assert_eq!(text.lines().count(), count, "{text}");
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!((&last["severity"], &last["epoch"]), (&json!("OK"), &json!(3)));
    }
    let home = home.with(json!({"system_state": {"file": "/dev/full"}}));
    let (code, stdout, stderr) = report(&home, &["--log", "--sample", "0"]).await;
    assert!(stderr.contains("no record was appended: /dev/full: No space left on device"), "{stderr}");
    assert!(code == 0 && stdout.starts_with("OK"), "{stdout}");
}

#[tokio::test]
async fn the_probe_measures_a_model_server() {
    let server = StandIn::start(Story::new(1.0).scene(Duration::from_secs(5)).model).await.unwrap();
    let home = Home::new().with(json!({"vllm": {"enabled": true, "url": server.url()}}));
    home.beat(0);
    let (code, told) = parsed(report(&home, &["--json", "--probe-tps", "--sample", "100ms"]).await);
    let probe = &told["probe"];
    assert_eq!((code, &probe["model"]), (0, &json!("qwen3-coder")), "{told:#}");
    assert_eq!(probe["tokens"], autoswe_exporter::source::vllm::PROBE_TOKENS);
    assert!(probe["tokens_per_second"].as_f64().unwrap() > 1.0, "{probe}");
    assert!(probe["time_to_first_token_seconds"].as_f64() <= probe["total_seconds"].as_f64(), "{probe}");
    drop(server);
    let (code, stdout, _) = report(&home, &["--probe-tps", "--sample", "0"]).await;
    assert!(code == 0 && stdout.contains("\nprobe       failed: no vLLM at "), "{code}: {stdout}");
}

#[tokio::test]
async fn sources_that_hang_or_fail_hide_no_other() {
    let server = Server::start(|_, stream| silence(stream)).await;
    let gpu = Double::new("nvmlDeviceGetTemperature = hang");
    let home = Home::new().with(json!({
        "vllm": {"enabled": true, "url": server.url, "deadline": "300ms"},
        "gpu": {"enabled": true, "library": gpu.library(), "deadline": "300ms"},
        "host": {"enabled": true},
    }));
    home.beat(1000);
    std::fs::create_dir(home.runtime("verdicts.jsonl")).unwrap();
    let (code, told) = parsed(report(&home, &["--json", "--sample", "1s"]).await);
    assert_eq!(code, 1);
    let source = |name: &str| (told["sources"][name]["status"].clone(), told["sources"][name]["failure"].clone());
    assert_eq!(source("vllm"), (json!("failed"), json!("timed_out")));
    assert_eq!(source("gpu"), (json!("failed"), json!("timed_out")));
    assert_eq!(source("verdicts").0, "failed");
    assert_eq!(source("host").0, "observed");
    assert_eq!(check(&told, "loop")["findings"][0]["code"], "heartbeat_old");
}
