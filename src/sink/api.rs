//! `/api/v1/state` and `report --json`: the state's JSON with the course of events beside it.
//!
//! Invariant: keys are only ever added; what is unknown is `null`, never 0.

use serde_json::{Value, json};

use super::moment::Moment;
use super::state_json;
use crate::assessment::Assessment;
use crate::history::{Event, History};
use crate::state::State;

/// The object that `docs/api.md` describes. `state`, `assessment` and `history` belong to the same instant on `host`.
pub fn object(state: &State, assessment: &Assessment, history: &History, host: &str) -> Value {
    let mut object = state_json(state, assessment);
    object["host"] = host.into();
    object["since"] = json!(history.severity_since());
    for (check, result) in object["checks"].as_array_mut().into_iter().flatten().zip(&assessment.checks) {
        check["since"] = json!(history.since(result.check));
    }
    object["events"] = history.events().map(event).collect();
    object
}

fn event(event: &Event) -> Value {
    json!({ "at": event.at, "check": event.check, "from": event.from, "to": event.to, "reason": event.reason })
}

/// The object of `moment` and a line feed; indented when `pretty`.
pub fn render(moment: &Moment, pretty: bool) -> Vec<u8> {
    let Moment { state, assessment, history, about } = moment;
    let object = object(state, assessment, history, &about.host);
    let text = if pretty { format!("{object:#}\n") } else { format!("{object}\n") };
    text.into_bytes()
}
