//! The newest time that the inputs tell, and the times that lie after it.
//!
//! A line cannot tell of a time after its file was last written. So a time counts up to its file's modification time, and
//! two seconds for the steps in which file systems stamp; what git and the transcripts tell counts up to the newest
//! modification time of the inputs. One line that speaks of the year 2099 moves nothing.
//!
//! Invariant: no clock of this machine is asked; copying the files with their times changes nothing.

use jiff::SignedDuration;

use super::super::inputs::Gathered;
use super::super::transcript::Ledger;
use super::{Work, kinds};
use crate::journey::run::{Key, Origin, Sourced};
use crate::observation::Time;

/// The steps in which the coarsest file systems stamp.
const STEP: SignedDuration = SignedDuration::from_secs(2);

/// The newest time that counts.
pub(super) fn as_of(gathered: &Gathered, ledger: &Ledger) -> Option<Time> {
    let newest = gathered.modified.iter().flatten().max().map(|at| *at + STEP);
    let bound = |file: u32| gathered.modified.get(file as usize).copied().flatten().map(|at| at + STEP).or(newest);
    let mut as_of: Option<Time> = None;
    each(gathered, |at, from, _| {
        if bound(from.file).is_none_or(|bound| at <= bound) {
            as_of = as_of.max(Some(at));
        }
    });
    let limit = newest.map_or(i64::MAX, Time::as_millisecond);
    let last =
        ledger.turns.partition_point(|turn| turn.at_ms <= limit).checked_sub(1).map(|last| ledger.turns[last].at_ms);
    as_of.max(last.and_then(|last| Time::from_millisecond(last).ok()))
}

/// Lists the times of the inputs that lie after it.
pub(super) fn check(work: &mut Work, gathered: &Gathered) {
    let Some(as_of) = work.as_of else { return };
    let report = &mut work.report;
    each(gathered, |at, from, key| {
        if at > as_of {
            let text = format!("{} tells of {at}, after {as_of}", report.place(from));
            report.disagree(kinds::FUTURE, key, text, vec![from]);
        }
    });
}

/// Every time that the inputs tell, with its place and the iteration that it belongs to by its own word. Verdicts and
/// events are looked at before they are taken.
fn each(gathered: &Gathered, mut take: impl FnMut(Time, Origin, Option<Key>)) {
    let state = &gathered.state;
    let sourced = [&state.updated_at, &state.started_at, &gathered.heartbeat.at, &gathered.recorded_at];
    for Sourced { value, from } in sourced.into_iter().flatten() {
        take(*value, from.first().copied().unwrap_or_default(), None);
    }
    let key = |epoch: Option<u64>, iter: Option<u64>| epoch.zip(iter).map(|(epoch, iter)| Key { epoch, iter });
    for one in &gathered.history {
        for at in [one.started_at, one.ended_at].into_iter().flatten() {
            take(at, one.from, key(one.epoch, one.iter));
        }
    }
    let verdicts =
        gathered.verdicts.iter().map(|line| (line.verdict.at, line.verdict.from, key(line.epoch, line.iter)));
    let events =
        gathered.events.iter().map(|line| (line.event.at, line.event.from, key(line.event.epoch, line.event.iter)));
    let reviews = gathered.reviews.iter().map(|review| (review.at, review.from, None));
    let parity = gathered.parity.iter().map(|point| (Some(point.at), point.from, None));
    for (at, from, key) in verdicts.chain(events).chain(reviews).chain(parity) {
        if let Some(at) = at {
            take(at, from, key);
        }
    }
    if let Some(commits) = &gathered.commits {
        for at in commits.list.iter().filter_map(|commit| commit.at) {
            take(at, Origin::of(commits.file, 0), None);
        }
    }
}
