//! Whether a value beside the name of a secret is one: chosen by somebody or drawn, and no word of a program.
//!
//! Invariant: decided from the value and the bytes right beside it.

use super::super::bytes::{
    DIGIT, DOT, LETTER, LOWER, SLASH, UPPER, WORD, class as class_of, count, distinct, is, span, union,
};
use super::super::names::{Class, Words, classify};
use super::super::placeholder::{is_number, is_worn};
use super::super::random::surprise;
use super::Value;

/// Whether a value is long and letters, digits and signs take turns in it without an order, as in the salts and keys
/// that frameworks draw from all that a keyboard has. It is judged before anything that a sign in it may seem to mean.
pub(super) fn is_scrambled(value: &[u8]) -> bool {
    let kind = |byte: u8| match class_of(byte) {
        class if class & LETTER != 0 => 0,
        class if class & DIGIT != 0 => 1,
        _ => 2,
    };
    let turns = value.windows(2).filter(|two| kind(two[0]) != kind(two[1])).count();
    let signs = value.len() - count(value, WORD | DOT | SLASH);
    value.len() >= 32
        && signs >= 5
        && count(value, DIGIT) >= 3
        && count(value, LETTER) >= 8
        && distinct(value) >= 16
        && turns * 3 >= value.len()
        && !value.contains(&b'\n')
}

/// Whether somebody may have chosen a value as a password, or drawn it as a secret.
pub(super) fn is_chosen(value: &[u8], class: Class) -> bool {
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
pub(super) fn has_turning_case(piece: &[u8]) -> bool {
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
pub(super) fn is_phrase(value: &[u8]) -> bool {
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
pub(super) fn is_literal(value: &[u8], text: &[u8], place: &Value) -> bool {
    if is_nested(value) || value.ends_with(b":") {
        return false;
    }
    // An argument by name is a variable mostly, and holds no sign or both cases and a digit.
    let closed = text.get(place.span.end).is_some_and(|byte| b")]}".contains(byte));
    if closed && !is_mixed(value) {
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
    let tight = place.span.start == place.name.end + 1;
    let long = place.span.len() >= 6;
    long && match text.get(place.span.end) {
        None | Some(b'\n' | b'\r') => true,
        Some(b';' | b'&' | b'"' | b'\\' | b'}') => tight,
        Some(b' ') => {
            let option = text[place.name.clone()].starts_with(b"--") && text[place.name.end] == b'=';
            let capitals = text[..place.name.end].last().is_some_and(|&byte| is(byte, UPPER));
            tight && (option || capitals || names_next(text, place.span.end + 1))
        }
        _ => false,
    }
}

/// Whether another setting begins at `at`, as in `password=x dbname=y`.
fn names_next(text: &[u8], at: usize) -> bool {
    let length = span(text, at, WORD, 24);
    length > 1 && text.get(at + length) == Some(&b'=')
}

/// Whether a value holds a digit and either letters of both cases without an order or a sign that no name holds.
fn is_mixed(value: &[u8]) -> bool {
    let all = union(value);
    let sign = value.iter().any(|byte| b"!@#$%^&*?~".contains(byte));
    let cases = all & LOWER != 0 && all & UPPER != 0 && surprise(value) > -(value.len() as i32);
    count(value, DIGIT) > 0 && (sign || cases)
}
