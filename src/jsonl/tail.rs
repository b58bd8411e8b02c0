//! The last lines of a file, read backwards in blocks.
//!
//! Invariant: at most [`Limits::scan`] bytes are read and kept, whatever the file's size and content.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

/// Bytes of the first block: the last five lines of an ordinary file lie in it, so one read is enough.
const FIRST_BLOCK: u64 = 8 << 10;
/// Bytes of every further block.
const BLOCK: u64 = 64 << 10;
/// A file that shrinks while it is read is read anew this often.
const ATTEMPTS: usize = 3;

/// What reading may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A line of more bytes than this is [`Line::TooLong`].
    pub line: usize,
    /// At most this many bytes are read from the end of the file.
    pub scan: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { line: 1 << 20, scan: 4 << 20 }
    }
}

/// One line that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Its bytes, without line ending and without the blanks and NUL bytes at both ends.
    Text(Vec<u8>),
    /// It was longer than [`Limits::line`] and was passed over.
    TooLong,
}

/// The end of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tail {
    /// The last lines that have their line ending, oldest first.
    pub lines: Vec<Line>,
    /// What follows the last line ending: a line that is being written, or was cut off by a crash.
    pub torn: Option<Line>,
    /// True when [`Limits::scan`] was reached before enough lines were found.
    pub cut: bool,
}

impl Tail {
    /// What `parse` makes of every line, oldest first; `None` for a line that it refuses or that is too long.
    ///
    /// A torn last line counts when it parses; else it is left out, because its rest may follow.
    pub fn parsed<T>(&self, parse: impl Fn(&[u8]) -> Option<T>) -> Vec<Option<T>> {
        let parse = |line: &Line| match line {
            Line::Text(bytes) => parse(bytes),
            Line::TooLong => None,
        };
        let torn = self.torn.as_ref().and_then(parse).map(Some);
        self.lines.iter().map(parse).chain(torn).collect()
    }
}

/// The last `want` lines of `file`; blank lines do not count.
///
/// # Errors
/// Those of reading, and `UnexpectedEof` when the file shrank in each of three attempts.
pub fn last_lines(file: &File, want: usize, limits: Limits) -> io::Result<Tail> {
    let mut result = Err(ErrorKind::UnexpectedEof.into());
    for _ in 0..ATTEMPTS {
        let size = file.metadata()?.len();
        result = scan(size, want, limits, |buffer, offset| file.read_exact_at(buffer, offset));
        if !matches!(&result, Err(error) if error.kind() == ErrorKind::UnexpectedEof) {
            break;
        }
    }
    result
}

/// The last `want` lines of `size` bytes that `read` fills into a buffer from an offset.
fn scan(
    size: u64,
    want: usize,
    limits: Limits,
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<()>,
) -> io::Result<Tail> {
    let mut scan = Scan { want, limits, pending: Pending::default(), at_end: true, tail: Tail::default() };
    let stop = size.saturating_sub(limits.scan);
    let mut offset = size;
    let mut buffer = Vec::new();
    let mut block = FIRST_BLOCK;
    while offset > stop && !scan.enough() {
        let start = offset.saturating_sub(block).max(stop);
        #[expect(clippy::cast_possible_truncation, reason = "a block is far below 4 GiB")]
        buffer.resize((offset - start) as usize, 0);
        read(&mut buffer, start)?;
        scan.take(&buffer);
        (offset, block) = (start, BLOCK);
    }
    Ok(scan.finish(offset))
}

/// The line that the blocks read so far end in the middle of.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    too_long: bool,
}

struct Scan {
    want: usize,
    limits: Limits,
    pending: Pending,
    /// No line ending was met yet: what is pending is torn.
    at_end: bool,
    /// What was found, newest first.
    tail: Tail,
}

impl Scan {
    fn enough(&self) -> bool {
        self.tail.lines.len() >= self.want
    }

    /// Takes in the block that stands before all those taken so far.
    fn take(&mut self, block: &[u8]) {
        for (index, part) in block.rsplit(|byte| *byte == b'\n').enumerate() {
            if index > 0 {
                self.line_begins();
            }
            if self.enough() {
                return;
            }
            self.prepend(part);
        }
    }

    fn prepend(&mut self, part: &[u8]) {
        self.pending.too_long |= self.pending.bytes.len() + part.len() > self.limits.line;
        if self.pending.too_long {
            self.pending.bytes.clear();
        } else {
            self.pending.bytes.splice(..0, part.iter().copied());
        }
    }

    /// What is pending is a whole line, or all that follows the last line ending.
    fn line_begins(&mut self) {
        let Pending { bytes, too_long } = std::mem::take(&mut self.pending);
        let line = match trim(&bytes) {
            _ if too_long => Some(Line::TooLong),
            [] => None,
            text => Some(Line::Text(text.to_vec())),
        };
        if std::mem::take(&mut self.at_end) {
            self.tail.torn = line;
        } else {
            self.tail.lines.extend(line);
        }
    }

    fn finish(mut self, offset: u64) -> Tail {
        if offset > 0 {
            self.tail.cut = !self.enough();
            // Nothing but one endless line: say at least that there is one.
            if self.at_end && self.pending.too_long {
                self.line_begins();
            }
        } else if !self.enough() {
            self.line_begins();
        }
        self.tail.lines.reverse();
        self.tail
    }
}

/// Without blanks at both ends, and without the NUL bytes that a file system leaves after a loss of power.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    while let [first, rest @ ..] = bytes
        && blank(first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && blank(last)
    {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests;
