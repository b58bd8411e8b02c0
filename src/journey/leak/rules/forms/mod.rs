//! Tokens that can be told from their own form, as their issuers publish it: where they begin, what they are made of,
//! how long they are.
//!
//! Invariant: a form begins with bytes of its own, so that one look at two bytes says which forms may begin there.

mod cloud;
mod collaboration;
mod data;
mod forge;
mod infrastructure;
mod model;
mod observability;
mod payment;

use std::ops::Range;
use std::sync::LazyLock;

use super::bytes::{
    ALNUM, DASH, DIGIT, DOT, LETTER, Mask, PERCENT, SLASH, UNDER, WORD, count as count_of, distinct, is, is_at, span,
};
use super::placeholder::{is_telling, is_worn};
use super::random::surprise;
use super::{Rule, jwt};

/// An issuer of tokens, and their forms.
pub(super) struct Vendor {
    pub(super) rule: Rule,
    pub(super) forms: &'static [Form],
}

/// One form of a token.
pub(super) struct Form {
    /// What the body must pass beside its form.
    pub(super) test: Test,
    /// What it is made of, in order; the first one's `before` is what it begins with.
    pub(super) parts: &'static [Part],
}

/// Fixed bytes, and as many as there are of some classes after them.
pub(super) struct Part {
    pub(super) before: &'static [u8],
    pub(super) mask: Mask,
    pub(super) least: usize,
    pub(super) most: usize,
}

/// How much a form says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    /// The beginning is like no other: the body need only not be a placeholder.
    Plain,
    /// Words may follow the same beginning: the body holds a letter and a digit.
    Mixed,
    /// Names may begin that way too: nothing may stand right before it, and the body must look drawn at random.
    Random,
    /// The issuer's mark stands in the body, with as many bytes on both sides as are drawn there at least.
    Marked,
}

/// All issuers.
pub(super) const VENDORS: [&[Vendor]; 8] = [
    cloud::VENDORS,
    forge::VENDORS,
    collaboration::VENDORS,
    payment::VENDORS,
    model::VENDORS,
    observability::VENDORS,
    infrastructure::VENDORS,
    data::VENDORS,
];

/// Writes an issuer's forms as a table: a test, then fixed bytes and what follows them.
macro_rules! vendor {
    ($name:literal, $says:literal, $($test:ident $($before:literal [$mask:expr; $least:literal, $most:literal])+;)+) => {
        $crate::journey::leak::rules::forms::Vendor {
            rule: $crate::journey::leak::rules::Rule {
                name: $name,
                kind: $crate::journey::leak::rules::Kind::Secret,
                description: $says,
            },
            forms: &[$($crate::journey::leak::rules::forms::Form {
                test: $crate::journey::leak::rules::forms::Test::$test,
                parts: &[$($crate::journey::leak::rules::forms::Part {
                    before: $before, mask: $mask, least: $least, most: $most,
                }),+],
            }),+],
        }
    };
}
use vendor;

/// Which forms may begin with two given bytes.
pub(super) struct Index {
    /// For each pair of bytes, by [`slot`], where its forms begin in `entries`.
    first: Vec<u16>,
    /// For each slot, whether anything begins so: the forms, and the two beginnings that have a module of their own.
    begins: Vec<bool>,
    entries: Vec<(Head, &'static Rule, &'static Form)>,
}

/// The first four bytes of a form, or fewer, as a number that can be compared at once.
#[derive(Clone, Copy)]
struct Head {
    bytes: u32,
    mask: u32,
}

impl Head {
    fn of(head: &[u8]) -> Self {
        let mut bytes = [0; 4];
        let length = head.len().min(4);
        bytes[..length].copy_from_slice(&head[..length]);
        let mask = u32::MAX >> (8 * (4 - length as u32));
        Head { bytes: u32::from_le_bytes(bytes), mask }
    }
}

/// The index over all forms, made at first use.
pub(super) static INDEX: LazyLock<Index> = LazyLock::new(Index::new);

const SLOTS: usize = 1 << 12;

/// The place of two bytes: tokens begin with ASCII letters and digits mostly, whose low six bits tell them apart well
/// enough; forms themselves are compared in full.
#[inline(always)]
fn slot(first: u8, second: u8) -> usize {
    usize::from(first & 63) << 6 | usize::from(second & 63)
}

impl Index {
    fn new() -> Self {
        let all = VENDORS.iter().flat_map(|vendors| vendors.iter());
        let mut entries: Vec<_> = all
            .flat_map(|vendor| {
                vendor.forms.iter().map(move |form| (Head::of(form.parts[0].before), &vendor.rule, form))
            })
            .collect();
        let place = |entry: &(Head, &Rule, &Form)| {
            let head = entry.2.parts[0].before;
            slot(head[0], head[1])
        };
        entries.sort_by_key(|entry| {
            let parts = entry.2.parts;
            (place(entry), std::cmp::Reverse((parts[0].before.len(), parts.len())))
        });
        let mut first = vec![0; SLOTS + 1];
        for entry in &entries {
            first[place(entry) + 1] += 1;
        }
        for at in 1..=SLOTS {
            first[at] += first[at - 1];
        }
        let mut begins: Vec<bool> = first.windows(2).map(|two| two[0] != two[1]).collect();
        for own in [&jwt::BEGINS[..], jwt::WRAPPED] {
            begins[slot(own[0], own[1])] = true;
        }
        Index { first, begins, entries }
    }

    /// Whether any form may begin with these two bytes.
    #[inline(always)]
    pub(super) fn may_begin(&self, first: u8, second: u8) -> bool {
        let slot = slot(first, second);
        self.begins[slot]
    }

    /// The token that begins at `at`, if one does. At most a few hundred bytes are looked at for each form that shares
    /// the beginning.
    #[inline]
    pub(super) fn token_at(&self, text: &[u8], at: usize) -> Option<(&'static Rule, Range<usize>)> {
        let &[first, second] = text.get(at..at + 2)? else { return None };
        let slot = slot(first, second);
        let range = usize::from(self.first[slot])..usize::from(self.first[slot + 1]);
        if range.is_empty() {
            return None;
        }
        let word = word_at(text, at);
        let entries = self.entries[range].iter().filter(|(head, ..)| word & head.mask == head.bytes);
        entries.filter_map(|(_, rule, form)| form.end(text, at).map(|end| (*rule, at..end))).next()
    }
}

/// The four bytes at `at` as a number; past the end of the text they are 0.
fn word_at(text: &[u8], at: usize) -> u32 {
    match text.get(at..at + 4) {
        Some(&[first, second, third, fourth]) => u32::from_le_bytes([first, second, third, fourth]),
        _ => text[at..].iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte)),
    }
}

impl Form {
    /// Where a token of this form that begins at `at` ends.
    fn end(&self, text: &[u8], at: usize) -> Option<usize> {
        let mut end = at;
        for (number, part) in self.parts.iter().enumerate() {
            if !text[end..].starts_with(part.before) {
                return None;
            }
            end += part.before.len();
            // Where the next part follows without a sign between, its bytes may be of this one's classes.
            let joined = self.parts.get(number + 1).is_some_and(|next| next.before.is_empty());
            let length = span(text, end, part.mask, part.most + usize::from(!joined));
            if length < part.least || length > part.most {
                return None;
            }
            end += length;
        }
        let body = &text[at + self.parts[0].before.len()..end];
        self.passes(text, at, end, body).then_some(end)
    }

    fn passes(&self, text: &[u8], at: usize, end: usize, body: &[u8]) -> bool {
        let goes_on = is_at(text, end, DASH | UNDER) && is_at(text, end + 1, ALNUM);
        if is_stale(body) || is_at(text, end, ALNUM) || goes_on {
            return false;
        }
        match self.test {
            Test::Plain => true,
            Test::Marked => is_marked(body),
            Test::Mixed => count_of(body, DIGIT) > 0 && count_of(body, LETTER) > 0,
            Test::Random => {
                let alone =
                    at == 0 || !is(text[at - 1], WORD | DOT | SLASH | PERCENT) || text[..at - 1].ends_with(b"\\");
                let least = if count_of(body, DIGIT) > 0 { 0 } else { body.len() as i32 / 2 };
                alone && surprise(body) > least
            }
        }
    }
}

/// Whether a body holds the mark that OpenAI puts into its keys, the base64 of its name.
fn is_marked(body: &[u8]) -> bool {
    let at = body.windows(8).position(|eight| eight == b"T3BlbkFJ");
    at.is_some_and(|at| at >= 20 && body.len() - at - 8 >= 20)
}

impl Index {
    /// Whether some form begins at `at` with bytes that say much: what follows is no token of it, or it would be found.
    pub(super) fn begins(&self, text: &[u8], at: usize) -> bool {
        let Some(&[first, second]) = text.get(at..at + 2) else { return false };
        let slot = slot(first, second);
        let entries = &self.entries[usize::from(self.first[slot])..usize::from(self.first[slot + 1])];
        entries
            .iter()
            .filter(|(_, _, form)| !matches!(form.test, Test::Random | Test::Marked))
            .map(|(_, _, form)| form.parts[0].before)
            .any(|head| head.len() >= 4 && text[at..].starts_with(head))
    }
}

/// Whether a body is a placeholder: issuers draw bodies at random, so little variety is enough to tell.
fn is_stale(body: &[u8]) -> bool {
    if body.len() < 8 {
        return distinct(body) < 3;
    }
    is_telling(body) || is_worn(body) && body.iter().filter(|byte| b"xX*.0_-".contains(byte)).count() * 2 > body.len()
}

/// How many issuers there are.
pub(super) const fn count() -> usize {
    let (mut total, mut group) = (0, 0);
    while group < VENDORS.len() {
        total += VENDORS[group].len();
        group += 1;
    }
    total
}
