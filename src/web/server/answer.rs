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

use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Incoming};

use super::app::{App, Peer, Refused};
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
    // What is to be polled is made where it stays: it is large, and a copy of it would cost more than most of the rest.
    let mut answering = pin!(respond(&talk, request));
    let answer = caught(answering.as_mut()).await.unwrap_or_else(|| {
        let text = "An error within the server; its log has more.\n";
        refuse(&talk, None, (StatusCode::INTERNAL_SERVER_ERROR, text))
    });
    let open = work.answered();
    Ok(answer.map(|content| Outgoing::new(content, open)))
}

/// What `answering` comes to; `None` when it panics.
async fn caught<T>(mut answering: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

async fn respond<A: App>(talk: &Talk<A>, request: Request<Incoming>) -> Response<Content<A::Body>> {
    let Served { app, limits, .. } = &*talk.served;
    let (head, body) = request.into_parts();
    let body = if body.is_end_stream() {
        Bytes::new()
    } else {
        let late = (StatusCode::REQUEST_TIMEOUT, "The request's body did not arrive in time.\n");
        // In a box, because few requests need its room.
        let whole = Box::pin(whole(body, app.body_limit(&head)));
        match tokio::time::timeout(limits.head, whole).await.unwrap_or(Err(late)) {
            Ok(body) => body,
            Err(why) => return refuse(talk, Some(&head), why),
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

/// The server's own answer, which the application hears of. After it an HTTP/1.1 connection is closed.
fn refuse<A: App>(
    talk: &Talk<A>,
    head: Option<&Parts>,
    (status, text): (StatusCode, &'static str),
) -> Response<Content<A::Body>> {
    let bytes = if head.is_some_and(|head| head.method == Method::HEAD) { 0 } else { text.len() as u64 };
    talk.served.app.refused(&Refused { head, status, bytes }, talk.peer);
    let mut answer = Response::new(Content::Own(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}
