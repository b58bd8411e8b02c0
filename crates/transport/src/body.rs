//! The body of an answer: slices of what is held anyway, or one that is made while it is sent.
//!
//! Invariant: bytes that are there are not copied.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::Payload;

/// An answer's body. The default is empty.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    There(Payload),
    Made(axum::body::Body),
}

impl Default for Body {
    fn default() -> Self {
        Payload::default().into()
    }
}

impl From<Payload> for Body {
    fn from(payload: Payload) -> Self {
        Body(Kind::There(payload))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Payload::from(bytes).into()
    }
}

impl From<axum::body::Body> for Body {
    fn from(body: axum::body::Body) -> Self {
        Body(Kind::Made(body))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut self.get_mut().0 {
            Kind::There(payload) => Poll::Ready(payload.next().map(|slice| Ok(Frame::data(slice)))),
            Kind::Made(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::There(payload) => payload.left() == 0,
            Kind::Made(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::There(payload) => SizeHint::with_exact(payload.left()),
            Kind::Made(body) => body.size_hint(),
        }
    }
}
