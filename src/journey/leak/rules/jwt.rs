//! JSON web tokens: three parts in base64 with dots between, or five where it is encrypted; the first one is a header.
//!
//! Invariant: nothing is decoded but the first few hundred bytes of what begins like a header.

use std::ops::Range;

use super::bytes::{BASE64_PADDED, BASE64_URL, EQUALS, is_at, span};
use super::pem::PRIVATE_KEY;
use super::{Kind, Rule};

pub(super) static JWT: Rule =
    Rule { name: "json-web-token", kind: Kind::Secret, description: "A JSON web token, signed or encrypted" };

/// What a token begins with: the base64 of `{`, and of a blank or a name's quote.
pub(super) const BEGINS: &[u8; 2] = b"ey";
/// What a key begins with that was put into base64 as a whole: the base64 of dashes.
pub(super) const WRAPPED: &[u8; 14] = b"LS0tLS1CRUdJTi";

/// The token that begins at `at`, if one does.
#[inline]
pub(super) fn at(text: &[u8], at: usize) -> Option<(&'static Rule, Range<usize>)> {
    if !text[at..].starts_with(BEGINS) {
        return None;
    }
    let header = span(text, at, BASE64_URL | EQUALS, 2048);
    let payload_at = at + header + 1;
    if header < 12 || !matches!(text.get(at + header), Some(b'.')) {
        return None;
    }
    let payload = span(text, payload_at, BASE64_URL | EQUALS, 1 << 16);
    let mut end = payload_at + payload;
    // A header may hold any of the names that are registered, and more; a payload that is an object says enough.
    let object = text[payload_at..].starts_with(BEGINS);
    if payload < 8 || !is_header(&text[at..at + header], object) {
        return None;
    }
    if text.get(end) != Some(&b'.') || !is_at(text, end + 1, BASE64_URL) {
        // Not signed, or cut: a payload of its own is told all the same.
        return (payload >= 16 && text[payload_at..].starts_with(b"eyJ")).then_some((&JWT, at..end));
    }
    let signature = span(text, end + 1, BASE64_URL | EQUALS, 1 << 12);
    if signature < 16 && text.get(end + 1 + signature) != Some(&b'.') {
        return None;
    }
    end += 1 + signature;
    // An encrypted token has five parts.
    for _ in 0..2 {
        if text.get(end) == Some(&b'.') && is_at(text, end + 1, BASE64_URL) {
            end += 1 + span(text, end + 1, BASE64_URL | EQUALS, 1 << 16);
        }
    }
    Some((&JWT, at..end))
}

/// A private key in PEM that was put into base64 as a whole, if one begins at `at`.
pub(super) fn wrapped_key(text: &[u8], at: usize) -> Option<(&'static Rule, Range<usize>)> {
    if !text[at..].starts_with(WRAPPED) {
        return None;
    }
    let length = span(text, at, BASE64_PADDED, 1 << 14);
    let mut bytes = [0_u8; 60];
    let decoded = decode(&text[at..at + length.min(80)], &mut bytes);
    let secret = bytes[..decoded].windows(11).any(|window| window == b"PRIVATE KEY");
    (secret && length > 80).then_some((&PRIVATE_KEY, at..at + length))
}

/// Whether the header's text is a JSON object, which names an algorithm or a type unless it is known by its payload.
fn is_header(part: &[u8], known: bool) -> bool {
    let mut bytes = [0_u8; 512];
    let length = decode(part, &mut bytes);
    let text = &bytes[..length];
    let names: &[&[u8]] = &[b"\"alg\"", b"\"typ\"", b"\"enc\"", b"\"kid\""];
    let whole = length == bytes.len() || text.trim_ascii_end().ends_with(b"}");
    let named = || names.iter().any(|name| text.windows(name.len()).any(|window| window == *name));
    text.first() == Some(&b'{') && whole && (known && text.contains(&b':') || named())
}

/// Decodes the beginning of base64 of either alphabet into `out`; how many bytes it came to.
pub(super) fn decode(part: &[u8], out: &mut [u8]) -> usize {
    let (mut bits, mut held, mut length) = (0_u32, 0, 0);
    for &byte in part {
        let Some(value) = value(byte) else { break };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            if length == out.len() {
                break;
            }
            out[length] = (bits >> held) as u8;
            length += 1;
        }
    }
    length
}

fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
