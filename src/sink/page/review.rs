//! The latest review: what the reviewer says of the loop, and why the last attempt failed.
//!
//! Invariant: a review's words are shown as the reviewer's, never as a finding of a check.

use super::cards::note;
use super::words;
use super::{Moments, Tone};
use crate::observation::{FailedReview, GoodReview, Review, ReviewFinding, ReviewSeverity, Time, known_review_verdict};
use crate::sink::figures::Group;

/// Findings that are shown.
const FINDINGS: usize = 5;

/// The latest review.
pub(super) struct Reviewed {
    /// How well the loop does, as the reviewer's verdict tells it.
    pub(super) tone: Tone,
    pub(super) score: String,
    pub(super) verdict: Option<String>,
    pub(super) at: Option<Moments>,
    /// Judge and model.
    pub(super) by: Option<String>,
    pub(super) summary: Option<String>,
    /// Why it may be old.
    pub(super) note: Option<String>,
    /// What the reviewer says of findings as a whole.
    pub(super) count: Option<String>,
    pub(super) findings: Vec<Found>,
    pub(super) failed: Option<Failed>,
}

/// One finding.
pub(super) struct Found {
    pub(super) tone: Tone,
    pub(super) word: &'static str,
    pub(super) what: String,
    /// What shows it, and what to do about it.
    pub(super) more: Vec<(&'static str, String)>,
}

/// The last attempt that gave no score.
pub(super) struct Failed {
    pub(super) at: Option<Moments>,
    pub(super) why: String,
    /// Attempts in a row up to now that gave none; 0 where a review came since.
    pub(super) in_a_row: u64,
}

/// What there is to show; `None` where no attempt is known.
pub(super) fn reviewed(group: &Group<Review>, now: Time) -> Option<Reviewed> {
    let review = group.figures.as_ref()?;
    let good = review.last_good.as_ref();
    let failed = review.last_failed.as_ref().map(|failed| self::failed(failed, review.failed_since, now));
    if good.is_none() && failed.is_none() {
        return None;
    }
    let findings = good.and_then(|good| good.findings.as_ref());
    Some(Reviewed {
        tone: tone(good),
        score: words::number(good.map(|good| good.health_score)),
        verdict: good.and_then(|good| good.verdict.clone()),
        at: good.map(|good| Moments::of(good.at, now)),
        by: good.and_then(by),
        summary: good.and_then(|good| good.summary.clone()),
        note: note(group, now),
        count: findings.map(|findings| match findings.count() {
            0 => "No findings".into(),
            count if count as usize > FINDINGS => format!("The worst {FINDINGS} of {count} findings"),
            count => words::count(count as usize, "finding", "findings"),
        }),
        findings: findings.iter().flat_map(|findings| &findings.worst).take(FINDINGS).map(found).collect(),
        failed,
    })
}

fn tone(good: Option<&GoodReview>) -> Tone {
    match good.and_then(|good| known_review_verdict(good.verdict.as_deref()?)) {
        Some("healthy") => Tone::Ok,
        Some("degraded") => Tone::Warn,
        Some(_) => Tone::Crit,
        None => Tone::None,
    }
}

/// `codex, gpt-5.5`.
fn by(good: &GoodReview) -> Option<String> {
    let names = [&good.judge, &good.model].into_iter().flatten().cloned().collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then_some(names)
}

fn found(finding: &ReviewFinding) -> Found {
    let tone = match finding.severity {
        ReviewSeverity::Crit => Tone::Crit,
        ReviewSeverity::Warn => Tone::Warn,
        ReviewSeverity::Info | ReviewSeverity::Other => Tone::None,
    };
    let more = [("Evidence", &finding.evidence), ("Suggestion", &finding.suggestion)];
    let more = more.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))).collect();
    Found { tone, word: finding.severity.name(), what: finding.what.clone(), more }
}

fn failed(failed: &FailedReview, in_a_row: u64, now: Time) -> Failed {
    Failed { at: failed.at.map(|at| Moments::of(at, now)), why: failed.why(), in_a_row }
}
