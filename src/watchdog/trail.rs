//! The audit trail `liveness-restarts.jsonl`, from which the restart budget is counted.
//!
//! | field | content |
//! | --- | --- |
//! | `ts` | when the line was written |
//! | `event` | `intent` (before the restart is asked for), `outcome` (after it was verified), `reset` (a person looked: what came before is forgotten); other words are passed over |
//! | `id` | the same in a restart's intent and its outcome |
//! | `reason` | why the restart was decided, or what was found of it |
//! | `outcome` | in `outcome`: `took` (a fresh heartbeat came from a new invocation), `did_not_take`, or `called_off` (nothing was asked for in the end) |
//! | `unit`, `invocation_id` | in `intent`: what was to be restarted, and the run that was to end |
//! | `boot_id`, `boottime`, `lived` | when it was by clocks that nobody sets ([`Stamp`]) |
//!
//! A line with a `ts` and without `event` is a restart by another program; its outcome stays unknown unless the line
//! tells it. A line that is no such thing counts as a restart, because it may have been one; only a last line without
//! its line ending does not, because no restart follows an intent that was not written whole.
//!
//! Invariant: an intent is on the disk before the restart is asked for, and what cannot be counted is not counted as
//! nothing.

use serde_json::{Map, Value, json};

use super::clock::{Clock, Stamp};
use super::decide::Spent;
use crate::config::RestartConfig;
use crate::jsonl::{Line, Tail};
use crate::observation::{Restart, RestartOutcome, Time, seconds_since};
use crate::source::json;

/// Lines that are read from the end of the trail. A day's budget of restarts takes some 20.
pub const LINES: usize = 200;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When it was written, by the wall clock.
    pub at: Time,
    /// When it was written, by clocks that nobody sets; `None` in a line of another program.
    pub stamp: Option<Stamp>,
    /// The restart that it belongs to.
    pub id: Option<String>,
    /// Why, or what was found.
    pub reason: Option<String>,
    /// The run of the unit that was to end.
    pub invocation: Option<String>,
    /// What it tells.
    pub event: Event,
}

/// What one line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A restart will be asked for.
    Intent,
    /// What came of it.
    Outcome(RestartOutcome),
    /// A person looked: what came before is forgotten.
    Reset,
    /// A restart by another program.
    Foreign(RestartOutcome),
    /// A line that nobody understands.
    Malformed,
    /// An event of a later version.
    Other,
}

/// The end of the trail.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trail {
    /// Its lines, oldest first. Those that nobody understands have the time of the next one that somebody does.
    pub entries: Vec<Entry>,
    /// Lines that nobody understands, the last ones too.
    pub malformed: u64,
    /// The last line that has its line ending is one of them.
    pub ends_malformed: bool,
    /// There are more lines before these.
    pub cut: bool,
}

/// A restart whose outcome is not known yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Its id.
    pub id: String,
    /// When its intent was written.
    pub stamp: Stamp,
    /// The run that was to end.
    pub invocation: String,
}

impl Trail {
    /// What the end of the file tells.
    pub fn parse(tail: &Tail) -> Self {
        let mut trail = Trail { cut: tail.cut || tail.lines.len() >= LINES, ..Trail::default() };
        let mut unknown = 0;
        for line in &tail.lines {
            match parse_line(line) {
                Some(entry) => {
                    let spoilt =
                        Entry { id: None, reason: None, invocation: None, event: Event::Malformed, ..entry.clone() };
                    trail.entries.extend(std::iter::repeat_n(spoilt, std::mem::take(&mut unknown)));
                    trail.entries.push(entry);
                }
                None => {
                    unknown += 1;
                    trail.malformed += 1;
                }
            }
        }
        trail.ends_malformed = unknown > 0;
        if let Some(entry) = tail.torn.as_ref().and_then(parse_line) {
            trail.entries.push(entry);
        }
        trail
    }

    /// The lines after the last reset.
    fn since_reset(&self) -> &[Entry] {
        let after = self.entries.iter().rposition(|entry| entry.event == Event::Reset).map_or(0, |at| at + 1);
        &self.entries[after..]
    }

    /// The restarts that count, oldest first.
    fn restarts(&self) -> impl Iterator<Item = &Entry> {
        self.since_reset().iter().filter(|entry| match entry.event {
            Event::Intent => self.outcome_of(entry).is_none_or(|outcome| outcome != RestartOutcome::CalledOff),
            Event::Foreign(_) | Event::Malformed => true,
            Event::Outcome(_) | Event::Reset | Event::Other => false,
        })
    }

    fn outcome_of(&self, intent: &Entry) -> Option<RestartOutcome> {
        self.entries.iter().rev().find_map(|entry| match entry.event {
            Event::Outcome(outcome) if entry.id.is_some() && entry.id == intent.id => Some(outcome),
            _ => None,
        })
    }

    /// The restarts made so far.
    ///
    /// # Errors
    /// Where they cannot be counted; says what and the mend.
    pub fn spent(&self, clock: &Clock, rules: &RestartConfig) -> Result<Spent, String> {
        if self.ends_malformed {
            return Err("its last line is none of the watchdog's; see it with `tail -n 3`".into());
        }
        let age = |entry: &Entry| match &entry.stamp {
            Some(stamp) => clock.since(stamp),
            None => seconds_since(clock.wall, entry.at).max(0.0),
        };
        let windows = rules.latch_window.0.max(rules.budget_window.0);
        // Nobody asks for what came before a reset.
        let all = self.since_reset().len() < self.entries.len();
        if self.cut && !all && self.entries.first().is_some_and(|first| age(first) < windows) {
            return Err(format!(
                "it has more than {LINES} lines of the last day; only the watchdog should write to it"
            ));
        }
        let ages: Vec<f64> = self.restarts().map(age).collect();
        let latch = usize::try_from(rules.latch).unwrap_or(usize::MAX).max(1);
        Ok(Spent {
            in_window: ages.iter().filter(|age| **age < rules.budget_window.0).count() as u64,
            latched: ages.windows(latch).any(|some| some[0] - some[latch - 1] <= rules.latch_window.0),
            last: ages.into_iter().reduce(f64::min),
        })
    }

    /// The latest restart, when its outcome is not known yet.
    pub fn pending(&self) -> Option<Pending> {
        let intent = self.since_reset().iter().rfind(|entry| entry.event == Event::Intent)?;
        if self.outcome_of(intent).is_some() {
            return None;
        }
        Some(Pending {
            id: intent.id.clone()?,
            stamp: intent.stamp.clone()?,
            invocation: intent.invocation.clone().unwrap_or_default(),
        })
    }

    /// The latest stamp, from which a lost memory takes up its count of the time lived.
    pub fn latest_stamp(&self) -> Option<&Stamp> {
        self.entries.iter().rev().find_map(|entry| entry.stamp.as_ref())
    }

    /// The latest restart that was asked for, since the last reset.
    pub fn last_restart(&self) -> Option<Restart> {
        let mut last: Option<(&Entry, RestartOutcome)> = None;
        for entry in self.since_reset() {
            match (entry.event, &mut last) {
                (Event::Intent, last) => match self.outcome_of(entry).unwrap_or(RestartOutcome::Pending) {
                    RestartOutcome::CalledOff => {}
                    outcome => *last = Some((entry, outcome)),
                },
                (Event::Foreign(outcome), last) => *last = Some((entry, outcome)),
                (Event::Outcome(outcome), Some((intent, known))) if entry.id.is_none() && intent.id.is_none() => {
                    *known = outcome
                }
                // Its intent lies before the lines that were read.
                (Event::Outcome(outcome), last @ None) if outcome != RestartOutcome::CalledOff => {
                    *last = Some((entry, outcome));
                }
                _ => {}
            }
        }
        last.map(|(entry, outcome)| Restart { at: entry.at, outcome, reason: entry.reason.clone() })
    }
}

fn parse_line(line: &Line) -> Option<Entry> {
    let Line::Text(bytes) = line else { return None };
    let line: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
    let text = |name| line.get(name).and_then(json::text);
    let number = |name| line.get(name).and_then(json::number);
    let outcome = line.get("outcome").and_then(Value::as_str).and_then(RestartOutcome::of);
    let event = match line.get("event").map(|event| event.as_str()) {
        None => Event::Foreign(outcome.unwrap_or(RestartOutcome::Pending)),
        Some(Some("intent")) => Event::Intent,
        Some(Some("outcome")) => outcome.map_or(Event::Other, Event::Outcome),
        Some(Some("reset")) => Event::Reset,
        Some(_) => Event::Other,
    };
    let stamp = text("boot_id").zip(number("boottime")).map(|(boot_id, boottime)| {
        // A forged or broken number must not make a restart older than it is.
        let boottime = boottime.max(0.0);
        Stamp { boot_id, boottime, lived: number("lived").unwrap_or(boottime).max(boottime) }
    });
    let at = json::time(line.get("ts")?)?;
    Some(Entry { at, stamp, id: text("id"), reason: text("reason"), invocation: text("invocation_id"), event })
}

/// The line of an intent.
pub fn intent(clock: &Clock, id: &str, reason: &str, unit: &str, invocation: &str) -> String {
    let fields = json!({ "event": "intent", "id": id, "reason": reason, "unit": unit, "invocation_id": invocation });
    line(clock, fields)
}

/// The line of an outcome; `invocation` is the run that was found.
pub fn outcome(clock: &Clock, id: &str, outcome: RestartOutcome, reason: &str, invocation: Option<&str>) -> String {
    let fields = json!({
        "event": "outcome", "id": id, "outcome": outcome.name(), "reason": reason, "invocation_id": invocation,
    });
    line(clock, fields)
}

/// The line of a reset.
pub fn reset(clock: &Clock) -> String {
    line(clock, json!({ "event": "reset" }))
}

fn line(clock: &Clock, fields: Value) -> String {
    let mut line = json!({
        "ts": clock.wall, "boot_id": clock.boot_id, "boottime": clock.boottime, "lived": clock.lived,
    });
    if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), fields) {
        line.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
    }
    line.to_string()
}

#[cfg(test)]
mod tests;
