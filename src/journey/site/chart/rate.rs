//! The share of accepted iterations: so far, and among the latest.
//!
//! Invariant: only iterations that were decided count; the share of the latest begins when there are enough of them.

use super::{Chart, Key, Plot, ROWS, Table, WIDTH, n, push, thinned};
use crate::journey::site::figures::rates;
use crate::journey::site_data::Iteration;
use crate::words;

/// The latest that the moving share is of.
const WINDOW: usize = 20;
/// Points of a line at most.
const POINTS: usize = 200;
const HEIGHT: f64 = 160.0;

/// The chart; `None` before two iterations were decided.
pub(in crate::journey::site) fn rate(iterations: &[Iteration]) -> Option<Chart> {
    let all = rates(iterations, WINDOW);
    let (_, so_far, moving) = *all.last().filter(|_| all.len() > 1)?;
    let points = thinned(&all, POINTS);
    let x = |index: usize| (index as f64 + 0.5) / iterations.len() as f64;
    let mut plot = Plot::new("gutter", HEIGHT);
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        plot.level(y(share), &format!("{:.0} %", share * 100.0));
    }
    let cumulative = points.iter().map(|(index, so_far, _)| Some((x(*index), *so_far)));
    let latest = points.iter().map(|(index, _, moving)| moving.map(|moving| (x(*index), moving)));
    plot.shape(format_args!("<path class=\"line main\" d=\"{}\"/>", line(cumulative)));
    plot.shape(format_args!("<path class=\"line second\" d=\"{}\"/>", line(latest)));
    plot.below(&ticks(iterations.len()));
    label(&mut plot, so_far, moving);
    let lead = match moving {
        Some(moving) => {
            format!("{} so far, {} of the last {WINDOW} decided.", words::percent(so_far), words::percent(moving))
        }
        None => format!("{} of {} decided so far.", words::percent(so_far), all.len()),
    };
    let description = format!("By iteration, oldest first: {lead}");
    Some(Chart {
        id: "rate",
        title: "Accept rate",
        svg: plot.svg("rate", "Accept rate", &description),
        lead,
        keys: vec![Key::new("main", "so far"), Key::new("second", format!("last {WINDOW} decided"))],
        table: table(&all),
    })
}

fn y(share: f64) -> f64 {
    (1.0 - share) * HEIGHT
}

fn line(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let (mut path, mut command) = (String::new(), 'M');
    for point in points {
        let Some((x, share)) = point else {
            command = 'M';
            continue;
        };
        push(&mut path, format_args!("{command}{} {}", n(x * WIDTH), n(y(share))));
        command = 'L';
    }
    path
}

/// Both lines' names at their ends, the upper above its line and the lower below it.
fn label(plot: &mut Plot, so_far: f64, moving: Option<f64>) {
    let above = |share: f64| (y(share) - 8.0).max(4.0);
    let below = |share: f64| (y(share) + 18.0).min(HEIGHT - 5.0);
    let so_far_above = moving.is_none_or(|moving| so_far >= moving);
    let place = if so_far_above { above(so_far) } else { below(so_far) };
    plot.word("name main", 1.0, place, &format!("so far {}", words::percent(so_far)));
    if let Some(moving) = moving {
        let place = if so_far_above { below(moving) } else { above(moving) };
        plot.word("name second", 1.0, place, &format!("last {WINDOW}: {}", words::percent(moving)));
    }
}

/// The numbers of some iterations, counted from 1, below the plot.
pub(super) fn ticks(count: usize) -> Vec<(f64, String)> {
    let axis = super::scale::from_zero(count as f64);
    let inner = axis.ticks.into_iter().filter(|tick| *tick >= 1.0 && *tick <= count as f64 && tick.fract() == 0.0);
    inner.map(|tick| ((tick - 0.5) / count as f64, words::whole(tick))).collect()
}

fn table(all: &[(usize, f64, Option<f64>)]) -> Table {
    let row = |(index, so_far, moving): (usize, f64, Option<f64>)| {
        let moving = moving.map_or_else(|| "too few yet".to_owned(), words::percent);
        vec![format!("No. {}", index + 1), words::percent(so_far), moving]
    };
    Table {
        caption: "Share of accepted among decided iterations".into(),
        head: vec!["Iteration", "So far", "Last 20"],
        rows: thinned(all, ROWS).into_iter().map(row).collect(),
    }
}
