//! The run over time: when the loop worked, when it was idle, and where wedges and restarts fell.
//!
//! Invariant: each kind of thing has a row and a shape of its own; marks that would cover each other are one mark with a
//! number; what has no time is counted, and not drawn.

use super::scale::Span;
use super::{Chart, Key, Plot, Table, WIDTH, n, push};
use crate::journey::run::EventKind;
use crate::journey::site::figures::{IDLE, busy, idle};
use crate::journey::site::say;
use crate::journey::site_data::{Event, SiteData};
use crate::observation::{Time, seconds_since};
use crate::words;

/// Marks that find room beside each other along a row.
const PLACES: f64 = 45.0;
/// Height of a row.
const ROW: f64 = 30.0;
/// Gaps that the table names, the longest.
const GAPS: usize = 30;

/// The rows below the first: a name, the symbol, and the kinds of events in it.
const KINDS: [(&str, &str, &[EventKind]); 3] = [
    ("wedges", "m-wedge", &[EventKind::Wedge]),
    ("restarts", "m-restart", &[EventKind::Restart]),
    ("rules", "m-rule", &[EventKind::Lesson, EventKind::Refinement, EventKind::Bypass]),
];

/// The chart over `span`; `None` where nothing has a time.
pub(in crate::journey::site) fn timeline(
    data: &SiteData,
    events: &[(&Event, Option<usize>)],
    span: (Time, Time),
) -> Option<Chart> {
    let busy = busy(&data.iterations, data.as_of);
    let timed: Vec<(EventKind, Time)> = events.iter().filter_map(|(event, _)| Some((event.kind, event.at?))).collect();
    if busy.is_empty() && timed.is_empty() {
        return None;
    }
    let (over, idle) = (Span::new(span.0, span.1), idle(&busy));
    let rows: Vec<_> = KINDS.iter().filter(|(.., kinds)| timed.iter().any(|(kind, _)| kinds.contains(kind))).collect();
    let mut plot = Plot::new("wide", ROW * (rows.len() + 1) as f64);
    band(&mut plot, &over, &busy, &idle);
    for (index, (name, symbol, kinds)) in rows.into_iter().enumerate() {
        let middle = ROW * (index as f64 + 1.5);
        plot.level(middle, name);
        let times = timed.iter().filter(|(kind, _)| kinds.contains(kind)).map(|(_, at)| over.share(*at));
        marks(&mut plot, symbol, middle, times);
    }
    plot.below(&over.ticks());
    let lead = lead(events, &idle);
    Some(Chart {
        id: "timeline",
        title: "Timeline",
        svg: plot.svg("timeline", "Timeline", &lead),
        lead,
        keys: vec![Key::new("busy", "at work"), Key::new("idle", "idle for 30 min or more")],
        table: table(idle),
    })
}

/// The first row: filled while at work, framed while idle.
fn band(plot: &mut Plot, over: &Span, busy: &[(Time, Time)], idle: &[(Time, Time)]) {
    plot.label(ROW / 2.0, "at work");
    let mut path = String::new();
    let mut end = -1.0;
    for (from, to) in busy {
        // What would be narrower than a pixel or two is joined to what stands before it.
        let (from, to) = (over.share(*from) * WIDTH, over.share(*to) * WIDTH);
        if to - end < 2.5 {
            continue;
        }
        let from = if from - end < 2.5 { end } else { from };
        let width = (to - from).max(1.0);
        push(&mut path, format_args!("M{} 6h{}v18h-{}z", n(from), n(width), n(width)));
        end = from + width;
    }
    plot.shape(format_args!("<path class=\"busy\" d=\"{path}\"/>"));
    let mut gaps = String::new();
    for (from, to) in idle {
        let (from, to) = (over.share(*from) * WIDTH, over.share(*to) * WIDTH);
        if to - from >= 2.5 {
            push(&mut gaps, format_args!("M{} 15H{}", n(from + 0.5), n(to - 0.5)));
        }
    }
    plot.shape(format_args!("<path class=\"idle\" d=\"{gaps}\"/>"));
}

/// Marks at their places; those that would cover each other are one, amid them, with their number.
fn marks(plot: &mut Plot, symbol: &str, y: f64, shares: impl Iterator<Item = f64>) {
    let mut shares: Vec<f64> = shares.collect();
    shares.sort_by(f64::total_cmp);
    let mut rest = shares.as_slice();
    while let Some(first) = rest.first() {
        let together = rest.partition_point(|share| share - first < 1.0 / PLACES);
        let share = rest[..together].iter().sum::<f64>() / together as f64;
        plot.mark(symbol, share, y);
        if together > 1 {
            plot.number(share, y, together);
        }
        rest = &rest[together..];
    }
}

fn lead(events: &[(&Event, Option<usize>)], idle: &[(Time, Time)]) -> String {
    let of = |kind: EventKind| events.iter().filter(move |(event, _)| event.kind == kind);
    let gaps = idle.iter().map(|(from, to)| seconds_since(*to, *from));
    let gaps = match idle.len() {
        0 => format!("No idle gap of {} or more", words::length(IDLE)),
        count => format!("{} of {} in all", say::count(count, "idle gap", "idle gaps"), words::length(gaps.sum())),
    };
    let untimed = events.iter().filter(|(event, _)| event.at.is_none()).count();
    let parts = [
        Some(say::count(of(EventKind::Wedge).count(), "wedge", "wedges")),
        Some(say::count(of(EventKind::Restart).count(), "restart", "restarts")),
        Some(gaps),
        (untimed > 0).then(|| format!("{} without a time not drawn", say::count(untimed, "event", "events"))),
    ];
    format!("{}.", words::list(parts))
}

fn table(mut idle: Vec<(Time, Time)>) -> Table {
    let length = |(from, to): &(Time, Time)| seconds_since(*to, *from);
    idle.sort_by(|one, other| length(other).total_cmp(&length(one)));
    idle.truncate(GAPS);
    let row = |gap: &(Time, Time)| vec![say::stamp(gap.0).text, say::stamp(gap.1).text, words::length(length(gap))];
    let mut rows: Vec<Vec<String>> = idle.iter().map(row).collect();
    if rows.is_empty() {
        rows.push(vec!["none".into(), "none".into(), "none".into()]);
    }
    Table { caption: "Idle gaps, the longest first".into(), head: vec!["From (UTC)", "To (UTC)", "Length"], rows }
}
