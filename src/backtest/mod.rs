//! Today's checks over recorded history: what would have been found, when, for how long, and how that differs from
//! what was recorded.
//!
//! ```text
//! blocks  ->  record  ->  last     ->  replay + assess  ->  episodes  ->  compare, alerts  ->  show
//! (I/O)       (parse)     (fill in)    (the checks)         (pure)        (pure)               (text, JSON, HTML)
//! ```
//!
//! Invariants: the checks are those of [`crate::check`], asked through [`crate::assessment::assess`]; the result does not
//! depend on the number of threads or the size of blocks; memory does not grow with the length of the series, only with
//! the number of episodes.

mod alerts;
mod blocks;
mod compare;
mod episodes;
mod found;
mod instants;
mod keys;
mod last;
mod machine;
mod record;
mod replay;
pub mod show;
#[cfg(test)]
mod tests;
mod work;

use std::path::{Path, PathBuf};

pub use alerts::{Alert, alerts};
pub use blocks::Place;
pub use compare::{Difference, Row, Side, compare, joined};
pub use episodes::{Episode, Step, Track};
pub use found::{Codes, FindingCode, Found};
pub use replay::AS_RECORDED;

use crate::assessment::{Severity, Thresholds};
use crate::config::Config;
use crate::jsonl::rotated_files;
use crate::observation::{RestartOutcome, Time};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// Where the records are, in order.
    pub places: Vec<Place>,
    /// Which sources are on, and when a finding becomes an alert.
    pub config: Config,
    /// The limits to judge by.
    pub thresholds: Thresholds,
    /// Nothing before this.
    pub since: Option<Time>,
    /// Nothing after this.
    pub until: Option<Time>,
    /// Threads to work on; 0 is as many as there are cores.
    pub threads: usize,
    /// Bytes that are read at once; 0 is the default.
    pub block: usize,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The first record; `None` where there was none.
    pub from: Option<Time>,
    /// The last record.
    pub to: Option<Time>,
    /// What was read and what was not.
    pub counts: Counts,
    /// Codes that were taken as recorded, because older records do not hold their reasons.
    pub unknown: Codes,
    /// What could not be read to its end.
    pub failures: Vec<String>,
    /// What was found then.
    pub recorded: Track,
    /// What the checks find now.
    pub judged: Track,
    /// The severities over time.
    pub spans: Vec<Span>,
    /// Restarts of the loop that the watchdog made in that time.
    pub restarts: Vec<(Time, Option<RestartOutcome>)>,
    /// Both sides by episode.
    pub rows: Vec<Row>,
    /// Alerts of what was recorded.
    pub alerts_recorded: Vec<Alert>,
    /// Alerts of what is found now.
    pub alerts_judged: Vec<Alert>,
}

/// Numbers of lines and holes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Counts {
    /// Records that were judged.
    pub records: u64,
    /// Lines that are no record: torn, foreign, empty of time or severity.
    pub spoilt: u64,
    /// Records of a later version of the keys.
    pub newer: u64,
    /// Records outside the time that was asked for.
    pub outside: u64,
    /// Findings in the records that this version does not know.
    pub foreign: u64,
    /// Times in which nobody watched.
    pub holes: u64,
    /// Their length.
    pub hole_time: jiff::SignedDuration,
    /// Records whose time lies before that of the record before.
    pub steps_back: u64,
    /// Bytes read, decompressed.
    pub bytes: u64,
}

/// The severities of one unbroken time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// The beginning.
    pub from: Time,
    /// The end.
    pub to: Time,
    /// As recorded, and as judged; `None` where nobody watched.
    pub severities: Option<(Severity, Severity)>,
}

/// Answers `question`. It blocks.
pub fn backtest(question: &Question) -> Outcome {
    let mut outcome = work::run(question);
    outcome.recorded.finish();
    outcome.judged.finish();
    outcome.rows = compare(&outcome.recorded.episodes, &outcome.judged.episodes);
    outcome.alerts_recorded = alerts(&outcome.recorded.episodes, &question.config.alerts);
    outcome.alerts_judged = alerts(&outcome.judged.episodes, &question.config.alerts);
    outcome
}

/// The files of the series that `paths` name, oldest first: a directory stands for the `system-state.jsonl` in it, and
/// each file brings its rotated ones along. `-` is standard input.
///
/// # Errors
/// A path that is not there or cannot be looked at: which, and the mend.
pub fn places(paths: &[PathBuf]) -> Result<Vec<Place>, String> {
    let mut series = Vec::new();
    for path in paths {
        series.push(places_of(path)?);
    }
    // Who names several series need not know their order.
    series.sort_by_cached_key(|places| places.iter().find_map(work::first_time));
    let mut seen = std::collections::BTreeSet::new();
    Ok(series.into_iter().flatten().filter(|place| seen.insert(place.clone())).collect())
}

fn places_of(path: &Path) -> Result<Vec<Place>, String> {
    if path == Path::new("-") {
        return Ok(vec![Place::Stdin]);
    }
    let path = if path.is_dir() { path.join("system-state.jsonl") } else { path.to_owned() };
    let shown = path.display();
    let mut files = rotated_files(&path).unwrap_or_default();
    match std::fs::metadata(&path) {
        Ok(_) => files.push(path.clone()),
        Err(error) if files.is_empty() && error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("{shown} is not there, nor any rotated file of it; name the series with --log"));
        }
        Err(error) if files.is_empty() => return Err(format!("{shown}: {error}; let this user read it")),
        Err(_) => {}
    }
    for file in &files {
        blocks::open(&Place::File(file.clone()))
            .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    }
    Ok(files.into_iter().map(Place::File).collect())
}
