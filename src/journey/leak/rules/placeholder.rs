//! What stands where a secret would stand: references, placeholders, examples, things worn down to a pattern.
//!
//! Invariant: decided from the value alone.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::super::identity::mask;
use super::bytes::{COLON, DIGIT, DOT, LETTER, QUOTE, SLASH, SPACE, WORD, count, distinct, is, position_ignoring_case};

/// Parts that say that a value is no secret.
const TELLING: &str = "\
    example placeholder changeme change_me change-me replace your_ your- yourpass yoursecret yourtoken yourkey \
    yourapi redacted insert dummy xxxx **** ... fortest for_test sample to_be_ todo _here -here goes-here <your \
    masked removed notreal not_real not-real lorem";

static TELLING_PARTS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let builder = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(TELLING.split_ascii_whitespace());
    builder.expect("a few short words fit an automaton")
});

/// Whole values that are a type, a constant or a word of a program.
const TYPES: &str = "\
    null none nil true false undefined string str text value empty bytes required optional hidden default prompt \
    input varchar number boolean object array integer n/a unset unknown private public yes no on off char auto \
    file const static this self function return new any void inherit disabled enabled invalid missing incorrect \
    encrypted plain plaintext generated random not-set not_set notset password: expired reset unused textbox label \
    field argument parameter";

/// Whole values that name what would stand in their place.
const LABELS: &str = "\
    secret password passwd pass pwd token key apikey api_key credential credentials user username basic bearer \
    secrets tokens keys passwords login email passphrase passwort test";

/// Whether a value is a reference to one that is kept elsewhere: a variable, a template, a call, a path.
pub(super) fn is_reference(value: &[u8]) -> bool {
    let Some((&first, rest)) = value.split_first() else { return true };
    let marks = value.windows(2).any(|two| matches!(two, b"$(" | b"<%" | b"%>" | b"[["));
    let named =
        first == b'$' && rest.first().is_some_and(|&byte| is(byte, LETTER) || matches!(byte, b'_' | b'$' | b'('));
    let percent = first == b'%' && (value.len() <= 3 || value.ends_with(b"%") || rest.starts_with(b"("));
    let starts = value.starts_with(b"${") || value.starts_with(b"{{");
    let filled = value.starts_with(b"@@") && value.ends_with(b"@@") || value.starts_with(b"\\$");
    let path = value.windows(2).any(|two| two == b"::");
    let call = path || value.ends_with(b"()") || value.ends_with(b"();");
    marks
        || starts
        || filled
        || is_template(value)
        || call
        || is_encrypted(value)
        || (named && !is_hash(value))
        || percent
        || is_bracketed(value)
        || is_path(value)
}

/// Whether braces in a value hold what a program puts in their place: a name, a path of names, a call. A password may
/// hold braces, too, but seldom a name between two of them.
fn is_template(value: &[u8]) -> bool {
    let inner = |open: usize| {
        let rest = &value[open + 1..];
        let close = rest.iter().position(|&byte| byte == b'}')?;
        Some(&rest[..close])
    };
    let names = |inner: &[u8]| {
        inner.len() != 1
            && inner
                .iter()
                .all(|&byte| is(byte, WORD | DOT | SPACE | QUOTE | COLON | SLASH) || b"|[]()?,$".contains(&byte))
    };
    memchr::memchr_iter(b'{', value).take(4).filter_map(inner).any(names)
}

/// Whether a value is ciphertext by its own word.
fn is_encrypted(value: &[u8]) -> bool {
    let marks: &[&[u8]] =
        &[b"ENC(", b"ENC[", b"{cipher}", b"vault:v1:", b"$ANSIBLE_VAULT", b"encrypted:", b"secret://", b"sm://"];
    marks.iter().any(|mark| value.starts_with(mark))
}

fn is_hash(value: &[u8]) -> bool {
    value.len() > 12 && count(value, 0xFFFF) > 0 && value[1..].iter().take(6).any(|&byte| byte == b'$')
}

fn is_bracketed(value: &[u8]) -> bool {
    let last = value[value.len() - 1];
    matches!((value[0], last), (b'<', b'>') | (b'{', b'}') | (b'[', b']') | (b'(', b')') | (b'%', b'%'))
        || value.starts_with(b"&lt;")
        || value.starts_with(b"<")
}

fn is_path(value: &[u8]) -> bool {
    let start: &[&[u8]] =
        &[b"/", b"./", b"../", b"~/", b"http://", b"https://", b"file:", b"arn:", b"op://", b"vault:"];
    let slashes = value.iter().filter(|&&byte| byte == b'/').count();
    start.iter().any(|start| value.starts_with(start))
        && (slashes > 1 || value.starts_with(b"arn:"))
        && value.len() < 200
}

/// Whether a value stands for one: an example, a placeholder, something masked.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    is_type(value) || is_label(value) || is_telling(value) || is_worn(value)
}

/// Whether a value is a type, a constant or a word of a program.
pub(super) fn is_type(value: &[u8]) -> bool {
    holds(TYPES, value)
}

/// Whether a value names what would stand in its place.
pub(super) fn is_label(value: &[u8]) -> bool {
    holds(LABELS, value)
}

/// Whether some part of a value says that it is none, or the whole is what redaction puts in the place of one.
pub(super) fn is_telling(value: &[u8]) -> bool {
    let head = &value[..value.len().min(160)];
    let fake = value.len() < 24 && position_ignoring_case(value, b"fake").is_some();
    fake || mask(value) || TELLING_PARTS.is_match(head)
}

/// Whether a value is worn down to a pattern: very few different bytes, or one byte again and again.
pub(super) fn is_worn(value: &[u8]) -> bool {
    let bytes = &value[..value.len().min(200)];
    let different = distinct(bytes);
    let few = match bytes.len() {
        0..=7 => different < 2,
        8..=11 => different < 3,
        12..=31 => different < 4,
        _ => different < 5,
    };
    few || most_repeated(bytes) * 2 > bytes.len().max(8)
}

/// The longest stretch of one byte.
fn most_repeated(bytes: &[u8]) -> usize {
    bytes.chunk_by(|left, right| left == right).map(<[u8]>::len).max().unwrap_or(0)
}

/// Whether a value is digits alone.
pub(super) fn is_number(value: &[u8]) -> bool {
    count(value, DIGIT) == value.len()
}

/// Whether a list of words holds a value, in letters of either case.
fn holds(list: &str, value: &[u8]) -> bool {
    list.split_ascii_whitespace().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether a value goes through an alphabet in its order.
pub(super) fn is_alphabet(value: &[u8]) -> bool {
    let steps = value.windows(2).filter(|two| two[1] == two[0].wrapping_add(1)).count();
    value.len() >= 16 && steps * 2 > value.len()
}
