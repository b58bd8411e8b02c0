//! `/api/v1/state` and `report --json`: the state's JSON with the course of events beside it.
//!
//! Invariant: keys are only ever added; what is unknown is `null`, never 0.

use serde_json::{Value, json};

use super::moment::Moment;
use super::state_json;
use crate::alert::active::{Alert, Key};
use crate::alert::name;
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
    // Only a program that goes on running knows for how long something was found.
    object["alerts"] = Value::Null;
    object
}

fn event(event: &Event) -> Value {
    json!({ "at": event.at, "check": event.check, "from": event.from, "to": event.to, "reason": event.reason })
}

fn alert(alert: &Alert) -> Value {
    let Key { check, code, severity } = &alert.key;
    let state = match () {
        () if alert.is_pending() => "pending",
        () if alert.fires() => "firing",
        () => "resolved",
    };
    json!({
        "alertname": name(check, code), "severity": crate::alert::severity(*severity), "check": check, "code": code,
        "state": state, "starts_at": alert.starts_at, "ends_at": alert.ends_at, "reason": alert.reason,
        "hint": alert.hint,
    })
}

/// The object of `moment` and a line feed; indented when `pretty`.
pub fn render(moment: &Moment, pretty: bool) -> Vec<u8> {
    let Moment { state, assessment, history, alerts, about } = moment;
    let mut object = object(state, assessment, history, &about.host);
    object["alerts"] = alerts.all().map(alert).collect();
    let text = if pretty { format!("{object:#}\n") } else { format!("{object}\n") };
    text.into_bytes()
}
