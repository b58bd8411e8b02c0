//! Credentials in addresses: `scheme://user:password@host`.
//!
//! Invariant: at most [`LONGEST`] bytes after the scheme are looked at.

use std::ops::Range;

use super::bytes::{ALNUM, DASH, DOT, PLUS, QUOTE, SPACE, is, span_before};
use super::placeholder::{is_placeholder, is_reference, is_telling, is_worn};
use super::{Hit, Kind, Rule};

pub(super) static URL_PASSWORD: Rule =
    Rule { name: "url-credentials", kind: Kind::Secret, description: "A password in an address, before the host" };

/// How long user and password may be together, in bytes.
const LONGEST: usize = 400;

/// Looks at the address whose `://` stands at `mark`.
pub(super) fn find(text: &[u8], mark: Range<usize>, hits: &mut Vec<Hit>) {
    let rest = &text[mark.end..text.len().min(mark.end + LONGEST)];
    let stops = |byte: u8| is(byte, SPACE | QUOTE) || b"/?#<>\\,)(|".contains(&byte);
    let end = rest.iter().position(|&byte| byte == b'@' || stops(byte)).unwrap_or(rest.len());
    if rest.get(end) != Some(&b'@') || span_before(text, mark.start, ALNUM | DOT | DASH | PLUS, 20) < 2 {
        return;
    }
    // A password may hold an `@` itself: the last one before the host counts.
    let more = rest[end + 1..].iter().position(|&byte| stops(byte)).map_or(rest.len(), |stop| end + 1 + stop);
    let last = rest[..more].iter().rposition(|&byte| byte == b'@').unwrap_or(end);
    let Some(colon) = rest[..last].iter().position(|&byte| byte == b':') else {
        return user_token(mark.end, &rest[..end], hits);
    };
    let password = &rest[colon + 1..last];
    if is_secret(password, &rest[..colon]) && is_host(&rest[last + 1..]) {
        hits.push(Hit { rule: &URL_PASSWORD, span: mark.end + colon + 1..mark.end + last });
    }
}

/// A token in place of a user, as some forges take it.
fn user_token(start: usize, user: &[u8], hits: &mut Vec<Hit>) {
    let digits = user.iter().any(u8::is_ascii_digit);
    if user.len() >= 20 && digits && !is_placeholder(user) && super::random::surprise(user) > 0 {
        hits.push(Hit { rule: &URL_PASSWORD, span: start..start + user.len() });
    }
}

fn is_host(rest: &[u8]) -> bool {
    rest.first().is_some_and(|&byte| is(byte, ALNUM) || b"[${<%{".contains(&byte))
}

fn is_secret(password: &[u8], user: &[u8]) -> bool {
    let same = password.eq_ignore_ascii_case(user) && password.len() < 8;
    password.len() >= 3 && !same && !is_reference(password) && !is_telling(password) && !is_worn(password)
}
