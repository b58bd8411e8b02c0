//! Public keys, their fingerprints, and certificates.
//!
//! Invariant: a key's span reaches to the end of its text where that is near, and else as far as its context goes: its
//! head tells it.

use std::ops::Range;

use super::super::rules::Hit;
use super::cursor::{ahead, before, name_byte};
use super::{CERTIFICATE, FINGERPRINT, SSH_PUBLIC_KEY, USER_AT_HOST, colons, harmless};

/// The longest value that is followed to its end: a chain of certificates.
const LONGEST: usize = 16 << 10;

/// The shortest text of a public key: Ed25519 has 68 characters.
const SHORTEST_KEY: usize = 64;

/// `AAAAC3NzaC1lZDI1NTE5…`, with or without `ssh-ed25519` before it, and the comment after it.
pub(super) fn ssh(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let end = base64_end(text, anchor.start);
    if end - anchor.start < SHORTEST_KEY || before(text, anchor.start).is_some_and(base64) {
        return;
    }
    hits.push(Hit { rule: &SSH_PUBLIC_KEY, span: anchor.start..end });
    let comment = ahead(text, end, |byte| byte == b' ');
    let comment = comment..ahead(text, comment, |byte| name_byte(byte) || matches!(byte, b'@' | b'.'));
    let name = &text[comment.clone()];
    if comment.start == end + 1 && name.contains(&b'@') && !harmless::mask(name) {
        hits.push(Hit { rule: &USER_AT_HOST, span: comment });
    }
}

/// `SHA256:` and 43 characters, as OpenSSH writes it.
pub(super) fn fingerprint(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let end = ahead(text, anchor.end, |byte| base64(byte) && byte != b'=');
    if end - anchor.end == 43 {
        hits.push(Hit { rule: &FINGERPRINT, span: anchor.end..end });
    }
}

/// `MD5:` and 16 pairs.
pub(super) fn md5(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    colons::fingerprint(text, anchor.end, hits);
}

/// `-----BEGIN CERTIFICATE-----` and a body; private keys are secrets and have rules of their own.
pub(super) fn pem(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let label =
        anchor.end..ahead(text, anchor.end, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
    let name = &text[label.clone()];
    let public =
        [&b"CERTIFICATE"[..], b"CERTIFICATE REQUEST", b"X509 CRL", b"PUBLIC KEY", b"PUBLIC KEY BLOCK", b"PKCS7"];
    let public = public.iter().any(|kind| name.ends_with(kind));
    let head = ahead(text, label.end, |byte| byte == b'-');
    let body = ahead(text, head, |byte| byte.is_ascii_whitespace() || matches!(byte, b'\\' | b'n' | b'r' | b'"'));
    // `\n` before the body is an escape; a body that begins with an `n` has just lost it.
    let written = ahead(text, body, base64) - body;
    if public && head > label.end && written >= 16 {
        hits.push(Hit { rule: &CERTIFICATE, span: anchor.start..pem_end(text, body) });
    }
}

/// After the `-----END …-----` within reach, else where the body's characters end.
fn pem_end(text: &[u8], body: usize) -> usize {
    let reach = &text[body..text.len().min(body + LONGEST)];
    match memchr::memmem::find(reach, b"-----END ") {
        Some(at) => {
            let label = ahead(text, body + at + b"-----END ".len(), |byte| byte != b'-' && byte != b'\n');
            ahead(text, label, |byte| byte == b'-')
        }
        None => {
            let part = |byte: &u8| base64(*byte) || byte.is_ascii_whitespace() || *byte == b'\\';
            body + reach.iter().take_while(|byte| part(byte)).count()
        }
    }
}

/// The end of the text of a key from `start` on, at most [`LONGEST`] further.
fn base64_end(text: &[u8], start: usize) -> usize {
    let most = text.len().min(start + LONGEST);
    start + text[start..most].iter().take_while(|byte| base64(**byte)).count()
}

const fn base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
