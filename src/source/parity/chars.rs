//! The characters of a file, decoded while it is read.
//!
//! Invariant: the stream ends at the first fault, and [`Watch::fault`] tells it from the end of the file.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{ErrorKind, Read};

/// Characters between two events of the parser. Where a flow collection (`[...]`, `{...}`) may turn out to be a
/// mapping's key, the parser holds back all its tokens, some 130 bytes each, until it ends. This bound keeps that
/// under 40 MiB.
pub(super) const LONGEST_VALUE: usize = 256 << 10;

const BUFFER: usize = 64 << 10;

/// Why the characters ended before the file did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Bytes that are not UTF-8.
    NotUtf8 { line: usize, byte: u64 },
    /// A NUL, which YAML does not allow and the parser would take for the end.
    Nul { line: usize, byte: u64 },
    /// More than [`LONGEST_VALUE`] characters without an event.
    TooLong { line: usize },
    /// The file could not be read on.
    Unreadable(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NotUtf8 { line, byte } => {
                write!(f, "line {line}, byte {byte} of the file: not UTF-8; save the file as UTF-8")
            }
            Fault::Nul { line, byte } => {
                write!(
                    f,
                    "line {line}, byte {byte} of the file: a NUL byte, as a crash leaves behind; restore the file"
                )
            }
            Fault::TooLong { line } => {
                write!(f, "up to line {line}: one value or one [...] or {{...}} of over {} KiB", LONGEST_VALUE >> 10)?;
                f.write_str("; write it one entry a line without brackets, or the whole file as JSON")
            }
            Fault::Unreadable(why) => f.write_str(why),
        }
    }
}

/// What the reader of the characters and their source share.
#[derive(Debug)]
pub(super) struct Watch {
    left: Cell<usize>,
    fault: RefCell<Option<Fault>>,
}

impl Default for Watch {
    fn default() -> Self {
        Watch { left: Cell::new(LONGEST_VALUE), fault: RefCell::default() }
    }
}

impl Watch {
    /// Allows [`LONGEST_VALUE`] further characters.
    pub(super) fn refill(&self) {
        self.left.set(LONGEST_VALUE);
    }

    /// Why the characters ended early, if they did.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault.borrow().clone()
    }
}

/// The characters of `reader`, without a leading byte order mark.
pub(super) struct Chars<'a, R> {
    reader: R,
    watch: &'a Watch,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    line: usize,
    before: u64,
    indenting: bool,
}

impl<'a, R: Read> Chars<'a, R> {
    pub(super) fn new(reader: R, watch: &'a Watch) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        let mut chars = Chars { reader, watch, buffer, start: 0, end: 0, line: 1, before: 0, indenting: true };
        if chars.has(3) && chars.buffer.starts_with(b"\xEF\xBB\xBF") {
            chars.start = 3;
        }
        chars
    }

    /// Whether `count` bytes lie in the buffer, read from the file if need be.
    fn has(&mut self, count: usize) -> bool {
        while self.end - self.start < count {
            self.buffer.copy_within(self.start..self.end, 0);
            self.before += self.start as u64;
            self.end -= self.start;
            self.start = 0;
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => return false,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.stop(Fault::Unreadable(error.to_string()));
                    return false;
                }
            }
        }
        true
    }

    fn stop(&self, fault: Fault) -> Option<char> {
        self.watch.fault.borrow_mut().get_or_insert(fault);
        None
    }

    fn byte(&self) -> u64 {
        self.before + self.start as u64
    }

    fn ascii(&mut self, byte: u8) -> Option<char> {
        if byte == 0 {
            return self.stop(Fault::Nul { line: self.line, byte: self.byte() });
        }
        self.start += 1;
        match byte {
            b'\n' => {
                self.line += 1;
                self.indenting = true;
            }
            b' ' | b'\r' => {}
            // The parser refuses `key:<tab>value`, which YAML allows. Within a line a tab separates as a space does;
            // at its start it stays a tab, because there YAML forbids it and the parser says so.
            b'\t' if !self.indenting => return Some(' '),
            b'\t' => {}
            _ => self.indenting = false,
        }
        Some(char::from(byte))
    }

    fn wide(&mut self, first: u8) -> Option<char> {
        let length = match first {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => 0,
        };
        let bytes = if self.has(length) { &self.buffer[self.start..self.start + length] } else { &[] };
        let Some(char) = std::str::from_utf8(bytes).ok().and_then(|text| text.chars().next()) else {
            return self.stop(Fault::NotUtf8 { line: self.line, byte: self.byte() });
        };
        self.start += length;
        self.indenting = false;
        Some(char)
    }
}

impl<R: Read> Iterator for Chars<'_, R> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        // The parser asks again after the end; a stream that went on after a fault would be read as if nothing was.
        if !self.has(1) || self.watch.fault.borrow().is_some() {
            return None;
        }
        let left = self.watch.left.get();
        if left == 0 {
            return self.stop(Fault::TooLong { line: self.line });
        }
        self.watch.left.set(left - 1);
        match self.buffer[self.start] {
            byte if byte.is_ascii() => self.ascii(byte),
            byte => self.wide(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Yields one byte at a time.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.len().min(buffer.len()).min(1);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn decode(reader: impl Read) -> (String, Option<Fault>) {
        let watch = Watch::default();
        let text = Chars::new(reader, &watch).collect();
        (text, watch.fault())
    }

    /// `text` with a space for each tab within a line.
    fn spaced(text: &str) -> String {
        let lines = text.split('\n').map(|line| {
            let (indent, rest) = line.split_at(line.len() - line.trim_start_matches([' ', '\t', '\r']).len());
            format!("{indent}{}", rest.replace('\t', " "))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn tabs_within_a_line_become_spaces() {
        assert_eq!(decode(&b"\ta:\tb\n \t# c\td"[..]).0, "\ta: b\n \t# c d");
    }

    proptest! {
        #[test]
        fn what_std_decodes_is_decoded(bytes in proptest::collection::vec(any::<u8>(), 0..40), text in "\\PC{0,20}") {
            for bytes in [bytes.as_slice(), text.as_bytes()] {
                let expected = match std::str::from_utf8(bytes) {
                    Ok(text) => text,
                    Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap(),
                };
                let expected = expected.split('\0').next().unwrap().trim_start_matches('\u{feff}');
                let (decoded, fault) = decode(bytes);
                prop_assert_eq!(decoded.trim_start_matches('\u{feff}'), spaced(expected));
                prop_assert_eq!(fault.is_none(), std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0')));
                prop_assert_eq!(decode(Drip(bytes)), (decoded, fault));
            }
        }
    }

    #[test]
    fn characters_across_buffers_are_whole() {
        let text = "\u{1F600}\u{e9}x".repeat(BUFFER / 5);
        assert_eq!(decode(text.as_bytes()), (text.clone(), None));
    }

    #[test]
    fn faults_say_where() {
        let fault = |bytes: &[u8]| decode(bytes).1.unwrap().to_string();
        assert_eq!(fault(b"a\nb\xff"), "line 2, byte 3 of the file: not UTF-8; save the file as UTF-8");
        assert!(fault(b"a\n\0\0").starts_with("line 2, byte 2 of the file: a NUL byte"));
        assert!(fault(&vec![b'\n'; LONGEST_VALUE + 1]).starts_with("up to line 262145: one value or one [...]"));
        assert_eq!(decode(&vec![b'\n'; LONGEST_VALUE][..]).1, None);
    }

    #[test]
    fn a_failing_read_is_a_fault() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("input/output error"))
            }
        }
        assert_eq!(decode(Broken).1, Some(Fault::Unreadable("input/output error".into())));
    }
}
