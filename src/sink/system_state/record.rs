//! The flat record: what people chart, and what the checks need to be asked again later.
//!
//! Invariant: every key stands in every record (those of phases apart); what is not known is `null`, never 0.
//! `docs/system-state.md` documents each key, and a test compares the two.

use serde::Serialize;

use super::files::{JudgedPart, LoopPart, WatchersPart};
use super::machine::{GpuPart, HostPart, SubagentsPart, VllmPart};
use crate::assessment::{Assessment, Severity};
use crate::observation::{Time, seconds_since};
use crate::state::{State, View};

/// Version of the record's keys; it changes when a key changes its meaning, not when one is added.
const VERSION: u8 = 1;

/// One line of `system-state.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// When it was assessed.
    pub ts: Time,
    /// Version of the keys.
    pub version: u8,
    /// The worst of all checks.
    pub severity: Severity,
    /// Whether the loop must be restarted.
    pub must_restart: bool,
    /// Every critical finding, as `check: reason`.
    pub crit: Vec<String>,
    /// Every warning, as `check: reason`.
    pub warn: Vec<String>,
    /// Every finding, as `check.code`.
    pub findings: Vec<String>,
    #[serde(flatten)]
    loop_: LoopPart,
    #[serde(flatten)]
    subagents: SubagentsPart,
    #[serde(flatten)]
    vllm: VllmPart,
    #[serde(flatten)]
    gpu: GpuPart,
    #[serde(flatten)]
    judged: JudgedPart,
    #[serde(flatten)]
    watchers: WatchersPart,
    #[serde(flatten)]
    host: HostPart,
}

/// The record of `state` as judged by `assessment` at `now`.
pub fn record(state: &State, assessment: &Assessment, now: Time) -> Record {
    Record {
        ts: now,
        version: VERSION,
        severity: assessment.severity,
        must_restart: assessment.liveness.must_restart,
        crit: assessment.reasons(Severity::Crit),
        warn: assessment.reasons(Severity::Warn),
        findings: findings(assessment),
        loop_: LoopPart::of(state, now),
        subagents: SubagentsPart::of(state, now),
        vllm: VllmPart::of(state, now),
        gpu: GpuPart::of(state, now),
        judged: JudgedPart::of(state, now),
        watchers: WatchersPart::of(state, now),
        host: HostPart::of(state, now),
    }
}

fn findings(assessment: &Assessment) -> Vec<String> {
    let of = |check: &crate::assessment::CheckResult| {
        check.findings.iter().map(|finding| format!("{}.{}", check.check, finding.code)).collect::<Vec<_>>()
    };
    assessment.checks.iter().flat_map(of).collect()
}

/// How the latest reading of a source went: `observed`, `stale`, `missing`, `pending`, `disabled`, or the kind of
/// its failure.
pub(super) fn reading<T>(view: &View<'_, T>) -> &'static str {
    match view {
        View::Failed { failure, .. } => failure.kind.name(),
        view => view.freshness().name(),
    }
}

/// Seconds from `then` to `now`; negative when `then` lies ahead.
pub(super) fn age(now: Time, then: Time) -> f64 {
    rounded(seconds_since(now, then))
}

/// To three decimals: more is noise and costs room.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The sum of the values that are known; `None` when none is.
pub(super) fn sum<T: std::iter::Sum>(values: impl Iterator<Item = Option<T>>) -> Option<T> {
    let mut known = values.flatten().peekable();
    known.peek().is_some().then(|| known.sum())
}

/// The mean of the values that are known; `None` when none is.
pub(super) fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// The highest of the values that are known.
pub(super) fn highest(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().reduce(f64::max)
}

/// The lowest of the values that are known.
pub(super) fn lowest(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().reduce(f64::min)
}
