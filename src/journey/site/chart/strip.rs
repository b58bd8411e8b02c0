//! The strip of outcomes: a bar for each iteration, or for as many as fit, oldest first.
//!
//! Invariant: accepted ones stand above the line and the others hang below it, wedged ones longest and hatched, so that
//! the strip can be read without colour.

use super::{Chart, Key, Table, n, push, svg};
use crate::journey::run::Outcome;
use crate::journey::site::figures::{OUTCOMES, Tally};
use crate::journey::site::say;

/// Bars at most.
const BARS: usize = 120;
/// Height of a bar that stands for all of its iterations.
const WHOLE: f64 = 40.0;
/// Where the line lies.
const LINE: f64 = WHOLE + 2.0;

/// The strip of `outcomes`, oldest first; `None` where there are none. `first` is the number of the first one, and
/// `called` says what they are.
pub(in crate::journey::site) fn strip(outcomes: &[Outcome], called: &str) -> Option<Chart> {
    let size = bar_size(outcomes.len());
    let bars: Vec<Tally> = outcomes.chunks(size).map(tally).collect();
    let all = tally(outcomes);
    let mut inner = String::new();
    for (index, bar) in bars.iter().enumerate() {
        let title = format!("{}: {}", numbers(index, size, outcomes.len()), in_words(bar));
        push(&mut inner, format_args!("<g><title>{title}</title>"));
        draw(&mut inner, index, bar, size == 1);
        push(&mut inner, "</g>");
    }
    // A few bars do not fill the width: they would look like a chart of something else.
    let width = (bars.len().max(24) * 10) as f64;
    push(&mut inner, format_args!("<path class=\"base\" d=\"M0 {LINE}H{width}\"/>"));
    let height = 2.0 * LINE;
    let size_of =
        format!("width=\"100%\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\"");
    let title = format!("Outcomes of {called}");
    let description = format!("{}, oldest first. {}.", bar_words(size), in_words(&all));
    (!outcomes.is_empty()).then(|| Chart {
        id: "strip",
        title: "Outcomes",
        lead: format!("{}, oldest first. Accepted ones stand above the line.", bar_words(size)),
        svg: svg("strip", ("strip", &title, &description), &size_of, &inner),
        keys: keys(&all),
        table: table(&bars, size, outcomes.len()),
    })
}

fn tally(outcomes: &[Outcome]) -> Tally {
    let mut tally = Tally::default();
    outcomes.iter().for_each(|outcome| tally.add(*outcome));
    tally
}

/// How many iterations a bar stands for: a round number, so that bars keep theirs when one more comes.
fn bar_size(count: usize) -> usize {
    let sizes = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500];
    sizes.into_iter().find(|size| count.div_ceil(*size) <= BARS).unwrap_or_else(|| count.div_ceil(BARS))
}

fn bar_words(size: usize) -> String {
    if size == 1 { "One bar for each iteration".into() } else { format!("One bar for every {size} iterations") }
}

fn numbers(index: usize, size: usize, count: usize) -> String {
    let (from, to) = (index * size + 1, ((index + 1) * size).min(count));
    if from == to { format!("No. {from}") } else { format!("No. {from} to {to}") }
}

fn in_words(tally: &Tally) -> String {
    let part = |outcome: &Outcome| {
        let count = tally.of(*outcome);
        (count > 0).then(|| format!("{count} {}", say::outcome(*outcome)))
    };
    OUTCOMES.iter().filter_map(part).collect::<Vec<_>>().join(", ")
}

fn draw(out: &mut String, index: usize, bar: &Tally, single: bool) {
    let share = |outcome| bar.of(outcome) as f64 / bar.all() as f64 * WHOLE;
    let x = index * 10 + 1;
    let mut rect = |class: &str, y: f64, height: f64| {
        if height > 0.0 {
            push(
                out,
                format_args!("<rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"8\" height=\"{}\"/>", n(y), n(height)),
            );
        }
    };
    let (up, down) = (share(Outcome::Accept), share(Outcome::Revert) * if single { 0.55 } else { 1.0 });
    let wedged = share(Outcome::WedgedNoVerdict);
    rect("accepted", LINE - up, up);
    rect("in-progress", LINE - up - share(Outcome::InProgress) * 0.55, share(Outcome::InProgress) * 0.55);
    rect("reverted", LINE, down);
    rect("wedged", LINE + down, wedged);
    if share(Outcome::Unknown) > 0.0 {
        rect("unknown", LINE - 3.0, 6.0);
    }
    if wedged > 0.0 {
        push(out, format_args!("<path class=\"cuts\" d=\"{}\"/>", cuts(x as f64, LINE + down, wedged)));
    }
}

/// Slanted lines across a bar.
fn cuts(x: f64, y: f64, height: f64) -> String {
    let mut path = String::new();
    let mut at = y + 6.0;
    while at < y + height {
        push(&mut path, format_args!("M{} {}l8 -5", n(x), n(at)));
        at += 6.0;
    }
    path
}

fn keys(all: &Tally) -> Vec<Key> {
    let key = |outcome: &Outcome| {
        let count = all.of(*outcome);
        (count > 0).then(|| Key::new(say::class(*outcome), format!("{count} {}", say::outcome(*outcome))))
    };
    OUTCOMES.iter().filter_map(key).collect()
}

fn table(bars: &[Tally], size: usize, count: usize) -> Table {
    let row = |(index, bar): (usize, &Tally)| {
        let counts = OUTCOMES.iter().map(|outcome| bar.of(*outcome).to_string());
        std::iter::once(numbers(index, size, count)).chain(counts).collect()
    };
    Table {
        caption: "Iterations by outcome, oldest first".into(),
        head: vec!["Iterations", "Accepted", "Reverted", "Wedged", "In progress", "Unknown"],
        rows: bars.iter().enumerate().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_few_and_keep_their_iterations() {
        assert_eq!([1, 120, 121, 240, 241, 10_000].map(bar_size), [1, 1, 2, 2, 5, 100]);
        assert!(1_000_000_usize.div_ceil(bar_size(1_000_000)) <= BARS);
    }

    #[test]
    fn every_outcome_has_a_shape_of_its_own() {
        let shapes = OUTCOMES.map(|outcome| {
            let mut out = String::new();
            draw(&mut out, 0, &tally(&[outcome]), true);
            assert!(out.contains(say::class(outcome)), "{out}");
            // Without the class, and so without colour.
            let shape = out.split_once("x=").unwrap().1.to_owned();
            shape
        });
        assert_eq!(std::collections::BTreeSet::from(shapes).len(), OUTCOMES.len());
    }

    #[test]
    fn nothing_makes_no_strip() {
        assert!(strip(&[], "all iterations").is_none());
    }
}
