//! An application behind a door.
//!
//! Invariant: the application sees the requests that were let in and no others, and every answer, refusals too, bears
//! the configured headers.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::request::Parts;
use axum::http::{Request, Response};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::Secure;
use crate::web::server::{App, Peer};

/// An application that answers who is let in.
pub struct Admitted<A> {
    app: A,
    secure: Secure,
}

impl<A> Admitted<A> {
    /// `app` behind the door of `secure`.
    pub(super) fn new(app: A, secure: Secure) -> Self {
        Admitted { app, secure }
    }
}

impl<A: App> App for Admitted<A> {
    type Body = Either<A::Body>;

    fn body_limit(&self, head: &Parts) -> usize {
        self.app.body_limit(head)
    }

    async fn answer(&self, request: Request<Bytes>, peer: Peer) -> Response<Self::Body> {
        let address = peer.address.map(|address| address.ip());
        let admitted = self.secure.admit(request.uri().path(), request.headers(), address).await;
        let mut answer = match admitted {
            Ok(()) => self.app.answer(request, peer).await.map(Either::Answer),
            Err(refusal) => refusal.map(|text| Either::Refusal(Some(text))),
        };
        self.secure.decorate(answer.headers_mut());
        answer
    }
}

/// The body of an answer, or the text of a refusal.
#[derive(Debug)]
pub enum Either<B> {
    /// The application's.
    Answer(B),
    /// The door's; gone once it is sent.
    Refusal(Option<Bytes>),
}

impl<B: Body<Data = Bytes> + Unpin> Body for Either<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.get_mut() {
            Either::Answer(body) => Pin::new(body).poll_frame(cx),
            Either::Refusal(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Either::Answer(body) => body.is_end_stream(),
            Either::Refusal(text) => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Either::Answer(body) => body.size_hint(),
            Either::Refusal(text) => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
        }
    }
}
