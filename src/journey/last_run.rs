//! `last-run.json`: how the last run of `autoswe-journey synthesize` ended, for the exporter and for people.
//!
//! Invariant: replaced as a whole, after everything it tells of is on the disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::observation::Time;

/// The version of the format: a reader refuses one that it does not know.
pub const VERSION: u32 = 1;

/// Its name in the state directory.
pub const FILE: &str = "last-run.json";

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A release is shown that was not shown before.
    Published,
    /// What was shown is shown still, because there is nothing new.
    Unchanged,
    /// The leak gate did not let it pass.
    Refused,
    /// It could not be done.
    Failed,
}

/// How the last run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastRun {
    /// [`VERSION`].
    pub version: u32,
    /// When it began.
    pub started_at: Time,
    /// When it ended.
    pub ended_at: Time,
    /// How.
    pub outcome: Outcome,
    /// How long it took, seconds.
    pub duration_seconds: f64,
    /// What the gate found, by rule; files that could not be scanned count as `could-not-scan`.
    #[serde(default)]
    pub findings: BTreeMap<String, u64>,
    /// Iterations in the release that is shown.
    #[serde(default)]
    pub iterations: Option<u64>,
    /// The release that is shown.
    #[serde(default)]
    pub release: Option<Shown>,
    /// When a release was last published, by this run or an earlier one.
    #[serde(default)]
    pub last_published_at: Option<Time>,
}

/// The release that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Its content's hash.
    pub hash: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its files.
    pub files: u64,
}

impl Outcome {
    /// The word, as it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Outcome::Published => "published",
            Outcome::Unchanged => "unchanged",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}

impl LastRun {
    /// Understands the file.
    ///
    /// # Errors
    /// When `bytes` are no such file, or one of a version that is not known.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let run: LastRun = serde_json::from_slice(bytes).map_err(|error| format!("no {FILE}: {error}"))?;
        match run.version {
            VERSION => Ok(run),
            other => Err(format!("{FILE} has version {other}, and only {VERSION} is known; update this program")),
        }
    }
}
