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
            let from = around(self.text, &range).start.max(self.done);
            self.view.copy(self.text, from..range.start);
        }
        self.view.replace(range.clone(), output, layer);
        self.done = range.end;
        self.open = true;
    }

    fn close(&mut self) {
        if self.open {
            let end = around(self.text, &(self.done..self.done)).end;
            self.view.follow(&self.text[self.done..end]);
            self.open = false;
        }
    }

    /// Ends the last stretch.
    pub(super) fn finish(mut self) {
        self.close();
    }
}

/// `place` with what stands around it in `text`. No word is cut: the rest of one may look like something else, as
/// `http://local` does of `http://localhost`. A word that goes on for [`AROUND`] bytes more is data, and is cut.
pub(super) fn around(text: &[u8], place: &Range<usize>) -> Range<usize> {
    let (from, to) = (place.start.saturating_sub(AROUND), (place.end + AROUND).min(text.len()));
    let is_inside = |byte: &&u8| is_word(**byte);
    let before = text[..from].iter().rev().take(AROUND).take_while(is_inside).count();
    let after = text[to..].iter().take(AROUND).take_while(is_inside).count();
    from - before..to + after
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-:/@%+=~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_cut() {
        let text = format!("{}words <wbr>after it {}words {}", "some ".repeat(40), "more ".repeat(40), "x".repeat(600));
        for at in 0..text.len() {
            let around = around(text.as_bytes(), &(at..at));
            let goes_on =
                |at: usize| at > 0 && text.as_bytes()[at - 1..].iter().take(2).filter(|b| is_word(**b)).count() == 2;
            assert!(!goes_on(around.start) || at - around.start == 2 * AROUND, "{at}: {around:?}");
            assert!(!goes_on(around.end) || around.end - at == 2 * AROUND, "{at}: {around:?}");
        }
    }
}
