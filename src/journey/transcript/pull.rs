//! Looks at one JSON object as little as it can, in memory that does not grow with it.
//!
//! Invariant: what it takes is what `serde_json` would take from an object whose keys are written without escapes (a
//! test compares them); what is passed over is checked only as far as its end must be found. A line may come in one
//! piece or block by block: the answer is the same.

// The release build is made small, which leaves small functions apart: those that every value goes through say
// `inline(always)`.
use memchr::memchr2;

/// Where the bytes of a line come from. They hold no line ending.
pub(super) trait Source {
    /// What is there and was not passed yet.
    fn rest(&self) -> &[u8];
    /// Passes `count` bytes of it.
    fn pass(&mut self, count: usize);
    /// Gets more, once nothing is left; false at the end of the line.
    fn more(&mut self) -> bool;
}

/// A line that is in memory.
pub(super) struct Whole<'a>(pub(super) &'a [u8]);

impl Source for Whole<'_> {
    #[inline(always)]
    fn rest(&self) -> &[u8] {
        self.0
    }

    #[inline(always)]
    fn pass(&mut self, count: usize) {
        self.0 = &self.0[count..];
    }

    fn more(&mut self) -> bool {
        false
    }
}

impl<S: Source> Source for &mut S {
    #[inline(always)]
    fn rest(&self) -> &[u8] {
        (**self).rest()
    }

    #[inline(always)]
    fn pass(&mut self, count: usize) {
        (**self).pass(count);
    }

    fn more(&mut self) -> bool {
        (**self).more()
    }
}

/// Longest key that is told from others, bytes; those that matter are shorter.
const LONGEST_KEY: usize = 32;

/// Longest number that is read, bytes.
const LONGEST_NUMBER: usize = 40;

/// A key, cut after [`LONGEST_KEY`] bytes and one more.
#[derive(Default)]
pub(super) struct Key(Vec<u8>);

impl Key {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A scalar value as it stands in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    /// A string: what stands between its quotes, escapes and all.
    Text,
    /// A string longer than was asked for.
    TooLong,
    /// A number or a word such as `true`.
    Token,
    /// `null`, a list or an object.
    Nothing,
}

/// A place within a line.
pub(super) struct Pull<S>(pub(super) S);

impl<S: Source> Pull<S> {
    #[inline(always)]
    fn peek(&mut self) -> Option<u8> {
        loop {
            if let Some(&byte) = self.0.rest().first() {
                return Some(byte);
            }
            if !self.0.more() {
                return None;
            }
        }
    }

    #[inline(always)]
    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r') = self.peek() {
            self.0.pass(1);
        }
    }

    /// Passes what may stand before and after the object: blanks, and NUL bytes that a loss of power left.
    pub(super) fn margin(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | 0) = self.peek() {
            self.0.pass(1);
        }
    }

    /// Whether the line ends here.
    pub(super) fn at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Passes `byte`, and blanks before it; false where something else stands.
    #[inline(always)]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        self.blanks();
        let is_it = self.peek() == Some(byte);
        self.0.pass(usize::from(is_it));
        is_it
    }

    /// Passes the next key of the object that was entered, and its colon: true with the key in `key`, false at the
    /// object's end, which is passed too. `None` where neither stands.
    #[inline(always)]
    pub(super) fn member(&mut self, first: &mut bool, key: &mut Key) -> Option<bool> {
        if self.take(b'}') {
            return Some(false);
        }
        if !std::mem::take(first) && !self.take(b',') {
            return None;
        }
        if !self.take(b'"') {
            return None;
        }
        self.text(&mut key.0, LONGEST_KEY)?;
        self.take(b':').then_some(true)
    }

    /// Whether the list that was entered has another element, which stands here then. `None` where neither it nor the
    /// end stands.
    pub(super) fn element(&mut self, first: &mut bool) -> Option<bool> {
        if self.take(b']') {
            return Some(false);
        }
        (std::mem::take(first) || self.take(b',')).then_some(true)
    }

    /// Passes a value and writes it to `into`, where it is a scalar; a string of at most `most` bytes.
    pub(super) fn scalar(&mut self, into: &mut Vec<u8>, most: usize) -> Option<Scalar> {
        self.blanks();
        into.clear();
        match self.peek()? {
            b'"' => {
                self.0.pass(1);
                self.text(into, most)?;
                Some(if into.len() > most { Scalar::TooLong } else { Scalar::Text })
            }
            b'[' | b'{' => self.nested().map(|()| Scalar::Nothing),
            byte if begins_token(byte) => {
                self.token(into)?;
                Some(if into.as_slice() == b"null" { Scalar::Nothing } else { Scalar::Token })
            }
            _ => None,
        }
    }

    /// Passes a value. `None` where none stands or it does not end.
    #[inline(always)]
    pub(super) fn skip(&mut self) -> Option<()> {
        self.blanks();
        match self.peek()? {
            b'"' => {
                self.0.pass(1);
                self.skip_text()
            }
            b'[' | b'{' => self.nested(),
            byte if begins_token(byte) => self.token(&mut Vec::new()),
            _ => None,
        }
    }

    /// Passes the rest of a string, whose opening quote was passed.
    fn skip_text(&mut self) -> Option<()> {
        loop {
            let rest = self.0.rest();
            match memchr2(b'"', b'\\', rest) {
                None => {
                    self.0.pass(rest.len());
                    self.peek()?;
                }
                Some(at) if rest[at] == b'"' => {
                    self.0.pass(at + 1);
                    return Some(());
                }
                Some(at) => {
                    self.0.pass(at + 1);
                    self.peek()?;
                    self.0.pass(1);
                }
            }
        }
    }

    /// The same, and writes it to `into`, cut after `most` bytes and one more.
    fn text(&mut self, into: &mut Vec<u8>, most: usize) -> Option<()> {
        into.clear();
        loop {
            let rest = self.0.rest();
            let found = memchr2(b'"', b'\\', rest);
            let plain = found.unwrap_or(rest.len());
            append(into, &rest[..plain], most);
            match found {
                None => self.0.pass(plain),
                Some(at) if rest[at] == b'"' => {
                    self.0.pass(at + 1);
                    return Some(());
                }
                Some(at) => {
                    self.0.pass(at + 1);
                    let escaped = self.peek()?;
                    append(into, &[b'\\', escaped], most);
                    self.0.pass(1);
                }
            }
            self.peek()?;
        }
    }

    /// Passes a list or an object.
    fn nested(&mut self) -> Option<()> {
        let mut depth = 0_u64;
        loop {
            let rest = self.0.rest();
            let mut at = 0;
            let mut quote = false;
            while let Some(&byte) = rest.get(at) {
                at += 1;
                match byte {
                    b'"' => {
                        quote = true;
                        break;
                    }
                    b'[' | b'{' => depth += 1,
                    b']' | b'}' => {
                        depth -= 1;
                        if depth == 0 {
                            self.0.pass(at);
                            return Some(());
                        }
                    }
                    _ => {}
                }
            }
            self.0.pass(at);
            if quote {
                self.skip_text()?;
            } else {
                self.peek()?;
            }
        }
    }

    /// Passes a number or a word and writes it to `into`, cut where it is too long for either.
    fn token(&mut self, into: &mut Vec<u8>) -> Option<()> {
        into.clear();
        loop {
            let rest = self.0.rest();
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r');
            let end = rest.iter().position(ends);
            append(into, &rest[..end.unwrap_or(rest.len())], LONGEST_NUMBER);
            self.0.pass(end.unwrap_or(rest.len()));
            if end.is_some() || self.peek().is_none() {
                return Some(());
            }
        }
    }
}

/// Whether a number or a word may begin with `byte`.
#[inline(always)]
fn begins_token(byte: u8) -> bool {
    matches!(byte, b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
}

/// Appends of `bytes` what keeps `into` within `most` bytes and one more, which tells that it was cut.
#[inline(always)]
fn append(into: &mut Vec<u8>, bytes: &[u8], most: usize) {
    let room = (most + 1).saturating_sub(into.len());
    into.extend_from_slice(&bytes[..bytes.len().min(room)]);
}
