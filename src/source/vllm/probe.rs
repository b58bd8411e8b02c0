//! A controlled benchmark request: one streamed completion of a known length.
//!
//! Invariant: bounded in time, in memory and in tokens; it runs only when a person asks for it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Answer, Api};
use crate::config::VllmConfig;
use crate::http::excerpt;
use crate::observation::{Failure, FailureKind};

/// Tokens that are asked for.
pub const TOKENS: u64 = 128;
/// The whole probe is given up after this: 128 tokens at two a second, the slowest that is of use.
const TIMEOUT: Duration = Duration::from_secs(64);
/// Bytes of `/v1/models` that are read.
const MAX_MODELS: u64 = 1 << 20;
/// Bytes of one event of the stream; vLLM's have some hundreds.
const MAX_EVENT: usize = 256 << 10;
const PROMPT: &str = "Count upwards in words, one number a line: one, two, three,";

/// How far the probe is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Pieces of text that came; vLLM sends one a token.
    pub tokens: u64,
    /// Tokens that were asked for.
    pub of: u64,
    /// Time since the request was sent.
    pub elapsed: Duration,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeResult {
    /// The model.
    pub model: String,
    /// Tokens generated, as vLLM counts them; where it tells no count, the pieces of text.
    pub tokens: u64,
    /// Tokens of the prompt, as vLLM counts them.
    pub prompt_tokens: Option<u64>,
    /// From sending the request to the first token.
    pub time_to_first_token: Duration,
    /// From the first token to the last.
    pub generation: Duration,
    /// From sending the request to the end of the answer.
    pub total: Duration,
}

impl ProbeResult {
    /// Tokens per second after the first; `None` when there was only one.
    pub fn tokens_per_second(&self) -> Option<f64> {
        let after_first = u32::try_from(self.tokens).ok()?.checked_sub(1).filter(|tokens| *tokens > 0)?;
        let seconds = self.generation.as_secs_f64();
        (seconds > 0.0).then(|| f64::from(after_first) / seconds)
    }
}

/// Has vLLM generate [`TOKENS`] tokens with `model`, or with the first it serves, and measures how fast.
///
/// # Errors
/// As a reading of `/metrics`; [`FailureKind::Malformed`] when the stream is not a completion.
pub async fn probe(
    config: &VllmConfig,
    model: Option<String>,
    on_progress: impl FnMut(Progress),
) -> Result<ProbeResult, Failure> {
    let api = Api::new(config)?;
    let whole = async {
        let model = match model {
            Some(model) => model,
            None => first_model(&api).await?,
        };
        complete(&api, model, on_progress).await
    };
    tokio::time::timeout(TIMEOUT, whole).await.unwrap_or_else(|_| {
        let message = format!("{}: {TOKENS} tokens took longer than {} s", api.shown(), TIMEOUT.as_secs());
        Err(Failure::new(FailureKind::TimedOut, message))
    })
}

async fn first_model(api: &Api) -> Result<String, Failure> {
    let body = api.send(api.get("/v1/models")).await?.body(MAX_MODELS, "a list of models").await?;
    let models: Value = serde_json::from_slice(&body).unwrap_or_default();
    models["data"][0]["id"]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| malformed(api, format!("/v1/models lists no model but says {}", excerpt(&body))))
}

async fn complete(api: &Api, model: String, on_progress: impl FnMut(Progress)) -> Result<ProbeResult, Failure> {
    let request = json!({
        "model": model, "prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0, "ignore_eos": true,
        "stream": true, "stream_options": { "include_usage": true },
    });
    let mut meter = Meter::new(on_progress);
    let mut answer = api.send(api.post("/v1/completions", &request)).await?;
    meter.follow(&mut answer).await.map_err(|error| match error {
        StreamError::Transport(failure) => failure,
        StreamError::Content(why) => malformed(api, why),
    })?;
    meter.result(model).ok_or_else(|| malformed(api, "the stream of the completion ended without a token".into()))
}

fn malformed(api: &Api, why: String) -> Failure {
    Failure::new(FailureKind::Malformed, format!("{}: {why}; is that really vLLM?", api.shown()))
}

enum StreamError {
    Transport(Failure),
    Content(String),
}

/// Times the events of one stream.
struct Meter<F> {
    on_progress: F,
    sent_at: Instant,
    first: Option<Duration>,
    last: Duration,
    pieces: u64,
    usage: Option<(u64, Option<u64>)>,
}

impl<F: FnMut(Progress)> Meter<F> {
    fn new(on_progress: F) -> Self {
        Meter { on_progress, sent_at: Instant::now(), first: None, last: Duration::ZERO, pieces: 0, usage: None }
    }

    /// Reads server-sent events up to the end of the stream.
    async fn follow(&mut self, answer: &mut Answer) -> Result<(), StreamError> {
        let mut pending: Vec<u8> = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(StreamError::Transport)? {
            let elapsed = self.sent_at.elapsed();
            pending.extend_from_slice(&chunk);
            let Some(end) = memchr::memrchr(b'\n', &pending) else {
                if pending.len() > MAX_EVENT {
                    return Err(StreamError::Content("an event of the stream does not end".into()));
                }
                continue;
            };
            for line in pending[..end].split(|byte| *byte == b'\n') {
                self.take(line, elapsed).map_err(StreamError::Content)?;
            }
            pending.drain(..=end);
        }
        Ok(())
    }

    /// Takes in one line of the stream that came after `elapsed`.
    fn take(&mut self, line: &[u8], elapsed: Duration) -> Result<(), String> {
        let Some(data) = line.trim_ascii().strip_prefix(b"data:") else { return Ok(()) };
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            return Ok(());
        }
        let said = || excerpt(data);
        let event: Value = serde_json::from_slice(data).map_err(|_| format!("the stream says {}", said()))?;
        if event.get("error").is_some_and(|error| !error.is_null()) {
            return Err(format!("the stream ends with an error: {}", said()));
        }
        if let Some(tokens) = event["usage"]["completion_tokens"].as_u64() {
            self.usage = Some((tokens, event["usage"]["prompt_tokens"].as_u64()));
        }
        if event["choices"][0]["text"].is_string() {
            self.piece(elapsed);
        }
        Ok(())
    }

    fn piece(&mut self, elapsed: Duration) {
        self.first.get_or_insert(elapsed);
        self.last = elapsed;
        self.pieces += 1;
        (self.on_progress)(Progress { tokens: self.pieces, of: TOKENS, elapsed });
    }

    fn result(&self, model: String) -> Option<ProbeResult> {
        let first = self.first?;
        Some(ProbeResult {
            model,
            tokens: self.usage.map_or(self.pieces, |(tokens, _)| tokens),
            prompt_tokens: self.usage.and_then(|(_, prompt)| prompt),
            time_to_first_token: first,
            generation: self.last.saturating_sub(first),
            total: self.sent_at.elapsed(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_stream_is_timed_by_its_pieces_and_counted_by_its_usage() {
        let mut seen = Vec::new();
        let mut meter = Meter::new(|progress: Progress| seen.push(progress.tokens));
        let lines: [(&str, u64); 6] = [
            ("data: {\"choices\":[{\"text\":\"one\"}]}", 100),
            ("", 100),
            (": keep-alive", 150),
            ("data: {\"choices\":[{\"text\":\"\"}],\"usage\":null}\r", 200),
            ("data: {\"choices\":[],\"usage\":{\"completion_tokens\":5,\"prompt_tokens\":9}}", 900),
            ("data: [DONE]", 900),
        ];
        for (line, at) in lines {
            meter.take(line.as_bytes(), MS(at)).unwrap();
        }
        let result = meter.result("m".into()).unwrap();
        assert_eq!((result.tokens, result.prompt_tokens), (5, Some(9)));
        assert_eq!((result.time_to_first_token, result.generation), (MS(100), MS(100)));
        assert_eq!(result.tokens_per_second(), Some(40.0));
        assert_eq!(seen, [1, 2]);
    }

    #[test]
    fn one_token_has_no_rate() {
        let mut meter = Meter::new(|_| {});
        meter.take(b"data: {\"choices\":[{\"text\":\"one\"}]}", MS(1)).unwrap();
        let result = meter.result("m".into()).unwrap();
        assert_eq!((result.tokens, result.tokens_per_second()), (1, None));
        assert!(Meter::new(|_| {}).result("m".into()).is_none());
    }

    #[test]
    fn what_is_no_completion_is_said() {
        let mut meter = Meter::new(|_| {});
        assert!(meter.take(b"data: <html>", MS(1)).unwrap_err().contains("<html>"));
        assert!(
            meter.take(b"data: {\"error\":{\"message\":\"out of memory\"}}", MS(1)).unwrap_err().contains("memory")
        );
    }
}
