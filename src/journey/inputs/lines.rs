//! Whole lines of a reader, each with its offset.
//!
//! Invariant: at most the longest admitted line is held; a line that is longer is told once and passed over; what
//! follows the last line ending is told as torn and not handed out.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;

use memchr::memchr;

/// Bytes of one block; it grows only for a longer line.
const BLOCK: usize = 256 << 10;

/// One piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A line without its line ending.
    Line(&'a [u8]),
    /// It is longer than is read.
    TooLong,
    /// What follows the last line ending: its rest may follow.
    Torn,
}

/// Hands each line of `reader`, whose first byte stands at `start`, to `take` with its offset. Returns the offset after
/// the last line ending.
///
/// # Errors
/// Those of reading; the lines before it were handed out.
pub(super) fn each(
    mut reader: impl Read,
    start: u64,
    max_line: usize,
    mut take: impl FnMut(u64, Piece<'_>),
) -> io::Result<u64> {
    let mut block = vec![0; BLOCK.min(max_line.saturating_add(1))];
    // `block[..filled]` is the beginning of a line that stands at `base`; `dropping`: of one that is too long.
    let (mut filled, mut base, mut ended, mut dropping) = (0, start, start, false);
    loop {
        if filled == block.len() {
            if filled > max_line {
                if !std::mem::replace(&mut dropping, true) {
                    take(base, Piece::TooLong);
                }
                (base, filled) = (base + filled as u64, 0);
            } else {
                block.resize(filled.saturating_mul(2).min(max_line + 1), 0);
            }
        }
        let got = some(&mut reader, &mut block[filled..])?;
        if got == 0 {
            break;
        }
        let (mut line, mut seen) = (0, filled);
        filled += got;
        while let Some(end) = memchr(b'\n', &block[seen..filled]) {
            let end = seen + end;
            let piece = if end - line > max_line { Piece::TooLong } else { Piece::Line(&block[line..end]) };
            if !std::mem::take(&mut dropping) {
                take(base + line as u64, piece);
            }
            (line, seen) = (end + 1, end + 1);
            ended = base + line as u64;
        }
        block.copy_within(line..filled, 0);
        (base, filled) = (base + line as u64, filled - line);
    }
    if filled > 0 || dropping {
        take(base, Piece::Torn);
    }
    Ok(ended)
}

/// The next bytes; none at the end.
fn some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// The bytes of `file` from `at` up to `end`, whoever else reads it. Ends early where the file was cut.
#[derive(Debug)]
pub(super) struct Part<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl<'a> Part<'a> {
    pub(super) fn new(file: &'a File, at: u64, end: u64) -> Self {
        Part { file, at, end }
    }
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buffer.len());
        let got = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += got as u64;
        Ok(got)
    }
}

/// A line without blanks and NUL bytes at both ends: a file system leaves these after a loss of power. A byte order mark
/// goes too.
pub(super) fn trimmed(mut line: &[u8]) -> &[u8] {
    line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    while let [first, rest @ ..] = line
        && blank(first)
    {
        line = rest;
    }
    while let [rest @ .., last] = line
        && blank(last)
    {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq)]
    enum Told {
        Line(u64, Vec<u8>),
        TooLong(u64),
        Torn(u64),
    }

    /// Gives as many bytes at once as it likes.
    struct Drips<'a>(&'a [u8], usize);

    impl Read for Drips<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn told(bytes: &[u8], start: u64, max: usize, drip: usize) -> (Vec<Told>, u64) {
        let mut told = Vec::new();
        let ended = each(Drips(bytes, drip), start, max, |offset, piece| {
            told.push(match piece {
                Piece::Line(line) => Told::Line(offset, line.to_vec()),
                Piece::TooLong => Told::TooLong(offset),
                Piece::Torn => Told::Torn(offset),
            });
        });
        (told, ended.unwrap())
    }

    /// The same, said simply.
    fn expected(bytes: &[u8], start: u64, max: usize) -> (Vec<Told>, u64) {
        let (mut told, mut offset, mut ended) = (Vec::new(), start, start);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(line) if line.len() > max => told.push(Told::TooLong(offset)),
                Some(line) => told.push(Told::Line(offset, line.to_vec())),
                None if line.len() > max => told.extend([Told::TooLong(offset), Told::Torn(offset)]),
                None => told.push(Told::Torn(offset)),
            }
            offset += line.len() as u64;
            ended = if line.ends_with(b"\n") { offset } else { ended };
        }
        (told, ended)
    }

    proptest! {
        #[test]
        fn every_line_comes_once_with_its_offset(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>(), Just(b'x')], 0..80),
            max in 1_usize..20,
            drip in 1_usize..30,
        ) {
            let (mut told, ended) = told(&bytes, 1000, max, drip);
            let (mut simple, simple_end) = expected(&bytes, 1000, max);
            // Where a line that is too long is torn as well, only the count of torn lines is promised.
            for all in [&mut told, &mut simple] {
                for one in all.iter_mut() {
                    if let Told::Torn(at) = one { *at = 0; }
                }
            }
            prop_assert_eq!(told, simple);
            prop_assert_eq!(ended, simple_end);
        }
    }

    #[test]
    fn a_part_ends_where_it_is_told_to() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"0123456789", 0).unwrap();
        let mut text = String::new();
        Part::new(&file, 2, 7).read_to_string(&mut text).unwrap();
        assert_eq!(text, "23456");
        text.clear();
        Part::new(&file, 8, 70).read_to_string(&mut text).unwrap();
        assert_eq!(text, "89");
    }

    #[test]
    fn what_a_loss_of_power_leaves_is_trimmed() {
        assert_eq!(trimmed(b"\xef\xbb\xbf {} \r"), b"{}");
        assert_eq!(trimmed(b"\0\0\0{}\0"), b"{}");
        assert_eq!(trimmed(b" \0\t"), b"");
    }
}
