//! Paths: homes, what an operator lays out, `~user`, and names that spell a path.
//!
//! Invariant: a path is told by a root below which names are chosen by a person. Where a package puts things on every
//! machine (`/usr`, `/etc`, `/var/lib`, `/opt`, `/proc`, `/tmp`) nothing is told about this one, nor by `~/` alone.

use std::ops::Range;

use super::super::rules::{Hit, Rule};
use super::cursor::{ahead, back, before, line_before, starts, word_at, word_before};
use super::{DATA_PATH, HOME_PATH, PROJECT_SLUG, TILDE_USER, harmless};

/// Directories that hold a `home` of their own on some systems.
const PARENTS: [&[u8]; 9] =
    [b"/var", b"/usr", b"/export", b"/exports", b"/nfs", b"/net", b"/cluster", b"/lustre", b"/gpfs"];

/// `/home/NAME`.
pub(super) fn home(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let parent = PARENTS.iter().find(|parent| text[..anchor.start].ends_with(parent));
    let start = anchor.start - parent.map_or(0, |parent| parent.len());
    if !harmless::home(component(text, anchor.end)) {
        push(text, start..anchor.end, &HOME_PATH, hits);
    }
}

/// `/Users/NAME`.
pub(super) fn users(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    if !harmless::home(component(text, anchor.end)) {
        push(text, anchor, &HOME_PATH, hits);
    }
}

/// `/root/NAME`: what a machine's owner keeps in the home of root.
pub(super) fn root(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    push(text, anchor, &HOME_PATH, hits);
}

/// `/data/NAME` and its like. `/media/NAME` alone is also a folder of web sites: there a second name must follow; and a
/// drive of Windows in its Linux (`/mnt/c`) is everybody's.
pub(super) fn data(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let name = component(text, anchor.end);
    let more =
        text.get(anchor.end + name.len()) == Some(&b'/') && !component(text, anchor.end + name.len() + 1).is_empty();
    let alone_is_harmless = starts(text, anchor.start, b"/media/") || name.len() == 1;
    if more || !alone_is_harmless {
        push(text, anchor, &DATA_PATH, hits);
    }
}

/// `C:\Users\NAME`, its backslashes doubled or not.
pub(super) fn windows(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let drive = back(text, anchor.start, |byte| byte == b'\\');
    let Some(start) = drive.checked_sub(2).filter(|at| text[*at].is_ascii_alphabetic() && text[drive - 1] == b':')
    else {
        return;
    };
    let name = ahead(text, anchor.end, |byte| byte == b'\\');
    if !component(text, name).is_empty() && !harmless::home(component(text, name)) && !word_before(text, start) {
        let end = ahead(text, start, |byte| in_path(byte) || matches!(byte, b'\\' | b':'));
        hits.push(Hit { rule: &HOME_PATH, span: start..trimmed(text, start..end) });
    }
}

/// `-home-NAME-PROJECT`, as coding agents call the folder of a project.
pub(super) fn slug(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let previous = before(text, anchor.start);
    let end = ahead(text, anchor.start, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let span = anchor.start..trimmed(text, anchor.start..end);
    if word_before(text, anchor.start) || matches!(previous, Some(b'-' | b'.')) || span.end <= anchor.end {
        return;
    }
    let first = text[anchor.end..span.end].split(|byte| *byte == b'-').next().unwrap_or_default();
    let parts = text[span.clone()].iter().filter(|byte| **byte == b'-').count();
    let tells = match &text[anchor] {
        b"-home-" | b"-Users-" => !first.is_empty() && !harmless::home(first) && !harmless::option(first),
        // Options of programs look like these (`-data-dir`): the place or the length must say that it is a path.
        _ => !first.is_empty() && (previous == Some(b'/') || parts > 3),
    };
    if tells {
        hits.push(Hit { rule: &PROJECT_SLUG, span });
    }
}

/// `~NAME/…` anywhere, `~NAME` alone after a command that takes a directory. `~/` tells nothing, and neither do
/// approximations (`~half`) and complements (`&~mask`).
pub(super) fn tilde(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let end = account(text, at + 1);
    let previous = before(text, at);
    if previous == Some(b'/') {
        return tilde_in_url(text, at, end, hits);
    }
    if end < at + 3 || word_before(text, at) || matches!(previous, Some(b'~' | b'.' | b')' | b']' | b'&' | b'}')) {
        return;
    }
    // Perl's and sed's operators: `$line =~ tr/a/b/`.
    let operator = previous == Some(b'=') && matches!(&text[at + 1..end], b"tr" | b"qr" | b"qw");
    let path = text.get(end) == Some(&b'/') && !operator;
    if path || !word_at(text, end) && after_command(line_before(text, at, 16)) {
        let end = ahead(text, at, in_path);
        hits.push(Hit { rule: &TILDE_USER, span: at..trimmed(text, at..end) });
    }
}

/// `https://host/~NAME`.
fn tilde_in_url(text: &[u8], at: usize, end: usize, hits: &mut Vec<Hit>) {
    if end >= at + 3 && !word_at(text, end) {
        hits.push(Hit { rule: &TILDE_USER, span: at..end });
    }
}

fn after_command(head: &[u8]) -> bool {
    const COMMANDS: [&[u8]; 10] = [b"cd ", b"ls ", b"cat ", b"cp ", b"mv ", b"rm ", b"du ", b"pushd ", b"-R ", b"-la "];
    COMMANDS.iter().any(|command| head.ends_with(command))
}

/// The end of an account's name that begins at `start` (`useradd`'s pattern), or `start`.
fn account(text: &[u8], start: usize) -> usize {
    match text.get(start) {
        Some(b'a'..=b'z' | b'_') => {
            ahead(text, start, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
        }
        _ => start,
    }
}

/// One name of a path, from `start` on; empty where there is none or only dots.
fn component(text: &[u8], start: usize) -> &[u8] {
    let name = &text[start.min(text.len())..ahead(text, start.min(text.len()), |byte| in_path(byte) && byte != b'/')];
    let named = name.iter().any(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
    // What begins otherwise stands for a name (`$USER`, `%u`).
    let written =
        name.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || *byte >= 0x80);
    if named && written && !name.starts_with("…".as_bytes()) { name } else { &[] }
}

/// The path that begins with `head`, whose last byte is a slash, if it is a path of its own with a name below `head`.
fn push(text: &[u8], head: Range<usize>, rule: &'static Rule, hits: &mut Vec<Hit>) {
    if !component(text, head.end).is_empty() && begins(text, head.start) {
        let end = ahead(text, head.start, in_path);
        hits.push(Hit { rule, span: head.start..trimmed(text, head.start..end) });
    }
}

/// Whether a path that stands at `at` begins there: it is neither the rest of a longer or relative one nor a URL's host.
fn begins(text: &[u8], at: usize) -> bool {
    match before(text, at) {
        Some(b'/') => at < 2 || text[at - 2] != b':',
        // `-I/home/…`: an option that takes a directory without a space.
        Some(byte) if byte.is_ascii_alphabetic() => {
            at >= 2 && text[at - 2] == b'-' && !word_before(text, at - 2) && before(text, at - 2) != Some(b'-')
        }
        Some(b'.' | b'~' | b'%' | b')' | b'}' | b']' | b'-' | b'*' | b'+' | b'$' | b'_') => false,
        Some(byte) => !byte.is_ascii_digit() && byte < 0x80,
        None => true,
    }
}

/// A byte that paths are written with outside quotes; those of other scripts too.
const fn in_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'+' | b'@' | b'%' | b'~' | b'#' | b'=' | b'$')
        || byte >= 0x80
}

/// The end of `span` without the dots that end a sentence.
fn trimmed(text: &[u8], span: Range<usize>) -> usize {
    let dots = text[span.clone()].iter().rev().take_while(|byte| matches!(byte, b'.' | b'-' | b'=' | b'/')).count();
    let ellipsis = text[span.clone()].ends_with("…".as_bytes());
    if ellipsis { span.end - "…".len() } else { span.end - dots }
}
