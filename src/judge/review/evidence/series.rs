//! What the exporter recorded: findings with how long each lasted, time by severity, figures.
//!
//! Invariant: findings are those that were recorded, not what today's limits would find; time in which nobody watched is
//! told apart from time in which all was well.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::figures::{self, Figure};
use crate::assessment::Severity;
use crate::backtest::{Episode, FindingCode, Outcome, Question, backtest, places};
use crate::config::Loaded;
use crate::journey::redact::{Redactor, word};
use crate::jsonl::{Limits, Tail, last_lines};
use crate::observation::{Reading, Time, seconds_since};
use crate::source::file::open_regular;

/// Records that are read for the figures: six hours at the default interval are 120, and changes of severity come on top.
const LINES: usize = 5_000;

/// Bytes of them.
const SCAN: u64 = 16 << 20;

/// The longest reason of a finding, in characters.
const LONGEST_REASON: usize = 300;

/// One finding over the time under review.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::judge::review) struct Found {
    /// `check.code`.
    pub(in crate::judge::review) code: String,
    /// Its worst.
    pub(in crate::judge::review) severity: Severity,
    /// How often it began.
    pub(in crate::judge::review) times: usize,
    /// How long it was found in all, seconds.
    pub(in crate::judge::review) seconds: f64,
    /// When it was last found.
    pub(in crate::judge::review) last: Time,
    /// It is found still.
    pub(in crate::judge::review) open: bool,
    /// What was said of it at its longest, redacted.
    pub(in crate::judge::review) reason: String,
}

/// What was recorded.
#[derive(Debug, Clone, Default)]
pub(in crate::judge::review) struct Series {
    /// Records in that time.
    pub(in crate::judge::review) records: u64,
    /// Seconds in OK, WARN and CRIT.
    pub(in crate::judge::review) seconds: [f64; 3],
    /// Seconds in which nobody watched.
    pub(in crate::judge::review) unwatched: f64,
    /// The worst and longest first.
    pub(in crate::judge::review) found: Vec<Found>,
    /// Numbers.
    pub(in crate::judge::review) figures: Vec<Figure>,
    /// The present, as the latest record has it, redacted.
    pub(in crate::judge::review) present: Map<String, Value>,
}

impl Series {
    /// Whether nothing was recorded.
    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }
}

/// What was recorded between `from` and `to`. What cannot be read is as good as not recorded.
pub(super) fn read(loaded: &Loaded, from: Time, to: Time, redactor: &mut Redactor) -> Series {
    let path = loaded.config.in_runtime_dir(&loaded.config.system_state.file);
    let Ok(places) = places(std::slice::from_ref(&path)) else { return Series::default() };
    let question = Question {
        places,
        config: loaded.config.clone(),
        thresholds: loaded.thresholds(),
        since: Some(from),
        until: Some(to),
        threads: 0,
        block: 0,
    };
    let outcome = backtest(&question);
    let tail = open_regular("time series", &path).and_then(|(file, _)| {
        let limits = Limits { scan: SCAN, ..Limits::default() };
        last_lines(&file, LINES, limits).map_or_else(|_| Reading::Missing(String::new()), Reading::Observed)
    });
    let tail = if let Reading::Observed(tail) = tail { tail } else { Tail::default() };
    let (figures, present) = figures::of(&tail, (from, to), loaded.config.system_state.hold());
    let seconds = [Severity::Ok, Severity::Warn, Severity::Crit].map(|severity| outcome.recorded.seconds(severity));
    Series {
        records: outcome.counts.records,
        seconds,
        unwatched: (seconds_since(to, from) - seconds.iter().sum::<f64>()).max(0.0),
        found: found(&outcome, redactor),
        figures,
        present: present.into_iter().map(|(key, value)| (key, masked(value, redactor))).collect(),
    }
}

/// Episodes of one code are told together.
fn found(outcome: &Outcome, redactor: &mut Redactor) -> Vec<Found> {
    let mut by_code: BTreeMap<FindingCode, Vec<&Episode>> = BTreeMap::new();
    for episode in &outcome.recorded.episodes {
        by_code.entry(episode.code).or_default().push(episode);
    }
    let found = by_code.into_iter().filter_map(|(code, episodes)| {
        let longest = episodes.iter().max_by(|one, other| one.seconds.total_cmp(&other.seconds))?;
        let reason = redactor.text(&longest.text, LONGEST_REASON);
        Some(Found {
            code: code.name(),
            severity: episodes.iter().map(|episode| episode.severity()).max()?,
            times: episodes.len(),
            seconds: episodes.iter().map(|episode| episode.seconds).sum(),
            last: episodes.iter().map(|episode| episode.to).max()?,
            open: episodes.iter().any(|episode| episode.open),
            reason,
        })
    });
    let mut found: Vec<Found> = found.collect();
    let worst =
        |one: &Found, other: &Found| other.severity.cmp(&one.severity).then(other.seconds.total_cmp(&one.seconds));
    found.sort_by(worst);
    found
}

/// A value of a record as it may be shown.
fn masked(value: Value, redactor: &mut Redactor) -> Value {
    match value {
        Value::String(text) => word(&text, redactor).into(),
        Value::Array(_) | Value::Object(_) => Value::Null,
        plain => plain,
    }
}
