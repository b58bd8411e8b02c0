//! A group of iterations that has pages of its own: those of a module, of an epoch, of an outcome, or all.
//!
//! Invariant: pages are counted from the oldest and hold [`PAGE`] each, so that a page that is full and has a successor
//! never changes but by what it lists.

use std::ops::Range;

/// Rows on a page of a list.
pub(super) const PAGE: usize = 100;

/// What makes a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// They worked on the same module.
    Module,
    /// They belong to the same epoch.
    Epoch,
    /// They ended alike.
    Outcome,
}

/// Iterations that have something in common.
pub(super) struct Group {
    /// What they have in common.
    pub(super) kind: Kind,
    /// What the group is called.
    pub(super) title: String,
    /// Its page without the ending, and the folder of its list: `modules/billing`.
    pub(super) place: String,
    /// Places of the iterations, oldest first.
    pub(super) members: Vec<usize>,
}

impl Kind {
    /// The folder of its pages.
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Kind::Module => "modules",
            Kind::Epoch => "epochs",
            Kind::Outcome => "outcomes",
        }
    }

    /// In a word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Kind::Module => "module",
            Kind::Epoch => "epoch",
            Kind::Outcome => "outcome",
        }
    }
}

impl Group {
    /// A group without members yet, whose page is called `name`.
    pub(super) fn new(kind: Kind, title: String, name: &str) -> Self {
        Group { kind, title, place: format!("{}/{name}", kind.folder()), members: Vec::new() }
    }

    /// The path of its page.
    pub(super) fn path(&self) -> String {
        format!("{}.html", self.place)
    }
}

/// How many pages `count` rows fill.
pub(super) const fn pages(count: usize) -> usize {
    count.div_ceil(PAGE)
}

/// The rows of page `number`, counted from 1, of `count` rows.
pub(super) fn rows(number: usize, count: usize) -> Range<usize> {
    (number - 1) * PAGE..(number * PAGE).min(count)
}

/// The newest rows: a page of them, whatever pages they lie on.
pub(super) fn newest(count: usize) -> Range<usize> {
    count.saturating_sub(PAGE)..count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_keeps_its_rows_whatever_comes_later() {
        assert_eq!([pages(0), pages(1), pages(100), pages(101)], [0, 1, 1, 2]);
        for count in [100, 101, 250] {
            assert_eq!(rows(1, count), 0..100);
        }
        assert_eq!((rows(3, 250), newest(250), newest(7)), (200..250, 150..250, 0..7));
    }
}
