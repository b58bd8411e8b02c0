//! What the rules of a file find in a text.
//!
//! Invariant: as gitleaks decides, in its order: path, keyword, expression, entropy, the file's allowlists, the rule's.

use std::ops::Range;

use regex::bytes::{Captures, Regex};

use super::schema::{Condition, Target};
use super::{AROUND, Allowed, Imported, Rule};

/// The rules that are looked for in one file.
pub(in super::super) struct Active<'s> {
    imported: &'s Imported,
    name: String,
    /// For each rule whether it looks into this file.
    rules: Vec<bool>,
}

impl Imported {
    /// The rules that look into the file called `name`.
    pub(in super::super) fn active(&self, name: &str) -> Active<'_> {
        let passed = self.allowed.iter().any(|allowed| allowed.file(name));
        let looks = |rule: &Rule| {
            !passed
                && rule.path.as_ref().is_none_or(|path| path.is_match(name.as_bytes()))
                && !rule.allowed.iter().any(|allowed| allowed.file(name))
        };
        Active { imported: self, name: name.to_owned(), rules: self.rules.iter().map(looks).collect() }
    }
}

impl<'s> Active<'s> {
    /// The rules that the file's name alone breaks.
    pub(in super::super) fn names(&self) -> impl Iterator<Item = &'s str> {
        let rules = self.imported.rules.iter().zip(&self.rules);
        rules.filter(|(rule, active)| **active && rule.expression.is_none()).map(|(rule, _)| rule.id.as_str())
    }

    /// Calls `found` with each rule and secret in `text`.
    pub(in super::super) fn find(&self, text: &[u8], mut found: impl FnMut(&'s str, Range<usize>)) {
        let imported = self.imported;
        // Up to where each rule has looked.
        let mut windows: Vec<Option<Range<usize>>> = vec![None; imported.rules.len()];
        for matched in imported.keywords.find_overlapping_iter(text) {
            let window = matched.start().saturating_sub(AROUND)..(matched.end() + AROUND).min(text.len());
            for &index in &imported.by_keyword[matched.pattern().as_usize()] {
                if !self.rules[index] {
                    continue;
                }
                match &mut windows[index] {
                    Some(open) if open.end >= window.start => open.end = window.end,
                    open => {
                        if let Some(done) = open.replace(window.clone()) {
                            self.look(&imported.rules[index], text, done, &mut found);
                        }
                    }
                }
            }
        }
        for ((rule, window), active) in imported.rules.iter().zip(windows).zip(&self.rules) {
            let window = window.or_else(|| (*active && !rule.has_keywords).then_some(0..text.len()));
            if let Some(window) = window {
                self.look(rule, text, window, &mut found);
            }
        }
    }

    fn look(&self, rule: &'s Rule, text: &[u8], window: Range<usize>, found: &mut impl FnMut(&'s str, Range<usize>)) {
        let Some(expression) = &rule.expression else { return };
        let text = &text[..window.end];
        let mut at = window.start;
        while at <= text.len()
            && let Some(captures) = expression.captures_at(text, at)
        {
            let whole = captures.get_match().range();
            at = whole.end.max(whole.start + 1);
            if let Some(secret) = rule.secret(&captures).filter(|secret| !secret.is_empty())
                && (rule.entropy == 0.0 || entropy(&text[secret.clone()]) > rule.entropy)
                && !self.is_allowed(rule, text, &whole, &secret)
            {
                found(&rule.id, secret);
            }
        }
    }

    fn is_allowed(&self, rule: &Rule, text: &[u8], whole: &Range<usize>, secret: &Range<usize>) -> bool {
        let allowed = self.imported.allowed.iter().chain(&rule.allowed);
        allowed.into_iter().any(|allowed| allowed.secret(&self.name, text, whole, secret))
    }
}

impl Rule {
    /// What of a match is the secret.
    fn secret(&self, captures: &Captures<'_>) -> Option<Range<usize>> {
        if self.group > 0 {
            return captures.get(self.group).map(|group| group.range());
        }
        let first = captures.iter().skip(1).flatten().find(|group| !group.is_empty());
        Some(first.unwrap_or_else(|| captures.get_match()).range())
    }
}

impl Allowed {
    /// Whether a whole file is allowed.
    fn file(&self, name: &str) -> bool {
        let alone = self.condition == Condition::Or
            || self.expressions.is_empty() && self.stop_words.is_empty() && !self.commits;
        alone && self.path(name)
    }

    fn path(&self, name: &str) -> bool {
        any(&self.paths, name.as_bytes())
    }

    fn secret(&self, name: &str, text: &[u8], whole: &Range<usize>, secret: &Range<usize>) -> bool {
        let target = match self.target {
            Target::Secret => secret.clone(),
            Target::Match => whole.clone(),
            Target::Line => lines(text, whole),
        };
        let matches = any(&self.expressions, &text[target]);
        let lower = String::from_utf8_lossy(&text[secret.clone()]).to_lowercase();
        let stops = self.stop_words.iter().any(|word| lower.contains(word));
        match self.condition {
            Condition::Or => matches || stops,
            // A list that asks for commits never holds: a file has none.
            Condition::And => {
                !self.commits
                    && (self.paths.is_empty() || self.path(name))
                    && (self.expressions.is_empty() || matches)
                    && (self.stop_words.is_empty() || stops)
            }
        }
    }
}

fn any(expressions: &[Regex], text: &[u8]) -> bool {
    expressions.iter().any(|expression| expression.is_match(text))
}

/// The lines that `range` lies in.
fn lines(text: &[u8], range: &Range<usize>) -> Range<usize> {
    let start = memchr::memrchr(b'\n', &text[..range.start]).map_or(0, |end| end + 1);
    let end = memchr::memchr(b'\n', &text[range.end..]).map_or(text.len(), |length| range.end + length);
    start..end
}

/// Shannon's entropy of `bytes`, in bits for each byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    let length = bytes.len() as f64;
    let share = |&count: &u32| f64::from(count) / length;
    -counts.iter().filter(|&&count| count > 0).map(share).map(|share| share * libm::log2(share)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::super::ImportError;
    use super::*;

    fn found(rules: &str, name: &str, text: &str) -> Vec<(String, String)> {
        let imported = Imported::read(rules).expect("the rules");
        let mut found = Vec::new();
        imported.active(name).find(text.as_bytes(), |rule, span| found.push((rule.to_owned(), text[span].to_owned())));
        found
    }

    const RULE: &str = r#"
[[rules]]
id = "acme-token"
description = "An Acme token"
regex = '''(?i)acme(?:_key)?\s*=\s*"?([a-z0-9]{8,16})\b'''
keywords = ["ACME"]
entropy = 2.5
"#;

    #[test]
    fn the_first_group_is_the_secret_where_it_is_random_enough() {
        assert_eq!(found(RULE, "a", "x acme_key = \"k3j9x0q2\""), [("acme-token".into(), "k3j9x0q2".into())]);
        assert_eq!(found(RULE, "a", "x acme_key = \"aaaaaaaa\""), [], "the same letter");
        assert_eq!(found(RULE, "a", "x emca_key = \"k3j9x0q2\""), [], "no keyword");
    }

    #[test]
    fn keywords_far_apart_are_looked_around_each() {
        let text = format!("acme = k3j9x0q2 {} acme = k3j9x0q3", "x ".repeat(3000));
        assert_eq!(found(RULE, "a", &text).len(), 2);
    }

    #[test]
    fn allowlists_take_back_what_was_found() {
        let with = |list: &str| format!("{RULE}\n[[rules.allowlists]]\n{list}");
        let text = "acme = k3j9x0q2 # example";
        for (list, allowed) in [
            ("regexes = ['^k3j']", true),
            ("regexes = ['example']", false),
            ("regexTarget = 'line'\nregexes = ['example']", true),
            ("regexTarget = 'match'\nregexes = ['acme = ']", true),
            ("stopwords = ['J9X']", true),
            ("paths = ['\\.md$']", true),
            ("paths = ['\\.md$']\nregexes = ['zzz']", true),
            ("condition = 'AND'\npaths = ['\\.md$']\nregexes = ['zzz']", false),
            ("condition = 'AND'\npaths = ['\\.md$']\nregexes = ['k3']", true),
            ("condition = 'AND'\ncommits = ['abc']\nregexes = ['k3']", false),
        ] {
            assert_eq!(found(&with(list), "a.md", text).is_empty(), allowed, "{list}");
        }
        let global = format!("[allowlist]\npaths = ['\\.md$']\n{RULE}");
        assert!(found(&global, "a.md", text).is_empty());
        assert!(!found(&global, "a.txt", text).is_empty());
        let targeted = format!("{RULE}\n[[allowlists]]\ntargetRules = ['acme-token']\nstopwords = ['k3j']");
        assert!(found(&targeted, "a", text).is_empty());
    }

    #[test]
    fn a_rule_about_names_is_broken_by_a_name() {
        let imported = Imported::read("[[rules]]\nid = 'p12'\npath = '''(?i)\\.p12$'''").expect("the rules");
        assert_eq!(imported.active("key.P12").names().collect::<Vec<_>>(), ["p12"]);
        assert_eq!(imported.active("key.txt").names().count(), 0);
    }

    #[test]
    fn a_rule_that_cannot_be_used_is_named_with_the_mend() {
        for (rules, name, mend) in [
            ("[[rules]]\nid = 'a'\nregex = '(?=x)'", "rule a: regex cannot be compiled", "write it without"),
            ("[[rules]]\nid = 'a'\nregex = 'x'\nsecretGroup = 2", "rule a: secretGroup 2", "not in its regex"),
            ("[[rules]]\nregex = 'x'", "rule number 1", "give it one"),
            ("[[rules]]\nid = 'a'", "rule a: it has neither", "give it one"),
            ("[[rules]]\nid = 'a'\nregex = 'x'\n[[rules.required]]\nid = 'b'", "rule a", "take that out"),
            ("[extend]\nuseDefault = true", "[extend]", "into one file"),
            ("[[rules]]\nid = 'a'\nregex = 'x'\n[rules.allowlist]", "rule a: an allowlist is empty", "take it out"),
            ("[[allowlists]]\ntargetRules = ['z']\nstopwords = ['x']", "targetRules names z", "not in the file"),
            ("rules = 3", "cannot be read", ""),
        ] {
            let error: ImportError = Imported::read(rules).expect_err(rules);
            let text = error.to_string();
            assert!(text.contains(name) && text.contains(mend), "{rules}: {text}");
        }
    }

    #[test]
    fn entropy_is_counted_in_bits() {
        assert!((entropy(b"aabb") - 1.0).abs() < 1e-9);
        assert!((entropy(b"abcdefgh") - 3.0).abs() < 1e-9);
        assert!(entropy(b"aaaa").abs() < 1e-9);
    }
}
