//! `/v1/completions` of the stand-in: counts words to whoever asks, at the pace of the story's model.
//!
//! Invariant: no token leaves while the model is stalled, and no answer is longer than [`MAX_TOKENS`].

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use hyper::body::Frame;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::super::story::Model;
use super::{MODEL, Shared};

/// Most tokens in one answer.
const MAX_TOKENS: u64 = 1024;

/// From the request to the first token, while all is well.
const FIRST_TOKEN: Duration = Duration::from_millis(180);

/// What a client asks for; other fields of the API are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct Ask {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    prompt: Value,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

/// Answers one completion, whole or as server-sent events.
pub(super) async fn complete(State(shared): State<Arc<Shared>>, Json(ask): Json<Ask>) -> Response {
    if ask.model.as_deref().is_some_and(|model| model != MODEL) {
        let message = format!("the model does not exist; this server has {MODEL}");
        let error = json!({"error": {"message": message, "type": "NotFoundError", "code": 404}});
        return (StatusCode::NOT_FOUND, Json(error)).into_response();
    }
    let (sender, receiver) = mpsc::channel(4);
    let tokens = ask.max_tokens.unwrap_or(16).clamp(1, MAX_TOKENS);
    let usage = usage(&ask.prompt, tokens);
    tokio::spawn(generate(shared.model.clone(), tokens, sender));
    if ask.stream {
        let with_usage = ask.stream_options.is_some_and(|options| options.include_usage);
        stream(receiver, tokens, with_usage.then_some(usage))
    } else {
        whole(receiver, usage).await
    }
}

/// Sends `count` words at the model's pace. Ends early when nobody listens any more.
async fn generate(mut model: watch::Receiver<Model>, count: u64, words: mpsc::Sender<String>) {
    tokio::time::sleep(FIRST_TOKEN).await;
    for word in 1..=count {
        let pace = match model.wait_for(|model| !model.stalled).await {
            Ok(model) => model.pace.max(1.0),
            Err(_) => return,
        };
        if words.send(format!(" {word}")).await.is_err() {
            return;
        }
        if word < count {
            tokio::time::sleep(Duration::from_secs_f64(1.0 / pace)).await;
        }
    }
}

async fn whole(mut words: mpsc::Receiver<String>, usage: Value) -> Response {
    let mut text = String::new();
    while let Some(word) = words.recv().await {
        text.push_str(&word);
    }
    let mut answer = answer(json!([choice(&text, Some("length"))]));
    answer["usage"] = usage;
    Json(answer).into_response()
}

fn stream(mut words: mpsc::Receiver<String>, count: u64, usage: Option<Value>) -> Response {
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        let mut sent = 0;
        while let Some(word) = words.recv().await {
            sent += 1;
            let choice = choice(&word, (sent == count).then_some("length"));
            sender.send(event(&answer(json!([choice])))).await?;
        }
        if let Some(usage) = usage {
            let mut closing = answer(json!([]));
            closing["usage"] = usage;
            sender.send(event(&closing)).await?;
        }
        sender.send(Bytes::from_static(b"data: [DONE]\n\n")).await
    });
    ([(CONTENT_TYPE, "text/event-stream; charset=utf-8")], Body::new(Events(receiver))).into_response()
}

fn event(value: &Value) -> Bytes {
    format!("data: {value}\n\n").into()
}

fn answer(choices: Value) -> Value {
    json!({"id": "cmpl-demo", "object": "text_completion", "model": MODEL, "choices": choices})
}

fn choice(text: &str, finish_reason: Option<&str>) -> Value {
    json!({"index": 0, "text": text, "finish_reason": finish_reason})
}

/// Counts the prompt's words as its tokens.
fn usage(prompt: &Value, tokens: u64) -> Value {
    let prompt = prompt.as_str().map_or(1, |text| text.split_whitespace().count().max(1) as u64);
    json!({"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens})
}

/// A body that passes on what comes through a channel.
struct Events(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|event| event.map(|bytes| Ok(Frame::data(bytes))))
    }
}
