//! A real Prometheus scrapes the running program, in both forms, and is asked for what the test has set up.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use autoswe_exporter::observation::{Time, unix_seconds};
use serde_json::json;

use super::{Exporter, Home};
use crate::gpu::double::Double;
use crate::metrics::readers::{families, promtool_says};
use crate::prometheus::{Prometheus, Target};
use crate::support::{Server, ok, write};

/// Tokens per second that the stand-in generates.
const RATE: f64 = 200.0;
/// Six requests run in it and none waits.
const BUSY: &str = include_str!("../../fixtures/vllm-0.32.0/busy-12.prom");

/// A captured page whose counter of generated tokens goes on with time.
pub(crate) async fn vllm() -> Server {
    let start = Instant::now();
    let counter = "vllm:generation_tokens_total{engine=\"0\",model_name=\"qwen-tiny\"} ";
    let (before, rest) = BUSY.split_once(counter).unwrap();
    let after = rest.split_once('\n').unwrap().1;
    Server::start(move |_, stream| {
        let tokens = 10_000.0 + RATE * start.elapsed().as_secs_f64();
        let page = format!("{before}{counter}{tokens}\n{after}");
        write(stream, ok("text/plain; version=1.0.0; charset=utf-8", page.as_bytes()).into())
    })
    .await
}

/// The page as it is without negotiation: Prometheus itself always asks for OpenMetrics first.
async fn plain_text(exporter: &Exporter) -> Server {
    let target = exporter.addresses[0];
    Server::start(move |_, stream| async move {
        let (status, page) = crate::prometheus::get(target, "/metrics").await.unwrap();
        assert_eq!(status, 200);
        write(stream, Arc::from(ok("text/plain; version=0.0.4; charset=utf-8", &page))).await;
    })
    .await
}

/// A process that counts as a sub-agent; it ends with the test.
struct Agent(std::process::Child);

impl Agent {
    fn start(name: &str) -> Self {
        Agent(Command::new("sleep").arg0(name).arg("300").spawn().unwrap())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn touch(path: &Path, age: u64) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "{}").unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
}

fn modified(path: &Path) -> f64 {
    path.metadata().unwrap().modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Every file that a loop leaves, with values that no default has; the times in them.
fn world(home: &Home) -> Vec<(String, f64)> {
    home.beat(0);
    std::fs::write(home.runtime("PAUSE"), "").unwrap();
    let verdicts = ["REVERT", "ACCEPT", "REVERT", "ACCEPT", "WEDGED_NO_VERDICT", "ACCEPT"];
    let judged_at = home.write_verdicts(&verdicts);
    let reviewed_at = judged_at - Duration::from_secs(7 * 3600);
    let failed = json!({"ts": unix_seconds(reviewed_at) - 1800.0, "error": "timed-out", "reason": "no answer"});
    let findings = json!([{"severity": "warn", "what": "a"}, {"severity": "crit", "what": "b"}, {"severity": "warn", "what": "c"}]);
    let review = json!({
        "ts": unix_seconds(reviewed_at), "health_score": 72.5, "verdict": "degraded", "findings": findings,
    });
    std::fs::write(home.runtime("meta-judge.jsonl"), format!("{failed}\n{review}\n")).unwrap();
    let matrix = "a: {status: green}\nb: [{status: red}, {status: green}]\nc: green\nd: {status: n/a}\ne: manual\n";
    std::fs::create_dir(home.repo("acceptance")).unwrap();
    std::fs::write(home.repo("acceptance/parity-matrix.yaml"), matrix).unwrap();
    touch(&home.repo("journey-web/dist/index.html"), 900);
    touch(&home.repo("journey-web/site-data.json"), 100);
    vec![
        ("autoswe_verdict_last_timestamp_seconds".into(), unix_seconds(judged_at)),
        ("autoswe_review_timestamp_seconds".into(), unix_seconds(reviewed_at)),
        ("autoswe_site_built_timestamp_seconds".into(), modified(&home.repo("journey-web/dist/index.html"))),
    ]
}

/// A home in which everything is there and turned on.
fn home(vllm: &Server, gpu: &Double, mark: &str) -> Home {
    Home::new().with(json!({
        "vllm": {"enabled": true, "url": vllm.url, "interval": "200ms"},
        "gpu": {"enabled": true, "library": gpu.library(), "interval": "200ms"},
        "host": {"enabled": true, "interval": "200ms"},
        "subagents": {
            "enabled": true, "interval": "200ms", "outside": mark,
            "phases": {
                "planner": {"pattern": format!("{mark}-planner"), "budget": "1ms"},
                "writer": {"pattern": format!("{mark}-writer"), "budget": "1h"},
            },
        },
    }))
}

/// What Prometheus must say: the names that the project promises, with the values that were set up.
fn expected() -> Vec<(String, f64)> {
    let engine = "engine=\"0\",model_name=\"qwen-tiny\"";
    let mut expected = vec![
        ("autoswe_loop_epoch".into(), 3.0),
        ("autoswe_loop_iteration".into(), 117.0),
        ("autoswe_loop_paused{mode=\"soft\"}".into(), 1.0),
        ("autoswe_loop_paused{mode=\"hard\"}".into(), 0.0),
        ("autoswe_subagents{phase=\"planner\"}".into(), 1.0),
        ("autoswe_subagents{phase=\"writer\"}".into(), 2.0),
        ("autoswe_subagents_over_budget{phase=\"planner\"}".into(), 1.0),
        ("autoswe_subagents_over_budget{phase=\"writer\"}".into(), 0.0),
        ("autoswe_vllm_up".into(), 1.0),
        (format!("autoswe_vllm_requests_running{{{engine}}}"), 6.0),
        (format!("autoswe_vllm_requests_waiting{{{engine}}}"), 0.0),
        ("autoswe_vllm_stalled".into(), 0.0),
        ("autoswe_gpu_utilization_ratio{gpu=\"0\"}".into(), 0.97),
        ("autoswe_gpu_sm_clock_hertz{gpu=\"0\"}".into(), 1.755e9),
        ("autoswe_gpu_power_watts{gpu=\"0\"}".into(), 541.23),
        ("autoswe_gpu_temperature_celsius{gpu=\"0\"}".into(), 62.0),
        ("autoswe_gpu_memory_temperature_celsius{gpu=\"0\"}".into(), 78.0),
        ("autoswe_gpu_throttled{gpu=\"0\",reason=\"sw_power_cap\"}".into(), 1.0),
        ("autoswe_gpu_throttled{gpu=\"0\",reason=\"hw_slowdown\"}".into(), 0.0),
        ("autoswe_site_in_sync".into(), 0.0),
        ("autoswe_review_health_score".into(), 72.5),
        ("autoswe_review_verdict{verdict=\"degraded\"}".into(), 1.0),
        ("autoswe_review_verdict{verdict=\"healthy\"}".into(), 0.0),
        ("autoswe_review_findings{severity=\"warn\"}".into(), 2.0),
        ("autoswe_review_findings{severity=\"info\"}".into(), 0.0),
        ("autoswe_review_attempts_total{outcome=\"reviewed\"}".into(), 1.0),
        ("autoswe_review_attempts_total{outcome=\"timed-out\"}".into(), 1.0),
        ("autoswe_review_attempts_total{outcome=\"evidence\"}".into(), 0.0),
        ("autoswe_check_severity{check=\"site\"}".into(), 1.0),
        ("autoswe_check_severity{check=\"parity\"}".into(), 0.0),
        // The review is older than six hours.
        ("autoswe_check_severity{check=\"review\"}".into(), 2.0),
        ("autoswe_severity".into(), 2.0),
    ];
    let parity = [("green", 3.0), ("red", 1.0), ("manual", 1.0), ("n/a", 1.0), ("unknown", 0.0)];
    expected.extend(parity.map(|(state, count)| (format!("autoswe_parity_cells{{state=\"{state}\"}}"), count)));
    let verdicts = [("ACCEPT", 3.0), ("REVERT", 1.0), ("WEDGED_NO_VERDICT", 1.0)];
    expected
        .extend(verdicts.map(|(verdict, count)| (format!("autoswe_verdicts_recent{{verdict=\"{verdict}\"}}"), count)));
    for source in ["loop", "subagents", "vllm", "gpu", "parity", "verdicts", "site", "review", "watchdog", "host"] {
        expected.push((format!("autoswe_source_success{{source=\"{source}\"}}"), 1.0));
    }
    expected
}

/// Every series of one job, as `name{labels}` without those that Prometheus adds.
async fn series(prometheus: &Prometheus, job: &str) -> BTreeMap<String, f64> {
    let all = prometheus.query(&format!("{{job=\"{job}\", __name__=~\"(autoswe|process)_.*\"}}")).await;
    let shown = all.into_iter().map(|(mut labels, value)| {
        let name = labels.remove("__name__").unwrap();
        labels.retain(|label, _| !["job", "instance"].contains(&label.as_str()));
        let labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
        (if labels.is_empty() { name } else { format!("{name}{{{}}}", labels.join(",")) }, value)
    });
    shown.collect()
}

#[tokio::test]
async fn prometheus_has_what_was_set_up_in_both_forms() {
    let mark = format!("e2e{}", std::process::id());
    let _agents = ["planner", "writer", "writer"].map(|phase| Agent::start(&format!("{mark}-{phase}")));
    let (vllm, gpu) = (vllm().await, Double::new("nvmlDeviceGetCurrentClocksEventReasons = 4"));
    let home = home(&vllm, &gpu, &mark);
    let times = world(&home);
    let exporter = home.start().await;
    exporter.until("tokens per second", |state| state["rates"]["generation_tokens_per_second"].is_number()).await;
    let page = crate::page::text(&exporter.get("/").await.text());
    assert!(page.contains("Temperature 62 °C Memory temperature 78 °C SM clock"), "{page}");
    let text = plain_text(&exporter).await;
    let text_address = text.url.trim_start_matches("http://").parse().unwrap();
    let prometheus = Prometheus::start(&[
        Target { job: "openmetrics", address: exporter.addresses[0], path: "/metrics" },
        Target { job: "text", address: text_address, path: "/" },
    ])
    .await;
    for job in ["openmetrics", "text"] {
        prometheus.query_until(&format!("autoswe_severity{{job=\"{job}\"}}"), 1).await;
        let found = series(&prometheus, job).await;
        for (series, value) in expected().into_iter().chain(times.clone()) {
            let told = found.get(&series).unwrap_or_else(|| panic!("{job}: no {series} in {found:#?}"));
            // A time goes through nanoseconds and text, which may cost its last bit.
            let near = if series.contains("_timestamp_seconds") { 1e-6 } else { 0.0 };
            assert!((told - value).abs() <= near, "{job}: {series} is {told}, not {value}, in {found:#?}");
        }
        assert_live(&found);
    }
    let up = prometheus.query("min_over_time(up[1m])").await;
    assert!(up.len() == 2 && up.iter().all(|(_, up)| *up == 1.0), "{up:?}");
}

/// What depends on the moment or the machine.
fn assert_live(found: &BTreeMap<String, f64>) {
    let now = unix_seconds(Time::now());
    let rate = found["autoswe_vllm_generation_tokens_per_second"];
    assert!((RATE * 0.7..RATE * 1.3).contains(&rate), "{rate} tokens per second");
    for series in [
        "autoswe_loop_heartbeat_timestamp_seconds",
        "autoswe_source_last_success_timestamp_seconds{source=\"gpu\"}",
        "process_start_time_seconds",
    ] {
        assert!((0.0..120.0).contains(&(now - found[series])), "{series} is {} at {now}", found[series]);
    }
    assert!((0.0..5.0).contains(&found["autoswe_source_duration_seconds{source=\"vllm\"}"]));
    let version = format!("version={:?}", env!("CARGO_PKG_VERSION"));
    let has = |name: &str, label: &str| {
        found.iter().any(|(s, value)| s.starts_with(name) && s.contains(label) && *value == 1.0)
    };
    assert!(has("autoswe_build_info{", &version));
    assert!(has(
        "autoswe_gpu_info{",
        "driver_version=\"570.86.15\",gpu=\"0\",name=\"NVIDIA H100 80GB HBM3\",uuid=\"GPU-5ca1ab1e"
    ));
}

#[tokio::test]
async fn both_live_pages_please_their_readers_and_every_coding_holds_the_same() {
    let (vllm, gpu) = (vllm().await, Double::new(""));
    let home = home(&vllm, &gpu, "nobody-is-called-so");
    world(&home);
    let exporter = home.start().await;
    // The last of the families to come, when the first record was written.
    let page = exporter.page_with("autoswe_system_state_last_record_timestamp_seconds").await;
    assert_eq!(page.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(promtool_says(&page.body), "");
    let text = families("text", &page.body);
    let accept = ("accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5");
    let page = exporter.ask("/metrics", &[accept]).await;
    assert_eq!(page.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let open = families("openmetrics", &page.body);
    assert!(open.len() > 80, "{}", open.len());
    assert_eq!(open.len(), text.len());
    for coding in ["gzip", "zstd"] {
        let page = exporter.ask("/metrics", &[accept, ("accept-encoding", coding)]).await;
        assert_eq!(page.header("content-encoding"), coding);
        let page = match coding {
            "gzip" => std::io::read_to_string(flate2::read::GzDecoder::new(&page.body[..])).unwrap(),
            _ => String::from_utf8(zstd::decode_all(&page.body[..]).unwrap()).unwrap(),
        };
        assert!(page.ends_with("# EOF\n") && page.contains("\nautoswe_severity "), "{coding}");
    }
}
