//! The iterations themselves: those of the history, and the one that runs.
//!
//! Invariant: one iteration a key; what the history says of it stays as told, and what is odd about it is listed.

use std::mem;

use super::super::inputs::{Finished, Gathered};
use super::{Note, Work, blank, kinds};
use crate::journey::run::{Iteration, Key, Origin, Outcome, Sourced};
use crate::observation::Time;

/// Takes the history, and the iteration that runs. Its texts are taken out of `gathered`; its times and places stay.
pub(super) fn take(work: &mut Work, gathered: &mut Gathered) {
    let mut epoch = gathered.state.epoch.as_ref().map(|epoch| epoch.value);
    for one in &mut gathered.history {
        // An object without an epoch is of the one before it; the first such of the state's.
        epoch = one.epoch.or(epoch);
        match epoch.zip(one.iter) {
            Some((epoch, iter)) => finished(work, Key { epoch, iter }, one),
            None => work.report.pass(&kinds::UNNUMBERED, one.from),
        }
    }
    running(work, gathered);
}

fn finished(work: &mut Work, key: Key, one: &mut Finished) {
    let iteration = iteration(key, one);
    let place = match work.by_key.get(&key).copied() {
        Some(known) => {
            let before = work.notes.get(&known).map_or(one.from, |note| note.from);
            let text = format!("{} has iteration {key} again; the later one counts", work.report.place(one.from));
            work.report.disagree(kinds::DUPLICATE, Some(key), text, vec![before, one.from]);
            work.iterations[known] = iteration;
            known
        }
        None => work.add(iteration),
    };
    work.notes.insert(
        place,
        Note { from: one.from, tokens: mem::take(&mut one.tokens), commits: mem::take(&mut one.commits) },
    );
    for id in mem::take(&mut one.ids) {
        let text = || format!("{} names {id}, as another iteration does", work.report.place(one.from));
        match work.by_id.get_mut(&id) {
            Some(owner) if *owner != Some(place) => {
                *owner = None;
                let text = text();
                work.report.disagree(kinds::SESSION_SHARED, Some(key), text, vec![one.from]);
            }
            Some(_) => {}
            None => drop(work.by_id.insert(id, Some(place))),
        }
    }
}

fn iteration(key: Key, one: &mut Finished) -> Iteration {
    let outcome = one.outcome.as_deref().map(outcome);
    Iteration {
        slug: one.slug.take().map(|slug| Sourced::at(slug, one.from)),
        module: one.module.take().map(|module| Sourced::at(module, one.from)),
        outcome: outcome.unwrap_or(Outcome::Unknown),
        outcome_from: outcome.map(|_| one.from).into_iter().collect(),
        started_at: one.started_at.map(|at| Sourced::at(at, one.from)),
        ended_at: one.ended_at.map(|at| Sourced::at(at, one.from)),
        judge_calls: one.judge_calls.map(|calls| Sourced::at(calls, one.from)),
        judge_tokens: one.judge_tokens.map(|tokens| Sourced::at(tokens, one.from)),
        files: one.files.take().map(|files| Sourced::at(files, one.from)),
        ..blank(key)
    }
}

/// The outcome that a word stands for.
pub(super) fn outcome(word: &str) -> Outcome {
    let known = [Outcome::Accept, Outcome::Revert, Outcome::WedgedNoVerdict, Outcome::InProgress];
    let word = word.trim();
    known.into_iter().find(|outcome| outcome.word().eq_ignore_ascii_case(word)).unwrap_or(Outcome::Unknown)
}

/// Adds the iteration that state and heartbeat call the present one, unless the history has it.
fn running(work: &mut Work, gathered: &Gathered) {
    let (state, beat) = (&gathered.state, &gathered.heartbeat);
    let from_state = state.epoch.as_ref().zip(state.iter.as_ref()).map(|(epoch, iter)| {
        let key = Key { epoch: epoch.value, iter: iter.value };
        (key, iter.from.clone(), state.updated_at.as_ref().map(|at| at.value))
    });
    let beat_at = beat.at.as_ref().map(|at| at.value);
    let is_stale = work.began.zip(beat_at).is_some_and(|(began, at)| at < began);
    let from_beat =
        beat.epoch.zip(beat.iter).filter(|_| !is_stale).map(|(epoch, iter)| {
            (Key { epoch, iter }, beat.at.as_ref().map_or(Vec::new(), |at| at.from.clone()), beat_at)
        });
    let open = |told: Option<(Key, Vec<Origin>, Option<Time>)>| told.filter(|(key, ..)| !work.by_key.contains_key(key));
    let (key, module) = match (open(from_state.clone()), open(from_beat)) {
        (Some((one, from, at)), Some((other, beat_from, beat_at))) if one != other => {
            let beat_is_newer = beat_at > at;
            let text = format!("the state says that {one} runs, the heartbeat says {other}");
            let from = [from, beat_from].concat();
            work.report.disagree(kinds::RUNNING, Some(if beat_is_newer { other } else { one }), text, from);
            if beat_is_newer { (other, None) } else { (one, state.module.clone()) }
        }
        (Some((key, ..)), _) => (key, state.module.clone()),
        // The state may lag: its own iteration is finished, and the heartbeat already tells of the next one.
        (None, Some((key, ..))) if from_state.as_ref().is_none_or(|(of_state, ..)| key > *of_state) => (key, None),
        (None, _) => return,
    };
    let place = work.add(Iteration { outcome: Outcome::InProgress, module, ..blank(key) });
    work.running = Some(place);
}

/// Lists what is odd about the times and the numbers of the history.
pub(super) fn check(work: &mut Work, gathered: &Gathered) {
    if let (Some(told), Some(began)) = (&gathered.state.started_at, gathered.began())
        && began.value < told.value
    {
        let text = format!("the state began at {}, its history at {}", told.value, began.value);
        work.report.disagree(kinds::RUN_START, None, text, [told.from.clone(), began.from].concat());
    }
    ends_before_starts(work);
    overlaps(work);
    gaps(work);
}

fn ends_before_starts(work: &mut Work) {
    for iteration in &work.iterations {
        if let (Some(start), Some(end)) = (&iteration.started_at, &iteration.ended_at)
            && end.value < start.value
        {
            let text = format!("{} ended at {}, before it began at {}", iteration.key, end.value, start.value);
            work.report.disagree(kinds::TIMES, Some(iteration.key), text, end.from.clone());
        }
    }
}

fn overlaps(work: &mut Work) {
    let span = |iteration: &Iteration| {
        let (start, end) = (iteration.started_at.as_ref()?.value, iteration.ended_at.as_ref()?.value);
        (start < end).then(|| (start, end, iteration.key, iteration.outcome_from.first().copied()))
    };
    let mut spans: Vec<_> = work.iterations.iter().filter_map(span).collect();
    spans.sort_by_key(|(start, end, key, _)| (*start, *end, *key));
    let mut latest: Option<(Time, Key)> = None;
    for (start, end, key, _) in spans {
        if let Some((ends, other)) = latest
            && start < ends
        {
            let text = format!("{key} began at {start}, before {other} ended at {ends}");
            let from = [other, key].iter().filter_map(|key| work.origin(*key)).collect();
            work.report.disagree(kinds::OVERLAP, Some(key), text, from);
        }
        latest = latest.max(Some((end, key)));
    }
}

fn gaps(work: &mut Work) {
    let keys: Vec<Key> = work.by_key.keys().copied().collect();
    for pair in keys.windows(2) {
        let (one, next) = (pair[0], pair[1]);
        if one.epoch == next.epoch && next.iter - one.iter > 1 {
            let missing = match next.iter - one.iter {
                2 => format!("{}", one.iter + 1),
                _ => format!("{} to {}", one.iter + 1, next.iter - 1),
            };
            let text = format!("epoch {} has no iteration {missing}", one.epoch);
            let from = [one, next].iter().filter_map(|key| work.origin(*key)).collect();
            work.report.disagree(kinds::GAP, Some(next), text, from);
        }
    }
}

impl Work {
    /// Where the history has this iteration.
    fn origin(&self, key: Key) -> Option<Origin> {
        Some(self.notes.get(self.by_key.get(&key)?)?.from)
    }
}
