//! Text within base64 and hexadecimal digits.
//!
//! Invariant: time grows with the length of the runs alone. A run is looked at in blocks of eight characters, for each
//! of the ways to read it at once (four alignments of base64, two of hexadecimal digits): where a block cannot be text
//! in any way, which is nearly everywhere in pictures, hashes and names, nothing is decoded.

use std::ops::Range;

use memchr::memchr2;

use super::Layer;
use super::view::{Ratio, View};

/// Characters of a block.
const BLOCK: usize = 8;
/// Blocks in a row that must look like text before they are decoded.
const BLOCKS: usize = 2;
/// Characters on each side of those that are decoded, too: the ends of the text, and characters beyond ASCII in it.
const ENDS: usize = 24;
/// Decoded text shorter than this is not looked at: it holds no secret that its encoded form would not show.
pub(super) const TEXT: usize = 12;
/// The alignments of base64; the ways after them are those of hexadecimal digits.
const ALIGNMENTS: usize = 4;
/// All ways to read a run.
const WAYS: usize = 6;
/// What a character that is no digit stands for.
const NONE: u8 = 0xff;

/// For each place in a group of four and each character: the ways in which it may be text, a bit each.
static MAY_BE: [[u8; 256]; 4] = ways();
/// The value of a character in either alphabet of base64.
static SIXTY_FOUR: [u8; 256] = sixty_four();
/// The value of a hexadecimal digit.
static SIXTEEN: [u8; 256] = sixteen();

/// Decodes what looks like text in the `runs` of `text`, and adds it to `view`.
pub(super) fn decode(text: &[u8], runs: &[Range<usize>], view: &mut View) {
    let mut scratch = Vec::new();
    for run in runs.iter().flat_map(|run| between_signs(text, run)) {
        stretches(&text[run.clone()], |way, stretch| {
            let start = run.start + stretch.start;
            let encoded = &text[start..run.start + stretch.end];
            scratch.clear();
            let (ratio, layer) = if way < ALIGNMENTS {
                base64(encoded, &mut scratch);
                (Ratio(4, 3), Layer::Base64)
            } else {
                hexadecimal(encoded, &mut scratch);
                (Ratio(2, 1), Layer::Hex)
            };
            texts(&scratch, TEXT, |part| {
                let start = start + part.start * usize::from(ratio.0) / usize::from(ratio.1);
                view.decoded(start, ratio, &scratch[part], layer);
            });
        });
    }
}

/// The parts of a run between `=` and `%`: padding ends a value, and `key=` stands before one.
fn between_signs<'a>(text: &'a [u8], run: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<'a> {
    let (mut from, end) = (run.start, run.end);
    std::iter::from_fn(move || {
        while from < end {
            let to = memchr2(b'=', b'%', &text[from..end]).map_or(end, |length| from + length);
            let part = from..to;
            from = to + 1;
            if part.len() >= TEXT {
                return Some(part);
            }
        }
        None
    })
}

/// Calls `found` with each way and stretch of `run` in which all blocks may be text; a stretch begins where a group of
/// its way does, and has [`ENDS`] more on both sides.
fn stretches(run: &[u8], mut found: impl FnMut(usize, Range<usize>)) {
    let mut open = [0_usize; WAYS];
    let mut before = 0_u8;
    let mut close = |way: usize, from: usize, to: usize| {
        if to - from >= BLOCKS {
            let (group, offset) = if way < ALIGNMENTS { (4, way) } else { (2, way - ALIGNMENTS) };
            let start = (from * BLOCK).saturating_sub(ENDS) + offset;
            let end = (to * BLOCK + ENDS).min(run.len());
            // What is no whole group at the end of base64 still holds a byte or two.
            found(way, start..if group == 2 { end - (end - start) % 2 } else { end });
        }
    };
    let (blocks, rest) = run.as_chunks::<BLOCK>();
    let last = (!rest.is_empty()).then(|| {
        rest.iter().zip(MAY_BE.iter().cycle()).fold(0xff, |ways, (&byte, table)| ways & table[usize::from(byte)])
    });
    for (index, ways) in blocks.iter().map(may_be).chain(last).enumerate() {
        if ways | before == 0 {
            continue;
        }
        for way in bits(ways & !before) {
            open[way] = index;
        }
        for way in bits(before & !ways) {
            close(way, open[way], index);
        }
        before = ways;
    }
    for way in bits(before) {
        close(way, open[way], run.len().div_ceil(BLOCK));
    }
}

/// The ways in which a whole block may be text.
#[inline(always)]
fn may_be(block: &[u8; BLOCK]) -> u8 {
    let half = |from: usize| {
        MAY_BE[0][usize::from(block[from])]
            & MAY_BE[1][usize::from(block[from + 1])]
            & MAY_BE[2][usize::from(block[from + 2])]
            & MAY_BE[3][usize::from(block[from + 3])]
    };
    half(0) & half(4)
}

fn bits(ways: u8) -> impl Iterator<Item = usize> {
    (0..WAYS).filter(move |way| ways >> way & 1 == 1)
}

/// Decodes base64 of either alphabet; what is no digit counts as a zero, so that the groups after it stay in step.
fn base64(encoded: &[u8], out: &mut Vec<u8>) {
    let digit = |byte: u8| match SIXTY_FOUR[usize::from(byte)] {
        NONE => 0,
        value => u32::from(value),
    };
    let (groups, rest) = encoded.as_chunks::<4>();
    for group in groups {
        let number = group.iter().fold(0, |number, &byte| number << 6 | digit(byte));
        out.extend_from_slice(&number.to_be_bytes()[1..]);
    }
    if rest.len() > 1 {
        let number = (0..4).fold(0, |number, at| number << 6 | rest.get(at).map_or(0, |&byte| digit(byte)));
        out.extend_from_slice(&number.to_be_bytes()[1..rest.len()]);
    }
}

/// Decodes pairs of hexadecimal digits; what is none gives a byte that is no text.
fn hexadecimal(encoded: &[u8], out: &mut Vec<u8>) {
    let (pairs, _) = encoded.as_chunks::<2>();
    out.extend(pairs.iter().map(|pair| {
        let [high, low] = pair.map(|byte| SIXTEEN[usize::from(byte)]);
        if high == NONE || low == NONE { NONE } else { high << 4 | low }
    }));
}

/// Calls `found` with each stretch of `bytes` that is text of `least` characters that print: UTF-8 that prints, blanks and line ends, with a NUL after each
/// character where it is UTF-16.
pub(super) fn texts(bytes: &[u8], least: usize, mut found: impl FnMut(Range<usize>)) {
    let (mut start, mut printing, mut at) = (0, 0, 0);
    while at <= bytes.len() {
        let rest = &bytes[at..];
        let byte = rest.first().copied().unwrap_or(NONE);
        let length = match byte {
            b' '..=b'~' | b'\t' | b'\n' | b'\r' => 1,
            0x80.. => beyond_ascii(rest),
            // The colours of a terminal.
            0x1b => 1,
            0 => usize::from(at > start && bytes[at - 1] != 0),
            _ => 0,
        };
        if length > 0 {
            printing += usize::from(byte != 0);
            at += length;
            continue;
        }
        if printing >= least {
            found(start..at);
        }
        at += 1;
        (start, printing) = (at, 0);
    }
}

/// The length of the character beyond ASCII at the start of `bytes`, 0 if there is none.
fn beyond_ascii(bytes: &[u8]) -> usize {
    let length = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => return 0,
    };
    let is_whole = bytes.get(1..length).is_some_and(|rest| rest.iter().all(|byte| (0x80..0xc0).contains(byte)));
    if is_whole { length } else { 0 }
}

const fn sixty_four() -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut value = 0;
    while value < 26 {
        table[b'A' as usize + value] = value as u8;
        table[b'a' as usize + value] = value as u8 + 26;
        value += 1;
    }
    let mut value = 0;
    while value < 10 {
        table[b'0' as usize + value] = value as u8 + 52;
        value += 1;
    }
    table[b'+' as usize] = 62;
    table[b'-' as usize] = 62;
    table[b'/' as usize] = 63;
    table[b'_' as usize] = 63;
    table
}

const fn sixteen() -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut value = 0;
    while value < 10 {
        table[b'0' as usize + value] = value as u8;
        value += 1;
    }
    let mut value = 0;
    while value < 6 {
        table[b'a' as usize + value] = value as u8 + 10;
        table[b'A' as usize + value] = value as u8 + 10;
        value += 1;
    }
    table
}

const fn ways() -> [[u8; 256]; 4] {
    let mut table = [[0; 256]; 4];
    let mut character = 0;
    while character < 256 {
        let mut place = 0;
        while place < 4 {
            let mut way = 0;
            while way < WAYS {
                let may_be = if way < ALIGNMENTS {
                    may_be_base64(SIXTY_FOUR[character], (place + 4 - way) % 4)
                } else {
                    may_be_hexadecimal(SIXTEEN[character], (place + way) % 2)
                };
                if may_be {
                    table[place][character] |= 1 << way;
                }
                way += 1;
            }
            place += 1;
        }
        character += 1;
    }
    table
}

/// Whether a digit may stand at a place of a group of four that three bytes of ASCII text became: each of the first
/// three places has the highest bit of a byte, which is 0 in ASCII, and the first has six bits of one, of which control
/// characters but NUL, tabulator and line ends have others.
const fn may_be_base64(value: u8, place: usize) -> bool {
    if value == NONE {
        return false;
    }
    match place {
        0 => value < 32 && (value >= 8 || value == 0 || value == 2 || value == 3),
        1 => value & 8 == 0,
        2 => value & 2 == 0,
        _ => true,
    }
}

/// Whether a digit may stand first (2 to 7, or 0 for line ends and NUL) or second in a byte of ASCII text.
const fn may_be_hexadecimal(value: u8, place: usize) -> bool {
    value != NONE && (place == 1 || value == 0 || value >= 2 && value <= 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> String {
        let mut view = View::default();
        let run = 0..text.len();
        decode(text.as_bytes(), std::slice::from_ref(&run), &mut view);
        String::from_utf8_lossy(view.bytes()).into_owned()
    }

    #[test]
    fn base64_is_decoded_at_every_alignment_and_in_both_alphabets() {
        let encoded = "c2VjcmV0IHZhbHVlIG9mIHR3ZW50eS1maXZl";
        for lead in ["", "x", "/9", "abc", "k=", "AAAAAAAA"] {
            let found = decoded(&format!("{lead}{encoded}"));
            assert!(found.contains("secret value of twenty-five"), "{lead}: {found:?}");
        }
        assert!(decoded("fn5-Pz8_Pz8_Pz8-fn5-Pz8_Pz8_Pz8-").contains("~~~?????"));
        assert!(decoded("Pz8/Pz8+Pz8/Pz8+Pz8/Pz8+Pz8/Pz8+").contains("???>??"));
    }

    #[test]
    fn padding_or_none_makes_no_difference() {
        for encoded in ["c2VjcmV0IHZhbHVlIHgxMg==", "c2VjcmV0IHZhbHVlIHgxMg"] {
            assert!(decoded(encoded).contains("secret value x12"), "{encoded}");
        }
    }

    #[test]
    fn hexadecimal_is_decoded_in_either_case_and_at_either_digit() {
        for encoded in ["7365637265742076616C7565", "a7365637265742076616c7565", "0x7365637265742076616c7565"] {
            assert!(decoded(encoded).contains("secret value"), "{encoded}");
        }
    }

    #[test]
    fn hashes_and_names_are_not_decoded() {
        for text in [
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "src/journey/leak/rules/registry_of_the_rules",
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        ] {
            assert_eq!(decoded(text), "", "{text}");
        }
    }
}
