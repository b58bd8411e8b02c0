//! Credentials in addresses: `scheme://user:password@host`.
//!
//! Invariant: at most [`LONGEST`] bytes on each side of an `@` are looked at.

use std::ops::Range;

use super::bytes::{ALNUM, DASH, DOT, PLUS, QUOTE, SPACE, is, span_before};
use super::placeholder::{is_placeholder, is_reference, is_telling, is_worn};
use super::{Hit, Kind, Rule};

pub(super) static URL_PASSWORD: Rule =
    Rule { name: "url-credentials", kind: Kind::Secret, description: "A password in an address, before the host" };

/// How long user and password may be together, in bytes.
const LONGEST: usize = 400;

/// Looks at the address that may hold the `@` at `at`, with user and password before it.
pub(super) fn find(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let stops = |byte: u8| is(byte, SPACE | QUOTE) || b"#<>\\,)(|".contains(&byte);
    let floor = at.saturating_sub(LONGEST);
    let before = &text[floor..at];
    let begins = before.iter().rposition(|&byte| stops(byte)).map_or(floor, |stop| floor + stop + 1);
    let Some(mark) = text[begins..at].windows(3).position(|three| three == b"://").map(|mark| begins + mark) else {
        return thin(text, begins..at, hits);
    };
    let user = &text[mark + 3..at];
    // A password may hold an `@` itself: the last one before the host counts.
    let host = &text[at + 1..text.len().min(at + 1 + LONGEST)];
    let end = host.iter().position(|&byte| stops(byte) || byte == b'/').unwrap_or(host.len());
    let ends =
        !host[..end].contains(&b'@') && is_host(host) && span_before(text, mark, ALNUM | DOT | DASH | PLUS, 20) >= 2;
    if !ends || user.iter().any(|byte| b"/?".contains(byte)) {
        return;
    }
    let Some(colon) = user.iter().position(|&byte| byte == b':') else { return user_token(mark + 3, user, hits) };
    let shown = is_shown(&user[..colon], &user[colon + 1..], host);
    if !shown && is_secret(&user[colon + 1..], &user[..colon]) {
        hits.push(Hit { rule: &URL_PASSWORD, span: mark + 3 + colon + 1..at });
    }
}

/// Oracle's addresses, with a stroke between user and password: `jdbc:oracle:thin:scott/tiger@host`.
fn thin(text: &[u8], before: Range<usize>, hits: &mut Vec<Hit>) {
    let Some(mark) = text[before.clone()].windows(6).position(|six| six == b":thin:") else { return };
    let user = before.start + mark + 6;
    let Some(stroke) = text[user..before.end].iter().position(|&byte| byte == b'/') else { return };
    let password = user + stroke + 1..before.end;
    if stroke > 0 && is_secret(&text[password.clone()], &text[user..user + stroke]) {
        hits.push(Hit { rule: &URL_PASSWORD, span: password });
    }
}

/// A token in place of a user, as some forges take it.
fn user_token(start: usize, user: &[u8], hits: &mut Vec<Hit>) {
    let digits = user.iter().any(u8::is_ascii_digit);
    if user.len() >= 20 && digits && !is_placeholder(user) && super::random::surprise(user) > 0 {
        hits.push(Hit { rule: &URL_PASSWORD, span: start..start + user.len() });
    }
}

/// Whether user and password are the words for them, and the host is one's own: how addresses are explained.
fn is_shown(user: &[u8], password: &[u8], host: &[u8]) -> bool {
    let words: [&[u8]; 3] = [b"user", b"username", b"myuser"];
    let passwords: [&[u8]; 4] = [b"pass", b"password", b"passwd", b"mypassword"];
    let own: [&[u8]; 5] = [b"localhost", b"127.", b"0.0.0.0", b"host.docker", b"host`"];
    words.iter().any(|word| user.eq_ignore_ascii_case(word))
        && passwords.iter().any(|word| password.eq_ignore_ascii_case(word))
        && own.iter().any(|start| host.starts_with(start))
}

fn is_host(rest: &[u8]) -> bool {
    rest.first().is_some_and(|&byte| is(byte, ALNUM) || b"[${<%{".contains(&byte))
}

fn is_secret(password: &[u8], user: &[u8]) -> bool {
    let same = password.eq_ignore_ascii_case(user) && password.len() < 8;
    password.len() >= 3 && !same && !is_reference(password) && !is_telling(password) && !is_worn(password)
}
