//! What a byte is: one table of classes, one bit each, that every rule asks.
//!
//! Invariant: a class is a property of one byte alone, so that counting a span of a class is one look-up a byte.

/// A set of classes.
pub(super) type Mask = u16;

/// `a` to `f`.
pub(super) const LOWER_AF: Mask = 1;
/// `g` to `z`.
pub(super) const LOWER_GZ: Mask = 1 << 1;
/// `A` to `F`.
pub(super) const UPPER_AF: Mask = 1 << 2;
/// `G` to `Z`.
pub(super) const UPPER_GZ: Mask = 1 << 3;
/// `0` to `9`.
pub(super) const DIGIT: Mask = 1 << 4;
/// `-`.
pub(super) const DASH: Mask = 1 << 5;
/// `_`.
pub(super) const UNDER: Mask = 1 << 6;
/// `.`.
pub(super) const DOT: Mask = 1 << 7;
/// `+`.
pub(super) const PLUS: Mask = 1 << 8;
/// `/`.
pub(super) const SLASH: Mask = 1 << 9;
/// `=`.
pub(super) const EQUALS: Mask = 1 << 10;
/// `~`.
pub(super) const TILDE: Mask = 1 << 11;
/// `:`.
pub(super) const COLON: Mask = 1 << 12;
/// `%`.
pub(super) const PERCENT: Mask = 1 << 13;
/// Space, tab, carriage return, line feed.
pub(super) const SPACE: Mask = 1 << 14;
/// `"`, `'`, backtick.
pub(super) const QUOTE: Mask = 1 << 15;

pub(super) const LOWER: Mask = LOWER_AF | LOWER_GZ;
pub(super) const UPPER: Mask = UPPER_AF | UPPER_GZ;
pub(super) const LETTER: Mask = LOWER | UPPER;
pub(super) const ALNUM: Mask = LETTER | DIGIT;
/// Hexadecimal digits of either case.
pub(super) const HEX: Mask = LOWER_AF | UPPER_AF | DIGIT;
pub(super) const LOWER_HEX: Mask = LOWER_AF | DIGIT;
/// Lower-case letters and digits.
pub(super) const BASE36: Mask = LOWER | DIGIT;
/// Upper-case letters and digits.
pub(super) const UPPER36: Mask = UPPER | DIGIT;
/// What a name of a variable or of a setting is made of.
pub(super) const WORD: Mask = ALNUM | UNDER | DASH;
pub(super) const BASE64: Mask = ALNUM | PLUS | SLASH;
pub(super) const BASE64_PADDED: Mask = BASE64 | EQUALS;
pub(super) const BASE64_URL: Mask = ALNUM | DASH | UNDER;
/// What a run of token bytes is made of.
pub(super) const TOKEN: Mask = ALNUM | PLUS | SLASH | EQUALS | UNDER | DASH | PERCENT;

static CLASSES: [Mask; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = class_of(byte as u8);
        byte += 1;
    }
    table
};

/// For each byte whether it is of [`TOKEN`], 1 or 0: to be joined without a branch.
pub(super) static TOKENS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (class_of(byte as u8) & TOKEN != 0) as u8;
        byte += 1;
    }
    table
};

const fn class_of(byte: u8) -> Mask {
    match byte {
        b'a'..=b'f' => LOWER_AF,
        b'g'..=b'z' => LOWER_GZ,
        b'A'..=b'F' => UPPER_AF,
        b'G'..=b'Z' => UPPER_GZ,
        b'0'..=b'9' => DIGIT,
        b'-' => DASH,
        b'_' => UNDER,
        b'.' => DOT,
        b'+' => PLUS,
        b'/' => SLASH,
        b'=' => EQUALS,
        b'~' => TILDE,
        b':' => COLON,
        b'%' => PERCENT,
        b' ' | b'\t' | b'\r' | b'\n' => SPACE,
        b'"' | b'\'' | b'`' => QUOTE,
        _ => 0,
    }
}

/// The class of a byte; 0 where it has none.
#[inline(always)]
pub(super) fn class(byte: u8) -> Mask {
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + 1));
    CLASSES[byte as usize]
}

/// Whether a byte is of one of the classes.
#[inline(always)]
pub(super) fn is(byte: u8, mask: Mask) -> bool {
    class(byte) & mask != 0
}

/// Whether the byte at `at` is of one of the classes; not where the text ends.
#[inline(always)]
pub(super) fn is_at(text: &[u8], at: usize, mask: Mask) -> bool {
    text.get(at).is_some_and(|&byte| is(byte, mask))
}

/// How many bytes from `at` on are of the classes, at most `most`.
#[inline]
pub(super) fn span(text: &[u8], at: usize, mask: Mask, most: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().take(most).take_while(|&&byte| is(byte, mask)).count()
}

/// How many bytes right before `at` are of the classes, at most `most`.
#[inline]
pub(super) fn span_before(text: &[u8], at: usize, mask: Mask, most: usize) -> usize {
    text[..at].iter().rev().take(most).take_while(|&&byte| is(byte, mask)).count()
}

/// The classes of all bytes together.
pub(super) fn union(text: &[u8]) -> Mask {
    text.iter().fold(0, |all, &byte| all | class(byte))
}

/// How many bytes are of the classes.
pub(super) fn count(text: &[u8], mask: Mask) -> usize {
    text.iter().filter(|&&byte| is(byte, mask)).count()
}

/// How many different bytes there are.
pub(super) fn distinct(text: &[u8]) -> usize {
    let mut seen = [0_u64; 4];
    for &byte in text {
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    seen.iter().map(|part| part.count_ones() as usize).sum()
}

/// Where a needle begins, as letters of either case; the needle is in lower case.
pub(super) fn position_ignoring_case(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle))
}

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// How many bytes this thread has asked the class of: what tests take for time.
#[cfg(test)]
pub(super) fn steps() -> u64 {
    STEPS.with(std::cell::Cell::get)
}
