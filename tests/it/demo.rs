//! The demo over its real interfaces: files in a temporary directory, HTTP on loopback.

use std::path::Path;
use std::time::Duration;

use autoswe_exporter::demo::{Demo, StandIn, Story};
use autoswe_exporter::observation::{GpuReading, Time};
use serde_json::{Value, json};

/// More than any answer here takes, so that a hang fails the test.
const PATIENCE: Duration = Duration::from_secs(20);

fn client() -> reqwest::Client {
    // Another test of this process may have installed it.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).build().unwrap()
}

async fn get(url: String) -> (u16, String) {
    let answer = client().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn complete(url: &str, ask: Value) -> reqwest::Response {
    client().post(format!("{url}/v1/completions")).json(&ask).send().await.unwrap()
}

/// The model server as it is `seconds` into the story.
async fn standin(seconds: u64) -> StandIn {
    StandIn::start(Story::new(1.0).scene(Duration::from_secs(seconds)).model).await.unwrap()
}

fn json_at(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn value_of(page: &str, series: &str) -> f64 {
    let line = page.lines().find(|line| line.starts_with(series)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

const TOKENS: &str = "vllm:generation_tokens_total{";

#[tokio::test]
async fn a_demo_is_complete_at_once_and_leaves_nothing() {
    let demo = Demo::start(1.0).await.unwrap();
    let config = demo.config();
    let gpu: GpuReading = serde_json::from_value(json_at(Path::new(config.gpu.recording.as_ref().unwrap()))).unwrap();
    assert_eq!(gpu.gpus.len(), 1);
    assert!(json_at(&config.runtime_dir.join("state.json"))["history"].as_array().unwrap().len() > 30);
    assert!(config.repo_root.join(&config.parity.file).is_file());
    assert!(config.repo_root.join(&config.site.index).is_file());
    assert_eq!(get(format!("{}/health", config.vllm.url)).await.0, 200);
    let directory = demo.directory().to_owned();
    drop(demo);
    assert!(!directory.exists());
    let refused = client().get(format!("{}/health", config.vllm.url)).send().await;
    assert!(refused.is_err(), "the model server outlived the demo");
}

#[tokio::test]
async fn a_step_moves_files_and_counters() {
    let mut demo = Demo::start(1.0).await.unwrap();
    let metrics = format!("{}/metrics", demo.vllm_url());
    let before = get(metrics.clone()).await.1;
    demo.step(Duration::from_secs(10), Time::now()).unwrap();
    let after = get(metrics).await.1;
    assert_eq!(value_of(&after, TOKENS) - value_of(&before, TOKENS), 2120.0);
    let verdicts = std::fs::read_to_string(demo.runtime_dir().join("verdicts.jsonl")).unwrap();
    assert_eq!(verdicts.lines().count(), 37);
}

#[tokio::test]
async fn it_runs_until_told_and_says_what_begins() {
    let demo = Demo::start(Story::FASTEST).await.unwrap();
    let directory = demo.directory().to_owned();
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let mut tell = Some(tell);
    let mut titles = Vec::new();
    let narrate = |chapter: &autoswe_exporter::demo::Chapter| {
        titles.push(chapter.title);
        if titles.len() == 2 {
            tell.take().unwrap().send(()).unwrap();
        }
    };
    let shutdown = async { told.await.unwrap() };
    tokio::time::timeout(PATIENCE, demo.run(shutdown, narrate)).await.unwrap().unwrap();
    assert_eq!(titles, ["A healthy loop", "The heartbeat stops"]);
    assert!(!directory.exists());
}

#[tokio::test]
async fn a_demo_whose_directory_is_taken_away_says_so() {
    let demo = Demo::start(1.0).await.unwrap();
    std::fs::remove_dir_all(demo.runtime_dir()).unwrap();
    let ended = tokio::time::timeout(PATIENCE, demo.run(std::future::pending(), |_| {})).await.unwrap();
    assert!(ended.unwrap_err().to_string().contains("runtime/"));
}

#[tokio::test]
async fn the_metrics_page_is_typed_as_vllms() {
    let server = standin(5).await;
    let answer = client().get(format!("{}/metrics", server.url())).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=1.0.0; charset=utf-8");
    assert!(value_of(&answer.text().await.unwrap(), "vllm:num_requests_running{") > 0.0);
    let (status, models) = get(format!("{}/v1/models", server.url())).await;
    assert_eq!(status, 200);
    let models: Value = serde_json::from_str(&models).unwrap();
    assert_eq!(models["data"][0]["id"], "qwen3-coder");
}

#[tokio::test]
async fn a_completion_has_as_many_tokens_as_asked_for() {
    let server = standin(5).await;
    let ask = json!({"model": "qwen3-coder", "prompt": "count to three", "max_tokens": 3});
    let answer: Value = complete(&server.url(), ask).await.json().await.unwrap();
    assert_eq!(answer["choices"][0]["text"], " 1 2 3");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"], json!({"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}));
    let unknown = complete(&server.url(), json!({"model": "gpt", "prompt": "x"})).await;
    assert_eq!(unknown.status(), 404);
    let nonsense = client().post(format!("{}/v1/completions", server.url())).body("{").send().await.unwrap();
    assert!(nonsense.status().is_client_error());
}

#[tokio::test]
async fn a_streamed_completion_ends_with_its_usage() {
    let server = standin(5).await;
    let ask = json!({"prompt": "x", "max_tokens": 4, "stream": true, "stream_options": {"include_usage": true}});
    let answer = complete(&server.url(), ask).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
    let text = answer.text().await.unwrap();
    let events: Vec<&str> = text.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect();
    assert_eq!(events.len(), 6, "{text}");
    let event = |index: usize| serde_json::from_str::<Value>(events[index]).unwrap();
    assert_eq!(
        (0..4).map(|index| event(index)["choices"][0]["text"].clone()).collect::<Vec<_>>(),
        [" 1", " 2", " 3", " 4"]
    );
    assert_eq!(event(3)["choices"][0]["finish_reason"], "length");
    assert_eq!(event(4)["usage"]["completion_tokens"], 4);
    assert_eq!(events[5], "[DONE]");
}

#[tokio::test]
async fn a_stalled_model_answers_health_and_nothing_else_until_it_recovers() {
    let server = standin(50).await;
    let url = server.url();
    assert_eq!(get(format!("{url}/health")).await.0, 200);
    assert!(value_of(&get(format!("{url}/metrics")).await.1, "vllm:num_requests_running{") > 0.0);
    let mut waiting =
        tokio::spawn(async move { complete(&url, json!({"prompt": "x", "max_tokens": 1})).await.status() });
    let early = tokio::time::timeout(Duration::from_millis(500), &mut waiting).await;
    assert!(early.is_err(), "a stalled model answered");
    server.show(Story::new(1.0).scene(Duration::from_secs(70)).model);
    assert_eq!(waiting.await.unwrap(), 200);
}
