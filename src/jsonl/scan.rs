//! A scanner for one flat JSON object: it knows which key comes next, and looks at as little as it can.
//!
//! Invariant: what it takes from a line is what `serde_json` would (a test compares them); where it is not sure
//! (an escape) it says so, and the caller asks `serde_json`. What is passed over is not checked beyond finding
//! its end; a line that ends before its object does is refused.

// The release build is made small, which leaves small functions apart: those that every value goes through say
// `inline(always)`.
use memchr::{memchr, memchr2};

/// Where the scanner is in a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scanner<'a> {
    line: &'a [u8],
    at: usize,
    /// Whether a key or a text that was told has an escape, so that it may mean another than it shows.
    pub(crate) escaped: bool,
}

/// One value, as far as it was looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// A string without its quotes, escapes as they stand.
    Text(&'a [u8]),
    /// A number; truth values are 1 and 0.
    Number(f64),
    /// `null`, a list or an object.
    Nothing,
}

impl<'a> Scanner<'a> {
    /// Begins in `line`; `None` where that is no object.
    pub(crate) fn object(line: &'a [u8]) -> Option<Self> {
        let mut scanner = Scanner { line, at: 0, escaped: false };
        scanner.blanks();
        scanner.take(b'{').then_some(scanner)
    }

    /// Begins at the byte `at` of `text`, where a value is to stand.
    pub(crate) fn at(text: &'a [u8], at: usize) -> Self {
        Scanner { line: text, at, escaped: false }
    }

    /// Passes blanks and tells the byte at which what follows begins.
    pub(crate) fn place(&mut self) -> usize {
        self.blanks();
        self.at
    }

    /// Begins an object; false where another value stands, which is not passed.
    pub(crate) fn brace(&mut self) -> bool {
        self.blanks();
        self.take(b'{')
    }

    /// Whether the object ends here, and the line with it.
    pub(crate) fn ends(&mut self) -> bool {
        self.blanks();
        let mut after = *self;
        let ends = after.take(b'}') && {
            after.blanks();
            after.at == after.line.len()
        };
        if ends {
            self.at = after.at;
        }
        ends
    }

    /// Passes the comma between two members or elements; false where there is none.
    pub(crate) fn comma(&mut self) -> bool {
        self.blanks();
        self.take(b',')
    }

    /// Passes `key` with its quotes and colon, written without blanks; false where something else stands.
    #[inline(always)]
    pub(crate) fn expect(&mut self, key: &str) -> bool {
        let rest = &self.line[self.at..];
        let end = key.len() + 3;
        let is_it = rest.len() >= end
            && rest[0] == b'"'
            && &rest[1..=key.len()] == key.as_bytes()
            && rest[end - 2..end] == *b"\":";
        if is_it {
            self.at += end;
        }
        is_it
    }

    /// Passes any key and its colon; `None` where none stands.
    pub(crate) fn key(&mut self) -> Option<&'a [u8]> {
        self.blanks();
        let key = self.text()?;
        self.escaped |= key.contains(&b'\\');
        self.blanks();
        self.take(b':').then_some(key)
    }

    /// Passes a value and tells it.
    pub(crate) fn scalar(&mut self) -> Option<Scalar<'a>> {
        self.blanks();
        let first = *self.line.get(self.at)?;
        match first {
            b'"' => {
                let text = self.text()?;
                self.escaped |= text.contains(&b'\\');
                Some(Scalar::Text(text))
            }
            b'-' | b'0'..=b'9' => self.number().map(Scalar::Number),
            b't' => self.word(b"true").then_some(Scalar::Number(1.0)),
            b'f' => self.word(b"false").then_some(Scalar::Number(0.0)),
            b'n' => self.word(b"null").then_some(Scalar::Nothing),
            b'[' | b'{' => self.nested().map(|()| Scalar::Nothing),
            _ => None,
        }
    }

    /// Passes a value. `None` where none stands or it does not end.
    #[inline(always)]
    pub(crate) fn skip(&mut self) -> Option<()> {
        self.blanks();
        match *self.line.get(self.at)? {
            b'"' => self.text().map(drop),
            b'[' | b'{' => self.nested(),
            b',' | b'}' | b']' => None,
            _ => {
                let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
                self.at += self.line[self.at..].iter().position(is_end)?;
                Some(())
            }
        }
    }

    /// Begins a list; false where another value stands, which is not passed.
    pub(crate) fn list(&mut self) -> bool {
        self.blanks();
        self.take(b'[')
    }

    /// Whether the list ends here; it is passed then.
    pub(crate) fn list_ends(&mut self) -> bool {
        self.blanks();
        self.take(b']')
    }

    #[inline(always)]
    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.line.get(self.at) {
            self.at += 1;
        }
    }

    #[inline(always)]
    fn take(&mut self, byte: u8) -> bool {
        let is_it = self.line.get(self.at) == Some(&byte);
        self.at += usize::from(is_it);
        is_it
    }

    fn word(&mut self, word: &[u8]) -> bool {
        let is_it = self.line[self.at..].starts_with(word);
        self.at += if is_it { word.len() } else { 0 };
        is_it
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.at;
        // Most texts are short and have no escapes.
        loop {
            let rest = self.line.get(self.at..)?;
            let next = memchr2(b'"', b'\\', rest)?;
            self.at += next + 1;
            if rest[next] == b'"' {
                return Some(&self.line[start..self.at - 1]);
            }
            self.at += 1;
        }
    }

    fn nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match *self.line.get(self.at)? {
                b'"' => {
                    self.text()?;
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// A number. Up to 15 digits are exact in a float, and so is their quotient by a power of ten up to 22: the rounding
    /// is the right one. Others are left to the standard library.
    #[inline(always)]
    fn number(&mut self) -> Option<f64> {
        let start = self.at;
        let negative = self.take(b'-');
        let (mut digits, mut decimals, mut mantissa, mut point) = (0_u32, 0_usize, 0_u64, false);
        while let Some(&byte) = self.line.get(self.at) {
            match byte {
                b'0'..=b'9' if digits < 16 => {
                    mantissa = mantissa * 10 + u64::from(byte - b'0');
                    digits += 1;
                    decimals += usize::from(point);
                }
                b'.' if !point => point = true,
                b'0'..=b'9' | b'e' | b'E' | b'+' | b'-' | b'.' => return self.odd_number(start),
                _ => break,
            }
            self.at += 1;
        }
        if digits == 0 || digits > 15 || point && decimals == 0 {
            return self.odd_number(start);
        }
        let value = mantissa as f64 / POWERS[decimals];
        Some(if negative { -value } else { value })
    }

    fn odd_number(&mut self, start: usize) -> Option<f64> {
        self.at = start;
        self.skip()?;
        let text = std::str::from_utf8(&self.line[start..self.at]).ok()?;
        text.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The lines of `block` that end in it.
pub(crate) fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = block;
    std::iter::from_fn(move || {
        let end = memchr(b'\n', rest)?;
        let line = &rest[..end];
        rest = &rest[end + 1..];
        Some(line)
    })
}
