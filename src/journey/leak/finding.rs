//! What the gate tells of what it found.
//!
//! Invariant: nothing here can hold a value. A fingerprint is keyed: whoever reads a report and guesses a value cannot
//! try the guess without the key.

use ring::hmac;
use serde::{Serialize, Serializer};

/// Something that must not be shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The name of the rule.
    pub rule: String,
    /// The file, as it was named to the gate, with `!/` before the name of a file within an archive. Where the name
    /// itself holds a value, the name of the rule stands in its place.
    pub file: String,
    /// The line, from 1 on; in a file within an archive it counts from that file's start.
    pub line: u64,
    /// The column, from 1 on, in bytes.
    pub column: u64,
    /// Equal for equal values of one rule under one key: 16 hexadecimal digits of HMAC-SHA-256 over both.
    pub fingerprint: String,
    /// What had to be undone to get at the value, the outermost first; empty where it stands as it is.
    pub layers: Vec<Layer>,
}

/// A way in which text is written that hides a value from a plain search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// It is the name of the file that holds the value; line and column count within the name.
    Name,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// Brotli.
    Brotli,
    /// zlib, as git's objects are.
    Zlib,
    /// A tar archive.
    Tar,
    /// A zip archive.
    Zip,
    /// A backslash's escape: `\u0041`, `\"`, `\n`.
    Json,
    /// An HTML entity.
    Html,
    /// HTML or SVG tags within the value.
    Markup,
    /// Invisible characters, or colours of a terminal.
    Hidden,
    /// A line break within the value.
    Folded,
    /// Percent-encoding.
    Percent,
    /// Quoted-printable text.
    QuotedPrintable,
    /// Base64 in either alphabet.
    Base64,
    /// Hexadecimal digits.
    Hex,
    /// UTF-16.
    Utf16,
}

impl Layer {
    /// The word for it in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Layer::Name => "name",
            Layer::Gzip => "gzip",
            Layer::Zstd => "zstd",
            Layer::Brotli => "brotli",
            Layer::Zlib => "zlib",
            Layer::Tar => "tar",
            Layer::Zip => "zip",
            Layer::Json => "json",
            Layer::Html => "html",
            Layer::Markup => "markup",
            Layer::Hidden => "hidden",
            Layer::Folded => "folded",
            Layer::Percent => "percent",
            Layer::QuotedPrintable => "quoted-printable",
            Layer::Base64 => "base64",
            Layer::Hex => "hex",
            Layer::Utf16 => "utf-16",
        }
    }
}

impl Serialize for Layer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Makes fingerprints.
pub(super) struct Key(hmac::Key);

impl Key {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Key(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The fingerprint of `value`, which `rule` found.
    pub(super) fn fingerprint(&self, rule: &str, value: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(rule.as_bytes());
        context.update(b"\0");
        context.update(value);
        context.sign().as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_fingerprints_under_one_key_alone() {
        let key = Key::new(&[1; 32]);
        let fingerprint = key.fingerprint("rule", b"value");
        assert_eq!(fingerprint.len(), 16);
        assert_eq!(key.fingerprint("rule", b"value"), fingerprint);
        assert_ne!(key.fingerprint("rule", b"other"), fingerprint);
        assert_ne!(key.fingerprint("other", b"value"), fingerprint);
        assert_ne!(Key::new(&[2; 32]).fingerprint("rule", b"value"), fingerprint);
    }
}
