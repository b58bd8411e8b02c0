//! The Atom feed: the newest iterations that ended.
//!
//! Invariant: an entry's id never changes and does not depend on where the site lies: a `tag:` URI (RFC 4151) of the
//! run's start, the epoch and the iteration. Times come from the data. Valid by RFC 4287: relative links are allowed
//! there, and are what stands where no base URL is set.

use std::sync::Arc;

use askama::Template;

use super::book::Book;
use super::figures::{seconds, tokens, when};
use super::say;
use crate::journey::draft::Draft;
use crate::journey::run::Outcome;
use crate::journey::site_data::Iteration;
use crate::observation::Time;
use crate::words;

/// The newest that are told.
const ENTRIES: usize = 50;

#[derive(Template)]
#[template(path = "journey/feed.xml")]
struct Feed<'b> {
    title: &'b str,
    base: &'b str,
    id: String,
    updated: String,
    entries: Vec<Entry>,
    version: &'static str,
}

struct Entry {
    id: String,
    title: String,
    link: String,
    updated: String,
    summary: String,
    category: &'static str,
}

/// The feed's file.
pub(super) fn draft<'a>(book: &Arc<Book<'a>>) -> Draft<'a> {
    let newest = newest(book);
    let started = book.data.started_at.map(say::iso);
    let source = book.page_seed().text("feed").maybe(started.as_deref());
    let source = source.digests(newest.iter().map(|index| book.digest(*index)).collect::<Vec<_>>().into_iter());
    super::draft(book, "feed.xml".into(), source, move |book| render(book, &newest))
}

/// The newest that ended at a known time, newest first.
fn newest(book: &Book<'_>) -> Vec<usize> {
    let over = |index: &usize| {
        let iteration = &book.data.iterations[*index];
        iteration.outcome != Outcome::InProgress && when(iteration).is_some()
    };
    let mut all: Vec<usize> = (0..book.data.iterations.len()).filter(over).collect();
    all.sort_by_key(|index| std::cmp::Reverse((when(&book.data.iterations[*index]), *index)));
    all.truncate(ENTRIES);
    all
}

fn entry(book: &Book<'_>, run: &str, index: usize) -> Entry {
    let iteration = &book.data.iterations[index];
    let Iteration { epoch, iter, outcome, .. } = iteration;
    let slug = iteration.slug.as_deref().map(|slug| format!(": {}", say::cut(slug, 120))).unwrap_or_default();
    Entry {
        id: format!("tag:autoswe,2025:{run}/{}", book.names[index]),
        title: format!("{epoch}/{iter} {}{slug}", say::outcome(*outcome)),
        link: format!("iterations/{}.html", book.names[index]),
        updated: say::iso(when(iteration).unwrap_or_default()),
        summary: summary(iteration),
        category: say::class(*outcome),
    }
}

/// What it came to, in a line.
fn summary(iteration: &Iteration) -> String {
    let module = iteration.module.as_deref().map(|module| format!("module {}", say::cut(module, 120)));
    let took = seconds(iteration).map(words::length);
    let spent = tokens(iteration).map(|tokens| format!("{} tokens", say::tokens(tokens)));
    let files = iteration.files.as_ref().map(|files| say::count(files.len(), "file", "files"));
    words::list([Some(say::meaning(iteration.outcome).trim_end_matches('.').to_owned()), module, took, spent, files])
}

fn render(book: &Book<'_>, newest: &[usize]) -> anyhow::Result<Vec<u8>> {
    let run = run(book.data.started_at);
    let updated = newest.first().and_then(|index| when(&book.data.iterations[*index])).or(book.data.started_at);
    let feed = Feed {
        title: &book.settings.title,
        base: book.settings.base_url.as_deref().unwrap_or_default(),
        id: format!("tag:autoswe,2025:{run}"),
        updated: say::iso(updated.unwrap_or_default()),
        entries: newest.iter().map(|index| entry(book, &run, *index)).collect(),
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(feed.render()?.into_bytes())
}

/// What tells this run of the loop from others: when it began, where that is known.
fn run(started_at: Option<Time>) -> String {
    started_at.map_or_else(|| "journey".into(), |at| format!("journey-{}", at.strftime("%Y%m%dT%H%M%SZ")))
}
