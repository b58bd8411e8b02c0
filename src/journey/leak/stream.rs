//! A reader, window by window.
//!
//! Invariants:
//!
//! 1. Windows lap over each other so far that every value lies whole, with what tells that it is one, in the window that
//!    it is told from; each is told from exactly one. So the windows' edges change nothing, and memory does not grow with
//!    the input, however long a line of it is.
//! 2. What is found in a window rests on its bytes, on the part of them that it tells of, and on the rules for the file's
//!    name; on nothing before or after it. So a window that was seen before under that name, by these rules, with nothing
//!    found in it, need not be looked at again ([`Known`]): it is the same question, however far any rule looks and
//!    whatever is undone on the way.
//! 3. Where a window ends rests on the bytes near that place alone, so that two texts that differ in a few places have
//!    nearly all windows in common, wherever in them those stand.

use std::collections::HashSet;
use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr_iter, memrchr};
use ring::digest::{self, SHA256};

use super::look::{Found, Look};

/// Bytes of a window that it tells of, at most: few enough for the processor's cache.
pub(super) const WINDOW: usize = 384 << 10;
/// A window tells of this part of that at least, so that there are lines to choose its end among.
const LEAST: usize = 3;
/// Bytes of a line by which it is chosen; a margin has more.
const CHOSEN_BY: usize = 64;
/// Bytes on each side of those at least: a value that is encoded twice takes four times its length.
const MARGIN: usize = 8 << 10;

/// How a stream is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// Bytes that a window tells of, at most.
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

    /// The window of `text` that tells from `told` on. `text` goes on for a window and a margin after that, or to its end.
    ///
    /// It ends before the line, among those that begin in reach, whose first bytes have the smallest checksum: where other
    /// windows came before, the same line is chosen as soon as it is in reach.
    fn window(self, text: &[u8], told: usize) -> Window<'_> {
        let most = told + self.window;
        let end = if text.len() <= most {
            text.len()
        } else {
            let least = told + self.window / LEAST;
            let lines = memchr_iter(b'\n', &text[least..most]).map(|at| least + at + 1);
            lines.min_by_key(|&at| crc32fast::hash(&text[at..text.len().min(at + CHOSEN_BY)])).unwrap_or(most)
        };
        Window { seen: &text[..text.len().min(end + self.margin)], told: told..end, is_last: end == text.len() }
    }
}

/// One window.
struct Window<'a> {
    /// The bytes that it sees.
    seen: &'a [u8],
    /// Which of them it tells of.
    told: Range<usize>,
    /// Whether the text ends with it.
    is_last: bool,
}

impl Window<'_> {
    fn digest(&self) -> digest::Digest {
        let mut context = digest::Context::new(&SHA256);
        [self.told.start, self.told.end].iter().for_each(|place| context.update(&place.to_le_bytes()));
        context.update(self.seen);
        context.finish()
    }
}

/// The windows of a text in which nothing was found: SHA-256 of each.
#[derive(Debug, Default)]
pub(super) struct Known(HashSet<Vec<u8>>);

impl Known {
    /// Those of `text`, which was scanned whole by windows of `cut` and found clean.
    pub(super) fn of(text: &[u8], cut: Cut) -> Self {
        let (mut known, mut start) = (HashSet::new(), 0);
        loop {
            let from = usize::saturating_sub(start, cut.margin);
            let window = cut.window(&text[from..], start - from);
            known.insert(window.digest().as_ref().to_vec());
            if window.is_last {
                return Known(known);
            }
            start = from + window.told.end;
        }
    }

    /// How many of its windows `other` has not.
    #[cfg(test)]
    pub(super) fn beside(&self, other: &Known) -> usize {
        self.0.difference(&other.0).count()
    }

    fn has(&self, window: &Window<'_>) -> bool {
        !self.0.is_empty() && self.0.contains(window.digest().as_ref())
    }
}

/// Reads `reader` to its end and tells `tell` of each value with its line and column; windows that are `known` are passed
/// over. Returns the bytes read.
///
/// # Errors
/// When it cannot be read to its end, or `tell` has had enough.
pub(super) fn scan<'s>(
    reader: &mut dyn Read,
    look: &mut Look<'s, '_>,
    (cut, known): (Cut, &Known),
    tell: &mut dyn FnMut(Found<'s>, u64, u64) -> io::Result<()>,
) -> io::Result<u64> {
    let mut buffer = look.take_buffer();
    buffer.clear();
    let mut pass = |window: &Window<'_>| {
        if known.has(window) { Vec::new() } else { look.window(window.seen, window.told.clone()) }
    };
    let outcome = windows(reader, &mut pass, (cut, &mut buffer), tell);
    look.give_buffer(buffer);
    outcome
}

fn windows<'s>(
    reader: &mut dyn Read,
    find: &mut dyn FnMut(&Window<'_>) -> Vec<Found<'s>>,
    (cut, buffer): (Cut, &mut Vec<u8>),
    tell: &mut dyn FnMut(Found<'s>, u64, u64) -> io::Result<()>,
) -> io::Result<u64> {
    let (mut place, mut total) = (Place { lines: 0, column: 0 }, 0);
    // Up to here values have been told.
    let (mut told, mut last) = (0, None::<Found<'s>>);
    loop {
        let room = cut.buffer() - buffer.len();
        total += io::Read::take(&mut *reader, room as u64).read_to_end(buffer)? as u64;
        let window = cut.window(buffer, told);
        for found in find(&window) {
            let again = last.as_ref().is_some_and(|last| last.rule == found.rule && found.place.start < last.place.end);
            if !again {
                let (line, column) = place.of(buffer, found.place.start);
                last = Some(found.clone());
                tell(found, line, column)?;
            }
        }
        let Window { told: Range { end, .. }, is_last, .. } = window;
        if is_last {
            return Ok(total);
        }
        let gone = end.saturating_sub(cut.margin);
        place.pass(&buffer[..gone]);
        buffer.copy_within(gone.., 0);
        buffer.truncate(buffer.len() - gone);
        told = end - gone;
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
