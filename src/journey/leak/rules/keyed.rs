//! Values that a name beside them makes secret: `password = "x"`, `"db_pass": "x"`, `<password>x</password>`.
//!
//! Invariant: decided from at most [`REACH`] bytes on each side of the name.

use std::ops::Range;

use super::super::identity::mask;
use super::bytes::{
    COLON, DIGIT, DOT, LETTER, LOWER, QUOTE, SLASH, TOKEN, UPPER, WORD, class as class_of, count, is, is_at, span,
    span_before, union,
};
use super::names::{Class, Words, classify};
use super::placeholder::{is_label, is_number, is_reference, is_telling, is_type, is_worn};
use super::random::surprise;
use super::{Hit, Kind, Rule};

pub(super) static PASSWORD: Rule = Rule {
    name: "password",
    kind: Kind::Secret,
    description: "A value that a name beside it calls a password or a passphrase",
};
pub(super) static SECRET: Rule =
    Rule { name: "secret", kind: Kind::Secret, description: "A value that a name beside it calls a secret" };

/// How far from the name a value may end, in bytes.
pub(super) const REACH: usize = 320;

/// Looks at the name around `anchor`.
pub(super) fn find(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    // What may follow `pass` in a name or after it; most words with these letters end the look here.
    let next = text.get(anchor.end).copied().unwrap_or(b' ');
    if is(next, LOWER) && !matches!(next, b'w' | b'p' | b'c' | b's' | b'e' | b'k' | b'i') {
        return;
    }
    let name = name_around(text, &anchor);
    // `hidden-7`, which redaction wrote, names no value.
    if mask(&text[name.clone()]) {
        return;
    }
    let class = classify(&text[name.clone()]);
    if class < Class::Secret {
        return;
    }
    // Keys of letters and digits are judged where runs are: here only those with signs that no run holds.
    let key = text[anchor.end - 1].eq_ignore_ascii_case(&b'y');
    let fits = |value: &Value| value.is_secret(text, class) && (!key || value.has_signs(text));
    let found = Value::after(text, name.end).filter(|value| fits(value));
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
    /// Bare, after a blank only, as in command lines and `.netrc`.
    Spaced,
}

struct Value {
    span: Range<usize>,
    style: Style,
    /// Where the name ends.
    name_end: usize,
    /// Whether nothing but a blank stands between name and value.
    after_blank: bool,
    /// Whether the value is in quotes.
    quoted: bool,
}

impl Value {
    /// The value after a name that ends at `name_end`.
    fn after(text: &[u8], name_end: usize) -> Option<Value> {
        let signs = signs_after(text, name_end);
        let (signs, operator) = (&text[signs.clone()], signs.end);
        let tagged = signs == b">";
        let gap = skip(text, operator, b" \t");
        let start = if tagged { skip(text, operator, b" \t\r\n") } else { gap };
        let style = match (assigns(signs), tagged) {
            (true, true) => Style::Tagged,
            (true, false) => Style::Bare,
            (false, _) if signs.is_empty() && gap > name_end => Style::Spaced,
            _ => return None,
        };
        let value = read(text, start, style)?;
        (value.0.end - name_end <= REACH).then_some(Value {
            span: value.0,
            style: value.1,
            name_end,
            after_blank: style == Style::Spaced,
            quoted: value.1 == Style::Quoted,
        })
    }

    /// The value in quotes that a name is compared with and that stands before it, as in `"x" == password`.
    fn compared(text: &[u8], name: &Range<usize>) -> Option<Value> {
        let back = |from: usize, set: &[u8]| {
            let before = text[..from].iter().rev().take(24);
            from - before.take_while(|byte| set.contains(byte)).count()
        };
        let signs_end = back(name.start, b" \t");
        let signs = back(signs_end, b"=!");
        let end = back(signs, b" \t");
        let quote = *text.get(end.checked_sub(1)?)?;
        if !(2..=3).contains(&(signs_end - signs)) || !is(quote, QUOTE) {
            return None;
        }
        let floor = end.saturating_sub(REACH);
        let length = text[floor..end - 1].iter().rev().position(|&byte| byte == quote || byte == b'\n')?;
        let span = end - 1 - length..end - 1;
        let opens = text[span.start - 1] == quote;
        opens.then_some(Value { span, style: Style::Quoted, name_end: name.end, after_blank: false, quoted: true })
    }

    fn is_secret(&self, text: &[u8], class: Class) -> bool {
        let value = &text[self.span.clone()];
        if value.len() < 4 || value.len() > 256 || is_reference(value) || self.is_stand_in(text, value) {
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
            Style::Quoted | Style::Tagged => is_chosen(value, class),
            Style::Bare => is_chosen(value, class) && is_literal(value, text, self),
            Style::Spaced => self.is_argument(text) && is_chosen(value, class) && is_literal(value, text, self),
        }
    }

    /// Whether a value is long and holds several signs that no run of token bytes does.
    fn has_signs(&self, text: &[u8]) -> bool {
        let value = &text[self.span.clone()];
        value.len() >= 16 && value.len() - count(value, TOKEN | DOT | COLON) >= 4
    }

    /// Whether a value stands for one. In a connection string even the word `secret` is a password.
    fn is_stand_in(&self, text: &[u8], value: &[u8]) -> bool {
        is_type(value) || is_telling(value) || is_worn(value) || is_label(value) && !self.is_joined(text)
    }

    /// Whether a value stands in a connection string: between `=` and `;`.
    fn is_joined(&self, text: &[u8]) -> bool {
        let ends = text.get(self.span.end) == Some(&b';');
        self.style == Style::Bare && ends && self.span.start == self.name_end + 1 && text[self.name_end] == b'='
    }

    /// Whether a value after a blank is an argument: after an option, or beside a user in `.netrc`.
    fn is_argument(&self, text: &[u8]) -> bool {
        let name_start = self.name_end - span_before(text, self.name_end, WORD, 64);
        let before = &text[name_start.saturating_sub(100)..name_start];
        let name = &text[name_start..self.name_end];
        let netrc = [&b"login "[..], b"machine ", b"user "]
            .iter()
            .any(|word| before.windows(word.len()).any(|window| window == *word));
        self.quoted && !name.eq_ignore_ascii_case(b"pass")
            || name.starts_with(b"-")
            || netrc && matches!(name, b"password" | b"passwd")
    }
}

/// The signs between a name and its value.
fn signs_after(text: &[u8], name_end: usize) -> Range<usize> {
    let closing = skip(text, name_end, b"\"'`])\\}*");
    let quoted = text[name_end..closing].iter().any(|&byte| is(byte, QUOTE));
    let at = skip(text, closing, b" \t");
    let operator = skip(text, at, b"=:>?!.+-");
    if text[at..].starts_with(b"||") {
        return at..at + 2;
    }
    if operator > at {
        return at..operator;
    }
    if let Some((start, end)) = valued(text, closing) {
        return start..end;
    }
    if quoted && text.get(at) == Some(&b',') && !is_listed(text, name_end) {
        return at..at + 1;
    }
    let found = typed(text, at).or_else(|| said(text, at));
    found.map_or(at..at, |(start, end)| start..end)
}

/// Whether a name in quotes is an entry of a list, whose next entry is no value of it.
fn is_listed(text: &[u8], name_end: usize) -> bool {
    let open = name_end - span_before(text, name_end, WORD | DOT, 64);
    let Some(quote) = open.checked_sub(1) else { return false };
    let prefix = quote - usize::from(quote > 0 && matches!(text[quote - 1], b'b' | b'u' | b'r'));
    let before = text[..prefix].iter().rev().take(40).find(|&&byte| !byte.is_ascii_whitespace());
    is(text[quote], QUOTE) && matches!(before, Some(b',' | b'['))
}

/// Whether signs give what follows them to what stands before them.
fn assigns(signs: &[u8]) -> bool {
    let gives =
        signs.iter().any(|sign| b"=:>,|".contains(sign)) && !signs.starts_with(b"->") && !signs.starts_with(b"::");
    gives || signs == b"is" || signs.starts_with(b"::=")
}

/// A type between a name and its value, as in `password: str = "x"` and `var password string = "x"`.
fn typed(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let length = span(text, at, WORD, 16);
    let known: &[&[u8]] = &[b"string", b"String", b"str", b"char", b"bytes", b"SecretStr", b"NSString"];
    if !known.contains(&&text[at..at + length]) {
        return None;
    }
    let after = skip(text, at + length, b" \t");
    let operator = skip(text, after, b"=:");
    (length > 0 && operator > after).then_some((after, operator))
}

/// A name as a value and its value after it: `name: DB_PASSWORD`, `value: x`, in YAML, JSON and XML.
fn valued(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let start = skip(text, at, b" \t\r\n,\"'/>");
    let tail = text.get(start..start + 5)?;
    if start == at || !tail.eq_ignore_ascii_case(b"value") {
        return None;
    }
    let after = skip(text, start + 5, b"\"' \t");
    let operator = skip(text, after, b"=:");
    (operator > after).then_some((after, operator))
}

/// In prose: ` is ` within the next words, with a value in quotes after it.
fn said(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..text.len().min(at + 48)];
    let line = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    let verb = if rest[..line].starts_with(b"is ") {
        0
    } else {
        rest[..line].windows(4).position(|four| four == b" is ")? + 1
    };
    is_at(text, at + verb + 3, QUOTE).then_some((at + verb, at + verb + 2))
}

fn skip(text: &[u8], from: usize, set: &[u8]) -> usize {
    let rest = &text[from.min(text.len())..];
    from + rest.iter().take(24).take_while(|byte| set.contains(byte)).count()
}

/// The value that begins at `start`, and how it stands there.
fn read(text: &[u8], start: usize, style: Style) -> Option<(Range<usize>, Style)> {
    let prefix = usize::from(
        matches!(text.get(start), Some(b'b' | b'r' | b'f' | b'L' | b'u' | b'@')) && is_at(text, start + 1, QUOTE),
    );
    let slashes = skip(text, start + prefix, b"\\(") - start;
    let quote = *text.get(start + slashes)?;
    if is(quote, QUOTE) {
        let from = start + slashes + 1;
        let escaped = text[start + slashes - usize::from(slashes > 0)] == b'\\';
        let rest = &text[from..text.len().min(from + REACH)];
        let end = closing(rest, quote, escaped)?;
        return Some((from..from + end, Style::Quoted));
    }
    let rest = &text[start..text.len().min(start + REACH)];
    let stops: &[u8] = if style == Style::Tagged { b"<\n" } else { b" \t\r\n\"'`<>,;&" };
    let end = rest.iter().position(|byte| stops.contains(byte)).unwrap_or(rest.len());
    let end = rest[..end].windows(2).position(|two| matches!(two, b"\\n" | b"\\r" | b"\\\"")).unwrap_or(end);
    let end = end - rest[..end].iter().rev().take_while(|byte| b"\\ \t\r".contains(byte)).count();
    Some((start..start + end, style))
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

/// Whether somebody may have chosen a value as a password, or drawn it as a secret.
fn is_chosen(value: &[u8], class: Class) -> bool {
    let letters = count(value, LETTER);
    let digits = count(value, DIGIT);
    if class == Class::Password {
        let special = value.len() - letters - digits;
        return letters + digits >= 3 && (value.len() >= 4 || digits + special > 0) && !is_wordy(value);
    }
    let foreign = union(value) & !(WORD | DOT | SLASH) != 0 || value.iter().any(|&byte| class_of(byte) == 0);
    let random = foreign || surprise(value) > -(value.len() as i32) / 2;
    let joined = value.iter().any(|byte| b"_-".contains(byte))
        && value.iter().all(|&byte| is(byte, WORD))
        && surprise(value) < 0;
    let joined = joined && !value.split(|byte| b"_-".contains(byte)).any(has_turning_case);
    value.len() >= 8 && !joined && letters > 0 && (digits > 0 || random) && !is_worn(value) && !is_wordy(value)
}

/// Whether the case of letters turns more often than where words are joined by capitals.
fn has_turning_case(piece: &[u8]) -> bool {
    let turns = piece.windows(2).filter(|two| is(two[0], LOWER) && is(two[1], UPPER)).count();
    piece.len() >= 8 && turns * 3 >= piece.len()
}

/// Words of sentences: what holds one is said to somebody and is no passphrase.
const SPOKEN: &str = "\
    a an the this that is are was be been of to in on at by for from or not no your you my our its it please enter \
    must should can could cannot will may has have had does do did required invalid wrong incorrect missing failed \
    error expired use using used set get new old current confirm forgot reset change update show hide if when than \
    least characters long short too per see only password passphrase secret token key value name user";

/// Whether a value with blanks is a passphrase: a few words, none of them one that sentences are joined with.
fn is_phrase(value: &[u8]) -> bool {
    let words = value.split(|&byte| byte == b' ');
    let spoken = |word: &[u8]| {
        let word = word.trim_ascii_end();
        SPOKEN.split_ascii_whitespace().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
    };
    let plain = |word: &[u8]| word.iter().all(|&byte| is(byte, LETTER | DIGIT));
    let count = words.clone().count();
    let ends = value.ends_with(b".") || value.starts_with(b" ") || value.ends_with(b" ");
    (2..=6).contains(&count) && !ends && words.clone().all(|word| plain(word) && word.len() > 1 && !spoken(word))
}

/// Whether a value is a name in a program that speaks of secrets itself, such as `new_password` and `userPassword`.
fn is_wordy(value: &[u8]) -> bool {
    let name = value.iter().all(|&byte| is(byte, WORD | DOT | SLASH) || byte == b'#') && count(value, DIGIT) == 0;
    let joined = Words::of(value).take(2).count() > 1;
    name && joined && classify(value) >= Class::Secret || is_number(value) && value.len() < 4
}

/// Whether a bare value is one, and no name, call or word of a program.
fn is_literal(value: &[u8], text: &[u8], place: &Value) -> bool {
    if is_nested(value) || value.ends_with(b":") {
        return false;
    }
    let code = text.get(place.span.end).is_some_and(|&byte| byte == b'(' || byte == b'[');
    let all = union(value);
    let plain = all & !(WORD | DOT) == 0;
    let digits = count(value, DIGIT);
    let mixed = all & LOWER != 0 && all & UPPER != 0;
    if plain && value.contains(&b'.') && digits < 2 {
        return false;
    }
    !code && (digits > 0 || !plain || mixed && surprise(value) > 0 || ends_setting(text, place))
}

/// Whether brackets in a value open and close as in a program; in a password they stand anyhow.
fn is_nested(value: &[u8]) -> bool {
    let (mut depth, mut lowest, mut any) = (0_i32, 0, false);
    for byte in value {
        depth += i32::from(b"([{".contains(byte)) - i32::from(b")]}".contains(byte));
        lowest = lowest.min(depth);
        any |= b"()[]{}".contains(byte);
    }
    // What is cut at a sign may lack the end, or hold the end of what was opened before it.
    any && (lowest == 0 || depth == lowest)
}

/// Whether a bare word ends where a setting does: at the end of a line, or between signs that part settings. In a
/// program a word there is a variable, and something stands after it.
fn ends_setting(text: &[u8], place: &Value) -> bool {
    let tight = place.span.start == place.name_end + 1;
    let long = place.span.len() >= 6;
    long && match text.get(place.span.end) {
        None | Some(b'\n' | b'\r') => true,
        Some(b';' | b'&' | b'"' | b'\\') => tight,
        Some(b' ') => tight && text[..place.name_end].last().is_some_and(|&byte| is(byte, UPPER)),
        _ => false,
    }
}
