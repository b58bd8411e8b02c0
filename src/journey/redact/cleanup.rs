//! `--codex-cleanup`: prose through a command of the operator's that makes it easier to read.
//!
//! Invariants: the command sees text only after redaction, so no secret leaves to it; its answer is redacted again; when it
//! fails or takes too long, the redacted text stays as it is and the report says so. An answer is remembered by what was
//! asked, so that a run that is repeated asks nothing and shows the same.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::fields::LONGEST_TEXT;
use super::text::Redactor;
use crate::journey::site_data::SiteData;
use crate::jsonl::Appender;
use crate::observation::Time;
use crate::process::run_with_input;

/// A longer answer is none: it is not the text made easier to read. In bytes.
const LONGEST_ANSWER: usize = 8 * LONGEST_TEXT;

/// The most that is read of the file of answers, in bytes.
const LARGEST_FILE: u64 = 256 << 20;

/// So many failures are told one by one.
const MOST_TOLD: usize = 10;

/// After so many failures in a row the command is not asked again in this run.
const PATIENCE: usize = 5;

/// How prose is cleaned.
#[derive(Debug, Clone)]
pub struct Cleanup {
    /// The command and its arguments: text on standard input, text on standard output.
    pub command: Vec<String>,
    /// How long one text may take.
    pub timeout: Duration,
    /// How long all together may take: what is left waits for the next run.
    pub budget: Duration,
    /// The file of answers, below the directory of state; made readable to its owner alone.
    pub answers: PathBuf,
}

/// What cleaning came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Texts for which the command was asked and gave an answer.
    pub answered: u64,
    /// Texts whose answer was known.
    pub known: u64,
    /// Texts that stay as they are because the command failed.
    pub failed: u64,
    /// Texts that stay as they are because the time was up.
    pub waiting: u64,
    /// What failed, the first few, each a line.
    pub told: Vec<String>,
}

/// One line of the file of answers.
#[derive(Serialize, Deserialize)]
struct Answer {
    /// SHA-256 of command and text, hexadecimal.
    asked: String,
    text: String,
}

/// Cleans the reasons, lessons and summaries of `data`, the newest first. `redactor` is the one that made it.
///
/// # Errors
/// When the file of answers cannot be read or written; `data` is then as it was, or partly cleaned and still redacted.
pub async fn clean(data: &mut SiteData, redactor: &mut Redactor, cleanup: &Cleanup) -> io::Result<Cleaned> {
    if cleanup.command.is_empty() {
        return Ok(Cleaned::default());
    }
    let known = read(&cleanup.answers)?;
    let mut asking = Asking { cleanup, known, done: Cleaned::default(), begun: Instant::now(), failures: 0 };
    for text in prose(data) {
        if let Some(answer) = asking.answer(text).await? {
            let shown = redactor.text(&answer, LONGEST_TEXT);
            // What is masked to nothing says less than what stood there.
            if !shown.is_empty() {
                *text = shown;
            }
        }
    }
    Ok(asking.done)
}

/// Every text of `data` that is prose, the newest first: what people read first is cleaned first.
fn prose(data: &mut SiteData) -> impl Iterator<Item = &mut String> {
    let iterations = data.iterations.iter_mut().rev().flat_map(|iteration| {
        let reason = iteration.verdict.as_mut().and_then(|verdict| verdict.reason.as_mut());
        reason.into_iter().chain(iteration.events.iter_mut().rev().filter_map(|event| event.text.as_mut()))
    });
    let events = data.events.iter_mut().rev().filter_map(|event| event.text.as_mut());
    let reviews = data.reviews.iter_mut().rev().filter_map(|review| review.summary.as_mut());
    iterations.chain(events).chain(reviews)
}

struct Asking<'c> {
    cleanup: &'c Cleanup,
    known: HashMap<String, String>,
    done: Cleaned,
    begun: Instant,
    /// Failures since the last answer.
    failures: usize,
}

impl Asking<'_> {
    async fn answer(&mut self, text: &str) -> io::Result<Option<String>> {
        let asked = self.key(text);
        if let Some(answer) = self.known.get(&asked) {
            self.done.known += 1;
            return Ok(Some(answer.clone()));
        }
        let left = self.cleanup.budget.saturating_sub(self.begun.elapsed());
        if left.is_zero() || self.failures >= PATIENCE {
            self.done.waiting += 1;
            return Ok(None);
        }
        match ask(self.cleanup, text, left).await {
            Ok(answer) => {
                (self.done.answered, self.failures) = (self.done.answered + 1, 0);
                write(&self.cleanup.answers, &Answer { asked: asked.clone(), text: answer.clone() })?;
                self.known.insert(asked, answer.clone());
                Ok(Some(answer))
            }
            Err(why) => {
                (self.done.failed, self.failures) = (self.done.failed + 1, self.failures + 1);
                if self.done.told.len() < MOST_TOLD {
                    self.done.told.push(why);
                }
                Ok(None)
            }
        }
    }

    /// What is asked: the command too, because another one would answer otherwise.
    fn key(&self, text: &str) -> String {
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        for part in self.cleanup.command.iter().map(String::as_str).chain([text]) {
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What the command makes of `text`; or a line that says why there is nothing, without a word of the text.
async fn ask(cleanup: &Cleanup, text: &str, left: Duration) -> Result<String, String> {
    let mut command = Command::new(&cleanup.command[0]);
    command.args(&cleanup.command[1..]);
    let output = run_with_input(&mut command, text.as_bytes(), cleanup.timeout.min(left), LONGEST_ANSWER + 1).await;
    let output = output.map_err(|error| format!("journey.cleanup_command: {error}"))?;
    let refused = |why: &str| Err(format!("journey.cleanup_command: {why}; the text stays as it is"));
    if !output.status.success() {
        return refused(&format!("ended with {}", output.status));
    }
    match String::from_utf8(output.stdout) {
        Ok(answer) if answer.trim().is_empty() => refused("gave an empty answer"),
        Ok(answer) if answer.len() > LONGEST_ANSWER => refused(&format!("gave more than {LONGEST_ANSWER} bytes")),
        Ok(answer) => Ok(answer.trim().to_owned()),
        Err(_) => refused("gave an answer that is not UTF-8"),
    }
}

/// The answers of earlier runs. A line that a crash cut short is asked for again.
fn read(path: &Path) -> io::Result<HashMap<String, String>> {
    let at =
        |error: io::Error| io::Error::new(error.kind(), format!("file of cleaned texts {}: {error}", path.display()));
    let text = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(at(error)),
        Ok(metadata) if metadata.len() > LARGEST_FILE => {
            return Err(at(io::Error::other("is too large; move it away, and texts are cleaned anew")));
        }
        Ok(_) => std::fs::read(path).map_err(at)?,
    };
    let answers = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Answer>(line).ok());
    Ok(answers.map(|answer| (answer.asked, answer.text)).collect())
}

fn write(path: &Path, answer: &Answer) -> io::Result<()> {
    let at =
        |error: io::Error| io::Error::new(error.kind(), format!("file of cleaned texts {}: {error}", path.display()));
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(at)?;
    Appender::new(path.to_owned(), None).append(&serde_json::to_vec(answer)?, Time::UNIX_EPOCH).map_err(at)?;
    Ok(())
}

#[cfg(test)]
#[path = "cleanup_tests.rs"]
mod tests;
