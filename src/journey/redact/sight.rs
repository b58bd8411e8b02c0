//! What must not be shown in one text: by rules, by exact values, and by either within what the text encodes.
//!
//! Invariant: pure; whatever the leak gate finds in a text is found here, so that what was redacted passes the gate.

use std::ops::Range;

use aho_corasick::{AhoCorasick, BuildError};

use super::masks;
use super::unwrap::{Escape, runs};
use crate::journey::leak::exact::Exact;
use crate::journey::leak::identity;
use crate::journey::leak::rules::{Hit, Rule};

/// Finds secrets in plain bytes, as `leak::rules::find` does.
pub type FindSecrets = fn(&[u8], &mut Vec<Hit>, &mut Vec<Range<usize>>);

/// Shorter exact values are not looked for: they would be found in every text.
const SHORTEST: usize = 4;

/// From this length on an exact value counts within a longer word, too, as the gate has it.
const LONG: usize = 12;

/// How often a text within a text is looked into.
const LAYERS: usize = 2;

/// Looks for what must not be shown.
pub(super) struct Sight {
    secrets: FindSecrets,
    exact: Vec<Exact>,
    automaton: Option<AhoCorasick>,
}

/// What must not be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it stands.
    pub(super) span: Range<usize>,
    /// The word of its mask.
    pub(super) word: &'static str,
    /// What it says, escapes undone: the same value has the same mask however it is written.
    pub(super) value: Vec<u8>,
}

impl Sight {
    /// # Errors
    /// When there are more exact values than an automaton can hold.
    pub(super) fn new(secrets: FindSecrets, exact: &[Exact]) -> Result<Self, BuildError> {
        let mut exact: Vec<Exact> =
            exact.iter().filter(|exact| exact.value.trim_ascii().len() >= SHORTEST).cloned().collect();
        // A value that has a name of its own beside a variable is called by its name.
        let order = |exact: &Exact| (exact.value.clone(), exact.rule.name == "environment-value", exact.rule.name);
        exact.sort_by_key(order);
        exact.dedup_by(|one, other| one.value == other.value);
        let automaton = if exact.is_empty() {
            None
        } else {
            Some(AhoCorasick::builder().ascii_case_insensitive(true).build(exact.iter().map(|exact| &exact.value))?)
        };
        Ok(Sight { secrets, exact, automaton })
    }

    /// All that must not be shown in `text`, in order and apart from each other.
    pub(super) fn look(&self, text: &str) -> Vec<Found> {
        let mut found = Vec::new();
        self.layer(text.as_bytes(), LAYERS, &mut found);
        // A line's end matters to some values (a key of several lines, a name at the end of one), and is shown as a space.
        let plain = text.replace(['\n', '\r', '\t'], " ");
        if plain != text {
            self.layer(plain.as_bytes(), LAYERS, &mut found);
        }
        apart(found, text.as_bytes())
    }

    fn layer(&self, text: &[u8], layers: usize, found: &mut Vec<Found>) {
        self.plain(text, found);
        let Some(layers) = layers.checked_sub(1) else { return };
        for escape in Escape::ALL {
            let Some(undone) = escape.undo(text) else { continue };
            let mut within = Vec::new();
            self.layer(&undone.text, layers, &mut within);
            found.extend(within.into_iter().map(|found| Found { span: undone.original(&found.span), ..found }));
        }
        for run in runs(text) {
            if let Some(word) = run.readings.iter().find_map(|reading| self.reading(reading, layers)) {
                found.push(Found { value: text[run.span.clone()].to_vec(), span: run.span, word });
            }
        }
    }

    /// The word of the first thing that must not be shown in a reading of a run. What is no text is only looked through
    /// for exact values, which chance does not bring about.
    fn reading(&self, reading: &[u8], layers: usize) -> Option<&'static str> {
        // Text of two bytes a character, as PowerShell encodes it.
        let wide = reading.iter().filter(|byte| **byte == 0).count() * 3 >= reading.len().max(1);
        let narrow: Vec<u8> =
            if wide { reading.iter().copied().filter(|byte| *byte != 0).collect() } else { Vec::new() };
        let reading = if wide { &narrow } else { reading };
        let exact = self.occurrences(reading).map(|(rule, _)| masks::word(rule)).next();
        exact.or_else(|| {
            let mut found = Vec::new();
            if readable(reading) {
                self.layer(reading, layers, &mut found);
            }
            found.first().map(|found| found.word)
        })
    }

    fn plain(&self, text: &[u8], found: &mut Vec<Found>) {
        let mut hits = Vec::new();
        (self.secrets)(text, &mut hits, &mut Vec::new());
        identity::find(text, &mut hits);
        for hit in hits {
            self.put(text, hit, found);
        }
        let as_word = self.occurrences(text).filter(|(_, span)| counts(text, span));
        found.extend(as_word.map(|(rule, span)| one(text, rule, span)));
    }

    /// A hit; user and host of a shell each have a mask of their own.
    fn put(&self, text: &[u8], hit: Hit, found: &mut Vec<Found>) {
        let at = memchr::memchr(b'@', &text[hit.span.clone()]).filter(|_| *hit.rule == identity::USER_AT_HOST);
        let Some(at) = at.map(|at| hit.span.start + at) else {
            return found.push(one(text, hit.rule, hit.span));
        };
        found.push(one(text, &identity::USER_NAME, hit.span.start..at));
        found.push(one(text, &identity::LOCAL_HOST, at + 1..hit.span.end));
    }

    fn occurrences<'s>(&'s self, text: &'s [u8]) -> impl Iterator<Item = (&'static Rule, Range<usize>)> + 's {
        let matches = self.automaton.iter().flat_map(move |automaton| automaton.find_overlapping_iter(text));
        matches.map(|matched| (self.exact[matched.pattern().as_usize()].rule, matched.range()))
    }
}

fn one(text: &[u8], rule: &Rule, span: Range<usize>) -> Found {
    Found { value: text[span.clone()].to_vec(), word: masks::word(rule), span }
}

/// Whether the exact value at `span` is a word of its own, or long enough to count within one.
fn counts(text: &[u8], span: &Range<usize>) -> bool {
    let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
    span.len() >= LONG || !word(text[..span.start].last()) && !word(text.get(span.end))
}

/// Whether decoded bytes are text, rather than what chance makes of a word.
fn readable(bytes: &[u8]) -> bool {
    let plain = |byte: &&u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~') || **byte >= 0x80;
    let strange = bytes.iter().filter(|byte| !plain(byte)).count();
    bytes.len() >= SHORTEST
        && strange * 10 <= bytes.len()
        && bytes.iter().filter(|byte| byte.is_ascii()).count() * 2 >= bytes.len()
}

/// The places in order, those that overlap made one: the larger one says what it is.
fn apart(mut found: Vec<Found>, text: &[u8]) -> Vec<Found> {
    found.sort_by_key(|found| (found.span.start, std::cmp::Reverse(found.span.end), found.word));
    let mut apart: Vec<Found> = Vec::new();
    for next in found {
        match apart.last_mut().filter(|last| next.span.start < last.span.end) {
            Some(last) if next.span.end <= last.span.end => {}
            Some(last) => {
                let word = if next.span.len() > last.span.len() { next.word } else { last.word };
                let span = last.span.start..next.span.end;
                *last = Found { value: text[span.clone()].to_vec(), span, word };
            }
            None => apart.push(next),
        }
    }
    apart
}
