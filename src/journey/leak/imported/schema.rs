//! The shape of the file.
//!
//! Invariant: what changes what a rule finds is read or refused; other keys (`tags`, `title`, `minVersion`) are passed
//! over.

use serde::Deserialize;

use super::{ImportError, error};

#[derive(Debug, Deserialize)]
pub(super) struct File {
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    #[serde(default)]
    pub(super) allowlist: Option<Allowlist>,
    #[serde(default)]
    pub(super) allowlists: Vec<Allowlist>,
    #[serde(default)]
    extend: Option<Extend>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) regex: Option<String>,
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) keywords: Vec<String>,
    #[serde(default)]
    pub(super) entropy: f64,
    #[serde(default)]
    pub(super) secret_group: usize,
    #[serde(default)]
    pub(super) allowlist: Option<Allowlist>,
    #[serde(default)]
    pub(super) allowlists: Vec<Allowlist>,
    #[serde(default)]
    pub(super) required: Vec<toml::Table>,
    /// It exists for others to ask for.
    #[serde(default)]
    pub(super) skip_report: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Allowlist {
    #[serde(default)]
    pub(super) condition: Condition,
    #[serde(default)]
    pub(super) regex_target: Target,
    #[serde(default)]
    pub(super) regexes: Vec<String>,
    #[serde(default)]
    pub(super) paths: Vec<String>,
    #[serde(default)]
    pub(super) stopwords: Vec<String>,
    #[serde(default)]
    pub(super) commits: Vec<String>,
    #[serde(default)]
    pub(super) target_rules: Vec<String>,
}

/// How many of a list's parts must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum Condition {
    /// One.
    #[default]
    #[serde(alias = "or", alias = "OR", alias = "||", alias = "")]
    Or,
    /// All that it has.
    #[serde(alias = "and", alias = "AND", alias = "&&")]
    And,
}

/// What a list's expressions look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Target {
    /// The secret.
    #[default]
    #[serde(alias = "")]
    Secret,
    /// All that the rule's expression matched.
    Match,
    /// The line, or the lines, of the match.
    Line,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extend {
    #[serde(default)]
    use_default: bool,
    path: Option<String>,
    #[serde(default)]
    disabled_rules: Vec<String>,
}

impl Allowlist {
    pub(super) fn is_empty(&self) -> bool {
        self.regexes.is_empty() && self.paths.is_empty() && self.stopwords.is_empty() && self.commits.is_empty()
    }
}

impl File {
    /// # Errors
    /// When the file builds upon another.
    pub(super) fn refuse_what_is_elsewhere(&self) -> Result<(), ImportError> {
        match &self.extend {
            Some(extend) if extend.use_default || extend.path.is_some() || !extend.disabled_rules.is_empty() => {
                let what = "the file builds upon another, which is not read: put the rules of both into one file";
                Err(error("[extend]", what.into()))
            }
            _ => Ok(()),
        }
    }
}
