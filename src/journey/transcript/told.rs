//! What was passed over, in words.
//!
//! Invariant: nothing that was passed over is passed over silently; what can be mended says how.

use std::collections::BTreeMap;

use super::files::{Frozen, Unreadable};
use super::ledger::{Files, passed};
use super::state::Entry;
use crate::journey::run::{LeftOut, Origin};

/// What was passed over in the transcripts of `entries`, by kind.
pub(super) fn left_out(files: &Files, entries: &[Entry], frozen: &Frozen, unreadable: &[Unreadable]) -> Vec<LeftOut> {
    let mut kinds: BTreeMap<&str, LeftOut> = BTreeMap::new();
    let mut by_rank: Vec<_> = entries.iter().zip(&files.ranks).collect();
    by_rank.sort_by_key(|(_, rank)| **rank);
    for (entry, rank) in by_rank {
        // A torn last line waits; of a transcript that is gone, nobody will write the rest.
        let torn = (!entry.gone && entry.read < entry.identity.size).then_some(("torn", 1, entry.read));
        let passed = passed(entry).map(|(kind, passed)| (kind, passed.count, passed.first));
        for (kind, count, offset) in passed.into_iter().chain(torn).filter(|(_, count, _)| *count > 0) {
            let first = Origin { file: *rank, offset, lines: 1 };
            let left_out = kinds.entry(kind).or_insert_with(|| empty(kind, Some(first)));
            left_out.count += count;
        }
    }
    for Unreadable { kind, path, why } in frozen.unreadable.iter().chain(unreadable) {
        let left_out = kinds.entry(kind).or_insert_with(|| LeftOut {
            text: format!("{}; the first: {}: {why}", sentence(kind), path.display()),
            ..empty(kind, None)
        });
        left_out.count += 1;
    }
    kinds.into_values().collect()
}

/// No session of this kind yet; the first begins at `first`.
pub(super) fn session(kind: &str, first: Origin) -> LeftOut {
    empty(kind, Some(first))
}

fn empty(kind: &str, first: Option<Origin>) -> LeftOut {
    LeftOut { kind: kind.into(), count: 0, first, text: sentence(kind).into() }
}

fn sentence(kind: &str) -> &'static str {
    match kind {
        "malformed" => "lines of transcripts are no JSON object, or tell more tokens than one answer can have",
        "untimed" => "answers in transcripts do not tell when they were given, so they belong to no iteration",
        "torn" => "transcripts end in half a line; it counts once its line ending is written",
        "not_a_file" => "things match the globs of transcripts and are no files",
        "changed" => "transcripts changed while they were read; the next run reads them",
        "other_project" => "sessions worked in another directory than the loop's repository",
        "earlier_run" => "sessions ended before the present run of the loop began",
        _ => "transcripts cannot be read",
    }
}
