//! What is wrong with a configuration, all of it at once.
//!
//! Invariant: every error says where, which setting, and what was expected.

use std::fmt;

use super::load::Origin;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where the value came from: `FILE:LINE:COLUMN`, an environment variable or a flag.
    pub place: String,
    /// The dotted path of the setting; empty when the file as a whole is meant.
    pub path: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl ConfigError {
    /// An error at `origin`.
    pub(crate) fn at(origin: &Origin, path: impl Into<String>, message: impl Into<String>) -> Self {
        ConfigError { place: origin.place(), path: path.into(), message: message.into() }
    }
}

/// Characters of one error that are shown.
const LONGEST: usize = 600;

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() { "" } else { ": " };
        let line = format!("{}{separator}{}: {}", self.place, self.path, self.message);
        // A key in a hostile file may hold anything and be long; one error stays one line.
        line.chars().take(LONGEST).try_for_each(|c| match c.is_control() {
            true => write!(f, "{}", c.escape_default()),
            false => write!(f, "{c}"),
        })
    }
}

/// Everything that is wrong, in the order file (by line), environment, flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

/// Errors shown before the rest is only counted: a person mends a screenful at a time.
const SHOWN: usize = 40;

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = self.0.iter().take(SHOWN).map(ConfigError::to_string).collect();
        f.write_str(&shown.join("\n"))?;
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n... and {more} more"),
        }
    }
}

impl std::error::Error for ConfigErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(path: &str) -> ConfigError {
        ConfigError { place: "c.yml:1:2".into(), path: path.into(), message: "unknown key".into() }
    }

    #[test]
    fn one_error_is_one_line() {
        assert_eq!(error("vllm.urk").to_string(), "c.yml:1:2: vllm.urk: unknown key");
        assert_eq!(error("").to_string(), "c.yml:1:2: unknown key");
        assert!(error(&"x".repeat(1_000_000)).to_string().len() <= LONGEST);
        assert_eq!(error("a\n\u{1b}[2Jb").to_string(), "c.yml:1:2: a\\n\\u{1b}[2Jb: unknown key");
    }

    #[test]
    fn many_errors_are_counted() {
        let text = ConfigErrors(vec![error("x"); SHOWN + 2]).to_string();
        assert_eq!(text.lines().count(), SHOWN + 1);
        assert!(text.ends_with("... and 2 more"));
    }
}
