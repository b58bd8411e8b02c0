//! Verdicts find their iterations.
//!
//! Invariant: the last one by time is the iteration's; each REVERT before it is a revision; the history's outcome stays.

use std::cmp::Ordering;

use super::super::inputs::VerdictLine;
use super::history::outcome;
use super::place::{Finder, Said};
use super::windows::Windows;
use super::{Work, kinds};
use crate::journey::run::{Outcome, Sourced, Verdict};

/// A verdict this much outside its iteration's window, milliseconds, is worth a word: judge and loop write one after the
/// other.
pub(super) const SLACK: i64 = 60_000;

/// Takes all verdicts.
pub(super) fn take(work: &mut Work, windows: &Windows, verdicts: Vec<VerdictLine>) {
    let finder = Finder::new(work, windows);
    let mut placed = Vec::with_capacity(verdicts.len());
    for line in verdicts {
        let from = line.verdict.from;
        if work.is_earlier(line.verdict.at, from) {
            continue;
        }
        let said = Said { epoch: line.epoch, iter: line.iter, at: line.verdict.at, ids: &[] };
        match finder.find(work, said) {
            Some(key) => placed.push((work.iteration(key, from), line)),
            None => work.report.pass(&kinds::UNASSIGNED, from),
        }
    }
    placed.sort_by(|(one, line), (other, next)| one.cmp(other).then_with(|| order(&line.verdict, &next.verdict)));
    for lines in placed.chunk_by_mut(|(one, _), (other, _)| one == other) {
        let place = lines[0].0;
        let lines: Vec<VerdictLine> = distinct(work, lines.iter().map(|(_, line)| line));
        judge(work, windows, place, &lines);
    }
}

/// By time, those without one first and in the order of the file; of one time by what they say, so that the order of
/// their lines has no say.
fn order(one: &Verdict, other: &Verdict) -> Ordering {
    let content = || {
        let score = |verdict: &Verdict| verdict.score.unwrap_or(f64::NEG_INFINITY);
        (&one.word, &one.reason).cmp(&(&other.word, &other.reason)).then(score(one).total_cmp(&score(other)))
    };
    one.at.cmp(&other.at).then_with(|| if one.at.is_some() { content() } else { Ordering::Equal })
}

/// The lines without those that repeat the one before.
fn distinct<'a>(work: &mut Work, lines: impl Iterator<Item = &'a VerdictLine>) -> Vec<VerdictLine> {
    let mut kept: Vec<VerdictLine> = Vec::new();
    for line in lines {
        let repeats = |last: &VerdictLine| line.verdict.at.is_some() && order(&last.verdict, &line.verdict).is_eq();
        if kept.last().is_some_and(repeats) {
            work.report.pass(&kinds::REPEATED, line.verdict.from);
        } else {
            kept.push(line.clone());
        }
    }
    kept
}

fn judge(work: &mut Work, windows: &Windows, place: usize, lines: &[VerdictLine]) {
    let Some((last, before)) = lines.split_last() else { return };
    let iteration = &mut work.iterations[place];
    let reverts: Vec<_> = before.iter().filter(|line| outcome(&line.verdict.word) == Outcome::Revert).collect();
    let mut from: Vec<_> = reverts.iter().map(|line| line.verdict.from).collect();
    from.sort_unstable();
    if from.is_empty() {
        from.push(last.verdict.from);
    }
    iteration.revisions = Some(Sourced { value: reverts.len() as u64, from });
    let said = outcome(&last.verdict.word);
    // What the history tells stays, and an iteration that runs has not ended whatever was said of it so far.
    if iteration.outcome_from.is_empty() && iteration.outcome != Outcome::InProgress {
        iteration.outcome = said;
        iteration.outcome_from = vec![last.verdict.from];
    }
    if iteration.module.is_none() {
        iteration.module = last.module.clone().map(|module| Sourced::at(module, last.verdict.from));
    }
    iteration.verdict = Some(last.verdict.clone());
    compare(work, place, last, said);
    outside(work, windows, place, lines);
}

/// Lists where the last verdict and the history differ.
fn compare(work: &mut Work, place: usize, last: &VerdictLine, said: Outcome) {
    let iteration = &work.iterations[place];
    let key = Some(iteration.key);
    if let [from] = iteration.outcome_from[..]
        && said != iteration.outcome
        && iteration.outcome != Outcome::InProgress
    {
        let text = format!("the history says {}, the last verdict {}", iteration.outcome.word(), last.verdict.word);
        work.report.disagree(kinds::OUTCOME, key, text, vec![from, last.verdict.from]);
    }
    let iteration = &work.iterations[place];
    if let (Some(module), Some(told)) = (&iteration.module, &last.module)
        && module.value != *told
    {
        let text = format!("the history says {}, the verdict {told}", module.value);
        let from = [module.from.clone(), vec![last.verdict.from]].concat();
        work.report.disagree(kinds::MODULE, key, text, from);
    }
}

/// Lists verdicts that were not given while their iteration ran.
fn outside(work: &mut Work, windows: &Windows, place: usize, lines: &[VerdictLine]) {
    let key = work.iterations[place].key;
    for Verdict { at, from, .. } in lines.iter().map(|line| &line.verdict) {
        if let Some(at) = at
            && windows.holds(place, at.as_millisecond(), SLACK) == Some(false)
        {
            let text = format!("{} is of {at}, when {key} did not run", work.report.place(*from));
            work.report.disagree(kinds::TIMES, Some(key), text, vec![*from]);
        }
    }
}
