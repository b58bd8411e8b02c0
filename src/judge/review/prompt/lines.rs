//! Each thing of the evidence as a line of JSON.
//!
//! Invariant: what is unknown is left out of its line.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::journey::run::{EventKind, Outcome};
use crate::journey::site_data::{Event, Iteration, ParityPoint};
use crate::judge::review::evidence::Evidence;
use crate::judge::review::record::second;
use crate::observation::{Time, seconds_since};

/// `value`, an object, as one line.
fn line(value: Value) -> String {
    known(value).to_string()
}

/// `value`, an object, without what is unknown.
fn known(value: Value) -> Value {
    let Value::Object(object) = value else { return value };
    Value::Object(object.into_iter().filter(|(_, value)| !is_nothing(value)).collect())
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// `number` with as many digits as tell something.
fn rounded(number: f64) -> Value {
    let digits = if number.abs() < 10.0 { 1000.0 } else { 10.0 };
    json!((number * digits).round() / digits)
}

fn whole(seconds: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a few hours, and a cast that stops at the ends")]
    let whole = seconds.round() as i64;
    whole.into()
}

pub(super) fn time(evidence: &Evidence) -> Vec<String> {
    let Evidence { from, to, series, .. } = evidence;
    let [ok, warn, crit] = series.seconds.map(whole);
    vec![line(json!({
        "from": second(*from), "to": second(*to), "seconds": whole(seconds_since(*to, *from)),
        "records": series.records, "unwatched_seconds": whole(series.unwatched),
        "seconds_by_severity": {"OK": ok, "WARN": warn, "CRIT": crit},
    }))]
}

pub(super) fn present(evidence: &Evidence) -> Vec<String> {
    let present = &evidence.series.present;
    if present.is_empty() { Vec::new() } else { vec![line(Value::Object(present.clone()))] }
}

pub(super) fn standing(evidence: &Evidence) -> Vec<String> {
    let standing = evidence.standing;
    let ago = |at: Time| whole(seconds_since(evidence.to, at));
    vec![line(json!({
        "started_at": evidence.data.started_at.map(second), "phase": evidence.data.phase,
        "seconds_since_heartbeat": standing.heartbeat_at.map(ago),
        "iterations_finished": standing.finished, "accepted": standing.accepted,
        "seconds_since_last_accepted": standing.last_accepted_at.map(ago),
        "not_accepted_in_a_row": standing.since_accepted,
        "contradictions_between_inputs": evidence.data.contradictions,
    }))]
}

pub(super) fn totals(evidence: &Evidence) -> Vec<String> {
    let ended = |one: &&Iteration| one.ended_at.is_some_and(|at| at >= evidence.from);
    let iterations: Vec<&Iteration> = evidence.data.iterations.iter().filter(ended).collect();
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    for iteration in &iterations {
        *outcomes.entry(iteration.outcome.word()).or_default() += 1;
    }
    let sum =
        |of: fn(&Iteration) -> Option<u64>| iterations.iter().filter_map(|one| of(one)).reduce(u64::saturating_add);
    let tokens = sum(tokens);
    let accepted = outcomes.get(Outcome::Accept.word()).copied().unwrap_or(0);
    let mut events: BTreeMap<String, u64> = BTreeMap::new();
    for (_, event) in all_events(evidence) {
        let word = event.word.as_ref().map(|word| format!(".{word}")).unwrap_or_default();
        *events.entry(format!("{}{word}", kind(event.kind))).or_default() += 1;
    }
    vec![line(json!({
        "iterations_by_outcome": outcomes,
        "median_seconds": median(iterations.iter().filter_map(|one| seconds(one)).collect()).map(whole),
        "tokens": tokens,
        "tokens_for_each_accepted": tokens.and_then(|tokens| tokens.checked_div(accepted)),
        "judge_calls": sum(|one| one.judge_calls), "judge_tokens": sum(|one| one.judge_tokens),
        "sent_back": sum(|one| one.revisions), "commits": sum(|one| Some(one.commits.len() as u64)),
        "lines_changed": sum(lines_changed), "green_cells": green_cells(&evidence.data.parity),
        "events": events,
    }))]
}

/// How the number of green cells went, from the first point to the last.
fn green_cells(parity: &[ParityPoint]) -> Value {
    let (Some(first), Some(last)) = (parity.first(), parity.last()) else { return Value::Null };
    let falls = parity.windows(2).filter(|pair| pair[1].green < pair[0].green).count();
    json!({"from": first.green, "to": last.green, "times_fallen": falls})
}

fn tokens(iteration: &Iteration) -> Option<u64> {
    let totals = iteration.tokens.values().map(|tokens| tokens.total());
    totals.reduce(u64::saturating_add)
}

fn lines_changed(iteration: &Iteration) -> Option<u64> {
    let changed = iteration.commits.iter().filter_map(|commit| commit.changed);
    changed.map(|(added, taken)| added.saturating_add(taken)).reduce(u64::saturating_add)
}

fn seconds(iteration: &Iteration) -> Option<f64> {
    Some(seconds_since(iteration.ended_at?, iteration.started_at?)).filter(|seconds| *seconds >= 0.0)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

pub(super) fn parity(evidence: &Evidence) -> Vec<String> {
    let points = evidence.data.parity.iter().rev().map(|point| {
        let ParityPoint { at, green, red, manual, not_applicable, unknown } = *point;
        line(json!({"at": second(at), "green": green, "red": red, "manual": manual, "n/a": not_applicable,
            "unknown": Some(unknown).filter(|unknown| *unknown > 0)}))
    });
    points.collect()
}

pub(super) fn findings(evidence: &Evidence) -> Vec<String> {
    let found = evidence.series.found.iter().map(|found| {
        line(json!({
            "finding": found.code, "severity": found.severity.to_string(), "times": found.times,
            "seconds": whole(found.seconds), "last_at": second(found.last),
            "still_found": Some(true).filter(|_| found.open),
            "reason": Some(&found.reason).filter(|reason| !reason.is_empty()),
        }))
    });
    found.collect()
}

pub(super) fn figures(evidence: &Evidence) -> Vec<String> {
    let figures = evidence.series.figures.iter().map(|figure| {
        line(json!({"figure": figure.key, "mean": rounded(figure.mean), "lowest": rounded(figure.lowest),
            "highest": rounded(figure.highest), "known_seconds": whole(figure.seconds)}))
    });
    figures.collect()
}

/// Every event of that time with its iteration, the newest first.
fn all_events(evidence: &Evidence) -> Vec<(Option<String>, &Event)> {
    let inside = |event: &&Event| event.at.is_none_or(|at| at >= evidence.from);
    let iterations = &evidence.data.iterations;
    let of_iterations =
        iterations.iter().flat_map(|one| one.events.iter().filter(inside).map(move |event| (Some(name(one)), event)));
    let mut events: Vec<_> =
        of_iterations.chain(evidence.data.events.iter().filter(inside).map(|event| (None, event))).collect();
    events.sort_by_key(|(_, event)| std::cmp::Reverse(event.at));
    events
}

/// Lessons and refinements are many and tell little of health: they are counted, and told of their iteration.
pub(super) fn events(evidence: &Evidence) -> Vec<String> {
    let told = |event: &Event| matches!(event.kind, EventKind::Wedge | EventKind::Restart | EventKind::Bypass);
    let events = all_events(evidence).into_iter().filter(|(_, event)| told(event));
    let events = events.map(|(iteration, event)| {
        line(json!({"event": kind(event.kind), "at": event.at.map(second), "iteration": iteration,
            "word": event.word, "text": event.text}))
    });
    events.collect()
}

const fn kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Wedge => "wedge",
        EventKind::Lesson => "lesson",
        EventKind::Restart => "restart",
        EventKind::Refinement => "refinement",
        EventKind::Bypass => "bypass",
    }
}

fn name(iteration: &Iteration) -> String {
    format!("{}/{}", iteration.epoch, iteration.iter)
}

pub(super) fn iterations(evidence: &Evidence) -> Vec<String> {
    let iterations = evidence.data.iterations.iter().rev().map(|one| {
        let verdict = one.verdict.as_ref().map(|verdict| {
            known(json!({"word": verdict.word.word(), "score": verdict.score, "reason": verdict.reason}))
        });
        let count = |count: usize| Some(count).filter(|count| *count > 0);
        line(json!({
            "iteration": name(one), "module": one.module, "slug": one.slug, "outcome": one.outcome.word(),
            "started_at": one.started_at.map(second), "ended_at": one.ended_at.map(second),
            "seconds": seconds(one).map(whole), "tokens": tokens(one), "judge_calls": one.judge_calls,
            "sent_back": one.revisions, "files": one.files.as_ref().map(Vec::len),
            "commits": count(one.commits.len()), "lines_changed": lines_changed(one), "verdict": verdict,
            "subjects": one.commits.iter().filter_map(|commit| commit.subject.clone()).take(5).collect::<Vec<_>>(),
            "lessons": count(one.events.iter().filter(|event| event.kind == EventKind::Lesson).count()),
            "refinements": count(one.events.iter().filter(|event| event.kind == EventKind::Refinement).count()),
        }))
    });
    iterations.collect()
}

pub(super) fn reviews(evidence: &Evidence) -> Vec<String> {
    let reviews = evidence.data.reviews.iter().rev().map(|review| {
        line(json!({"at": review.at.map(second), "health_score": review.health_score, "verdict": review.verdict,
            "summary": review.summary, "findings_by_severity": review.findings}))
    });
    reviews.collect()
}
