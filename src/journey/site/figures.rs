//! What the numbers of many iterations come to: shares, costs, idle time.
//!
//! Invariant: pure; what is not known is left out of a sum and counted as left out, and never taken for 0.

use crate::journey::run::Outcome;
use crate::journey::site_data::Iteration;
use crate::observation::{Time, seconds_since};

/// A gap between two iterations that is at least as long is an idle one, in seconds. A judge and a planner need minutes.
pub(super) const IDLE: f64 = 30.0 * 60.0;

/// How often each outcome was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally([usize; 5]);

/// The outcomes in the order that a [`Tally`] counts them, from the best.
pub(super) const OUTCOMES: [Outcome; 5] =
    [Outcome::Accept, Outcome::Revert, Outcome::WedgedNoVerdict, Outcome::InProgress, Outcome::Unknown];

impl Tally {
    /// Counts one more.
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.0[outcome as usize] += 1;
    }

    /// How many of `outcome`.
    pub(super) fn of(&self, outcome: Outcome) -> usize {
        self.0[outcome as usize]
    }

    /// Those that are over and whose end is known.
    pub(super) fn decided(&self) -> usize {
        self.of(Outcome::Accept) + self.of(Outcome::Revert) + self.of(Outcome::WedgedNoVerdict)
    }

    /// All.
    pub(super) fn all(&self) -> usize {
        self.0.iter().sum()
    }

    /// The share of those decided that was accepted; `None` before any was.
    pub(super) fn rate(&self) -> Option<f64> {
        let decided = self.decided();
        (decided > 0).then(|| self.of(Outcome::Accept) as f64 / decided as f64)
    }
}

impl<'a> FromIterator<&'a Iteration> for Tally {
    fn from_iter<I: IntoIterator<Item = &'a Iteration>>(iterations: I) -> Self {
        let mut tally = Tally::default();
        iterations.into_iter().for_each(|iteration| tally.add(iteration.outcome));
        tally
    }
}

/// How long it took, in seconds; `None` where its times are not known or the end lies before the start.
pub(super) fn seconds(iteration: &Iteration) -> Option<f64> {
    let (from, to) = (iteration.started_at?, iteration.ended_at?);
    Some(seconds_since(to, from)).filter(|seconds| *seconds >= 0.0)
}

/// All tokens of all models; `None` where none were counted.
pub(super) fn tokens(iteration: &Iteration) -> Option<f64> {
    let models = iteration.tokens.values();
    (!iteration.tokens.is_empty()).then(|| models.map(|tokens| tokens.total() as f64).sum())
}

/// When it was news last: its end, else its verdict, else its start.
pub(super) fn when(iteration: &Iteration) -> Option<Time> {
    iteration.ended_at.or_else(|| iteration.verdict.as_ref()?.at).or(iteration.started_at)
}

/// Adds up what is known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    /// Of what is known.
    pub(super) sum: f64,
    /// How many are known.
    pub(super) known: usize,
    /// How many are not.
    pub(super) unknown: usize,
}

impl Sum {
    /// The mean of those known; `None` where none is.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.known > 0).then(|| self.sum / self.known as f64)
    }

    /// The sum; `None` where none is known.
    pub(super) fn total(&self) -> Option<f64> {
        (self.known > 0).then_some(self.sum)
    }
}

impl FromIterator<Option<f64>> for Sum {
    fn from_iter<I: IntoIterator<Item = Option<f64>>>(values: I) -> Self {
        values.into_iter().fold(Sum::default(), |sum, value| match value {
            Some(value) => Sum { sum: sum.sum + value, known: sum.known + 1, ..sum },
            None => Sum { unknown: sum.unknown + 1, ..sum },
        })
    }
}

/// An accepted change and what it cost, with every failed attempt since the one before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// The accepted iteration's place.
    pub(super) index: usize,
    /// Iterations from the one after the accepted one before, to this one.
    pub(super) attempts: usize,
    /// Their time in seconds; `None` where one of theirs is not known.
    pub(super) seconds: Option<f64>,
    /// Their tokens; `None` where one of theirs is not known.
    pub(super) tokens: Option<f64>,
}

/// The accepted changes, oldest first. What came after the last of them belongs to none yet.
pub(super) fn changes<'a>(iterations: impl IntoIterator<Item = &'a Iteration>) -> Vec<Change> {
    let mut changes = Vec::new();
    let fresh = |index| Change { index, attempts: 0, seconds: Some(0.0), tokens: Some(0.0) };
    let mut next = fresh(0);
    for (index, iteration) in iterations.into_iter().enumerate() {
        let both = |sum: Option<f64>, one: Option<f64>| Some(sum? + one?);
        next.seconds = both(next.seconds, seconds(iteration));
        next.tokens = both(next.tokens, tokens(iteration));
        next.attempts += 1;
        if iteration.outcome == Outcome::Accept {
            next.index = index;
            changes.push(std::mem::replace(&mut next, fresh(index + 1)));
        }
    }
    changes
}

/// The share of accepted ones among the last `window` decided, at each iteration that was decided: its place, the share
/// so far, and the share of the window (`None` until the window is full).
pub(super) fn rates<'a>(
    iterations: impl IntoIterator<Item = &'a Iteration>,
    window: usize,
) -> Vec<(usize, f64, Option<f64>)> {
    let (mut accepted, mut said, mut rates) = (0_usize, Vec::new(), Vec::new());
    for (index, iteration) in iterations.into_iter().enumerate() {
        let good = match iteration.outcome {
            Outcome::Accept => true,
            Outcome::Revert | Outcome::WedgedNoVerdict => false,
            Outcome::InProgress | Outcome::Unknown => continue,
        };
        accepted += usize::from(good);
        said.push(accepted);
        let before = said.len().checked_sub(window).map(|at| if at == 0 { 0 } else { said[at - 1] });
        let moving = before.map(|before| (accepted - before) as f64 / window as f64);
        rates.push((index, accepted as f64 / said.len() as f64, moving));
    }
    rates
}

/// When iterations were under way, joined where they touch or overlap, oldest first. One that has not ended lasts until
/// `as_of`.
pub(super) fn busy(iterations: &[Iteration], as_of: Option<Time>) -> Vec<(Time, Time)> {
    let span = |iteration: &Iteration| {
        let running = || as_of.filter(|_| iteration.outcome == Outcome::InProgress);
        let (from, to) = (iteration.started_at?, iteration.ended_at.or_else(running)?);
        (from <= to).then_some((from, to))
    };
    let mut spans: Vec<(Time, Time)> = iterations.iter().filter_map(span).collect();
    spans.sort_unstable();
    let mut joined: Vec<(Time, Time)> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match joined.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// The gaps of [`IDLE`] or more between what [`busy`] gave, oldest first.
pub(super) fn idle(busy: &[(Time, Time)]) -> Vec<(Time, Time)> {
    let gaps = busy.windows(2).map(|pair| (pair[0].1, pair[1].0));
    gaps.filter(|(from, to)| seconds_since(*to, *from) >= IDLE).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::journey::run::Tokens;

    fn at(minute: i64) -> Time {
        Time::from_second(1_763_980_000 + 60 * minute).unwrap()
    }

    fn iteration(outcome: Outcome, minutes: Option<(i64, i64)>, output: Option<u64>) -> Iteration {
        let tokens = output.map(|output| ("m".to_owned(), Tokens { output, ..Tokens::default() }));
        Iteration {
            outcome,
            started_at: minutes.map(|(from, _)| at(from)),
            ended_at: minutes.map(|(_, to)| at(to)).filter(|_| outcome != Outcome::InProgress),
            tokens: BTreeMap::from_iter(tokens),
            ..serde_json::from_str(r#"{"epoch":1,"iter":1,"outcome":"UNKNOWN"}"#).unwrap()
        }
    }

    #[test]
    fn a_change_costs_its_failed_attempts_too_and_what_is_not_known_is_not_0() {
        let story = [
            iteration(Outcome::Revert, Some((0, 10)), Some(5)),
            iteration(Outcome::Accept, Some((10, 30)), Some(7)),
            iteration(Outcome::WedgedNoVerdict, None, Some(1)),
            iteration(Outcome::Accept, Some((40, 50)), Some(2)),
            iteration(Outcome::Revert, Some((50, 60)), None),
        ];
        let changes = changes(&story);
        let expected = [
            Change { index: 1, attempts: 2, seconds: Some(1800.0), tokens: Some(12.0) },
            Change { index: 3, attempts: 2, seconds: None, tokens: Some(3.0) },
        ];
        assert_eq!(changes, expected);
        let seconds: Sum = changes.iter().map(|change| change.seconds).collect();
        assert_eq!((seconds.mean(), seconds.unknown), (Some(1800.0), 1));
    }

    #[test]
    fn rates_count_what_was_decided_alone() {
        use Outcome::{Accept, InProgress, Revert, Unknown};
        let story = [Accept, Unknown, Revert, Accept, InProgress, Accept].map(|outcome| iteration(outcome, None, None));
        let rates = rates(&story, 2);
        assert_eq!(rates, [(0, 1.0, None), (2, 0.5, Some(0.5)), (3, 2.0 / 3.0, Some(0.5)), (5, 0.75, Some(1.0))]);
        assert_eq!(Tally::from_iter(&story).rate(), Some(0.75));
        assert_eq!(Tally::default().rate(), None);
    }

    #[test]
    fn idle_gaps_lie_between_what_was_busy() {
        let story = [
            iteration(Outcome::Accept, Some((0, 10)), None),
            iteration(Outcome::Accept, Some((5, 20)), None),
            iteration(Outcome::Accept, Some((49, 60)), None),
            iteration(Outcome::Revert, Some((90, 80)), None),
            iteration(Outcome::InProgress, Some((100, 0)), None),
        ];
        let busy = busy(&story, Some(at(130)));
        assert_eq!(busy, [(at(0), at(20)), (at(49), at(60)), (at(100), at(130))]);
        assert_eq!(idle(&busy), [(at(60), at(100))]);
    }
}
