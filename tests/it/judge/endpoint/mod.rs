//! An OpenAI-compatible HTTP endpoint as judge: the real program against a stand-in for the server.

mod answers;
mod failures;
mod limits;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::world::{Asked, World, output};
use crate::support::{Server, drip, ok, response, silence, write};

const KEY: &str = "correct-horse-battery-9";

/// What the server does with one question.
#[derive(Debug, Clone)]
pub(super) enum Turn {
    /// It writes these bytes and closes the connection.
    Writes(Vec<u8>),
    /// It writes these, and the connection is reset.
    Resets(Vec<u8>),
    /// It writes the first and then the second again and again, with a pause between.
    Drips(Vec<u8>, Vec<u8>, Duration),
    /// It writes these, and nothing more.
    Stalls(Vec<u8>),
}

/// A server that lists `models` and does one of `turns` at each question, and the last one from then on.
async fn server(models: &[&str], turns: Vec<Turn>) -> Server {
    server_at("127.0.0.1:0", models, turns).await
}

async fn server_at(address: &str, models: &[&str], turns: Vec<Turn>) -> Server {
    let list: Vec<Value> = models.iter().map(|id| json!({"id": id, "object": "model", "owned_by": "vllm"})).collect();
    let list = ok("application/json", json!({"object": "list", "data": list}).to_string().as_bytes());
    let (turns, next) = (Arc::new(turns), AtomicUsize::new(0));
    Server::at(address, move |request, stream| {
        let turn = match request.line.as_str() {
            "GET /v1/models" => Turn::Writes(list.clone()),
            "POST /v1/chat/completions" => turns[next.fetch_add(1, Ordering::Relaxed).min(turns.len() - 1)].clone(),
            _ => Turn::Writes(response("404 Not Found", "application/json", b"{\"detail\":\"Not Found\"}")),
        };
        async move {
            match turn {
                Turn::Writes(bytes) => write(stream, bytes.into()).await,
                Turn::Drips(head, piece, pause) => drip(stream, &head, &piece, pause).await,
                Turn::Stalls(bytes) => silence(written(stream, &bytes).await).await,
                Turn::Resets(bytes) => {
                    let stream = written(stream, &bytes).await;
                    // So that what was written is read before the reset takes it away.
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
                }
            }
        }
    })
    .await
}

async fn written(mut stream: tokio::net::TcpStream, bytes: &[u8]) -> tokio::net::TcpStream {
    tokio::io::AsyncWriteExt::write_all(&mut stream, bytes).await.unwrap();
    stream
}

/// One event of a stream: what is said, and how it ends.
fn piece(delta: &Value, finish: Option<&str>) -> String {
    let choices = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
    format!("data: {}\n\n", json!({"id": "c", "object": "chat.completion.chunk", "choices": choices}))
}

fn says(text: &str) -> String {
    piece(&json!({"content": text}), None)
}

fn ends(finish: &str) -> String {
    piece(&json!({}), Some(finish))
}

const DONE: &str = "data: [DONE]\n\n";

/// A whole stream of these events.
fn events(parts: &[&str]) -> Turn {
    Turn::Writes(ok("text/event-stream; charset=utf-8", parts.concat().as_bytes()))
}

/// The head of a stream that does not say how long it is, and these events.
fn begun(parts: &[&str]) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let body = parts.concat();
    format!("{head}{:x}\r\n{body}\r\n", body.len()).into_bytes()
}

/// A whole stream that answers `text`.
fn answers(text: &str) -> Turn {
    events(&[&says(text), &ends("stop"), DONE])
}

fn refuses(status: &str, body: &Value) -> Turn {
    Turn::Writes(response(status, "application/json", body.to_string().as_bytes()))
}

/// The error that OpenAI and vLLM answer with.
fn error(status: &str, message: &str) -> Turn {
    refuses(status, &json!({"error": {"message": message, "type": "invalid_request_error", "code": null}}))
}

/// A judge at `server`, with `entry` beside.
fn judge(server: &Server, entry: &Value) -> World {
    let mut entry = entry.clone();
    entry["url"] = format!("{}/v1", server.url).into();
    World::with(entry)
}

/// A judge at `server` that asks for a model.
fn named(server: &Server) -> World {
    judge(server, &json!({"model": "the-model"}))
}

/// Asks `prompt` without keeping the stand-in from answering.
async fn ask(world: &World, prompt: &str) -> Asked {
    run(world.command(prompt)).await
}

async fn run(mut command: Command) -> Asked {
    tokio::task::spawn_blocking(move || output(&mut command)).await.unwrap()
}

/// The questions to `server` so far, as JSON.
fn asked(server: &Server) -> Vec<Value> {
    let questions = server.seen().into_iter().filter(|request| request.line == "POST /v1/chat/completions");
    questions.map(|request| serde_json::from_str(&request.body).unwrap()).collect()
}
