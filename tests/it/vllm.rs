//! vLLM over real sockets: the captured run, every way to fail, the one-token request and the benchmark request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use autoswe_exporter::assessment::{Assessment, Severity, Thresholds, assess};
use autoswe_exporter::config::value::{Bytes, Seconds};
use autoswe_exporter::config::{Config, VllmConfig};
use autoswe_exporter::observation::{
    Canary, Data, Failure, FailureKind, Observation, Reading, SourceId, Time, VllmSample,
};
use autoswe_exporter::source::vllm::{PROBE_TOKENS, Progress, VllmSource, probe};
use autoswe_exporter::state::State;

use crate::support::{self, Server, ok, response, silence, write};

const STALL: &[u8] = include_bytes!("../fixtures/vllm-0.32.0/stall-1.prom");
const RECOVER: &[u8] = include_bytes!("../fixtures/vllm-0.32.0/recover-1.prom");

/// What the captured server was doing, in order, with the capture's own time in seconds after 07:13.
const RUN: [(f64, &[u8]); 12] = [
    (37.6, include_bytes!("../fixtures/vllm-0.32.0/idle.prom")),
    (41.1, include_bytes!("../fixtures/vllm-0.32.0/busy-4.prom")),
    (45.6, include_bytes!("../fixtures/vllm-0.32.0/busy-8.prom")),
    (50.0, include_bytes!("../fixtures/vllm-0.32.0/busy-12.prom")),
    (74.6, STALL),
    (75.7, include_bytes!("../fixtures/vllm-0.32.0/stall-2.prom")),
    (80.9, include_bytes!("../fixtures/vllm-0.32.0/stall-7.prom")),
    (82.0, include_bytes!("../fixtures/vllm-0.32.0/stall-8.prom")),
    (85.2, RECOVER),
    (86.2, include_bytes!("../fixtures/vllm-0.32.0/recover-2.prom")),
    (87.4, include_bytes!("../fixtures/vllm-0.32.0/recover-3.prom")),
    (88.5, include_bytes!("../fixtures/vllm-0.32.0/recover-4.prom")),
];

fn at(seconds: f64) -> Time {
    let start: Time = "2026-11-22T07:13:00Z".parse().unwrap();
    start + Duration::from_secs_f64(seconds)
}

/// Settings for `url` that leave a loaded test machine time, and fail soon where nothing comes.
fn config(url: &str) -> VllmConfig {
    VllmConfig { url: url.into(), deadline: Seconds(20.0), timeout: Seconds(20.0), ..VllmConfig::default() }
}

/// Settings under which a server that does not answer is given up soon.
fn impatient(url: &str) -> VllmConfig {
    VllmConfig { deadline: Seconds(0.3), ..config(url) }
}

async fn read(config: &VllmConfig) -> Result<VllmSample, Failure> {
    read_again(&mut VllmSource::new(config), 0.0).await
}

async fn read_again(source: &mut VllmSource, second: f64) -> Result<VllmSample, Failure> {
    match source.read(at(second)).await {
        Reading::Observed(Data::Vllm(sample)) => Ok(sample),
        Reading::Failed(failure) => Err(failure),
        other => panic!("{other:?}"),
    }
}

async fn failure(config: &VllmConfig, kind: FailureKind) -> String {
    let failure = read(config).await.unwrap_err();
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(!failure.message.contains('\n'), "{failure}");
    failure.message
}

/// Reads until a sample satisfies `found`; panics after 20 s.
async fn read_until(source: &mut VllmSource, second: f64, found: impl Fn(&VllmSample) -> bool) -> VllmSample {
    let reading = async {
        loop {
            match read_again(source, second).await {
                Ok(sample) if found(&sample) => return sample,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("no such sample")
}

#[tokio::test]
async fn the_captured_run_is_judged_as_it_was() {
    let server = Server::pages(RUN.map(|(_, page)| page.to_vec()).to_vec()).await;
    let mut source = VllmSource::new(&config(&server.url));
    let thresholds = Thresholds::new(&Config::default(), false);
    let mut state = State::new(&Config::default(), at(0.0));
    let mut story: Vec<(f64, Assessment, Option<f64>)> = Vec::new();
    for (second, _) in RUN {
        let reading = source.read(at(second)).await;
        state.apply(Observation { source: SourceId::Vllm, at: at(second), took: Duration::ZERO, reading });
        let rate = state.vllm_window.generation_tokens_per_second();
        story.push((second, assess(&state, &thresholds, at(second)), rate));
    }
    let severities: Vec<Severity> =
        story.iter().map(|(_, assessment, _)| assessment.check("vllm").unwrap().severity).collect();
    let (ok, warn) = (Severity::Ok, Severity::Warn);
    assert_eq!(severities, [ok, ok, ok, ok, ok, ok, warn, warn, ok, ok, ok, ok]);
    let rate = story[3].2.unwrap();
    assert!((rate - 224.0).abs() < 1.0, "{rate}");
    let stalled = &story[7].1.check("vllm").unwrap().findings[0];
    assert!(stalled.reason.starts_with("engine 0 of qwen-tiny stalled for 7 s"), "{}", stalled.reason);
    let recovered = story[11].2.unwrap();
    assert!((100.0..130.0).contains(&recovered), "{recovered}");
    assert!(server.seen().iter().all(|request| request.line == "GET /metrics"));
}

#[tokio::test]
async fn nothing_listens() {
    let url = support::closed_port().await;
    let message = failure(&config(&url), FailureKind::Unreachable).await;
    assert!(message.starts_with(&format!("no vLLM at {url}: Connection refused")), "{message}");
    let name = failure(&config("http://no-such-host.invalid:8010"), FailureKind::Unreachable).await;
    assert!(name.contains("no-such-host.invalid"), "{name}");
}

#[tokio::test]
async fn no_answer_leaves_the_request_open_and_takes_it_later() {
    let release = Arc::new(AtomicBool::new(false));
    let gate = release.clone();
    let server = Server::start(move |_, stream| {
        let gate = gate.clone();
        async move {
            while !gate.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            write(stream, ok("text/plain", STALL).into()).await;
        }
    })
    .await;
    let mut source = VllmSource::new(&impatient(&server.url));
    for _ in 0..2 {
        let failure = read_again(&mut source, 0.0).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::TimedOut);
        assert!(failure.message.contains("the request is still open"), "{failure}");
    }
    release.store(true, Ordering::Relaxed);
    let sample = read_until(&mut source, 10.0, |_| true).await;
    assert!(sample.answered_in >= Duration::from_millis(300), "the time is that of the whole request");
    assert_eq!(server.seen().len(), 1, "one request in flight");
}

#[tokio::test]
async fn a_request_is_given_up_after_its_time() {
    let server = Server::start(|_, stream| silence(stream)).await;
    let config = VllmConfig { timeout: Seconds(0.1), ..config(&server.url) };
    let message = failure(&config, FailureKind::TimedOut).await;
    assert!(message.contains("vllm.timeout"), "{message}");
}

#[tokio::test]
async fn a_server_error_is_told_with_its_words() {
    let body = b"{\"error\":\n \"EngineCore died\"}";
    let server = Server::always(response("503 Service Unavailable", "application/json", body)).await;
    let message = failure(&config(&server.url), FailureKind::ServerError).await;
    assert!(message.contains("503 Service Unavailable") && message.contains("EngineCore died"), "{message}");
}

#[tokio::test]
async fn what_is_not_prometheus_text_is_told() {
    let html = Server::always(ok("text/html", b"<!DOCTYPE html>\n<title>Grafana</title>\n")).await;
    let message = failure(&config(&html.url), FailureKind::NotPrometheus).await;
    assert!(message.contains("an HTML page") && message.contains("vLLM's port?"), "{message}");
    let garbage = Server::always(ok("text/plain", &[0xff; 100_000])).await;
    failure(&config(&garbage.url), FailureKind::NotPrometheus).await;
    let ssh = Server::always(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()).await;
    let message = failure(&config(&ssh.url), FailureKind::NotPrometheus).await;
    assert!(message.contains("does not answer in HTTP"), "{message}");
}

#[tokio::test]
async fn a_server_without_statistics_is_told_apart() {
    let page = STALL.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"vllm:"));
    let server = Server::always(ok("text/plain", &page.flatten().copied().collect::<Vec<u8>>())).await;
    let message = failure(&config(&server.url), FailureKind::NoVllmSeries).await;
    assert!(message.contains("--disable-log-stats"), "{message}");
}

#[tokio::test]
async fn other_statuses_say_which_setting() {
    let unauthorized = Server::always(response("401 Unauthorized", "text/plain", b"")).await;
    let without_key = VllmConfig { api_key_env: "AUTOSWE_NO_SUCH_VARIABLE".into(), ..config(&unauthorized.url) };
    let message = failure(&without_key, FailureKind::BadStatus).await;
    assert!(message.contains("AUTOSWE_NO_SUCH_VARIABLE") && message.contains("vllm.api_key_env"), "{message}");
    // PATH stands in for a key: the variable of a test cannot be set safely.
    let with_key = VllmConfig { api_key_env: "PATH".into(), ..config(&unauthorized.url) };
    let message = failure(&with_key, FailureKind::BadStatus).await;
    let key = std::env::var("PATH").unwrap();
    assert!(message.contains("was refused") && !message.contains(&key), "{message}");
    let sent = unauthorized.seen().pop().unwrap().head;
    assert!(sent.contains(&format!("authorization: bearer {}", key.to_lowercase())), "{sent}");
    let missing = Server::always(response("404 Not Found", "text/plain", b"")).await;
    assert!(failure(&config(&missing.url), FailureKind::BadStatus).await.contains("base URL"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let head = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /metrics\r\ncontent-length: 0\r\n\r\n";
    let server = Server::always(head).await;
    let message = failure(&config(&server.url), FailureKind::BadStatus).await;
    assert!(message.contains("redirects to \"/metrics\""), "{message}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn one_byte_a_second_costs_one_reading() {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n";
    let server = Server::start(|_, stream| support::drip(stream, HEAD, b"#", Duration::from_secs(1))).await;
    failure(&impatient(&server.url), FailureKind::TimedOut).await;
    let within = VllmConfig { timeout: Seconds(0.2), ..config(&server.url) };
    assert!(failure(&within, FailureKind::TimedOut).await.contains("no whole answer"));
}

#[tokio::test]
async fn a_gigabyte_is_not_read() {
    const MAX: u64 = 1 << 20;
    let limited = |url: &str| VllmConfig { max_page: Bytes(MAX), ..config(url) };
    let told = Server::start(|_, stream| {
        support::drip(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n", &[b'#'; 65536], Duration::ZERO)
    })
    .await;
    let untold = Server::start(|_, stream| {
        support::drip(stream, b"HTTP/1.1 200 OK\r\n\r\n", b"a 1\nb 2\nc 3\nd 4\n", Duration::ZERO)
    })
    .await;
    for server in [told, untold] {
        let message = failure(&limited(&server.url), FailureKind::Malformed).await;
        assert!(message.contains("more than 1048576 bytes (vllm.max_page)"), "{message}");
    }
}

#[tokio::test]
async fn endless_headers_and_a_broken_connection_end() {
    let endless = Server::start(|_, stream| {
        support::drip(stream, b"HTTP/1.1 200 OK\r\n", b"x-header: endless\r\n", Duration::ZERO)
    })
    .await;
    failure(&config(&endless.url), FailureKind::NotPrometheus).await;
    let cut = &ok("text/plain", STALL)[..20_000];
    let broken = Server::always(cut).await;
    let message = failure(&config(&broken.url), FailureKind::Unreachable).await;
    assert!(message.contains("broke the connection off"), "{message}");
    let closed = Server::start(|_, stream| async { drop(stream) }).await;
    failure(&config(&closed.url), FailureKind::Unreachable).await;
}

#[tokio::test]
async fn a_setting_that_is_no_url_is_a_failure() {
    let message = failure(&config("127.0.0.1:8010"), FailureKind::Malformed).await;
    assert!(message.starts_with("vllm.url: "), "{message}");
}

/// A vLLM whose page is frozen and that answers the one-token request with `answer`; `None`: not at all.
async fn frozen(answer: Option<Vec<u8>>) -> Server {
    let page: Arc<[u8]> = ok("text/plain", STALL).into();
    let answer: Option<Arc<[u8]>> = answer.map(Into::into);
    Server::start(move |request, stream| {
        let (page, answer) = (page.clone(), answer.clone());
        async move {
            match (request.line.as_str(), answer) {
                ("GET /metrics", _) => write(stream, page).await,
                (_, Some(answer)) => write(stream, answer).await,
                (_, None) => silence(stream).await,
            }
        }
    })
    .await
}

fn completions(server: &Server) -> Vec<support::Request> {
    server.seen().into_iter().filter(|request| request.line == "POST /v1/completions").collect()
}

#[tokio::test]
async fn a_stalled_engine_is_asked_for_one_token() {
    let completion = br#"{"choices":[{"text":"2"}]}"#;
    for (answer, expected) in [
        (Some(ok("application/json", completion)), Canary::Answered),
        (Some(response("400 Bad Request", "application/json", b"{}")), Canary::Inconclusive),
        (Some(response("500 Internal Server Error", "text/plain", b"")), Canary::Inconclusive),
        (None, Canary::TimedOut),
    ] {
        let server = frozen(answer).await;
        let config = VllmConfig { canary_timeout: Seconds(0.2), api_key_env: "PATH".into(), ..config(&server.url) };
        let mut source = VllmSource::new(&config);
        for second in [0.0, 2.0, 14.0] {
            assert_eq!(read_again(&mut source, second).await.unwrap().canary, None);
        }
        assert_eq!(completions(&server).len(), 0, "not before canary_after");
        read_again(&mut source, 15.0).await.unwrap();
        let sample = read_until(&mut source, 16.0, |sample| sample.canary.is_some()).await;
        assert_eq!(sample.canary, Some(expected));
        read_again(&mut source, 74.0).await.unwrap();
        let asked = completions(&server);
        assert_eq!(asked.len(), 1, "one a minute at most");
        let body: serde_json::Value = serde_json::from_str(&asked[0].body).unwrap();
        assert_eq!((&body["model"], &body["max_tokens"]), (&"qwen-tiny".into(), &1.into()));
        assert!(asked[0].head.contains("authorization: bearer"));
        read_again(&mut source, 80.0).await.unwrap();
        read_until(&mut source, 81.0, |sample| sample.canary.is_some()).await;
        assert_eq!(completions(&server).len(), 2, "another one in the next minute");
    }
}

#[tokio::test]
async fn no_token_is_asked_for_without_a_stall_or_where_that_is_turned_off() {
    let server = frozen(None).await;
    let mut quiet = VllmSource::new(&VllmConfig { canary: false, ..config(&server.url) });
    for second in [0.0, 30.0, 60.0] {
        read_again(&mut quiet, second).await.unwrap();
    }
    let mut early = VllmSource::new(&config(&server.url));
    for second in [0.0, 2.0, 14.9] {
        read_again(&mut early, second).await.unwrap();
    }
    assert_eq!(completions(&server).len(), 0);
}

/// A vLLM that streams `tokens` tokens, one piece each.
async fn streaming(tokens: usize) -> Server {
    let piece = r#"data: {"choices":[{"index":0,"text":" one","finish_reason":null}],"usage":null}"#;
    let usage = format!(r#"data: {{"choices":[],"usage":{{"prompt_tokens":17,"completion_tokens":{tokens}}}}}"#);
    let body = format!("{}{usage}\n\ndata: [DONE]\n\n", format!("{piece}\n\n").repeat(tokens));
    let stream: Arc<[u8]> = ok("text/event-stream", body.as_bytes()).into();
    let models: Arc<[u8]> = ok("application/json", br#"{"object":"list","data":[{"id":"qwen-tiny"}]}"#).into();
    Server::start(move |request, socket| {
        write(socket, if request.line == "GET /v1/models" { models.clone() } else { stream.clone() })
    })
    .await
}

#[tokio::test]
async fn the_benchmark_request_is_measured() {
    let server = streaming(128).await;
    let mut progress: Vec<Progress> = Vec::new();
    let result = probe(&config(&server.url), None, |step| progress.push(step)).await.unwrap();
    assert_eq!((result.model.as_str(), result.tokens, result.prompt_tokens), ("qwen-tiny", 128, Some(17)));
    assert!(result.time_to_first_token <= result.total && result.generation <= result.total);
    assert_eq!(progress.len(), 128);
    assert!(progress.iter().zip(1..).all(|(step, tokens)| step.tokens == tokens && step.of == PROBE_TOKENS));
    let asked: serde_json::Value = serde_json::from_str(&completions(&server)[0].body).unwrap();
    let expected = serde_json::json!({
        "model": "qwen-tiny", "max_tokens": 128, "temperature": 0, "ignore_eos": true, "stream": true,
        "stream_options": { "include_usage": true }, "prompt": asked["prompt"],
    });
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_benchmark_request_that_cannot_be_measured_says_why() {
    let url = support::closed_port().await;
    assert_eq!(probe(&config(&url), None, |_| ()).await.unwrap_err().kind, FailureKind::Unreachable);
    let empty = streaming(0).await;
    let failure = probe(&config(&empty.url), Some("m".into()), |_| ()).await.unwrap_err();
    assert!(failure.message.contains("ended without a token"), "{failure}");
    let no_models = Server::always(ok("application/json", b"{\"data\":[]}")).await;
    let failure = probe(&config(&no_models.url), None, |_| ()).await.unwrap_err();
    assert!(failure.message.contains("lists no model"), "{failure}");
    let endless =
        Server::start(|_, stream| support::drip(stream, b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 65536], Duration::ZERO))
            .await;
    let failure = probe(&config(&endless.url), Some("m".into()), |_| ()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Malformed, "{failure}");
}
