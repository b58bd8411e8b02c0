//! What is found wrong on the way.
//!
//! Invariant: listed in one order, whatever the order in which it was found.

use std::path::PathBuf;

use super::super::inputs;
use super::kinds::Kind;
use crate::journey::run::{Contradiction, Key, LeftOut, Origin};

/// Contradictions, and what was passed over.
#[derive(Debug, Default)]
pub(super) struct Report {
    names: Vec<String>,
    contradictions: Vec<Contradiction>,
    passed: inputs::Passed,
}

impl Report {
    /// A report that goes on from what reading passed over; `files` are those of the inputs.
    pub(super) fn new(left_out: Vec<LeftOut>, files: &[PathBuf]) -> Self {
        let mut passed = inputs::Passed::default();
        passed.extend(left_out);
        let name = |file: &PathBuf| file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        Report { names: files.iter().map(name).collect(), contradictions: Vec::new(), passed }
    }

    /// The file of `origin`, in a sentence.
    pub(super) fn file(&self, origin: Origin) -> String {
        self.names.get(origin.file as usize).cloned().unwrap_or_else(|| "a transcript".into())
    }

    /// `verdicts.jsonl at byte 70`.
    pub(super) fn place(&self, origin: Origin) -> String {
        format!("{} at byte {}", self.file(origin), origin.offset)
    }

    /// Lists a contradiction of `kind` about `key`.
    pub(super) fn disagree(&mut self, kind: Kind, key: Option<Key>, text: String, from: Vec<Origin>) {
        self.contradictions.push(Contradiction { kind: kind.word.into(), key, text, from });
    }

    /// Counts what is passed over.
    pub(super) fn count(&mut self, kind: &str, origin: Origin, text: impl FnOnce() -> String) {
        self.passed.count(kind, origin, text);
    }

    /// Adds entries as they are.
    pub(super) fn left_out(&mut self, entries: impl IntoIterator<Item = LeftOut>) {
        self.passed.extend(entries);
    }

    /// Both lists.
    pub(super) fn finish(mut self) -> (Vec<Contradiction>, Vec<LeftOut>) {
        self.contradictions.sort_by(|one, other| {
            (one.key, &one.kind, &one.from, &one.text).cmp(&(other.key, &other.kind, &other.from, &other.text))
        });
        let mut left_out = self.passed.into_entries();
        left_out.sort_by(|one, other| (&one.kind, one.first, &one.text).cmp(&(&other.kind, other.first, &other.text)));
        (self.contradictions, left_out)
    }
}
