//! A stock of text, escaped once, from which pieces of any length are copied: that is what makes gigabytes quickly.

use super::chance::Chance;
use super::words::{CODE, PROSE};

/// Bytes of the stock of code, and of the stock of base64.
const STOCK: usize = 1 << 20;

/// Text in the form that it has between the quotes of a JSON string.
pub(crate) struct Text {
    bytes: Vec<u8>,
    /// Where lines begin.
    lines: Vec<usize>,
    base64: Vec<u8>,
}

impl Text {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let (mut bytes, mut lines) = (Vec::with_capacity(STOCK + 256), Vec::new());
        while bytes.len() < STOCK {
            lines.push(bytes.len());
            let line = format!("{:>5}\t{}\n", chance.below(2000), chance.one(CODE));
            bytes.extend_from_slice(escaped(&line).as_bytes());
        }
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let base64 = (0..STOCK / 4).map(|_| *chance.one(alphabet)).collect();
        Text { bytes, lines, base64 }
    }

    /// Lines of code, results and lists, about this many bytes.
    pub(crate) fn code(&self, chance: &mut Chance, about: usize) -> &[u8] {
        let from = chance.below(self.lines.len() as u64 / 2);
        let from = self.lines[usize::try_from(from).unwrap_or(0)];
        let end = self.lines.partition_point(|line| *line < from + about.min(STOCK / 2));
        &self.bytes[from..self.lines[end.min(self.lines.len() - 1)]]
    }

    /// A picture, about this many bytes.
    pub(crate) fn picture(&self, chance: &mut Chance, about: usize) -> &[u8] {
        let length = about.min(self.base64.len() / 2) / 4 * 4;
        let from = chance.below((self.base64.len() - length) as u64);
        let from = usize::try_from(from).unwrap_or(0);
        &self.base64[from..from + length]
    }

    /// Some sentences.
    pub(crate) fn prose(chance: &mut Chance, sentences: u64) -> String {
        let sentences: Vec<&str> = (0..sentences).map(|_| *chance.one(PROSE)).collect();
        escaped(&sentences.join(" "))
    }
}

/// `text` as it stands between the quotes of a JSON string.
pub(crate) fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
