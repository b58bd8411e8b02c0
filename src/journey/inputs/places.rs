//! Where the inputs lie, by the configuration.
//!
//! Invariant: a file that a section of the configuration names is read where that section says, so that the journey and
//! the exporter never look at different ones.

use std::path::{Path, PathBuf};

use crate::config::{Config, HeartbeatFormat};
use crate::jsonl::rotated_files;

const WEDGES: &str = "wedge-events.jsonl";
const LESSONS: &str = "wedge-lessons.jsonl";
const REFINEMENTS: &str = "rule-refinements.jsonl";
const BYPASSES: &str = "orchestrator-bypass-attempts.jsonl";

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Input {
    /// The orchestrator's state with the finished iterations.
    State,
    /// The heartbeat.
    Heartbeat,
    /// The judge's verdicts.
    Verdicts,
    /// The loop hung.
    Wedges,
    /// What was learnt of it.
    Lessons,
    /// The watchdog's audit trail.
    Restarts,
    /// Changes of the loop's rules.
    Refinements,
    /// Attempts to get around the orchestrator.
    Bypasses,
    /// Reviews.
    Reviews,
    /// The time series, of which the parity is wanted: one file of several, oldest first.
    Series,
}

impl Input {
    /// The name in messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Input::State => "state",
            Input::Heartbeat => "heartbeat",
            Input::Verdicts => "verdicts",
            Input::Wedges => "wedge events",
            Input::Lessons => "wedge lessons",
            Input::Restarts => "restarts",
            Input::Refinements => "rule refinements",
            Input::Bypasses => "bypass attempts",
            Input::Reviews => "reviews",
            Input::Series => "time series",
        }
    }

    /// What the contract calls the file, wherever the configuration has it.
    const fn file_name(self) -> &'static str {
        match self {
            Input::State => "state.json",
            Input::Heartbeat => "state-heartbeat.json",
            Input::Verdicts => "verdicts.jsonl",
            Input::Wedges => WEDGES,
            Input::Lessons => LESSONS,
            Input::Restarts => "liveness-restarts.jsonl",
            Input::Refinements => REFINEMENTS,
            Input::Bypasses => BYPASSES,
            Input::Reviews => "meta-judge.jsonl",
            Input::Series => "system-state.jsonl",
        }
    }
}

/// The inputs that are one file, by the names of the contract. Of the time series that is the file that is written now.
pub(in crate::journey) fn named(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let now = config.in_runtime_dir(&config.system_state.file);
    let files = files(config).into_iter().filter(|(input, path)| *input != Input::Series || *path == now);
    let matrix = ("parity-matrix.yaml", config.in_repo(&config.parity.file));
    files.map(|(input, path)| (input.file_name(), path)).chain([matrix]).collect()
}

/// Every file that may be there, in the order in which the run numbers them.
pub(super) fn files(config: &Config) -> Vec<(Input, PathBuf)> {
    let at = |path: &str| config.in_runtime_dir(Path::new(path));
    let state = config.loop_.state.as_deref().filter(|state| !state.is_empty()).map(|state| (Input::State, at(state)));
    let series = config.in_runtime_dir(&config.system_state.file);
    let fixed = [
        (Input::Verdicts, config.in_runtime_dir(&config.verdicts.file)),
        (Input::Wedges, at(WEDGES)),
        (Input::Lessons, at(LESSONS)),
        (Input::Restarts, config.in_runtime_dir(&config.watchdog.restarts)),
        (Input::Refinements, at(REFINEMENTS)),
        (Input::Bypasses, at(BYPASSES)),
        (Input::Reviews, config.in_runtime_dir(&config.review.file)),
    ];
    let series = rotated(&series).into_iter().chain([series]).map(|path| (Input::Series, path));
    state.into_iter().chain(heartbeat(config)).chain(fixed).chain(series).collect()
}

/// The heartbeat, where it is one JSON file: of others (a glob of transcripts, any file's modification time) there is
/// nothing to read that the transcripts do not tell.
fn heartbeat(config: &Config) -> Option<(Input, PathBuf)> {
    let path = config.in_runtime_dir(&config.loop_.heartbeat);
    let is_one = !path.to_string_lossy().contains(['*', '?', '[']) || path.exists();
    (is_one && config.loop_.heartbeat_format == HeartbeatFormat::Json).then_some((Input::Heartbeat, path))
}

/// The rotated files of the series, oldest first. Where a crash left both forms of one, the compressed one counts: it
/// gets its name only once it is whole.
fn rotated(series: &Path) -> Vec<PathBuf> {
    // A directory that cannot be listed shows by the series itself, which cannot be opened then either.
    let files = rotated_files(series).unwrap_or_default();
    let compressed = |file: &PathBuf| {
        let mut name = file.clone().into_os_string();
        name.push(".zst");
        files.binary_search(&name.into()).is_ok()
    };
    files.iter().filter(|file| !compressed(file)).cloned().collect()
}

/// The loop's repository; `None` where none is configured.
pub(super) fn repository(config: &Config) -> Option<PathBuf> {
    let path = config.journey.repository.as_deref().filter(|path| !path.is_empty())?;
    Some(config.in_repo(Path::new(path)))
}
