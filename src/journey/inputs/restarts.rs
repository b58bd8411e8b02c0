//! The watchdog's audit trail as restarts: an intent and its outcome are one.
//!
//! Invariant: every restart that a line tells of is one event, in the order of the file, whoever wrote it and whether or
//! not its other line is there. What the lines mean: [`crate::watchdog::trail`].

use std::collections::BTreeMap;

use serde_json::Value;

use super::events::Refused;
use super::fields::{object, prose};
use super::gathered::EventLine;
use super::state::ids;
use crate::journey::run::{Event, EventKind, Origin};
use crate::observation::RestartOutcome;
use crate::source::json;

/// Restarts so far.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    events: Vec<EventLine>,
    /// Which of them has this id.
    by_id: BTreeMap<String, usize>,
}

impl Restarts {
    /// Takes the next line.
    pub(super) fn take(&mut self, line: &[u8], from: Origin) -> Result<(), Refused> {
        let names = ["ts", "event", "id", "reason", "outcome", "iter", "epoch", "invocation_id"];
        let [ts, event, id, reason, outcome, iter, epoch, invocation] =
            object(line, &names).ok_or(Refused::Malformed)?;
        let at = json::time(&ts).ok_or(Refused::Malformed)?;
        let outcome =
            outcome.as_str().and_then(RestartOutcome::of).filter(|outcome| *outcome != RestartOutcome::Pending);
        let outcome = outcome.map(RestartOutcome::name);
        let (id, word) = (json::text(&id), event.as_str());
        let known = id.as_ref().and_then(|id| self.by_id.get(id)).copied();
        match (word, known) {
            (Some("outcome"), Some(known)) => {
                self.events[known].event.word = outcome.map(str::to_owned).or(self.events[known].event.word.take());
                return Ok(());
            }
            // A reset is no restart, and what a later version writes is none that is known.
            (Some(other), _) if !matches!(other, "intent" | "outcome") => return Ok(()),
            _ => {}
        }
        if let (Some(id), None) = (id, known) {
            self.by_id.insert(id, self.events.len());
        }
        self.events.push(EventLine {
            event: Event {
                kind: EventKind::Restart,
                at: Some(at),
                iter: json::whole(&iter),
                epoch: json::whole(&epoch),
                word: Some(outcome.unwrap_or("unknown").to_owned()),
                text: prose(&reason, 4000),
                from,
            },
            no_verdict: false,
            ids: own_ids(word, &invocation),
        });
        Ok(())
    }

    /// All of them.
    pub(super) fn events(self) -> Vec<EventLine> {
        self.events
    }
}

/// The invocation that was to end belongs to the iteration that hung; the one that an outcome found does not.
fn own_ids(event: Option<&str>, invocation: &Value) -> Vec<String> {
    if event == Some("outcome") { Vec::new() } else { ids(invocation) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restarts(lines: &[&str]) -> Vec<(i64, String, Option<String>, u64)> {
        let mut restarts = Restarts::default();
        for (offset, line) in lines.iter().enumerate() {
            restarts.take(line.as_bytes(), Origin::of(0, offset as u64)).unwrap();
        }
        let told = |line: EventLine| {
            let Event { at, word, text, from, .. } = line.event;
            (at.unwrap().as_second(), word.unwrap(), text, from.offset)
        };
        restarts.events().into_iter().map(told).collect()
    }

    #[test]
    fn an_intent_and_its_outcome_are_one_restart() {
        let lines = [
            r#"{"ts":1,"event":"intent","id":"a","reason":"silent"}"#,
            r#"{"ts":2,"event":"intent","id":"b","reason":"silent"}"#,
            r#"{"ts":3,"event":"outcome","id":"a","outcome":"took","reason":"fresh"}"#,
            r#"{"ts":4,"event":"outcome","id":"b","outcome":"called_off"}"#,
            r#"{"ts":5,"event":"intent","id":"c"}"#,
        ];
        let silent = || Some("silent".to_owned());
        let expected =
            [(1, "took".into(), silent(), 0), (2, "called_off".into(), silent(), 1), (5, "unknown".into(), None, 4)];
        assert_eq!(restarts(&lines), expected);
    }

    #[test]
    fn a_reset_is_no_restart_and_another_programs_line_is_one() {
        let lines = [
            r#"{"ts":1,"event":"reset"}"#,
            r#"{"ts":2,"event":"later"}"#,
            r#"{"ts":3,"iter":4}"#,
            r#"{"ts":6,"event":"outcome","id":"gone","outcome":"did_not_take"}"#,
        ];
        assert_eq!(restarts(&lines), [(3, "unknown".into(), None, 2), (6, "did_not_take".into(), None, 3)]);
        let mut none = Restarts::default();
        assert_eq!(none.take(br#"{"event":"intent"}"#, Origin::of(0, 0)), Err(Refused::Malformed));
    }
}
