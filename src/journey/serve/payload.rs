//! The body of an answer: slices of what is held anyway.
//!
//! Invariant: no byte is copied. Its length is known from the start, and when its last slice is out it says so: a server
//! then writes an answer's head and a body of one slice at once.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// One slice of bytes, or a row of them.
#[derive(Debug, Default)]
pub struct Payload {
    next: Bytes,
    /// What comes after `next`; none of them is empty.
    rest: std::vec::IntoIter<Bytes>,
    /// Bytes to come.
    left: u64,
}

impl Payload {
    /// `slices`, one after the other.
    pub(super) fn row(mut slices: Vec<Bytes>) -> Self {
        slices.retain(|slice| !slice.is_empty());
        let left = slices.iter().map(|slice| slice.len() as u64).sum();
        let mut rest = slices.into_iter();
        Payload { next: rest.next().unwrap_or_default(), rest, left }
    }

    /// How many bytes are still to come.
    pub fn left(&self) -> u64 {
        self.left
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Payload { left: bytes.len() as u64, next: bytes, rest: Vec::new().into_iter() }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let following = self.rest.next().unwrap_or_default();
        let slice = std::mem::replace(&mut self.next, following);
        self.left -= slice.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slices that a server is given, with what the payload says before each and at the end.
    fn given(mut payload: Payload) -> (Vec<Bytes>, Vec<(Option<u64>, bool)>) {
        let (mut slices, mut said) = (Vec::new(), Vec::new());
        loop {
            said.push((payload.size_hint().exact(), payload.is_end_stream()));
            let mut context = Context::from_waker(std::task::Waker::noop());
            match Pin::new(&mut payload).poll_frame(&mut context) {
                Poll::Ready(Some(Ok(frame))) => slices.push(frame.into_data().unwrap()),
                Poll::Ready(None) => return (slices, said),
                Poll::Pending => panic!("nothing is waited for"),
            }
        }
    }

    #[test]
    fn a_payload_knows_its_length_and_its_end() {
        assert_eq!(given(Payload::default()), (vec![], vec![(Some(0), true)]));
        assert_eq!(given(Bytes::new().into()), (vec![], vec![(Some(0), true)]));
        let one = Bytes::from_static(b"one");
        assert_eq!(given(one.clone().into()), (vec![one.clone()], vec![(Some(3), false), (Some(0), true)]));
        let row = Payload::row(vec![Bytes::new(), one.clone(), Bytes::new(), Bytes::from_static(b"four")]);
        let (slices, said) = given(row);
        assert_eq!(slices, ["one", "four"]);
        assert_eq!(said, [(Some(7), false), (Some(4), false), (Some(0), true)]);
        assert_eq!(given(Payload::row(vec![])), (vec![], vec![(Some(0), true)]));
    }

    #[test]
    fn nothing_is_copied() {
        let bytes = Bytes::from(vec![7; 1000]);
        let (slices, _) = given(Payload::row(vec![bytes.slice(10..20), bytes.clone()]));
        assert_eq!(slices[0].as_ptr(), bytes[10..].as_ptr());
        assert_eq!(slices[1].as_ptr(), bytes.as_ptr());
    }
}
