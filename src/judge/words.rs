//! What a judge that failed said itself, fit to be shown.
//!
//! Invariant: one line of bounded length in which no value of the keys that it was given stands, and nothing else that
//! looks like a secret.

use std::ffi::OsString;

use glob::Pattern;

use crate::config::JudgeEntry;
use crate::journey::leak::Exact;
use crate::journey::leak::machine::SECRET;
use crate::journey::leak::machine::environment::credential;
use crate::journey::leak::rules;
use crate::journey::redact::Redactor;

/// So many characters are shown.
const MOST: usize = 600;

/// So many characters of the beginning are shown.
const BEGINNING: usize = 300;

/// So many bytes of the end of what it said are looked at.
const END: usize = 4096;

/// What every call says, however it ends.
const NOISE: [&str; 2] = ["Reading additional input from stdin", "Reading prompt from stdin"];

const HIDDEN: &str = "what it said cannot be shown";

/// Makes a judge's words fit to be shown.
pub(super) struct OwnWords(Vec<Exact>);

impl OwnWords {
    /// The words of the judge `entry`, which got `environment`.
    pub(super) fn new(entry: &JudgeEntry, environment: &[(OsString, OsString)]) -> Self {
        let patterns: Vec<Pattern> = entry.environment.iter().filter_map(|name| Pattern::new(name).ok()).collect();
        let is_key = |name: &str| credential(name) && patterns.iter().any(|pattern| pattern.matches(name));
        let keys = environment.iter().filter(|(name, value)| name.to_str().is_some_and(is_key) && !value.is_empty());
        OwnWords::of(keys.map(|(_, value)| value.as_encoded_bytes().to_vec()))
    }

    /// The words of a judge that got `keys`.
    pub(super) fn of(keys: impl Iterator<Item = Vec<u8>>) -> Self {
        OwnWords(keys.map(|value| Exact { rule: &SECRET, value }).collect())
    }

    /// The beginning of `said`: an error of HTTP tells the reason first.
    pub(super) fn begin(&self, said: &str) -> String {
        // The redactor masks before it cuts, so that no half of a secret is left.
        let redactor = Redactor::new(rules::find, &self.0);
        redactor.map_or_else(|_| HIDDEN.into(), |mut redactor| redactor.text(said.trim(), BEGINNING))
    }

    /// The end of `said`.
    pub(super) fn say(&self, said: &str) -> String {
        let lines = said.lines().filter(|line| !NOISE.iter().any(|noise| line.starts_with(noise)));
        let said = lines.collect::<Vec<_>>().join("\n");
        let said = said.trim();
        let mut start = said.len().saturating_sub(END);
        while !said.is_char_boundary(start) {
            start += 1;
        }
        // The first word of a part may be half a secret.
        let end =
            if start == 0 { said } else { said[start..].split_once(char::is_whitespace).map_or("", |(_, rest)| rest) };
        match Redactor::new(rules::find, &self.0) {
            Ok(mut redactor) => {
                let line = redactor.text(end, END);
                let skipped = line.chars().count().saturating_sub(MOST);
                let shown: String = line.chars().skip(skipped).collect();
                if skipped > 0 { format!("...{shown}") } else { shown }
            }
            Err(_) => HIDDEN.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(environment: &[(&str, &str)]) -> OwnWords {
        let entry = JudgeEntry { environment: vec!["JUDGE_*".into()], ..JudgeEntry::default() };
        let environment: Vec<_> = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        OwnWords::new(&entry, &environment)
    }

    #[test]
    fn words_are_one_line_without_noise_and_without_the_keys() {
        let words =
            words(&[("JUDGE_API_KEY", "hunter-and-gatherer"), ("JUDGE_HOME", "somewhere"), ("OTHER_KEY", "elsewhere")]);
        let said =
            "Reading additional input from stdin...\n401 for hunter-and-gatherer\nin somewhere, elsewhere\u{1b}[0m\n";
        let shown = words.say(said);
        assert!(shown.starts_with("401 for ") && !shown.contains("hunter") && !shown.contains('\n'), "{shown}");
        assert!(shown.contains("somewhere, elsewhere") && !shown.contains('\u{1b}'), "{shown}");
        let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0".repeat(2).split_at(36).0);
        assert!(!words.say(&format!("the token {token} is wrong")).contains(&token));
        assert_eq!(words.say(" \n"), "");
    }

    #[test]
    fn of_an_error_the_beginning_is_shown_without_the_key() {
        let words = OwnWords::of([b"hunter-and-gatherer".to_vec()].into_iter());
        let shown = words.begin(&format!("\n401 for hunter-and-gatherer\n{}", "no matter ".repeat(10_000)));
        assert!(shown.starts_with("401 for ") && !shown.contains("hunter") && !shown.contains('\n'), "{shown}");
        assert!(shown.chars().count() <= BEGINNING + 1, "{shown}");
        // A key where the text is cut is masked before.
        let shown = words.begin(&format!("{} hunter-and-gatherer", "x".repeat(BEGINNING - 8)));
        assert!(!shown.contains("hunter"), "{shown}");
        assert_eq!(words.begin(" \n"), "");
    }

    #[test]
    fn of_many_words_the_end_is_shown() {
        let shown = words(&[]).say(&("no matter ".repeat(10_000) + "the reason"));
        assert!(shown.ends_with("the reason") && shown.chars().count() <= MOST + 3, "{}", shown.len());
    }
}
