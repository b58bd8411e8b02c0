//! Wedges, lessons, restarts, refinements and bypass attempts find their iterations.
//!
//! Invariant: no event is lost; one that belongs to no iteration stays with the run.

use std::cmp::Ordering;

use super::super::inputs::EventLine;
use super::place::{Finder, Said};
use super::verdicts::SLACK;
use super::windows::Windows;
use super::{Work, kinds};
use crate::journey::run::{Event, EventKind, Outcome};

/// Takes all events.
pub(super) fn take(work: &mut Work, windows: &Windows, lines: Vec<EventLine>) {
    let finder = Finder::new(work, windows);
    let mut placed: Vec<(Option<usize>, EventLine)> = Vec::with_capacity(lines.len());
    for line in lines {
        let Event { at, iter, epoch, from, .. } = line.event;
        if work.is_earlier(at, from) {
            continue;
        }
        let key = finder.find(work, Said { epoch, iter, at, ids: &line.ids });
        if key.is_none() && iter.is_some() {
            work.report.pass(&kinds::UNASSIGNED, from);
        }
        placed.push((key.map(|key| work.iteration(key, from)), line));
    }
    placed.sort_by(|(one, line), (other, next)| one.cmp(other).then_with(|| order(&line.event, &next.event)));
    let repeats = |(place, line): &(Option<usize>, EventLine), (other, last): &(Option<usize>, EventLine)| {
        place == other && line.event.at.is_some() && order(&line.event, &last.event).is_eq()
    };
    placed.dedup_by(|one, last| {
        let again = repeats(one, last);
        if again {
            work.report.pass(&kinds::REPEATED, one.1.event.from);
        }
        again
    });
    for (place, line) in placed {
        put(work, windows, place, line);
    }
}

/// As verdicts are ordered.
fn order(one: &Event, other: &Event) -> Ordering {
    let content = |event: &Event| (event.kind, event.epoch, event.iter);
    let by_content = || {
        let texts = (&one.word, &one.text).cmp(&(&other.word, &other.text));
        if one.at.is_some() { content(one).cmp(&content(other)).then(texts) } else { Ordering::Equal }
    };
    one.at.cmp(&other.at).then_with(by_content)
}

fn put(work: &mut Work, windows: &Windows, place: Option<usize>, line: EventLine) {
    let EventLine { event, no_verdict, .. } = line;
    let Some(place) = place else { return work.events.push(event) };
    let Event { kind, at, from, .. } = event;
    let iteration = &mut work.iterations[place];
    iteration.events.push(event);
    if no_verdict && iteration.outcome_from.is_empty() && iteration.outcome == Outcome::Unknown {
        iteration.outcome = Outcome::WedgedNoVerdict;
        iteration.outcome_from = vec![from];
    }
    // What is learnt of an iteration, or changed because of it, comes later by its nature.
    let key = iteration.key;
    if let (EventKind::Wedge | EventKind::Bypass, Some(at)) = (kind, at)
        && windows.holds(place, at.as_millisecond(), SLACK) == Some(false)
    {
        let text = format!("{} is of {at}, when {key} did not run", work.report.place(from));
        work.report.disagree(kinds::TIMES, Some(key), text, vec![from]);
    }
}
