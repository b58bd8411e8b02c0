//! One Markdown file per iteration, with typed front matter.
//!
//! Invariant: the front matter is the iteration as `site-data.json` has it, after a `title`; the body says it again for
//! people, and every text in it is escaped.

use std::fmt::Write;
use std::sync::Arc;

use super::book::Book;
use super::draft;
use super::figures::seconds;
use super::front_matter::{self, Node};
use super::prose::{escaped, quotation};
use super::say;
use crate::journey::draft::Draft;
use crate::journey::run::Tokens;
use crate::journey::site_data::{Commit, Event, Iteration, Verdict};
use crate::words;

/// Files of a change that are listed; the front matter has them all.
const FILES: usize = 200;

/// The files of all iterations.
pub(super) fn drafts<'a>(book: &Arc<Book<'a>>) -> Vec<Draft<'a>> {
    let seed = book.seed().maybe(book.settings.commit_url.as_deref());
    let one = |index: usize| {
        let path = format!("iterations/{}.md", book.names[index]);
        let source = seed.clone().digest(book.digest(index));
        draft(book, path, source, move |book| file(book, index))
    };
    (0..book.data.iterations.len()).map(one).collect()
}

fn file(book: &Book<'_>, index: usize) -> anyhow::Result<Vec<u8>> {
    let Node::Members(members) = serde_json::from_str(book.line(index))? else {
        anyhow::bail!("{} is no JSON object", book.called(index));
    };
    let iteration = &book.data.iterations[index];
    let title = format!("Iteration {} of epoch {}", iteration.iter, iteration.epoch);
    let mut out = format!("---\ntitle: {}\n", front_matter::quoted(&title));
    front_matter::write(&mut out, &members, 0);
    write!(out, "---\n\n# {title}\n\n{}\n", sentence(iteration))?;
    facts(&mut out, iteration);
    verdict(&mut out, iteration.verdict.as_ref())?;
    tokens(&mut out, iteration)?;
    commits(&mut out, book, &iteration.commits);
    changed_files(&mut out, iteration.files.as_deref());
    events(&mut out, &iteration.events);
    Ok(out.into_bytes())
}

/// `**Accepted**: rounding, in billing.`
fn sentence(iteration: &Iteration) -> String {
    let mut word = say::outcome(iteration.outcome).to_owned();
    word[..1].make_ascii_uppercase();
    let slug = iteration.slug.as_deref().map(|slug| format!(" {}", escaped(&say::cut(slug, 200))));
    let module = iteration.module.as_deref().map(|module| format!(" in {}", escaped(&say::cut(module, 200))));
    let about = format!("{}{}", slug.unwrap_or_default(), module.unwrap_or_default());
    if about.is_empty() { format!("**{word}**") } else { format!("**{word}**:{about}") }
}

fn facts(out: &mut String, iteration: &Iteration) {
    let time = |time: Option<_>| {
        time.map_or_else(|| say::NOT_KNOWN.to_owned(), |time| format!("{} UTC", say::stamp(time).text))
    };
    let took = seconds(iteration).map_or_else(|| say::NOT_KNOWN.to_owned(), words::length);
    let rows = [
        ("Began", time(iteration.started_at)),
        ("Ended", time(iteration.ended_at)),
        ("Took", took),
        ("Answers of models", say::maybe(iteration.turns)),
        ("Calls of tools", say::maybe(iteration.tool_calls)),
        ("Calls of the judge", say::maybe(iteration.judge_calls)),
        ("Tokens of the judge", say::maybe(iteration.judge_tokens)),
        ("Revisions", say::maybe(iteration.revisions)),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    table(out, &["Fact", "Value"], &rows);
}

fn verdict(out: &mut String, verdict: Option<&Verdict>) -> std::fmt::Result {
    let Some(Verdict { at, word, score, reason }) = verdict else { return Ok(()) };
    let at = at.map(|at| format!(", {} UTC", say::stamp(at).text)).unwrap_or_default();
    let score = score.and_then(say::score).map(|score| format!(", score {score}"));
    write!(out, "\n## Verdict\n\n{}{}{at}\n", say::outcome(*word), score.unwrap_or_default())?;
    match reason {
        Some(reason) => write!(out, "\n{}\n", quotation(reason)),
        None => Ok(()),
    }
}

fn tokens(out: &mut String, iteration: &Iteration) -> std::fmt::Result {
    if iteration.tokens.is_empty() {
        return Ok(());
    }
    write!(out, "\n## Tokens\n")?;
    let row = |(model, tokens): (&String, &Tokens)| {
        let Tokens { input, output, cache_read, cache_creation } = *tokens;
        let counts = [input, output, cache_read, cache_creation].map(|count| count.to_string());
        std::iter::once(escaped(&say::cut(model, 200))).chain(counts).collect()
    };
    let rows: Vec<Vec<String>> = iteration.tokens.iter().map(row).collect();
    table(out, &["Model", "Input", "Output", "Read from cache", "Put into cache"], &rows);
    Ok(())
}

fn commits(out: &mut String, book: &Book<'_>, commits: &[Commit]) {
    let item = |commit: &Commit| {
        let short = escaped(&say::cut(&commit.hash, 12).replace('…', ""));
        let hash = book.commit_link(&commit.hash).map_or_else(|| short.clone(), |url| format!("[{short}](<{url}>)"));
        let changed = commit.changed.map(|(added, removed)| format!(", +{added} −{removed}")).unwrap_or_default();
        let subject = commit.subject.as_deref().map(|subject| format!(": {}", escaped(&say::cut(subject, 300))));
        format!("{hash}{changed}{}", subject.unwrap_or_default())
    };
    list(out, "Commits", commits.iter().map(item));
}

fn changed_files(out: &mut String, files: Option<&[String]>) {
    let files = files.unwrap_or_default();
    let more = files.len().saturating_sub(FILES);
    let more = (more > 0).then(|| format!("and {} more", words::whole(more as f64)));
    list(out, "Files", files.iter().take(FILES).map(|file| escaped(&say::cut(file, 300))).chain(more));
}

fn events(out: &mut String, events: &[Event]) {
    let item = |event: &Event| {
        let at = event.at.map(|at| format!("{} UTC: ", say::stamp(at).text)).unwrap_or_default();
        let word = event.word.as_deref().map(|word| format!(", {}", escaped(&say::spaced(word)))).unwrap_or_default();
        let text = event.text.as_deref().map(|text| format!(": {}", escaped(&say::cut(text, 600)))).unwrap_or_default();
        format!("{at}{}{word}{text}", say::event(event.kind))
    };
    list(out, "Events", events.iter().map(item));
}

fn list(out: &mut String, heading: &str, items: impl Iterator<Item = String>) {
    for (index, item) in items.enumerate() {
        if index == 0 {
            out.extend(["\n## ", heading, "\n\n"]);
        }
        out.extend(["- ", item.as_str(), "\n"]);
    }
}

fn table(out: &mut String, head: &[&str], rows: &[Vec<String>]) {
    out.extend(["\n| ", head.join(" | ").as_str(), " |\n|", " --- |".repeat(head.len()).as_str(), "\n"]);
    rows.iter().for_each(|row| out.extend(["| ", row.join(" | ").as_str(), " |\n"]));
}
