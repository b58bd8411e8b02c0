//! Names of accounts, where an account's name stands.
//!
//! Invariant: a name alone is a word like any other; only its place tells. Accounts that every system has are passed
//! over (`harmless::account`).

use std::ops::Range;

use super::super::rules::Hit;
use super::cursor::{ahead, back, before, line_before, word_before};
use super::{PERSON_NAME, USER_NAME, harmless};

/// `USER=ann`, `LOGNAME="ann"`, and `User=ann` of a unit.
pub(super) fn assigned(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let previous = before(text, anchor.start);
    let within = if text[anchor.start + 1] == b's' {
        word_before(text, anchor.start)
    } else {
        previous.is_some_and(|byte| byte.is_ascii_alphanumeric())
    };
    let start = anchor.end + usize::from(matches!(text.get(anchor.end), Some(b'"' | b'\'')));
    let end = name_end(text, start);
    let called = matches!(text.get(end), Some(b'(' | b'.' | b'[' | b'@' | b'/' | b':'));
    if !within && !called {
        push(text, start..end, hits);
    }
}

/// `uid=1000(ann)`, and `groups=1000(ann),27(sudo)`.
pub(super) fn id(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let mut at = anchor.end;
    for _ in 0..32 {
        let open = ahead(text, at, |byte| byte.is_ascii_digit());
        if open == at || text.get(open) != Some(&b'(') {
            return;
        }
        let end = name_end(text, open + 1);
        if text.get(end) != Some(&b')') {
            return;
        }
        push(text, open + 1..end, hits);
        if text.get(end + 1) != Some(&b',') {
            return;
        }
        at = end + 2;
    }
}

/// `ann:x:1000:1000:Ann Example,,,:/home/ann:/bin/bash`: the account and the person.
pub(super) fn passwd(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let user = ahead(text, anchor.start + 3, |byte| byte.is_ascii_digit());
    let group = ahead(text, (user + 1).min(text.len()), |byte| byte.is_ascii_digit());
    let colons = text.get(user) == Some(&b':') && text.get(group) == Some(&b':');
    let start = back(text, anchor.start, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let start = if before(text, start + 1) == Some(b'\n') { start + 1 } else { start };
    if !colons || start >= anchor.start || harmless::account(&text[start..anchor.start]) {
        return;
    }
    hits.push(Hit { rule: &USER_NAME, span: start..anchor.start });
    let person = group + 1..ahead(text, group + 1, |byte| !matches!(byte, b':' | b',' | b'\n' | b'\\' | b'"'));
    if text[person.clone()].iter().any(u8::is_ascii_alphabetic) {
        hits.push(Hit { rule: &PERSON_NAME, span: person });
    }
}

/// `drwxr-xr-x 2 ann staff 4096 …` of `ls -l`.
pub(super) fn listing(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let kind = anchor.start;
    let mode = ahead(text, kind + 1, |byte| matches!(byte, b'r' | b'w' | b'x' | b's' | b'S' | b't' | b'T' | b'-'));
    if mode - kind != 10 || word_before(text, kind) {
        return;
    }
    let marked = mode + usize::from(matches!(text.get(mode), Some(b'.' | b'+' | b'@')));
    let Some(links) = column(text, marked) else { return };
    let Some(owner) = column(text, links.end) else { return };
    let Some(group) = column(text, owner.end) else { return };
    if text[links].iter().all(u8::is_ascii_digit)
        && column(text, group.end).is_some_and(|size| text[size.start].is_ascii_digit())
    {
        push(text, owner, hits);
        push(text, group, hits);
    }
}

/// The next word after spaces from `at` on.
fn column(text: &[u8], at: usize) -> Option<Range<usize>> {
    let start = ahead(text, at, |byte| byte == b' ');
    let end = ahead(text, start, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    (start > at && end > start).then_some(start..end)
}

/// `sudo -u ann`, `session opened for user ann`.
pub(super) fn after(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    if !word_before(text, anchor.start) || line_before(text, anchor.start, 8).ends_with(b"/") {
        push(text, anchor.end..name_end(text, anchor.end), hits);
    }
}

fn name_end(text: &[u8], start: usize) -> usize {
    match text.get(start) {
        Some(byte) if byte.is_ascii_alphabetic() || *byte == b'_' => {
            ahead(text, start, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        }
        _ => start,
    }
}

fn push(text: &[u8], span: Range<usize>, hits: &mut Vec<Hit>) {
    let name = &text[span.clone()];
    let number = name.iter().all(u8::is_ascii_digit);
    if name.len() > 1 && !number && !harmless::account(name) {
        hits.push(Hit { rule: &USER_NAME, span });
    }
}
