//! One connection from its first byte to its last.
//!
//! ```text
//! accepted -> TLS handshake -> listen (no buffers yet) -> HTTP/2, to the end
//!                                  ^      |
//!                        idle a while     v
//!                                  HTTP/1.1
//! ```
//!
//! Invariant: a connection that waits for its client, and has nothing under way, holds a socket, a task and a timer;
//! HTTP/2, which cannot be taken apart and put together again, keeps its buffers until it is told to go away.

use std::future::{Future, poll_fn};
use std::io::Result;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::http::StatusCode;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::Limits;
use crate::answer::{Requests, Talk};
use crate::app::{App, Peer, Refused};
use crate::guarded::{Guarded, Speaks};
use crate::ledger::{Ledger, Patience};
use crate::stream::{IN_PLAIN, Stream, Tls};

/// A request's head may be this long, bytes; a longer one gets 431. Prometheus sends some 400, browsers some 2,000.
const MAX_HEAD: u32 = 16 * 1024;
/// HTTP/2 requests at one time on a connection. RFC 9113 (section 6.5.2) asks for at least 100.
const MAX_STREAMS: u32 = 100;
/// HTTP/2 streams that clients may reset before they are answered, and that may fail at this side, until the
/// connection is closed. Browsers reset a page's worth when somebody moves on.
const MAX_RESETS: (usize, usize) = (100, 100);
/// What a client may send of request bodies before they are taken, on a stream and on a connection, bytes: what
/// RFC 9113 begins with.
const WINDOW: u32 = 65_535;
/// What is taken of an HTTP/2 answer that is made while it is sent, bytes. Ready ones are never copied.
const SEND_BUFFER: usize = 64 * 1024;

/// What every connection needs.
pub(crate) struct Served {
    pub(crate) app: Arc<dyn App>,
    pub(crate) limits: Limits,
    http1: http1::Builder,
    http2: http2::Builder<Streams>,
    tls: Option<Tls>,
}

/// Becomes true when the server is to end.
pub(crate) type Drain = watch::Receiver<bool>;

impl Served {
    pub(crate) fn new(app: Arc<dyn App>, limits: Limits, tls: Option<Tls>) -> Arc<Self> {
        let mut http1 = http1::Builder::new();
        // `Guarded` keeps the deadlines of heads and idle connections.
        http1.header_read_timeout(None).max_buf_size(MAX_HEAD as usize);
        let mut http2 = http2::Builder::new(Streams);
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD)
            .max_pending_accept_reset_streams(MAX_RESETS.0)
            .max_local_error_reset_streams(MAX_RESETS.1)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            // A client that is gone without a word is noticed before its connection would be idle for too long.
            .keep_alive_interval(limits.idle / 2)
            .keep_alive_timeout(limits.head);
        Arc::new(Served { app, limits, http1, http2, tls })
    }

    /// Whether connections speak TLS at present.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls().is_some())
    }

    /// Serves one connection until either side ends it.
    pub(crate) async fn converse(self: Arc<Self>, (stream, peer): (Stream, Peer), drain: Drain) {
        if let Err(error) = self.talk(stream, peer, drain).await {
            // A client's doing, and routine: it went away, was too slow, or did not speak HTTP.
            tracing::debug!(%error, "connection ended");
        }
    }

    async fn talk(self: Arc<Self>, stream: Stream, peer: Peer, mut drain: Drain) -> Result<()> {
        let Limits { head, idle, pace, .. } = self.limits;
        let tls = self.tls.as_ref().and_then(|tls| tls());
        let Some(stream) = stream.ready(tls, head).await? else {
            self.app.refused(&IN_PLAIN, peer);
            return Ok(());
        };
        let peer = Peer { secure: matches!(stream, Stream::Tls(_)), ..peer };
        let ledger = Ledger::new(Patience { head, idle, pace });
        let mut guarded = Guarded::new(stream, Arc::clone(&ledger));
        loop {
            let speaks = next(&mut guarded, &mut drain).await?;
            let talk = || Arc::new(Talk { served: Arc::clone(&self), ledger: Arc::clone(&ledger), peer });
            match speaks {
                Speaks::Nothing => return Ok(()),
                Speaks::Http1 => match Box::pin(http1(talk(), guarded, &mut drain)).await? {
                    Some(asleep) => guarded = asleep,
                    None => return Ok(()),
                },
                Speaks::Http2 => return Box::pin(http2(talk(), guarded, &mut drain)).await,
            }
        }
    }
}

/// What a client says next. One that says nothing while the server is to end is done.
async fn next(guarded: &mut Guarded<Stream>, drain: &mut Drain) -> Result<Speaks> {
    tokio::select! {
        biased;
        speaks = guarded.listen() => return speaks,
        () = told(drain) => {}
    }
    if guarded.is_silent() { Ok(Speaks::Nothing) } else { guarded.listen().await }
}

/// Ready when the server is to end.
async fn told(drain: &mut Drain) {
    // An error means that the server is gone already.
    drop(drain.wait_for(|told| *told).await);
}

/// Serves HTTP/1.1 until the connection ends, or is so quiet that it is given back.
async fn http1(talk: Arc<Talk>, guarded: Guarded<Stream>, drain: &mut Drain) -> Result<Option<Guarded<Stream>>> {
    let ledger = Arc::clone(&talk.ledger);
    let (served, peer) = (Arc::clone(&talk.served), talk.peer);
    let mut http = served.http1.serve_connection(TokioIo::new(guarded), Requests(talk));
    let mut told = pin!(told(drain));
    let mut leaves = false;
    let ended = poll_fn(|cx| {
        let mut poll = Pin::new(&mut http).poll(cx);
        if poll.is_pending() && !leaves && told.as_mut().poll(cx).is_ready() {
            leaves = true;
            Pin::new(&mut http).graceful_shutdown();
            poll = Pin::new(&mut http).poll(cx);
        }
        match poll {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if !leaves && ledger.falls_asleep() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    match ended.await {
        Some(Ok(())) => Ok(None),
        Some(Err(error)) => {
            if let Some(status) = answered(&error) {
                served.app.refused(&Refused { head: None, status, bytes: 0 }, peer);
            }
            Err(std::io::Error::other(error))
        }
        None => {
            let parts = http.into_parts();
            let mut guarded = parts.io.into_inner();
            guarded.put_back(&parts.read_buf);
            Ok(Some(guarded))
        }
    }
}

/// What hyper has answered to a head that it could not take.
fn answered(error: &hyper::Error) -> Option<StatusCode> {
    match error {
        // An address is longer than it takes only where the head is too long as well.
        error if error.is_parse_too_large() => Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        error if error.is_parse() => Some(StatusCode::BAD_REQUEST),
        _ => None,
    }
}

/// Serves HTTP/2 until the connection ends. One that is idle for too long is told to go away.
async fn http2(talk: Arc<Talk>, guarded: Guarded<Stream>, drain: &mut Drain) -> Result<()> {
    let ledger = Arc::clone(&talk.ledger);
    let served = Arc::clone(&talk.served);
    let mut http = pin!(served.http2.serve_connection(TokioIo::new(guarded), Requests(talk)));
    let mut leave = pin!(async {
        tokio::select! {
            () = told(drain) => {}
            () = grows_idle(&ledger, served.limits.idle) => {}
        }
    });
    let mut leaves = false;
    let ended = poll_fn(|cx| {
        let poll = http.as_mut().poll(cx);
        if poll.is_ready() || leaves || leave.as_mut().poll(cx).is_pending() {
            return poll;
        }
        leaves = true;
        http.as_mut().graceful_shutdown();
        http.as_mut().poll(cx)
    });
    ended.await.map_err(std::io::Error::other)
}

/// Ready when an HTTP/2 connection has had no stream for as long as `idle`.
async fn grows_idle(ledger: &Ledger, idle: Duration) {
    loop {
        let now = Instant::now();
        let over = ledger.idle_since().unwrap_or(now) + idle;
        if over <= now {
            return;
        }
        sleep_until(over).await;
    }
}

/// Runs the streams of HTTP/2 connections. They end with their connection.
#[derive(Debug, Clone, Copy)]
struct Streams;

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, stream: F) {
        tokio::spawn(async move {
            let mut stream = pin!(stream);
            poll_fn(|cx| {
                catch_unwind(AssertUnwindSafe(|| stream.as_mut().poll(cx))).unwrap_or_else(|_| {
                    tracing::error!("sending an answer panicked; this is a bug, please report it");
                    Poll::Ready(())
                })
            })
            .await;
        });
    }
}
