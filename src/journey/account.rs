//! The private account of a run: every value with its places, for whoever wants to know where a number comes from.
//!
//! Invariant: for this user alone (0600 in a directory of 0700), and nothing of it is for publication. Each file is
//! replaced as a whole, and only where it changed; `run.json` comes last and names the digests of the other two, so that
//! a reader notices when a run was killed in between.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::digest::{hex, sha256};
use super::inputs::write_whole;
use super::run::{Contradiction, Event, Iteration, Key, LeftOut, ParityPoint, Review, Run, Sourced};
use crate::observation::{Reading, Time};
use crate::source::file::read_bounded;

/// The run without its iterations.
pub const RUN: &str = "run.json";
/// One iteration a line, in the order of epoch and number.
pub const ITERATIONS: &str = "iterations.jsonl";
/// What inputs disagree about, and what was left out.
pub const CONTRADICTIONS: &str = "contradictions.json";

/// The version of the form.
const VERSION: u32 = 1;
/// Largest file that is read, bytes.
const MAX: u64 = 2 << 30;

/// What `run.json` holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Head {
    /// 1.
    pub version: u32,
    /// Every file that was read; places count in it.
    pub files: Vec<PathBuf>,
    /// When the run began.
    pub started_at: Option<Sourced<Time>>,
    /// The newest time that any input tells.
    pub as_of: Option<Time>,
    /// The phase that the loop is in.
    pub phase: Option<Sourced<String>>,
    /// How many iterations each epoch has.
    pub epochs: BTreeMap<u64, usize>,
    /// How many iterations ended in each way.
    pub outcomes: BTreeMap<String, usize>,
    /// Events that belong to no iteration.
    pub events: Vec<Event>,
    /// The parity matrix where it changed.
    pub parity: Vec<ParityPoint>,
    /// Reviews.
    pub reviews: Vec<Review>,
    /// SHA-256 of the other files.
    pub digests: BTreeMap<String, String>,
}

/// What `contradictions.json` holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Disagreements {
    /// What inputs disagree about.
    pub contradictions: Vec<Contradiction>,
    /// What was passed over.
    pub left_out: Vec<LeftOut>,
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No run has been made.
    #[error("no run has been made yet ({0} is not there); make one with `autoswe-journey synthesize`")]
    None(String),
    /// A file cannot be read or is not of this form.
    #[error("{0}; make a new run with `autoswe-journey synthesize`")]
    Unreadable(String),
}

/// Writes the account of `run` into `state_dir`, where it differs from what is there.
///
/// # Errors
/// Those of writing; the message names the file.
pub fn write(run: &Run, state_dir: &Path) -> io::Result<()> {
    let mut lines = Vec::new();
    for iteration in run.epochs.iter().flat_map(|epoch| &epoch.iterations) {
        serde_json::to_writer(&mut lines, iteration)?;
        lines.push(b'\n');
    }
    let disagreements = Disagreements { contradictions: run.contradictions.clone(), left_out: run.left_out.clone() };
    let disagreements = serde_json::to_vec_pretty(&disagreements)?;
    let mut head = head(run);
    for (name, bytes) in [(ITERATIONS, &lines), (CONTRADICTIONS, &disagreements)] {
        head.digests.insert(name.into(), hex(&sha256(bytes)));
        replace(&state_dir.join(name), bytes)?;
    }
    replace(&state_dir.join(RUN), &serde_json::to_vec_pretty(&head)?)
}

fn head(run: &Run) -> Head {
    let mut outcomes = BTreeMap::new();
    for iteration in run.epochs.iter().flat_map(|epoch| &epoch.iterations) {
        *outcomes.entry(iteration.outcome.word().to_owned()).or_default() += 1;
    }
    Head {
        version: VERSION,
        files: run.files.clone(),
        started_at: run.started_at.clone(),
        as_of: run.as_of,
        phase: run.phase.clone(),
        epochs: run.epochs.iter().map(|epoch| (epoch.number, epoch.iterations.len())).collect(),
        outcomes,
        events: run.events.clone(),
        parity: run.parity.clone(),
        reviews: run.reviews.clone(),
        digests: BTreeMap::new(),
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Most that changed has another length, and need not be read to see it.
    let may_be_same = std::fs::metadata(path).is_ok_and(|known| known.len() == bytes.len() as u64);
    if may_be_same && read_bounded("account", path, MAX).observed().is_some_and(|(known, _)| known == bytes) {
        return Ok(());
    }
    write_whole(path, bytes).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// The account that the last run left in `state_dir`.
#[derive(Debug, Clone)]
pub struct Account {
    /// The run.
    pub head: Head,
    /// What disagrees.
    pub disagreements: Disagreements,
    iterations: Vec<u8>,
    /// The files are of one run.
    pub is_whole: bool,
}

impl Account {
    /// Reads it.
    ///
    /// # Errors
    /// When there is none, or a file of it cannot be read.
    pub fn read(state_dir: &Path) -> Result<Self, Error> {
        let [head, disagreements, iterations] = [RUN, CONTRADICTIONS, ITERATIONS].map(|name| bytes(state_dir, name));
        let (head_bytes, disagreements, iterations) = (head?, disagreements?, iterations?);
        let head: Head = parsed(state_dir, RUN, &head_bytes)?;
        let is_its =
            |name: &str, bytes: &[u8]| head.digests.get(name).is_some_and(|known| *known == hex(&sha256(bytes)));
        let is_whole = is_its(CONTRADICTIONS, &disagreements) && is_its(ITERATIONS, &iterations);
        let disagreements = parsed(state_dir, CONTRADICTIONS, &disagreements)?;
        Ok(Account { head, disagreements, iterations, is_whole })
    }

    /// The iteration called `key`.
    pub fn iteration(&self, key: Key) -> Option<Iteration> {
        let begin = format!("{{\"key\":{{\"epoch\":{},\"iter\":{}}}", key.epoch, key.iter);
        let mut lines = self.iterations.split(|byte| *byte == b'\n');
        let line = lines.find(|line| line.starts_with(begin.as_bytes()))?;
        serde_json::from_slice(line).ok()
    }
}

fn bytes(state_dir: &Path, name: &str) -> Result<Vec<u8>, Error> {
    let path = state_dir.join(name);
    match read_bounded("account", &path, MAX) {
        Reading::Observed((bytes, _)) => Ok(bytes),
        Reading::Missing(_) => Err(Error::None(path.display().to_string())),
        Reading::Failed(failure) => Err(Error::Unreadable(failure.message)),
    }
}

fn parsed<T: serde::de::DeserializeOwned>(state_dir: &Path, name: &str, bytes: &[u8]) -> Result<T, Error> {
    let explained = |error: serde_json::Error| {
        let why = crate::source::json::explain(&error);
        Error::Unreadable(format!("{}: {why}", state_dir.join(name).display()))
    };
    serde_json::from_slice(bytes).map_err(explained)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::super::run::{Epoch, Origin, Outcome};
    use super::*;

    fn run(outcome: Outcome) -> Run {
        let iteration = |iter| Iteration {
            outcome,
            slug: Some(Sourced { value: "a \"slug\"\n".into(), from: vec![Origin { file: 0, offset: 7, lines: 1 }] }),
            ..crate::journey::correlate::blank(Key { epoch: 3, iter })
        };
        Run {
            files: vec!["state.json".into()],
            epochs: vec![Epoch { number: 3, iterations: [1, 11].map(iteration).to_vec() }],
            ..Run::default()
        }
    }

    #[test]
    fn what_is_written_is_read_back_for_this_user_alone() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("journey");
        write(&run(Outcome::Accept), &place).unwrap();
        let account = Account::read(&place).unwrap();
        assert!(account.is_whole);
        assert_eq!((account.head.epochs[&3], account.head.outcomes["ACCEPT"]), (2, 2));
        let expected = run(Outcome::Accept).epochs.remove(0).iterations.remove(1);
        assert_eq!(account.iteration(Key { epoch: 3, iter: 11 }), Some(expected));
        assert_eq!(account.iteration(Key { epoch: 3, iter: 2 }), None);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place), 0o700);
        for name in [RUN, ITERATIONS, CONTRADICTIONS] {
            assert_eq!(mode(&place.join(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn only_what_changed_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let inode = |name: &str| std::fs::metadata(directory.path().join(name)).unwrap().ino();
        write(&run(Outcome::Accept), directory.path()).unwrap();
        let before = [RUN, ITERATIONS, CONTRADICTIONS].map(inode);
        write(&run(Outcome::Accept), directory.path()).unwrap();
        assert_eq!(before, [RUN, ITERATIONS, CONTRADICTIONS].map(inode));
        write(&run(Outcome::Revert), directory.path()).unwrap();
        assert_ne!((before[0], before[1]), (inode(RUN), inode(ITERATIONS)));
        assert_eq!(before[2], inode(CONTRADICTIONS));
    }

    #[test]
    fn a_missing_a_spoilt_and_a_mixed_account_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let error = Account::read(directory.path()).unwrap_err().to_string();
        assert!(error.contains("no run has been made yet"), "{error}");
        write(&run(Outcome::Accept), directory.path()).unwrap();
        let lines = directory.path().join(ITERATIONS);
        let known = std::fs::read(&lines).unwrap();
        std::fs::write(&lines, &known[1..]).unwrap();
        assert!(!Account::read(directory.path()).unwrap().is_whole);
        std::fs::write(directory.path().join(RUN), "{\"version\":").unwrap();
        let error = Account::read(directory.path()).unwrap_err().to_string();
        assert!(error.contains("run.json: line 1, column 11: ends too early"), "{error}");
    }
}
