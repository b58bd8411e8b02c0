//! SHA-256, by which files, releases and what they are made of are told apart, and how it is written down.
//!
//! Invariant: 64 digits in small letters are the one form of it in names and files.

use std::io::Read;

use ring::digest::{Context, SHA256};

/// SHA-256 of something.
pub type Digest = [u8; 32];

/// What `context` has come to.
pub(super) fn done(context: Context) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    done(context)
}

/// SHA-256 of what `content` still holds.
pub(crate) fn sha256_of(content: &mut dyn Read) -> std::io::Result<Digest> {
    let (mut context, mut buffer) = (Context::new(&SHA256), vec![0; 64 << 10]);
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(done(context)),
            count => context.update(&buffer[..count]),
        }
    }
}

/// `bytes` in hexadecimal digits, small letters.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // Written in place, not char by char: a run of a large release writes a hundred thousand of them.
    let mut digits = vec![0; 2 * bytes.len()];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    String::from_utf8(digits).unwrap_or_default()
}

/// What [`hex`] wrote of a digest; nothing of any other text.
pub(super) fn unhex(text: &str) -> Option<Digest> {
    let digits = text.as_bytes();
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_read_back_and_nothing_else_is() {
        let digest = sha256(b"abc");
        assert_eq!(hex(&digest), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(unhex(&hex(&digest)), Some(digest));
        for text in ["", "ba", &"g".repeat(64), &"AB".repeat(32), &"0".repeat(66)] {
            assert_eq!(unhex(text), None, "{text}");
        }
    }
}
