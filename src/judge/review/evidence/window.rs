//! The part of a run that lies in the time under review.
//!
//! Invariant: nothing is changed, only left out; what has no time is left out, but for what is under way.

use crate::journey::run::{Iteration, Outcome, Run};
use crate::observation::Time;

/// Earlier reviews that are told, so that the judge can say whether it got better.
const REVIEWS: usize = 5;

/// `run` without what ended before `from`. The last iteration that ended stays, however long ago that is, and so do the
/// parity matrix as it was at `from` and the latest reviews.
pub(super) fn cut(mut run: Run, from: Time) -> Run {
    let newest = run.epochs.iter().flat_map(|epoch| &epoch.iterations).filter_map(ended).max();
    for epoch in &mut run.epochs {
        epoch.iterations.retain(|iteration| stays(iteration, from, newest));
    }
    run.epochs.retain(|epoch| !epoch.iterations.is_empty());
    run.events.retain(|event| event.at.is_some_and(|at| at >= from));
    let before = run.parity.iter().rposition(|point| point.at < from).unwrap_or(0);
    run.parity.drain(..before);
    let scored = |score: Option<f64>| score.is_some_and(f64::is_finite);
    run.reviews.retain(|review| scored(review.health_score));
    run.reviews.drain(..run.reviews.len().saturating_sub(REVIEWS));
    run
}

fn ended(iteration: &Iteration) -> Option<Time> {
    iteration.ended_at.as_ref().map(|at| at.value)
}

fn stays(iteration: &Iteration, from: Time, newest: Option<Time>) -> bool {
    if iteration.outcome == Outcome::InProgress {
        return true;
    }
    let last = ended(iteration).or_else(|| iteration.started_at.as_ref().map(|at| at.value));
    last.is_some_and(|last| last >= from || Some(last) == newest)
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::check::example_now;
    use crate::journey::correlate::blank;
    use crate::journey::run::{Epoch, Key, Origin, ParityPoint, Review, Sourced};

    pub(in super::super) fn ago(minutes: i64) -> Time {
        example_now() - SignedDuration::from_mins(minutes)
    }

    /// An iteration that ended so many minutes ago.
    pub(in super::super) fn iteration(iter: u64, outcome: Outcome, minutes: Option<i64>) -> Iteration {
        Iteration {
            outcome,
            ended_at: minutes.map(|minutes| Sourced { value: ago(minutes), from: vec![Origin::default()] }),
            ..blank(Key { epoch: 1, iter })
        }
    }

    fn iters(run: &Run) -> Vec<u64> {
        run.epochs.iter().flat_map(|epoch| &epoch.iterations).map(|iteration| iteration.key.iter).collect()
    }

    #[test]
    fn what_ended_before_is_left_out_but_for_the_last() {
        let iterations = vec![
            iteration(1, Outcome::Accept, Some(500)),
            iteration(2, Outcome::Accept, Some(400)),
            iteration(3, Outcome::Unknown, None),
            iteration(4, Outcome::InProgress, None),
        ];
        let run = Run { epochs: vec![Epoch { number: 1, iterations }], ..Run::default() };
        assert_eq!(iters(&cut(run.clone(), ago(360))), [2, 4], "the last that ended stays");
        assert_eq!(iters(&cut(run, ago(450))), [2, 4]);
    }

    #[test]
    fn the_matrix_is_known_at_the_beginning_and_reviews_are_few() {
        let point = |minutes, green| ParityPoint {
            at: ago(minutes),
            green,
            red: 0,
            manual: 0,
            not_applicable: 0,
            unknown: 0,
            from: Origin::default(),
        };
        let review = |score: f64| Review {
            at: Some(ago(1)),
            health_score: Some(score),
            verdict: None,
            summary: None,
            findings: None,
            from: Origin::default(),
        };
        let run = Run {
            parity: vec![point(900, 1), point(700, 2), point(100, 3)],
            reviews: (0..8).map(|score| review(f64::from(score))).chain([review(f64::NAN)]).collect(),
            ..Run::default()
        };
        let run = cut(run, ago(360));
        assert_eq!(run.parity.iter().map(|point| point.green).collect::<Vec<_>>(), [2, 3]);
        let scores: Vec<_> = run.reviews.iter().filter_map(|review| review.health_score).collect();
        assert_eq!(scores, [3.0, 4.0, 5.0, 6.0, 7.0]);
    }
}
