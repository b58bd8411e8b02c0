//! What hexadecimal digits and colons spell: IPv6 addresses, hardware addresses, fingerprints.
//!
//! Invariant: times (`12:34:56`), ratios and paths of Rust and C++ (`add::bad`) are none of them.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::super::rules::Hit;
use super::cursor::{ahead, back, before, hex};
use super::{FINGERPRINT, IPV6_ADDRESS, MAC_ADDRESS, harmless};

/// Looks at the colon after a hexadecimal digit at `anchor`; only the first one of a run leads to a hit.
pub(super) fn colon(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let start = back(text, anchor.start, hex);
    // A colon before it belongs to the run, unless it ends a word (`addr:fe80::1`).
    let colon_before =
        start >= 1 && text[start - 1] == b':' && (start < 2 || hex(text[start - 2]) || text[start - 2] == b':');
    if colon_before
        || before(text, start).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
    {
        return;
    }
    let end = ahead(text, start, |byte| hex(byte) || byte == b':');
    if !pairs(text, start..end, b':', hits) {
        v6(text, start..end, hits);
    }
}

/// Looks at the hyphen between hexadecimal digits at `anchor`: a hardware address as Windows and the standards write it.
pub(super) fn hyphen(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let start = back(text, anchor.start, hex);
    if before(text, start).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        return;
    }
    let end = ahead(text, start, |byte| hex(byte) || byte == b'-');
    // A time in a file's name (`26-11-25-12-34-56`) has no letters.
    if text[start..end].iter().any(u8::is_ascii_alphabetic) {
        pairs(text, start..end, b'-', hits);
    }
}

/// Looks at what follows `MD5:` at `start`.
pub(super) fn fingerprint(text: &[u8], start: usize, hits: &mut Vec<Hit>) {
    let end = ahead(text, start, |byte| hex(byte) || byte == b':');
    if text[start..end].contains(&b':') {
        pairs(text, start..end, b':', hits);
    }
}

/// Pairs of digits: 6 are a hardware address, 16, 20 and 32 a fingerprint by MD5, SHA-1 and SHA-256. `true` when these
/// are pairs, whoever's.
fn pairs(text: &[u8], span: Range<usize>, between: u8, hits: &mut Vec<Hit>) -> bool {
    let (run, end) = (&text[span.clone()], span.end);
    let whole = run.chunks(3).all(|pair| {
        pair.len() >= 2 && pair[..2].iter().all(|byte| hex(*byte)) && *pair.get(2).unwrap_or(&between) == between
    });
    // One separator too many ends a sentence (`aa:bb:…:ff: up`).
    let span = if run.len().is_multiple_of(3) { span.start..end.saturating_sub(1) } else { span };
    if !whole || text.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
        return false;
    }
    let octets: Vec<u8> = text[span.clone()].chunks(3).filter_map(octet).collect();
    match octets.len() {
        6 => {
            let mut address = [0; 6];
            address.copy_from_slice(&octets);
            if !harmless::mac(address) {
                hits.push(Hit { rule: &MAC_ADDRESS, span });
            }
        }
        16 | 20 | 32 => hits.push(Hit { rule: &FINGERPRINT, span }),
        // A time of day has two or three pairs, and an IPv6 address that is written out may be all pairs.
        count => return count != 8,
    }
    true
}

fn octet(pair: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(pair.get(..2)?).ok()?, 16).ok()
}

/// An IPv6 address, whose last part may be an IPv4 address (then its last dots follow the run).
fn v6(text: &[u8], span: Range<usize>, hits: &mut Vec<Hit>) {
    let run = &text[span.clone()];
    let colons = run.iter().filter(|byte| **byte == b':').count();
    // An address of eight parts has 39 digits and colons at most; paths of code and times are shorter than three.
    if colons < 2 || run.len() > 40 {
        return;
    }
    let mixed = ahead(text, span.end, |byte| byte.is_ascii_digit() || byte == b'.');
    let mixed = mixed - usize::from(text[..mixed].ends_with(b"."));
    let candidates = [span.start..mixed, span.clone(), span.start..span.end - usize::from(run.ends_with(b":"))];
    let found = candidates.into_iter().find_map(|span| Some((parse(&text[span.clone()])?, span)));
    let Some((address, span)) = found else { return };
    let goes_on = text.get(span.end).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'));
    if !goes_on && !harmless::v6(address) {
        hits.push(Hit { rule: &IPV6_ADDRESS, span });
    }
}

fn parse(text: &[u8]) -> Option<Ipv6Addr> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok()
}
