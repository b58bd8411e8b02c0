//! `review`: whether the loop's behaviour was reviewed lately, and how well it did.
//!
//! Invariant: a failed attempt never makes the last good review look newer or its score better.

use super::code::{UNREAD, UNREADABLE, VANISHED};
use super::frame::FRAME;
use super::{Check, Code, Shown, Verdict};
use crate::assessment::Severity::{self, Crit, Warn};
use crate::assessment::Thresholds;
use crate::config::ReviewLimits;
use crate::observation::{Data, FailedReview, GoodReview, Observation, Review, Time, seconds_since};
use crate::state::State;
use crate::words;

pub(crate) const CHECK: Check = Check {
    id: "review",
    summary: "The latest review of the loop's behaviour: its age and its health score.",
    warn: "The latest review with a score is older than `warn`, its score is under `score_warn`, or the last attempt \
           at one failed.",
    crit: "The latest review with a score is older than `crit`, or its score is under `score_crit`.",
    runbook: "review.md",
    codes: CODES,
    metrics: &[
        "autoswe_review_timestamp_seconds",
        "autoswe_review_health_score",
        "autoswe_review_verdict",
        "autoswe_review_findings",
        "autoswe_review_attempts_total",
    ],
    assess,
    fires: || example(10, 25.0, 0),
    quiet: || example(10, 82.0, 0),
};

/// Characters of why an attempt failed that a finding says; the rest stands in the file.
const WHY: usize = 200;

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    FRAME.judge(&state.review.view(now), now, |review| judge(review, &thresholds.limits.review, now))
}

fn judge(review: &Review, limits: &ReviewLimits, now: Time) -> Verdict {
    let mut verdict = match &review.last_good {
        Some(good) => judge_good(good, limits, now),
        None => Verdict::ok("no review with a score yet"),
    };
    if review.failed_since > 0 {
        let last = review.last_attempt_at.map_or("at an unknown time".into(), |at| words::ago(now, at));
        let reason = match review.failed_since {
            1 => format!("the last attempt at a review failed ({last})"),
            count => format!("the last {count} attempts at a review failed (the last {last})"),
        };
        let why = review.last_failed.as_ref().map(FailedReview::why).filter(|why| !why.is_empty());
        let reason = match why {
            Some(why) => format!("{reason}: {}", words::cut(&why, WHY)),
            None => reason,
        };
        verdict.add(Severity::Warn, "failed_attempt", reason);
    }
    verdict
}

fn judge_good(good: &GoodReview, limits: &ReviewLimits, now: Time) -> Verdict {
    let word = good.verdict.as_ref().map(|word| format!(" ({word})")).unwrap_or_default();
    let mut verdict = Verdict::ok(format!("score {:.0} of 100{word}, {}", good.health_score, words::ago(now, good.at)));
    let passed = seconds_since(now, good.at);
    if let Some((severity, limit)) = above(passed, (limits.warn.0, limits.crit.0)) {
        let reason = format!(
            "the latest review was given {}, over the limit of {}",
            words::ago(now, good.at),
            words::length(limit)
        );
        verdict.add(severity, "stale", reason);
    }
    if let Some((severity, limit)) = above(-good.health_score, (-limits.score_warn, -limits.score_crit)) {
        let said = good.summary.as_ref().map(|summary| format!(": {summary}")).unwrap_or_default();
        let reason = format!("the health score is {:.0}, under the limit of {:.0}{said}", good.health_score, -limit);
        verdict.add(severity, "score_low", reason);
    }
    verdict
}

/// The severity of `value` beyond the limits `(warn, crit)`, and the limit it passed.
fn above(value: f64, (warn, crit): (f64, f64)) -> Option<(Severity, f64)> {
    match value {
        _ if value > crit => Some((Severity::Crit, crit)),
        _ if value > warn => Some((Severity::Warn, warn)),
        _ => None,
    }
}

/// A good review `minutes` old and failed attempts since.
fn example(minutes: i64, health_score: f64, failed_since: u64) -> Vec<Observation> {
    let now = super::example_now();
    let at = now - jiff::SignedDuration::from_mins(minutes);
    let verdict = if health_score < 60.0 { "degraded" } else { "healthy" };
    let good = GoodReview { verdict: Some(verdict.into()), ..GoodReview::new(at, health_score) };
    let review = Review { last_good: Some(good), last_attempt_at: Some(at), failed_since, ..Review::default() };
    vec![super::example_reading(0, Data::Review(review))]
}

/// What came of the attempts of late that gave no score.
const FAILURES: &str = r#"increase(autoswe_review_attempts_total{$here, outcome!="reviewed"}[6h]) > 0"#;

/// What it may find.
const CODES: &[Code] = &[
    Code {
        word: "stale",
        found: &[Warn, Crit],
        summary: "the loop was not reviewed lately",
        mend: "see whether autoswe-review.timer runs, then run `autoswe-judge review` by hand",
        shows: &[Shown::length(
            "The latest review was given {} ago",
            "time() - autoswe_review_timestamp_seconds{$here}",
        )
        .over(&[(Warn, "warn"), (Crit, "crit")])],
    },
    Code {
        word: "score_low",
        found: &[Warn, Crit],
        summary: "the latest review gives a low score",
        mend: "read the review's findings in meta-judge.jsonl and act on them",
        shows: &[
            Shown::whole("The score is {} of 100", "autoswe_review_health_score{$here}")
                .under(&[(Warn, "score_warn"), (Crit, "score_crit")]),
            Shown::labels("The verdict is {verdict}", "autoswe_review_verdict{$here} == 1"),
            Shown::labels("It has findings of severity {severity}", "autoswe_review_findings{$here} > 0"),
        ],
    },
    Code {
        word: "failed_attempt",
        found: &[Warn],
        summary: "the last attempt at a review failed",
        mend: "read the last line of meta-judge.jsonl, mend what it says, and run `autoswe-judge review` by hand",
        shows: &[
            Shown::whole("{} attempts failed in a row", "autoswe_review_failed_attempts{$here}"),
            Shown::labels("Within the last 6 hours one came to {outcome}", FAILURES),
            Shown::length("The last was made {} ago", "time() - autoswe_review_last_attempt_timestamp_seconds{$here}"),
        ],
    },
    Code { summary: "the reviews' file was there and is gone", ..VANISHED },
    Code { summary: "the reviews' file cannot be read", ..UNREADABLE },
    UNREAD,
];

#[cfg(test)]
mod tests {
    use super::super::frame::tests::{codes, given, observation};
    use super::*;
    use crate::assessment::Presence;
    use crate::assessment::Severity::{Crit, Warn};
    use crate::observation::{Reading, ReviewOutcome, SourceId};

    #[test]
    fn age_and_score_have_two_limits_each() {
        assert_eq!(codes(&CHECK, example(120, 60.0, 0)), [], "the limits themselves are fine");
        assert_eq!(codes(&CHECK, example(121, 60.0, 0)), [(Warn, "stale")]);
        assert_eq!(codes(&CHECK, example(361, 60.0, 0)), [(Crit, "stale")]);
        assert_eq!(codes(&CHECK, example(5, 59.9, 0)), [(Warn, "score_low")]);
        assert_eq!(codes(&CHECK, example(5, 30.0, 0)), [(Warn, "score_low")]);
        assert_eq!(codes(&CHECK, example(5, 29.0, 0)), [(Crit, "score_low")]);
    }

    #[test]
    fn a_failed_attempt_is_a_warning_with_its_age() {
        let result = given(&CHECK, example(30, 80.0, 1));
        assert_eq!(result.findings[0].code, "failed_attempt");
        assert_eq!(result.findings[0].reason, "the last attempt at a review failed (30 min ago)");
        let why = |reason: &str| {
            let (outcome, reason) = (ReviewOutcome::TimedOut, Some(reason.to_owned()));
            let failed = FailedReview { at: None, outcome, word: None, reason, judge: None, model: None };
            let review = Review { failed_since: 1, last_failed: Some(failed), ..Review::default() };
            let given = given(&CHECK, vec![observation(SourceId::Review, Reading::Observed(Data::Review(review)))]);
            given.findings[0].reason.clone()
        };
        let said = "the last attempt at a review failed (at an unknown time): timed-out: no answer within 420 s";
        assert_eq!(why("no answer within 420 s"), said);
        assert!(why(&"long ".repeat(1000)).chars().count() < 300, "it is bounded");
        let never = Review { failed_since: 2, ..Review::default() };
        let never = observation(SourceId::Review, Reading::Observed(Data::Review(never)));
        assert_eq!(codes(&CHECK, vec![never]), [(Warn, "failed_attempt")]);
    }

    #[test]
    fn nothing_there_is_not_sick() {
        let missing = observation(SourceId::Review, Reading::Missing("no reviews at /x".into()));
        assert_eq!(given(&CHECK, vec![missing]).presence, Presence::NotPresent);
        let empty = observation(SourceId::Review, Reading::Observed(Data::Review(Review::default())));
        assert_eq!(given(&CHECK, vec![empty]).summary, "no review with a score yet");
    }

    #[test]
    fn the_summary_tells_score_and_age() {
        assert_eq!(given(&CHECK, example(10, 82.0, 0)).summary, "score 82 of 100 (healthy), 10 min ago");
    }
}
