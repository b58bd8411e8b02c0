//! Runs of token bytes: tokens of a known form in them, values that a name or an issuer nearby makes secret, and what
//! looks drawn at random by itself.
//!
//! Invariant: prose is skipped, because a run is looked for at every [`PROBE`]th byte only; each byte of a run is
//! looked at a bounded number of times.

use std::ops::Range;

use super::bytes::{
    ALNUM, BASE64_PADDED, DASH, DIGIT, EQUALS, HEX, LETTER, LOWER, Mask, TOKEN, TOKENS, UPPER, class, is, span,
};
use super::forms::{INDEX, Index};
use super::{Hit, Rule, jwt, residue, special};

/// The shortest run that is looked at, in bytes.
const PROBE: usize = 12;
/// A run of [`PROBE`] bytes reaches so far to one side of any byte of it, in bytes.
const ARM: usize = PROBE / 2;
/// The shortest run that may hold a token of a known form, in bytes.
const FORMED: usize = 16;
/// The shortest run that is told to who decodes, in bytes.
const DECODED: usize = 20;
/// A longer run of base64 is data.
const DATA: usize = 300;
/// How far before a run a form may begin that holds other bytes too.
const LEAD: usize = 64;

/// Looks at every run of a text.
pub(super) fn find(text: &[u8], hits: &mut Vec<Hit>, runs: &mut Vec<Range<usize>>) {
    let mut look = Look { text, index: &INDEX, hits, told: 0 };
    let (mut at, mut floor) = (PROBE - 1, 0);
    while at < text.len() {
        if !may_run(text, at) {
            at += PROBE;
            continue;
        }
        // Both ways to the run's ends, noting what it is made of.
        let mut all = 0;
        let mut before = 0;
        for &byte in text[floor..at].iter().rev() {
            if !is(byte, TOKEN) {
                break;
            }
            all |= class(byte);
            before += 1;
        }
        let mut after = 0;
        for &byte in &text[at..] {
            if !is(byte, TOKEN) {
                break;
            }
            all |= class(byte);
            after += 1;
        }
        let run = at - before..at + after;
        at = run.end + PROBE;
        floor = run.end + 1;
        if run.len() >= PROBE {
            if run.len() >= DECODED {
                runs.push(run.clone());
            }
            look.run(run, all);
        }
    }
}

/// Whether a run of [`PROBE`] bytes may hold the byte at `at`: it would reach [`ARM`] bytes to one side at least. All
/// are looked at without a branch, because where words end cannot be foretold.
#[inline(always)]
fn may_run(text: &[u8], at: usize) -> bool {
    let Some(window) = text.get(at.wrapping_sub(ARM)..at + ARM + 1) else { return is(text[at], TOKEN) };
    let Ok(window) = <&[u8; 2 * ARM + 1]>::try_from(window) else { return false };
    let token = |at: usize| TOKENS[usize::from(window[at])];
    let left = token(0) & token(1) & token(2) & token(3) & token(4) & token(5);
    let right = token(7) & token(8) & token(9) & token(10) & token(11) & token(12);
    (left | right) & token(ARM) != 0
}

struct Look<'a> {
    text: &'a [u8],
    index: &'a Index,
    hits: &'a mut Vec<Hit>,
    /// Where the last token of a known form ends: what lies before is told.
    told: usize,
}

impl Look<'_> {
    /// A run, and the classes of all of its bytes.
    fn run(&mut self, run: Range<usize>, all: Mask) {
        if run.end <= self.told {
            return;
        }
        let short = run.len() < FORMED;
        if short && all & DIGIT == 0 {
            return;
        }
        let run = run.start + escape(self.text, run.start)..run.end;
        let found = self.hits.len();
        // What issuers draw holds digits, or letters of both cases.
        let capitals = all & !UPPER == 0 && run.len() == 20;
        let drawn = all & DIGIT != 0 || (all & UPPER != 0 && all & LOWER != 0) || capitals;
        if drawn && !short {
            self.forms(&run, all);
        }
        if drawn && special::may_find(self.text, &run) {
            special::find(self.text, run.clone(), self.hits);
        }
        // Words joined by signs, but for names with a value: nearly all of the rest of program text.
        let words = all & DIGIT == 0 && all & !LETTER != 0 && all & EQUALS == 0;
        if !words && self.hits.len() == found {
            residue::find(self.text, run, all, self.hits);
        }
    }

    /// Tokens of a known form: they begin where no letter or digit stands before.
    fn forms(&mut self, run: &Range<usize>, all: Mask) {
        let mut at = self.lead(run.start).max(self.told).min(run.end);
        // Where a run is one piece, a UUID or data in base64, only its beginning may be a token's.
        let data = run.len() > DATA && all & !BASE64_PADDED == 0;
        let whole = data || all & !ALNUM == 0 || all & !(HEX | DASH) == 0;
        let end = if whole { (run.start + 2).max(at) } else { run.end };
        let (from, mut inside) = (at, false);
        for (offset, two) in self.text[from..end].windows(2).enumerate() {
            let begins = !inside && self.index.may_begin(two[0], two[1]);
            inside = is(two[0], ALNUM);
            if begins
                && from + offset >= at
                && let Some((rule, span)) = self.token(from + offset)
            {
                at = span.end;
                self.told = span.end;
                self.hits.push(Hit { rule, span });
            }
        }
    }

    fn token(&self, at: usize) -> Option<(&'static Rule, Range<usize>)> {
        let wrapped = match self.text[at] {
            b'e' => jwt::at(self.text, at),
            b'L' => jwt::wrapped_key(self.text, at),
            _ => None,
        };
        wrapped.or_else(|| self.index.token_at(self.text, at))
    }

    /// Where the word that a run belongs to begins, if its form holds other bytes than those of a run.
    fn lead(&self, start: usize) -> usize {
        let joins = start > 0 && b".:|$!~@?".contains(&self.text[start - 1]);
        if !joins {
            return start;
        }
        let before = self.text[..start].iter().rev().take(LEAD);
        let lead = start - before.take_while(|&&byte| is(byte, TOKEN) || b".:|$!~@?".contains(&byte)).count();
        lead + escape(self.text, lead)
    }
}

/// How many bytes at the start of a run belong to an escape before it, such as `\n` or `\u003d`.
fn escape(text: &[u8], start: usize) -> usize {
    if start == 0 || text[start - 1] != b'\\' {
        return 0;
    }
    match text[start] {
        b'n' | b't' | b'r' | b'b' | b'f' => 1,
        b'u' if span(text, start + 1, HEX, 4) == 4 => 5,
        _ => 0,
    }
}
