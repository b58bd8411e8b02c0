//! A request for one token, which tells a hang from a stale gauge.
//!
//! Invariant: one at a time, at most one a minute, and given up after its time-out.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::Api;
use crate::observation::{Canary, Failure, Time, seconds_since};

/// Seconds between two of them.
const SPACING: f64 = 60.0;
/// Bytes of an answer that are read; one of a single token has some hundreds.
const MAX_ANSWER: u64 = 64 << 10;

/// The one-token request under way, and when the last one was sent.
#[derive(Debug, Default)]
pub(super) struct Prober {
    under_way: JoinSet<(String, Canary)>,
    last_sent: Option<Time>,
}

impl Prober {
    /// The model that was asked and what came of it, when that is known by now.
    pub(super) fn outcome(&mut self) -> Option<(String, Canary)> {
        self.under_way.try_join_next()?.ok()
    }

    /// Sends a request for one token of `model`, unless one is under way or was sent within the last minute.
    pub(super) fn send(&mut self, now: Time, api: &Api, model: &str, timeout: Duration) {
        // A clock set back must not keep it from being sent.
        let is_early = self.last_sent.is_some_and(|last| (0.0..SPACING).contains(&seconds_since(now, last)));
        if is_early || !self.under_way.is_empty() {
            return;
        }
        self.last_sent = Some(now);
        let (api, model) = (api.clone(), model.to_owned());
        self.under_way.spawn(async move {
            let canary = match tokio::time::timeout(timeout, ask(&api, &model)).await {
                Ok(Ok(canary)) => canary,
                Ok(Err(failure)) => {
                    tracing::info!(url = api.shown(), %failure, "vLLM looks stalled; the one-token request failed");
                    Canary::Inconclusive
                }
                Err(_) => Canary::TimedOut,
            };
            (model, canary)
        });
    }
}

async fn ask(api: &Api, model: &str) -> Result<Canary, Failure> {
    let request = json!({ "model": model, "prompt": "1", "max_tokens": 1, "temperature": 0 });
    let answer = api.send(api.post("/v1/completions", &request)).await?;
    Ok(judge(&answer.body(MAX_ANSWER, "a one-token answer").await?))
}

/// Only a completion proves that the engine works; a proxy may answer 200 with anything.
fn judge(body: &[u8]) -> Canary {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let is_completion = answer["choices"].as_array().is_some_and(|choices| !choices.is_empty());
    if is_completion { Canary::Answered } else { Canary::Inconclusive }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_completion_is_an_answer() {
        assert_eq!(judge(br#"{"choices":[{"text":""}],"usage":{"completion_tokens":1}}"#), Canary::Answered);
        for body in [&b""[..], b"[]", b"{}", br#"{"choices":[]}"#, br#"{"error":"x"}"#, b"<html>", b"\xff"] {
            assert_eq!(judge(body), Canary::Inconclusive);
        }
    }
}
