//! `/api/v1/state`: the assessment, the key figures and the course of events as JSON, for scripts.
//!
//! Invariant: fields are only ever added; what is unknown is `null`, never 0.

use serde::Serialize;

use super::figures::{Figures, SourceFigures, sources};
use super::moment::Moment;
use crate::assessment::{CheckResult, Liveness, Severity};
use crate::observation::Time;

#[derive(Serialize)]
struct Document<'a> {
    version: &'static str,
    host: &'a str,
    at: Time,
    severity: Severity,
    since: Option<Time>,
    liveness: &'a Liveness,
    checks: Vec<Check<'a>>,
    readings: Figures,
    sources: Vec<SourceFigures>,
    events: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct Check<'a> {
    #[serde(flatten)]
    result: &'a CheckResult,
    since: Option<Time>,
}

#[derive(Serialize)]
struct Event<'a> {
    at: Time,
    check: &'static str,
    from: Option<Severity>,
    to: Severity,
    reason: &'a str,
}

/// The state as one JSON object and a line feed; indented when `pretty`.
pub fn render(moment: &Moment, pretty: bool) -> Vec<u8> {
    let Moment { state, assessment, history, about } = moment;
    let checks = assessment.checks.iter().map(|result| Check { result, since: history.since(result.check) });
    let events = history.events().map(|event| Event {
        at: event.at,
        check: event.check,
        from: event.from,
        to: event.to,
        reason: &event.reason,
    });
    let figures = Figures::of(state, assessment.at);
    let document = Document {
        version: env!("CARGO_PKG_VERSION"),
        host: &about.host,
        at: assessment.at,
        severity: assessment.severity,
        since: history.severity_since(),
        liveness: &assessment.liveness,
        checks: checks.collect(),
        sources: sources(state, &figures),
        readings: figures,
        events: events.collect(),
    };
    write(&document, pretty)
}

#[expect(clippy::expect_used, reason = "plain structs with text keys; serde_json writes non-finite numbers as null")]
fn write(document: &Document<'_>, pretty: bool) -> Vec<u8> {
    let written = if pretty { serde_json::to_vec_pretty(document) } else { serde_json::to_vec(document) };
    let mut json = written.expect("serializable");
    json.push(b'\n');
    json
}
