//! The watchdog's state file and the end of its audit trail. Both formats are this project's own.
//!
//! `watchdog-state.json`, one object, rewritten by atomic rename after every evaluation:
//!
//! | field | content |
//! | --- | --- |
//! | `version` | 1 |
//! | `last_evaluation_ts` | when the last evaluation was finished (RFC 3339 or Unix seconds) |
//! | `decision`, `reason` | what it decided, in a word (`ok`, `warn`, `hold`, `wait`, `restart`, `give_up`), and why |
//! | `budget_remaining` | restarts it may still make before it gives up; 0 also while it is latched |
//! | `decisions` | list of `{decision, reason, count}` since its start, for its metrics; not read here |
//! | `restarts` | `{took, did_not_take}` since its start, for its metrics; not read here |
//!
//! `liveness-restarts.jsonl`, one object a line:
//!
//! | field | content |
//! | --- | --- |
//! | `ts` | when the line was written |
//! | `event` | `intent` (before the restart is asked for), `outcome` (after it was verified), `reset` (a person looked: what came before is forgotten); other words are passed over |
//! | `id` | the same in a restart's intent and its outcome |
//! | `reason` | why, in `intent` |
//! | `outcome` | `took` (a fresh heartbeat came from a new invocation) or `did_not_take`, in `outcome` |
//!
//! A line with a `ts` and without `event` is a restart by another program; its outcome stays unknown unless the line
//! tells it. Invariant: one file that cannot be read does not hide the other, nor what was read from it before.

use serde_json::{Map, Value};

use super::file::Cached;
use super::lines::{Lines, object};
use super::{Source, json};
use crate::config::Config;
use crate::jsonl::Tail;
use crate::observation::{Data, Reading, Restart, RestartOutcome, Time, WatchdogReading};

/// Lines of the audit trail that are looked through: some ten restarts, more than the budget of a day.
const LINES: usize = 50;
/// The state file is some hundred bytes.
const MAX_STATE: u64 = 64 << 10;

/// Reads the watchdog's files.
#[derive(Debug)]
pub struct WatchdogSource {
    state: Cached<WatchdogState>,
    trail: Lines<Trail>,
    known_state: Option<WatchdogState>,
    known_trail: Option<Trail>,
}

/// What the state file says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WatchdogState {
    last_evaluation_at: Option<Time>,
    budget_remaining: Option<u64>,
    decision: Option<String>,
    reason: Option<String>,
}

/// What the end of the audit trail says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trail {
    last_restart: Option<Restart>,
    malformed_lines: u64,
}

impl WatchdogSource {
    /// The source that `config` describes.
    pub fn new(config: &Config) -> Self {
        let path = |path| config.in_runtime_dir(path);
        WatchdogSource {
            state: Cached::new("watchdog state", path(&config.watchdog.state), MAX_STATE),
            trail: Lines::new("restarts", path(&config.watchdog.restarts), LINES),
            known_state: None,
            known_trail: None,
        }
    }
}

impl Source for WatchdogSource {
    fn read(&mut self, _now: Time) -> Reading<Data> {
        let state = self.state.read(|bytes, _| parse_state(bytes));
        let trail = self.trail.read(parse_trail);
        match (&state, &trail) {
            (Reading::Missing(one), Reading::Missing(other)) => return Reading::Missing(format!("{one}, {other}")),
            (Reading::Failed(failure), Reading::Missing(_) | Reading::Failed(_))
            | (Reading::Missing(_), Reading::Failed(failure)) => return Reading::Failed(failure.clone()),
            _ => {}
        }
        let mut problems = Vec::new();
        let state = known(state, &mut self.known_state, &mut problems).unwrap_or_default();
        let trail = known(trail, &mut self.known_trail, &mut problems).unwrap_or_default();
        if trail.malformed_lines > 0 {
            let path = self.trail.path().display();
            problems.push(format!("{} of the last lines of {path} are not restarts", trail.malformed_lines));
        }
        Reading::Observed(Data::Watchdog(WatchdogReading {
            last_evaluation_at: state.last_evaluation_at,
            budget_remaining: state.budget_remaining,
            decision: state.decision,
            decision_reason: state.reason,
            last_restart: trail.last_restart,
            problems,
        }))
    }
}

/// The value read, or else the one known from before; `problems` takes why there is no new one.
fn known<T: Clone>(reading: Reading<T>, known: &mut Option<T>, problems: &mut Vec<String>) -> Option<T> {
    match reading {
        Reading::Observed(value) => *known = Some(value),
        Reading::Missing(what) if known.is_some() => problems.push(format!("{what}; it was there before")),
        Reading::Missing(_) => {}
        Reading::Failed(failure) => problems.push(failure.message),
    }
    known.clone()
}

/// What the state file says.
///
/// # Errors
/// When it is not a JSON object.
pub fn parse_state(bytes: &[u8]) -> Result<WatchdogState, String> {
    let state: Map<String, Value> = serde_json::from_slice(bytes)
        .map_err(|error| format!("not a JSON object ({error}); the watchdog writes it anew at its next evaluation"))?;
    let field = |name| state.get(name);
    Ok(WatchdogState {
        last_evaluation_at: field("last_evaluation_ts").and_then(json::time),
        budget_remaining: field("budget_remaining").and_then(json::whole),
        decision: field("decision").and_then(json::text),
        reason: field("reason").and_then(json::text),
    })
}

/// The latest restart that the trail tells of, and the lines that tell nothing.
pub fn parse_trail(tail: &Tail) -> Trail {
    let mut trail = Trail::default();
    let mut id = None;
    for line in tail.parsed(object) {
        let event = line.as_ref().and_then(|line| Some((line, json::time(line.get("ts")?)?)));
        match event {
            Some((line, at)) => take(&mut trail.last_restart, &mut id, line, at),
            None => trail.malformed_lines += 1,
        }
    }
    trail
}

/// Takes in one line, of `at`; `id` is that of the latest restart.
fn take(latest: &mut Option<Restart>, id: &mut Option<String>, line: &Map<String, Value>, at: Time) {
    let text = |name| line.get(name).and_then(json::text);
    let restart = Restart { at, outcome: outcome(line), reason: text("reason") };
    let own = text("id");
    match (text("event").as_deref(), latest) {
        (Some("intent"), latest) => {
            (*latest, *id) = (Some(Restart { outcome: RestartOutcome::Pending, ..restart }), own)
        }
        (None, latest) => (*latest, *id) = (Some(restart), own),
        (Some("reset"), latest) => *latest = None,
        (Some("outcome"), Some(latest)) if own.is_none() || own == *id => latest.outcome = restart.outcome,
        // Its intent lies before the lines that were read.
        (Some("outcome"), latest @ None) => (*latest, *id) = (Some(restart), own),
        // The late outcome of an earlier restart, or an event of a later version.
        (Some(_), _) => {}
    }
}

/// An outcome in a word that is not known is no outcome.
fn outcome(line: &Map<String, Value>) -> RestartOutcome {
    match line.get("outcome").and_then(Value::as_str) {
        Some("took") => RestartOutcome::Took,
        Some("did_not_take") => RestartOutcome::DidNotTake,
        _ => RestartOutcome::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonl::Line;

    fn trail(lines: &[&str]) -> Trail {
        let lines = lines.iter().map(|line| Line::Text(line.as_bytes().to_vec())).collect();
        parse_trail(&Tail { lines, ..Tail::default() })
    }

    fn last(lines: &[&str]) -> Option<(i64, RestartOutcome)> {
        trail(lines).last_restart.map(|restart| (restart.at.as_second(), restart.outcome))
    }

    const INTENT: &str = r#"{"ts": 100, "id": "a", "event": "intent", "reason": "heartbeat 901 s old"}"#;
    const TOOK: &str = r#"{"ts": 150, "id": "a", "event": "outcome", "outcome": "took"}"#;
    const FAILED: &str = r#"{"ts": 400, "id": "a", "event": "outcome", "outcome": "did_not_take"}"#;

    #[test]
    fn an_outcome_belongs_to_its_intent() {
        use RestartOutcome::*;
        assert_eq!(last(&[INTENT]), Some((100, Pending)));
        assert_eq!(last(&[INTENT, TOOK]), Some((100, Took)));
        assert_eq!(last(&[INTENT, FAILED]), Some((100, DidNotTake)));
        assert_eq!(trail(&[INTENT, FAILED]).last_restart.unwrap().reason.as_deref(), Some("heartbeat 901 s old"));
        let second = r#"{"ts": 500, "id": "b", "event": "intent"}"#;
        assert_eq!(last(&[INTENT, FAILED, second]), Some((500, Pending)));
        assert_eq!(last(&[INTENT, second, FAILED]), Some((500, Pending)), "a late outcome of an earlier restart");
        assert_eq!(last(&[FAILED]), Some((400, DidNotTake)), "the intent lies before the lines that were read");
    }

    #[test]
    fn a_reset_forgets_what_came_before() {
        assert_eq!(last(&[INTENT, FAILED, r#"{"ts": 500, "event": "reset"}"#]), None);
    }

    #[test]
    fn foreign_and_unknown_lines_are_tolerated() {
        use RestartOutcome::*;
        assert_eq!(last(&[r#"{"ts": "2026-11-22T12:00:00Z", "unit": "x"}"#]), Some((1_795_348_800, Pending)));
        assert_eq!(last(&[r#"{"ts": 7, "outcome": "did_not_take"}"#]), Some((7, DidNotTake)));
        assert_eq!(last(&[INTENT, r#"{"ts": 101, "event": "diagnosed"}"#]), Some((100, Pending)));
        assert_eq!(last(&[INTENT, r#"{"ts": 101, "event": "outcome", "outcome": "perhaps"}"#]), Some((100, Pending)));
        let spoilt = trail(&["{}", "[]", "nonsense", r#"{"ts": null, "event": "intent"}"#, INTENT]);
        assert_eq!((spoilt.malformed_lines, spoilt.last_restart.map(|r| r.at.as_second())), (4, Some(100)));
    }

    #[test]
    fn the_state_may_lack_anything() {
        let full = br#"{"version": 1, "last_evaluation_ts": 100.5, "decision": "hold", "reason": "vllm is stalled",
            "budget_remaining": 3, "decisions": [], "restarts": {}}"#;
        let state = parse_state(full).unwrap();
        assert_eq!((state.budget_remaining, state.decision.as_deref()), (Some(3), Some("hold")));
        assert_eq!(state.last_evaluation_at.unwrap().as_millisecond(), 100_500);
        assert_eq!(parse_state(b"{}").unwrap(), WatchdogState::default());
        let odd = br#"{"last_evaluation_ts": {}, "budget_remaining": -1, "decision": []}"#;
        assert_eq!(parse_state(odd).unwrap(), WatchdogState::default());
        for cut in 0..full.len() {
            assert!(parse_state(&full[..cut]).is_err(), "{cut}");
        }
    }
}
