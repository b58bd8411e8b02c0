//! An answer's body on its way out, whose connection knows how far it has got.
//!
//! Invariant: an answer counts as open until its last byte was handed to the connection's stream or was given up.
//! HTTP/2 takes a whole body into its queue at once, so what is counted is the bytes, not the body.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::Body;
use crate::ledger::Answer;

/// The application's body, or the server's own words.
pub(crate) struct Outgoing {
    body: Body,
    answer: Arc<Answer>,
}

impl Outgoing {
    pub(crate) fn new(body: Body, answer: Arc<Answer>) -> Self {
        Outgoing { body, answer }
    }
}

impl HttpBody for Outgoing {
    type Data = Part;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Part>, axum::Error>>> {
        let Outgoing { body, answer } = self.get_mut();
        let part = |bytes| Part { bytes, answer: Arc::clone(answer) };
        Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| Ok(frame?.map_data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes of an answer. They are not copied.
pub(crate) struct Part {
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
