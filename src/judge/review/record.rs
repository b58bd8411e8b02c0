//! One line of `meta-judge.jsonl`: a review, or an attempt at one.
//!
//! Invariant: a line of an attempt that failed has no score and no verdict of its own. What the last good review said
//! stands in it under a name of its own, so that whoever reads the last line alone has both.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::{Finding, Opinion, Review, Word};
use crate::jsonl::Appender;
use crate::judge::Failure;
use crate::observation::Time;

/// The latest review with a score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastGood {
    /// When it was given.
    pub ts: String,
    /// 0 (sick) to 100 (well).
    pub health_score: f64,
    /// Its verdict, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// When the attempt ended, RFC 3339, UTC.
    pub ts: String,
    #[serde(flatten)]
    outcome: Outcome,
    /// The judge's name in the configuration.
    judge: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// How often the judge was asked; 0 where there was no question to ask.
    attempts: u32,
    /// How long the judge took.
    took_seconds: f64,
    /// Tokens that the judge read, and wrote, where it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
    /// The beginning of the time that was reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Outcome {
    Given {
        health_score: f64,
        verdict: Word,
        summary: String,
        findings: Vec<Finding>,
    },
    Failed {
        /// One word: `failed`, `timed-out`, `no-verdict`, `interrupted`, `usage`, `evidence`.
        error: &'static str,
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        last_good: Option<LastGood>,
    },
}

/// Who was asked, and of what.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The judge's name in the configuration.
    pub name: &'a str,
    /// The beginning of the time that was reviewed.
    pub since: Option<Time>,
    /// The latest review with a score.
    pub last_good: Option<&'a LastGood>,
}

impl Record {
    /// What came of asking, at `now`.
    pub fn of(review: &Review, about: &About<'_>, now: Time) -> Self {
        let outcome = match &review.outcome {
            Ok(Opinion { health_score, verdict, summary, findings }) => Outcome::Given {
                health_score: *health_score,
                verdict: *verdict,
                summary: summary.clone(),
                findings: findings.clone(),
            },
            Err(failure) => Outcome::Failed {
                error: failure.name(),
                reason: failure.to_string(),
                last_good: about.last_good.cloned(),
            },
        };
        Record {
            ts: second(now),
            outcome,
            judge: about.name.to_owned(),
            model: review.model.clone(),
            attempts: review.attempts,
            took_seconds: (review.took.as_secs_f64() * 10.0).round() / 10.0,
            input_tokens: review.usage.map(|usage| usage.input),
            output_tokens: review.usage.map(|usage| usage.output),
            since: about.since.map(second),
        }
    }
}

impl Review {
    /// An attempt that never came to a question.
    pub fn failed(failure: Failure) -> Self {
        Review { outcome: Err(failure), attempts: 0, took: Duration::ZERO, usage: None, model: None }
    }
}

/// `time` to the second, as records and prompts have it.
pub(super) fn second(time: Time) -> String {
    format!("{time:.0}")
}

/// Appends `record` to the reviews at `path`, and waits until the disk has it.
///
/// # Errors
/// What, where and the mend.
pub fn append(path: &Path, record: &Record, now: Time) -> Result<(), String> {
    let fault = |error: String| format!("{}: {error}; let this user write there, or set review.file", path.display());
    let line = serde_json::to_vec(record).map_err(|error| fault(error.to_string()))?;
    let mut appender = Appender::new(path.to_owned(), None);
    appender.append(&line, now).and_then(|_| appender.sync()).map_err(|error| fault(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::check::example_now;
    use crate::jsonl::{Line, Tail};
    use crate::judge::review::Level;
    use crate::observation::{REVIEW_VERDICTS, ReviewOutcome, ReviewSeverity};
    use crate::source::review::parse;

    fn opinion() -> Opinion {
        let finding =
            Finding { severity: Level::Warn, what: "slow".into(), evidence: "3/17".into(), suggestion: "look".into() };
        Opinion { health_score: 82.0, verdict: Word::Degraded, summary: "so so".into(), findings: vec![finding] }
    }

    fn about(last_good: Option<&LastGood>) -> About<'_> {
        About { name: "codex", since: Some(example_now()), last_good }
    }

    fn line(review: &Review, last_good: Option<&LastGood>) -> Value {
        serde_json::to_value(Record::of(review, &about(last_good), example_now())).unwrap()
    }

    #[test]
    fn the_exporter_reads_what_is_written() {
        let took = Duration::from_millis(31_240);
        let good = Review { outcome: Ok(opinion()), attempts: 2, took, usage: None, model: None };
        let bad = Review::failed(Failure::no_verdict("it is empty"));
        let last = LastGood { ts: "2026-11-22T10:00:00Z".into(), health_score: 82.0, verdict: None };
        let lines = [line(&good, None), line(&bad, Some(&last))];
        assert_eq!(lines[0]["took_seconds"], 31.2);
        assert_eq!(lines[1]["last_good"], json!({"ts": "2026-11-22T10:00:00Z", "health_score": 82.0}));
        assert_eq!((&lines[1]["error"], lines[1].get("health_score")), (&json!("no-verdict"), None));
        let lines = lines.iter().map(|line| Line::Text(line.to_string().into_bytes())).collect();
        let review = parse(&Tail { lines, ..Tail::default() });
        assert_eq!(review.failed_since, 1);
        let read = review.last_good.unwrap();
        assert_eq!((read.health_score, read.verdict.as_deref()), (82.0, Some("degraded")));
    }

    #[test]
    fn every_word_is_one_that_the_exporter_knows() {
        let words = [Word::Healthy, Word::Degraded, Word::Stuck, Word::Unsafe].map(Word::name);
        assert_eq!(words, REVIEW_VERDICTS);
        for level in [Level::Info, Level::Warn, Level::Crit] {
            assert_eq!(ReviewSeverity::of(level.name()).name(), serde_json::to_value(level).unwrap());
        }
        let text = String::new;
        let failures = [
            Failure::Usage(text()),
            Failure::Failed { how: text(), words: text() },
            Failure::TimedOut { limit: Duration::ZERO, left: text() },
            Failure::no_verdict(""),
            Failure::Evidence(text()),
            Failure::Interrupted { signal: 15, left: text() },
        ];
        for failure in failures {
            assert_ne!(ReviewOutcome::of_error(failure.name()), ReviewOutcome::Other, "{}", failure.name());
        }
    }

    #[test]
    fn what_cannot_be_written_says_where_and_the_mend() {
        let record = Record::of(&Review::failed(Failure::no_verdict("x")), &about(None), example_now());
        let error = append(Path::new("/nowhere/at/all.jsonl"), &record, example_now()).unwrap_err();
        assert!(error.contains("/nowhere/at/all.jsonl") && error.contains("review.file"), "{error}");
    }
}
