//! The page of one iteration.
//!
//! Invariant: made of the iteration and of the names of its neighbours, so that it changes once more when a next one
//! comes, and then never.

use std::sync::Arc;

use askama::Template;

use super::Frame;
use super::rows::{self, EventRow, Place};
use crate::journey::draft::Draft;
use crate::journey::run::Tokens;
use crate::journey::site::book::Book;
use crate::journey::site::draft;
use crate::journey::site::figures::{seconds, tokens};
use crate::journey::site::prose;
use crate::journey::site::say::{self, Stamp};
use crate::journey::site_data::{Commit, Iteration};
use crate::words;

/// Files that are listed.
const FILES: usize = 500;
/// Characters of an event's text.
const TEXT: usize = 4000;

#[derive(Template)]
#[template(path = "journey/iteration.html")]
struct Page<'b> {
    frame: Frame<'b>,
    epoch: u64,
    iter: u64,
    slug: Option<String>,
    class: &'static str,
    outcome: &'static str,
    meaning: &'static str,
    module: Option<Place>,
    epoch_link: String,
    started: Option<Stamp>,
    ended: Option<Stamp>,
    facts: Vec<(&'static str, String)>,
    verdict: Option<Said>,
    models: Vec<Model>,
    commits: Vec<Shown>,
    files: Option<Vec<String>>,
    count_files: usize,
    more_files: usize,
    events: Vec<EventRow>,
    data: String,
    previous: Option<Place>,
    next: Option<Place>,
}

/// The verdict.
struct Said {
    class: &'static str,
    word: &'static str,
    at: Option<Stamp>,
    score: Option<String>,
    /// HTML.
    reason: Option<String>,
}

/// A model's tokens.
struct Model {
    name: String,
    counts: [String; 5],
}

/// A commit.
struct Shown {
    short: String,
    link: Option<String>,
    subject: Option<String>,
    at: Option<Stamp>,
    changed: Option<(String, String)>,
}

/// The pages of all iterations.
pub(super) fn drafts<'a>(book: &Arc<Book<'a>>) -> Vec<Draft<'a>> {
    let seed = book.page_seed();
    let one = |index: usize| {
        let neighbour = |index: Option<usize>| index.and_then(|index| book.names.get(index)).map(String::as_str);
        let module = book.module_of[index].map(|module| book.modules[module].place.as_str());
        let source = seed.clone().digest(book.digest(index)).maybe(module);
        let source = source.maybe(neighbour(index.checked_sub(1))).maybe(neighbour(Some(index + 1)));
        let path = format!("iterations/{}.html", book.names[index]);
        draft(book, path, source, move |book| Ok(page(book, index).render()?.into_bytes()))
    };
    (0..book.data.iterations.len()).map(one).collect()
}

fn page<'b>(book: &'b Book<'_>, index: usize) -> Page<'b> {
    let iteration = &book.data.iterations[index];
    let Iteration { epoch, iter, outcome, files, .. } = iteration;
    let slug = iteration.slug.as_deref().map(|slug| say::cut(slug, 200));
    let (title, about) = (format!("Iteration {iter} of epoch {epoch}"), about(iteration, slug.as_deref()));
    let neighbour = |index: Option<usize>| {
        let index = index.filter(|index| *index < book.names.len())?;
        Some(Place { name: book.called(index), link: format!("iterations/{}.html", book.names[index]) })
    };
    Page {
        frame: Frame::new(book, &format!("iterations/{}.html", book.names[index]), title, about),
        epoch: *epoch,
        iter: *iter,
        slug,
        class: say::class(*outcome),
        outcome: say::outcome(*outcome),
        meaning: say::meaning(*outcome),
        module: book.module_of[index].map(|module| rows::place(&book.modules[module])),
        epoch_link: book.epochs[book.epoch_of[index]].path(),
        started: iteration.started_at.map(say::stamp),
        ended: iteration.ended_at.map(say::stamp),
        facts: facts(iteration),
        verdict: said(iteration),
        models: models(iteration),
        commits: iteration.commits.iter().map(|commit| shown(book, commit)).collect(),
        files: files.as_ref().map(|files| files.iter().take(FILES).map(|file| say::cut(file, 300)).collect()),
        count_files: files.as_ref().map_or(0, Vec::len),
        more_files: files.as_ref().map_or(0, |files| files.len().saturating_sub(FILES)),
        events: iteration.events.iter().map(|event| rows::event(book, event, None, TEXT)).collect(),
        data: format!("iterations/{}.md", book.names[index]),
        previous: neighbour(index.checked_sub(1)),
        next: neighbour(Some(index + 1)),
    }
}

fn about(iteration: &Iteration, slug: Option<&str>) -> String {
    let slug = slug.map(|slug| format!("{slug}: ")).unwrap_or_default();
    format!("{slug}{}", say::meaning(iteration.outcome))
}

fn facts(iteration: &Iteration) -> Vec<(&'static str, String)> {
    let or = |value: Option<String>| value.unwrap_or_else(|| say::NOT_KNOWN.into());
    vec![
        ("Took", or(seconds(iteration).map(words::length))),
        ("Tokens", or(tokens(iteration).map(say::tokens))),
        ("Answers of models", say::maybe(iteration.turns)),
        ("Calls of tools", say::maybe(iteration.tool_calls)),
        ("Calls of the judge", say::maybe(iteration.judge_calls)),
        ("Tokens of the judge", or(iteration.judge_tokens.map(|tokens| say::tokens(tokens as f64)))),
        ("Revisions", say::maybe(iteration.revisions)),
    ]
}

fn said(iteration: &Iteration) -> Option<Said> {
    let verdict = iteration.verdict.as_ref()?;
    Some(Said {
        class: say::class(verdict.word),
        word: say::outcome(verdict.word),
        at: verdict.at.map(say::stamp),
        score: verdict.score.and_then(say::score),
        reason: verdict.reason.as_deref().map(prose::html),
    })
}

fn models(iteration: &Iteration) -> Vec<Model> {
    let model = |(name, tokens): (&String, &Tokens)| {
        let Tokens { input, output, cache_read, cache_creation } = *tokens;
        let counts = [input, output, cache_read, cache_creation, tokens.total()];
        Model { name: say::cut(name, 120), counts: counts.map(|count| words::whole(count as f64)) }
    };
    iteration.tokens.iter().map(model).collect()
}

fn shown(book: &Book<'_>, commit: &Commit) -> Shown {
    let number = |lines: u64| words::whole(lines as f64);
    Shown {
        short: say::cut(&commit.hash, 12).trim_end_matches('…').to_owned(),
        link: book.commit_link(&commit.hash),
        subject: commit.subject.as_deref().map(|subject| say::cut(subject, 300)),
        at: commit.at.map(say::stamp),
        changed: commit.changed.map(|(added, removed)| (number(added), number(removed))),
    }
}
