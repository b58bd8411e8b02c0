//! The outcome as lines of text, 80 columns wide.
//!
//! Invariant: a severity is always a letter or a word, never a colour alone.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::{Context, Part, Parts, TOGETHER, Total, differences, lasted, moved, notes, rows, totals};
use crate::assessment::Severity;
use crate::backtest::{Difference, FindingCode, Outcome, Row, joined};
use crate::observation::seconds_since;
use crate::words;

/// Columns.
const WIDTH: usize = 80;
/// Rows that are shown unless all are asked for.
const ROWS: usize = 40;

/// How it is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// With colours.
    pub color: bool,
    /// Every row, also those that do not differ.
    pub all: bool,
}

/// The text.
pub fn render(outcome: &Outcome, context: &Context, options: Options) -> String {
    let mut page = Page { text: String::new(), outcome, context, options };
    // Writing to a String cannot fail.
    page.write().unwrap_or_default();
    page.text
}

struct Page<'a> {
    text: String,
    outcome: &'a Outcome,
    context: &'a Context,
    options: Options,
}

impl Page<'_> {
    fn write(&mut self) -> std::fmt::Result {
        self.head()?;
        self.strip()?;
        self.sums()?;
        self.restarts()?;
        self.codes()?;
        self.timeline()?;
        writeln!(self.text)?;
        for note in notes(self.outcome) {
            self.wrapped("note: ", &note)?;
        }
        Ok(())
    }

    fn head(&mut self) -> std::fmt::Result {
        let Outcome { from, to, counts, .. } = self.outcome;
        let (Some(from), Some(to)) = (from, to) else { return writeln!(self.text, "no records") };
        let length = words::length(seconds_since(*to, *from));
        let (from, to) = (self.context.time(*from), self.context.time(*to));
        writeln!(self.text, "{from} to {to} ({length}), {} records", words::whole(counts.records as f64))?;
        writeln!(self.text, "judged by {}", words::clean(&self.context.limits))
    }

    /// The severities over time: a letter for each part, the worst of it.
    fn strip(&mut self) -> std::fmt::Result {
        let count = WIDTH - 10;
        let parts = Parts::of_all(self.outcome, count);
        writeln!(self.text)?;
        for (name, side) in [("recorded", 0), ("now", 1)] {
            let mut line = format!("{name:<9} ");
            for part in (0..count).map(|part| parts.part(part, side)) {
                line += &self.painted(part.map(|part| part.worst), letter(part));
            }
            writeln!(self.text, "{}", line.trim_end())?;
        }
        writeln!(self.text, "          · OK, w WARN, c CRIT (W, C: a tenth of it or more), blank: unwatched")
    }

    fn sums(&mut self) -> std::fmt::Result {
        let Outcome { recorded, judged, .. } = self.outcome;
        writeln!(self.text, "\n{:<24}{:>14}{:>14}", "", "recorded", "now")?;
        for severity in [Severity::Ok, Severity::Warn, Severity::Crit] {
            let of = |track: &crate::backtest::Track| words::length(track.seconds(severity));
            let name = self.painted(Some(severity), severity.name());
            let pad = " ".repeat(24 - severity.name().len());
            writeln!(self.text, "{name}{pad}{:>14}{:>14}", of(recorded), of(judged))?;
        }
        let alerts = [&self.outcome.alerts_recorded, &self.outcome.alerts_judged];
        for (name, severity) in [("alerts, critical", Severity::Crit), ("alerts, warning", Severity::Warn)] {
            let [then, now] = alerts.map(|alerts| alerts.iter().filter(|alert| alert.severity == severity).count());
            writeln!(self.text, "{name:<24}{then:>14}{now:>14}")?;
        }
        let [then, now] =
            [recorded, judged].map(|track| track.episodes.iter().filter(|e| e.code == FindingCode::RESTART).count());
        writeln!(self.text, "{:<24}{then:>14}{now:>14}", "restarts called for")?;
        let made = self.outcome.restarts.len();
        writeln!(self.text, "{:<24}{made:>14}", "restarts made then")
    }

    fn restarts(&mut self) -> std::fmt::Result {
        let restarts: Vec<&Row> = rows(self.outcome, true).collect();
        if restarts.is_empty() {
            return Ok(());
        }
        self.title("Restarts that would have been called for")?;
        self.rows(&restarts.into_iter().cloned().collect::<Vec<_>>())
    }

    fn codes(&mut self) -> std::fmt::Result {
        let totals = totals(self.outcome);
        if totals.keys().all(|code| *code == FindingCode::RESTART) {
            return writeln!(self.text, "\nnothing was found, then or now");
        }
        self.title("Findings")?;
        writeln!(self.text, "{:<29}{:>17}{:>17}   alerts", "", "recorded", "now")?;
        for (code, total) in totals.iter().filter(|(code, _)| **code != FindingCode::RESTART) {
            let Total { episodes, seconds, alerts, differs, .. } = total;
            let of = |side: usize| match episodes[side] {
                0 => "-".to_owned(),
                count => format!("{count} × {}", words::length(seconds[side] / count as f64)),
            };
            let mark = if *differs { "*" } else { " " };
            let alerts = format!("{} -> {}", alerts[0], alerts[1]);
            writeln!(self.text, "{mark} {:<27}{:>17}{:>17}   {alerts}", code.name(), of(0), of(1))?;
        }
        writeln!(self.text, "how often, and how long on average; * differs")
    }

    fn timeline(&mut self) -> std::fmt::Result {
        let counts: Vec<String> = differences(self.outcome)
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(difference, count)| format!("{count} {}", difference.name()))
            .collect();
        if counts.is_empty() {
            return Ok(());
        }
        self.title(&format!("Timeline: {}", counts.join(", ")))?;
        let wanted = |row: &&Row| self.options.all || row.difference != Difference::Same;
        let within = if self.options.all { -1.0 } else { TOGETHER };
        let shown = joined(rows(self.outcome, false).filter(wanted), within);
        if shown.is_empty() {
            return writeln!(self.text, "nothing differs; --all lists what is the same");
        }
        self.rows(&shown)
    }

    /// The last rows, or all where that was asked for.
    fn rows(&mut self, rows: &[Row]) -> std::fmt::Result {
        let hidden = if self.options.all { 0 } else { rows.len().saturating_sub(ROWS) };
        if hidden > 0 {
            writeln!(self.text, "({hidden} earlier ones; --all lists them, --since narrows)")?;
        }
        rows.iter().skip(hidden).try_for_each(|row| self.row(row))
    }

    fn row(&mut self, row: &Row) -> std::fmt::Result {
        let Some((from, shown)) = row.from().zip(row.shown()) else { return Ok(()) };
        let name = if row.code == FindingCode::RESTART { String::new() } else { format!("{}: ", row.code.name()) };
        let side = |side: &Option<crate::backtest::Side>| side.as_ref().map(lasted);
        let told = match (side(&row.judged), side(&row.recorded)) {
            (Some(now), Some(then)) if row.difference == Difference::Same || now == then => now,
            (Some(now), Some(then)) => format!("{now}; then {then}"),
            (Some(now), None) => now,
            (None, then) => format!("then {}", then.unwrap_or_default()),
        };
        let told = if row.code == FindingCode::RESTART { moved(row) + &told.replace("CRIT ", "") } else { told };
        let difference = self.painted(self.tone(row), &format!("{:<7}", row.difference.name()));
        let at = self.context.time(from);
        let line = format!("{name}{told}");
        let mut lines = wrap(&line, WIDTH - 26).into_iter();
        writeln!(self.text, "{at}  {difference} {}", lines.next().unwrap_or_default())?;
        for line in lines {
            writeln!(self.text, "{:26}{line}", "")?;
        }
        if row.difference != Difference::Same && !shown.text.is_empty() {
            for line in wrap(&words::clean(&shown.text), WIDTH - 28) {
                writeln!(self.text, "{:28}{line}", "")?;
            }
        }
        Ok(())
    }

    /// The colour of a row: that of what is worse or better than it was.
    fn tone(&self, row: &Row) -> Option<Severity> {
        match row.difference {
            Difference::New | Difference::Worse | Difference::Longer => row.shown().map(|side| side.severity),
            Difference::Gone | Difference::Milder | Difference::Shorter => Some(Severity::Ok),
            Difference::Same => None,
        }
    }

    fn title(&mut self, title: &str) -> std::fmt::Result {
        let bold = Style::new().bold();
        match self.options.color {
            true => writeln!(self.text, "\n{bold}{title}{bold:#}"),
            false => writeln!(self.text, "\n{title}"),
        }
    }

    fn wrapped(&mut self, first: &str, text: &str) -> std::fmt::Result {
        let lines = wrap(&words::clean(text), WIDTH - first.len());
        for (number, line) in lines.iter().enumerate() {
            let begin = if number == 0 { first } else { "" };
            writeln!(self.text, "{begin:<width$}{line}", width = first.len())?;
        }
        Ok(())
    }

    fn painted(&self, severity: Option<Severity>, text: &str) -> String {
        let color = match severity {
            Some(severity) if self.options.color => match severity {
                Severity::Ok => AnsiColor::Green,
                Severity::Warn => AnsiColor::Yellow,
                Severity::Crit => AnsiColor::Red,
            },
            _ => return text.to_owned(),
        };
        let style = color.on_default();
        format!("{style}{text}{style:#}")
    }
}

fn letter(part: Option<Part>) -> &'static str {
    match part {
        None => " ",
        Some(Part { worst: Severity::Ok, .. }) => "·",
        Some(Part { worst: Severity::Warn, much: false }) => "w",
        Some(Part { worst: Severity::Warn, much: true }) => "W",
        Some(Part { worst: Severity::Crit, much: false }) => "c",
        Some(Part { worst: Severity::Crit, much: true }) => "C",
    }
}

/// `text` in lines of at most `width` characters; a longer word stands alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let used = lines[last].chars().count();
        if used > 0 && used + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if used > 0 {
                lines[last].push(' ');
            }
            lines[last] += word;
        }
    }
    lines
}
