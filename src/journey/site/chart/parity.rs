//! The burn-up of the parity matrix: cells that pass, below the line of what is in scope.
//!
//! Invariant: a reading holds until the next one, so lines are steps; what is out of scope is not in the line above.

use super::scale::{Span, from_zero};
use super::{Chart, Key, Plot, ROWS, Table, WIDTH, n, push, thinned};
use crate::journey::site::say;
use crate::journey::site_data::ParityPoint;
use crate::observation::Time;
use crate::words;

/// Points of a line at most.
const POINTS: usize = 200;
const HEIGHT: f64 = 210.0;

/// Cells that are to pass.
pub(in crate::journey::site) const fn scope(point: &ParityPoint) -> u64 {
    point.green.saturating_add(point.red).saturating_add(point.manual).saturating_add(point.unknown)
}

/// The chart over `span`; `None` where the matrix was never read.
pub(in crate::journey::site) fn parity(points: &[ParityPoint], span: (Time, Time)) -> Option<Chart> {
    let last = points.last()?;
    let over = Span::new(span.0, span.1);
    let few = thinned(points, POINTS);
    let axis = from_zero(few.iter().map(scope).max().unwrap_or(0) as f64);
    let y = |cells: u64| HEIGHT - cells as f64 / axis.top * HEIGHT;
    let mut plot = Plot::new("gutter", HEIGHT);
    for tick in &axis.ticks {
        plot.level(HEIGHT - tick / axis.top * HEIGHT, &words::number(*tick));
    }
    let steps = |of: fn(&ParityPoint) -> u64| steps(few.iter().map(|point| (over.share(point.at), y(of(point)))));
    let (green, in_scope) = (steps(|point| point.green), steps(scope));
    let begin = n(over.share(few[0].at) * WIDTH);
    plot.shape(format_args!("<path class=\"area\" d=\"{green}V{HEIGHT}H{begin}Z\"/>"));
    plot.shape(format_args!("<path class=\"line scope\" d=\"{in_scope}\"/><path class=\"line main\" d=\"{green}\"/>"));
    plot.below(&over.ticks());
    names(&mut plot, (y(scope(last)), scope(last)), (y(last.green), last.green));
    let lead = lead(last);
    let description = format!("{} readings over time. {lead}", points.len());
    Some(Chart {
        id: "parity",
        title: "Parity burn-up",
        svg: plot.svg("parity", "Parity burn-up", &description),
        lead,
        keys: vec![Key::new("main", "green cells"), Key::new("scope", "cells in scope")],
        table: table(points),
    })
}

/// Both lines' names above their ends; where they are too close to each other, the lower one's goes below its own.
fn names(plot: &mut Plot, (scope_y, scope): (f64, u64), (green_y, green): (f64, u64)) {
    let below = green_y - scope_y < 24.0;
    let green_y = if below { (green_y + 20.0).min(HEIGHT - 5.0) } else { green_y - 9.0 };
    plot.word("name scope", 1.0, scope_y - 7.0, &format!("{} in scope", words::whole(scope as f64)));
    plot.word("name main", 1.0, green_y, &format!("{} green", words::whole(green as f64)));
}

fn lead(last: &ParityPoint) -> String {
    let share = (scope(last) > 0).then(|| words::percent(last.green as f64 / scope(last) as f64));
    let share = share.unwrap_or_else(|| "none".into());
    let of = |count: u64, word: &str| (count > 0).then(|| format!("{} {word}", words::whole(count as f64)));
    let rest = [
        of(last.red, "red"),
        of(last.manual, "for a person to look at"),
        of(last.unknown, "of another status"),
        of(last.not_applicable, "out of scope"),
    ];
    let rest = words::list(rest);
    let rest = if rest.is_empty() { String::new() } else { format!("; {rest}") };
    format!("{share} green: {} of {} cells{rest}.", words::whole(last.green as f64), words::whole(scope(last) as f64))
}

/// A line of steps that goes on to the right edge.
fn steps(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in points {
        let x = n(x * WIDTH);
        let y = n(y);
        if path.is_empty() {
            push(&mut path, format_args!("M{x} {y}"));
        } else {
            push(&mut path, format_args!("H{x}V{y}"));
        }
    }
    push(&mut path, format_args!("H{WIDTH}"));
    path
}

fn table(points: &[ParityPoint]) -> Table {
    let row = |point: ParityPoint| {
        let ParityPoint { at, green, red, manual, not_applicable, unknown } = point;
        let counts = [green, red, manual, unknown, not_applicable].map(|count| words::whole(count as f64));
        std::iter::once(say::stamp(at).text).chain(counts).collect()
    };
    Table {
        caption: "Cells of the parity matrix, oldest first".into(),
        head: vec!["Read at (UTC)", "Green", "Red", "Manual", "Other status", "Out of scope"],
        rows: thinned(points, ROWS).into_iter().map(row).collect(),
    }
}
