//! Where to look: the few bytes that every value of a rule holds.
//!
//! Invariant: four passes, each over the whole text and each by vector instructions where there is nothing: known words
//! (Teddy), `@` and `~`, `://`, dots, colons and hyphens (memchr). Only what they stop at is looked at closely. Nothing
//! here waits for the compiler to make vector instructions: the release is built for size, where it makes none.

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

/// Bytes before and after a place that say whether it is worth a closer look.
const BEFORE: usize = 4;
const AFTER: usize = 6;

/// What stands around a place, the place itself at [`BEFORE`].
type Window = [u8; BEFORE + 1 + AFTER];

/// Addresses and fingerprints: digits around dots, hexadecimal digits around colons and hyphens. Text is full of these
/// signs, so that what stands around one is looked at without a call.
fn numbers(text: &[u8], hits: &mut Vec<Hit>) {
    for at in memchr::memchr3_iter(b'.', b':', b'-', text) {
        let edge;
        let window = match at.checked_sub(BEFORE).and_then(|from| text[from..].first_chunk()) {
            Some(window) => window,
            None => {
                edge = window_at_edge(text, at);
                &edge
            }
        };
        let look: Look = match text[at] {
            b'.' if dotted(window) => dots::look,
            b':' if sixteenths(window) || paired(window) => colons::colon,
            b'-' if paired(window) => colons::hyphen,
            _ => continue,
        };
        look(text, at..at + 1, hits);
    }
}

/// A dot between digits and before another dot.
#[inline(always)]
const fn dotted(window: &Window) -> bool {
    let [.., before, _, after, second, third, fourth, _, _] = *window;
    before.is_ascii_digit() && after.is_ascii_digit() && (second == b'.' || third == b'.' || fourth == b'.')
}

/// A colon after four hexadecimal digits and before one or another colon: every IPv6 address that is somebody's begins
/// so (`harmless::v6`), and no time does.
#[inline(always)]
const fn sixteenths(window: &Window) -> bool {
    let [first, second, third, fourth, _, after, ..] = *window;
    hexadecimal(fourth)
        && hexadecimal(third)
        && hexadecimal(second)
        && hexadecimal(first)
        && (hexadecimal(after) || after == b':')
}

/// A colon or a hyphen after a hexadecimal digit, with two more of the kind each after two other bytes: no time of day
/// and no date has so many.
#[inline(always)]
const fn paired(window: &Window) -> bool {
    let [.., before, middle, after, _, second, _, _, third] = *window;
    second == middle && third == middle && hexadecimal(before) && hexadecimal(after)
}

#[inline(always)]
const fn hexadecimal(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

/// The window around `at`, with nothing before the beginning and after the end.
#[cold]
fn window_at_edge(text: &[u8], at: usize) -> Window {
    std::array::from_fn(|offset| {
        (at + offset).checked_sub(BEFORE).and_then(|place| text.get(place)).copied().unwrap_or_default()
    })
}
