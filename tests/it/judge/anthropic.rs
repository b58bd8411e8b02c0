//! A stand-in for the model behind Claude Code: the Messages API as server-sent events.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::{Server, ok, response, silence, write};

/// What the model does with one request.
#[derive(Debug, Clone)]
pub(super) enum Turn {
    /// It says this.
    Says(String),
    /// It calls this tool with this input.
    Uses(&'static str, Value),
    /// It refuses, with this HTTP status and message.
    Refuses(&'static str, &'static str),
    /// It ends its turn without a word.
    Nothing,
    /// It never answers.
    Hangs,
}

/// Starts a model that does one of `turns` at each request, and the last one from then on.
pub(super) async fn model(turns: Vec<Turn>) -> Server {
    let (turns, next) = (Arc::new(turns), AtomicUsize::new(0));
    Server::start(move |request, stream| {
        let turn = is_question(&request.line)
            .then(|| turns[next.fetch_add(1, Ordering::Relaxed).min(turns.len() - 1)].clone());
        async move {
            match turn {
                None => write(stream, response("404 Not Found", "text/plain", b"").into()).await,
                Some(Turn::Hangs) => silence(stream).await,
                Some(Turn::Refuses(status, message)) => {
                    let error = json!({"type": "error", "error": {"type": "api_error", "message": message}});
                    write(stream, response(status, "application/json", error.to_string().as_bytes()).into()).await;
                }
                Some(Turn::Says(text)) => stream_of(stream, Some(said(&text)), "end_turn").await,
                Some(Turn::Uses(tool, input)) => stream_of(stream, Some(used(tool, &input)), "tool_use").await,
                Some(Turn::Nothing) => stream_of(stream, None, "end_turn").await,
            }
        }
    })
    .await
}

fn is_question(line: &str) -> bool {
    line.starts_with("POST /v1/messages") && !line.contains("count_tokens")
}

/// The requests to the model so far, as JSON.
pub(super) fn asked(server: &Server) -> Vec<Value> {
    let seen = server.seen().into_iter().filter(|request| is_question(&request.line));
    seen.map(|request| serde_json::from_str(&request.body).unwrap()).collect()
}

/// A block of text: how it begins, and what is added.
fn said(text: &str) -> [Value; 2] {
    [json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": text})]
}

/// A call of a tool.
fn used(tool: &str, input: &Value) -> [Value; 2] {
    let block = json!({"type": "tool_use", "id": format!("toolu_{tool}"), "name": tool, "input": {}});
    [block, json!({"type": "input_json_delta", "partial_json": input.to_string()})]
}

async fn stream_of(stream: TcpStream, block: Option<[Value; 2]>, reason: &str) {
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "stand-in", "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 3, "output_tokens": 1}});
    let mut events = vec![json!({"type": "message_start", "message": message})];
    if let Some([begin, delta]) = block {
        events.push(json!({"type": "content_block_start", "index": 0, "content_block": begin}));
        events.push(json!({"type": "content_block_delta", "index": 0, "delta": delta}));
        events.push(json!({"type": "content_block_stop", "index": 0}));
    }
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
        "usage": {"output_tokens": 5}}));
    events.push(json!({"type": "message_stop"}));
    let event = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
    let body: String = events.iter().map(event).collect();
    write(stream, ok("text/event-stream", body.as_bytes()).into()).await;
}
