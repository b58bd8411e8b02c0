//! Properties: the order of lines with equal times has no say, and every answer counts once.

use proptest::prelude::*;

use super::super::inputs::Gathered;
use super::super::run::{Origin, Run};
use super::correlate;
use super::tests::{history, inputs, ledger, of, verdicts, wedges};

/// The same with every offset forgotten: where a line stands is the one thing that the order of lines may change.
fn without_places(mut run: Run) -> String {
    for epoch in &mut run.epochs {
        for one in &mut epoch.iterations {
            one.events.iter_mut().for_each(|event| event.from = Origin::default());
            one.verdict.iter_mut().for_each(|verdict| verdict.from = Origin::default());
            one.revisions.iter_mut().for_each(|revisions| revisions.from.clear());
            one.outcome_from.clear();
            one.module.iter_mut().for_each(|module| module.from.clear());
        }
    }
    run.events.iter_mut().for_each(|event| event.from = Origin::default());
    run.contradictions.iter_mut().for_each(|one| {
        one.from.clear();
        one.text.clear();
    });
    run.contradictions.sort_by(|one, other| (one.key, &one.kind).cmp(&(other.key, &other.kind)));
    run.left_out.iter_mut().for_each(|one| one.first = None);
    serde_json::to_string(&run).unwrap()
}

fn any_lines() -> impl Strategy<Value = Vec<(u64, u64, usize, i64)>> {
    proptest::collection::vec((1_u64..3, 1_u64..5, 0_usize..3, 0_i64..12), 0..25)
}

/// Stable by time, with those of one time in the order that `seed` makes.
fn shuffled(mut lines: Vec<(u64, u64, usize, i64)>, seed: u64) -> String {
    let scrambled =
        |at: usize| (at as u64 + 1).wrapping_mul(seed | 1).rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|at| (lines[*at].3, scrambled(*at)));
    lines = order.into_iter().map(|at| lines[at]).collect();
    let word = ["ACCEPT", "REVERT", "hung"];
    let line = |(epoch, iter, kind, at): (u64, u64, usize, i64)| match epoch {
        1 => format!("-/{iter} {} {}\n", word[kind], at * 5),
        _ => format!("2/{iter} {} {}\n", word[kind], at * 5),
    };
    lines.into_iter().map(line).collect()
}

proptest! {
    #[test]
    fn the_order_of_lines_with_equal_times_changes_nothing(lines in any_lines(), others in any_lines(), seed in any::<u64>()) {
        let told = history("1/1 ACCEPT 0 10\n1/2 ACCEPT 8 20\n2/1 REVERT 30 40\n2/3 ACCEPT 40 -");
        let run = |seed| of(Gathered {
            history: told.clone(),
            verdicts: verdicts(&shuffled(lines.clone(), seed)),
            events: wedges(&shuffled(others.clone(), seed)),
            ..inputs()
        });
        prop_assert_eq!(without_places(run(1)), without_places(run(seed)));
    }

    #[test]
    fn every_answer_counts_once_or_is_counted_as_left_out(
        spans in proptest::collection::vec((0_i64..60, -3_i64..20), 0..8),
        mut turns in proptest::collection::vec(-5_i64..90, 0..40),
    ) {
        turns.sort_unstable();
        let lines: String =
            spans.iter().enumerate().map(|(at, (start, length))| format!("1/{at} ACCEPT {start} {}\n", start + length)).collect();
        let run = correlate(Gathered { history: history(&lines), ..inputs() }, ledger(&turns));
        let all = run.epochs.iter().flat_map(|epoch| &epoch.iterations);
        let assigned: u64 = all.filter_map(|one| one.turns.as_ref()).map(|turns| turns.value).sum();
        let left: u64 = run.left_out.iter().map(|one| one.count).sum();
        prop_assert_eq!(assigned + left, turns.len() as u64);
    }
}
