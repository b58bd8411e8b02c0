//! Puts together what the inputs tell one by one: by ids first, then by time.
//!
//! ```text
//! history, state  ->  iterations  ->  windows  ->  verdicts, events, commits, turns  ->  run
//!                     (keys)          (time)       (each finds its iteration)
//! ```
//!
//! Invariants: pure, and the same whatever the order of lines with equal times; nothing is guessed where two answers are
//! possible: it stays unassigned and is counted; what inputs disagree about is listed. The rules: docs/journey.md.

mod clock;
mod commits;
mod events;
mod history;
pub mod kinds;
mod place;
mod report;
mod tokens;
mod verdicts;
mod windows;

#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::inputs::{Gathered, Told};
use super::run::{Epoch, Iteration, Key, LeftOut, Origin, Outcome, ParityPoint, Review, Run, Sourced};
use super::transcript::Ledger;
use crate::observation::Time;
use kinds::Passed;
use report::Report;
use windows::Windows;

/// The run that the inputs and the transcripts tell of.
pub fn correlate(mut gathered: Gathered, ledger: Ledger) -> Run {
    let began = gathered.began();
    let mut work = Work {
        as_of: clock::as_of(&gathered, &ledger),
        began: began.as_ref().map(|began| began.value),
        report: Report::new(std::mem::take(&mut gathered.left_out), &gathered.files),
        ..Work::default()
    };
    history::take(&mut work, &mut gathered);
    history::check(&mut work, &gathered);
    clock::check(&mut work, &gathered);
    let windows = Windows::of(&work);
    verdicts::take(&mut work, &windows, std::mem::take(&mut gathered.verdicts));
    events::take(&mut work, &windows, std::mem::take(&mut gathered.events));
    commits::take(&mut work, &windows, &gathered);
    tokens::take(&mut work, &windows, &ledger, gathered.files.len());
    work.finish(gathered, ledger, began)
}

/// The run in the making.
#[derive(Debug, Default)]
struct Work {
    /// When the run began.
    began: Option<Time>,
    /// The newest time that any input tells.
    as_of: Option<Time>,
    iterations: Vec<Iteration>,
    by_key: BTreeMap<Key, usize>,
    /// Which iteration names this session or invocation as its own; `None`: two do.
    by_id: BTreeMap<String, Option<usize>>,
    /// What the history says beside the fields of an iteration; none of those that it lacks.
    notes: BTreeMap<usize, Note>,
    /// The iteration that runs.
    running: Option<usize>,
    /// Events that belong to no iteration.
    events: Vec<super::run::Event>,
    report: Report,
}

/// What the history says of one iteration.
#[derive(Debug, Default)]
struct Note {
    from: Origin,
    tokens: Vec<(String, Told)>,
    commits: Vec<String>,
}

impl Work {
    /// The iteration called `key`, made where there is none yet; `from` is the line that speaks of it.
    fn iteration(&mut self, key: Key, from: Origin) -> usize {
        if let Some(known) = self.by_key.get(&key) {
            return *known;
        }
        let text = format!("{} speaks of iteration {key}, which the history lacks", self.report.place(from));
        self.report.disagree(kinds::UNKNOWN_ITERATION, Some(key), text, vec![from]);
        self.add(blank(key))
    }

    fn add(&mut self, iteration: Iteration) -> usize {
        let place = self.iterations.len();
        self.by_key.insert(iteration.key, place);
        self.iterations.push(iteration);
        place
    }

    /// Whether `at` lies before the run; what does is counted.
    fn is_earlier(&mut self, at: Option<Time>, from: Origin) -> bool {
        let earlier = at.is_some_and(|at| self.began.is_some_and(|began| at < began));
        if earlier {
            self.report.pass(&kinds::EARLIER_RUN, from);
        }
        earlier
    }

    fn finish(mut self, gathered: Gathered, ledger: Ledger, began: Option<Sourced<Time>>) -> Run {
        let reviews = self.reviews(gathered.reviews);
        let base = u32::try_from(gathered.files.len()).unwrap_or(u32::MAX);
        let mut files = gathered.files;
        files.extend(ledger.files);
        let moved = |entry: LeftOut| LeftOut {
            first: entry.first.map(|at| Origin { file: at.file.saturating_add(base), ..at }),
            ..entry
        };
        self.report.left_out(ledger.left_out.into_iter().map(moved));
        let phase = match (gathered.state.phase, gathered.heartbeat.phase, &gathered.heartbeat.at) {
            (state, Some(phase), Some(at))
                if state.is_none() || gathered.state.updated_at.is_none_or(|updated| updated.value < at.value) =>
            {
                Some(Sourced { value: phase, from: at.from.clone() })
            }
            (state, ..) => state,
        };
        let (contradictions, left_out) = self.report.finish();
        Run {
            files,
            started_at: began,
            as_of: self.as_of,
            phase,
            parity: since(gathered.parity, self.began),
            epochs: epochs(self.iterations),
            events: self.events,
            reviews,
            contradictions,
            left_out,
        }
    }

    fn reviews(&mut self, mut reviews: Vec<Review>) -> Vec<Review> {
        reviews.retain(|review| !self.is_earlier(review.at, review.from));
        reviews.sort_by(|one, other| {
            let content = |review: &Review| (review.verdict.clone(), review.summary.clone());
            one.at.cmp(&other.at).then_with(|| content(one).cmp(&content(other)))
        });
        reviews
    }
}

/// An iteration of which nothing is known but its name.
pub(crate) fn blank(key: Key) -> Iteration {
    Iteration {
        key,
        slug: None,
        module: None,
        outcome: Outcome::Unknown,
        outcome_from: Vec::new(),
        started_at: None,
        ended_at: None,
        tokens: BTreeMap::new(),
        turns: None,
        tool_calls: None,
        judge_calls: None,
        judge_tokens: None,
        revisions: None,
        files: None,
        commits: Vec::new(),
        verdict: None,
        events: Vec::new(),
    }
}

/// The matrix as it stood when the run began, and its changes since.
fn since(mut parity: Vec<ParityPoint>, began: Option<Time>) -> Vec<ParityPoint> {
    let earlier = began.map_or(0, |began| parity.partition_point(|point| point.at <= began));
    parity.drain(..earlier.saturating_sub(1));
    parity
}

fn epochs(mut iterations: Vec<Iteration>) -> Vec<Epoch> {
    iterations.sort_by_key(|iteration| iteration.key);
    let mut epochs: Vec<Epoch> = Vec::new();
    for iteration in iterations {
        match epochs.last_mut() {
            Some(epoch) if epoch.number == iteration.key.epoch => epoch.iterations.push(iteration),
            _ => epochs.push(Epoch { number: iteration.key.epoch, iterations: vec![iteration] }),
        }
    }
    epochs
}

impl Report {
    /// Counts one of `kind` at `origin`.
    fn pass(&mut self, kind: &Passed, origin: Origin) {
        let place = self.file(origin);
        self.count(kind.word, origin, || format!("{place} has {}; {}", kind.what, kind.mend));
    }
}
