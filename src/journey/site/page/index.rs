//! The overview: where the loop stands, how it got there, and what is not told.
//!
//! Invariant: bounded however long the story; everything on it links to where the whole is.

use std::sync::Arc;

use askama::Template;

use super::Frame;
use super::rows::{self, EventRow, GroupRow, Place, ReviewRow, Row};
use crate::journey::draft::Draft;
use crate::journey::run::{EventKind, Outcome};
use crate::journey::site::book::Book;
use crate::journey::site::chart::{self, Chart};

use crate::journey::site::figures::{Change, Sum, changes, when};
use crate::journey::site::say::{self, Stamp};
use crate::journey::site_data::SiteData;
use crate::observation::seconds_since;
use crate::words;

/// Iterations, modules, events and reviews that are shown.
const LATEST: usize = 12;
const MODULES: usize = 10;
const EVENTS: usize = 8;
const REVIEWS: usize = 4;
/// Findings of the newest review that are shown.
const FINDINGS: usize = 5;
/// Kinds of what is left out that are named.
const KINDS: usize = 40;

#[derive(Template)]
#[template(path = "journey/index.html")]
struct Index<'b> {
    frame: Frame<'b>,
    headline: String,
    now: Option<Now>,
    last: Option<Last>,
    accepted: Option<Last>,
    as_of: Option<Stamp>,
    tiles: Vec<Tile>,
    strip: Option<Chart>,
    charts: Vec<Chart>,
    latest: Vec<Row>,
    modules: Vec<GroupRow>,
    events: Vec<EventRow>,
    reviews: Vec<ReviewRow>,
    contradictions: Vec<(String, String)>,
    left_out: Vec<(String, String)>,
    chunks: usize,
    count: usize,
}

/// What the loop is at.
struct Now {
    phase: Option<String>,
    iteration: Option<Place>,
    slug: Option<String>,
    since: Option<Stamp>,
}

/// An iteration in a sentence.
struct Last {
    place: Place,
    slug: Option<String>,
    class: &'static str,
    outcome: &'static str,
    at: Option<Stamp>,
}

/// A figure.
struct Tile {
    name: &'static str,
    value: String,
    note: String,
    /// The chart that tells more; empty where there is none.
    chart: &'static str,
}

/// The overview's file.
pub(super) fn draft<'a>(book: &Arc<Book<'a>>) -> Draft<'a> {
    let source = book.everything(book.page_seed());
    super::super::draft(book, "index.html".into(), source, |book| Ok(index(book).render()?.into_bytes()))
}

fn index<'b>(book: &'b Book<'_>) -> Index<'b> {
    let data = book.data;
    let count = data.iterations.len();
    let changes = changes(&data.iterations);
    let outcomes: Vec<Outcome> = data.iterations.iter().map(|iteration| iteration.outcome).collect();
    let headline = headline(book);
    let charts = charts(book, &changes);
    let counts = |counts: &std::collections::BTreeMap<String, u64>| {
        let shown = counts.iter().take(KINDS);
        shown.map(|(kind, count)| (say::spaced(kind), words::whole(*count as f64))).collect()
    };
    Index {
        frame: Frame::new(book, "index.html", String::new(), headline.clone()),
        headline,
        now: now(book),
        last: last(book, |outcome| outcome != Outcome::InProgress),
        accepted: last(book, |outcome| outcome == Outcome::Accept),
        as_of: data.as_of.map(say::stamp),
        tiles: tiles(book, &changes, &charts),
        strip: chart::strip(&outcomes, "all iterations"),
        charts,
        latest: (0..count).rev().take(LATEST).map(|index| rows::iteration(book, index)).collect(),
        modules: modules(book),
        events: latest_events(book),
        reviews: latest_reviews(data),
        contradictions: counts(&data.contradictions),
        left_out: counts(&data.left_out),
        chunks: super::search::chunks(count),
        count,
    }
}

/// The latest reviews, the newest with its worst findings.
fn latest_reviews(data: &SiteData) -> Vec<ReviewRow> {
    let newest_first = data.reviews.iter().rev().take(REVIEWS).enumerate();
    newest_first.map(|(age, review)| rows::review(review, if age == 0 { FINDINGS } else { 0 })).collect()
}

/// The charts in the order in which they are shown.
fn charts(book: &Book<'_>, changes: &[Change]) -> Vec<Chart> {
    let (data, span) = (book.data, book.span());
    let all = [
        span.and_then(|span| chart::parity(&data.parity, span)),
        chart::rate(&data.iterations),
        chart::time_cost(changes),
        chart::token_cost(changes),
        span.and_then(|span| chart::timeline(data, &book.events, span)),
    ];
    all.into_iter().flatten().collect()
}

fn headline(book: &Book<'_>) -> String {
    let tally = book.tally();
    let accepted = match (tally.all(), tally.decided()) {
        (0, _) => return "The journey has not begun yet".into(),
        (all, 0) => format!("{} and no verdict yet", say::count(all, "iteration", "iterations")),
        (_, decided) => {
            let (accepted, decided) = (tally.of(Outcome::Accept) as f64, decided as f64);
            format!("{} of {} iterations accepted", words::whole(accepted), words::whole(decided))
        }
    };
    match parity(book) {
        Some((share, _)) => format!("{accepted}, parity at {share}"),
        None => accepted,
    }
}

/// The share of green cells among those in scope, and both counts in words.
fn parity(book: &Book<'_>) -> Option<(String, String)> {
    let last = book.data.parity.last()?;
    let scope = chart::scope(last);
    let share = (scope > 0).then(|| words::percent(last.green as f64 / scope as f64))?;
    Some((share, format!("{} of {} cells in scope", words::whole(last.green as f64), words::whole(scope as f64))))
}

fn now(book: &Book<'_>) -> Option<Now> {
    let running = book.data.iterations.iter().rposition(|iteration| iteration.outcome == Outcome::InProgress);
    // One that was left behind is not what the loop is at.
    let running = running.filter(|index| index + 1 == book.data.iterations.len());
    let phase = book.data.phase.as_deref().map(say::spaced);
    if phase.is_none() && running.is_none() {
        return None;
    }
    let iteration = running.map(|index| (index, &book.data.iterations[index]));
    Some(Now {
        phase,
        iteration: iteration.map(|(index, _)| Place {
            name: book.called(index),
            link: format!("iterations/{}.html", book.names[index]),
        }),
        slug: iteration.and_then(|(_, one)| one.slug.as_deref()).map(|slug| say::cut(slug, 80)),
        since: iteration.and_then(|(_, one)| one.started_at).map(say::stamp),
    })
}

fn last(book: &Book<'_>, wanted: impl Fn(Outcome) -> bool) -> Option<Last> {
    let index = book.data.iterations.iter().rposition(|iteration| wanted(iteration.outcome))?;
    let iteration = &book.data.iterations[index];
    Some(Last {
        place: Place { name: book.called(index), link: format!("iterations/{}.html", book.names[index]) },
        slug: iteration.slug.as_deref().map(|slug| say::cut(slug, 80)),
        class: say::class(iteration.outcome),
        outcome: say::outcome(iteration.outcome),
        at: when(iteration).map(say::stamp),
    })
}

fn tiles(book: &Book<'_>, changes: &[Change], charts: &[Chart]) -> Vec<Tile> {
    let tally = book.tally();
    let or = |value: Option<String>| value.unwrap_or_else(|| say::NOT_KNOWN.into());
    let mean = |of: fn(&Change) -> Option<f64>| changes.iter().map(of).collect::<Sum>().mean();
    let decided = format!(
        "{} of {} decided",
        words::whole(tally.of(Outcome::Accept) as f64),
        words::whole(tally.decided() as f64)
    );
    let (share, cells) = parity(book).unwrap_or_else(|| (say::NOT_KNOWN.into(), "no reading of the matrix".into()));
    let tile = |name, value, note, chart| Tile { name, value, note, chart };
    let mut tiles = vec![
        tile("Accept rate", or(tally.rate().map(words::percent)), decided, "rate"),
        tile("Parity", share, cells, "parity"),
        tile(
            "Time per accepted change",
            or(mean(|one| one.seconds).map(words::length)),
            "mean, failed attempts included".into(),
            "time",
        ),
        tile(
            "Tokens per accepted change",
            or(mean(|one| one.tokens).map(say::tokens)),
            "mean, cache reads included".into(),
            "tokens",
        ),
        interruptions(book),
        age(book),
    ];
    let there = |tile: &Tile| charts.iter().any(|chart| chart.id == tile.chart);
    tiles.iter_mut().filter(|tile| !there(tile)).for_each(|tile| tile.chart = "");
    tiles
}

fn interruptions(book: &Book<'_>) -> Tile {
    let of = |kind: EventKind| book.events.iter().filter(move |(event, _)| event.kind == kind);
    let (wedges, restarts) = (of(EventKind::Wedge).count(), of(EventKind::Restart).count());
    let failed = of(EventKind::Restart).filter(|(event, _)| event.word.as_deref() == Some("did_not_take")).count();
    let failed = if failed > 0 { format!(", {failed} did not take") } else { String::new() };
    Tile {
        name: "Wedges",
        value: words::whole(wedges as f64),
        note: format!("{}{failed}", say::count(restarts, "restart", "restarts")),
        chart: "timeline",
    }
}

fn age(book: &Book<'_>) -> Tile {
    let started = book.data.started_at.or_else(|| book.data.iterations.iter().find_map(|one| one.started_at));
    let age = started.zip(book.data.as_of).map(|(started, now)| words::length(seconds_since(now, started).max(0.0)));
    Tile {
        name: "Under way for",
        value: age.unwrap_or_else(|| say::NOT_KNOWN.into()),
        note: started.map_or_else(|| "start not known".into(), |at| format!("since {}", say::stamp(at).text)),
        chart: "timeline",
    }
}

/// The modules that were worked on last.
fn modules(book: &Book<'_>) -> Vec<GroupRow> {
    let mut modules: Vec<_> = book.modules.iter().collect();
    modules.sort_by_key(|module| std::cmp::Reverse(module.members.last().copied()));
    modules.into_iter().take(MODULES).map(|module| rows::group(book, module)).collect()
}

fn latest_events(book: &Book<'_>) -> Vec<EventRow> {
    let newest = book.events.iter().rev().take(EVENTS);
    newest.map(|(event, index)| rows::event(book, event, *index, 200)).collect()
}
