//! Undoes percent-encoding (`%41`), quoted-printable text (`=41`, `=` at the end of a line) and lists of hexadecimal
//! bytes (`0x41, 0x42`).

use memchr::{memchr_iter, memmem};

use super::Layer;
use super::encoded;
use super::patch::Patch;
use super::view::{Ratio, View};

/// Adds the stretches of `text` with percent-encoding to `view`, decoded.
pub(super) fn percent(text: &[u8], view: &mut View) {
    let mut patch = Patch::new(text, view);
    for at in memchr_iter(b'%', text) {
        if let Some(byte) = pair(&text[at + 1..]) {
            patch.replace(at..at + 3, &[byte], Layer::Percent);
        }
    }
    patch.finish();
}

/// Adds the stretches of quoted-printable text to `view`, decoded. Only an escaped equals sign shows that a text is
/// written so: `a=10` is everywhere.
pub(super) fn quoted_printable(text: &[u8], view: &mut View) {
    if memmem::find(text, b"=3D").is_none() {
        return;
    }
    let mut patch = Patch::new(text, view);
    for at in memchr_iter(b'=', text) {
        let rest = &text[at + 1..];
        if let Some(byte) = pair(rest) {
            patch.replace(at..at + 3, &[byte], Layer::QuotedPrintable);
        } else if let Some(length) = line_end(rest) {
            patch.replace(at..at + 1 + length, b"", Layer::QuotedPrintable);
        }
    }
    patch.finish();
}

/// A shorter list of bytes holds nothing.
const LIST: usize = 6;

/// Adds what lists of hexadecimal bytes hold to `view`.
pub(super) fn byte_lists(text: &[u8], view: &mut View) {
    let mut done = 0;
    for at in memmem::find_iter(text, b"0x") {
        if at < done {
            continue;
        }
        let (bytes, end) = byte_list(text, at);
        done = end;
        let each = u8::try_from((end - at) / bytes.len().max(1)).unwrap_or(4);
        encoded::texts(&bytes, LIST, |part| {
            view.decoded(at + part.start * usize::from(each), Ratio(each, 1), &bytes[part], Layer::Hex);
        });
    }
}

/// The bytes of the list that begins at `at`, and where it ends.
fn byte_list(text: &[u8], mut at: usize) -> (Vec<u8>, usize) {
    let mut bytes = Vec::new();
    let mut end = at + 2;
    while text[at..].starts_with(b"0x")
        && let Some(byte) = pair(&text[at + 2..])
        && text.get(at + 4).is_none_or(|next| !next.is_ascii_hexdigit())
    {
        bytes.push(byte);
        end = at + 4;
        let between = text[end..].iter().take(24).take_while(|byte| b" ,;\t\r\n".contains(byte)).count();
        at = end + between;
    }
    (bytes, end)
}

/// The byte that two hexadecimal digits at the start of `text` stand for.
fn pair(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| text.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

fn line_end(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"\n") { Some(1) } else { text.starts_with(b"\r\n").then_some(2) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(undo: fn(&[u8], &mut View), text: &str) -> String {
        let mut view = View::default();
        undo(text.as_bytes(), &mut view);
        String::from_utf8_lossy(view.bytes()).into_owned()
    }

    #[test]
    fn percent_encoded_text_is_decoded() {
        assert_eq!(undone(percent, "k%3D%41%4a%4A 100% %zz %4"), "k=AJJ 100% %zz %4");
        assert_eq!(undone(percent, "nothing at 100%"), "");
    }

    #[test]
    fn quoted_printable_text_is_decoded_where_it_shows_itself() {
        assert_eq!(undone(quoted_printable, "k=3Dabc=\ndef=41\r\n"), "k=abcdefA\r\n");
        assert_eq!(undone(quoted_printable, "a=10 b=41"), "");
    }

    #[test]
    fn lists_of_bytes_are_decoded() {
        let list = "[0x73, 0x65,0x63 0x72,\n  0x65, 0x74, 0x20, 0x76, 0x61, 0x6c, 0x75, 0x65]";
        assert_eq!(undone(byte_lists, list), "secret value");
        assert_eq!(undone(byte_lists, "0x7365 0x73 0x"), "");
    }
}
