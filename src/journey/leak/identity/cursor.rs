//! Looking around a place in bytes.
//!
//! Invariant: nothing looks further than [`REACH`] bytes from where it starts, so that a text full of anchors costs no
//! more than its length.

use std::ops::Range;

/// How far a decision looks, in bytes: a host name has at most 253 (RFC 1035), the local part of a mail address 64 (RFC
/// 5321), and a path that is longer is told by its head.
pub(super) const REACH: usize = 512;

/// What stands before `at`, as a reader of the text sees it: `\n`, `\t` and `\r` written as escapes (JSON within JSON)
/// and the end of a terminal's colour (`ESC [ 0 m`) count as a line's end. `None` at the beginning.
pub(super) fn before(text: &[u8], at: usize) -> Option<u8> {
    let byte = *text.get(at.checked_sub(1)?)?;
    let escaped = matches!(byte, b'n' | b't' | b'r') && at >= 2 && text[at - 2] == b'\\';
    if escaped || byte == b'm' && ends_colour(&text[..at - 1]) { Some(b'\n') } else { Some(byte) }
}

/// Whether `head` ends with `[0;31` of a colour's escape, whose escape character may be written `\u001b` or `\e`.
fn ends_colour(head: &[u8]) -> bool {
    let digits = back(head, head.len(), |byte| byte.is_ascii_digit() || byte == b';');
    let opened = digits.checked_sub(1).is_some_and(|open| head[open] == b'[');
    opened
        && [&b"\x1b"[..], b"\\u001b", b"\\u001B", b"\\x1b", b"\\e", b"\\033"]
            .iter()
            .any(|escape| head[..digits - 1].ends_with(escape))
}

/// Whether a letter, a digit, an underscore or a byte of a non-ASCII character stands before `at`.
pub(super) fn word_before(text: &[u8], at: usize) -> bool {
    before(text, at).is_some_and(|byte| byte == b'_' || byte >= 0x80 || byte.is_ascii_alphanumeric())
}

/// Whether a letter, a digit or an underscore stands at `at`.
pub(super) fn word_at(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|byte| *byte == b'_' || byte.is_ascii_alphanumeric())
}

/// The end of the run of bytes from `at` on that `belongs` takes, at most [`REACH`] further.
pub(super) fn ahead(text: &[u8], at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let most = text.len().min(at.saturating_add(REACH));
    at + text.get(at..most).map_or(0, |rest| rest.iter().take_while(|byte| belongs(**byte)).count())
}

/// The beginning of the run of bytes before `at` that `belongs` takes, at most [`REACH`] earlier.
pub(super) fn back(text: &[u8], at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    at - text[at.saturating_sub(REACH)..at].iter().rev().take_while(|byte| belongs(**byte)).count()
}

/// At most `most` bytes before `at`, of the same line.
pub(super) fn line_before(text: &[u8], at: usize, most: usize) -> &[u8] {
    let head = &text[at.saturating_sub(most)..at];
    head.iter().rposition(|byte| *byte == b'\n').map_or(head, |end| &head[end + 1..])
}

/// Whether `text[at..]` begins with `word`.
pub(super) fn starts(text: &[u8], at: usize, word: &[u8]) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(word))
}

/// `range` of `text`, lower case.
pub(super) fn lower(text: &[u8], range: Range<usize>) -> Vec<u8> {
    text[range].to_ascii_lowercase()
}

/// A byte of a host's or an account's name: letters, digits, hyphens, underscores.
pub(super) const fn name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// A hexadecimal digit.
pub(super) const fn hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}
