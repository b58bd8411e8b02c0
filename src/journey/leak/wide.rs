//! UTF-16 within other bytes, in either order: ASCII text with a NUL beside each character.

use memchr::memchr;

use super::Layer;
use super::encoded::TEXT;
use super::view::{Ratio, View};

/// Adds the stretches of `text` that are UTF-16 to `view`, a byte for each character. Characters beyond ASCII end a
/// stretch: no secret holds one.
pub(super) fn narrow(text: &[u8], view: &mut View) {
    let mut characters = Vec::new();
    let mut at = 0;
    while let Some(length) = memchr(0, &text[at..]) {
        let start = (at + length).saturating_sub(1).max(at);
        at += length + 1;
        characters.clear();
        let first = start + usize::from(text[start] == 0);
        characters.extend(
            text[first..]
                .chunks(2)
                .map_while(|pair| (is_text(pair[0]) && pair.get(1).is_none_or(|&nul| nul == 0)).then_some(pair[0])),
        );
        if characters.len() >= TEXT / 2 {
            view.decoded(first, Ratio(2, 1), &characters, Layer::Utf16);
        }
        at = at.max(first + 2 * characters.len()).min(text.len());
    }
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_are_read_wherever_they_begin() {
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            for lead in ["", "x", "xy"] {
                let mut text = lead.as_bytes().to_vec();
                text.extend("\u{feff}a secret".encode_utf16().flat_map(order));
                let mut view = View::default();
                narrow(&text, &mut view);
                let found = String::from_utf8_lossy(view.bytes()).into_owned();
                assert!(found.ends_with("a secret") || found.ends_with("secret"), "{lead}: {found:?}");
            }
        }
    }

    #[test]
    fn other_bytes_are_not_utf_16() {
        for text in [&b"plain text of no interest"[..], b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", b"a\0\0\0b\0\0\0c\0", b"\0"]
        {
            let mut view = View::default();
            narrow(text, &mut view);
            assert!(view.is_empty(), "{text:?}");
        }
    }
}
