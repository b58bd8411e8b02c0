//! What stands between a name and its value.
//!
//! Invariant: decided from a bounded number of bytes around the name.

use std::ops::Range;

use super::super::bytes::{DOT, LETTER, QUOTE, WORD, is, is_at, span, span_before};
use super::skip;

/// How a name gives a value to what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// A sign of assignment or of comparison, a call, a comma.
    Assign,
    /// The end of a tag.
    Tag,
    /// A sign after which YAML has text on lines of its own.
    Block,
    /// ` is ` in prose, with a value that is not in quotes.
    Said,
    /// A blank or nothing.
    Blank,
}

/// The signs after a name, and where they end; `None` where they give nothing.
pub(super) fn signs_after(text: &[u8], name: &Range<usize>) -> Option<(Sign, usize)> {
    if let Some(end) = tag_end(text, name) {
        return Some((Sign::Tag, end));
    }
    let closing = past_index(text, skip(text, name.end, b"\"'`])\\}*"));
    let quoted = text[name.end..closing].iter().any(|&byte| is(byte, QUOTE));
    let at = skip(text, closing, b" \t");
    if text[at..].starts_with(b"||") || text[at..].starts_with(b"or ") && is_at(text, at + 3, QUOTE) {
        return Some((Sign::Assign, at + 2));
    }
    if let Some(end) = called(text, name, at) {
        return Some((Sign::Assign, end));
    }
    let operator = skip(text, at, b"=:>?!.+-");
    if operator > at {
        let signs = &text[at..operator];
        if signs == b">" && !quoted && text[..name.start].last().is_none_or(|&byte| byte != b'<' && byte != b':') {
            return assigns(signs).then_some((Sign::Assign, operator));
        }
        return match signs {
            b">" => Some((Sign::Tag, operator)),
            b":" => Some(block(text, operator).map_or((Sign::Assign, operator), |end| (Sign::Block, end))),
            signs => assigns(signs).then_some((Sign::Assign, operator)),
        };
    }
    if let Some(found) = valued(text, closing) {
        return Some(found);
    }
    if text.get(at) == Some(&b',') && (quoted && !is_listed(text, name.end) || is_compared(text, name.start)) {
        return Some((Sign::Assign, at + 1));
    }
    let found = typed(text, at).map(|end| (Sign::Assign, end)).or_else(|| said(text, at));
    Some(found.unwrap_or((Sign::Blank, at.min(name.end))))
}

/// Where a tag with attributes ends that a name opens, as in `<password type="x">`.
fn tag_end(text: &[u8], name: &Range<usize>) -> Option<usize> {
    let opens = text[..name.start].ends_with(b"<") && text.get(name.end) == Some(&b' ');
    let rest = &text[name.end..text.len().min(name.end + 160)];
    let end = opens.then(|| rest.iter().position(|byte| b"<>\n".contains(byte)))??;
    let closes = rest[end] == b'>' && !rest[..end].ends_with(b"/");
    let named = rest[..end].windows(6).any(|six| six.eq_ignore_ascii_case(b"value="));
    (closes && !named).then_some(name.end + end + 1)
}

/// Past an index, as in `password[25]` and `password["bob"]`.
fn past_index(text: &[u8], at: usize) -> usize {
    if text.get(at) != Some(&b'[') {
        return at;
    }
    let length = span(text, at + 1, WORD | DOT | QUOTE, 32);
    if text.get(at + 1 + length) == Some(&b']') { at + length + 2 } else { at }
}

/// Where the sign of a block of YAML ends, and the line that it stands on.
fn block(text: &[u8], at: usize) -> Option<usize> {
    let sign = skip(text, at, b" ");
    let end = match text.get(sign) {
        Some(b'|' | b'>') => skip(text, sign + 1, b"-+"),
        _ => return None,
    };
    let feed = skip(text, end, b" \r");
    (text.get(feed) == Some(&b'\n')).then_some(feed + 1)
}

/// Where the argument of a call begins that gives a value to the name that calls, as in `setPassword("x")`, or that
/// compares the two, as in `password.equals("x")`.
fn called(text: &[u8], name: &Range<usize>, at: usize) -> Option<usize> {
    const METHODS: [&[u8]; 6] = [b"equals", b"equalsIgnoreCase", b"compareTo", b"assign", b"isEqualTo", b"eq"];
    const GIVES: [&[u8]; 10] = [
        b"set",
        b"with",
        b"use",
        b"add",
        b"password",
        b"passwd",
        b"pass",
        b"secret",
        b"std",
        b"PasswordAuthentication",
    ];
    if text.get(at) == Some(&b'.') {
        let length = span(text, at + 1, LETTER, 20);
        let open = at + 1 + length;
        let known = METHODS.contains(&&text[at + 1..open]) && text.get(open) == Some(&b'(');
        return (known && is_at(text, open + 1, QUOTE)).then_some(open + 1);
    }
    let whole = &text[name.clone()];
    let from = whole.iter().rposition(|&byte| byte == b'.').map_or(0, |dot| dot + 1);
    let gives = || GIVES.iter().any(|word| whole[from..].len() >= word.len() && begins(&whole[from..], word));
    let open = text.get(at) == Some(&b'(') && at == name.end;
    (open && opens_value(text, at + 1) && gives()).then_some(at + 1)
}

/// Whether a name begins with a word, in letters of either case.
fn begins(name: &[u8], word: &[u8]) -> bool {
    name[..word.len()].eq_ignore_ascii_case(word)
}

/// Whether a text in quotes begins, perhaps after the sign of its kind.
fn opens_value(text: &[u8], at: usize) -> bool {
    let from = at + usize::from(matches!(text.get(at), Some(b'L' | b'@' | b'u' | b'\\')));
    is_at(text, from, QUOTE)
}

/// Whether a name in quotes is an entry of a list, whose next entry is no value of it.
fn is_listed(text: &[u8], name_end: usize) -> bool {
    let open = name_end - span_before(text, name_end, WORD | DOT, 64);
    let Some(quote) = open.checked_sub(1) else { return false };
    let prefix = quote - usize::from(quote > 0 && matches!(text[quote - 1], b'b' | b'u' | b'r'));
    let before = text[..prefix].iter().rev().take(40).find(|&&byte| !byte.is_ascii_whitespace());
    is(text[quote], QUOTE) && matches!(before, Some(b',' | b'['))
}

/// Whether a name is the first argument of a call that compares it with the next.
fn is_compared(text: &[u8], name_start: usize) -> bool {
    let calls: [&[u8]; 5] = [b"cmp(", b"equals(", b"Equals(", b"compare(", b"Equal("];
    calls.iter().any(|call| text[..name_start].ends_with(call))
}

/// Whether signs give what follows them to what stands before them.
fn assigns(signs: &[u8]) -> bool {
    let gives =
        signs.iter().any(|sign| b"=:>".contains(sign)) && !signs.starts_with(b"->") && !signs.starts_with(b"::");
    gives || signs.starts_with(b"::=")
}

/// A type between a name and its value, as in `password: str = "x"` and `var password string = "x"`.
fn typed(text: &[u8], at: usize) -> Option<usize> {
    let length = span(text, at, WORD, 16);
    let known: &[&[u8]] = &[b"string", b"String", b"str", b"char", b"bytes", b"SecretStr", b"NSString"];
    if !known.contains(&&text[at..at + length]) {
        return None;
    }
    let after = skip(text, at + length, b" \t");
    let operator = skip(text, after, b"=:");
    (length > 0 && operator > after).then_some(operator)
}

/// A name as a value and its value after it: `name: DB_PASSWORD`, `value: x`, in YAML, JSON, XML and Terraform.
fn valued(text: &[u8], at: usize) -> Option<(Sign, usize)> {
    if text[at..].starts_with(b"</") {
        return element(text, at);
    }
    let start = skip(text, at, b" \t\r\n,\"'/>{");
    if start == at {
        return None;
    }
    let word = span(text, start, LETTER, 8);
    let known = &text[start..start + word];
    let opened = text[at..start].contains(&b'{');
    if !(known.eq_ignore_ascii_case(b"value") || opened && known == b"default") {
        return None;
    }
    let after = skip(text, start + word, b"\"' \t");
    let operator = skip(text, after, b"=:");
    (operator > after).then_some((Sign::Assign, operator))
}

/// The element after one that holds a name, as in `<key>Password</key><string>x</string>`.
fn element(text: &[u8], at: usize) -> Option<(Sign, usize)> {
    let end = at + 2 + span(text, at + 2, WORD, 24);
    let open = skip(text, end + 1, b" \t\r\n");
    if text.get(end) != Some(&b'>') || text.get(open) != Some(&b'<') {
        return None;
    }
    let close = open + 1 + span(text, open + 1, WORD, 24);
    (close > open + 1 && text.get(close) == Some(&b'>')).then_some((Sign::Tag, close + 1))
}

/// In prose: ` is ` within the next words with a value in quotes after it, or ` is ` at once.
fn said(text: &[u8], at: usize) -> Option<(Sign, usize)> {
    let rest = &text[at..text.len().min(at + 48)];
    let line = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    if rest[..line].starts_with(b"is ") {
        let sign = if is_at(text, at + 3, QUOTE) { Sign::Assign } else { Sign::Said };
        return Some((sign, at + 2));
    }
    let verb = rest[..line].windows(4).position(|four| four == b" is ")? + 1;
    is_at(text, at + verb + 3, QUOTE).then_some((Sign::Assign, at + verb + 2))
}
