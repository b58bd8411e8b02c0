//! From a request as it comes in to the application's answer as it goes out.
//!
//! Invariant: every request is answered, whatever its body and whatever the application does: 413 for a body that is
//! not wanted, 408 for one that is late, 500 for a panic.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Incoming};

use super::app::{App, Peer};
use super::ledger::Ledger;
use super::outgoing::{Content, Outgoing};
use super::served::Served;

/// One connection's side of the application.
pub(super) struct Talk<A> {
    pub(super) served: Arc<Served<A>>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) peer: Peer,
}

/// Answers one request.
pub(super) async fn answer<A: App>(
    talk: Arc<Talk<A>>,
    request: Request<Incoming>,
) -> Result<Response<Outgoing<A::Body>>, Infallible> {
    let work = talk.ledger.work();
    let answer = caught(respond(&talk, request)).await;
    let open = work.answered();
    Ok(answer.map(|content| Outgoing::new(content, open)))
}

/// The answer of `answering`, or 500 when it panics.
async fn caught<B>(answering: impl Future<Output = Response<Content<B>>>) -> Response<Content<B>> {
    let mut answering = pin!(answering);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(cx))) {
        Ok(poll) => poll,
        Err(_) => {
            Poll::Ready(last("An error within the server; its log has more.\n", StatusCode::INTERNAL_SERVER_ERROR))
        }
    })
    .await
}

async fn respond<A: App>(talk: &Talk<A>, request: Request<Incoming>) -> Response<Content<A::Body>> {
    let Served { app, limits, .. } = &*talk.served;
    let (head, body) = request.into_parts();
    let body = if body.is_end_stream() {
        Bytes::new()
    } else {
        let limit = app.body_limit(&head);
        let late = (StatusCode::REQUEST_TIMEOUT, "The request's body did not arrive in time.\n");
        match tokio::time::timeout(limits.head, whole(body, limit)).await.unwrap_or(Err(late)) {
            Ok(body) => body,
            Err((status, text)) => return last(text, status),
        }
    };
    app.answer(Request::from_parts(head, body), talk.peer).await.map(Content::App)
}

/// All of a request's body, or why it is refused.
async fn whole(mut body: Incoming, limit: usize) -> Result<Bytes, (StatusCode, &'static str)> {
    let too_long = match limit {
        0 => (StatusCode::PAYLOAD_TOO_LARGE, "This server takes no request bodies.\n"),
        _ => (StatusCode::PAYLOAD_TOO_LARGE, "The request's body is too long.\n"),
    };
    if limit == 0 || body.size_hint().lower() > limit as u64 {
        return Err(too_long);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| (StatusCode::BAD_REQUEST, "The request's body is broken off.\n"))?;
        // What is no data is a trailer.
        let part = frame.into_data().unwrap_or_default();
        if whole.len() + part.len() > limit {
            return Err(too_long);
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.freeze())
}

/// An answer after which an HTTP/1.1 connection is closed.
fn last<B>(text: &'static str, status: StatusCode) -> Response<Content<B>> {
    let mut answer = Response::new(Content::Own(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}
