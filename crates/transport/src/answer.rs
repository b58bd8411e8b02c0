//! From a request as it comes in to the application's answer as it goes out.
//!
//! Invariant: every request is answered, whatever its body and whatever the application does: 413 for a body that is
//! not wanted, 408 for one that is late, 500 for a panic.

use std::convert::Infallible;
use std::future::{Future, Ready, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Incoming};
use hyper::service::Service;

use crate::Body;
use crate::app::{Peer, Refused, Reply};
use crate::ledger::{Ledger, Work};
use crate::outgoing::Outgoing;
use crate::served::Served;

/// One connection's side of the application.
pub(crate) struct Talk {
    pub(crate) served: Arc<Served>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) peer: Peer,
}

/// A connection's side of the application, as hyper takes it.
pub(crate) struct Requests(pub(crate) Arc<Talk>);

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Outgoing>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let work = self.0.ledger.work();
        let reply = match request.body().is_end_stream() {
            true => self.0.ask(request.map(|_| Bytes::new())),
            false => Reply::later(after_body(Arc::clone(&self.0), request)),
        };
        match reply {
            Reply::Ready(answer) => Answering::Ready(ready(going_out(answer, work))),
            Reply::Later(answer) => {
                let talk = Arc::clone(&self.0);
                Answering::Later(Box::pin(async move { going_out(talk.wait(answer).await, work) }))
            }
        }
    }
}

/// An answer that is there, or is waited for. hyper moves it more than once, so what is large stays in a box.
pub(crate) enum Answering {
    Ready(Ready<Response<Outgoing>>),
    Later(Promise<Response<Outgoing>>),
}

type Promise<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Future for Answering {
    type Output = Result<Response<Outgoing>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Answering::Ready(answer) => Pin::new(answer).poll(cx).map(Ok),
            Answering::Later(answer) => answer.as_mut().poll(cx).map(Ok),
        }
    }
}

fn going_out(answer: Response<Body>, work: Work) -> Response<Outgoing> {
    let open = work.answered();
    answer.map(|body| Outgoing::new(body, open))
}

/// The answer to a request when its body is there, or does not come.
async fn after_body(talk: Arc<Talk>, request: Request<Incoming>) -> Response<Body> {
    let Served { app, limits, .. } = &*talk.served;
    let (head, body) = request.into_parts();
    let late = (StatusCode::REQUEST_TIMEOUT, "The request's body did not arrive in time.\n");
    let whole = whole(body, app.body_limit(&head));
    match tokio::time::timeout(limits.head, whole).await.unwrap_or(Err(late)) {
        Ok(body) => app.answer(Request::from_parts(head, body), talk.peer).answer().await,
        Err(why) => talk.refuse(Some(&head), why),
    }
}

impl Talk {
    /// What the application replies, or that it panicked.
    fn ask(&self, request: Request<Bytes>) -> Reply {
        let reply = catch_unwind(AssertUnwindSafe(|| self.served.app.answer(request, self.peer)));
        reply.unwrap_or_else(|_| Reply::Ready(self.panicked()))
    }

    /// What `answer` comes to, or that it panicked.
    async fn wait(&self, mut answer: Promise<Response<Body>>) -> Response<Body> {
        poll_fn(|cx| {
            catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))).unwrap_or_else(|_| Poll::Ready(self.panicked()))
        })
        .await
    }

    fn panicked(&self) -> Response<Body> {
        let text = "An error within the server; its log has more.\n";
        self.refuse(None, (StatusCode::INTERNAL_SERVER_ERROR, text))
    }

    /// The server's own answer, which the application hears of. After it an HTTP/1.1 connection is closed.
    fn refuse(&self, head: Option<&Parts>, (status, text): (StatusCode, &'static str)) -> Response<Body> {
        let bytes = if head.is_some_and(|head| head.method == Method::HEAD) { 0 } else { text.len() as u64 };
        self.served.app.refused(&Refused { head, status, bytes }, self.peer);
        let mut answer = Response::new(Bytes::from_static(text.as_bytes()).into());
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        answer
    }
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
