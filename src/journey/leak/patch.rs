//! Copies only those stretches of a text in which something was undone, with what stands around them.
//!
//! Invariant: a text is copied once at most, but for [`AROUND`] bytes on each side of a stretch, so that the work stays
//! in proportion to what was undone.

use std::ops::Range;

use super::Layer;
use super::view::View;

/// Bytes on each side that tell what a value is: `password: `.
pub(super) const AROUND: usize = 128;

/// Writes stretches of `text` to a view.
pub(super) struct Patch<'a> {
    text: &'a [u8],
    view: &'a mut View,
    /// The text up to here is in the view, or is not wanted.
    done: usize,
    /// Whether a stretch is open, which goes on at `done`.
    open: bool,
}

impl<'a> Patch<'a> {
    pub(super) fn new(text: &'a [u8], view: &'a mut View) -> Self {
        Patch { text, view, done: 0, open: false }
    }

    /// Puts `output` in place of `range`; places come in order, and one that overlaps the one before is left out.
    pub(super) fn replace(&mut self, range: Range<usize>, output: &[u8], layer: Layer) {
        if range.start < self.done {
            return;
        }
        if self.open && range.start - self.done <= 2 * AROUND {
            self.view.follow(&self.text[self.done..range.start]);
        } else {
            self.close();
            self.view.apart();
            let from = range.start.saturating_sub(AROUND).max(self.done);
            self.view.copy(self.text, from..range.start);
        }
        self.view.replace(range.clone(), output, layer);
        self.done = range.end;
        self.open = true;
    }

    fn close(&mut self) {
        if self.open {
            let end = (self.done + AROUND).min(self.text.len());
            self.view.follow(&self.text[self.done..end]);
            self.open = false;
        }
    }

    /// Ends the last stretch.
    pub(super) fn finish(mut self) {
        self.close();
    }
}
