//! What an answer sends that is there already: slices of what is held anyway.
//!
//! Invariant: no byte is copied. Its length is known from the start, and when its last slice is out it says so: an answer's
//! head and a body of one slice are then written at once.

use bytes::Bytes;

/// One slice of bytes, or a row of them; an iterator of the slices that are still to come.
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
    pub fn row(mut slices: Vec<Bytes>) -> Self {
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

impl Iterator for Payload {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        let following = self.rest.next().unwrap_or_default();
        let slice = std::mem::replace(&mut self.next, following);
        self.left -= slice.len() as u64;
        Some(slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slices, with how many bytes are still to come before each and at the end.
    fn given(mut payload: Payload) -> (Vec<Bytes>, Vec<u64>) {
        let (mut slices, mut left) = (Vec::new(), vec![payload.left()]);
        while let Some(slice) = payload.next() {
            slices.push(slice);
            left.push(payload.left());
        }
        (slices, left)
    }

    #[test]
    fn a_payload_knows_its_length_and_its_end() {
        assert_eq!(given(Payload::default()), (vec![], vec![0]));
        assert_eq!(given(Bytes::new().into()), (vec![], vec![0]));
        let one = Bytes::from_static(b"one");
        assert_eq!(given(one.clone().into()), (vec![one.clone()], vec![3, 0]));
        let row = Payload::row(vec![Bytes::new(), one.clone(), Bytes::new(), Bytes::from_static(b"four")]);
        let (slices, left) = given(row);
        assert_eq!(slices, ["one", "four"]);
        assert_eq!(left, [7, 4, 0]);
        assert_eq!(given(Payload::row(vec![])), (vec![], vec![0]));
    }

    #[test]
    fn nothing_is_copied() {
        let bytes = Bytes::from(vec![7; 1000]);
        let (slices, _) = given(Payload::row(vec![bytes.slice(10..20), bytes.clone()]));
        assert_eq!(slices[0].as_ptr(), bytes[10..].as_ptr());
        assert_eq!(slices[1].as_ptr(), bytes.as_ptr());
    }
}
