//! Properties of the rules over values that are made from the forms themselves.
//!
//! No value that a scanner would find stands in this file: they are drawn by a seeded generator.

use std::ops::Range;

use proptest::prelude::*;

use super::bytes::{ALNUM, Mask, class, steps};
use super::forms::{Form, Test, VENDORS};
use super::{Hit, Kind, RULES, Rule, context, find};

/// A small generator of numbers, the same on every run.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    /// Bytes drawn from classes.
    pub(super) fn draw(&mut self, mask: Mask, length: usize) -> Vec<u8> {
        let alphabet: Vec<u8> = (0..128).filter(|&byte| class(byte) & mask != 0).collect();
        (0..length).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    /// A token of a form. It begins and ends with letters or digits where the form lets it.
    fn token(&mut self, form: &Form) -> Vec<u8> {
        let mut token = Vec::new();
        for part in form.parts {
            token.extend(part.before);
            let length = part.least + self.below((part.most.min(part.least + 8) - part.least) + 1);
            let (mut inner, mut outer) = (self.draw(part.mask, length), self.draw(part.mask & ALNUM, 2));
            if let (Some(first), Some(last)) = (inner.first().copied(), inner.last_mut()) {
                *last = outer.pop().unwrap_or(first);
            }
            if let (Some(first), Some(byte)) = (inner.first_mut(), outer.pop()) {
                *first = byte;
            }
            if form.test == Test::Marked {
                inner.splice(20..20, *b"T3BlbkFJ");
            }
            token.append(&mut inner);
        }
        token
    }
}

pub(super) fn hits(text: &[u8]) -> Vec<Hit> {
    let (mut hits, mut runs) = (Vec::new(), Vec::new());
    find(text, &mut hits, &mut runs);
    hits
}

fn forms() -> impl Iterator<Item = (&'static Rule, &'static Form)> {
    VENDORS
        .iter()
        .flat_map(|vendors| vendors.iter())
        .flat_map(|vendor| vendor.forms.iter().map(|form| (&vendor.rule, form)))
}

/// What may stand around a token in files of all kinds.
const AROUND: [(&str, &str); 12] = [
    ("", ""),
    ("{\"value\": \"", "\"}"),
    ("{\\\"value\\\": \\\"", "\\\"}"),
    ("first line\\n", "\\nnext line"),
    ("value: ", "\n"),
    ("export VALUE='", "'\n"),
    ("VALUE=", "\n"),
    ("<value>", "</value>"),
    ("see `", "` in the text"),
    ("(", ")"),
    ("https://example.org/?q=", "&other=1"),
    ("| cell | ", " |"),
];

#[test]
fn a_token_of_each_form_is_found_whatever_stands_around_it() {
    let (mut drawn, mut missed, mut certain) = (0, Vec::new(), Vec::new());
    for (rule, form) in forms() {
        for (seed, (before, after)) in AROUND.iter().enumerate() {
            let token = Dice::new(seed as u64 + 7).token(form);
            let text = [before.as_bytes(), &token, after.as_bytes()].concat();
            let found = hits(&text);
            drawn += 1;
            if found.iter().any(|hit| covers(&hit.span, &(before.len()..before.len() + token.len()))) {
                continue;
            }
            let told: Vec<_> = found.iter().map(|hit| hit.rule.name).collect();
            let miss = format!("{} in `{}`, where only {told:?}", rule.name, String::from_utf8_lossy(&text));
            if form.test == Test::Plain { certain.push(miss) } else { missed.push(miss) }
        }
    }
    assert!(certain.is_empty(), "{certain:#?}");
    // What begins like a name must look drawn at random, and now and then what was drawn does not.
    assert!(missed.len() * 100 < drawn, "{} of {drawn}: {missed:?}", missed.len());
}

fn covers(span: &Range<usize>, token: &Range<usize>) -> bool {
    span.start <= token.start && span.end >= token.end
}

#[test]
fn the_span_of_a_hit_is_the_token_itself() {
    let mut exact = 0;
    for (rule, form) in forms().filter(|(_, form)| form.test == Test::Plain) {
        let token = Dice::new(11).token(form);
        let text = [b"{\"value\": \"", &token[..], b"\"}"].concat();
        exact += usize::from(hits(&text).iter().any(|hit| hit.rule == rule && hit.span == (11..11 + token.len())));
    }
    let plain = forms().filter(|(_, form)| form.test == Test::Plain).count();
    // A few forms begin with what another form is made of: then the longer one is told.
    assert!(exact * 100 >= plain * 95, "{exact} of {plain} are told exactly");
}

#[test]
fn a_token_is_found_at_every_position_of_a_text() {
    let (_, form) = forms().find(|(rule, _)| rule.name == "github-token").expect("a form");
    let token = Dice::new(3).token(form);
    for offset in 0..200 {
        let text = [&b"lorem ipsum dolor sit amet ".repeat(8)[..offset], b" ", &token].concat();
        assert_eq!(hits(&text).len(), 1, "after {offset} bytes");
    }
}

#[test]
fn a_token_that_is_worn_to_one_byte_is_a_placeholder() {
    for (rule, form) in forms() {
        let mut token = form.parts[0].before.to_vec();
        for (at, part) in form.parts.iter().enumerate() {
            token.extend(if at > 0 { part.before } else { b"" });
            let byte = [b'x', b'X', b'0', b'a'].into_iter().find(|&byte| class(byte) & part.mask != 0).expect("a byte");
            token.extend(std::iter::repeat_n(byte, part.least));
        }
        let found = hits(&token);
        assert!(found.iter().all(|hit| hit.rule != rule), "{}: {}", rule.name, String::from_utf8_lossy(&token));
    }
}

#[test]
fn a_token_of_fixed_length_that_is_one_byte_short_is_none_of_its_form() {
    for (rule, form) in forms() {
        let last = form.parts.last().expect("a part");
        let head = form.parts[0].before;
        let alike = forms().filter(|(other, form)| *other == rule && share(form.parts[0].before, head)).count();
        if last.least != last.most || last.least < 12 || alike > 1 {
            continue;
        }
        let token = Dice::new(5).token(form);
        let text = [b"\"", &token[..token.len() - 1], b"\""].concat();
        let told = hits(&text).iter().any(|hit| hit.rule == rule && hit.span == (1..token.len()));
        assert!(!told, "{} `{}…`", rule.name, String::from_utf8_lossy(form.parts[0].before));
    }
}

/// Whether one of two beginnings goes on as the other: then a token of one form may be one of the other.
fn share(left: &[u8], right: &[u8]) -> bool {
    left.starts_with(right) || right.starts_with(left)
}

#[test]
fn rules_have_names_of_their_own_and_say_what_they_find() {
    let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "two rules share a name");
    for rule in RULES {
        assert!(rule.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
        assert!(!rule.description.ends_with('.') && rule.description.starts_with(|first: char| first.is_uppercase()));
        assert_eq!(rule.kind, Kind::Secret);
    }
}

#[test]
fn the_reference_of_rules_is_what_the_code_says() {
    let mut text = String::from(
        "# What the leak gate looks for\n\nGenerated from `src/journey/leak/rules/`; rewrite with `UPDATE_DOCS=1 cargo nextest run --lib`.\n\n\
         | rule | what it finds |\n| --- | --- |\n",
    );
    let mut rules: Vec<_> = RULES.iter().collect();
    rules.sort_by_key(|rule| rule.name);
    for rule in rules {
        text.push_str(&format!("| `{}` | {} |\n", rule.name, rule.description));
    }
    crate::golden::check("docs/generated/rules.md", &text);
}

#[test]
fn runs_are_told_whole_and_none_is_missed() {
    let mut dice = Dice::new(9);
    for length in 1..60 {
        let run = dice.draw(ALNUM, length);
        let text = [b"a, b. ", &run[..], b" c"].concat();
        let (mut found, mut runs) = (Vec::new(), Vec::new());
        find(&text, &mut found, &mut runs);
        assert_eq!(runs.len(), usize::from(length >= 20), "a run of {length} bytes");
        assert!(runs.iter().all(|run| *run == (6..6 + length)), "{runs:?}");
    }
}

#[test]
fn nothing_takes_more_than_linear_steps() {
    let patterns: [&[u8]; 14] = [
        b"password=",
        b"://",
        b"a:b@",
        b"sk-",
        b"eyJ",
        b"eyJhbGciOiJIUzI1NiJ9.",
        b"-----BEGIN PRIVATE KEY-----",
        b"$6$a$",
        b"\\n",
        b"a.b:c|d",
        b"=A1",
        b"secret is ",
        b"Bearer ",
        b"q8Q~",
    ];
    for pattern in patterns {
        let cost = |times: usize| {
            let text = pattern.repeat(times);
            let before = steps();
            hits(&text);
            steps() - before
        };
        let (small, large) = (cost(2_000), cost(8_000));
        assert!(large <= small * 5, "{}: {small} steps, then {large}", String::from_utf8_lossy(pattern));
    }
}

#[test]
fn one_long_run_takes_linear_steps() {
    let run = Dice::new(1).draw(super::bytes::TOKEN, 1 << 20);
    let before = steps();
    hits(&run);
    assert!(steps() - before < 40 << 20, "{} steps", steps() - before);
}

#[test]
fn the_context_covers_the_longest_look() {
    assert!(context() >= 2 * super::keyed::REACH);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_looked_through_without_a_panic(text in prop::collection::vec(any::<u8>(), 0..600)) {
        for hit in hits(&text) {
            prop_assert!(hit.span.start < hit.span.end && hit.span.end <= text.len());
        }
    }

    #[test]
    fn any_mix_of_what_is_looked_for_is_looked_through_without_a_panic(
        parts in prop::collection::vec(prop::sample::select(PIECES), 0..40)
    ) {
        let text = parts.concat();
        let found = hits(text.as_bytes());
        for two in found.windows(2) {
            prop_assert!(two[0].span.end <= two[1].span.start, "hits overlap");
        }
    }
}

const PIECES: &[&str] = &[
    "password",
    "pwd",
    "secret",
    "=",
    ":",
    " ",
    "\"",
    "'",
    "\\",
    "\\n",
    "\n",
    "://",
    "@",
    "/",
    ".",
    "~",
    "$",
    "{",
    "}",
    "<",
    ">",
    "-----BEGIN ",
    "PRIVATE KEY",
    "-----",
    "eyJ",
    "AAAA",
    "a1b2c3d4e5f6a7b8",
    "Bearer ",
    "curl ",
    "-u ",
    "mysql ",
    "-p",
    "xoxb-",
    "ghp_",
    "Q~",
    ":A",
    "-us1",
    "é",
    "\u{0}",
    "is ",
    "LS0tLS1CRUdJTi",
    "$6$",
    "8f3k2j5h7g9d1s4a6p0o",
    "api_key",
    "token",
    "str",
    "(",
    ")",
    ",",
];
