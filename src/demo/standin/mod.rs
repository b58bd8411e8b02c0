//! A stand-in for vLLM on a free port of 127.0.0.1: `/metrics`, `/health`, `/v1/models`, `/v1/completions`.
//!
//! Invariant: while the story's model is stalled, completions get no answer and counters stand still, and `/health`
//! still says 200, as a real hang does (vLLM 2731, 42897).

mod completion;
mod page;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Json};
use axum::routing::{get, post};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::story::Model;
use crate::observation::{Time, unix_seconds};

/// The model's name in labels and answers.
pub(super) const MODEL: &str = "qwen3-coder";

/// A client that has not sent its request's head by then is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The running stand-in. It ends when this is dropped.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    model: watch::Sender<Model>,
    server: JoinHandle<()>,
}

/// What the answers are made from.
#[derive(Debug, Clone)]
struct Shared {
    model: watch::Receiver<Model>,
    /// When the server started, Unix seconds.
    started: f64,
}

impl StandIn {
    /// Starts serving `model` on a free port.
    ///
    /// # Errors
    /// When 127.0.0.1 has no free port.
    pub async fn start(model: Model) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (sender, receiver) = watch::channel(model);
        let shared = Shared { model: receiver, started: unix_seconds(Time::now()) };
        let server = tokio::spawn(serve(listener, routes(shared)));
        Ok(StandIn { address, model: sender, server })
    }

    /// Base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Shows `model` from now on.
    pub fn show(&self, model: Model) {
        self.model.send_replace(model);
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(|| async {}))
        .route("/v1/models", get(models))
        .route("/v1/completions", post(completion::complete))
        .with_state(Arc::new(shared))
}

async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let page = page::render(&shared.model.borrow(), shared.started);
    ([(CONTENT_TYPE, "text/plain; version=1.0.0; charset=utf-8")], page)
}

async fn models(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let model = json!({"id": MODEL, "object": "model", "created": shared.started as u64, "owned_by": "vllm"});
    Json(json!({"object": "list", "data": [model]}))
}

/// Accepts until it is aborted; the connections' tasks end with it.
async fn serve(listener: TcpListener, routes: Router) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors: wait for some to be closed.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = TowerToHyperService::new(routes.clone());
        connections.spawn(async move {
            let mut server = hyper::server::conn::http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
            // An error here is the client's own: it went away or sent no HTTP.
            drop(server.serve_connection(TokioIo::new(stream), service).await);
        });
        while connections.try_join_next().is_some() {}
    }
}
