//! The judge: asks one command-line tool or HTTP endpoint one question, and says what it answered.
//!
//! ```text
//! prompt  ->  command line  ->  kept tree  ->  output  ->  extract  ->  answer, or why there is none
//!             (template)        (process)                  (pure)
//!
//! prompt  ->  request  ->  stream  ->  answer  ->  thinking  ->  answer, or why there is none
//!             (pure)       (HTTP)      (pure)      (pure)
//! ```
//!
//! Invariants: what comes out as an answer is the judge's own text, whatever prompt and tools say; where that cannot be
//! told for certain there is no verdict. No process of the judge's outlives the question, and no file of the question's the
//! next one.

mod command;
mod endpoint;
pub mod extract;
mod failure;
mod flags;
mod place;
pub mod review;
mod template;
mod words;

use std::time::{Duration, Instant};

use crate::config::{Config, JudgeConfig, JudgeEntry};
pub use extract::{Usage, Way};
pub use failure::Failure;

/// One question.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The prompt as it is.
    pub prompt: &'a str,
    /// The JSON schema that the answer is to follow. The judge is told; whoever asks looks at what it answered
    /// ([`Answer::json`]).
    pub schema: Option<&'a serde_json::Value>,
    /// Whether it may use tools of its own, where it has any.
    pub tools: bool,
}

/// What the judge answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Its text, trimmed; never empty.
    pub text: String,
    /// Where it was found.
    pub how: Way,
    /// What it took, where the judge tells.
    pub usage: Option<Usage>,
    /// How long it took.
    pub took: Duration,
    /// The model that was asked for, where one was; of an endpoint that has several, which one.
    pub model: Option<String>,
}

/// A judge of the configuration.
#[derive(Debug)]
pub struct Judge {
    name: String,
    entry: JudgeEntry,
    settings: JudgeConfig,
    environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    flags: flags::Known,
}

impl Judge {
    /// The judge that `config` names, which will get of `environment` what its entry lists.
    ///
    /// # Errors
    /// [`Failure::Usage`] where no such judge is configured, or it cannot be asked.
    pub fn new(config: &Config, environment: Vec<(std::ffi::OsString, std::ffi::OsString)>) -> Result<Self, Failure> {
        let settings = config.judge.clone();
        let Some(mut entry) = settings.entries.get(&settings.use_).cloned() else {
            let known = settings.entries.names().join(", ");
            return Err(Failure::Usage(format!(
                "judge.use: no judge is called `{}`; there are {known}",
                settings.use_
            )));
        };
        entry.model = settings.model.clone().or(entry.model);
        entry.effort = settings.effort.clone().or(entry.effort);
        Ok(Judge { name: settings.use_.clone(), entry, settings, environment, flags: flags::Known::default() })
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model that it is asked for, where one is named.
    pub fn model(&self) -> Option<&str> {
        self.entry.model.as_deref()
    }

    /// Asks. A signal to this process that would end it ends the judge first.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        if ask.prompt.trim().is_empty() {
            return Err(Failure::Usage("the prompt is empty".into()));
        }
        place::tidy(&std::env::temp_dir());
        let begun = Instant::now();
        let (found, model) = match &self.entry.url {
            Some(url) => endpoint::ask(self, url, ask).await.map(|(found, model)| (found, Some(model)))?,
            None => (command::ask(self, ask).await?, self.entry.model.clone()),
        };
        Ok(Answer { text: found.text, how: found.how, usage: found.usage, took: begun.elapsed(), model })
    }
}

impl Answer {
    /// Its text without the fences around JSON.
    pub(crate) fn json_text(&self) -> &str {
        unfenced(&self.text)
    }

    /// The JSON that it is.
    ///
    /// # Errors
    /// No verdict, where it is none.
    pub fn json(&self) -> Result<&str, Failure> {
        let bare = self.json_text();
        match serde_json::from_str::<serde::de::IgnoredAny>(bare) {
            Ok(_) => Ok(bare),
            Err(error) => {
                Err(Failure::no_verdict(format!("the answer is no JSON, though a schema was given ({error})")))
            }
        }
    }
}

/// `text` without the fences that a judge which cannot be held to a schema likes to put around JSON.
fn unfenced(text: &str) -> &str {
    let fenced = text.strip_prefix("```").and_then(|text| text.strip_suffix("```"));
    fenced.and_then(|text| text.split_once('\n')).map_or(text, |(_, inner)| inner.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_a_schema_is_json_with_or_without_fences() {
        let answer =
            |text: &str| Answer { text: text.into(), how: Way::Events, usage: None, took: Duration::ZERO, model: None };
        assert_eq!(answer("{\"a\":1}").json().unwrap(), "{\"a\":1}");
        assert_eq!(answer("```json\n{\"a\":1}\n```").json().unwrap(), "{\"a\":1}");
        for wrong in ["", "all is well", "```json\n```", "``````", "{\"a\":1} and more", "Here:\n```json\n{}\n```"] {
            assert_eq!(answer(wrong).json().unwrap_err().exit_code(), 4, "{wrong}");
        }
    }

    #[test]
    fn a_judge_that_is_not_configured_is_a_mistake_of_usage() {
        let mut config = Config::default();
        config.judge.use_ = "nobody".into();
        let failure = Judge::new(&config, Vec::new()).unwrap_err();
        assert_eq!(failure.exit_code(), 64);
        assert!(failure.to_string().contains("codex, claude, gemini, endpoint"), "{failure}");
    }

    #[test]
    fn the_settings_win_over_the_entry() {
        let mut config = Config::default();
        assert_eq!(Judge::new(&config, Vec::new()).unwrap().model(), Some("gpt-5.5"));
        config.judge.model = Some("other".into());
        assert_eq!(Judge::new(&config, Vec::new()).unwrap().model(), Some("other"));
    }
}
