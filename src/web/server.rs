//! An HTTP/1.1 server for answers that are ready or nearly so: it accepts, limits and drains, and serves any router.
//!
//! Invariant: whatever clients do, the number of connections, the memory each may take and the time each may hold
//! one are bounded, and [`Server::serve`] returns within the drain's bound of its shutdown signal.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::{Router, response::IntoResponse};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tower::Service;

use super::connection::{Guarded, Patience, Working};
use super::listen::{BindError, listen};

/// A request's head may be this long, bytes; a longer one gets 431. Prometheus sends some 400.
const MAX_HEAD: usize = 16 * 1024;
/// Clients beyond the cap that are refused politely at one time; further ones are just closed.
const MAX_REFUSALS: usize = 32;
/// How long a refused client may take to read its refusal.
const REFUSAL: Duration = Duration::from_secs(1);
/// First and longest pause after an error of `accept`, such as too many open files.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

const REFUSED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 47\r\nRetry-After: 1\r\nConnection: close\r\n\r\nToo many connections at once; try again later.\n";

/// What clients may take up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time; a further one gets 503.
    pub connections: usize,
    /// Time for a request's head, from its first byte, or from the start of the connection.
    pub head: Duration,
    /// Time a connection may be idle between requests, or an answer may wait for its client to read on.
    pub idle: Duration,
    /// Time that requests under way get to finish after the shutdown signal.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 256,
            head: Duration::from_secs(10),
            // Longer than the usual scrape intervals, so that a scraper keeps its connection.
            idle: Duration::from_secs(75),
            // The whole program has 5 s to end.
            drain: Duration::from_secs(4),
        }
    }
}

/// Listening sockets.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
}

impl Server {
    /// Listens on every one of `addresses`: `host:port`, or `:port` for every address of the machine. Call it within
    /// a tokio runtime. From here on clients can connect; they are answered once [`Server::serve`] runs.
    ///
    /// # Errors
    /// When an address is none, is not of this machine, or is taken; when there is no address at all.
    pub fn bind(addresses: &[String]) -> Result<Self, BindError> {
        let failed = |address: &str, reason: String, kind| BindError { address: address.into(), reason, kind };
        let mut listeners = Vec::new();
        for address in addresses {
            for listener in listen(address)? {
                let listener = TcpListener::from_std(listener);
                listeners.push(listener.map_err(|error| failed(address, error.to_string(), error.kind()))?);
            }
        }
        if listeners.is_empty() {
            return Err(failed(
                "nothing",
                "no address is given; give one such as :9765".into(),
                ErrorKind::InvalidInput,
            ));
        }
        Ok(Server { listeners })
    }

    /// The addresses listened on, with the real port where 0 was asked for.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Serves `app` until `shutdown` is ready; then takes no more connections, closes idle ones, lets requests under
    /// way finish within the drain's bound, and returns how many connections it had to cut off.
    pub async fn serve(mut self, app: Router, limits: Limits, shutdown: impl Future<Output = ()>) -> usize {
        let mut shutdown = pin!(shutdown);
        let mut open = Connections::new(app, limits);
        let mut pause = None;
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(ended) = open.tasks.join_next() => {
                    log_panic(ended);
                    // There is room again for what `accept` may have failed for.
                    pause = None;
                }
                accepted = accept(&self.listeners, pause) => {
                    pause = open.take(accepted, pause);
                    // The first listener is asked first; none must wait because another is busy.
                    self.listeners.rotate_left(1);
                }
            }
        }
        drop(self.listeners);
        open.drain().await
    }
}

/// The next connection on any listener, after `pause`.
async fn accept(listeners: &[TcpListener], pause: Option<Duration>) -> std::io::Result<TcpStream> {
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
    let accepted = poll_fn(|cx| {
        let mut ready = listeners.iter().map(|listener| listener.poll_accept(cx));
        ready.find(Poll::is_ready).unwrap_or(Poll::Pending)
    });
    accepted.await.map(|(stream, _)| stream)
}

/// What is being served.
struct Connections {
    app: Router,
    limits: Limits,
    http: http1::Builder,
    graceful: GracefulShutdown,
    tasks: JoinSet<()>,
    refusals: JoinSet<()>,
}

impl Connections {
    fn new(app: Router, limits: Limits) -> Self {
        let mut http = http1::Builder::new();
        // `Guarded` keeps the deadlines of heads and idle connections.
        http.header_read_timeout(None).max_buf_size(MAX_HEAD);
        let (tasks, refusals) = (JoinSet::new(), JoinSet::new());
        Connections { app, limits, http, graceful: GracefulShutdown::new(), tasks, refusals }
    }

    /// Serves or refuses what was accepted; how long to pause before the next one after an error.
    fn take(&mut self, accepted: std::io::Result<TcpStream>, pause: Option<Duration>) -> Option<Duration> {
        while self.refusals.try_join_next().is_some() {}
        match accepted {
            Ok(stream) if self.tasks.len() < self.limits.connections => {
                let (http, app) = (self.http.clone(), self.app.clone());
                self.tasks.spawn(converse(stream, (http, app), self.limits, self.graceful.watcher()));
            }
            Ok(stream) if self.refusals.len() < MAX_REFUSALS => {
                self.refusals.spawn(refuse(stream));
            }
            Ok(_) => {}
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if pause.is_none() {
                    tracing::warn!(%error, "cannot accept connections for now; trying again until it works");
                }
                return Some(pause.map_or(BACKOFF.0, |pause| (pause * 2).min(BACKOFF.1)));
            }
        }
        None
    }

    async fn drain(mut self) -> usize {
        self.refusals.abort_all();
        let ended = async {
            self.graceful.shutdown().await;
            while let Some(ended) = self.tasks.join_next().await {
                log_panic(ended);
            }
        };
        match tokio::time::timeout(self.limits.drain, ended).await {
            Ok(()) => 0,
            Err(_) => {
                self.tasks.abort_all();
                self.tasks.len()
            }
        }
    }
}

/// An error that says nothing about the next connection.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | WouldBlock)
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked; this is a bug, please report it");
    }
}

/// Serves one connection until either side ends it.
async fn converse(stream: TcpStream, (http, app): (http1::Builder, Router), limits: Limits, watcher: Watcher) {
    // Without it the last part of a long answer may wait 40 ms for an acknowledgement; the connection works anyway.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let working = Working::default();
    let patience = Patience { head: limits.head, idle: limits.idle };
    let io = TokioIo::new(Guarded::new(stream, patience, working.clone()));
    let service = hyper::service::service_fn(move |request| answer(app.clone(), request, working.clone()));
    if let Err(error) = watcher.watch(http.serve_connection(io, service)).await {
        // A client's doing, and routine: it went away, was too slow, or did not speak HTTP.
        tracing::debug!(%error, "connection ended");
    }
}

async fn answer(mut app: Router, request: Request<Incoming>, working: Working) -> Result<Response<Body>, Infallible> {
    working.set(true);
    let answer = if request.body().is_end_stream() {
        let mut answering = pin!(app.call(request));
        let caught = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(cx))) {
            Ok(poll) => poll.map(|Ok(answer)| answer),
            Err(_) => {
                Poll::Ready(last("An error within the server; its log has more.\n", StatusCode::INTERNAL_SERVER_ERROR))
            }
        });
        caught.await
    } else {
        last("This server takes no request bodies.\n", StatusCode::PAYLOAD_TOO_LARGE)
    };
    working.set(false);
    Ok(answer)
}

/// An answer after which the connection is closed.
fn last(text: &'static str, status: StatusCode) -> Response<Body> {
    let mut answer = (status, text).into_response();
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// Tells a client beyond the cap to come again. It must read until the client ends, because closing a socket that
/// holds unread bytes resets the connection, and the refusal with it.
async fn refuse(mut stream: TcpStream) {
    let refusal = async {
        stream.write_all(REFUSED).await?;
        stream.shutdown().await?;
        let mut ignored = [0; 512];
        while stream.read(&mut ignored).await? > 0 {}
        std::io::Result::Ok(())
    };
    if let Ok(Err(error)) = tokio::time::timeout(REFUSAL, refusal).await {
        tracing::debug!(%error, "refused a connection beyond the cap");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn errors_of_accept_are_met_with_growing_patience() {
        let mut open = Connections::new(Router::new(), Limits::default());
        let full = || Err(rustix::io::Errno::MFILE.into());
        let (mut pause, mut pauses) = (None, Vec::new());
        for _ in 0..9 {
            pause = open.take(full(), pause);
            pauses.extend(pause.map(|pause| pause.as_millis()));
        }
        assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1000, 1000, 1000]);
        assert_eq!(open.take(Err(ErrorKind::ConnectionAborted.into()), None), None);
    }

    #[test]
    fn the_refusal_tells_its_length() {
        let refused = std::str::from_utf8(REFUSED).unwrap();
        let (head, body) = refused.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
