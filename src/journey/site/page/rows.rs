//! Rows of lists: an iteration, an event, a review, a group.
//!
//! Invariant: a row is made of what it lists and of nothing else, so that a list of rows that did not change does not
//! change.

use std::collections::BTreeMap;

use crate::journey::run::Outcome;
use crate::journey::site::book::Book;
use crate::journey::site::figures::{OUTCOMES, Tally, seconds, tokens, when};
use crate::journey::site::group::Group;
use crate::journey::site::say::{self, Stamp};
use crate::journey::site::{chart, prose};
use crate::journey::site_data::{Event, Finding, Iteration, Review};
use crate::observation::{Findings, ReviewSeverity};
use crate::words;

/// An iteration in a line.
pub(super) struct Row {
    /// Its page, from the root.
    pub(super) link: String,
    pub(super) class: &'static str,
    pub(super) outcome: &'static str,
    /// `3/17`.
    pub(super) key: String,
    pub(super) slug: Option<String>,
    pub(super) module: Option<Place>,
    pub(super) at: Option<Stamp>,
    pub(super) took: Option<String>,
    pub(super) tokens: Option<String>,
}

/// A name and the page that it leads to, from the root.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) link: String,
}

/// An event in a line.
pub(super) struct EventRow {
    pub(super) class: &'static str,
    pub(super) kind: &'static str,
    pub(super) word: Option<String>,
    pub(super) text: Option<String>,
    pub(super) at: Option<Stamp>,
    pub(super) iteration: Option<Place>,
}

/// A review.
pub(super) struct ReviewRow {
    pub(super) at: Option<Stamp>,
    pub(super) score: Option<String>,
    /// 0 to 100, for a bar.
    pub(super) level: Option<String>,
    pub(super) verdict: Option<String>,
    /// HTML.
    pub(super) summary: Option<String>,
    /// `2 crit, 1 info`.
    pub(super) counts: Option<String>,
    pub(super) findings: Vec<FindingRow>,
}

/// A finding of a review.
pub(super) struct FindingRow {
    pub(super) class: &'static str,
    pub(super) severity: &'static str,
    /// What it is, what shows it, and what to do about it.
    pub(super) texts: Vec<String>,
}

/// A group of iterations.
pub(super) struct GroupRow {
    pub(super) place: Place,
    pub(super) count: String,
    pub(super) accepted: usize,
    pub(super) decided: usize,
    /// A bar of its outcomes, 100 wide: class, start and width of each piece.
    pub(super) pieces: Vec<(&'static str, String, String)>,
    pub(super) last: Option<Stamp>,
    pub(super) last_word: &'static str,
}

/// The row of an iteration.
pub(super) fn iteration(book: &Book<'_>, index: usize) -> Row {
    let iteration = &book.data.iterations[index];
    let Iteration { epoch, iter, slug, outcome, .. } = iteration;
    Row {
        link: format!("iterations/{}.html", book.names[index]),
        class: say::class(*outcome),
        outcome: say::outcome(*outcome),
        key: format!("{epoch}/{iter}"),
        slug: slug.as_deref().map(|slug| say::cut(slug, 120)),
        module: book.module_of[index].map(|module| place(&book.modules[module])),
        at: when(iteration).map(say::stamp),
        took: seconds(iteration).map(words::length),
        tokens: tokens(iteration).map(say::tokens),
    }
}

/// A group's name and page.
pub(super) fn place(group: &Group) -> Place {
    Place { name: group.title.clone(), link: group.path() }
}

/// The row of an event; `text` says how much of its text is shown.
pub(super) fn event(book: &Book<'_>, event: &Event, index: Option<usize>, text: usize) -> EventRow {
    EventRow {
        class: say::event_class(event.kind),
        kind: say::event(event.kind),
        word: event.word.as_deref().map(say::spaced),
        text: event.text.as_deref().map(|whole| say::cut(whole, text)),
        at: event.at.map(say::stamp),
        iteration: index
            .map(|index| Place { name: book.called(index), link: format!("iterations/{}.html", book.names[index]) }),
    }
}

/// The row of a review; its text in full, and the worst of its findings.
pub(super) fn review(review: &Review, findings: usize) -> ReviewRow {
    let score = review.health_score.filter(|score| score.is_finite());
    ReviewRow {
        at: review.at.map(say::stamp),
        score: score.and_then(say::score),
        level: score.map(|score| chart::number(score.clamp(0.0, 100.0))),
        verdict: review.verdict.as_deref().map(|verdict| say::cut(verdict, 80)),
        summary: review.summary.as_deref().map(prose::html),
        counts: review.findings.as_ref().map(counts),
        findings: review.worst.iter().take(findings).map(finding).collect(),
    }
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    let of = |severity: ReviewSeverity| {
        let count = counts.get(severity.name()).filter(|count| **count > 0)?;
        Some(format!("{} {}", words::whole(*count as f64), severity.name()))
    };
    match words::list(ReviewSeverity::ALL.map(of)) {
        none if none.is_empty() => "none".into(),
        some => some,
    }
}

fn finding(finding: &Finding) -> FindingRow {
    let Finding { severity, what, evidence, suggestion } = finding;
    let texts = [Some(what), evidence.as_ref(), suggestion.as_ref()];
    FindingRow {
        class: match severity {
            ReviewSeverity::Crit => "wedged",
            ReviewSeverity::Warn => "reverted",
            ReviewSeverity::Info => "in-progress",
            ReviewSeverity::Other => "unknown",
        },
        severity: severity.name(),
        texts: texts.into_iter().flatten().map(|text| say::cut(text, Findings::TEXT)).collect(),
    }
}

/// The row of a group.
pub(super) fn group(book: &Book<'_>, group: &Group) -> GroupRow {
    let iterations = || group.members.iter().map(|index| &book.data.iterations[*index]);
    let tally: Tally = iterations().collect();
    let last = iterations().next_back();
    let outcome = last.map_or(Outcome::Unknown, |last| last.outcome);
    GroupRow {
        place: place(group),
        count: say::count(tally.all(), "iteration", "iterations"),
        accepted: tally.of(Outcome::Accept),
        decided: tally.decided(),
        pieces: pieces(&tally),
        last: last.and_then(when).map(say::stamp),
        last_word: say::outcome(outcome),
    }
}

fn pieces(tally: &Tally) -> Vec<(&'static str, String, String)> {
    let mut at = 0.0;
    let piece = |outcome: &Outcome| {
        let width = tally.of(*outcome) as f64 / tally.all().max(1) as f64 * 100.0;
        let start = at;
        at += width;
        (width > 0.0).then(|| (say::class(*outcome), chart::number(start), chart::number(width)))
    };
    OUTCOMES.iter().filter_map(piece).collect()
}
