//! Passwords on command lines: `curl -u user:password`, `mysql -ppassword`.
//!
//! Invariant: at most [`REACH`] bytes of the command are looked at.

use std::ops::Range;

use super::bytes::{ALNUM, BASE64_URL, DIGIT, DOT, EQUALS, LETTER, PLUS, QUOTE, SLASH, SPACE, TILDE, count, is, span};
use super::placeholder::{is_placeholder, is_reference};
use super::random::surprise;
use super::{Hit, Kind, Rule};

pub(super) static COMMAND_PASSWORD: Rule =
    Rule { name: "command-password", kind: Kind::Secret, description: "A password among the arguments of a command" };

pub(super) static BEARER: Rule =
    Rule { name: "bearer-token", kind: Kind::Secret, description: "What is borne in an Authorization header" };

/// How much of a command is looked at, in bytes.
const REACH: usize = 400;

/// Looks at the arguments of the command whose name stands at `place`.
pub(super) fn find(text: &[u8], place: Range<usize>, hits: &mut Vec<Hit>) {
    let rest = &text[place.end..text.len().min(place.end + REACH)];
    let line = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    let of_curl = text[place.start] == b'c';
    let options: &[&[u8]] = match text[place.start] {
        b'c' => &[b"-u ", b"-u", b"--user ", b"--user=", b"-U ", b"--proxy-user "],
        b'm' => &[b" -p"],
        _ => &[b" -p "],
    };
    for option in options {
        let Some(at) = rest[..line].windows(option.len()).position(|window| window == *option) else { continue };
        let start = at + option.len() + usize::from(rest.get(at + option.len()).is_some_and(|&byte| is(byte, QUOTE)));
        let length =
            rest[start..line].iter().position(|&byte| is(byte, SPACE | QUOTE) || byte == b'\\').unwrap_or(line - start);
        if let Some(password) = password(&rest[start..start + length], of_curl) {
            let base = place.end + start;
            hits.push(Hit { rule: &COMMAND_PASSWORD, span: base + password.start..base + password.end });
            return;
        }
    }
}

/// Looks at the password of a user of a database, as in `IDENTIFIED BY 'password'`.
pub(super) fn identified(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let rest = &text[at..text.len().min(at + REACH)];
    let line = &rest[..rest.iter().position(|&byte| matches!(byte, b'\n' | b';')).unwrap_or(rest.len())];
    let Some(by) = line.windows(4).position(|four| four.eq_ignore_ascii_case(b"by '")) else { return };
    let start = by + 4;
    let Some(length) = line[start..].iter().position(|&byte| byte == b'\'') else { return };
    let value = &line[start..start + length];
    if length >= 4 && !is_reference(value) && !is_placeholder(value) {
        hits.push(Hit { rule: &COMMAND_PASSWORD, span: at + start..at + start + length });
    }
}

/// Looks at what is borne, as in `Authorization: Bearer`.
pub(super) fn bearer(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let length = span(text, at, BASE64_URL | DOT | TILDE | PLUS | SLASH | EQUALS, 400);
    let value = &text[at..at + length];
    let fits = length >= 10 && count(value, LETTER) > 0 && !is_placeholder(value) && !is_reference(value);
    let least = if count(value, DIGIT) > 0 { -(length as i32) / 2 } else { length as i32 / 2 };
    if fits && surprise(value) > least {
        hits.push(Hit { rule: &BEARER, span: at..at + length });
    }
}

fn password(argument: &[u8], of_curl: bool) -> Option<Range<usize>> {
    let start = if of_curl { argument.iter().position(|&byte| byte == b':')? + 1 } else { 0 };
    let value = &argument[start..];
    let fits = value.len() >= 3
        && count(value, ALNUM) >= 3
        && (of_curl || count(value, LETTER) < value.len() || value.len() > 5);
    (fits && !is_reference(value) && !is_placeholder(value)).then_some(start..argument.len())
}
