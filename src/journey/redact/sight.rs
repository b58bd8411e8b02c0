//! What must not be shown in one text: by rules, by exact values, and by either within what the text encodes.
//!
//! Invariant: pure; whatever the leak gate finds in a text is found here, so that what was redacted passes the gate.

use std::ops::Range;

use aho_corasick::{AhoCorasick, BuildError};

use super::masks;
use super::unwrap::{Escape, decoded, run_around, unfolded};
use crate::journey::leak::exact::Exact;
use crate::journey::leak::identity;
use crate::journey::leak::rules::{Hit, Rule};

/// Finds secrets in plain bytes, as `leak::rules::find` does.
pub type FindSecrets = fn(&[u8], &mut Vec<Hit>, &mut Vec<Range<usize>>);

/// Shorter exact values are not looked for: they would be found in every text.
const SHORTEST: usize = 4;

/// From this length on an exact value counts within a longer word, too, as the gate has it.
const LONG: usize = 12;

/// Digits of base64 that chance does not bring about, as the gate has it: 48 bits.
const LONG_ENCODED: usize = 8;

/// How often a text within a text is looked into.
const LAYERS: usize = 2;

/// Looks for what must not be shown.
pub(super) struct Sight {
    secrets: FindSecrets,
    forms: Vec<Form>,
    automaton: Option<AhoCorasick>,
}

/// One way in which an exact value stands in a text.
struct Form {
    rule: &'static Rule,
    bytes: Vec<u8>,
    encoding: Encoding,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    None,
    Hex,
    /// The digits that the value alone decides; upper and lower case are different ones.
    Base64,
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
        let mut exact: Vec<&Exact> = exact.iter().filter(|exact| exact.value.trim_ascii().len() >= SHORTEST).collect();
        // A value that has a name of its own beside a variable is called by its name.
        exact.sort_by_key(|exact| (&exact.value, exact.rule.name == "environment-value", exact.rule.name));
        exact.dedup_by(|one, other| one.value == other.value);
        let forms: Vec<Form> = exact.iter().flat_map(|exact| forms(exact)).collect();
        let automaton = if forms.is_empty() {
            None
        } else {
            Some(AhoCorasick::builder().ascii_case_insensitive(true).build(forms.iter().map(|form| &form.bytes))?)
        };
        Ok(Sight { secrets, forms, automaton })
    }

    /// All that must not be shown in `text`, in order and apart from each other.
    pub(super) fn look(&self, text: &str) -> Vec<Found> {
        let mut found = Vec::new();
        self.layer(text.as_bytes(), LAYERS, &mut found);
        // A line's end matters to some values (a key of several lines, a name at the end of one), and is shown as a space.
        if memchr::memchr3(b'\n', b'\r', b'\t', text.as_bytes()).is_some() {
            self.layer(text.replace(['\n', '\r', '\t'], " ").as_bytes(), LAYERS, &mut found);
            self.folded(text.as_bytes(), &mut found);
        }
        apart(found, text.as_bytes())
    }

    /// What is broken over lines. A path or a name that was found on one line is not drawn over the next one's first word;
    /// of a secret any more of it counts.
    fn folded(&self, text: &[u8], found: &mut Vec<Found>) {
        // Two lines at a time too: a short value counts as a word of its own alone.
        let ways: [fn(usize) -> bool; 3] = [|_| true, |line| line % 2 == 0, |line| line % 2 == 1];
        for joined in ways.map(|breaks| unfolded(text, breaks)) {
            let mut within = Vec::new();
            self.layer(&joined.text, LAYERS, &mut within);
            for one in within {
                let span = joined.original(&one.span);
                let overlaps = |known: &Found| known.span.start < span.end && span.start < known.span.end;
                let is_secret = matches!(one.word, "secret" | "key");
                if span.len() > one.span.len() && (is_secret || !found.iter().any(overlaps)) {
                    found.push(Found { span, ..one });
                }
            }
        }
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
        decoded(text, |reading, span| {
            let mut within = Vec::new();
            self.layer(reading, layers, &mut within);
            let run =
                |first: &Found| Found { value: text[span.clone()].to_vec(), word: first.word, span: span.clone() };
            found.extend(within.first().map(run));
        });
    }

    fn plain(&self, text: &[u8], found: &mut Vec<Found>) {
        let mut hits = Vec::new();
        (self.secrets)(text, &mut hits, &mut Vec::new());
        identity::find(text, &mut hits);
        for hit in hits {
            self.put(text, hit, found);
        }
        let matches = self.automaton.iter().flat_map(|automaton| automaton.find_overlapping_iter(text));
        found.extend(
            matches.filter_map(|matched| self.forms[matched.pattern().as_usize()].found(text, matched.range())),
        );
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
}

impl Form {
    /// What stands at `span`, if it is this form: as a word of its own where it is short, with the whole run of digits
    /// where it is encoded.
    fn found(&self, text: &[u8], span: Range<usize>) -> Option<Found> {
        let same = match self.encoding {
            Encoding::None => counts(text, &span),
            Encoding::Hex => true,
            Encoding::Base64 => text[span.clone()] == self.bytes,
        };
        let span = if self.encoding == Encoding::None { span } else { run_around(text, span) };
        same.then(|| one(text, self.rule, span))
    }
}

/// Every form of a value that is looked for as it stands: among bytes that are no text, it would not be decoded.
fn forms(exact: &Exact) -> Vec<Form> {
    let form = |encoding, bytes| Form { rule: exact.rule, bytes, encoding };
    let hex = exact.value.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
    let mut forms = vec![form(Encoding::None, exact.value.clone()), form(Encoding::Hex, hex)];
    for lead in 0..3 {
        let standard = base64_core(&exact.value, lead);
        let url_safe: Vec<u8> = standard
            .iter()
            .map(|digit| match digit {
                b'+' => b'-',
                b'/' => b'_',
                digit => *digit,
            })
            .collect();
        if standard.len() >= LONG_ENCODED {
            forms.extend((standard != url_safe).then(|| form(Encoding::Base64, url_safe)));
            forms.push(form(Encoding::Base64, standard));
        }
    }
    forms
}

/// The digits of base64 that `value` alone decides where `lead` bytes stand before it in its group of three.
fn base64_core(value: &[u8], lead: usize) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = std::iter::repeat_n(0, lead).chain(value.iter().copied());
    let bits: Vec<u8> = bytes.flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let digits =
        bits.chunks_exact(6).map(|bits| DIGITS[bits.iter().fold(0, |digit, bit| digit << 1 | usize::from(*bit))]);
    digits.skip((lead * 8).div_ceil(6)).collect()
}

fn one(text: &[u8], rule: &Rule, span: Range<usize>) -> Found {
    Found { value: text[span.clone()].to_vec(), word: masks::word(rule), span }
}

/// Whether the exact value at `span` is a word of its own, or long enough to count within one.
fn counts(text: &[u8], span: &Range<usize>) -> bool {
    let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
    span.len() >= LONG || !word(text[..span.start].last()) && !word(text.get(span.end))
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
