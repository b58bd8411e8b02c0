//! The watchdog's state file ([`crate::watchdog::saved`]) and the end of its audit trail ([`crate::watchdog::trail`]).
//!
//! Invariant: one file that cannot be read does not hide the other, nor what was read from it before; a field of the
//! state file that is absent or odd costs that field alone.

use serde_json::{Map, Value};

use super::file::Cached;
use super::lines::Lines;
use super::{Source, json};
use crate::config::Config;
use crate::jsonl::Tail;
use crate::observation::{
    Data, DecisionCount, Reading, Restart, RestartOutcome, Time, WatchdogFinding, WatchdogReading,
};
use crate::watchdog::saved::MAX;
use crate::watchdog::trail::{LINES, Trail};

/// Characters of a sentence of the watchdog's that are kept: it may quote another program's message.
const SENTENCE: usize = 500;

/// Reads the watchdog's files.
#[derive(Debug)]
pub struct WatchdogSource {
    state: Cached<WatchdogReading>,
    trail: Lines<Restarts>,
    known_state: Option<WatchdogReading>,
    known_trail: Option<Restarts>,
}

/// What the end of the audit trail says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Restarts {
    last: Option<Restart>,
    malformed_lines: u64,
}

impl WatchdogSource {
    /// The source that `config` describes.
    pub fn new(config: &Config) -> Self {
        let path = |path| config.in_runtime_dir(path);
        WatchdogSource {
            state: Cached::new("watchdog state", path(&config.watchdog.state), MAX),
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
        Reading::Observed(Data::Watchdog(WatchdogReading { last_restart: trail.last, problems, ..state }))
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

/// What the state file says; the trail's part is left empty.
///
/// # Errors
/// When it is not a JSON object.
pub fn parse_state(bytes: &[u8]) -> Result<WatchdogReading, String> {
    let state: Map<String, Value> = serde_json::from_slice(bytes)
        .map_err(|error| format!("not a JSON object ({error}); the watchdog writes it anew at its next evaluation"))?;
    let field = |name| state.get(name);
    let word = |name| field(name).and_then(json::text);
    let list = |name| field(name).and_then(Value::as_array);
    Ok(WatchdogReading {
        last_evaluation_at: field("last_evaluation_ts").and_then(json::time),
        budget_remaining: field("budget_remaining").and_then(json::whole),
        decision: word("decision"),
        reason: word("reason"),
        severity: word("severity"),
        row_severity: word("row_severity"),
        once: field("once") == Some(&Value::Bool(true)),
        text: field("text").and_then(sentence),
        hint: field("hint").and_then(sentence),
        findings: list("findings").map(|list| list.iter().filter_map(finding).collect()).unwrap_or_default(),
        decisions: list("decisions").map(|list| list.iter().filter_map(decision).collect()),
        restarts: field("restarts").map(restarts).unwrap_or_default(),
        ..WatchdogReading::default()
    })
}

fn sentence(value: &Value) -> Option<String> {
    json::text_up_to(value, SENTENCE)
}

/// A finding without a code, a severity or a reason is none.
fn finding(value: &Value) -> Option<WatchdogFinding> {
    Some(WatchdogFinding {
        severity: json::text(value.get("severity")?)?,
        code: json::text(value.get("code")?)?,
        reason: sentence(value.get("reason")?)?,
        hint: value.get("hint").and_then(sentence).unwrap_or_default(),
    })
}

fn decision(value: &Value) -> Option<DecisionCount> {
    let word = |name| value.get(name).and_then(json::text);
    let count = value.get("count").and_then(json::whole)?;
    Some(DecisionCount { decision: word("decision")?, reason: word("reason")?, count })
}

/// A restart is counted once something came of it.
fn restarts(value: &Value) -> Vec<(RestartOutcome, u64)> {
    let count = |outcome: RestartOutcome| Some((outcome, json::whole(value.get(outcome.name())?)?));
    RestartOutcome::ALL.into_iter().filter(|outcome| *outcome != RestartOutcome::Pending).filter_map(count).collect()
}

/// The latest restart that the trail tells of, and the lines that tell nothing.
pub fn parse_trail(tail: &Tail) -> Restarts {
    let trail = Trail::parse(tail);
    Restarts { last: trail.last_restart(), malformed_lines: trail.malformed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonl::Line;
    use crate::watchdog::saved::Saved;

    fn trail(lines: &[&str]) -> Restarts {
        let lines = lines.iter().map(|line| Line::Text(line.as_bytes().to_vec())).collect();
        parse_trail(&Tail { lines, ..Tail::default() })
    }

    fn last(lines: &[&str]) -> Option<(i64, RestartOutcome)> {
        trail(lines).last.map(|restart| (restart.at.as_second(), restart.outcome))
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
        assert_eq!(trail(&[INTENT, FAILED]).last.unwrap().reason.as_deref(), Some("heartbeat 901 s old"));
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
        assert_eq!((spoilt.malformed_lines, spoilt.last.map(|r| r.at.as_second())), (4, Some(100)));
    }

    #[test]
    fn the_state_may_lack_anything() {
        let full = br#"{"version": 1, "last_evaluation_ts": 100.5, "decision": "hold", "reason": "dependency",
            "severity": "CRIT", "text": "vllm is stalled", "hint": "", "budget_remaining": 3, "memory": {"at": 7},
            "findings": [{"severity": "CRIT", "code": "left_over", "reason": "pid 7", "hint": "kill"}, {"code": "x"}, 5],
            "decisions": [{"decision": "ok", "reason": "fresh", "count": 9}, {"decision": "ok", "count": 1}],
            "restarts": {"took": 2, "did_not_take": -1, "pending": "3", "other": 4}}"#;
        let state = parse_state(full).unwrap();
        assert_eq!((state.budget_remaining, state.decision.as_deref()), (Some(3), Some("hold")));
        assert_eq!(state.last_evaluation_at.unwrap().as_millisecond(), 100_500);
        assert_eq!((state.reason.as_deref(), state.severity.as_deref()), (Some("dependency"), Some("CRIT")));
        assert_eq!((state.text.as_deref(), state.hint), (Some("vllm is stalled"), None));
        let [WatchdogFinding { code, hint, .. }] = &state.findings[..] else { panic!("{:?}", state.findings) };
        assert_eq!((code.as_str(), hint.as_str()), ("left_over", "kill"));
        let fresh = DecisionCount { decision: "ok".into(), reason: "fresh".into(), count: 9 };
        assert_eq!(state.decisions, Some(vec![fresh]));
        assert_eq!(state.restarts, [(RestartOutcome::Took, 2)]);
        assert_eq!(parse_state(b"{}").unwrap(), WatchdogReading::default());
        let odd = br#"{"last_evaluation_ts": {}, "budget_remaining": -1, "decision": [], "reason": {}, "text": null,
            "findings": {}, "decisions": 7, "restarts": []}"#;
        assert_eq!(parse_state(odd).unwrap(), WatchdogReading::default());
        for cut in 0..full.len() {
            assert!(parse_state(&full[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn what_the_watchdog_writes_is_understood() {
        let mut saved =
            Saved { decision: "hold".into(), reason: "bus".into(), severity: "WARN".into(), ..Saved::default() };
        saved.restarts.count(RestartOutcome::CalledOff);
        let read = parse_state(&serde_json::to_vec(&saved).unwrap()).unwrap();
        assert_eq!((read.decision.as_deref(), read.reason.as_deref()), (Some("hold"), Some("bus")));
        assert_eq!((read.severity.as_deref(), read.text, read.findings), (Some("WARN"), None, vec![]));
        assert_eq!(read.decisions, Some(vec![]));
        let told = [RestartOutcome::Took, RestartOutcome::DidNotTake, RestartOutcome::CalledOff];
        assert_eq!(read.restarts, [(told[0], 0), (told[1], 0), (told[2], 1)]);
    }
}
