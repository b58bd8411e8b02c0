//! Where the whole run stands, however long ago its last success is.
//!
//! Invariant: pure; only iterations that ended count, in the order of their numbers.

use crate::journey::run::{Outcome, Run};
use crate::observation::Time;

/// Facts of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::judge::review) struct Standing {
    /// Iterations that ended since the run began.
    pub(in crate::judge::review) finished: u64,
    /// Those of them that were accepted.
    pub(in crate::judge::review) accepted: u64,
    /// When the last was accepted; `None` where none was, or its time is not told.
    pub(in crate::judge::review) last_accepted_at: Option<Time>,
    /// When the loop last wrote its heartbeat; `None` where there is none.
    pub(in crate::judge::review) heartbeat_at: Option<Time>,
    /// So many in a row at the end were not accepted.
    pub(in crate::judge::review) since_accepted: u64,
}

impl Standing {
    /// Where `run` stands, whose last heartbeat was at `heartbeat_at`.
    pub(super) fn of(run: &Run, heartbeat_at: Option<Time>) -> Self {
        // Epochs and iterations come by number, which is the order in which a loop works.
        let iterations = run.epochs.iter().flat_map(|epoch| &epoch.iterations);
        let mut standing = Standing { heartbeat_at, ..Standing::default() };
        for iteration in iterations.filter(|iteration| is_finished(iteration.outcome)) {
            standing.finished += 1;
            if iteration.outcome == Outcome::Accept {
                standing.accepted += 1;
                let ended_at = iteration.ended_at.as_ref().map(|at| at.value);
                standing.last_accepted_at = ended_at.or(standing.last_accepted_at);
                standing.since_accepted = 0;
            } else {
                standing.since_accepted += 1;
            }
        }
        standing
    }
}

fn is_finished(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Accept | Outcome::Revert | Outcome::WedgedNoVerdict)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::window::tests::{ago, iteration};
    use super::*;
    use crate::check::example_now;
    use crate::journey::run::Epoch;

    #[test]
    fn what_was_accepted_last_is_known_however_long_ago_it_is() {
        let epoch = |number, iterations| Epoch { number, iterations };
        let first = vec![iteration(1, Outcome::Accept, Some(9000)), iteration(2, Outcome::Accept, None)];
        let second = vec![
            iteration(1, Outcome::Revert, Some(90)),
            iteration(2, Outcome::WedgedNoVerdict, None),
            iteration(3, Outcome::Unknown, Some(20)),
            iteration(4, Outcome::InProgress, None),
        ];
        let run = Run { epochs: vec![epoch(1, first), epoch(2, second)], ..Run::default() };
        let expected = Standing {
            finished: 4,
            accepted: 2,
            last_accepted_at: Some(ago(9000)),
            heartbeat_at: Some(example_now() - SignedDuration::from_secs(5)),
            since_accepted: 2,
        };
        assert_eq!(Standing::of(&run, expected.heartbeat_at), expected);
        assert_eq!(Standing::of(&Run::default(), None), Standing::default());
    }
}
