//! Passwords on command lines: `curl -u user:password`, `mysql -ppassword`.
//!
//! Invariant: at most [`REACH`] bytes of the command are looked at.

use std::ops::Range;

use super::bytes::{
    ALNUM, BASE64_URL, DIGIT, DOT, EQUALS, LETTER, LOWER_HEX, PLUS, QUOTE, SLASH, SPACE, TILDE, WORD, count, is, span,
};
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
        // A user may stand before a password that is in quotes of its own.
        let user = rest[start..line].iter().position(|&byte| is(byte, SPACE | QUOTE)).unwrap_or(0);
        let apart = user > 0 && rest[start + user - 1] == b':' && is(rest[start + user], QUOTE);
        let from = if apart { start + user + 1 } else { start };
        let length =
            rest[from..line].iter().position(|&byte| is(byte, SPACE | QUOTE) || byte == b'\\').unwrap_or(line - from);
        let length = from + length - start;
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

/// Looks at the login of a server of gems: two times eight hexadecimal digits with a colon between, after a name.
pub(super) fn gems(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let name = at + span(text, at, WORD, 40);
    let signs = text[name..].iter().take(24).take_while(|byte| b" \t\r\n=:'\"`>|".contains(byte)).count();
    let kind = text[name + signs..].starts_with(b"string") as usize * 6;
    let more = text[name + signs + kind..].iter().take(8).take_while(|byte| b" =\"".contains(byte)).count();
    let start = name + signs + kind + more;
    let user = span(text, start, LOWER_HEX, 9);
    let colon = text.get(start + user) == Some(&b':');
    let password = span(text, start + user + 1, LOWER_HEX, 9);
    if signs > 0 && user == 8 && colon && password == 8 {
        hits.push(Hit { rule: &COMMAND_PASSWORD, span: start..start + 17 });
    }
}

/// Looks at the arguments of a call that takes a user and, as the last one or the one after it, a password, all in
/// quotes: `new NetworkCredential("user", "password")`.
pub(super) fn called(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let rest = &text[at..text.len().min(at + REACH)];
    let end = rest.iter().position(|&byte| byte == b')').unwrap_or(rest.len());
    let (mut from, mut quoted) = (0, Vec::new());
    while let Some(open) = rest[from..end].iter().position(|&byte| byte == b'"').map(|open| from + open + 1) {
        let Some(length) = rest[open..end].iter().position(|&byte| byte == b'"') else { return };
        quoted.push(open..open + length);
        from = open + length + 1;
    }
    let Some(last) = quoted.last().filter(|_| (2..=4).contains(&quoted.len())) else { return };
    let value = &rest[last.clone()];
    let spelled = value.len() >= 4 && !value.contains(&b' ') && !is_reference(value);
    if spelled && (quoted.len() > 2 || !is_placeholder(value)) {
        hits.push(Hit { rule: &COMMAND_PASSWORD, span: at + last.start..at + last.end });
    }
}

fn password(argument: &[u8], of_curl: bool) -> Option<Range<usize>> {
    let start = if of_curl { argument.iter().position(|&byte| byte == b':')? + 1 } else { 0 };
    let start = start + usize::from(argument.get(start).is_some_and(|&byte| is(byte, QUOTE)));
    let value = &argument[start..];
    let bracketed = argument.starts_with(b"<") || value.ends_with(b">");
    let fits = value.len() >= 3
        && !bracketed
        && count(value, ALNUM) >= 3
        && (of_curl || count(value, LETTER) < value.len() || value.len() > 5);
    (fits && !is_reference(value) && !is_placeholder(value)).then_some(start..argument.len())
}
