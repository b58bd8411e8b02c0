//! Each field of the run: shown as it is, as a word, as a path, as text, or not at all.
//!
//! Invariant: no field of the private model reaches the site but through one of these; places (`Origin`) never do.

use std::collections::BTreeMap;

use super::text::Redactor;
use crate::journey::run::Outcome;
use crate::journey::run::{
    Commit, Contradiction, Epoch, Event, Iteration, Key, LeftOut, ParityPoint, Review, Run, Sourced, Tokens, Verdict,
};
use crate::journey::site_data::{self, SiteData};
use crate::observation::{Findings, ReviewFinding, Time};

/// The longest texts that are shown, in characters: a paragraph, a line, a name.
pub(super) const LONGEST_TEXT: usize = 2000;
const LONGEST_SUBJECT: usize = 200;
const LONGEST_NAME: usize = 80;
const LONGEST_PATH: usize = 300;

/// At most so many files of an iteration and commits are listed.
const MOST_LISTED: usize = 500;

/// What stands for a word of no known shape.
const OTHER: &str = "other";

/// Takes a run apart.
pub(super) struct Fields<'r> {
    pub(super) redactor: &'r mut Redactor,
    pub(super) free_text: bool,
}

/// Something with texts, and what it became.
enum Piece<'p> {
    Iteration(&'p Iteration),
    Event(&'p Event),
    Review(&'p Review),
}

impl Fields<'_> {
    pub(super) fn run(&mut self, run: &Run) -> SiteData {
        let Run { files: _, started_at, as_of, phase, epochs, events, parity, reviews, contradictions, left_out } = run;
        let mut data = SiteData {
            version: site_data::VERSION,
            started_at: value(started_at.as_ref()),
            as_of: *as_of,
            parity: parity.iter().map(point).collect(),
            contradictions: kinds(
                contradictions.iter().map(|Contradiction { kind, key: _, text: _, from: _ }| (&kind[..], 1)),
            ),
            left_out: kinds(left_out.iter().map(|LeftOut { kind, count, first: _, text: _ }| (&kind[..], *count))),
            ..SiteData::default()
        };
        for piece in in_order(epochs, events, reviews) {
            match piece {
                Piece::Iteration(iteration) => data.iterations.push(self.iteration(iteration)),
                Piece::Event(event) => data.events.push(self.event(event)),
                Piece::Review(review) => data.reviews.push(self.review(review)),
            }
        }
        data.iterations.sort_by_key(|iteration| (iteration.epoch, iteration.iter));
        data.phase = phase.as_ref().map(|phase| self.word(&phase.value));
        data
    }

    fn iteration(&mut self, iteration: &Iteration) -> site_data::Iteration {
        let Iteration {
            key,
            slug,
            module,
            outcome,
            outcome_from: _,
            started_at,
            ended_at,
            tokens,
            turns,
            tool_calls,
            ..
        } = iteration;
        let Iteration { judge_calls, judge_tokens, revisions, files, commits, verdict, events, .. } = iteration;
        let Key { epoch, iter } = *key;
        site_data::Iteration {
            epoch,
            iter,
            slug: slug.as_ref().and_then(|slug| self.name(&slug.value)),
            module: module.as_ref().and_then(|module| self.name(&module.value)),
            outcome: *outcome,
            started_at: value(started_at.as_ref()),
            ended_at: value(ended_at.as_ref()),
            tokens: self.tokens(tokens),
            turns: value(turns.as_ref()),
            tool_calls: value(tool_calls.as_ref()),
            judge_calls: value(judge_calls.as_ref()),
            judge_tokens: value(judge_tokens.as_ref()),
            revisions: value(revisions.as_ref()),
            files: files
                .as_ref()
                .map(|files| files.value.iter().take(MOST_LISTED).map(|file| self.path(file)).collect()),
            commits: commits.iter().take(MOST_LISTED).filter_map(|commit| self.commit(commit)).collect(),
            verdict: verdict.as_ref().map(|verdict| self.verdict(verdict)),
            events: events.iter().map(|event| self.event(event)).collect(),
        }
    }

    fn verdict(&mut self, verdict: &Verdict) -> site_data::Verdict {
        let Verdict { at, word, score, reason, from: _ } = verdict;
        let known = [Outcome::Accept, Outcome::Revert, Outcome::WedgedNoVerdict]
            .into_iter()
            .find(|outcome| outcome.word() == word);
        site_data::Verdict {
            at: *at,
            word: known.unwrap_or(Outcome::Unknown),
            score: score.filter(|score| score.is_finite()),
            reason: self.prose(reason.as_deref(), LONGEST_TEXT),
        }
    }

    fn event(&mut self, event: &Event) -> site_data::Event {
        let Event { kind, at, iter: _, epoch: _, word, text, from: _ } = event;
        site_data::Event {
            kind: *kind,
            at: *at,
            word: word.as_deref().map(|word| self.word(word)),
            text: self.prose(text.as_deref(), LONGEST_TEXT),
        }
    }

    fn review(&mut self, review: &Review) -> site_data::Review {
        let Review { at, health_score, verdict, summary, findings, from: _ } = review;
        let counts = |findings: &Findings| {
            let some = findings.by_severity().filter(|(_, count)| *count > 0);
            some.map(|(severity, count)| (severity.name().to_owned(), count)).collect()
        };
        site_data::Review {
            at: *at,
            health_score: health_score.filter(|score| score.is_finite()),
            verdict: verdict.as_deref().map(|word| self.word(word)),
            summary: self.prose(summary.as_deref(), LONGEST_TEXT),
            findings: findings.as_ref().map(counts),
            worst: findings.iter().flat_map(|found| &found.worst).filter_map(|found| self.finding(found)).collect(),
        }
    }

    /// A finding of which something may be shown.
    fn finding(&mut self, finding: &ReviewFinding) -> Option<site_data::Finding> {
        let ReviewFinding { severity, what, evidence, suggestion } = finding;
        Some(site_data::Finding {
            severity: *severity,
            what: self.prose(Some(what), Findings::TEXT)?,
            evidence: self.prose(evidence.as_deref(), Findings::TEXT),
            suggestion: self.prose(suggestion.as_deref(), Findings::TEXT),
        })
    }

    /// A commit whose hash is one: the one field in which a hash is shown.
    fn commit(&mut self, commit: &Commit) -> Option<site_data::Commit> {
        let Commit { hash, at, subject, changed, by_id: _, from: _ } = commit;
        let digits = hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let subject = self.prose(subject.as_deref(), LONGEST_SUBJECT);
        (digits && matches!(hash.len(), 40 | 64)).then(|| site_data::Commit {
            hash: hash.clone(),
            at: *at,
            subject,
            changed: *changed,
        })
    }

    /// Tokens by model; models whose names may not be told apart are counted together.
    fn tokens(&mut self, tokens: &BTreeMap<String, Sourced<Tokens>>) -> BTreeMap<String, Tokens> {
        let mut shown: BTreeMap<String, Tokens> = BTreeMap::new();
        for (model, tokens) in tokens {
            *shown.entry(self.word(model)).or_default() += tokens.value;
        }
        shown
    }

    /// Free text, where it is shown. Text of which nothing is left is none.
    fn prose(&mut self, text: Option<&str>, most: usize) -> Option<String> {
        let text = text.filter(|_| self.free_text)?;
        Some(self.redactor.text(text, most)).filter(|text| !text.is_empty())
    }

    /// A word of a vocabulary: `did_not_take`, `qwen3-coder`.
    pub(super) fn word(&mut self, word: &str) -> String {
        if shaped(word) { self.path(word) } else { OTHER.into() }
    }

    /// A short name that the loop gave: of its work, of a module. One that is written like a sentence is free text.
    fn name(&mut self, name: &str) -> Option<String> {
        let text = self.path(name);
        let text = if text.len() > LONGEST_NAME { self.redactor.text(&text, LONGEST_NAME) } else { text };
        (!text.is_empty() && (self.free_text || shaped(text.trim_end_matches('…')))).then_some(text)
    }

    /// A path relative to the repository. Any other one says where the machine keeps things.
    fn path(&mut self, path: &str) -> String {
        let climbs = path.split(['/', '\\']).any(|name| name == "..");
        let drive =
            path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic() && path.contains('\\');
        if climbs || drive || path.starts_with(['/', '\\', '~']) || path.starts_with("file:") {
            self.redactor.whole("path", path)
        } else {
            self.redactor.name(path, LONGEST_PATH)
        }
    }
}

/// Everything with texts by the time at which it began, so that what comes later takes the later masks: masks of what was
/// shown before stay as they were. What has no time comes with what stands before it.
fn in_order<'p>(epochs: &'p [Epoch], events: &'p [Event], reviews: &'p [Review]) -> Vec<Piece<'p>> {
    let iterations = epochs.iter().flat_map(|Epoch { number: _, iterations }| iterations);
    let begun = |one: &Iteration| value(one.started_at.as_ref()).or(value(one.ended_at.as_ref()));
    let mut pieces: Vec<(Option<Time>, Piece<'p>)> = Vec::new();
    pieces.extend(dated(iterations.map(|one| (begun(one), Piece::Iteration(one)))));
    pieces.extend(dated(events.iter().map(|one| (one.at, Piece::Event(one)))));
    pieces.extend(dated(reviews.iter().map(|one| (one.at, Piece::Review(one)))));
    pieces.sort_by_key(|(at, _)| *at);
    pieces.into_iter().map(|(_, piece)| piece).collect()
}

fn dated<'p>(
    pieces: impl Iterator<Item = (Option<Time>, Piece<'p>)>,
) -> impl Iterator<Item = (Option<Time>, Piece<'p>)> {
    pieces.scan(None, |latest, (at, piece)| {
        *latest = at.or(*latest);
        Some((*latest, piece))
    })
}

fn point(point: &ParityPoint) -> site_data::ParityPoint {
    let ParityPoint { at, green, red, manual, not_applicable, unknown, from: _ } = *point;
    site_data::ParityPoint { at, green, red, manual, not_applicable, unknown }
}

fn value<T: Copy>(sourced: Option<&Sourced<T>>) -> Option<T> {
    sourced.map(|sourced| sourced.value)
}

/// How many of each kind. Kinds are words of this program; anything else is counted as `other`.
fn kinds<'k>(kinds: impl Iterator<Item = (&'k str, u64)>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for (kind, count) in kinds {
        let ours =
            !kind.is_empty() && kind.len() <= 40 && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let total: &mut u64 = counts.entry(if ours { kind } else { OTHER }.to_owned()).or_default();
        *total = total.saturating_add(count);
    }
    counts
}

/// Whether `word` is written like a word of a vocabulary or a model's name.
fn shaped(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'/' | b'-');
    (1..=LONGEST_NAME).contains(&word.len()) && word.bytes().all(plain)
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
