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

/// A run that may hold encoded text, and all that it may say.
pub(super) struct Run {
    /// Where it stands, its padding included.
    pub(super) span: Range<usize>,
    /// Each reading of it.
    pub(super) readings: Vec<Vec<u8>>,
}

/// Shorter runs are not decoded: 8 digits of base64 hold 6 bytes.
const SHORTEST: usize = 8;

/// A line of folded base64 is not shorter than this, but for the last.
const FOLDED: usize = 16;

/// The runs of `text` that may hold encoded text, and those that white space folds.
pub(super) fn runs(text: &[u8]) -> Vec<Run> {
    let spans = spans(text);
    let single = spans.iter().filter_map(|span| read(span.clone(), &text[span.clone()]));
    single.chain(folded(text, &spans)).collect()
}

fn spans(text: &[u8]) -> Vec<Range<usize>> {
    let (mut spans, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let length = text[at..].iter().take_while(|byte| digit(**byte).is_some()).count();
        if length > 0 {
            let padding = text[at + length..].iter().take(2).take_while(|byte| **byte == b'=').count();
            spans.push(at..at + length + padding);
            at += length + padding;
        }
        at += text[at..].iter().take_while(|byte| digit(**byte).is_none()).count();
    }
    spans
}

/// Runs that follow each other with nothing but a line's end or a space between, read as one.
fn folded<'t>(text: &'t [u8], spans: &'t [Range<usize>]) -> impl Iterator<Item = Run> + 't {
    let joins = |pair: &[Range<usize>]| {
        let between = &text[pair[0].end..pair[1].start];
        pair[0].len() >= FOLDED && between.len() <= 2 && between.iter().all(u8::is_ascii_whitespace)
    };
    spans.chunk_by(move |one, other| joins(&[one.clone(), other.clone()])).filter(|group| group.len() > 1).filter_map(
        |group| {
            let joined: Vec<u8> = group.iter().flat_map(|span| text[span.clone()].iter().copied()).collect();
            read(group[0].start..group[group.len() - 1].end, &joined)
        },
    )
}

/// What `run` may say. A run of small letters alone is a word or a path: of texts of nine bytes one in ten thousand is
/// encoded so.
fn read(span: Range<usize>, run: &[u8]) -> Option<Run> {
    let word = run.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_' | b'/'));
    if run.len() < SHORTEST || word {
        return None;
    }
    let sixty_four = (0..4).map(|skip| base64(&run[skip..]));
    let sixteen = run.iter().all(u8::is_ascii_hexdigit).then(|| (0..2).map(|skip| hex(&run[skip..])));
    Some(Run { span, readings: sixty_four.chain(sixteen.into_iter().flatten()).collect() })
}

/// The value of a digit of base64, of either alphabet.
const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

fn base64(digits: &[u8]) -> Vec<u8> {
    let values: Vec<u8> = digits.iter().map_while(|byte| digit(*byte)).collect();
    let groups = values.chunks(4).flat_map(|group| {
        let bits = group.iter().fold(0_u32, |bits, value| bits << 6 | u32::from(*value)) << (6 * (4 - group.len()));
        let [_, bytes @ ..] = bits.to_be_bytes();
        bytes.into_iter().take((group.len() * 6) / 8)
    });
    groups.collect()
}

fn hex(digits: &[u8]) -> Vec<u8> {
    digits.chunks_exact(2).filter_map(hexadecimal).map(|value| value as u8).collect()
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
            let runs = runs(text.as_bytes());
            runs.into_iter()
                .filter(|run| {
                    run.readings
                        .iter()
                        .any(|reading| reading.windows(wanted.len()).any(|part| part == wanted.as_bytes()))
                })
                .map(|run| (run.span.start, run.span.end))
                .collect::<Vec<_>>()
        };
        assert_eq!(says("x aG9zdCBzcGFyay00MWE3IHVw.", "spark-41a7"), [(2, 26)]);
        assert_eq!(says("eGhvc3Qgc3BhcmstNDFhNyB1cA==", "spark-41a7"), [(0, 28)]);
        assert_eq!(says("0073706172 6B", "spar"), [(0, 10)]);
        assert_eq!(says("aG9zdCBzcGFyay00\nMWE3IHVw", "spark-41a7"), [(0, 25)]);
        assert!(runs(b"implementation src/journey/redact").is_empty());
    }
}
