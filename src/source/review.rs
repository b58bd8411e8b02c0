//! The reviews of the loop's behaviour, from `meta-judge.jsonl`.
//!
//! One JSON object a line: `ts` (RFC 3339 or Unix seconds), `health_score` (0 to 100), `verdict`, `summary`,
//! `findings`, `judge`, `model`. A line without a time or without a score within that range is a failed attempt (the
//! reviewer writes one when it got no answer, or none that it could read; `error` and `reason` say why), and so is a line
//! that is not JSON. The latest ones are read from the end of the file; attempts are counted over all of it.
//! Invariant: a failed attempt never replaces the last good review, nor do so many that it lies before the lines read.

mod count;

use serde_json::{Map, Value};

use self::count::Counter;
use super::lines::{Lines, object};
use super::{Source, json};
use crate::config::Config;
use crate::jsonl::Tail;
use crate::observation::{
    Data, FailedReview, Findings, GoodReview, Reading, Review, ReviewFinding, ReviewOutcome, ReviewSeverity, Time,
};

/// Lines that are looked through for a good review; at one attempt in half an hour they reach back a day.
const LINES: usize = 50;
/// Characters of a summary and of a reason that are kept.
const TEXT: usize = 500;
/// Characters of a word that are kept.
const WORD: usize = 50;

/// Reads `meta-judge.jsonl`.
#[derive(Debug)]
pub struct ReviewSource {
    lines: Lines<(Review, Option<GoodReview>)>,
    last_good: Option<GoodReview>,
    counter: Counter,
}

impl ReviewSource {
    /// The source that `config` describes.
    pub fn new(config: &Config) -> Self {
        let path = config.in_runtime_dir(&config.review.file);
        ReviewSource { counter: Counter::new(path.clone()), lines: Lines::new("reviews", path, LINES), last_good: None }
    }
}

impl Source for ReviewSource {
    fn read(&mut self, _now: Time) -> Reading<Data> {
        let reading = self.lines.read(|tail| {
            let attempts = tail.parsed(object);
            (latest(&attempts), named(&attempts))
        });
        reading.map(|(mut review, named)| {
            if review.last_good.is_some() || review.failed_since == 0 {
                self.last_good.clone_from(&review.last_good);
            } else {
                // As it was read tells more than what a failed attempt says of it.
                self.last_good = self.last_good.take().or(named);
                review.last_good.clone_from(&self.last_good);
            }
            review.attempts = self.counter.read();
            Data::Review(review)
        })
    }
}

/// The last good review, the failed attempts since, and the last failed one. Attempts are not counted.
pub fn parse(tail: &Tail) -> Review {
    latest(&tail.parsed(object))
}

/// A line as it was written; `None` is one that is no JSON object.
type Attempt = Option<Map<String, Value>>;

fn latest(attempts: &[Attempt]) -> Review {
    let newest_first = || attempts.iter().rev().map(Option::as_ref);
    let failed_since = newest_first().take_while(|attempt| !is_good(*attempt)).count();
    Review {
        last_good: newest_first().find_map(|attempt| good_review(attempt?)),
        last_attempt_at: newest_first().take(failed_since + 1).find_map(|attempt| time(attempt?)),
        failed_since: failed_since as u64,
        last_failed: newest_first().find(|attempt| !is_good(*attempt)).map(failed),
        attempts: None,
    }
}

/// The last good review as the newest failed attempt names it: for a program that has not read it itself, where it lies
/// before the lines that are read.
fn named(attempts: &[Attempt]) -> Option<GoodReview> {
    good_review(attempts.last()?.as_ref()?.get("last_good")?.as_object()?)
}

fn time(line: &Map<String, Value>) -> Option<Time> {
    json::time(line.get("ts")?)
}

fn score(line: &Map<String, Value>) -> Option<f64> {
    line.get("health_score").and_then(json::number).filter(|score| (0.0..=100.0).contains(score))
}

fn is_good(attempt: Option<&Map<String, Value>>) -> bool {
    attempt.is_some_and(|line| time(line).is_some() && score(line).is_some())
}

/// What came of an attempt; `None` is a line that is no JSON object.
fn outcome(attempt: Option<&Map<String, Value>>) -> ReviewOutcome {
    match attempt.and_then(|line| line.get("error")).and_then(Value::as_str) {
        _ if is_good(attempt) => ReviewOutcome::Reviewed,
        Some(word) => ReviewOutcome::of_error(word),
        None => ReviewOutcome::Other,
    }
}

fn good_review(line: &Map<String, Value>) -> Option<GoodReview> {
    Some(GoodReview {
        verdict: text(line, "verdict", WORD),
        summary: text(line, "summary", TEXT),
        findings: line.get("findings").and_then(|found| findings(found, json::text_up_to)),
        judge: text(line, "judge", WORD),
        model: text(line, "model", WORD),
        ..GoodReview::new(time(line)?, score(line)?)
    })
}

/// The findings of a review; `None` where they are no list. `text` takes a text of at most so many characters out of a
/// value. Other reviewers' findings may be texts alone.
pub(crate) fn findings(found: &Value, text: impl Fn(&Value, usize) -> Option<String>) -> Option<Findings> {
    let finding = |value: &Value| {
        let field = |name| text(value.get(name)?, Findings::TEXT);
        let severity = value.get("severity").and_then(Value::as_str);
        Some(ReviewFinding {
            severity: severity.map_or(ReviewSeverity::Other, ReviewSeverity::of),
            what: if value.is_object() { field("what") } else { text(value, Findings::TEXT) }?,
            evidence: field("evidence"),
            suggestion: field("suggestion"),
        })
    };
    Some(Findings::of(found.as_array()?.iter().filter_map(finding).collect()))
}

fn failed(attempt: Option<&Map<String, Value>>) -> FailedReview {
    let outcome = outcome(attempt);
    let field = |name, most| attempt.and_then(|line| text(line, name, most));
    FailedReview {
        at: attempt.and_then(time),
        outcome,
        word: field("error", WORD).filter(|_| outcome == ReviewOutcome::Other),
        reason: field("reason", TEXT).or_else(|| flaw(attempt).map(str::to_owned)),
        judge: field("judge", WORD),
        model: field("model", WORD),
    }
}

/// What keeps a line that tells no error from being a review.
fn flaw(attempt: Option<&Map<String, Value>>) -> Option<&'static str> {
    match attempt {
        None => Some("its line is no JSON object"),
        Some(line) if line.contains_key("error") => None,
        Some(line) if time(line).is_none() => Some("its line has no time (ts)"),
        Some(_) => Some("its line has no health_score from 0 to 100"),
    }
}

fn text(line: &Map<String, Value>, name: &str, most: usize) -> Option<String> {
    json::text_up_to(line.get(name)?, most)
}

#[cfg(test)]
mod tests;
