//! The outcome for people and programs: a timeline on a terminal, JSON, one page.
//!
//! Invariant: nothing here judges or compares; text from the records is cleaned or escaped before it is shown.

pub mod html;
pub mod json;
pub mod terminal;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::replay::AS_RECORDED;
use super::{Alert, Difference, FindingCode, Outcome, Row, Side};
use crate::assessment::Severity;
use crate::observation::{Time, seconds_since};
use crate::words;

/// What the outcome is shown with.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where the limits come from, such as `the limits of new.yaml`.
    pub limits: String,
    /// The zone in which people read times.
    pub zone: TimeZone,
}

impl Context {
    /// `2026-11-22 13:00`.
    fn time(&self, time: Time) -> String {
        time.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }
}

/// One code on both sides.
#[derive(Debug, Clone, Default, PartialEq)]
struct Total {
    episodes: [usize; 2],
    seconds: [f64; 2],
    crit_seconds: [f64; 2],
    alerts: [usize; 2],
    differs: bool,
}

/// The totals of every code that was found on either side; those of the restart among them.
fn totals(outcome: &Outcome) -> BTreeMap<FindingCode, Total> {
    let mut totals: BTreeMap<FindingCode, Total> = BTreeMap::new();
    for (side, track) in [&outcome.recorded, &outcome.judged].into_iter().enumerate() {
        for episode in &track.episodes {
            let total = totals.entry(episode.code).or_default();
            total.episodes[side] += 1;
            total.seconds[side] += episode.seconds;
            total.crit_seconds[side] += episode.crit_seconds;
        }
    }
    for (side, alerts) in [&outcome.alerts_recorded, &outcome.alerts_judged].into_iter().enumerate() {
        for Alert { code, .. } in alerts {
            totals.entry(*code).or_default().alerts[side] += 1;
        }
    }
    for row in outcome.rows.iter().filter(|row| row.difference != Difference::Same) {
        totals.entry(row.code).or_default().differs = true;
    }
    totals
}

/// How many rows differ in each way.
fn differences(outcome: &Outcome) -> Vec<(Difference, usize)> {
    let findings = || outcome.rows.iter().filter(|row| row.code != FindingCode::RESTART);
    let count = |difference| findings().filter(|row| row.difference == difference).count();
    Difference::ALL.into_iter().map(|difference| (difference, count(difference))).collect()
}

/// `CRIT 22 min`, with what of it was critical where that is not all: `CRIT 22 min of 40 min`.
fn lasted(side: &Side) -> String {
    let whole = words::length(side.seconds);
    let how = match side.severity {
        Severity::Crit if side.seconds - side.crit_seconds > 1.0 => {
            format!("CRIT {} of {whole}", words::length(side.crit_seconds))
        }
        severity => format!("{severity} {whole}"),
    };
    let times = if side.episodes > 1 { format!(" in {} parts", side.episodes) } else { String::new() };
    let open = if side.open { ", still so at the end" } else { "" };
    format!("{how}{times}{open}")
}

/// `3 min earlier, for `: when a restart would have been called for, beside when it was.
fn moved(row: &Row) -> String {
    let sides = row.recorded.as_ref().zip(row.judged.as_ref());
    match sides.map(|(then, now)| seconds_since(then.from, now.from)) {
        Some(earlier) if earlier >= 1.0 => format!("{} earlier, for ", words::length(earlier)),
        Some(earlier) if earlier <= -1.0 => format!("{} later, for ", words::length(-earlier)),
        _ => String::new(),
    }
}

/// What a person must know to trust the result, one sentence each.
fn notes(outcome: &Outcome) -> Vec<String> {
    let counts = &outcome.counts;
    let mut notes: Vec<String> = outcome.failures.iter().map(|failure| format!("not read: {failure}")).collect();
    let mut tell = |count: u64, what: &str| {
        if count > 0 {
            notes.push(format!("{} {what}", words::whole(count as f64)));
        }
    };
    tell(counts.spoilt, "lines are no records (torn, or written by another program) and were left out");
    tell(counts.newer, "records were written by a later version and were left out; judge them with that one");
    tell(counts.foreign, "findings are of a kind that this version does not know and were left out");
    tell(counts.steps_back, "times the clock went back; no time passes there");
    if counts.holes > 0 {
        notes.push(format!(
            "{} times nobody watched, {} in all: that time is on neither side",
            counts.holes,
            words::length(counts.hole_time.as_secs_f64())
        ));
    }
    if !outcome.unknown.is_empty() {
        let codes: Vec<String> = outcome.unknown.iter().map(FindingCode::name).collect();
        notes.push(format!(
            "not judged again in some records, which do not hold what these rest on, and taken as recorded: {}",
            codes.join(", ")
        ));
    }
    notes.push(format!(
        "never judged again, because no limit decides them, and taken as recorded: {}",
        AS_RECORDED.map(|(check, code)| format!("{check}.{code}")).join(", ")
    ));
    if !outcome.restarts.is_empty() {
        notes.push(
            "what the watchdog did then stands in the history: a silence that a restart ended cannot show how long it \
             would have lasted"
                .into(),
        );
    }
    notes
}

/// The worst of one part of the time, and whether that was for more than a tenth of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    worst: Severity,
    much: bool,
}

/// Time by severity in equal parts of the whole, as recorded and as judged.
struct Parts {
    from: Time,
    /// Of one part, seconds.
    length: f64,
    seconds: Vec<[[f64; 3]; 2]>,
    watched: Vec<f64>,
}

impl Parts {
    /// `count` parts of the time of `outcome`, with nothing found in them.
    fn new(outcome: &Outcome, count: usize) -> Self {
        let from = outcome.from.unwrap_or_default();
        let length = seconds_since(outcome.to.unwrap_or(from), from).max(1.0) / count as f64;
        let mut parts = Parts { from, length, seconds: vec![[[0.0; 3]; 2]; count], watched: vec![0.0; count] };
        for span in outcome.spans.iter().filter(|span| span.severities.is_some()) {
            parts.spread(span.from, span.to).into_iter().for_each(|(part, seconds)| parts.watched[part] += seconds);
        }
        parts
    }

    /// The severities of all checks together.
    fn of_all(outcome: &Outcome, count: usize) -> Self {
        let mut parts = Self::new(outcome, count);
        for span in &outcome.spans {
            if let Some((recorded, judged)) = span.severities {
                parts.add(0, recorded, (span.from, span.to));
                parts.add(1, judged, (span.from, span.to));
            }
        }
        parts
    }

    fn add(&mut self, side: usize, severity: Severity, (from, to): (Time, Time)) {
        for (part, seconds) in self.spread(from, to) {
            self.seconds[part][side][usize::from(severity.level())] += seconds;
        }
    }

    /// The seconds of each part that lie between two times; a moment has a little, so that it is seen.
    fn spread(&self, from: Time, to: Time) -> Vec<(usize, f64)> {
        let (start, end) = (seconds_since(from, self.from).max(0.0), seconds_since(to, self.from).max(0.0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part, and not below 0")]
        let place = |seconds: f64| ((seconds / self.length) as usize).min(self.seconds.len() - 1);
        let part = |part: usize| {
            let begin = part as f64 * self.length;
            (part, (end.min(begin + self.length) - start.max(begin)).max(0.001))
        };
        (place(start)..=place(end)).map(part).collect()
    }

    /// One part of one side; `None` where nobody watched.
    fn part(&self, part: usize, side: usize) -> Option<Part> {
        let watched = self.watched[part];
        if watched <= 0.001 {
            return None;
        }
        let seconds = &self.seconds[part][side];
        let severities = [Severity::Crit, Severity::Warn];
        let worst = severities.into_iter().find(|severity| seconds[usize::from(severity.level())] > 0.0);
        let much = worst.is_none_or(|worst| seconds[usize::from(worst.level())] > watched / 10.0);
        Some(Part { worst: worst.unwrap_or_default(), much })
    }
}

/// What comes and goes within this time is one line, seconds.
const TOGETHER: f64 = 6.0 * 3600.0;

/// The rows of restarts, or those of everything else.
fn rows(outcome: &Outcome, restarts: bool) -> impl Iterator<Item = &Row> {
    outcome.rows.iter().filter(move |row| (row.code == FindingCode::RESTART) == restarts)
}
