//! Small drawings as inline SVG: sparklines, the strip of severities, the parity bar.
//!
//! Invariant: a drawing says in words (title and description) what it shows, holds no text from outside, and leaves
//! a gap where nothing was observed.

use std::fmt::Write;

use super::words;
use crate::assessment::Severity;
use crate::history::Trend;
use crate::observation::Parity;

const HEIGHT: f64 = 40.0;
/// Room for half of the line's width above and below.
const MARGIN: f64 = 2.0;
/// Cells of the strip of severities.
const CELLS: usize = 60;

/// How a sparkline is drawn and read out.
pub(super) struct Style {
    /// Unique on the page; letters only.
    pub(super) id: &'static str,
    /// What it shows.
    pub(super) title: &'static str,
    /// A number in words.
    pub(super) words: fn(f64) -> String,
    /// Where the drawing begins and ends at least; the values' own range is taken where it reaches further.
    pub(super) range: Range,
}

/// The vertical range of a sparkline.
#[derive(Clone, Copy)]
pub(super) enum Range {
    /// From 0 up to the greatest value.
    FromZero,
    /// From 0 up to at least this value.
    UpTo(f64),
    /// From the least to the greatest value, for counts that move little.
    Tight,
}

/// A drawing with the words beside it.
pub(super) struct Spark {
    /// Inline SVG, safe to show as it is.
    pub(super) svg: String,
    /// What it shows.
    pub(super) title: &'static str,
    /// `last 6 h`.
    pub(super) span: String,
    /// `12 to 240 tok/s`.
    pub(super) extent: String,
}

/// A sparkline of `trend`; `None` where nothing was observed in all its span.
pub(super) fn spark(trend: &Trend<f64>, style: &Style) -> Option<Spark> {
    let known = || trend.values.iter().flatten().copied();
    let (low, high, last) = (known().reduce(f64::min)?, known().reduce(f64::max)?, known().last()?);
    let (bottom, top) = match style.range {
        Range::FromZero => (0.0, high),
        Range::UpTo(least) => (0.0, high.max(least)),
        Range::Tight => (low, high),
    };
    // A value that never moved lies in the middle, or at the bottom where it is 0.
    let (bottom, top) = match (bottom, top) {
        (bottom, top) if top > bottom => (bottom, top),
        (0.0, _) => (0.0, 1.0),
        (bottom, _) => (bottom - 1.0, bottom + 1.0),
    };
    let y = |value: f64| HEIGHT - MARGIN - (value - bottom) / (top - bottom) * (HEIGHT - 2.0 * MARGIN);
    let (line, area) = paths(&trend.values, y);
    let span = span(trend);
    let extent = format!("{} to {}", (style.words)(low), (style.words)(high));
    let (id, title, width) = (style.id, style.title, trend.values.len() - 1);
    let latest = (style.words)(last);
    let svg = format!(
        "<svg class=\"spark\" viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{title}, {span}</title>\
         <desc id=\"{id}-d\">{title}, {span}: from {extent}, most recently {latest}.</desc>\
         <path class=\"area\" d=\"{area}\"/><path class=\"line\" d=\"{line}\"/></svg>"
    );
    Some(Spark { svg, title, span, extent })
}

/// The line, and the area below it, of every unbroken run of values.
fn paths(values: &[Option<f64>], y: impl Fn(f64) -> f64) -> (String, String) {
    let (mut line, mut area) = (String::new(), String::new());
    let mut start = 0;
    for run in values.split(Option::is_none) {
        let ys: Vec<f64> = run.iter().flatten().map(|value| y(*value)).collect();
        if let Some(first) = ys.first() {
            let end = start + ys.len() - 1;
            let mut points = format!("{start} {first:.1}");
            for (offset, y) in ys.iter().enumerate().skip(1) {
                push(&mut points, format_args!("L{} {y:.1}", start + offset));
            }
            // A single value has no length; round line ends make a dot of it.
            let dot = if ys.len() == 1 { "h.01" } else { "" };
            push(&mut line, format_args!("M{points}{dot}"));
            push(&mut area, format_args!("M{start} {HEIGHT}L{points}L{end} {HEIGHT}Z"));
        }
        start += run.len() + 1;
    }
    (line, area)
}

/// A strip of the worst severities. The height of a bar says the same as its colour.
pub(super) fn strip(trend: &Trend<Severity>) -> Option<Spark> {
    let observed = trend.values.iter().flatten().count();
    if observed == 0 {
        return None;
    }
    let mut bars = String::new();
    let per_cell = trend.values.len().div_ceil(CELLS);
    for (index, cell) in trend.values.chunks(per_cell).enumerate() {
        let (class, height) = match cell.iter().flatten().max() {
            None => ("none", 4),
            Some(Severity::Ok) => ("ok", 14),
            Some(Severity::Warn) => ("warn", 24),
            Some(Severity::Crit) => ("crit", 36),
        };
        let (x, y) = (index * 10, 36 - height);
        push(
            &mut bars,
            format_args!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"8\" height=\"{height}\" rx=\"1.5\"/>"),
        );
    }
    let share = |severity| {
        let count = trend.values.iter().flatten().filter(|seen| **seen == severity).count();
        words::percent(Some(count as f64 / observed as f64))
    };
    let span = span(trend);
    let [ok, warn, crit] = [Severity::Ok, Severity::Warn, Severity::Crit].map(share);
    let extent = format!("OK {ok}, WARN {warn}, CRIT {crit}");
    let width = trend.values.len().div_ceil(per_cell) * 10 - 2;
    let svg = format!(
        "<svg class=\"strip\" viewBox=\"0 0 {width} 36\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-labelledby=\"sev-t sev-d\"><title id=\"sev-t\">Severity, {span}</title>\
         <desc id=\"sev-d\">Severity, {span}: {extent} of the time that was observed. Higher bars are worse.</desc>{bars}</svg>"
    );
    Some(Spark { svg, title: "Severity", span, extent })
}

/// A bar of the cells by state, or nothing where there are no cells.
pub(super) fn parity(cells: &Parity) -> Option<String> {
    let parts = [
        ("green", "green", cells.green),
        ("red", "red", cells.red),
        ("manual", "manual", cells.manual),
        ("na", "not applicable", cells.not_applicable),
        ("unknown", "unknown", cells.unknown),
    ];
    let total: u64 = parts.iter().map(|(_, _, count)| count).sum();
    if total == 0 {
        return None;
    }
    let (mut bars, mut words, mut x) = (String::new(), Vec::new(), 0.0);
    for (class, name, count) in parts.into_iter().filter(|(_, _, count)| *count > 0) {
        let width = count as f64 / total as f64 * 1000.0;
        push(&mut bars, format_args!("<rect class=\"{class}\" x=\"{x:.1}\" width=\"{width:.1}\" height=\"10\"/>"));
        words.push(format!("{count} {name}"));
        x += width;
    }
    Some(format!(
        "<svg class=\"parity\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-labelledby=\"par-t\"><title id=\"par-t\">Parity cells: {}</title>{bars}</svg>",
        words.join(", ")
    ))
}

fn span<T>(trend: &Trend<T>) -> String {
    match trend.seconds() {
        seconds if seconds < 3600.0 => format!("last {:.0}\u{a0}min", seconds / 60.0),
        seconds => format!("last {:.0}\u{a0}h", seconds / 3600.0),
    }
}

fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    out.write_fmt(arguments).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style =
        Style { id: "x", title: "Tokens", words: |value| format!("{value:.0}"), range: Range::FromZero };

    fn trend(values: &[Option<f64>]) -> Trend<f64> {
        Trend { step: 60, values: values.to_vec() }
    }

    #[test]
    fn nothing_observed_draws_nothing() {
        assert!(spark(&trend(&[None, None]), &STYLE).is_none());
        assert!(strip(&Trend { step: 5, values: vec![None; 180] }).is_none());
    }

    #[test]
    fn gaps_break_the_line_and_single_values_are_dots() {
        let spark = spark(&trend(&[Some(0.0), Some(10.0), None, Some(5.0), None]), &STYLE).unwrap();
        assert!(spark.svg.contains("d=\"M0 38.0L1 2.0M3 20.0h.01\""), "{}", spark.svg);
        assert!(spark.svg.contains("d=\"M0 40L0 38.0L1 2.0L1 40ZM3 40L3 20.0L3 40Z\""), "{}", spark.svg);
        assert!(spark.svg.contains("from 0 to 10, most recently 5."), "{}", spark.svg);
        assert_eq!((spark.span.as_str(), spark.extent.as_str()), ("last 5\u{a0}min", "0 to 10"));
    }

    #[test]
    fn values_that_never_move_stay_within_the_drawing() {
        for (range, value) in
            [(Range::FromZero, 0.0), (Range::Tight, 7.0), (Range::Tight, 0.0), (Range::UpTo(1.0), 0.5)]
        {
            let spark = spark(&trend(&[Some(value), Some(value)]), &Style { range, ..STYLE }).unwrap();
            let ys = spark.svg.split("class=\"line\" d=\"M0 ").nth(1).unwrap();
            let y: f64 = ys.split('L').next().unwrap().parse().unwrap();
            assert!((MARGIN..=HEIGHT - MARGIN).contains(&y), "{y}");
        }
    }

    #[test]
    fn the_strip_shows_the_worst_of_each_cell_by_height_too() {
        let mut values = vec![Some(Severity::Ok); 180];
        values[1] = Some(Severity::Crit);
        values[3] = None;
        let strip = strip(&Trend { step: 5, values }).unwrap();
        assert_eq!(strip.svg.matches("<rect").count(), 60);
        assert!(strip.svg.contains("class=\"crit\" x=\"0\" y=\"0\" width=\"8\" height=\"36\""));
        assert!(strip.svg.contains("class=\"ok\" x=\"10\" y=\"22\""));
        assert_eq!(strip.extent, "OK 99\u{a0}%, WARN 0\u{a0}%, CRIT 0.6\u{a0}%");
    }

    #[test]
    fn the_parity_bar_names_what_it_shows() {
        let cells = Parity { green: 3, red: 1, ..Parity::default() };
        let bar = parity(&cells).unwrap();
        assert!(bar.contains("Parity cells: 3 green, 1 red<") && bar.contains("x=\"750.0\" width=\"250.0\""), "{bar}");
        assert!(parity(&Parity { green: 0, red: 0, ..cells }).is_none());
    }
}
