//! Private keys as JSON objects (RFC 7517): `"kty"` says what the object is, and a member of it holds the secret part.
//!
//! Invariant: at most [`REACH`] bytes on each side of the key's type are looked at, and no further than its braces.

use super::bytes::{BASE64_URL, QUOTE, is_at, span};
use super::placeholder::{is_telling, is_worn};
use super::{Hit, Kind, Rule};

pub(super) static JSON_WEB_KEY: Rule =
    Rule { name: "json-web-key", kind: Kind::Secret, description: "The secret part of a JSON web key" };

/// How far from the key's type its members are looked for, in bytes: a key of 4096 bits takes about as much.
const REACH: usize = 2048;
/// The shortest secret part: 128 bits.
const SHORTEST: usize = 22;

/// Looks at the object whose member `kty` has the end of its name at `at`.
pub(super) fn find(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let floor = at.saturating_sub(REACH);
    let from = text[floor..at].iter().rposition(|&byte| byte == b'{').map_or(floor, |open| floor + open);
    let rest = &text[at..text.len().min(at + REACH)];
    let to = at + rest.iter().position(|&byte| byte == b'}').unwrap_or(rest.len());
    let symmetric = member(text, at, to).is_some_and(|kind| text[kind.clone()] == *b"oct");
    let wanted: u8 = if symmetric { b'k' } else { b'd' };
    for name in memchr::memchr_iter(wanted, &text[from..to]).map(|name| from + name) {
        let named = name > from && is_at(text, name - 1, QUOTE) && is_at(text, name + 1, QUOTE);
        if named && let Some(value) = member(text, name + 1, to) {
            let part = &text[value.clone()];
            if part.len() >= SHORTEST && !is_worn(part) && !is_telling(part) {
                hits.push(Hit { rule: &JSON_WEB_KEY, span: value });
            }
            return;
        }
    }
}

/// The text in quotes after a name whose closing quote stands at `at`.
fn member(text: &[u8], at: usize, to: usize) -> Option<std::ops::Range<usize>> {
    let signs = text[at..to].iter().take(16).take_while(|byte| b"\"'\\ :\t\r\n".contains(byte)).count();
    let start = at + signs;
    let length = span(text, start, BASE64_URL, to - start);
    (signs >= 3 && length > 0).then_some(start..start + length)
}
