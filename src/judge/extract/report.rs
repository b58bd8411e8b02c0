//! The report of the Gemini CLI with `--output-format=json`: one JSON object, over several lines.
//!
//! Invariant: only what is all of standard output is a report. What anybody says lies within a string of it, in which a
//! line feed is escaped, so that a line `{` begins the object and nothing else.

use serde::Deserialize;
use serde_json::Value;

use super::Usage;
use super::events::{Stream, Turn};

#[derive(Deserialize)]
struct Report {
    session_id: Option<String>,
    response: Option<String>,
    error: Option<Fault>,
    stats: Option<Stats>,
}

#[derive(Deserialize)]
struct Fault {
    message: Option<String>,
}

#[derive(Deserialize)]
struct Stats {
    models: Option<serde_json::Map<String, Value>>,
    tools: Option<Value>,
}

/// Reads the report of `stdout`; one that could not be made stands at the end of `stderr`. `None` where there is none.
pub(super) fn read(stdout: &str, stderr: &str) -> Option<Stream> {
    if let Some(report) = parse(stdout.trim()) {
        return Some(of_report(report));
    }
    if parse(end(stdout)).is_some() {
        return Some(Stream::Unclear("its report stands among other text, which is not its model's".into()));
    }
    let fault = parse(end(stderr)).filter(|report| report.error.is_some() && stdout.trim().is_empty())?;
    Some(of_report(fault))
}

/// What begins with the last line that is `{` alone.
fn end(text: &str) -> &str {
    let text = text.trim();
    text.rfind("\n{\n").map_or(text, |at| &text[at + 1..])
}

fn parse(text: &str) -> Option<Report> {
    if !text.starts_with('{') {
        return None;
    }
    let report: Report = serde_json::from_str(text).ok()?;
    let is_answer = report.stats.is_some() && (report.response.is_some() || report.error.is_some());
    (is_answer || (report.session_id.is_some() && report.error.is_some())).then_some(report)
}

fn of_report(report: Report) -> Stream {
    if let Some(fault) = report.error {
        return Stream::Present(Turn::failed(words(fault.message.unwrap_or_default())));
    }
    if report.stats.as_ref().is_some_and(was_asked_again) {
        // It adds what the model says then to what it said before, and tells nobody.
        let why = "its model broke off and was asked again, and its answer may hold the beginning of another";
        return Stream::Unclear(why.into());
    }
    let usage = report.stats.as_ref().and_then(usage);
    Stream::Present(Turn::answered(report.response, usage))
}

/// An answer of the API stands in the message as JSON.
fn words(message: String) -> String {
    let inner = serde_json::from_str::<Value>(&message).ok();
    let inner = inner.as_ref().and_then(|value| value.pointer("/error/message")).and_then(Value::as_str);
    inner.map_or(message.clone(), str::to_owned)
}

fn count(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// Whether its model was asked, and answered, more often than its calls of tools need.
fn was_asked_again(stats: &Stats) -> bool {
    let models = stats.models.iter().flat_map(serde_json::Map::values);
    let answered = models
        .map(|model| count(model, "/roles/main/totalRequests").saturating_sub(count(model, "/roles/main/totalErrors")));
    let calls = stats.tools.as_ref().map_or(0, |tools| count(tools, "/totalCalls"));
    answered.fold(0, u64::saturating_add) > calls.saturating_add(1)
}

/// What all its models took.
fn usage(stats: &Stats) -> Option<Usage> {
    let models = stats.models.as_ref()?;
    let sum = |kind: &str| {
        let pointer = format!("/tokens/{kind}");
        models.values().map(|model| count(model, &pointer)).fold(0, u64::saturating_add)
    };
    let reasoning = sum("thoughts");
    let output = sum("candidates").saturating_add(reasoning);
    Some(Usage { input: sum("prompt"), cached_input: sum("cached"), output, reasoning })
}
