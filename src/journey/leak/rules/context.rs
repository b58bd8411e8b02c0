//! What stands before a value: the name that it is given to, and issuers and words of secrets nearby.
//!
//! Invariant: at most [`REACH`] bytes before the value are looked at.

use super::bytes::{DASH, DOT, WORD, is, span_before};
use super::names::{Class, Words, classify, is_issuer};

/// How far back a name or an issuer may stand, in bytes.
pub(super) const REACH: usize = 96;

/// What stands before a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Before {
    /// What the name says that the value is given to.
    pub(super) class: Class,
    /// Whether a sign of assignment stands between name and value.
    pub(super) assigned: bool,
}

/// Looks back from the first byte of a value.
pub(super) fn before(text: &[u8], at: usize) -> Before {
    let floor = at.saturating_sub(REACH);
    let mut end = skip(text, at, floor, b" \t\"'`\\([{@");
    if end > floor && text[end - 1] == b'\n' {
        // Between tags a value may stand on a line of its own.
        let above = skip(text, end, floor, b" \t\r\n");
        end = if above > floor && text[above - 1] == b'>' { above } else { end };
    }
    let mut name_end = skip(text, end, floor, b"=:>|?,+~");
    if name_end > floor && name_end < end && text[name_end - 1] == b'.' && text[name_end] == b'=' {
        name_end -= 1;
    }
    let assigned =
        text[name_end..end].iter().any(|byte| b"=:>,".contains(byte)) || text[name_end..end].starts_with(b"||");
    end = skip(text, name_end, floor, b" \t\"'`\\])}");
    let mut name = name_before(text, end, floor);
    if is_type(name) {
        let start = end - name.len();
        let again = skip(text, start, floor, b" \t:&*");
        let further = name_before(text, again, floor);
        if !further.is_empty() {
            name = further;
        }
    }
    let name = with_word_before(text, end, floor, name);
    let class = match classify(name) {
        Class::Unknown if names_issuer(name) => Class::Key,
        class => class,
    };
    Before { class, assigned }
}

fn skip(text: &[u8], from: usize, floor: usize, set: &[u8]) -> usize {
    let mut at = from;
    while at > floor && set.contains(&text[at - 1]) {
        at -= 1;
    }
    at
}

fn name_before(text: &[u8], end: usize, floor: usize) -> &[u8] {
    let length = span_before(text, end, WORD | DOT, end - floor);
    let name = &text[end - length..end];
    let dashes = name.iter().take_while(|&&byte| is(byte, DASH | DOT)).count();
    after_escape(text, end - length + dashes, end)
}

/// A name without the letter of an escape, as in `\nTOKEN`.
fn after_escape(text: &[u8], start: usize, end: usize) -> &[u8] {
    let escaped = start > 0 && start < end && text[start - 1] == b'\\' && matches!(text[start], b'n' | b't' | b'r');
    &text[start + usize::from(escaped)..end]
}

/// `api key` and `license key` are names of two words.
fn with_word_before<'a>(text: &'a [u8], end: usize, floor: usize, name: &'a [u8]) -> &'a [u8] {
    let start = end - name.len().min(end);
    if !name.eq_ignore_ascii_case(b"key") || start <= floor || text[start - 1] != b' ' || !text[..end].ends_with(name) {
        return name;
    }
    let length = span_before(text, start - 1, WORD, start - 1 - floor);
    &text[start - 1 - length..end]
}

/// Whether a word of a name, or of a few words before it, is an issuer's name.
pub(super) fn names_issuer(name: &[u8]) -> bool {
    Words::of(name).any(|word| is_issuer(word.bytes()))
}

fn is_type(name: &[u8]) -> bool {
    matches!(
        name,
        b"string"
            | b"String"
            | b"str"
            | b"char"
            | b"bytes"
            | b"text"
            | b"varchar"
            | b"SecretStr"
            | b"std::string"
            | b"const"
            | b"base64"
    )
}

/// The most telling of the words and issuers that stand in the bytes before a value.
pub(super) fn nearby(text: &[u8], at: usize) -> Class {
    let mut start = at.saturating_sub(REACH);
    while start > 0 && start < at && is(text[start], WORD) {
        start += 1;
    }
    let mut class = Class::Unknown;
    let (mut joined, mut length) = ([0_u8; 24], 0);
    for word in Words::of(&text[start..at]) {
        let word = word.bytes();
        let found = match classify(word) {
            Class::Public => Class::Unknown,
            found => found,
        };
        class = class.max(found);
        if is_issuer(word) || (length + word.len() <= 24 && is_pair(&mut joined, length, word)) {
            class = class.max(Class::Key);
        }
        length = word.len();
        joined[..length].copy_from_slice(word);
    }
    class
}

/// Whether a word and the one before it make an issuer's name together.
fn is_pair(joined: &mut [u8; 24], length: usize, word: &[u8]) -> bool {
    joined[length..length + word.len()].copy_from_slice(word);
    length > 0 && is_issuer(&joined[..length + word.len()])
}
