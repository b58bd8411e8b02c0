//! The outcome for people and programs: a timeline on a terminal, JSON, one page.
//!
//! Invariant: nothing here judges or compares; text from the records is cleaned or escaped before it is shown.

pub mod html;
pub mod json;
pub mod terminal;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::replay::AS_RECORDED;
use super::{Alert, Code, Difference, Outcome, Row, Side};
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
fn totals(outcome: &Outcome) -> BTreeMap<Code, Total> {
    let mut totals: BTreeMap<Code, Total> = BTreeMap::new();
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
    let findings = || outcome.rows.iter().filter(|row| row.code != Code::RESTART);
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
            words::length(counts.hole_seconds)
        ));
    }
    if !outcome.unknown.is_empty() {
        let codes: Vec<String> = outcome.unknown.iter().map(Code::name).collect();
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

/// The worst severities of `cells` equal parts of the whole time, as recorded and as judged; `None` where nobody
/// watched.
fn strip(outcome: &Outcome, cells: usize) -> Vec<Option<(Severity, Severity)>> {
    let mut strip = vec![None; cells];
    let (Some(from), Some(to)) = (outcome.from, outcome.to) else { return strip };
    let length = seconds_since(to, from).max(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within the strip")]
    let place = |time: Time| ((seconds_since(time, from) / length * cells as f64).max(0.0) as usize).min(cells - 1);
    for span in &outcome.spans {
        let Some((recorded, judged)) = span.severities else { continue };
        for cell in &mut strip[place(span.from)..=place(span.to)] {
            let (known_recorded, known_judged) = cell.unwrap_or_default();
            *cell = Some((recorded.max(known_recorded), judged.max(known_judged)));
        }
    }
    strip
}

/// The rows of restarts, or those of everything else.
fn rows(outcome: &Outcome, restarts: bool) -> impl Iterator<Item = &Row> {
    outcome.rows.iter().filter(move |row| (row.code == Code::RESTART) == restarts)
}
