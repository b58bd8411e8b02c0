//! Names and label values as they stand on the page, unescaped only when asked for.

use std::borrow::Cow;

/// A piece of the page between quotes, or a bare name. Empty by default.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Text<'a>(pub(super) &'a [u8]);

impl<'a> Text<'a> {
    /// The bytes as they stand on the page, with their escapes.
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// Whether it says `other`.
    pub fn is(self, other: &str) -> bool {
        self.0 == other.as_bytes() || (self.0.contains(&b'\\') && self.decode() == other)
    }

    /// What it says: `\\`, `\"` and `\n` resolved, and U+FFFD in place of what is not UTF-8. Allocates only then.
    pub fn decode(self) -> Cow<'a, str> {
        let text = String::from_utf8_lossy(self.0);
        if text.contains('\\') { Cow::Owned(unescape(&text)) } else { text }
    }
}

impl std::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.decode().fmt(f)
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, false) => out.push(c),
            _ => match chars.next() {
                Some('n') => out.push('\n'),
                Some(escaped @ ('\\' | '"')) => out.push(escaped),
                // Not an escape of the format: both characters stand for themselves.
                other => out.extend(std::iter::once('\\').chain(other)),
            },
        }
    }
    out
}
