//! Values that a name beside them makes secret: `password = "x"`, `"db_pass": "x"`, `<password>x</password>`.
//!
//! Invariant: decided from at most [`REACH`] bytes on each side of the name.

mod chosen;
mod signs;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::super::identity::mask;
use super::bytes::{COLON, DIGIT, DOT, LETTER, LOWER, QUOTE, SPACE, TOKEN, UPPER, WORD, count, is, is_at, span};
use super::bytes::{span_before, union};
use super::context::names_issuer;
use super::names::{Class, classify};
use super::placeholder::{is_label, is_number, is_reference, is_telling, is_type, is_worn};
use super::random::surprise;
use super::{Hit, Kind, Rule};
use chosen::{has_turning_case, is_chosen, is_literal, is_phrase, is_scrambled};
use signs::{Sign, signs_after};

pub(super) static PASSWORD: Rule = Rule {
    name: "password",
    kind: Kind::Secret,
    description: "A value that a name beside it calls a password or a passphrase",
};
pub(super) static SECRET: Rule =
    Rule { name: "secret", kind: Kind::Secret, description: "A value that a name beside it calls a secret" };

/// How far from the name a value may end, in bytes.
pub(super) const REACH: usize = 320;

/// Looks at the name around `anchor`, whose value may be of any kind.
pub(super) fn find(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    // What may follow `pass` in a name or after it; most words with these letters end the look here.
    let next = text.get(anchor.end).copied().unwrap_or(b' ');
    if is(next, LOWER) && !matches!(next, b'w' | b'p' | b'c' | b's' | b'e' | b'k' | b'i' | b'o' | b'd' | b'r') {
        return;
    }
    look(text, anchor, false, hits);
}

/// Looks at the name of a key or a token around `anchor`. Where its value is one run of letters and digits it is judged
/// where runs are: here only values that hold signs.
pub(super) fn find_key(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let plural = text.get(anchor.end) == Some(&b's') && text[anchor.end - 1] == b'l';
    if is_at(text, anchor.end, LOWER) && !plural {
        return;
    }
    look(text, anchor, true, hits);
}

fn look(text: &[u8], anchor: Range<usize>, key: bool, hits: &mut Vec<Hit>) {
    let name = name_around(text, &anchor);
    // `hidden-7`, which redaction wrote, names no value.
    if mask(&text[name.clone()]) {
        return;
    }
    let class = classify(&text[name.clone()]);
    if class < Class::Key {
        return;
    }
    let fits = |value: &Value| value.is_secret(text, class) && (!key || value.has_signs(text));
    let found = Value::after(text, &name).filter(|value| fits(value));
    if let Some(value) = found.or_else(|| Value::compared(text, &name).filter(|value| fits(value))) {
        let rule = if class == Class::Password { &PASSWORD } else { &SECRET };
        hits.push(Hit { rule, span: value.span });
    }
}

/// The whole name that an anchor is part of.
fn name_around(text: &[u8], anchor: &Range<usize>) -> Range<usize> {
    let start = anchor.start - span_before(text, anchor.start, WORD | DOT, 64);
    let escaped = start > 0 && text[start - 1] == b'\\' && matches!(text[start], b'n' | b't' | b'r');
    start + usize::from(escaped)..anchor.end + span(text, anchor.end, WORD, 40)
}

/// How a value stands after its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// In quotes.
    Quoted,
    /// Bare, after a sign of assignment.
    Bare,
    /// Between tags.
    Tagged,
    /// On a line of its own, after a sign of YAML.
    Block,
    /// Bare, after a blank only, as in command lines and `.netrc`.
    Spaced,
    /// Bare, in prose.
    Said,
}

struct Value {
    span: Range<usize>,
    style: Style,
    name: Range<usize>,
    /// Whether nothing but a blank stands between name and value.
    after_blank: bool,
    /// Whether the value is in quotes.
    quoted: bool,
}

impl Value {
    /// The value after a name.
    fn after(text: &[u8], name: &Range<usize>) -> Option<Value> {
        let (sign, operator) = signs_after(text, name)?;
        let gap = skip(text, operator, b" \t");
        let (style, start) = match sign {
            Sign::Tag => (Style::Tagged, skip(text, operator, b" \t\r\n")),
            Sign::Block => (Style::Block, skip(text, operator, b" \t")),
            Sign::Assign => (Style::Bare, gap),
            Sign::Said => (Style::Said, gap),
            Sign::Blank if gap > name.end => (Style::Spaced, gap),
            Sign::Blank => return None,
        };
        let within = text[..name.start].ends_with(b"${");
        let (span, read) = read(text, start, style, within)?;
        let span = past_number(text, span, style);
        let value = Value {
            span,
            style: read,
            name: name.clone(),
            after_blank: style == Style::Spaced,
            quoted: read == Style::Quoted,
        };
        (value.span.end - name.end <= REACH).then_some(value)
    }

    /// The value in quotes that a name is compared with and that stands before it, as in `"x" == password` and
    /// `"x".equals(password)`.
    fn compared(text: &[u8], name: &Range<usize>) -> Option<Value> {
        let back = |from: usize, set: &[u8]| {
            let before = text[..from].iter().rev().take(24);
            from - before.take_while(|byte| set.contains(byte)).count()
        };
        let signs_end = back(name.start, b" \t");
        let signs = back(signs_end, b"=!");
        let calls: [&[u8]; 4] = [b".equals(", b".Equals(", b".equalsIgnoreCase(", b".compareTo("];
        let call = calls.iter().find(|call| text[..name.start].ends_with(call)).map(|call| name.start - call.len());
        let end = call.unwrap_or_else(|| back(signs, b" \t"));
        let quote = *text.get(end.checked_sub(1)?)?;
        if call.is_none() && !(2..=3).contains(&(signs_end - signs)) || !is(quote, QUOTE) {
            return None;
        }
        let floor = end.saturating_sub(REACH);
        let length = text[floor..end - 1].iter().rev().position(|&byte| byte == quote || byte == b'\n')?;
        let span = end - 1 - length..end - 1;
        let opens = text[span.start - 1] == quote;
        let name = name.clone();
        opens.then_some(Value { span, style: Style::Quoted, name, after_blank: false, quoted: true })
    }

    fn is_secret(&self, text: &[u8], class: Class) -> bool {
        let value = &text[self.span.clone()];
        if self.quoted && !self.after_blank && is_scrambled(value) {
            return !is_telling(value);
        }
        if class < Class::Secret || value.len() < 4 || value.len() > 256 {
            return false;
        }
        if is_reference(value) || self.is_stand_in(text, value) || self.is_variable(text, value) {
            return false;
        }
        let stray = b",;:)".contains(&value[0]) || value.ends_with(b":") || value.ends_with(b"=\\");
        if stray || value.iter().any(|&byte| byte < b' ') {
            return false;
        }
        if value.contains(&b' ') {
            return self.style == Style::Quoted && !self.after_blank && is_phrase(value);
        }
        if self.is_joined(text) {
            return value.len() >= 4 && !is_number(value);
        }
        match self.style {
            Style::Quoted if self.after_blank => self.is_argument(text) && is_chosen(value, class),
            Style::Quoted => is_chosen(value, class),
            Style::Tagged => is_chosen(value, class) && self.is_closed(text),
            Style::Bare => is_chosen(value, class) && is_literal(value, text, self),
            Style::Block | Style::Said => is_chosen(value, class) && self.is_mixed(text),
            Style::Spaced => {
                is_chosen(value, class)
                    && (self.is_argument(text) && is_literal(value, text, self) || self.is_directive(text))
            }
        }
    }

    /// Whether a value is a variable of a program or of SQL by its sign: the sign and the name itself.
    fn is_variable(&self, text: &[u8], value: &[u8]) -> bool {
        let name = &text[self.name.clone()];
        let rest = value.strip_prefix(b"@").or_else(|| value.strip_prefix(b":")).unwrap_or(value);
        rest.eq_ignore_ascii_case(name) && !self.is_joined(text)
    }

    /// Whether the tag that a value stands in ends right after it.
    fn is_closed(&self, text: &[u8]) -> bool {
        let end = skip(text, self.span.end, b" \t\r\n");
        text[end..].starts_with(b"</") || text[end..].starts_with(b"<\\/")
    }

    /// Whether a value is none that is judged where runs are: it holds signs, or is too short for a run, or letters alone.
    fn has_signs(&self, text: &[u8]) -> bool {
        let value = &text[self.span.clone()];
        let signs = value.len() - count(value, TOKEN | DOT | COLON);
        // Keys of issuers hold letters, digits and no sign that no run does: one such sign was put in by hand.
        let issued = names_issuer(&text[self.name.start.saturating_sub(32)..self.name.end]);
        let drawn =
            || !issued && value.len() >= 12 && count(value, DIGIT) >= 2 && surprise(value) > -(value.len() as i32);
        let turns = || count(value, DIGIT) == 0 && value.split(|byte| b"_-".contains(byte)).any(has_turning_case);
        let changes = || value.windows(2).filter(|two| is(two[0], DIGIT) != is(two[1], DIGIT)).count();
        let short = || (8..12).contains(&value.len()) && changes() >= 3 && surprise(value) > 0;
        signs > 0 && (value.len() >= 16 && signs >= 4 || drawn()) || turns() || short()
    }

    /// Whether a value holds what words do not: a digit or a sign beside letters.
    fn is_mixed(&self, text: &[u8]) -> bool {
        let value = &text[self.span.clone()];
        let (letters, digits) = (count(value, LETTER), count(value, DIGIT));
        let plain = count(value, WORD | DOT);
        let cases = union(value) & LOWER != 0 && union(value) & UPPER != 0;
        let odd = plain < value.len() || cases && digits > 0;
        value.len() >= 6
            && letters >= 3
            && if self.style == Style::Said { digits > 0 && odd } else { digits > 0 || odd }
    }

    /// Whether a value stands for one. In a connection string even the word `secret` is a password.
    fn is_stand_in(&self, text: &[u8], value: &[u8]) -> bool {
        is_type(value) || is_telling(value) || is_worn(value) || is_label(value) && !self.is_joined(text)
    }

    /// Whether a value stands in a connection string: between `=` and `;`.
    fn is_joined(&self, text: &[u8]) -> bool {
        let ends = text.get(self.span.end) == Some(&b';');
        self.style == Style::Bare && ends && self.span.start == self.name.end + 1 && text[self.name.end] == b'='
    }

    /// Whether a value after a blank is an argument: after an option, or beside a user in `.netrc`.
    fn is_argument(&self, text: &[u8]) -> bool {
        let name_start = self.name.end - span_before(text, self.name.end, WORD, 64);
        let before = &text[name_start.saturating_sub(100)..name_start];
        let name = &text[name_start..self.name.end];
        // As in `.netrc` and in SQL.
        let users: [&[u8]; 6] = [b"login ", b"machine ", b"user ", b"USER ", b"ROLE ", b"LOGIN "];
        let user = users.iter().any(|word| before.windows(word.len()).any(|window| window == *word));
        self.quoted && !name.eq_ignore_ascii_case(b"pass")
            || name.starts_with(b"-")
            || user && matches!(name, b"password" | b"passwd" | b"PASSWORD")
    }

    /// Whether name and value are a whole line of a file of settings, or follow a word that gives values to names.
    fn is_directive(&self, text: &[u8]) -> bool {
        let floor = self.name.start.saturating_sub(32);
        let before = &text[floor..self.name.start];
        let line = before.iter().rposition(|&byte| byte == b'\n').map_or(before, |feed| &before[feed + 1..]);
        let words = line.trim_ascii();
        let gives = [&b"ENV"[..], b"setx", b"#define", b"set", b"setenv"].contains(&words);
        let ends = text.get(self.span.end).is_none_or(|byte| b"\r\n".contains(byte));
        let name = &text[self.name.clone()];
        // `password` alone begins sentences, too; names that are put together of words do not.
        let alone = is_label(name) || name.contains(&b'.');
        let value = &text[self.span.clone()];
        let numbered = self.span.start > self.name.end + 2 && is_at(text, self.span.start - 2, DIGIT);
        numbered && self.is_mixed(text)
            || ends && gives && count(value, LETTER | DIGIT) >= 4
            || ends && words.is_empty() && (!alone || self.is_mixed(text))
    }
}

/// Past the number that says in routers' settings how a password is kept, as in `password 7 0123`.
fn past_number(text: &[u8], span: Range<usize>, style: Style) -> Range<usize> {
    let next = skip(text, span.end, b" ");
    if style != Style::Spaced || span.len() != 1 || !is_at(text, span.start, DIGIT) || next != span.end + 1 {
        return span;
    }
    let length = text[next..].iter().take(REACH / 2).take_while(|&&byte| !is(byte, SPACE)).count();
    next..next + length
}

fn skip(text: &[u8], from: usize, set: &[u8]) -> usize {
    let rest = &text[from.min(text.len())..];
    from + rest.iter().take(24).take_while(|byte| set.contains(byte)).count()
}

/// The value that begins at `start`, and how it stands there; `within` braces it ends where they do.
fn read(text: &[u8], start: usize, style: Style, within: bool) -> Option<(Range<usize>, Style)> {
    let prefix = usize::from(
        matches!(text.get(start), Some(b'b' | b'r' | b'f' | b'L' | b'u' | b'@')) && is_at(text, start + 1, QUOTE),
    );
    let prefix = if prefix == 0 { constructor(text, start) } else { prefix };
    let slashes = skip(text, start + prefix, b"\\(") - start;
    let quote = *text.get(start + slashes)?;
    if is(quote, QUOTE) && style != Style::Tagged {
        let from = start + slashes + 1;
        let escaped = text[start + slashes - usize::from(slashes > 0)] == b'\\';
        let rest = &text[from..text.len().min(from + REACH)];
        let end = closing(rest, quote, escaped)?;
        return Some((from..from + end, Style::Quoted));
    }
    let rest = &text[start..text.len().min(start + REACH)];
    let stops: &[u8] = match style {
        Style::Bare if within => b" \t\r\n\"'`<>,;&}",
        Style::Tagged => b"<\n",
        Style::Block => b"\r\n",
        _ => b" \t\r\n\"'`<>,;&",
    };
    let end = rest.iter().position(|byte| stops.contains(byte)).unwrap_or(rest.len());
    let end = rest[..end].windows(2).position(|two| matches!(two, b"\\n" | b"\\r" | b"\\\"")).unwrap_or(end);
    let end = if style == Style::Bare { inside(&rest[..end]) } else { end };
    let end = end - rest[..end].iter().rev().take_while(|byte| b"\\ \t\r".contains(byte)).count();
    let end = if style == Style::Said { end - usize::from(rest[..end].ends_with(b".")) } else { end };
    Some((start..start + end, style))
}

/// How much of a bare value lies before a bracket that closes what was opened before the value.
fn inside(value: &[u8]) -> usize {
    let open = match value.last() {
        Some(b')') => b'(',
        Some(b']') => b'[',
        Some(b'}') => b'{',
        _ => return value.len(),
    };
    if value.contains(&open) { value.len() } else { value.len() - 1 }
}

/// How long the call is that makes a value of a text in quotes, as in `String::from("x")`; 0 where there is none.
fn constructor(text: &[u8], start: usize) -> usize {
    const CALLS: [&[u8]; 12] = [
        b"String::from",
        b"new String",
        b"String",
        b"Some",
        b"str",
        b"bytes",
        b"std::string",
        b"SecretStr",
        b"SecretString::from",
        b"SecretString::new",
        b"Secret::new",
        b"PASSWORD",
    ];
    let rest = &text[start..];
    let call = CALLS.iter().find(|call| rest.starts_with(call) && rest.get(call.len()) == Some(&b'('));
    call.map(|call| call.len() + 1).filter(|length| is_at(rest, *length, QUOTE)).unwrap_or(0)
}

fn closing(rest: &[u8], quote: u8, escaped: bool) -> Option<usize> {
    let mut at = 0;
    while at < rest.len() {
        match rest[at] {
            b'\n' => return None,
            b'\\' if escaped && rest.get(at + 1) == Some(&quote) => return Some(at),
            b'\\' => at += 1,
            byte if byte == quote => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}
