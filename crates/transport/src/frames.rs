//! How far a client has got with what it sends over HTTP/2: where frames begin and end, and heads of several frames.
//!
//! Invariant: it follows any bytes in whatever pieces they come, in constant memory, and judges none of them; that is
//! for the library which reads them too.

/// What a client sends first.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// RFC 9113 section 6.2 and 6.10: frames that carry a head, and the flag of the last one.
const HEADERS: u8 = 1;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// A frame's own head: 3 bytes of length, type, flags, 4 bytes of stream.
const FRAME_HEAD: usize = 9;

/// The place in a client's bytes.
#[derive(Debug)]
pub(crate) struct Frames {
    /// Of the preface or a frame's payload still to come, bytes.
    rest: usize,
    head: [u8; FRAME_HEAD],
    /// Bytes of `head` that are there.
    known: usize,
    /// Between a frame that begins a head and the one that ends it.
    in_head: bool,
}

impl Frames {
    pub(crate) fn new() -> Self {
        Frames { rest: PREFACE.len(), head: [0; FRAME_HEAD], known: 0, in_head: false }
    }

    /// Moves on by `bytes`. Whether a frame, or a head of several, ended in them.
    pub(crate) fn follow(&mut self, mut bytes: &[u8]) -> bool {
        let mut ended = false;
        while !bytes.is_empty() {
            let wanted = if self.rest > 0 { self.rest } else { FRAME_HEAD - self.known };
            let (now, later) = bytes.split_at(wanted.min(bytes.len()));
            bytes = later;
            if self.rest > 0 {
                self.rest -= now.len();
            } else {
                self.head[self.known..self.known + now.len()].copy_from_slice(now);
                self.known += now.len();
                if self.known == FRAME_HEAD {
                    self.begin();
                }
            }
            ended |= self.is_whole();
        }
        ended
    }

    /// Whether everything that was begun has ended.
    pub(crate) fn is_whole(&self) -> bool {
        self.rest == 0 && self.known == 0 && !self.in_head
    }

    fn begin(&mut self) {
        let [long, middle, short, kind, flags, ..] = self.head;
        self.rest = usize::from(long) << 16 | usize::from(middle) << 8 | usize::from(short);
        self.known = 0;
        if matches!(kind, HEADERS | PUSH_PROMISE | CONTINUATION) {
            self.in_head = flags & END_HEADERS == 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    #[test]
    fn what_was_begun_is_whole_at_its_last_byte_only() {
        let settings = frame(4, 0, &[]);
        let head = [frame(HEADERS, 0, b"abc"), frame(CONTINUATION, 0, b""), frame(CONTINUATION, END_HEADERS, b"d")];
        for (what, bytes) in [
            ("the preface", PREFACE.to_vec()),
            ("settings", settings),
            ("a head of three frames", head.concat()),
            ("data", frame(0, 1, &[7; 200])),
        ] {
            for piece in [1, 2, 5, 1000] {
                let mut frames = Frames::new();
                if what != "the preface" {
                    frames.follow(PREFACE);
                }
                let (last, first) = bytes.split_last().unwrap();
                first.chunks(piece).for_each(|bytes| assert!(!frames.follow(bytes), "{what}"));
                assert!(!frames.is_whole(), "{what}");
                assert!(frames.follow(&[*last]) && frames.is_whole(), "{what}");
            }
        }
    }

    #[test]
    fn a_whole_frame_before_a_begun_one_is_seen() {
        let mut frames = Frames::new();
        assert!(frames.follow(&[PREFACE, &frame(4, 0, &[]), &frame(HEADERS, 0, b"a")].concat()));
        assert!(!frames.is_whole());
        // Other frames do not end a head.
        assert!(!frames.follow(&frame(CONTINUATION, 0, b"a")));
    }
}
