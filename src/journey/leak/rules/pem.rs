//! Private keys in PEM and in PuTTY's format.
//!
//! Invariant: told from the head and the first line of the body, so that the rest may lie in another chunk.

use super::bytes::{BASE64, BASE64_PADDED, HEX, QUOTE, SPACE, count, distinct, is, position_ignoring_case, union};
use super::random::surprise;
use super::{Hit, Kind, Rule, STANDS_IN};

pub(super) static PRIVATE_KEY: Rule = Rule {
    name: "private-key",
    kind: Kind::Secret,
    description: "A private key: PEM of any kind, OpenSSH, PGP, PuTTY, encrypted or not",
};

/// How much of a key's text a hit spans at most, in bytes.
const LONGEST: usize = 16 << 10;

/// Looks at a head that begins at `at`.
pub(super) fn find(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let head = &text[at..text.len().min(at + 80)];
    let end = if head.starts_with(b"-----") { after_label(head) } else { putty(head) };
    let Some(end) = end else { return shown(text, at, hits) };
    let whole = &text[at..text.len().min(at + LONGEST)];
    let length = length(whole);
    if has_body(text, at + end) {
        let rule = if is_said_to_be_none(text, at) { &STANDS_IN } else { &PRIVATE_KEY };
        hits.push(Hit { rule, span: at..at + length });
    }
}

/// Whether the name that a key is given to says that it is made up.
fn is_said_to_be_none(text: &[u8], at: usize) -> bool {
    let before = &text[at.saturating_sub(64)..at];
    let line = before.iter().rposition(|&byte| byte == b'\n').map_or(before, |feed| &before[feed + 1..]);
    let made_up: [&[u8]; 5] = [b"fake", b"example", b"dummy", b"mock", b"sample"];
    line.len() > 3 && made_up.iter().any(|word| position_ignoring_case(line, word).is_some())
}

/// How long a key is that a text begins with: to the end of its last line, or to the end of the text.
fn length(text: &[u8]) -> usize {
    let last = text.windows(9).position(|window| window == b"-----END ");
    let after = last.map_or(text.len(), |last| last + 9);
    let label = &text[after..text.len().min(after + 60)];
    let dashes = label.windows(5).position(|window| window == b"-----");
    after + dashes.map_or(0, |dashes| dashes + 5)
}

/// What is under a head that names no private key, a certificate or a public key, is made to be seen: as far as base64
/// goes, no line of it is told.
fn shown(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let head = &text[at..text.len().min(at + 80)];
    let label = head.get(11..).and_then(|label| label.windows(5).position(|window| window == b"-----"));
    let Some(from) = label.map(|label| at + 11 + label + 5) else { return };
    let body = &text[from..text.len().min(from + LONGEST)];
    let length =
        body.iter().take_while(|&&byte| is(byte, BASE64_PADDED | SPACE | QUOTE) || b"\\,".contains(&byte)).count();
    // Where it ends otherwise, something else has begun in between.
    if length > 0 && (body.len() == length || body[length..].starts_with(b"-----END")) {
        hits.push(Hit { rule: &STANDS_IN, span: at..from + length });
    }
}

/// Where a head that names a private key ends.
fn after_label(head: &[u8]) -> Option<usize> {
    let label = head.get(11..)?;
    let end = label.windows(5).position(|window| window == b"-----")?;
    let secret = label[..end].windows(11).any(|window| window == b"PRIVATE KEY");
    secret.then_some(11 + end + 5)
}

fn putty(head: &[u8]) -> Option<usize> {
    let line = head.iter().position(|&byte| byte == b'\n').unwrap_or(head.len());
    head.starts_with(b"PuTTY-User-Key-File-").then_some(line)
}

/// How far after a head its body may begin, in bytes: what a program or a list has between its lines included.
const NEAR: usize = 320;
/// The shortest body of any kind of key, in bytes of base64: 256 bits in the plainest wrapping take 64.
const BODY: usize = 48;

/// Whether a body follows: base64 after blanks, escapes and header lines; nothing at all counts, the text may be cut.
fn has_body(text: &[u8], from: usize) -> bool {
    let at = skip(text, from);
    if at >= text.len() {
        return true;
    }
    let rest = &text[at..text.len().min(at + NEAR)];
    let end = rest.windows(8).position(|window| window == b"-----END");
    let near = &rest[..end.unwrap_or(rest.len())];
    if end.is_some() && count(near, BASE64) < BODY {
        return false;
    }
    let mut pieces = near.split(|&byte| !is(byte, BASE64_PADDED)).filter(|piece| piece.len() >= 16);
    pieces.any(is_drawn)
}

/// Whether a piece of base64 is of a key: not hexadecimal digits alone, no name of a program, not worn.
fn is_drawn(piece: &[u8]) -> bool {
    let shown = &piece[..piece.len().min(200)];
    distinct(shown) >= 8 && union(shown) & !HEX != 0 && (shown.len() >= 40 || surprise(shown) > 0)
}

/// Past blanks, quotes, escapes of line feeds, and signs that join lines.
fn skip(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < text.len() && at < from + 120 {
        let byte = text[at];
        if byte == b'\\' && matches!(text.get(at + 1), Some(b'n' | b'r' | b't' | b'\\')) {
            at += 2;
        } else if is(byte, SPACE) || b"\"'`,+\\>|*#;.".contains(&byte) {
            at += 1;
        } else {
            break;
        }
    }
    at
}
