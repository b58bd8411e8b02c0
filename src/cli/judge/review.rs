//! `review`: what a judge thinks of the loop's behaviour.
//!
//! Invariants: every attempt that had a question or looked for one leaves one record, but for one that finds another at
//! work; standard output gets the review, or with `--json` the record, whole, or nothing.

use super::super::output;
use super::super::report::progress::Progress;
use super::Environment;
use crate::config::{FlagSetting, Loaded};
use crate::judge::review::{self, About, Lock, Opinion, Question, Record, Review, schema};
use crate::judge::{Failure, Judge};
use crate::observation::Time;
use crate::words;

/// Flags of `review`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ReviewArguments {
    /// Print the prompt, ask nobody, record nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the record as one JSON object, that of a failure too; with --dry-run, prompt and schema
    #[arg(long)]
    json: bool,
    /// How far the evidence goes back, such as 6h [default: judge.review.window]
    #[arg(long, value_name = "TIME")]
    window: Option<String>,
}

impl ReviewArguments {
    /// The settings that these flags set.
    pub(super) fn settings(&self) -> Option<FlagSetting> {
        let text = self.window.clone()?;
        Some(FlagSetting { path: "judge.review.window".into(), text, flag: "--window".into() })
    }
}

/// Reviews.
pub(super) async fn run(arguments: &ReviewArguments, loaded: &Loaded, environment: Environment) -> Result<(), Failure> {
    if arguments.dry_run {
        let question = gather(loaded, environment).await?;
        return print(&if arguments.json {
            serde_json::json!({"prompt": question.prompt, "schema": schema()}).to_string() + "\n"
        } else {
            question.prompt
        });
    }
    let lock = match Lock::take(&loaded.config) {
        Err(busy @ Failure::Busy(_)) => return Err(busy),
        lock => lock,
    };
    let (review, record) = attempt(loaded, environment, lock).await;
    let file = loaded.config.in_runtime_dir(&loaded.config.review.file);
    let recorded = review::append(&file, &record, Time::now());
    if arguments.json {
        let line = serde_json::to_string(&record).map_err(|error| unprinted(error.to_string()))?;
        print(&(line + "\n"))?;
    }
    if let Err(message) = &recorded {
        output::complain(&format!("the review is not recorded: {message}"));
    }
    let opinion = review.outcome?;
    if !arguments.json {
        print(&in_words(&opinion))?;
    }
    recorded.map_err(|_| Failure::Failed { how: "the review was given".into(), words: "it is not recorded".into() })
}

/// One attempt under `lock`, and its record.
async fn attempt(loaded: &Loaded, environment: Environment, lock: Result<Lock, Failure>) -> (Review, Record) {
    let config = &loaded.config;
    let name = &config.judge.use_;
    let asking = async {
        let lock = lock?;
        let judge = Judge::new(config, environment.clone())?;
        Ok((lock, judge, gather(loaded, environment).await?))
    };
    let (review, question) = match asking.await {
        Err(failure) => (Review::failed(failure), None),
        Ok((_lock, judge, mut question)) => {
            let limit = config.judge.timeout;
            let words = |passed: std::time::Duration| format!("asking {name}, {} s of {limit}", passed.as_secs());
            let review = Progress::new().during(words, review::review(&judge, &mut question)).await;
            (review, Some(question))
        }
    };
    let about = About {
        name,
        since: question.as_ref().map(|question| question.since),
        last_good: question.as_ref().and_then(|question| question.last_good.as_ref()),
    };
    let record = Record::of(&review, &about, Time::now());
    (review, record)
}

async fn gather(loaded: &Loaded, environment: Environment) -> Result<Question, Failure> {
    let words = |passed: std::time::Duration| format!("gathering the evidence, {} s", passed.as_secs());
    Progress::new().during(words, review::question(loaded, environment, Time::now())).await
}

fn print(text: &str) -> Result<(), Failure> {
    output::print(text).map(drop).map_err(unprinted)
}

fn unprinted(why: String) -> Failure {
    Failure::Failed { how: "the review cannot be printed".into(), words: why }
}

/// `opinion` for people.
fn in_words(opinion: &Opinion) -> String {
    let word = opinion.verdict.name();
    let mut text = format!("{} of 100, {word}: {}\n", words::number(opinion.health_score), opinion.summary);
    for finding in &opinion.findings {
        text.push_str(&format!("\n{}  {}\n", finding.severity.name(), finding.what));
        for (name, said) in [("evidence", &finding.evidence), ("to do", &finding.suggestion)] {
            if !said.is_empty() {
                text.push_str(&format!("      {name}: {said}\n"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::review::{Finding, Level, Word};

    #[test]
    fn a_review_reads_well() {
        let finding = Finding {
            severity: Level::Crit,
            what: "The loop hangs.".into(),
            evidence: "heartbeat".into(),
            suggestion: String::new(),
        };
        let opinion = Opinion {
            health_score: 41.0,
            verdict: Word::Stuck,
            summary: "It stands still.".into(),
            findings: vec![finding],
        };
        let expected = "41 of 100, stuck: It stands still.\n\nCRIT  The loop hangs.\n      evidence: heartbeat\n";
        assert_eq!(in_words(&opinion), expected);
    }
}
