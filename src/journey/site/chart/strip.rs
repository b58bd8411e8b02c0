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
    let (mut inner, mut cuts) = (String::new(), String::new());
    for (index, bar) in bars.iter().enumerate() {
        let title = format!("{}: {}", numbers(index, size, outcomes.len()), in_words(bar));
        push(&mut inner, format_args!("<g><title>{title}</title>"));
        draw(&mut inner, &mut cuts, index, (bar, size == 1));
        push(&mut inner, "</g>");
    }
    // A few bars do not fill the width: they would look like a chart of something else.
    let width = (bars.len().max(24) * 10) as f64;
    push(&mut inner, format_args!("<path class=\"cuts\" d=\"{cuts}\"/><path class=\"base\" d=\"M0 {LINE}H{width}\"/>"));
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

/// One bar, 8 wide in a slot of 10; the lines across what is wedged go to `cuts`, because they are the same for all.
fn draw(out: &mut String, cuts: &mut String, index: usize, (bar, single): (&Tally, bool)) {
    let share = |outcome| bar.of(outcome) as f64 / bar.all() as f64 * WHOLE;
    let x = index * 10 + 1;
    let mut block = |class: &str, y: f64, height: f64| {
        if height > 0.0 {
            push(out, format_args!("<path class=\"{class}\" d=\"M{x} {}h8v{}h-8z\"/>", n(y), n(height)));
        }
    };
    // One that is alone stands for itself, and its length says what it is.
    let (up, shorter) = (share(Outcome::Accept), if single { 0.55 } else { 1.0 });
    let (down, open) = (share(Outcome::Revert) * shorter, share(Outcome::InProgress) * shorter);
    let wedged = share(Outcome::WedgedNoVerdict);
    block("accepted", LINE - up, up);
    block("in-progress", LINE - up - open, open);
    block("reverted", LINE, down);
    block("wedged", LINE + down, wedged);
    if share(Outcome::Unknown) > 0.0 {
        block("unknown", LINE - 3.0, 6.0);
    }
    let mut y = LINE + down + 6.0;
    while y < LINE + down + wedged {
        push(cuts, format_args!("M{x} {}l8-5", n(y)));
        y += 6.0;
    }
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
            let (mut out, mut cuts) = (String::new(), String::new());
            draw(&mut out, &mut cuts, 0, (&tally(&[outcome]), true));
            assert!(out.contains(say::class(outcome)), "{out}");
            // Without the class, and so without colour.
            format!("{}{cuts}", out.split_once(" d=").unwrap().1)
        });
        assert_eq!(std::collections::BTreeSet::from(shapes).len(), OUTCOMES.len());
    }

    #[test]
    fn nothing_makes_no_strip() {
        assert!(strip(&[], "all iterations").is_none());
    }
}
