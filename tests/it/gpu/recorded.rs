//! Readings of a real GPU, recorded: what the program tells of them, and how they are judged with and without requests.
//!
//! An NVIDIA H200 with driver 580.159.04, in a guest: idle, busy with a kernel that waits, and at its power limit in a
//! product of matrices. `h200-capped.prom` is what the program's own page said of that last one. The UUID is made up.

use std::path::PathBuf;
use std::time::Duration;

use autoswe_exporter::assessment::{CheckResult, Severity, Thresholds, assess};
use autoswe_exporter::config::Config;
use autoswe_exporter::observation::{Data, Engine, Observation, Reading, SourceId, Time, VllmSample};
use autoswe_exporter::source::gpu::parse_recording;
use autoswe_exporter::state::State;
use serde_json::json;

use crate::exporter::{Exporter, Home, check};

/// At the power limit an H200 does 75 % of its highest clock and says why.
const CAPPED: &str = "GPU 0 NVIDIA H200: 100 % busy, 54 °C, 697 W, 1.49 GHz";

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nvidia-580.159.04").join(name)
}

/// The program's page and the summary of its check, from the recording `name`.
async fn told(name: &str) -> (String, String) {
    let gpu = json!({"enabled": true, "interval": "100ms", "recording": file(name)});
    let home = Home::new().with(json!({"gpu": gpu}));
    home.beat(0);
    let exporter = Exporter::spawn(&mut home.command()).await;
    let read = |state: &serde_json::Value| state["sources"]["gpu"]["status"] == "observed";
    let state = exporter.until("the recording is read", read).await;
    (exporter.metrics().await, check(&state, "gpu")["summary"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_page_says_of_a_recording_what_it_said_of_the_gpu() {
    let (page, summary) = told("h200-capped.json").await;
    let ours: Vec<&str> = page.lines().filter(|line| line.starts_with("autoswe_gpu")).collect();
    let said = std::fs::read_to_string(file("h200-capped.prom")).unwrap();
    assert_eq!(ours, said.lines().collect::<Vec<_>>());
    assert_eq!(summary, CAPPED);
}

#[tokio::test]
async fn idle_and_busy_are_told_apart() {
    let (page, summary) = told("h200-idle.json").await;
    assert_eq!(summary, "GPU 0 NVIDIA H200: 0 % busy, 32 °C, 121 W, 1.98 GHz");
    let idle =
        ["utilization_ratio{gpu=\"0\"} 0", "processes{gpu=\"0\",owner=\"vllm\"} 0", "power_watts{gpu=\"0\"} 120.527"];
    let (busy_page, summary) = told("h200-busy.json").await;
    assert_eq!(summary, "GPU 0 NVIDIA H200: 100 % busy, 36 °C, 165 W, 1.98 GHz");
    let busy =
        ["utilization_ratio{gpu=\"0\"} 1", "processes{gpu=\"0\",owner=\"vllm\"} 1", "power_watts{gpu=\"0\"} 165.427"];
    for (page, lines) in [(page, idle), (busy_page, busy)] {
        lines.iter().for_each(|line| assert!(page.contains(&format!("\nautoswe_gpu_{line}\n")), "{line}\n{page}"));
    }
}

/// The check after two minutes of a recording while vLLM runs that many requests.
fn judged(name: &str, running: f64) -> CheckResult {
    let reading = parse_recording(&std::fs::read(file(name)).unwrap()).unwrap();
    let engines = vec![Engine { running: Some(running), ..Engine::default() }];
    let sample = VllmSample { engines, ..VllmSample::default() };
    let begin = Time::from_second(1_800_000_000).unwrap();
    let mut state = State::new(&Config::default(), begin);
    let mut now = begin;
    for second in (0..=120).step_by(5) {
        now = begin + Duration::from_secs(second);
        for (source, data) in
            [(SourceId::Vllm, Data::Vllm(sample.clone())), (SourceId::Gpu, Data::Gpu(reading.clone()))]
        {
            state.apply(Observation { source, at: now, took: Duration::ZERO, reading: Reading::Observed(data) });
        }
    }
    assess(&state, &Thresholds::new(&Config::default(), false), now).check("gpu").unwrap().clone()
}

fn codes(result: &CheckResult) -> Vec<&'static str> {
    result.findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn an_idle_gpu_is_well_until_vllm_has_requests() {
    let waiting = judged("h200-idle.json", 0.0);
    assert_eq!((waiting.severity, codes(&waiting)), (Severity::Ok, vec![]));
    let idle = judged("h200-idle.json", 3.0);
    assert_eq!((idle.severity, codes(&idle)), (Severity::Warn, vec!["idle"]));
}

#[test]
fn a_gpu_at_work_is_well_also_at_its_power_limit() {
    for name in ["h200-busy.json", "h200-capped.json"] {
        let result = judged(name, 3.0);
        assert_eq!((result.severity, codes(&result)), (Severity::Ok, vec![]), "{name}");
    }
    assert_eq!(judged("h200-capped.json", 3.0).summary, CAPPED);
}
