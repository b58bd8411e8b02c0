//! A stand-in for the model behind the Codex CLI: the Responses API as server-sent events.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{Server, ok, response, silence, write};

/// What the model does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// It says this.
    Says(String),
    /// It has this shell command run.
    Runs(String),
    /// It refuses, with this HTTP status and message.
    Refuses(&'static str, &'static str),
    /// It ends its turn without a word.
    Nothing,
    /// It never answers.
    Hangs,
}

/// Starts a model that does one of `turns` at each request, and the last one from then on.
pub(crate) async fn model(turns: Vec<Turn>) -> Server {
    let (turns, next) = (Arc::new(turns), AtomicUsize::new(0));
    Server::start(move |request, stream| {
        let is_model = request.line.starts_with("POST") && request.line.ends_with("/responses");
        let turn = is_model.then(|| turns[next.fetch_add(1, Ordering::Relaxed).min(turns.len() - 1)].clone());
        async move {
            match turn {
                None => write(stream, response("404 Not Found", "text/plain", b"").into()).await,
                Some(Turn::Hangs) => silence(stream).await,
                Some(Turn::Refuses(status, message)) => {
                    let body = json!({"error": {"message": message, "type": "invalid_request_error"}}).to_string();
                    write(stream, response(status, "application/json", body.as_bytes()).into()).await;
                }
                Some(Turn::Says(text)) => stream_of(stream, &[message(&text)]).await,
                Some(Turn::Runs(command)) => stream_of(stream, &[message("I shall look."), call(&command)]).await,
                Some(Turn::Nothing) => stream_of(stream, &[]).await,
            }
        }
    })
    .await
}

/// The requests to the model so far, as JSON.
pub(crate) fn asked(server: &Server) -> Vec<Value> {
    let seen = server.seen().into_iter().filter(|request| request.line.ends_with("/responses"));
    seen.map(|request| serde_json::from_str(&request.body).unwrap()).collect()
}

fn message(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "id": "m", "content": [{"type": "output_text", "text": text}]})
}

fn call(command: &str) -> Value {
    json!({"type": "function_call", "id": "f", "call_id": "c", "name": "exec_command",
        "arguments": json!({"cmd": command}).to_string()})
}

async fn stream_of(stream: tokio::net::TcpStream, items: &[Value]) {
    let usage = json!({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 3}, "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 15});
    let mut events = vec![json!({"type": "response.created", "response": {"id": "r"}})];
    events.extend(items.iter().map(|item| json!({"type": "response.output_item.done", "item": item})));
    events.push(json!({"type": "response.completed", "response": {"id": "r", "usage": usage}}));
    let event = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
    let body: String = events.iter().map(event).collect();
    write(stream, ok("text/event-stream", body.as_bytes()).into()).await;
}
