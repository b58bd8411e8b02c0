//! Readings of the reviews of the loop's behaviour.
//!
//! Invariant: words that a reviewer may choose freely are bounded where they are read; what is counted, or becomes a
//! label, is of a closed set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Time;

/// The latest reviews of the loop's behaviour.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Review {
    /// The latest review that carries a score.
    pub last_good: Option<GoodReview>,
    /// When the latest attempt was made, good or failed.
    pub last_attempt_at: Option<Time>,
    /// Attempts after the last good review that gave no score.
    pub failed_since: u64,
    /// The latest attempt that gave no score, be it older than the last good review; `None` where none is among the last
    /// lines.
    pub last_failed: Option<FailedReview>,
    /// Attempts in the file by what came of them; `None` while it was not read to its end.
    pub attempts: Option<Attempts>,
}

/// One review with a score.
#[derive(Debug, Clone, PartialEq)]
pub struct GoodReview {
    /// When it was given.
    pub at: Time,
    /// 0 (worst) to 100 (best).
    pub health_score: f64,
    /// The reviewer's verdict in a word, one of [`REVIEW_VERDICTS`] or whatever was written.
    pub verdict: Option<String>,
    /// The reviewer's summary in a sentence.
    pub summary: Option<String>,
    /// What it found; `None` where it does not say, which is not that it found nothing.
    pub findings: Option<Findings>,
    /// The judge that was asked, by its name in the configuration.
    pub judge: Option<String>,
    /// Its model.
    pub model: Option<String>,
}

impl GoodReview {
    /// A review that says no more than its score.
    pub fn new(at: Time, health_score: f64) -> Self {
        GoodReview { at, health_score, verdict: None, summary: None, findings: None, judge: None, model: None }
    }
}

/// The verdicts of the contract.
pub const REVIEW_VERDICTS: [&str; 4] = ["healthy", "degraded", "stuck", "unsafe"];

/// The one of [`REVIEW_VERDICTS`] that `word` is, however it is capitalised.
pub fn known_review_verdict(word: &str) -> Option<&'static str> {
    REVIEW_VERDICTS.into_iter().find(|verdict| word.trim().eq_ignore_ascii_case(verdict))
}

/// What a review found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Findings {
    /// The worst, at most [`Findings::MOST`]; those of one severity as the reviewer ordered them.
    pub worst: Vec<ReviewFinding>,
    counts: [u64; ReviewSeverity::ALL.len()],
}

impl Findings {
    /// Findings that are kept with their text.
    pub const MOST: usize = 20;
    /// Characters of a finding's text that are kept.
    pub const TEXT: usize = 500;

    /// All of `found`, of which the worst are kept with their text.
    pub fn of(mut found: Vec<ReviewFinding>) -> Self {
        let count = |severity| found.iter().filter(|finding| finding.severity == severity).count() as u64;
        let counts = ReviewSeverity::ALL.map(count);
        found.sort_by_key(|finding| finding.severity);
        found.truncate(Self::MOST);
        Findings { worst: found, counts }
    }

    /// How many there are of each severity, the worst severity first.
    pub fn by_severity(&self) -> impl Iterator<Item = (ReviewSeverity, u64)> {
        ReviewSeverity::ALL.into_iter().zip(self.counts)
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// One finding of a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewFinding {
    /// How bad the reviewer thinks it is.
    pub severity: ReviewSeverity,
    /// What it is.
    pub what: String,
    /// What shows it.
    pub evidence: Option<String>,
    /// What to do about it.
    pub suggestion: Option<String>,
}

/// How bad a reviewer thinks a finding is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReviewSeverity {
    /// Somebody must act.
    Crit,
    /// Worth a look.
    Warn,
    /// Good to know.
    Info,
    /// A word that the contract does not name, or none.
    Other,
}

impl ReviewSeverity {
    /// Every severity, the worst first.
    pub const ALL: [ReviewSeverity; 4] =
        [ReviewSeverity::Crit, ReviewSeverity::Warn, ReviewSeverity::Info, ReviewSeverity::Other];

    /// The name in labels, JSON and the reviews' file.
    pub const fn name(self) -> &'static str {
        match self {
            ReviewSeverity::Crit => "crit",
            ReviewSeverity::Warn => "warn",
            ReviewSeverity::Info => "info",
            ReviewSeverity::Other => "other",
        }
    }

    /// The severity called `word`, however it is capitalised.
    pub fn of(word: &str) -> Self {
        let is_it = |severity: &ReviewSeverity| word.trim().eq_ignore_ascii_case(severity.name());
        Self::ALL.into_iter().find(is_it).unwrap_or(ReviewSeverity::Other)
    }
}

/// One attempt at a review that gave no score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedReview {
    /// When it was made.
    pub at: Option<Time>,
    /// What came of it.
    pub outcome: ReviewOutcome,
    /// The word that was written, where it is not of the contract.
    pub word: Option<String>,
    /// Why, in a sentence.
    pub reason: Option<String>,
    /// The judge that was asked, by its name in the configuration.
    pub judge: Option<String>,
    /// Its model.
    pub model: Option<String>,
}

impl FailedReview {
    /// What came of it and why, such as `timed-out: no answer within 420 s`.
    pub fn why(&self) -> String {
        let word = self.word.as_deref().or((self.outcome != ReviewOutcome::Other).then(|| self.outcome.name()));
        word.into_iter().chain(self.reason.as_deref()).collect::<Vec<_>>().join(": ")
    }
}

/// What came of an attempt at a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewOutcome {
    /// A review with a score.
    Reviewed,
    /// A mistake in the usage or the configuration.
    Usage,
    /// The judge could not be started, failed, or says that it failed.
    Failed,
    /// It took too long and was ended.
    TimedOut,
    /// It ended well, and its answer is no review.
    NoVerdict,
    /// A signal ended the attempt.
    Interrupted,
    /// There was nothing to show the judge.
    Evidence,
    /// Anything else, such as a line that is not JSON.
    Other,
}

impl ReviewOutcome {
    /// Every outcome.
    pub const ALL: [ReviewOutcome; 8] = [
        ReviewOutcome::Reviewed,
        ReviewOutcome::Usage,
        ReviewOutcome::Failed,
        ReviewOutcome::TimedOut,
        ReviewOutcome::NoVerdict,
        ReviewOutcome::Interrupted,
        ReviewOutcome::Evidence,
        ReviewOutcome::Other,
    ];

    /// The name in labels and JSON: the word of the field `error`, where the contract names it.
    pub const fn name(self) -> &'static str {
        match self {
            ReviewOutcome::Reviewed => "reviewed",
            ReviewOutcome::Usage => "usage",
            ReviewOutcome::Failed => "failed",
            ReviewOutcome::TimedOut => "timed-out",
            ReviewOutcome::NoVerdict => "no-verdict",
            ReviewOutcome::Interrupted => "interrupted",
            ReviewOutcome::Evidence => "evidence",
            ReviewOutcome::Other => "other",
        }
    }

    /// The outcome that the word of the field `error` tells.
    pub fn of_error(word: &str) -> Self {
        let named = Self::ALL.into_iter().find(|outcome| outcome.name() == word);
        named.filter(|outcome| *outcome != ReviewOutcome::Reviewed).unwrap_or(ReviewOutcome::Other)
    }
}

/// Attempts at a review by what came of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts([u64; ReviewOutcome::ALL.len()]);

impl Attempts {
    /// One more.
    pub fn add(&mut self, outcome: ReviewOutcome) {
        self.0[outcome as usize] += 1;
    }

    /// The counts, each outcome once.
    pub fn by_outcome(self) -> impl Iterator<Item = (ReviewOutcome, u64)> {
        ReviewOutcome::ALL.into_iter().zip(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for (index, outcome) in ReviewOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index, "the place in the counts");
            let read = ReviewOutcome::of_error(outcome.name());
            assert_eq!(read, if outcome == ReviewOutcome::Reviewed { ReviewOutcome::Other } else { outcome });
        }
        for severity in ReviewSeverity::ALL {
            assert_eq!(ReviewSeverity::of(&severity.name().to_uppercase()), severity);
        }
        assert_eq!(ReviewSeverity::of("fatal"), ReviewSeverity::Other);
        assert_eq!((known_review_verdict("Unsafe"), known_review_verdict("fine")), (Some("unsafe"), None));
    }

    #[test]
    fn the_worst_findings_are_kept_and_all_are_counted() {
        let finding = |(index, severity): (usize, ReviewSeverity)| ReviewFinding {
            severity,
            what: index.to_string(),
            evidence: None,
            suggestion: None,
        };
        let info = std::iter::repeat_n(ReviewSeverity::Info, 30);
        let all = info.chain([ReviewSeverity::Crit, ReviewSeverity::Warn, ReviewSeverity::Crit]).enumerate();
        let findings = Findings::of(all.map(finding).collect());
        let kept: Vec<&str> = findings.worst.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!((kept.len(), &kept[..5]), (20, &["30", "32", "31", "0", "1"][..]));
        let counts: Vec<u64> = findings.by_severity().map(|(_, count)| count).collect();
        assert_eq!((counts, findings.count()), (vec![2, 1, 30, 0], 33));
    }

    #[test]
    fn an_attempt_says_why_it_failed() {
        let failed = |outcome, word: Option<&str>, reason: Option<&str>| {
            let (word, reason) = (word.map(str::to_owned), reason.map(str::to_owned));
            FailedReview { at: None, outcome, word, reason, judge: None, model: None }.why()
        };
        assert_eq!(failed(ReviewOutcome::TimedOut, None, Some("no answer")), "timed-out: no answer");
        assert_eq!(failed(ReviewOutcome::Other, Some("quota"), None), "quota");
        assert_eq!(failed(ReviewOutcome::Other, None, Some("it is not JSON")), "it is not JSON");
        assert_eq!(failed(ReviewOutcome::Other, None, None), "");
    }
}
