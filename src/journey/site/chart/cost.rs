//! What an accepted change costs in time and in tokens, the failed attempts before it included.
//!
//! Invariant: a change whose cost is not wholly known has no bar, and no share in the mean.

use super::scale::{self, Axis, from_zero, lengths};
use super::{Chart, Key, Plot, ROWS, Table, WIDTH, n};
use crate::journey::site::figures::{Change, Sum};
use crate::journey::site::say;
use crate::words;

/// Bars at most.
const BARS: usize = 60;
const HEIGHT: f64 = 160.0;

/// One of the two costs.
struct Cost {
    id: &'static str,
    title: &'static str,
    what: &'static str,
    of: fn(&Change) -> Option<f64>,
    say: fn(f64) -> String,
    axis: fn(f64) -> Axis,
    /// A round value of the axis in words.
    tick: fn(f64) -> String,
}

/// The time that accepted changes took; `None` where it is known of none.
pub(in crate::journey::site) fn time_cost(changes: &[Change]) -> Option<Chart> {
    let cost = Cost {
        id: "time",
        title: "Time per accepted change",
        what: "working time",
        of: |change| change.seconds,
        say: words::length,
        axis: lengths,
        tick: scale::round_length,
    };
    chart(changes, &cost)
}

/// The tokens that accepted changes took; `None` where they are known of none.
pub(in crate::journey::site) fn token_cost(changes: &[Change]) -> Option<Chart> {
    let cost = Cost {
        id: "tokens",
        title: "Tokens per accepted change",
        what: "tokens, cache reads included",
        of: |change| change.tokens,
        say: say::tokens,
        axis: from_zero,
        tick: |tokens| say::tokens(tokens).replace(".0 ", " "),
    };
    chart(changes, &cost)
}

fn chart(changes: &[Change], cost: &Cost) -> Option<Chart> {
    let all: Sum = changes.iter().map(cost.of).collect();
    let mean = all.mean()?;
    let size = changes.len().div_ceil(BARS);
    let bars: Vec<Sum> = changes.chunks(size).map(|some| some.iter().map(cost.of).collect()).collect();
    let greatest = bars.iter().filter_map(Sum::mean).fold(0.0, f64::max);
    let axis = (cost.axis)(greatest);
    let unknown = match all.unknown {
        0 => String::new(),
        count => format!(" {} left out: not all of its numbers are known.", say::count(count, "change", "changes")),
    };
    let lead = format!("{} on average, failed attempts included.{unknown}", (cost.say)(mean));
    let about =
        format!("Each bar is {} of {}.", if size == 1 { "one change" } else { "the mean of some changes" }, cost.what);
    Some(Chart {
        id: cost.id,
        title: cost.title,
        svg: plot(&bars, &axis, mean, cost).svg(cost.id, cost.title, &format!("{about} {lead}")),
        lead,
        keys: vec![Key::new("bar", if size == 1 { "one change".into() } else { format!("mean of {size} changes") })],
        table: table(&bars, size, cost),
    })
}

fn plot(bars: &[Sum], axis: &Axis, mean: f64, cost: &Cost) -> Plot {
    let y = |value: f64| HEIGHT - value / axis.top * HEIGHT;
    let mut plot = Plot::new("gutter", HEIGHT);
    for tick in &axis.ticks {
        plot.level(y(*tick), &if *tick == 0.0 { "0".into() } else { (cost.tick)(*tick) });
    }
    let slots = bars.len().max(8) as f64;
    let step = WIDTH / slots;
    for (index, bar) in bars.iter().enumerate() {
        let x = (index as f64 + 0.12) * step;
        match bar.mean() {
            Some(value) => plot.shape(format_args!(
                "<rect class=\"bar\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                n(x),
                n(y(value)),
                n(step * 0.76),
                n(HEIGHT - y(value))
            )),
            None => plot.mark("m-gap", (index as f64 + 0.5) / slots, HEIGHT - 8.0),
        }
    }
    plot.shape(format_args!("<path class=\"mean\" d=\"M0 {y}H1000\"/>", y = n(y(mean))));
    plot.word("name", 1.0, y(mean) - 6.0, &format!("mean {}", (cost.say)(mean)));
    plot.word("tick", 0.0, HEIGHT + 19.0, "oldest");
    if bars.len() as f64 >= slots {
        plot.word("tick", 1.0, HEIGHT + 19.0, "newest");
    }
    plot
}

fn table(bars: &[Sum], size: usize, cost: &Cost) -> Table {
    let row = |(index, bar): (usize, &Sum)| {
        let (from, to) = (index * size + 1, index * size + bar.known + bar.unknown);
        let name = if from == to { format!("Change {from}") } else { format!("Changes {from} to {to}") };
        vec![name, bar.mean().map_or_else(|| say::NOT_KNOWN.into(), cost.say)]
    };
    let rows = bars.iter().enumerate().map(row).take(ROWS).collect();
    Table { caption: format!("{}, oldest first", cost.title), head: vec!["Accepted", "Each"], rows }
}
