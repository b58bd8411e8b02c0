//! Values that are known and must not be shown: of this machine, of its users, of its environment.
//!
//! Invariant: every value is looked for in every form in one pass, whose time does not grow with their number. A value shorter than `SHORTEST` is not looked for: it would be found in every text. One shorter than
//! `LONG` counts only as a word of its own, so that the user `anna` is not found in `savannah`.

mod grams;

use std::ops::Range;

use aho_corasick::{AhoCorasick, BuildError, Input, Span, packed};
use grams::Grams;

use super::Layer;
use super::rules::Rule;

/// Shorter values are not looked for, in bytes.
pub(super) const SHORTEST: usize = 4;
/// From this length on a value counts within a longer word, too.
pub(super) const LONG: usize = 12;
/// Characters of an encoded form that chance does not bring about in a picture: 48 bits.
const ENCODED: usize = 8;

/// A value, and the rule that it is found by.
#[derive(Clone, PartialEq, Eq)]
pub struct Exact {
    /// The rule.
    pub rule: &'static Rule,
    /// The value. Its letters are found in either case.
    pub value: Vec<u8>,
}

/// The value is nobody's business, not even a log's.
impl std::fmt::Debug for Exact {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Exact").field("rule", &self.rule.name).finish_non_exhaustive()
    }
}

/// One form of a value.
struct Form {
    /// Index of the value.
    exact: usize,
    /// What was done to it.
    layer: Option<Layer>,
    bytes: Vec<u8>,
}

/// Looks for values.
pub(super) struct Search {
    exact: Vec<Exact>,
    forms: Vec<Form>,
    /// Every form of [`grams::SHORTEST`] bytes and more.
    long: Grams,
    /// The shorter ones, as people write them.
    short: Words,
    short_forms: Vec<usize>,
}

impl Search {
    /// # Errors
    /// When there are more values than can be looked for.
    pub(super) fn new(exact: Vec<Exact>) -> Result<Self, BuildError> {
        let mut exact: Vec<_> = exact.into_iter().filter(|exact| exact.value.trim_ascii().len() >= SHORTEST).collect();
        exact.sort_by(|one, other| (&one.value, one.rule.name).cmp(&(&other.value, other.rule.name)));
        exact.dedup();
        let forms: Vec<_> = exact.iter().enumerate().flat_map(|(index, exact)| forms(index, &exact.value)).collect();
        let is_short = |index: &usize| forms[*index].bytes.len() < grams::SHORTEST;
        let short_forms = (0..forms.len()).filter(is_short).collect::<Vec<_>>();
        let short = Words::new(short_forms.iter().map(|&form| forms[form].bytes.as_slice()))?;
        Ok(Search { long: Grams::new(&forms), short, short_forms, exact, forms })
    }

    /// The values, sorted.
    pub(super) fn values(&self) -> &[Exact] {
        &self.exact
    }

    /// The length of the longest form.
    pub(super) fn longest(&self) -> usize {
        self.forms.iter().map(|form| form.bytes.len()).max().unwrap_or(0)
    }

    /// Calls `found` with each value in `text`, its place, and what was done to it.
    pub(super) fn find<'s>(&'s self, text: &[u8], mut found: impl FnMut(&'s Exact, Range<usize>, Option<Layer>)) {
        let mut check = |form: usize, start: usize| {
            let form = &self.forms[form];
            let span = start..start + form.bytes.len();
            if form.stands_at(text, &span) {
                found(&self.exact[form.exact], span, form.layer);
            }
        };
        self.long.find(text, &mut check);
        let mut at = 0;
        while let Some(start) = self.short.find(text, at) {
            // Others may begin at the same place.
            self.short_forms.iter().for_each(|&form| check(form, start));
            at = start + 1;
        }
    }
}

/// A few short words.
enum Words {
    None,
    /// By vector instructions.
    Packed(packed::Searcher),
    /// Where the processor has none, or the words are too many for them.
    Automaton(AhoCorasick),
}

impl Words {
    /// `words` as they are, in lower case, in upper case and with a capital.
    fn new<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Self, BuildError> {
        let mut written: Vec<Vec<u8>> = Vec::new();
        for word in words {
            let lower = word.to_ascii_lowercase();
            let capital = [lower[..1].to_ascii_uppercase(), lower[1..].to_vec()].concat();
            written.extend([word.to_vec(), word.to_ascii_uppercase(), lower, capital]);
        }
        written.sort_unstable();
        written.dedup();
        if written.is_empty() {
            return Ok(Words::None);
        }
        match packed::Config::new().builder().extend(&written).build() {
            Some(searcher) => Ok(Words::Packed(searcher)),
            None => AhoCorasick::new(&written).map(Words::Automaton),
        }
    }

    /// The start of the first word from `at` on.
    fn find(&self, text: &[u8], at: usize) -> Option<usize> {
        let matched = match self {
            Words::None => None,
            Words::Packed(searcher) => searcher.find_in(text, Span::from(at..text.len())),
            Words::Automaton(automaton) => automaton.find(Input::new(text).range(at..)),
        };
        matched.map(|matched| matched.start())
    }
}

impl Form {
    /// Whether this form stands at `span`, and is no part of another word.
    fn stands_at(&self, text: &[u8], span: &Range<usize>) -> bool {
        let Some(there) = text.get(span.clone()).filter(|there| there.eq_ignore_ascii_case(&self.bytes)) else {
            return false;
        };
        match self.layer {
            // Upper and lower case are different digits in base64.
            Some(Layer::Base64) => there == self.bytes,
            Some(_) => true,
            None if self.bytes.len() >= LONG => true,
            None => {
                let is_word =
                    |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
                !is_word(text[..span.start].last()) && !is_word(text.get(span.end))
            }
        }
    }
}

/// Every form of a value that is looked for as it stands. Longer encoded texts are decoded; these are what is too short
/// for that, or lies among bytes that are no text.
fn forms(exact: usize, value: &[u8]) -> Vec<Form> {
    let mut forms = vec![Form { exact, layer: None, bytes: value.to_vec() }];
    let hexadecimal: Vec<u8> = value.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
    forms.push(Form { exact, layer: Some(Layer::Hex), bytes: hexadecimal });
    let percent: Vec<u8> = value.iter().flat_map(|byte| format!("%{byte:02x}").into_bytes()).collect();
    forms.push(Form { exact, layer: Some(Layer::Percent), bytes: percent });
    for alphabet in [STANDARD, URL_SAFE] {
        for lead in 0..3 {
            let bytes = base64_core(value, lead, alphabet);
            if bytes.len() >= ENCODED && forms.iter().all(|form| form.bytes != bytes) {
                forms.push(Form { exact, layer: Some(Layer::Base64), bytes });
            }
        }
    }
    forms
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The digits of base64 that `value` alone decides where `lead` bytes stand before it in its group of three.
fn base64_core(value: &[u8], lead: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let bits = value.len() * 8;
    // The first whole digit begins at a multiple of six bits of the text.
    let first = (6 - lead * 8 % 6) % 6;
    (first..(bits + 1).saturating_sub(6))
        .step_by(6)
        .map(|bit| {
            let byte = |at: usize| u16::from(value.get(at).copied().unwrap_or(0));
            let pair = byte(bit / 8) << 8 | byte(bit / 8 + 1);
            alphabet[usize::from(pair >> (10 - bit % 8) & 0x3f)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::rules::Kind;
    use super::*;

    static RULE: Rule = Rule { name: "host-name", kind: Kind::Identity, description: "This machine's name" };

    fn found(values: &[&str], text: &str) -> Vec<(usize, Option<Layer>)> {
        let exact = values.iter().map(|value| Exact { rule: &RULE, value: value.as_bytes().to_vec() }).collect();
        let search = Search::new(exact).expect("a few values");
        let mut found = Vec::new();
        search.find(text.as_bytes(), |_, span, layer| found.push((span.start, layer)));
        found
    }

    #[test]
    fn a_value_is_found_in_either_case_as_a_word() {
        assert_eq!(found(&["anna"], "Anna savannah anna-1 ANNA@x annas"), [(0, None), (14, None), (21, None)]);
        assert_eq!(found(&["anna", "hanna", "annabel"], "hanna annabel"), [(0, None), (6, None)]);
        assert_eq!(found(&["a", "box"], "a box"), []);
        assert_eq!(found(&["long-host-name"], "xlong-host-namex"), [(1, None)]);
    }

    #[test]
    fn a_value_is_found_within_base64_at_every_alignment() {
        // "host spark-41a7 up", with none, one and two bytes before it.
        for text in ["aG9zdCBzcGFyay00MWE3IHVw", "eGhvc3Qgc3BhcmstNDFhNyB1cA==", "eHhob3N0IHNwYXJrLTQxYTcgdXA="] {
            let found = found(&["spark-41a7"], text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].1, Some(Layer::Base64));
        }
        assert_eq!(found(&["spark-41a7"], "AG9ZDCBZCGFYAY00MWE3IHVW"), [], "other digits");
    }

    #[test]
    fn a_value_is_found_in_hexadecimal_and_percent_encoding() {
        assert_eq!(found(&["spark"], "00737061726B00"), [(2, Some(Layer::Hex))]);
        assert_eq!(found(&["spark"], "%73%70%61%72%6b"), [(0, Some(Layer::Percent))]);
    }

    #[test]
    fn no_log_can_show_a_value() {
        let exact = Exact { rule: &RULE, value: b"spark-41a7".to_vec() };
        assert_eq!(format!("{exact:?}"), "Exact { rule: \"host-name\", .. }");
    }
}
