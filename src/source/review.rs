//! The reviews of the loop's behaviour, from the end of `meta-judge.jsonl`.
//!
//! One JSON object a line: `ts` (RFC 3339 or Unix seconds), `health_score` (0 to 100), `verdict`, `summary`,
//! `findings`. A line without a time or without a score within that range is a failed attempt (the reviewer writes
//! one when it got no answer, or none that it could read), and so is a line that is not JSON.
//! Invariant: a failed attempt never replaces the last good review, nor do so many that it lies before the lines read.

use serde_json::{Map, Value};

use super::lines::{Lines, object};
use super::{Source, json};
use crate::config::Config;
use crate::jsonl::Tail;
use crate::observation::{Data, GoodReview, Reading, Review, Time};

/// Lines that are looked through for a good review; at one attempt an hour they reach back two days.
const LINES: usize = 50;

/// Reads the end of `meta-judge.jsonl`.
#[derive(Debug)]
pub struct ReviewSource {
    lines: Lines<Review>,
    last_good: Option<GoodReview>,
}

impl ReviewSource {
    /// The source that `config` describes.
    pub fn new(config: &Config) -> Self {
        ReviewSource {
            lines: Lines::new("reviews", config.in_runtime_dir(&config.review.file), LINES),
            last_good: None,
        }
    }
}

impl Source for ReviewSource {
    fn read(&mut self, _now: Time) -> Reading<Data> {
        let reading = self.lines.read(parse);
        reading.map(|mut review| {
            if review.last_good.is_some() || review.failed_since == 0 {
                self.last_good.clone_from(&review.last_good);
            } else {
                review.last_good.clone_from(&self.last_good);
            }
            Data::Review(review)
        })
    }
}

/// The last good review, and the failed attempts since.
pub fn parse(tail: &Tail) -> Review {
    let attempts = tail.parsed(object);
    let mut review = Review::default();
    for attempt in attempts.iter().rev().map(Option::as_ref) {
        let at = attempt.and_then(time);
        review.last_attempt_at = review.last_attempt_at.or(at);
        review.last_good = attempt.and_then(good_review);
        if review.last_good.is_some() {
            break;
        }
        review.failed_since += 1;
    }
    review
}

fn time(line: &Map<String, Value>) -> Option<Time> {
    json::time(line.get("ts")?)
}

fn good_review(line: &Map<String, Value>) -> Option<GoodReview> {
    Some(GoodReview {
        at: time(line)?,
        health_score: line.get("health_score").and_then(json::number).filter(|score| (0.0..=100.0).contains(score))?,
        verdict: line.get("verdict").and_then(json::text),
        summary: line.get("summary").and_then(json::text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonl::Line;

    const GOOD: &str =
        r#"{"ts": 1795345200, "health_score": 82, "verdict": "healthy", "summary": "steady", "findings": []}"#;

    fn parsed(lines: &[&str]) -> Review {
        let lines = lines.iter().map(|line| Line::Text(line.as_bytes().to_vec())).collect();
        parse(&Tail { lines, ..Tail::default() })
    }

    fn time(seconds: i64) -> Time {
        Time::from_second(seconds).unwrap()
    }

    #[test]
    fn reads_the_last_good_review() {
        let review = parsed(&[r#"{"ts": 1, "health_score": 10}"#, GOOD]);
        let good = GoodReview {
            at: time(1_795_345_200),
            health_score: 82.0,
            verdict: Some("healthy".into()),
            summary: Some("steady".into()),
        };
        assert_eq!(
            review,
            Review { last_good: Some(good), last_attempt_at: Some(time(1_795_345_200)), failed_since: 0 }
        );
    }

    #[test]
    fn failed_attempts_are_kept_apart() {
        let failed = [
            r#"{"ts": 1795345300, "error": "no answer"}"#,
            r#"{"ts": 1795345400, "health_score": null}"#,
            r#"{"ts": 1795345500, "health_score": 101}"#,
            r#"{"health_score": 50}"#,
            "not JSON",
        ];
        let review = parsed(&[&[GOOD], &failed[..]].concat());
        assert_eq!(review.last_good.map(|good| good.health_score), Some(82.0));
        assert_eq!((review.last_attempt_at, review.failed_since), (Some(time(1_795_345_500)), 5));
    }

    #[test]
    fn without_any_good_review_there_is_none() {
        assert_eq!(parsed(&[]), Review::default());
        let review = parsed(&[r#"{"ts": "2026-11-22T10:00:00Z"}"#, "[]"]);
        assert_eq!((review.last_good, review.failed_since), (None, 2));
        assert_eq!(review.last_attempt_at, Some("2026-11-22T10:00:00Z".parse().unwrap()));
    }
}
