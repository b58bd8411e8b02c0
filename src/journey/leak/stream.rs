//! A reader, window by window.
//!
//! Invariant: windows lap over each other so far that every value lies whole, with what tells that it is one, in the
//! window that it is told from; each is told from exactly one. So the windows' edges change nothing, and memory does not
//! grow with the input, however long a line of it is.

use std::io::{self, Read};

use memchr::{memchr_iter, memrchr};

use super::look::{Found, Look};

/// Bytes of a window that it tells of: few enough for the processor's cache.
pub(super) const WINDOW: usize = 256 << 10;
/// Bytes on each side of those at least: a value that is encoded twice takes four times its length.
const MARGIN: usize = 8 << 10;

/// How a stream is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// Bytes that a window tells of.
    pub(super) window: usize,
    /// Bytes that it sees on each side.
    pub(super) margin: usize,
}

/// Where a stream has got to.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Lines that ended before the buffer.
    lines: u64,
    /// Bytes of the present line before the buffer.
    column: u64,
}

impl Cut {
    /// For rules that look `context` bytes around a value.
    pub(super) fn new(context: usize) -> Self {
        Cut { window: WINDOW, margin: (2 * context).max(MARGIN) }
    }

    fn buffer(self) -> usize {
        self.window + 2 * self.margin
    }
}

/// Reads `reader` to its end and tells `tell` of each value with its line and column. Returns the bytes read.
///
/// # Errors
/// When it cannot be read to its end, or `tell` has had enough.
pub(super) fn scan<'s>(
    reader: &mut dyn Read,
    look: &mut Look<'s, '_>,
    cut: Cut,
    tell: &mut dyn FnMut(Found<'s>, u64, u64) -> io::Result<()>,
) -> io::Result<u64> {
    let mut buffer = look.take_buffer();
    let outcome = windows(reader, look, cut, &mut buffer, tell);
    look.give_buffer(buffer);
    outcome
}

fn windows<'s>(
    reader: &mut dyn Read,
    look: &mut Look<'s, '_>,
    cut: Cut,
    buffer: &mut Vec<u8>,
    tell: &mut dyn FnMut(Found<'s>, u64, u64) -> io::Result<()>,
) -> io::Result<u64> {
    buffer.clear();
    let (mut place, mut total) = (Place { lines: 0, column: 0 }, 0);
    // Up to here values have been told.
    let (mut told, mut last) = (0, None::<Found<'s>>);
    loop {
        let room = cut.buffer() - buffer.len();
        let read = io::Read::take(&mut *reader, room as u64).read_to_end(buffer)?;
        total += read as u64;
        let is_last = read < room;
        let end = if is_last { buffer.len() } else { buffer.len() - cut.margin };
        for found in look.window(buffer, told..end) {
            let again = last.as_ref().is_some_and(|last| last.rule == found.rule && found.place.start < last.place.end);
            if !again {
                let (line, column) = place.of(buffer, found.place.start);
                last = Some(found.clone());
                tell(found, line, column)?;
            }
        }
        if is_last {
            return Ok(total);
        }
        let gone = end - cut.margin;
        place.pass(&buffer[..gone]);
        buffer.copy_within(gone.., 0);
        buffer.truncate(buffer.len() - gone);
        told = cut.margin;
        last = last.filter(|last| last.place.end > end).map(|mut last| {
            last.place = last.place.start.saturating_sub(gone)..last.place.end - gone;
            last
        });
    }
}

impl Place {
    /// Line and column, from 1 on, of the byte at `at` of the buffer.
    fn of(mut self, buffer: &[u8], at: usize) -> (u64, u64) {
        self.pass(&buffer[..at]);
        (self.lines + 1, self.column + 1)
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.lines += memchr_iter(b'\n', bytes).count() as u64;
        match memrchr(b'\n', bytes) {
            Some(end) => self.column = (bytes.len() - end - 1) as u64,
            None => self.column += bytes.len() as u64,
        }
    }
}
