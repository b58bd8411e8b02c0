//! Passwords on command lines: `curl -u user:password`, `mysql -ppassword`.
//!
//! Invariant: at most [`REACH`] bytes of the command are looked at.

use std::ops::Range;

use super::bytes::{
    ALNUM, BASE64_URL, DIGIT, DOT, EQUALS, LETTER, LOWER_HEX, PLUS, QUOTE, SLASH, SPACE, TILDE, WORD, count, is,
    position_ignoring_case, span,
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
    // A command goes on after a backslash at the end of a line.
    let ends = |at: &usize| rest[*at] == b'\n' && !rest[..*at].trim_ascii_end().ends_with(b"\\");
    let line = memchr::memchr_iter(b'\n', rest).find(ends).unwrap_or(rest.len());
    let of_curl = text[place.start] == b'c';
    if text[place.start] == b'm' {
        opened(text, place.end, hits);
    }
    let options: &[&[u8]] = match &text[place.start..place.start + 2] {
        b"cu" => &[b"-u ", b"-u", b"--user ", b"--user=", b"-U ", b"--proxy-user "],
        b"my" => &[b" -p"],
        b"ed" => &[b" -a ", b"-a "],
        b"pa" => &[b" -p ", b" -p"],
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
    let by = |three: &[u8]| three.eq_ignore_ascii_case(b"by ");
    let Some(by) = line.windows(4).position(|four| by(&four[..3]) && is(four[3], QUOTE)) else { return };
    let start = by + 4;
    let Some(length) = line[start..].iter().position(|&byte| byte == line[by + 3]) else { return };
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
    let signs = text[name..].iter().take(24).take_while(|byte| b" \t\r\n=:'\"`>|.,".contains(byte)).count();
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
    let line = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    // A call of the password's own may stand among the arguments.
    let end = rest[..line].windows(2).position(|two| two[0] == b')' && two != b"),").map_or(line, |end| end + 1);
    let quoted = in_quotes(&rest[..end]);
    let Some(last) = quoted.last().filter(|_| (2..=4).contains(&quoted.len())) else { return };
    let value = &rest[last.clone()];
    if is_spelled(value) && (quoted.len() > 2 || !is_placeholder(value)) {
        hits.push(Hit { rule: &COMMAND_PASSWORD, span: at + last.start..at + last.end });
    }
}

/// Looks at the call that opens a database whose name ends at `at`: its third argument, after the host and the user.
fn opened(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let rest = &text[at..text.len().min(at + REACH)];
    let end = rest.iter().position(|byte| b")\n".contains(byte)).unwrap_or(rest.len());
    let calls: [&[u8]; 4] = [b"i(", b"_connect(", b"i_connect(", b"_pconnect("];
    // Within an address of a database the first text in quotes has begun before.
    let open = if rest.starts_with(b":host=") {
        rest[..end].iter().position(|byte| b"\"'".contains(byte)).map_or(end, |quote| quote + 1)
    } else if calls.iter().any(|call| rest.starts_with(call)) {
        rest[..end].iter().position(|&byte| byte == b',').unwrap_or(end)
    } else {
        return;
    };
    let second = in_quotes(&rest[open..end]).into_iter().nth(1);
    let Some(third) = second.map(|span| open + span.start..open + span.end) else { return };
    let value = &rest[third.clone()];
    if is_spelled(value) && !is_placeholder(value) {
        hits.push(Hit { rule: &COMMAND_PASSWORD, span: at + third.start..at + third.end });
    }
}

/// Looks at a line of a list of passwords, whose database and user stand between the port and the password.
pub(super) fn listed(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let rest = &text[at..text.len().min(at + REACH)];
    let line = &rest[..rest.iter().position(|byte| byte.is_ascii_whitespace()).unwrap_or(rest.len())];
    let mut fields = line.splitn(3, |&byte| byte == b':');
    let (Some(database), Some(user), Some(value)) = (fields.next(), fields.next(), fields.next()) else { return };
    let named = |field: &[u8]| !field.is_empty() && count(field, WORD | DOT) + 1 >= field.len();
    if named(database) && named(user) && is_spelled(value) && !is_placeholder(value) {
        let start = at + database.len() + user.len() + 2;
        hits.push(Hit { rule: &COMMAND_PASSWORD, span: start..start + value.len() });
    }
}

/// Looks at the text in quotes that a command is given in plain: `ConvertTo-SecureString "x" -AsPlainText`.
pub(super) fn secured(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let rest = &text[at..text.len().min(at + REACH)];
    let line = &rest[..rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())];
    let plain = position_ignoring_case(line, b"-asplaintext").is_some() || line.starts_with(b"-String ");
    let Some(first) = in_quotes(line).into_iter().next().filter(|_| plain) else { return };
    let value = &line[first.clone()];
    if is_spelled(value) && !is_placeholder(value) {
        hits.push(Hit { rule: &COMMAND_PASSWORD, span: at + first.start..at + first.end });
    }
}

/// The texts in quotes of either kind, in order.
fn in_quotes(line: &[u8]) -> Vec<Range<usize>> {
    let (mut from, mut quoted) = (0, Vec::new());
    while let Some(open) = line[from..].iter().position(|byte| b"\"'".contains(byte)).map(|open| from + open) {
        let Some(length) = line[open + 1..].iter().position(|&byte| byte == line[open]) else { break };
        quoted.push(open + 1..open + 1 + length);
        from = open + length + 2;
    }
    quoted
}

fn is_spelled(value: &[u8]) -> bool {
    value.len() >= 4 && !value.contains(&b' ') && !is_reference(value)
}

fn password(argument: &[u8], of_curl: bool) -> Option<Range<usize>> {
    let colon = argument.iter().position(|&byte| byte == b':');
    // A key may stand where the user does, with nothing after it.
    if of_curl && colon == Some(argument.len().saturating_sub(1)) {
        let user = &argument[..argument.len() - 1];
        let drawn = user.len() >= 10 && count(user, DIGIT) >= 2 && surprise(user) > -(user.len() as i32) / 2;
        return (drawn && !is_reference(user) && !is_placeholder(user)).then_some(0..user.len());
    }
    let start = if of_curl { colon? + 1 } else { 0 };
    let start = start + usize::from(argument.get(start).is_some_and(|&byte| is(byte, QUOTE)));
    let value = &argument[start..];
    let bracketed = argument.starts_with(b"<") || value.ends_with(b">");
    let fits = value.len() >= 3
        && !bracketed
        && count(value, ALNUM) >= 3
        && (of_curl || count(value, LETTER) < value.len() || value.len() > 5);
    (fits && !is_reference(value) && !is_placeholder(value)).then_some(start..argument.len())
}
