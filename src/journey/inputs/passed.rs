//! What is passed over, counted by kind and file.
//!
//! Invariant: a million lines of one kind in one file are one entry with a count; the first place is kept.

use crate::journey::run::{LeftOut, Origin};

/// What was passed over so far, in the order in which it was first met.
#[derive(Debug, Clone, Default)]
pub struct Passed(Vec<LeftOut>);

impl Passed {
    /// Counts one of `kind` at `origin`; `text` says what it is and what mends it, when it is the first of its file.
    pub fn count(&mut self, kind: &str, origin: Origin, text: impl FnOnce() -> String) {
        let same = |entry: &&mut LeftOut| entry.kind == kind && entry.first.is_some_and(|at| at.file == origin.file);
        match self.0.iter_mut().rev().find(same) {
            Some(entry) => {
                entry.count += 1;
                entry.first = entry.first.min(Some(origin));
            }
            None => self.0.push(LeftOut { kind: kind.into(), count: 1, first: Some(origin), text: text() }),
        }
    }

    /// Adds an entry as it is.
    pub fn push(&mut self, entry: LeftOut) {
        self.0.push(entry);
    }

    /// Adds those of another list.
    pub fn extend(&mut self, entries: impl IntoIterator<Item = LeftOut>) {
        self.0.extend(entries);
    }

    /// The entries.
    pub fn into_entries(self) -> Vec<LeftOut> {
        self.0
    }

    /// The entries so far.
    pub fn entries(&self) -> &[LeftOut] {
        &self.0
    }
}
