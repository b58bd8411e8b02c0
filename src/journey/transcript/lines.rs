//! The lines of a part of a file, read in blocks.
//!
//! Invariant: nothing behind the frozen length is read; a line that is longer than a buffer may become is never in
//! memory as a whole; a last line without its line ending is not given out.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memchr;
use memchr::memmem::Finder;

use super::pull::Source;

/// Bytes of a block: it stays in the second-level cache between being read and being looked at.
pub(super) const BLOCK: usize = 256 << 10;

/// A buffer that goes from file to file.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// Bytes that it may grow to.
    most: usize,
}

impl Buffer {
    /// A buffer for lines of up to `most` bytes; longer ones come block by block.
    pub(super) fn new(most: u64) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
        Buffer { bytes: vec![0; BLOCK.min(most)], most }
    }
}

/// A part of a file, line by line.
pub(super) struct Lines<'a> {
    file: &'a File,
    buffer: &'a mut Buffer,
    /// What of the buffer was read and not given out.
    start: usize,
    end: usize,
    /// Up to here no line ending was found.
    searched: usize,
    /// Where in the file the buffer's `end` stands.
    position: u64,
    /// The frozen length.
    limit: u64,
    done: &'a AtomicU64,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'b> {
    /// A line without its line ending, and where it begins.
    Line(&'b [u8], u64),
    /// A line that does not fit in the buffer begins here: ask [`Lines::survey`] and then [`Lines::rest_of_line`].
    Long(u64),
    /// Nothing more; a line without its line ending may be left.
    End,
}

/// What a long line looks like from outside.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// It has its line ending.
    pub(super) complete: bool,
    /// It holds the bytes that were looked for.
    pub(super) signed: bool,
    /// Its first byte and its last, blanks and NUL bytes left out.
    pub(super) ends: Option<(u8, u8)>,
    /// A block of it is NUL bytes and blanks alone.
    pub(super) nul: bool,
}

/// The first byte of `line` and its last, blanks and NUL bytes left out.
pub(super) fn ends(line: &[u8]) -> Option<(u8, u8)> {
    let told = |byte: &&u8| !matches!(byte, b' ' | b'\t' | b'\r' | 0);
    line.iter().find(told).copied().zip(line.iter().rfind(told).copied())
}

impl<'a> Lines<'a> {
    /// The lines of `file` from byte `from`, where a line begins, to byte `limit`. `done` counts the bytes that were
    /// read.
    pub(super) fn new(file: &'a File, buffer: &'a mut Buffer, part: std::ops::Range<u64>, done: &'a AtomicU64) -> Self {
        Lines { file, buffer, start: 0, end: 0, searched: 0, position: part.start, limit: part.end, done }
    }

    /// Where the next line begins.
    pub(super) fn offset(&self) -> u64 {
        self.position - (self.end - self.start) as u64
    }

    /// The next line.
    ///
    /// # Errors
    /// Those of reading; `UnexpectedEof` where the file has become shorter than its frozen length.
    pub(super) fn step(&mut self) -> io::Result<Step<'_>> {
        loop {
            if let Some(found) = memchr(b'\n', &self.buffer.bytes[self.searched..self.end]) {
                let (start, end) = (self.start, self.searched + found);
                let offset = self.offset();
                (self.start, self.searched) = (end + 1, end + 1);
                return Ok(Step::Line(&self.buffer.bytes[start..end], offset));
            }
            self.searched = self.end;
            if self.position == self.limit {
                return Ok(Step::End);
            }
            if !self.make_room() {
                return Ok(Step::Long(self.offset()));
            }
            self.fill()?;
        }
    }

    /// Makes room behind what is left; false where the buffer is full and may not grow.
    fn make_room(&mut self) -> bool {
        self.buffer.bytes.copy_within(self.start..self.end, 0);
        (self.searched, self.end, self.start) = (self.searched - self.start, self.end - self.start, 0);
        if self.end < self.buffer.bytes.len() {
            return true;
        }
        let larger = self.buffer.bytes.len().saturating_mul(2).min(self.buffer.most);
        let grows = larger > self.end;
        if grows {
            self.buffer.bytes.resize(larger, 0);
        }
        grows
    }

    /// Reads behind `end`, once.
    fn fill(&mut self) -> io::Result<()> {
        let room = self.buffer.bytes.len() - self.end;
        let room = usize::try_from(self.limit - self.position).map_or(room, |left| room.min(left));
        let count = loop {
            match self.file.read_at(&mut self.buffer.bytes[self.end..self.end + room], self.position) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.end += count;
        self.position += count as u64;
        self.done.fetch_add(count as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Goes through the long line that begins here, looks for `sign`, and comes back to where it begins.
    ///
    /// # Errors
    /// As [`Lines::step`].
    pub(super) fn survey(&mut self, sign: &Finder<'_>) -> io::Result<Survey> {
        let begin = self.offset();
        let mut survey = Survey::default();
        let mut seam = Vec::new();
        let mut line = self.rest_of_line();
        loop {
            let rest = line.rest();
            survey.signed = survey.signed || holds(sign, &mut seam, rest);
            match ends(rest) {
                Some((first, last)) => survey.ends = Some((survey.ends.map_or(first, |(known, _)| known), last)),
                None => survey.nul = survey.nul || rest.contains(&0),
            }
            let count = rest.len();
            line.pass(count);
            if !line.more() {
                break;
            }
        }
        survey.complete = line.finish()?;
        self.go_to(begin);
        Ok(survey)
    }

    /// The long line that begins here, block by block.
    pub(super) fn rest_of_line(&mut self) -> RestOfLine<'_, 'a> {
        let found = memchr(b'\n', &self.buffer.bytes[self.start..self.end]);
        let end = found.map_or(self.end, |found| self.start + found);
        RestOfLine { end, complete: found.is_some(), error: None, lines: self }
    }

    fn go_to(&mut self, offset: u64) {
        (self.start, self.end, self.searched, self.position) = (0, 0, 0, offset);
    }
}

/// Whether `sign` stands in `bytes`, or over the seam to the bytes before, whose end `seam` keeps.
fn holds(sign: &Finder<'_>, seam: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let reach = sign.needle().len() - 1;
    seam.extend_from_slice(&bytes[..bytes.len().min(reach)]);
    let found = sign.find(seam).is_some() || sign.find(bytes).is_some();
    seam.extend_from_slice(&bytes[bytes.len().min(reach)..][bytes.len().saturating_sub(2 * reach)..]);
    seam.drain(..seam.len().saturating_sub(reach));
    found
}

/// A line that is read block by block.
pub(super) struct RestOfLine<'b, 'a> {
    lines: &'b mut Lines<'a>,
    /// What of the buffer belongs to the line ends here.
    end: usize,
    /// Its line ending was found.
    complete: bool,
    error: Option<io::Error>,
}

impl RestOfLine<'_, '_> {
    /// Passes what is left of the line, and its line ending; false where it has none.
    ///
    /// # Errors
    /// As [`Lines::step`].
    pub(super) fn finish(mut self) -> io::Result<bool> {
        loop {
            self.lines.start = self.end;
            if !self.more() {
                break;
            }
        }
        if let Some(error) = self.error {
            return Err(error);
        }
        self.lines.start = self.end + usize::from(self.complete);
        self.lines.searched = self.lines.start;
        Ok(self.complete)
    }
}

impl Source for RestOfLine<'_, '_> {
    #[inline(always)]
    fn rest(&self) -> &[u8] {
        &self.lines.buffer.bytes[self.lines.start..self.end]
    }

    #[inline(always)]
    fn pass(&mut self, count: usize) {
        self.lines.start += count;
    }

    fn more(&mut self) -> bool {
        if self.complete || self.error.is_some() || self.lines.position == self.lines.limit {
            return false;
        }
        (self.lines.start, self.lines.end, self.end) = (0, 0, 0);
        if let Err(error) = self.lines.fill() {
            self.error = Some(error);
            return false;
        }
        let found = memchr(b'\n', &self.lines.buffer.bytes[..self.lines.end]);
        self.end = found.unwrap_or(self.lines.end);
        self.complete = found.is_some();
        true
    }
}
