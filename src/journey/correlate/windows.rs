//! Which iteration ran when.
//!
//! A window begins with the iteration and ends with it; where one does not tell its end, the next start bounds it, and
//! where one does not tell its start, the end of the one before. The iteration that runs has the time from the last end
//! to the newest time known.
//!
//! Invariant: where two windows hold an instant, neither does.

use std::collections::BTreeSet;

use super::Work;
use crate::journey::run::Iteration;
use crate::observation::Time;

/// Who ran at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Nobody,
    One(usize),
    Several,
}

/// One iteration's time, Unix milliseconds; the end is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    iteration: usize,
    start: i64,
    end: i64,
}

/// The time of the run, cut where its owner changes.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// From when on who ran, by time.
    cuts: Vec<(i64, Owner)>,
    /// From when on which epoch ran, by time.
    epochs: Vec<(i64, u64)>,
    /// Window of each iteration that has one, by iteration.
    spans: Vec<Option<(i64, i64)>>,
}

impl Windows {
    /// The windows of the iterations so far.
    pub(super) fn of(work: &Work) -> Self {
        let spans = spans(work);
        let mut windows = Windows { cuts: cuts(&spans), epochs: Vec::new(), spans: vec![None; work.iterations.len()] };
        for span in &spans {
            windows.spans[span.iteration] = Some((span.start, span.end));
        }
        windows.epochs = epochs(work, &windows.spans);
        windows
    }

    /// Who ran at `at`, Unix milliseconds. An end belongs to its iteration unless another begins there.
    pub(super) fn at(&self, at: i64) -> Owner {
        let next = self.cuts.partition_point(|(start, _)| *start <= at);
        self.owner(next, at)
    }

    /// The same for instants that are asked for in order; `place` begins with 0.
    pub(super) fn next_at(&self, place: &mut usize, at: i64) -> Owner {
        while self.cuts.get(*place).is_some_and(|(start, _)| *start <= at) {
            *place += 1;
        }
        self.owner(*place, at)
    }

    /// Who ran at `at`, given how many cuts lie at or before it.
    fn owner(&self, next: usize, at: i64) -> Owner {
        let Some((start, owner)) = next.checked_sub(1).map(|last| self.cuts[last]) else { return Owner::Nobody };
        match owner {
            Owner::Nobody if start == at && next > 1 => self.cuts[next - 2].1,
            owner => owner,
        }
    }

    /// Whether the window of `iteration` holds `at`, with `slack` milliseconds on both sides; `None` where it has none.
    pub(super) fn holds(&self, iteration: usize, at: i64, slack: i64) -> Option<bool> {
        let (start, end) = (*self.spans.get(iteration)?)?;
        Some((start.saturating_sub(slack)..=end.saturating_add(slack)).contains(&at))
    }

    /// The epoch that ran at `at`: the last one that had begun.
    pub(super) fn epoch_at(&self, at: i64) -> Option<u64> {
        let next = self.epochs.partition_point(|(start, _)| *start <= at);
        next.checked_sub(1).map(|last| self.epochs[last].1)
    }
}

fn ms(at: Time) -> i64 {
    at.as_millisecond()
}

fn start(iteration: &Iteration) -> Option<i64> {
    iteration.started_at.as_ref().map(|start| ms(start.value))
}

fn end(iteration: &Iteration) -> Option<i64> {
    iteration.ended_at.as_ref().map(|end| ms(end.value))
}

fn spans(work: &Work) -> Vec<Span> {
    // One past the newest instant, so that what happened in it belongs to whoever runs.
    let now = work.as_of.map_or(i64::MIN, |as_of| ms(as_of).saturating_add(1));
    let mut starts: Vec<i64> = work.iterations.iter().filter_map(start).collect();
    starts.sort_unstable();
    let next_start = |after: i64| starts.get(starts.partition_point(|start| *start <= after)).copied();
    let (mut spans, mut before, mut last) = (Vec::new(), None, work.began.map(ms));
    for (_, place) in work.by_key.iter().filter(|(_, place)| Some(**place) != work.running) {
        let iteration = &work.iterations[*place];
        let told = (start(iteration), end(iteration));
        let begins = told.0.or(before.filter(|before| told.1.is_some_and(|end| end >= *before)));
        if let Some(start) = begins {
            let end = told.1.filter(|end| *end >= start).or_else(|| next_start(start)).unwrap_or(now.max(start));
            spans.push(Span { iteration: *place, start, end });
        }
        before = told.1.or(told.0).or(before);
        last = last.max(told.1.or(told.0));
    }
    if let (Some(place), Some(start)) = (work.running, last) {
        spans.push(Span { iteration: place, start, end: now.max(start) });
    }
    spans
}

/// Cuts time where a window begins or ends.
fn cuts(spans: &[Span]) -> Vec<(i64, Owner)> {
    let mut edges: Vec<(i64, bool, usize)> = spans
        .iter()
        .filter(|span| span.start < span.end)
        .flat_map(|span| [(span.start, true, span.iteration), (span.end, false, span.iteration)])
        .collect();
    edges.sort_unstable();
    let (mut cuts, mut running): (Vec<(i64, Owner)>, BTreeSet<usize>) = (Vec::new(), BTreeSet::new());
    for (at, begins, iteration) in edges {
        if begins {
            running.insert(iteration);
        } else {
            running.remove(&iteration);
        }
        let owner = match (running.len(), running.first()) {
            (1, Some(one)) => Owner::One(*one),
            (0, _) => Owner::Nobody,
            _ => Owner::Several,
        };
        match cuts.last_mut() {
            Some((last, known)) if *last == at => *known = owner,
            _ => cuts.push((at, owner)),
        }
    }
    cuts
}

fn epochs(work: &Work, spans: &[Option<(i64, i64)>]) -> Vec<(i64, u64)> {
    let mut epochs: Vec<(i64, u64)> = Vec::new();
    for (key, place) in &work.by_key {
        let Some((start, _)) = spans[*place] else { continue };
        match epochs.last_mut() {
            Some((first, epoch)) if *epoch == key.epoch => *first = start.min(*first),
            _ => epochs.push((start, key.epoch)),
        }
    }
    epochs.sort_unstable();
    epochs
}
