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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// The slices that a server is given, with what the body says before each and at the end.
    fn given(mut body: Body) -> (Vec<Bytes>, Vec<(Option<u64>, bool)>) {
        let (mut slices, mut said) = (Vec::new(), Vec::new());
        loop {
            said.push((body.size_hint().exact(), body.is_end_stream()));
            let mut context = Context::from_waker(Waker::noop());
            match Pin::new(&mut body).poll_frame(&mut context) {
                Poll::Ready(Some(Ok(frame))) => slices.push(frame.into_data().unwrap()),
                Poll::Ready(None) => return (slices, said),
                other => panic!("nothing is waited for, and nothing fails: {other:?}"),
            }
        }
    }

    #[test]
    fn a_body_that_is_there_tells_its_length_and_its_end() {
        assert_eq!(given(Body::default()), (vec![], vec![(Some(0), true)]));
        assert_eq!(given(Bytes::new().into()), (vec![], vec![(Some(0), true)]));
        let one = Bytes::from_static(b"one");
        assert_eq!(given(one.clone().into()), (vec![one.clone()], vec![(Some(3), false), (Some(0), true)]));
        let row = Payload::row(vec![Bytes::new(), one.clone(), Bytes::new(), Bytes::from_static(b"four")]);
        let (slices, said) = given(row.into());
        assert_eq!(slices, ["one", "four"]);
        assert_eq!(said, [(Some(7), false), (Some(4), false), (Some(0), true)]);
        assert_eq!(given(Payload::row(vec![]).into()), (vec![], vec![(Some(0), true)]));
    }

    #[test]
    fn a_body_that_is_made_says_what_it_is_made_of() {
        let made = given(axum::body::Body::from("made").into());
        assert_eq!(made, (vec![Bytes::from_static(b"made")], vec![(Some(4), false), (Some(0), true)]));
    }
}
