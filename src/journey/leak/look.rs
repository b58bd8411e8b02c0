//! Looks at one window of text in all the ways in which a value may be written.
//!
//! Invariant: what is found is told by its place in the window, whatever was undone to get at it, and each value once.
//! The work is bounded: escapes are undone without limit because that takes one pass, encodings are decoded
//! [`LAYERS`] deep, and every view is at most a few times as long as what it was made of.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Layer;
use super::finding::Key;
use super::imported::{Active, Imported};
use super::rules::{self, Hit};
use super::view::{Piece, View};
use super::{RuleSet, encoded, escapes, exact, folds, identity, markup, percent, wide};

/// So many encodings around a value are decoded.
const LAYERS: usize = 2;
/// Escapes that make escapes are undone so often.
const ROUNDS: usize = 3;

/// All that is looked for.
pub(super) struct Sought {
    pub(super) secrets: RuleSet,
    pub(super) identity: bool,
    pub(super) exact: exact::Search,
    pub(super) imported: Option<Imported>,
    pub(super) key: Key,
}

/// A value that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found<'s> {
    pub(super) rule: &'s str,
    /// Where in the window.
    pub(super) place: Range<usize>,
    pub(super) layers: Vec<Layer>,
    pub(super) fingerprint: String,
}

/// What may be looked for beside a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// Tags, UTF-16 and folds.
    All,
    /// Folds.
    Folds,
    /// Nothing more.
    Nothing,
}

/// Room for the work, kept from window to window.
#[derive(Default)]
pub(super) struct Scratch {
    views: Vec<View>,
    hits: Vec<Hit>,
    buffer: Vec<u8>,
}

/// Looks at windows.
pub(super) struct Look<'s, 'w> {
    sought: &'s Sought,
    /// The rules from a file that look into this one.
    imported: Option<Active<'s>>,
    scratch: &'w mut Scratch,
    found: Vec<Found<'s>>,
    /// What begins elsewhere in the window is another window's.
    wanted: Range<usize>,
}

impl<'s, 'w> Look<'s, 'w> {
    /// For the file called `name`.
    pub(super) fn new(sought: &'s Sought, name: &str, scratch: &'w mut Scratch) -> Self {
        let imported = sought.imported.as_ref().map(|imported| imported.active(name));
        Look { sought, imported, scratch, found: Vec::new(), wanted: 0..0 }
    }

    /// The rules that the file's name alone breaks, as values that begin with it.
    pub(super) fn named(&self) -> impl Iterator<Item = Found<'s>> {
        let rules = self.imported.iter().flat_map(Active::names);
        rules.map(|rule| Found {
            rule,
            place: 0..0,
            layers: Vec::new(),
            fingerprint: self.sought.key.fingerprint(rule, b""),
        })
    }

    /// The buffer of the stream, for as long as it is read.
    pub(super) fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.scratch.buffer)
    }

    /// Gives the buffer back for the next stream.
    pub(super) fn give_buffer(&mut self, buffer: Vec<u8>) {
        self.scratch.buffer = buffer;
    }

    /// The values that begin in `wanted` of `text`, in order, each once.
    pub(super) fn window(&mut self, text: &[u8], wanted: Range<usize>) -> Vec<Found<'s>> {
        self.wanted = wanted;
        self.undone(&Piece::window(text), 0, Beside::All, ROUNDS);
        once(std::mem::take(&mut self.found))
    }

    /// Undoes escapes, `rounds` times at most, and looks at what comes out.
    fn undone(&mut self, piece: &Piece<'_>, depth: usize, beside: Beside, rounds: usize) {
        let mut view = self.view();
        let mut doubts = Vec::new();
        let undone = escapes::undo(piece.text, &mut view, &mut doubts);
        if !undone.changed {
            self.flat(piece, depth, beside);
        } else if undone.again && rounds > 0 {
            self.undone(&Piece::made(&view, piece), depth, beside, rounds - 1);
        } else {
            self.flat(&Piece::made(&view, piece), depth, beside);
        }
        if !doubts.is_empty() {
            view.clear();
            let mut done = 0;
            for doubt in doubts {
                let start = doubt.start.max(done);
                if start > done {
                    view.apart();
                }
                done = doubt.end;
                view.copy(piece.text, start..doubt.end.max(start));
            }
            self.flat(&Piece::made(&view, piece), depth, Beside::Nothing);
        }
        self.scratch.views.push(view);
    }

    /// Looks at text without escapes, at what stands beside it and at what is encoded in it.
    fn flat(&mut self, piece: &Piece<'_>, depth: usize, beside: Beside) {
        let mut runs = Vec::new();
        self.find(piece, &mut runs);
        let mut view = self.view();
        if beside == Beside::All {
            markup::strip(piece.text, &mut view);
            wide::narrow(piece.text, &mut view);
            self.made(&mut view, piece, depth, Beside::Folds);
        }
        if beside != Beside::Nothing {
            folds::join(piece.text, &mut view);
            self.made(&mut view, piece, depth, Beside::Nothing);
        }
        if depth < LAYERS {
            encoded::decode(piece.text, &runs, &mut view);
            percent::percent(piece.text, &mut view);
            percent::quoted_printable(piece.text, &mut view);
            percent::byte_lists(piece.text, &mut view);
            self.made(&mut view, piece, depth + 1, Beside::All);
        }
        self.scratch.views.push(view);
    }

    /// Looks at what was made of `piece`, and empties it.
    fn made(&mut self, view: &mut View, piece: &Piece<'_>, depth: usize, beside: Beside) {
        if !view.is_empty() {
            self.undone(&Piece::made(view, piece), depth, beside, ROUNDS);
            view.clear();
        }
    }

    fn view(&mut self) -> View {
        let mut view = self.scratch.views.pop().unwrap_or_default();
        view.clear();
        view
    }

    /// Gives a text to every rule.
    fn find(&mut self, piece: &Piece<'_>, runs: &mut Vec<Range<usize>>) {
        let sought = self.sought;
        let mut hits = std::mem::take(&mut self.scratch.hits);
        hits.clear();
        (sought.secrets.find)(piece.text, &mut hits, runs);
        if sought.identity {
            identity::find(piece.text, &mut hits);
        }
        for Hit { rule, span } in hits.drain(..) {
            let value = &piece.text[span.clone()];
            self.note(piece, rule.name, &span, (value, None));
        }
        self.scratch.hits = hits;
        sought
            .exact
            .find(piece.text, |exact, span, layer| self.note(piece, exact.rule.name, &span, (&exact.value, layer)));
        if let Some(imported) = self.imported.take() {
            imported.find(piece.text, |rule, span| {
                let value = &piece.text[span.clone()];
                self.note(piece, rule, &span, (value, None));
            });
            self.imported = Some(imported);
        }
    }

    /// Keeps what was found at `span` of `piece`: its value, and what the rule itself undid to know it.
    fn note(&mut self, piece: &Piece<'_>, rule: &'s str, span: &Range<usize>, (value, undone): (&[u8], Option<Layer>)) {
        let start = piece.origin(span.start);
        if !self.wanted.contains(&start) {
            return;
        }
        let end = piece.origin(span.end.max(span.start + 1) - 1) + 1;
        let mut layers = piece.layers(span);
        layers.extend(undone.filter(|undone| layers.last() != Some(undone)));
        // The end of one element and the start of the next, on the line below it, are no value that was folded.
        if layers.starts_with(&[Layer::Markup, Layer::Folded]) && rules::goes_by_looks(rule) {
            return;
        }
        let fingerprint = self.sought.key.fingerprint(rule, value);
        self.found.push(Found { rule, place: start..end.max(start + 1), layers, fingerprint });
    }
}

/// What was found more than once, in views that overlap, is told by the view in which least was undone.
fn once(mut found: Vec<Found<'_>>) -> Vec<Found<'_>> {
    found.sort_by_key(|found| (found.layers.len(), found.place.start));
    // The places of each rule that are kept, by their start; they do not overlap, so that one look settles each.
    let mut kept: BTreeMap<(&str, usize), Found<'_>> = BTreeMap::new();
    for found in found {
        let last = kept.range((found.rule, 0)..(found.rule, found.place.end)).next_back();
        if last.is_none_or(|(_, other)| other.place.end <= found.place.start) {
            kept.insert((found.rule, found.place.start), found);
        }
    }
    let mut kept: Vec<_> = kept.into_values().collect();
    kept.sort_by(|one, other| (one.place.start, one.rule).cmp(&(other.place.start, other.rule)));
    // What a rule knows by its form need not be told again as something that looks random.
    let known: Vec<_> =
        kept.iter().filter(|one| !rules::goes_by_looks(one.rule)).map(|one| one.place.clone()).collect();
    kept.retain(|one| {
        let before = known.partition_point(|place| place.start < one.place.end);
        !rules::goes_by_looks(one.rule) || known[..before].last().is_none_or(|place| place.end <= one.place.start)
    });
    kept
}
