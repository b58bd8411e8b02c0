//! `watchdog-state.json`: the last decision for people and for the exporter, the counters, and the memory.
//!
//! | field | content |
//! | --- | --- |
//! | `version` | 1 |
//! | `last_evaluation_ts`, `pid`, `unit` | when the last evaluation was finished, who made it, of which unit |
//! | `decision`, `reason` | what was decided and which row of the table said so, a word each |
//! | `once` | it was one evaluation of a timer |
//! | `severity`, `row_severity`, `text`, `hint` | how bad it is with the findings and without, why in a sentence, what to do |
//! | `findings` | what is wrong beside that: `severity`, `code`, `reason`, `hint` |
//! | `effective_age_seconds` | how long the loop has been silent without an excuse |
//! | `budget_remaining` | restarts that may still be made before it gives up; absent where they cannot be counted |
//! | `decisions` | list of `{decision, reason, count}` |
//! | `restarts` | how many `took`, `did_not_take`, `called_off` |
//! | `memory` | the watchdog's own |
//!
//! Invariant: replaced as a whole, so that a reader sees one evaluation or the other. It is not flushed to
//! the disk: what a crash of the machine takes from it is forgotten by a reboot anyway.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};

use super::decide::Decision;
use super::memory::Memory;
use super::reason::Reason;
use crate::observation::{Reading, RestartOutcome, Time};
use crate::source::file::read_bounded;

/// Largest state file that is read, bytes; one has some 3,000.
pub const MAX: u64 = 64 << 10;

/// What the state file holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    /// 1.
    pub version: u64,
    /// When the last evaluation was finished.
    pub last_evaluation_ts: Option<Time>,
    /// Who made it.
    pub pid: u32,
    /// The unit that is watched.
    pub unit: String,
    /// It was one evaluation of a timer, which makes the next one in minutes.
    pub once: bool,
    /// What was decided.
    pub decision: String,
    /// Which row of the table said so.
    pub reason: String,
    /// How bad it is: `OK`, `WARN` or `CRIT`.
    pub severity: String,
    /// The same of the decision alone, without the findings beside it.
    pub row_severity: String,
    /// Why, in a sentence.
    pub text: String,
    /// What to do.
    pub hint: String,
    /// What is wrong beside that.
    pub findings: Vec<SavedFinding>,
    /// How long the loop has been silent without an excuse, seconds.
    pub effective_age_seconds: Option<f64>,
    /// Restarts that may still be made.
    pub budget_remaining: Option<u64>,
    /// Evaluations by what they decided.
    pub decisions: Vec<Count>,
    /// Restarts by what came of them.
    pub restarts: Restarts,
    /// What the next evaluation needs.
    pub memory: Memory,
}

/// A finding as it is written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedFinding {
    /// `OK`, `WARN` or `CRIT`.
    pub severity: String,
    /// A word for scripts.
    pub code: String,
    /// What was found.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

/// How often something was decided for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Count {
    /// What was decided.
    pub decision: String,
    /// For which reason.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// Restarts by what came of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Restarts {
    /// A fresh heartbeat came from a new invocation.
    pub took: u64,
    /// It did not.
    pub did_not_take: u64,
    /// Nothing was asked for in the end.
    pub called_off: u64,
}

impl Restarts {
    /// Counts one more.
    pub fn count(&mut self, outcome: RestartOutcome) {
        match outcome {
            RestartOutcome::Took => self.took += 1,
            RestartOutcome::DidNotTake => self.did_not_take += 1,
            RestartOutcome::CalledOff => self.called_off += 1,
            RestartOutcome::Pending => {}
        }
    }
}

impl Saved {
    /// What is saved at `path`; nothing where there is no such file.
    ///
    /// # Errors
    /// When there is one and it cannot be understood.
    pub fn read(path: &Path) -> Result<Self, String> {
        match read_bounded("watchdog state", path, MAX) {
            Reading::Missing(_) => Ok(Saved::default()),
            Reading::Failed(failure) => Err(failure.message),
            Reading::Observed((bytes, _)) => {
                // A list would do for the fields in their order, and is not what was written.
                let fields = serde_json::from_slice::<serde_json::Map<_, _>>(&bytes);
                fields
                    .and_then(|fields| serde_json::from_value(fields.into()))
                    .map_err(|error| format!("watchdog state {}: {error}; the watchdog writes it anew", path.display()))
            }
        }
    }

    /// Takes in what was decided at `now`.
    pub fn note(&mut self, decision: &Decision, budget_remaining: Option<u64>, now: Time) {
        self.version = 1;
        (self.last_evaluation_ts, self.pid) = (Some(now), std::process::id());
        self.decision = decision.action.name().into();
        self.reason = decision.reason.name().into();
        self.severity = decision.severity.name().into();
        self.row_severity = decision.row_severity.name().into();
        (self.text, self.hint) = (decision.text.clone(), decision.hint.clone());
        let saved = |finding: &crate::assessment::Finding| SavedFinding {
            severity: finding.severity.name().into(),
            code: finding.code.into(),
            reason: finding.reason.clone(),
            hint: finding.hint.clone(),
        };
        self.findings = decision.findings.iter().map(saved).collect();
        self.effective_age_seconds = decision.effective_age;
        self.budget_remaining = budget_remaining;
        self.count(decision.reason);
    }

    fn count(&mut self, reason: Reason) {
        match self.decisions.iter_mut().find(|count| count.reason == reason.name()) {
            Some(count) => count.count += 1,
            None => self.decisions.push(Count {
                decision: reason.action().name().into(),
                reason: reason.name().into(),
                count: 1,
            }),
        }
    }

    /// Writes it to `path`. The caller holds the watchdog's lock, so nobody else writes to the file beside it.
    ///
    /// The two files change places, so that each evaluation writes over an old one: no file is made and none deleted,
    /// and the file system has no reason to flush anything, as it has where a rename or a truncation replaces content.
    ///
    /// # Errors
    /// Those of writing and renaming, with the path.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let written = || {
            let beside = beside(path);
            let bytes = serde_json::to_vec(self)?;
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(false).mode(0o644).open(&beside)?;
            file.write_all(&bytes)?;
            file.set_len(bytes.len() as u64)?;
            match renameat_with(CWD, &beside, CWD, path, RenameFlags::EXCHANGE) {
                Ok(()) => Ok(()),
                // There is nothing to change places with yet, or the file system cannot do that.
                Err(_) => std::fs::rename(&beside, path),
            }
        };
        written().map_err(|error: std::io::Error| format!("{}: {error}", path.display()))
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_counts_go_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        assert_eq!(Saved::read(&path), Ok(Saved::default()));
        let mut saved = Saved { budget_remaining: Some(2), ..Saved::default() };
        saved.restarts.count(RestartOutcome::Took);
        for reason in [Reason::Fresh, Reason::Fresh, Reason::Bus] {
            saved.count(reason);
        }
        saved.write(&path).unwrap();
        let read = Saved::read(&path).unwrap();
        assert_eq!(read, saved);
        let counts: Vec<_> =
            read.decisions.iter().map(|count| (&*count.decision, &*count.reason, count.count)).collect();
        assert_eq!(counts, [("ok", "fresh", 2), ("hold", "bus", 1)]);
        // A shorter one leaves nothing of a longer one behind.
        for saved in [Saved { text: "x".repeat(5000), ..Saved::default() }, Saved::default(), saved] {
            saved.write(&path).unwrap();
            assert_eq!(Saved::read(&path).unwrap(), saved);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "the file and the one before it");
    }

    #[test]
    fn a_spoilt_file_says_so_and_an_unwritable_place_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        for spoilt in [&b""[..], b"{", b"[]", b"\xff", b"{\"memory\": 5}"] {
            std::fs::write(&path, spoilt).unwrap();
            assert!(Saved::read(&path).unwrap_err().contains("state.json"), "{spoilt:?}");
        }
        let error = Saved::default().write(&directory.path().join("gone/state.json")).unwrap_err();
        assert!(error.contains("gone/state.json: No such file"), "{error}");
    }
}
