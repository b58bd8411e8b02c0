//! Rules from a file in gitleaks' TOML format.
//!
//! Invariant: a rule that cannot be kept to the letter is an error that names it and the mend; none is left out in
//! silence. A rule's expression sees the text around one of its keywords alone.

mod dialect;
mod matching;
mod schema;

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};
use ring::digest;

pub(super) use matching::Active;
use schema::{Condition, Target};

/// Bytes on each side of a keyword that the rule's expression sees.
const AROUND: usize = 1024;

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is no TOML, or not of that shape.
    #[error("the rules cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// One rule cannot be used.
    #[error("rule {rule}: {what}")]
    Rule {
        /// Its id, or where it stands.
        rule: String,
        /// What is wrong with it, and what mends it.
        what: String,
    },
}

/// Rules from a file.
#[derive(Debug)]
pub struct Imported {
    rules: Vec<Rule>,
    /// What no rule of the file finds.
    allowed: Vec<Allowed>,
    /// All keywords; each names the rules that have it.
    keywords: AhoCorasick,
    by_keyword: Vec<Vec<usize>>,
    /// SHA-256 of the file.
    digest: [u8; 32],
}

/// One rule.
#[derive(Debug)]
struct Rule {
    id: String,
    description: String,
    /// Absent for a rule about names of files alone.
    expression: Option<Regex>,
    path: Option<Regex>,
    /// Without any, every text is looked at.
    has_keywords: bool,
    /// What is no more random than this, in bits for each byte, is no secret; 0 asks for nothing.
    entropy: f64,
    /// The group that is the secret; 0 is the first that holds anything.
    group: usize,
    allowed: Vec<Allowed>,
}

/// What is no secret though the rule finds it.
#[derive(Debug)]
struct Allowed {
    condition: Condition,
    target: Target,
    expressions: Vec<Regex>,
    paths: Vec<Regex>,
    /// In lower case.
    stop_words: Vec<String>,
    /// It asks for commits, too, which a file has none of.
    commits: bool,
}

impl Imported {
    /// Reads rules from the text of a file.
    ///
    /// # Errors
    /// When it is not of the format, or holds a rule that cannot be used.
    pub fn read(text: &str) -> Result<Self, ImportError> {
        let file: schema::File = toml::from_str(text)?;
        file.refuse_what_is_elsewhere()?;
        let rules = file.rules.iter().enumerate().filter(|(_, rule)| !rule.skip_report);
        let mut rules = rules.map(|(index, rule)| Rule::new(index, rule)).collect::<Result<Vec<_>, _>>()?;
        let mut allowed = Vec::new();
        for list in file.allowlist.iter().chain(&file.allowlists) {
            if list.target_rules.is_empty() {
                allowed.push(Allowed::new("[[allowlists]]", list)?);
            }
            for target in &list.target_rules {
                let rule = rules.iter_mut().find(|rule| rule.id == *target);
                let missing =
                    || error("[[allowlists]]", format!("targetRules names {target}, which is not in the file"));
                rule.ok_or_else(missing)?.allowed.push(Allowed::new(target, list)?);
            }
        }
        let (keywords, by_keyword) = keywords(&file.rules, &rules)?;
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(hash.as_ref());
        Ok(Imported { rules, allowed, keywords, by_keyword, digest })
    }

    /// How many rules there are.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// What the rule called `id` finds.
    pub(super) fn description(&self, id: &str) -> Option<&str> {
        self.rules.iter().find(|rule| rule.id == id).map(|rule| rule.description.as_str())
    }

    /// Bytes on each side that a decision may rest on.
    pub(super) fn context(&self) -> usize {
        AROUND
    }

    /// SHA-256 of the file.
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// The automaton of all keywords, and the rules that have each.
fn keywords(written: &[schema::Rule], rules: &[Rule]) -> Result<(AhoCorasick, Vec<Vec<usize>>), ImportError> {
    let mut words: Vec<(String, Vec<usize>)> = Vec::new();
    for rule in written {
        let Some(index) = rules.iter().position(|known| known.id == rule.id) else { continue };
        for keyword in &rule.keywords {
            let keyword = keyword.to_lowercase();
            match words.iter_mut().find(|(known, _)| *known == keyword) {
                Some((_, rules)) => rules.push(index),
                None => words.push((keyword, vec![index])),
            }
        }
    }
    let (words, rules): (Vec<_>, Vec<_>) = words.into_iter().unzip();
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&words);
    automaton.map(|automaton| (automaton, rules)).map_err(|failed| error("keywords", failed.to_string()))
}

impl Rule {
    fn new(index: usize, rule: &schema::Rule) -> Result<Self, ImportError> {
        let place = format!("number {}", index + 1);
        if rule.id.is_empty() {
            return Err(error(&place, "it has no id: give it one".into()));
        }
        if !rule.required.is_empty() {
            let what = "it asks for a second rule beside it (`required`), which is not supported: take that out";
            return Err(error(&rule.id, what.into()));
        }
        if rule.regex.is_none() && rule.path.is_none() {
            return Err(error(&rule.id, "it has neither regex nor path: give it one".into()));
        }
        let expression = rule.regex.as_deref().map(|regex| compile(&rule.id, "regex", regex)).transpose()?;
        let groups = expression.as_ref().map_or(0, Regex::captures_len);
        if rule.secret_group > 0 && rule.secret_group >= groups {
            return Err(error(&rule.id, format!("secretGroup {} is not in its regex", rule.secret_group)));
        }
        let allowed = rule.allowlist.iter().chain(&rule.allowlists);
        Ok(Rule {
            id: rule.id.clone(),
            description: rule.description.clone(),
            expression,
            path: rule.path.as_deref().map(|path| compile(&rule.id, "path", path)).transpose()?,
            has_keywords: !rule.keywords.is_empty(),
            entropy: rule.entropy,
            group: rule.secret_group,
            allowed: allowed.map(|list| Allowed::new(&rule.id, list)).collect::<Result<_, _>>()?,
        })
    }
}

impl Allowed {
    fn new(rule: &str, list: &schema::Allowlist) -> Result<Self, ImportError> {
        let compiled = |what: &str, expressions: &[String]| {
            expressions.iter().map(|expression| compile(rule, what, expression)).collect::<Result<Vec<_>, _>>()
        };
        if list.is_empty() {
            return Err(error(
                rule,
                "an allowlist is empty: take it out, or give it regexes, paths or stopwords".into(),
            ));
        }
        Ok(Allowed {
            condition: list.condition,
            target: list.regex_target,
            expressions: compiled("an allowlist's regex", &list.regexes)?,
            paths: compiled("an allowlist's path", &list.paths)?,
            stop_words: list.stopwords.iter().map(|word| word.to_lowercase()).collect(),
            commits: !list.commits.is_empty(),
        })
    }
}

/// Compiles an expression of Go's dialect, over bytes and without Unicode, which is faster by far to build and to run.
fn compile(rule: &str, what: &str, expression: &str) -> Result<Regex, ImportError> {
    RegexBuilder::new(&dialect::translated(expression)).unicode(false).build().map_err(|failed| {
        let reason = failed.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        error(
            rule,
            format!("{what} cannot be compiled ({reason}): write it without what Rust's regex crate does not know"),
        )
    })
}

fn error(rule: &str, what: String) -> ImportError {
    ImportError::Rule { rule: rule.to_owned(), what }
}
