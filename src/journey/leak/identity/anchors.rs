//! Where to look: the few bytes that every value of a rule holds.
//!
//! Invariant: four passes, each over the whole text and each without branches where there is nothing: known words
//! (Teddy), `@` and `~` (memchr), `://`, digits around dots and hexadecimal digits around colons and hyphens (blocks that
//! the compiler turns into vector instructions). Only what they stop at is looked at closely.

use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};

use super::super::rules::Hit;
use super::{certificate, colons, dots, hosts, mail, names, paths};

/// Looks closely at an anchor's place and appends what it finds.
type Look = fn(&[u8], Range<usize>, &mut Vec<Hit>);

/// The known words, each with who looks closely. None is shorter than four bytes: Teddy tells by the first bytes that
/// all of them have, and with three it stops ten times as often.
const WORDS: &[(&str, Look)] = &[
    ("/home/", paths::home),
    ("/Users/", paths::users),
    ("\\Users\\", paths::windows),
    ("/root/", paths::root),
    ("/data/", paths::data),
    ("/mnt/", paths::data),
    ("/srv/", paths::data),
    ("/media/", paths::data),
    ("/scratch/", paths::data),
    ("/Volumes/", paths::data),
    ("/run/user/", paths::data),
    ("-home-", paths::slug),
    ("-Users-", paths::slug),
    ("-root-", paths::slug),
    ("-data-", paths::slug),
    ("-mnt-", paths::slug),
    ("-srv-", paths::slug),
    (".local", hosts::private),
    (".LOCAL", hosts::private),
    (".lan", hosts::private),
    (".LAN", hosts::private),
    (".internal", hosts::private),
    (".INTERNAL", hosts::private),
    (".intranet", hosts::private),
    (".home.arpa", hosts::private),
    (".corp", hosts::private),
    (".ts.net", hosts::private),
    (".svc", hosts::private),
    (".eks.amazonaws.com", hosts::endpoint),
    (".azmk8s.io", hosts::endpoint),
    ("context", hosts::context),
    ("arn:aws", hosts::account),
    ("gke_", hosts::gke),
    ("USER=", names::assigned),
    ("LOGNAME=", names::assigned),
    ("USERNAME=", names::assigned),
    ("User=", names::assigned),
    ("uid=", names::id),
    ("gid=", names::id),
    ("groups=", names::id),
    (":x:1", names::passwd),
    (":x:2", names::passwd),
    (":x:5", names::passwd),
    (":x:6", names::passwd),
    ("-rw-", names::listing),
    ("-rwx", names::listing),
    ("drwx", names::listing),
    ("lrwx", names::listing),
    ("sudo -u ", names::after),
    ("su - ", names::after),
    ("opened for user ", names::after),
    ("closed for user ", names::after),
    ("publickey for ", names::after),
    ("password for ", names::after),
    ("AAAAB3NzaC1", certificate::ssh),
    ("AAAAC3NzaC1", certificate::ssh),
    ("AAAAE2VjZHNh", certificate::ssh),
    ("AAAAGnNrLX", certificate::ssh),
    ("AAAAInNrLX", certificate::ssh),
    ("SHA256:", certificate::fingerprint),
    ("MD5:", certificate::md5),
    ("-----BEGIN ", certificate::pem),
    ("---- BEGIN ", certificate::pem),
];

/// Appends what is found in `text`, in the order of the passes.
pub(super) fn find(text: &[u8], hits: &mut Vec<Hit>) {
    words(text, hits);
    for at in memchr::memchr2_iter(b'@', b'~', text) {
        match text[at] {
            b'@' => mail::at_sign(text, at, hits),
            _ => paths::tilde(text, at, hits),
        }
    }
    memchr::memmem::find_iter(text, "://").for_each(|at| hosts::url(text, at..at + 3, hits));
    numbers(text, hits);
}

fn words(text: &[u8], hits: &mut Vec<Hit>) {
    static SEARCHER: OnceLock<Option<Searcher>> = OnceLock::new();
    let teddy = || {
        let mut builder =
            Config::new().match_kind(MatchKind::LeftmostLongest).heuristic_pattern_limits(false).builder();
        builder.extend(WORDS.iter().map(|(word, _)| word));
        builder.build()
    };
    if let Some(searcher) = SEARCHER.get_or_init(teddy) {
        for found in searcher.find_iter(text) {
            WORDS[found.pattern().as_usize()].1(text, found.start()..found.end(), hits);
        }
    } else {
        // A processor without vector instructions that Teddy knows.
        for (word, look) in WORDS {
            memchr::memmem::find_iter(text, word).for_each(|at| look(text, at..at + word.len(), hits));
        }
    }
}

/// Places that are looked at together.
const BLOCK: usize = 64;

/// Bytes before and after a place that say whether it is worth a closer look.
const BEFORE: usize = 4;
const AFTER: usize = 6;

/// What stands around a place, the place itself at [`BEFORE`].
type Window = [u8; BEFORE + 1 + AFTER];

/// Addresses and fingerprints: digits around dots, hexadecimal digits around colons and hyphens.
fn numbers(text: &[u8], hits: &mut Vec<Hit>) {
    let mut start = 0;
    places(text, 0..BEFORE.min(text.len()), hits);
    while let Some(block) = text.get(start..start + BLOCK + BEFORE + AFTER).and_then(|block| block.first_chunk()) {
        if interesting(block) {
            places(text, start + BEFORE..start + BEFORE + BLOCK, hits);
        }
        start += BLOCK;
    }
    places(text, (start + BEFORE).min(text.len())..text.len(), hits);
}

/// Whether any place of `block` is worth a closer look.
fn interesting(block: &[u8; BLOCK + BEFORE + AFTER]) -> bool {
    let (mut dots, mut colons) = (0, 0);
    for index in 0..BLOCK {
        let at = index + BEFORE;
        dots |= (block[at] == b'.') as u8 & digit(block[at - 1]) & digit(block[at + 1]);
        let sign = (block[at] == b':') as u8 | (block[at] == b'-') as u8;
        colons |= sign & hexadecimal(block[at - 1]);
    }
    // Few blocks come so far: a decimal number, a word before a colon.
    let window = |index: usize| std::array::from_fn(|offset| block[index + offset]);
    let worth = |look: fn(&Window) -> u8| (0..BLOCK).fold(0, |any, index| any | look(&window(index))) != 0;
    dots != 0 && worth(dotted) || colons != 0 && worth(colon_or_hyphen)
}

/// 1 for a decimal digit, without a branch.
const fn digit(byte: u8) -> u8 {
    (byte.wrapping_sub(b'0') < 10) as u8
}

/// 1 for a colon or a hyphen of an address.
const fn colon_or_hyphen(window: &Window) -> u8 {
    sixteenths(window) | paired(window)
}

/// 1 for a dot between digits and before another dot.
const fn dotted(window: &Window) -> u8 {
    let [.., before, middle, after, second, third, fourth, _, _] = *window;
    let another = (second == b'.') as u8 | (third == b'.') as u8 | (fourth == b'.') as u8;
    (middle == b'.') as u8 & digit(before) & digit(after) & another
}

/// 1 for a colon after four hexadecimal digits and before one or another colon: every IPv6 address that is somebody's
/// begins so (`harmless::v6`), and no time does.
const fn sixteenths(window: &Window) -> u8 {
    let [first, second, third, fourth, middle, after, ..] = *window;
    let group = hexadecimal(first) & hexadecimal(second) & hexadecimal(third) & hexadecimal(fourth);
    (middle == b':') as u8 & group & (hexadecimal(after) | (after == b':') as u8)
}

/// 1 for a colon or a hyphen after a hexadecimal digit, with two more of the kind each after two other bytes: no time of
/// day and no date has so many.
const fn paired(window: &Window) -> u8 {
    let [.., before, middle, after, _, second, _, _, third] = *window;
    let sign = (middle == b':') as u8 | (middle == b'-') as u8;
    sign & (second == middle) as u8 & (third == middle) as u8 & hexadecimal(before) & hexadecimal(after)
}

/// 1 for a hexadecimal digit, without a branch.
const fn hexadecimal(byte: u8) -> u8 {
    let folded = byte | 0x20;
    digit(byte) | (folded.wrapping_sub(b'a') < 6) as u8
}

fn places(text: &[u8], places: Range<usize>, hits: &mut Vec<Hit>) {
    for at in places {
        let look: Look = match text[at] {
            b'.' if dotted(&window(text, at)) != 0 => dots::look,
            b':' if sixteenths(&window(text, at)) | paired(&window(text, at)) != 0 => colons::colon,
            b'-' if paired(&window(text, at)) != 0 => colons::hyphen,
            _ => continue,
        };
        look(text, at..at + 1, hits);
    }
}

/// The window around `at`, with nothing before the beginning and after the end.
fn window(text: &[u8], at: usize) -> Window {
    std::array::from_fn(|offset| {
        (at + offset).checked_sub(BEFORE).and_then(|place| text.get(place)).copied().unwrap_or_default()
    })
}
