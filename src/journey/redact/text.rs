//! One text, made fit to be shown.
//!
//! Invariant: what comes out holds nothing that [`Sight`] finds, no character that moves the cursor or hides, and at most
//! so many characters; and what came out once comes out again unchanged.

use std::collections::HashMap;

use aho_corasick::BuildError;

use super::masks::Masks;
use super::sight::{FindSecrets, Found, Sight};
use crate::journey::leak::exact::Exact;
use crate::words;

/// A longer raw text is cut here before it is looked at, in bytes; of what is shown none is a thirtieth as long.
const LONGEST_RAW: usize = 64 << 10;

/// Names that are longer than this, in bytes, are not remembered.
const REMEMBERED: usize = 160;

/// How often a text is looked at until nothing is left to find.
const LOOKS: usize = 4;

/// Masks texts, and gives the same value the same mask for as long as it lives.
pub struct Redactor {
    sight: Sight,
    masks: Masks,
    known: HashMap<String, (usize, String)>,
}

impl Redactor {
    /// Finds secrets with `secrets` and the values `exact`.
    ///
    /// # Errors
    /// When there are more exact values than an automaton can hold.
    pub fn new(secrets: FindSecrets, exact: &[Exact]) -> Result<Self, BuildError> {
        Ok(Redactor { sight: Sight::new(secrets, exact)?, masks: Masks::default(), known: HashMap::new() })
    }

    /// `raw` on one line, masked, of at most `most` characters.
    pub fn text(&mut self, raw: &str, most: usize) -> String {
        let mut text = harmless(head(raw));
        for _ in 0..LOOKS {
            let (found, length) = (self.sight.look(&text), text.len());
            text = bounded(one_line(self.replaced(text, &found)), most);
            // A mask or a cut may bring something about that was not there: what changed is looked at again.
            if found.is_empty() && text.len() == length {
                return text;
            }
        }
        if self.shows_nothing(&text) { text } else { self.whole("value", raw) }
    }

    /// The same of a name that comes again and again: of a file, of a module.
    pub(super) fn name(&mut self, raw: &str, most: usize) -> String {
        if let Some((_, known)) = self.known.get(raw).filter(|(known, _)| *known == most) {
            return known.clone();
        }
        let masked = self.text(raw, most);
        if raw.len() <= REMEMBERED {
            self.known.insert(raw.to_owned(), (most, masked.clone()));
        }
        masked
    }

    /// The whole of `raw` as one value, whose mask begins with `word`.
    pub(super) fn whole(&mut self, word: &'static str, raw: &str) -> String {
        self.masks.mask(word, raw.as_bytes())
    }

    /// Whether `text` may be shown as it is.
    pub(super) fn shows_nothing(&self, text: &str) -> bool {
        self.sight.look(text).is_empty()
    }

    fn replaced(&mut self, text: String, found: &[Found]) -> String {
        if found.is_empty() {
            return text;
        }
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        for found in found {
            // A span within a character (of decoded bytes) takes the whole of it.
            let (start, end) = (floor(&text, found.span.start).max(at), ceiling(&text, found.span.end));
            out.push_str(&text[at..start]);
            out.push_str(&self.masks.mask(found.word, &found.value));
            at = end;
        }
        out.push_str(&text[at..]);
        out
    }
}

/// The first part of a text that is too long, without its last word, which may be half a value.
fn head(raw: &str) -> &str {
    if raw.len() <= LONGEST_RAW {
        return raw;
    }
    let head = &raw[..floor(raw, LONGEST_RAW)];
    head.rfind(char::is_whitespace).map_or("", |end| &head[..end])
}

/// `text` without what cannot be seen: control characters but the white space, marks of direction, and characters of no
/// width, which would hide a value from its rule.
fn harmless(text: &str) -> String {
    let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r');
    if text.bytes().all(plain) {
        return text.to_owned();
    }
    let lines = text.split_inclusive(['\n', '\t', '\r']).map(|line| match line.char_indices().next_back() {
        Some((at, end @ ('\n' | '\t' | '\r'))) => words::clean(&line[..at]) + end.encode_utf8(&mut [0; 4]),
        _ => words::clean(line),
    });
    lines.collect::<String>().chars().filter(|c| !hidden(*c)).collect()
}

/// Characters of no width: soft hyphen, joiners, marks of byte order and of language.
const fn hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

fn one_line(text: String) -> String {
    let text = if memchr::memchr3(b'\n', b'\r', b'\t', text.as_bytes()).is_some() {
        text.replace(['\n', '\r', '\t'], " ")
    } else {
        text
    };
    if text.trim().len() == text.len() { text } else { text.trim().to_owned() }
}

/// `text` with at most `most` characters, cut between words where that is near.
fn bounded(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let Some((cut, _)) = text.char_indices().nth(most) else { return text };
    let last = text[..cut].char_indices().next_back().map_or(0, |(at, _)| at);
    let end = text[..last].rfind(char::is_whitespace).filter(|end| end * 2 > last).unwrap_or(last);
    format!("{}…", text[..end].trim_end())
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn ceiling(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
