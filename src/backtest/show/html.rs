//! The outcome as one page: no script, nothing to load, the same words for eyes and screen readers.
//!
//! Invariant: the drawing is bounded however long the series, every text from the records is escaped by the template,
//! and whatever a colour says stands in words as well.

use std::fmt::Write;

use askama::Template;

use super::{Context, Part, Parts, TOGETHER, differences, lasted, moved, notes, rows, totals};
use crate::assessment::Severity;
use crate::backtest::{Difference, FindingCode, Outcome, Row, Track, joined};
use crate::check::CHECKS;
use crate::observation::{Time, seconds_since};
use crate::words;

/// Columns of the drawing: what is shorter than one is shown as one.
const COLUMNS: usize = 960;
/// Where the drawing begins, after the names.
const LEFT: usize = 104;
/// Height of one check's row.
const ROW: usize = 30;
/// Rows of the timeline that are written at most.
const ROWS: usize = 2000;

/// The page.
#[expect(clippy::expect_used, reason = "the template holds no expression that can fail; writing to a String cannot")]
pub fn render(outcome: &Outcome, context: &Context) -> String {
    page(outcome, context).render().expect("a page")
}

#[derive(Template)]
#[template(path = "backtest.html")]
struct Page {
    span: String,
    length: String,
    records: String,
    limits: String,
    drawing: String,
    sums: Vec<Sum>,
    counts: String,
    restarts: Vec<Line>,
    findings: Vec<FindingRow>,
    timeline: Vec<Line>,
    hidden: usize,
    same: usize,
    notes: Vec<String>,
    version: &'static str,
}

/// One row of the totals.
struct Sum {
    name: &'static str,
    class: &'static str,
    then: String,
    now: String,
}

/// One code.
struct FindingRow {
    name: String,
    then: String,
    now: String,
    alerts: String,
    differs: bool,
}

/// One row of the timeline.
struct Line {
    at: String,
    iso: String,
    difference: &'static str,
    class: &'static str,
    name: String,
    then: String,
    now: String,
    text: String,
}

fn page(outcome: &Outcome, context: &Context) -> Page {
    let (from, to) = (outcome.from.unwrap_or_default(), outcome.to.unwrap_or_default());
    let differing = rows(outcome, false).filter(|row| row.difference != Difference::Same);
    let differing = joined(differing, TOGETHER);
    let hidden = differing.len().saturating_sub(ROWS);
    let counts = differences(outcome).into_iter().filter(|(_, count)| *count > 0);
    let counts: Vec<String> = counts.map(|(difference, count)| format!("{count} {}", difference.name())).collect();
    Page {
        span: format!("{} to {}", context.time(from), context.time(to)),
        length: words::length(seconds_since(to, from)),
        records: words::whole(outcome.counts.records as f64),
        limits: context.limits.clone(),
        drawing: drawing(outcome, context),
        sums: sums(outcome),
        counts: if counts.is_empty() { "nothing found, then or now".into() } else { counts.join(", ") },
        restarts: rows(outcome, true).map(|row| line(row, context)).collect(),
        findings: findings(outcome),
        timeline: differing.iter().skip(hidden).map(|row| line(row, context)).collect(),
        hidden,
        same: rows(outcome, false).filter(|row| row.difference == Difference::Same).count(),
        notes: notes(outcome),
        version: env!("CARGO_PKG_VERSION"),
    }
}

fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "ok",
        Severity::Warn => "warn",
        Severity::Crit => "crit",
    }
}

fn sums(outcome: &Outcome) -> Vec<Sum> {
    let time = |severity: Severity| {
        let of = |track: &Track| words::length(track.seconds(severity));
        Sum { name: severity.name(), class: class(severity), then: of(&outcome.recorded), now: of(&outcome.judged) }
    };
    let alerts = |name, severity| {
        let of =
            |alerts: &[crate::backtest::Alert]| alerts.iter().filter(|a| a.severity == severity).count().to_string();
        Sum { name, class: "none", then: of(&outcome.alerts_recorded), now: of(&outcome.alerts_judged) }
    };
    let restarts = |track: &Track| track.episodes.iter().filter(|e| e.code == FindingCode::RESTART).count().to_string();
    vec![
        time(Severity::Ok),
        time(Severity::Warn),
        time(Severity::Crit),
        alerts("critical alerts", Severity::Crit),
        alerts("warning alerts", Severity::Warn),
        Sum {
            name: "restarts called for",
            class: "none",
            then: restarts(&outcome.recorded),
            now: restarts(&outcome.judged),
        },
        Sum { name: "restarts made then", class: "none", then: outcome.restarts.len().to_string(), now: String::new() },
    ]
}

fn findings(outcome: &Outcome) -> Vec<FindingRow> {
    let totals = totals(outcome);
    let row = |(code, total): (&FindingCode, &super::Total)| {
        let of = |side: usize| match total.episodes[side] {
            0 => "none".to_owned(),
            count => format!("{count}, {} in all", words::length(total.seconds[side])),
        };
        FindingRow {
            name: code.name(),
            then: of(0),
            now: of(1),
            alerts: format!("{} then, {} now", total.alerts[0], total.alerts[1]),
            differs: total.differs,
        }
    };
    totals.iter().filter(|(code, _)| **code != FindingCode::RESTART).map(row).collect()
}

fn line(row: &Row, context: &Context) -> Line {
    let from = row.from().unwrap_or_default();
    let restart = row.code == FindingCode::RESTART;
    let side = |side: &Option<crate::backtest::Side>| {
        let told = side.as_ref().map_or("none".into(), lasted);
        if restart { told.replace("CRIT ", "") } else { told }
    };
    Line {
        at: context.time(from),
        iso: from.to_string(),
        difference: row.difference.name(),
        class: match row.difference {
            Difference::New | Difference::Worse | Difference::Longer => {
                row.shown().map_or("none", |side| class(side.severity))
            }
            Difference::Gone | Difference::Milder | Difference::Shorter => "ok",
            Difference::Same => "none",
        },
        name: if restart { "restart".into() } else { row.code.name() },
        then: side(&row.recorded),
        now: if restart { moved(row) + &side(&row.judged) } else { side(&row.judged) },
        text: row.shown().map(|side| words::clean(&side.text)).unwrap_or_default(),
    }
}

/// The bands over time: the whole, then each check that found something, each as recorded above what is judged.
fn drawing(outcome: &Outcome, context: &Context) -> String {
    let (Some(from), Some(to)) = (outcome.from, outcome.to) else { return String::new() };
    let found = CHECKS.iter().filter(|check| {
        let episodes = outcome.recorded.episodes.iter().chain(&outcome.judged.episodes);
        episodes.clone().any(|episode| episode.code.names().0 == check.id)
    });
    let mut names = vec!["all checks"];
    names.extend(found.map(|check| check.id));
    if outcome.rows.iter().any(|row| row.code == FindingCode::RESTART) {
        names.push("restarts");
    }
    let mut plot = Plot { from, length: seconds_since(to, from).max(1.0), context, svg: String::new() };
    let height = names.len() * ROW + 24;
    let width = LEFT + COLUMNS;
    let described = names.join(", ");
    plot.push(format_args!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"bands-t bands-d\">\
         <title id=\"bands-t\">Severities over time, as recorded (upper band) and as judged now (lower band)</title>\
         <desc id=\"bands-d\">Rows: {described}. The tables below hold the same in words.</desc>"
    ));
    for (row, name) in names.iter().enumerate() {
        let parts = match *name {
            "all checks" => Parts::of_all(outcome, COLUMNS),
            name => of_check(outcome, if name == "restarts" { "liveness" } else { name }),
        };
        plot.row(name, row * ROW, &parts);
    }
    plot.axis(names.len() * ROW);
    plot.svg += "</svg>";
    plot.svg
}

struct Plot<'a> {
    from: Time,
    length: f64,
    context: &'a Context,
    svg: String,
}

/// The parts of one check.
fn of_check(outcome: &Outcome, check: &str) -> Parts {
    let mut parts = Parts::new(outcome, COLUMNS);
    for (side, track) in [&outcome.recorded, &outcome.judged].into_iter().enumerate() {
        for episode in track.episodes.iter().filter(|episode| episode.code.names().0 == check) {
            parts.add(side, Severity::Warn, (episode.from, episode.to));
            episode.crits.iter().for_each(|crit| parts.add(side, Severity::Crit, *crit));
        }
    }
    parts
}

impl Plot<'_> {
    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        self.svg.write_fmt(text).unwrap_or_default();
    }

    fn time(&self, column: usize) -> String {
        let seconds = self.length * column as f64 / COLUMNS as f64;
        let after = jiff::SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
        self.context.time(self.from.checked_add(after).unwrap_or(self.from))
    }

    fn row(&mut self, name: &str, top: usize, parts: &Parts) {
        self.push(format_args!("<text x=\"0\" y=\"{}\">{name}</text>", top + 19));
        for side in 0..2 {
            let columns: Vec<Option<Part>> = (0..COLUMNS).map(|column| parts.part(column, side)).collect();
            let mut start = 0;
            for run in columns.chunk_by(|a, b| a == b) {
                if let Some(Some(part)) = run.first() {
                    self.run((name, side), (start, start + run.len()), top + 4 + side * 12, *part);
                }
                start += run.len();
            }
        }
    }

    /// Columns that look the same. The height says the same as the colour; what is paler is so for a short time only.
    fn run(&mut self, (name, side): (&str, usize), (start, end): (usize, usize), top: usize, part: Part) {
        let (x, width, class) = (LEFT + start, end - start, class(part.worst));
        let height = 4 + 3 * usize::from(part.worst.level());
        let y = top + 10 - height;
        let some = if part.much { "" } else { " some" };
        self.push(format_args!(
            "<rect class=\"{class}{some}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\""
        ));
        if part.worst == Severity::Ok {
            return self.push(format_args!("/>"));
        }
        let side = if side == 0 { "recorded" } else { "now" };
        let some = if part.much { "" } else { " for less than a tenth of the time" };
        let (worst, from, to) = (part.worst, self.time(start), self.time(end));
        self.push(format_args!("><title>{name}, {side}: {worst}{some}, {from} to {to}</title></rect>"));
    }

    fn axis(&mut self, y: usize) {
        for part in 0..=4 {
            let column = COLUMNS * part / 4;
            let anchor = match part {
                0 => "start",
                4 => "end",
                _ => "middle",
            };
            let (x, time) = (LEFT + column, self.time(column));
            self.push(format_args!(
                "<text class=\"tick\" x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\">{time}</text>",
                y + 18
            ));
        }
    }
}
