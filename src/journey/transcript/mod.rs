//! The coding agent's session transcripts: which model answered when, in which session, with how many tokens.
//!
//! A transcript is a file of JSON lines, one an event. A line with a usage is part of an answer of the model; an answer
//! stands in several lines, one for each block of its content, each with the usage so far. Resumed and forked sessions
//! copy earlier lines to new files. docs/transcripts.md says what counts.
//!
//! Invariants:
//!
//! 1. Each answer counts once, whichever files it stands in and in whichever order they are read.
//! 2. Reading in any number of runs gives what reading at once gives.
//! 3. Memory is bounded whatever the lengths of files and lines; a line that cannot be understood costs itself alone.
//! 4. Missing is not 0: an answer without a usage or without a time is no turn.

mod answer;
mod codec;
mod files;
mod ledger;
mod lines;
mod look;
mod part;
mod piece;
mod pull;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod told;
mod work;

use std::path::{Path, PathBuf};

pub use files::Frozen;

use super::run::{LeftOut, Tokens};
use crate::config::Config;
use crate::observation::Time;

use files::{FrozenFile, Unreadable};
use state::{Entry, State};
use store::Store;
use work::Job;

/// All that the transcripts tell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    /// The transcripts by path, deleted ones that still count too; [`Turn::file`] counts in it.
    pub files: Vec<PathBuf>,
    /// The sessions that own a turn, by id; [`Turn::session`] counts in it.
    pub sessions: Vec<Session>,
    /// The models by name; [`Turn::model`] counts in it. `unknown` is the one that a line does not tell.
    pub models: Vec<String>,
    /// The answers by time.
    pub turns: Vec<Turn>,
    /// What was passed over: `malformed` and `untimed` lines, `torn` last lines, and files that are `unreadable`,
    /// `not_a_file` or `changed` while they were read; of [`Ledger::of_run`] sessions of `other_project` and of an
    /// `earlier_run`.
    pub left_out: Vec<LeftOut>,
}

/// One answer of a model (an API call).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// When its first line was written, Unix milliseconds.
    pub at_ms: i64,
    /// Index into [`Ledger::sessions`].
    pub session: u32,
    /// Index into [`Ledger::models`].
    pub model: u16,
    /// It was given to a sub-agent.
    pub sidechain: bool,
    /// Its tokens. A count that is absent beside one that is told is 0.
    pub tokens: Tokens,
    /// Tools that it calls.
    pub tool_calls: u16,
    /// Index into [`Ledger::files`].
    pub file: u32,
    /// Where its first line begins in the file.
    pub offset: u64,
}

/// One session of the agent, as far as answers tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id; the name of the file where lines tell none.
    pub id: String,
    /// The directory in which it began.
    pub cwd: Option<PathBuf>,
    /// Its first answer.
    pub first_at: Time,
    /// Its last answer.
    pub last_at: Time,
}

/// How transcripts are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What earlier runs have read is kept in `transcripts/` below it.
    pub state_dir: PathBuf,
    /// A longer line, in bytes, is read block by block.
    pub max_line: u64,
    /// Threads; 0 is one for each CPU, 4 at most. Each takes a buffer of up to `max_line`.
    pub threads: usize,
}

/// The transcripts cannot be looked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A glob is none.
    #[error("journey.transcripts: {glob}: {why}; write a path with *, ? or [...] in it")]
    Glob {
        /// The glob.
        glob: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    fn glob(glob: &Path, why: &str) -> Self {
        Error::Glob { glob: glob.display().to_string(), why: why.into() }
    }
}

impl Options {
    /// As `config` says.
    pub fn of(config: &Config) -> Self {
        Options {
            state_dir: config.in_runtime_dir(&config.journey.state_dir),
            max_line: config.journey.max_line.0,
            threads: 0,
        }
    }
}

/// Looks which transcripts there are and how long each is; nothing behind that is read in this run.
///
/// # Errors
/// When a glob of `config` is none.
pub fn freeze(config: &Config) -> Result<Frozen, Error> {
    let globs = config.journey.transcripts.iter().map(|glob| config.in_runtime_dir(Path::new(glob)));
    Frozen::look(&globs.collect::<Vec<_>>())
}

/// Reads what is new in the transcripts of `frozen` and tells all that they have told, in this run and in earlier ones.
/// `progress` is called now and then with bytes read and bytes to read.
///
/// What cannot be read is said in [`Ledger::left_out`]; what cannot be kept for the next run is said in the log, and
/// the next run reads it again.
pub fn read(frozen: &Frozen, options: &Options, progress: &mut dyn FnMut(u64, u64)) -> Ledger {
    let mut store = Store::open(options.state_dir.join("transcripts"));
    let mut state = store.load();
    let unreadable = update(&mut state, frozen, options, progress);
    if let Err(error) = store.save(&mut state) {
        tracing::warn!("what is read of transcripts is not kept: {}: {error}", options.state_dir.display());
    }
    Ledger::of(state, frozen, &unreadable)
}

/// Brings `state` up to `frozen`; tells what cannot be read.
fn update(
    state: &mut State,
    frozen: &Frozen,
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Vec<Unreadable> {
    let known = state.compare(frozen);
    let changed = |file: &FrozenFile, entry: &Entry| entry.gone || entry.identity != file.identity;
    let jobs: Vec<Job<'_>> = frozen
        .files
        .iter()
        .zip(known)
        .filter(|(file, known)| known.is_none_or(|at| changed(file, &state.files[at])))
        .map(|(file, known)| Job { file, known: known.map(|at| (at, state.files[at].clone())) })
        .collect();
    let mut unreadable = Vec::new();
    if jobs.is_empty() {
        return unreadable;
    }
    let mut names = state.names();
    work::work(&jobs, options, progress, |at, done| match done {
        Ok(found) => state.take(jobs[at].known.as_ref().map(|(at, _)| *at), found, &mut names),
        Err(why) => unreadable.push(why),
    });
    unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    unreadable
}
