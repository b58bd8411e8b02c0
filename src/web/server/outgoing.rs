//! An answer's body on its way out, whose connection knows how far it has got.
//!
//! Invariant: an answer counts as open until its last byte was handed to the connection's stream or was given up.
//! HTTP/2 takes a whole body into its queue at once, so what is counted is the bytes, not the body.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};

use super::ledger::Answer;

/// The application's body, or the server's own words.
pub(super) struct Outgoing<B> {
    content: Content<B>,
    answer: Arc<Answer>,
}

pub(super) enum Content<B> {
    App(B),
    Own(Bytes),
}

impl<B> Outgoing<B> {
    pub(super) fn new(content: Content<B>, answer: Arc<Answer>) -> Self {
        Outgoing { content, answer }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Outgoing<B> {
    type Data = Part;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Part>, B::Error>>> {
        let Outgoing { content, answer } = self.get_mut();
        let part = |bytes| Part { bytes, answer: Arc::clone(answer) };
        match content {
            Content::App(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| Ok(frame?.map_data(part))))
            }
            Content::Own(text) if text.is_empty() => Poll::Ready(None),
            Content::Own(text) => Poll::Ready(Some(Ok(Frame::data(part(std::mem::take(text)))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::App(body) => body.is_end_stream(),
            Content::Own(text) => text.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::App(body) => body.size_hint(),
            Content::Own(text) => SizeHint::with_exact(text.len() as u64),
        }
    }
}

/// Bytes of an answer. They are not copied.
pub(super) struct Part {
    bytes: Bytes,
    answer: Arc<Answer>,
}

impl Buf for Part {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.answer.sent(count);
    }
}
