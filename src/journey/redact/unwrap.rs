//! Text within text: escapes undone with a map back, and runs of base64 and of hexadecimal digits decoded.
//!
//! Invariant: pure; undoing escapes never makes a text longer, and every byte of it knows where it came from.

use std::ops::Range;

/// A text whose escapes were undone.
pub(super) struct Unescaped {
    /// What it says.
    pub(super) text: Vec<u8>,
    /// Where each byte of it begins in the original, and one more for the end.
    starts: Vec<usize>,
}

/// A way to write characters as others.
#[derive(Debug, Clone, Copy)]
pub(super) enum Escape {
    /// `%2F`.
    Percent,
    /// `\u002f`, `\x2f`, `\/`, `\n`.
    Backslash,
    /// `&#47;`, `&#x2f;`, `&amp;`.
    Entity,
}

impl Escape {
    pub(super) const ALL: [Escape; 3] = [Escape::Percent, Escape::Backslash, Escape::Entity];

    /// The character that begins one.
    const fn sign(self) -> u8 {
        match self {
            Escape::Percent => b'%',
            Escape::Backslash => b'\\',
            Escape::Entity => b'&',
        }
    }

    /// The character that `text` begins with, an escape of this kind, and the escape's length.
    fn decode(self, text: &[u8]) -> Option<(char, usize)> {
        match self {
            Escape::Percent => Some((char::from(hexadecimal(text.get(1..3)?)? as u8), 3)),
            Escape::Backslash => backslash(text),
            Escape::Entity => entity(text),
        }
    }

    /// `text` with this kind of escape undone; `None` where there is none.
    pub(super) fn undo(self, text: &[u8]) -> Option<Unescaped> {
        let mut next = memchr::memchr(self.sign(), text)?;
        let (mut undone, mut at, mut any) =
            (Unescaped { text: Vec::with_capacity(text.len()), starts: Vec::new() }, 0, false);
        while at < text.len() {
            undone.copy(text, at..next);
            at = next;
            if let Some((character, length)) = text.get(at..).and_then(|rest| self.decode(rest)) {
                undone.put(self, character, at);
                (at, any) = (at + length, true);
            } else if at < text.len() {
                undone.copy(text, at..at + 1);
                at += 1;
            }
            next = memchr::memchr(self.sign(), &text[at..]).map_or(text.len(), |found| at + found);
        }
        undone.starts.push(text.len());
        any.then_some(undone)
    }
}

impl Unescaped {
    /// Where `span` of the text stands in the original.
    pub(super) fn original(&self, span: &Range<usize>) -> Range<usize> {
        self.starts[span.start]..self.starts[span.end]
    }

    fn copy(&mut self, text: &[u8], span: Range<usize>) {
        self.text.extend_from_slice(&text[span.clone()]);
        self.starts.extend(span);
    }

    /// Percent escapes are bytes, of which several may make a character; the others are characters.
    fn put(&mut self, escape: Escape, character: char, at: usize) {
        let mut buffer = [0; 4];
        match escape {
            Escape::Percent => self.text.push(character as u8),
            _ => self.text.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes()),
        }
        self.starts.resize(self.text.len(), at);
    }
}

/// `text` without those of its line breaks, counted from 0, that `breaks` names: each with the indentation and the sign of
/// a quotation that may stand after it and the backslash that may stand before it. A value that is broken over lines is
/// whole there.
pub(super) fn unfolded(text: &[u8], breaks: fn(usize) -> bool) -> Unescaped {
    let mut joined = Unescaped { text: Vec::with_capacity(text.len()), starts: Vec::new() };
    let mut at = 0;
    let ends = memchr::memchr_iter(b'\n', text).enumerate().filter(|(number, _)| breaks(*number));
    for (_, end) in ends {
        if end < at {
            continue;
        }
        let line = &text[at..end];
        let sign = |byte: &&u8| matches!(byte, b'\r' | b' ' | b'\t' | b'\\');
        joined.copy(text, at..end - line.iter().rev().take_while(sign).count());
        let lead = |byte: &&u8| matches!(byte, b'\n' | b'\r' | b' ' | b'\t' | b'>' | b'#' | b'|' | b'*');
        at = end + text[end..].iter().take_while(lead).count();
    }
    joined.copy(text, at..text.len());
    joined.starts.push(text.len());
    joined
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    u32::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| plain)?, 16).ok()
}

fn backslash(text: &[u8]) -> Option<(char, usize)> {
    match text.get(1)? {
        b'u' => Some((char::from_u32(hexadecimal(text.get(2..6)?)?)?, 6)),
        b'x' => Some((char::from_u32(hexadecimal(text.get(2..4)?)?)?, 4)),
        b'n' | b'r' | b't' => Some((' ', 2)),
        byte @ (b'/' | b'"' | b'\\' | b'\'') => Some((char::from(*byte), 2)),
        _ => None,
    }
}

fn entity(text: &[u8]) -> Option<(char, usize)> {
    const NAMED: [(&[u8], char); 14] = [
        (b"amp", '&'),
        (b"lt", '<'),
        (b"gt", '>'),
        (b"quot", '"'),
        (b"apos", '\''),
        (b"nbsp", ' '),
        (b"sol", '/'),
        (b"bsol", '\\'),
        (b"commat", '@'),
        (b"colon", ':'),
        (b"period", '.'),
        (b"hyphen", '-'),
        (b"lowbar", '_'),
        (b"equals", '='),
    ];
    let end = text.iter().take(12).position(|byte| *byte == b';')?;
    let code = match &text[1..end] {
        [b'#', b'x' | b'X', digits @ ..] => hexadecimal(digits),
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()),
        name => return NAMED.iter().find(|(known, _)| *known == name).map(|(_, character)| (*character, end + 1)),
    };
    Some((char::from_u32(code?)?, end + 1))
}

/// Shorter runs are not decoded: 8 digits of base64 hold 6 bytes.
const SHORTEST: usize = 8;

/// A line of folded base64 is not shorter than this, but for the last.
const FOLDED: usize = 16;

/// Calls `read` with each readable text that a run of `text` encodes, and the run's place, its padding included. Runs that
/// white space folds are read together, too.
pub(super) fn decoded(text: &[u8], mut read: impl FnMut(&[u8], Range<usize>)) {
    let spans = spans(text);
    let mut bytes = Vec::new();
    for group in spans.chunk_by(|one, other| folds(text, one, other)) {
        for span in group {
            readings(&text[span.clone()], &mut bytes, |reading| read(reading, span.clone()));
        }
        if let [first, .., last] = group {
            let joined: Vec<u8> = group.iter().flat_map(|span| text[span.clone()].iter().copied()).collect();
            readings(&joined, &mut bytes, |reading| read(reading, first.start..last.end));
        }
    }
}

/// The run of digits of base64 around `span`, with its padding.
pub(super) fn run_around(text: &[u8], span: Range<usize>) -> Range<usize> {
    let before = text[..span.start].iter().rev().take_while(|byte| is_digit(**byte)).count();
    let after = text[span.end..].iter().take_while(|byte| is_digit(**byte)).count();
    let end = span.end + after;
    span.start - before..end + padding(text, end)
}

fn padding(text: &[u8], end: usize) -> usize {
    text[end..].iter().take(2).take_while(|byte| **byte == b'=').count()
}

/// The runs that may encode something: long enough and no word, or the end of a folded text. A run of small letters alone
/// is a word or a path: of texts of nine bytes one in ten thousand is encoded so.
fn spans(text: &[u8]) -> Vec<Range<usize>> {
    let (mut spans, mut at): (Vec<Range<usize>>, usize) = (Vec::new(), 0);
    while at < text.len() {
        let (start, mut plain) = (at, true);
        while at < text.len() && is_digit(text[at]) {
            plain &= text[at].is_ascii_lowercase() || matches!(text[at], b'-' | b'_' | b'/');
            at += 1;
        }
        let end = at;
        at += padding(text, end);
        let long = end - start >= SHORTEST && !plain;
        let tail = end > start && (at > end || !plain);
        if long || tail && spans.last().is_some_and(|last| folds(text, last, &(start..at))) {
            spans.push(start..at);
        }
        at = at.max(start + 1);
    }
    spans
}

/// Whether two runs follow each other with nothing but a line's end or a space between.
fn folds(text: &[u8], one: &Range<usize>, other: &Range<usize>) -> bool {
    let between = &text[one.end..other.start];
    one.len() >= FOLDED && between.len() <= 2 && between.iter().all(u8::is_ascii_whitespace)
}

/// What `run` may say; the end of a folded text says nothing alone.
fn readings(run: &[u8], bytes: &mut Vec<u8>, mut read: impl FnMut(&[u8])) {
    if run.len() < SHORTEST {
        return;
    }
    for skip in 0..4 {
        if base64(&run[skip..], bytes) {
            read(bytes);
        }
    }
    for skip in 0..2 {
        if hex(&run[skip..], bytes) {
            read(bytes);
        }
    }
}

/// The value of each digit of base64, of either alphabet; [`NONE`] for what is none.
const DIGITS: [u8; 256] = {
    let (mut digits, mut byte) = ([NONE; 256], 0);
    while byte < 256 {
        digits[byte] = match byte as u8 {
            letter @ b'A'..=b'Z' => letter - b'A',
            letter @ b'a'..=b'z' => letter - b'a' + 26,
            number @ b'0'..=b'9' => number - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => NONE,
        };
        byte += 1;
    }
    digits
};
const NONE: u8 = 0xff;

const fn is_digit(byte: u8) -> bool {
    DIGITS[byte as usize] != NONE
}

/// Counts what is no text among decoded bytes, so that those of a word are given up after a few. Text of two bytes a
/// character, as PowerShell encodes it, loses its zeros.
struct Sieve<'b> {
    bytes: &'b mut Vec<u8>,
    /// How many will come, at most.
    length: usize,
    control: usize,
    high: usize,
}

impl<'b> Sieve<'b> {
    fn new(bytes: &'b mut Vec<u8>, length: usize) -> Self {
        bytes.clear();
        Sieve { bytes, length, control: 0, high: 0 }
    }

    /// One byte in ten may be strange, and one more: the first of another alignment.
    const fn most(&self) -> usize {
        self.length / 10 + 1
    }

    /// `false` when it is no text.
    fn put(&mut self, byte: u8) -> bool {
        match byte {
            0 => {}
            b'\t' | b'\n' | b'\r' | b' '..=b'~' => self.bytes.push(byte),
            0x80.. => {
                self.high += 1;
                self.bytes.push(byte);
            }
            _ => {
                self.control += 1;
                self.bytes.push(byte);
            }
        }
        self.control <= self.most() && self.high <= self.length / 2
    }

    /// Text of other scripts is UTF-8.
    fn reads_as_text(self) -> bool {
        let few = self.control + self.high <= self.most();
        self.bytes.len() >= 4 && (few || std::str::from_utf8(self.bytes).is_ok())
    }
}

/// Decodes `digits` to `bytes`; `false` when what they say is no text.
fn base64(digits: &[u8], bytes: &mut Vec<u8>) -> bool {
    let mut sieve = Sieve::new(bytes, digits.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for value in digits.iter().map(|byte| DIGITS[usize::from(*byte)]).take_while(|value| *value != NONE) {
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            let [.., byte] = (bits >> count).to_be_bytes();
            if !sieve.put(byte) {
                return false;
            }
        }
    }
    sieve.reads_as_text()
}

/// The same of hexadecimal digits.
fn hex(digits: &[u8], bytes: &mut Vec<u8>) -> bool {
    let mut sieve = Sieve::new(bytes, digits.len() / 2);
    for pair in digits.chunks_exact(2) {
        let Some(value) = hexadecimal(pair) else { break };
        if !sieve.put(value as u8) {
            return false;
        }
    }
    sieve.reads_as_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(escape: Escape, text: &str) -> Option<String> {
        escape.undo(text.as_bytes()).map(|undone| String::from_utf8(undone.text).unwrap())
    }

    #[test]
    fn escapes_are_undone_and_know_where_they_stood() {
        assert_eq!(undone(Escape::Percent, "a%2Fb%zz%").as_deref(), Some("a/b%zz%"));
        assert_eq!(undone(Escape::Percent, "gr%C3%BCn").as_deref(), Some("grün"));
        assert_eq!(undone(Escape::Backslash, r#"\u002fa\/b\x2d\q\"#).as_deref(), Some(r"/a/b-\q\"));
        assert_eq!(undone(Escape::Entity, "&#47;a&#x2F;b&amp;c&nope;&").as_deref(), Some("/a/b&c&nope;&"));
        assert_eq!(undone(Escape::Entity, "a & b"), None);
        let undone = Escape::Entity.undo(b"x&#47;home&#47;ann y").unwrap();
        assert_eq!(undone.original(&(1..10)), 1..18);
        assert_eq!(undone.original(&(10..12)), 18..20);
    }

    #[test]
    fn a_run_is_read_at_every_alignment() {
        let says = |text: &str, wanted: &str| {
            let mut places = Vec::new();
            decoded(text.as_bytes(), |reading, span| {
                if memchr::memmem::find(reading, wanted.as_bytes()).is_some() {
                    places.push((span.start, span.end));
                }
            });
            places
        };
        assert_eq!(says("x aG9zdCBzcGFyay00MWE3IHVw.", "spark-41a7"), [(2, 26)]);
        assert_eq!(says("eGhvc3Qgc3BhcmstNDFhNyB1cA==", "spark-41a7"), [(0, 28)]);
        assert_eq!(says("xxaG9zdCBzcGFyay00MWE3IHVw", "park-41a7"), [(0, 26)]);
        assert_eq!(says("0073706172 6B", "spar"), [(0, 10)]);
        assert_eq!(says("aG9zdCBzcGFyay00\nMWE3IHVw", "spark-41a7"), [(0, 25)]);
        assert_eq!(says("R3LDvMOfZSDDvGJlcmFsbCBhbiBzcGFyay00MWE3", "Grüße überall an spark-41a7"), [(0, 40)]);
        assert_eq!(says("cwBwAGEAcgBrAC0ANAAxAGEANwA=", "spark-41a7"), [(0, 28)]);
        assert_eq!(says("implementation src/journey/redact", ""), []);
    }
}
