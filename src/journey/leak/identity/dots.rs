//! IPv4 addresses, told from versions and numbers of sections.
//!
//! Invariant: an address of a private network counts unless its neighbour says "version"; any other one also needs not to
//! look like a version in itself.

use std::net::Ipv4Addr;
use std::ops::Range;

use super::super::rules::Hit;
use super::cursor::{ahead, back, before, line_before, starts};
use super::{PRIVATE_ADDRESS, PUBLIC_ADDRESS, harmless};

/// Looks at the dot between two digits at `anchor`; only the first one of an address leads to a hit.
pub(super) fn look(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let start = back(text, anchor.start, |byte| byte.is_ascii_digit());
    let Some((address, end)) = parse(text, start).filter(|_| alone(text, start)) else { return };
    let bits_end = ahead(text, end + 1, |byte| byte.is_ascii_digit());
    let bits = if starts(text, end, b"/") { &text[end + 1..bits_end] } else { &[] };
    if harmless::v4(address) || harmless::block(address, bits) || called_version(text, start, address) {
        return;
    }
    let private = private(address);
    if private || addressed(text, start, end) || !like_version(address) {
        let rule = if private { &PRIVATE_ADDRESS } else { &PUBLIC_ADDRESS };
        hits.push(Hit { rule, span: start..end });
    }
}

/// Private (RFC 1918), shared (RFC 6598) or link-local (RFC 3927).
fn private(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_private() || address.is_link_local() || first == 100 && second & 0xc0 == 64
}

/// The address at `start` and where it ends, if no further digit or part follows.
fn parse(text: &[u8], start: usize) -> Option<(Ipv4Addr, usize)> {
    // 15 bytes hold any address, and 16 show that a number goes on.
    let rest = &text[start..text.len().min(start + 17)];
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let dotted = rest[..length].strip_suffix(b".").unwrap_or(&rest[..length]);
    let address = std::str::from_utf8(dotted).ok()?.parse().ok()?;
    let end = start + dotted.len();
    let goes_on = match text.get(end) {
        Some(b'-') => text.get(end + 1).is_some_and(u8::is_ascii_alphabetic),
        Some(byte) => byte.is_ascii_alphabetic() || *byte == b'_',
        None => false,
    };
    // `10.0.0.1n` is no address, but one in `"10.0.0.1\n"` of JSON is followed by a backslash, which is fine here.
    (!goes_on).then_some((address, end))
}

/// Whether nothing before `start` belongs to a longer name or number.
fn alone(text: &[u8], start: usize) -> bool {
    match before(text, start) {
        Some(byte) => !byte.is_ascii_alphanumeric() && !matches!(byte, b'.' | b'_'),
        None => true,
    }
}

/// Whether the words before say that it is a version: `v1.2.3.4` is ruled out by its letter already.
fn called_version(text: &[u8], start: usize, address: Ipv4Addr) -> bool {
    const WORDS: [&[u8]; 15] = [
        b"version",
        b"versions",
        b"ver",
        b"release",
        b"build",
        b"rev",
        b"revision",
        b"section",
        b"chapter",
        b"figure",
        b"table",
        b"clause",
        b"driver",
        b"firmware",
        b"python",
    ];
    let head = line_before(text, start, 24).to_ascii_lowercase();
    let bare = head.trim_ascii_end();
    let sign = [&b"=="[..], b">=", b"<=", b"~=", b"!=", b"\xc2\xa7"].iter().any(|sign| bare.ends_with(sign));
    // `Chrome/10.0.0.1`: a product and its version, as in a User-Agent; a URL's host has two slashes before it. A private
    // address that is written like no version is one, in a path too: `etc/10.121.246.144`.
    let product = (like_version(address) || !private(address))
        && head.len() >= 2
        && head.ends_with(b"/")
        && head[head.len() - 2].is_ascii_alphabetic();
    sign || product || WORDS.contains(&last_word(&head))
}

/// The last word of `head`, over the signs that may stand between a name and its value.
fn last_word(head: &[u8]) -> &[u8] {
    let sign = |byte: &u8| matches!(byte, b' ' | b'"' | b'\'' | b':' | b'=' | b'(' | b'\\' | b'`');
    let named = head.len() - head.iter().rev().take_while(|byte| sign(byte)).count();
    head[..named].rsplit(|byte| !byte.is_ascii_alphanumeric()).next().unwrap_or_default()
}

/// Whether what stands around it can only stand around an address: a scheme, a user, a port, a length of prefix, or a
/// word.
fn addressed(text: &[u8], start: usize, end: usize) -> bool {
    const WORDS: [&[u8]; 16] = [
        b"ip",
        b"ipv4",
        b"addr",
        b"address",
        b"host",
        b"from",
        b"ping",
        b"ssh",
        b"peer",
        b"server",
        b"gateway",
        b"via",
        b"nameserver",
        b"inet",
        b"src",
        b"dst",
    ];
    let head = line_before(text, start, 24).to_ascii_lowercase();
    let digit_after = |sign: u8| text.get(end) == Some(&sign) && text.get(end + 1).is_some_and(u8::is_ascii_digit);
    head.ends_with(b"//")
        || head.ends_with(b"@")
        || digit_after(b':')
        || digit_after(b'/')
        || WORDS.contains(&last_word(&head))
}

/// Four small numbers look like a version (`1.2.3.4`); one address in 4,096 does.
fn like_version(address: Ipv4Addr) -> bool {
    address.octets().iter().all(|octet| *octet < 32)
}
