//! What happened, as the inputs tell it: the private model, before anything is redacted.
//!
//! Invariant: every value carries the places it was read from ([`Sourced`]), so that any number of the site can be
//! traced back to bytes of a file; what no input tells is `None`, never 0; what inputs disagree about is listed
//! ([`Contradiction`]), not smoothed over.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::{Findings, Time};

/// A place that a value was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Origin {
    /// Index into [`Run::files`].
    pub file: u32,
    /// Byte offset of the line, or of the object within a larger JSON text, that told it; of the first of them where
    /// several were summed.
    pub offset: u64,
    /// How many lines were summed; 1 for a value that stands in one place.
    pub lines: u32,
}

/// A value and every place that told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it was read, at least one place; in the order of files and offsets.
    pub from: Vec<Origin>,
}

/// What an iteration is called: the loop's run number and the round within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The loop's run number.
    pub epoch: u64,
    /// The round within the run.
    pub iter: u64,
}

/// How an iteration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// The judge accepted it.
    Accept,
    /// The judge sent it back.
    Revert,
    /// The loop hung before there was a verdict.
    WedgedNoVerdict,
    /// It has begun and not ended.
    InProgress,
    /// No input tells, or the word is none of these.
    Unknown,
}

/// Tokens of a model, as the model server counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Read without the cache.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Read and put into the cache.
    pub cache_creation: u64,
}

/// What the judge said of an iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// When.
    pub at: Option<Time>,
    /// ACCEPT, REVERT, WEDGED_NO_VERDICT or another word, as written.
    pub word: String,
    /// The judge's score, in its own scale.
    pub score: Option<f64>,
    /// Why, free text.
    pub reason: Option<String>,
    /// Where the line stands.
    pub from: Origin,
}

/// What kind of thing an [`Event`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The loop hung (`wedge-events.jsonl`).
    Wedge,
    /// What was learnt of a hang (`wedge-lessons.jsonl`).
    Lesson,
    /// A restart by the watchdog (`liveness-restarts.jsonl`).
    Restart,
    /// A rule of the loop was changed (`rule-refinements.jsonl`).
    Refinement,
    /// The agent tried to get around the orchestrator (`orchestrator-bypass-attempts.jsonl`).
    Bypass,
}

/// One line of the files of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What kind of thing.
    pub kind: EventKind,
    /// When.
    pub at: Option<Time>,
    /// The iteration it says that it belongs to; the epoch is often not told.
    pub iter: Option<u64>,
    /// The epoch that it tells.
    pub epoch: Option<u64>,
    /// One word of a closed vocabulary where the file has one: a restart's outcome (`took`, `did_not_take`,
    /// `called_off`, `unknown`), a wedge's kind.
    pub word: Option<String>,
    /// What it says in free text.
    pub text: Option<String>,
    /// Where the line stands.
    pub from: Origin,
}

/// A commit of the loop's repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its full hash, 40 or 64 hexadecimal digits.
    pub hash: String,
    /// When it was committed.
    pub at: Option<Time>,
    /// Its first line, free text.
    pub subject: Option<String>,
    /// Lines added and taken away, where the repository has the commit.
    pub changed: Option<(u64, u64)>,
    /// `true` when an input names it as the iteration's own; `false` when only its time says so.
    pub by_id: bool,
    /// Where its hash was read: `state.json`, or the output of git (offset 0).
    pub from: Origin,
}

/// One round of the loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Iteration {
    /// What it is called.
    pub key: Key,
    /// The loop's short name of what it worked on.
    pub slug: Option<Sourced<String>>,
    /// The module worked on.
    pub module: Option<Sourced<String>>,
    /// How it ended.
    pub outcome: Outcome,
    /// Where the outcome was read; empty for `IN_PROGRESS` and `UNKNOWN` that no input tells.
    pub outcome_from: Vec<Origin>,
    /// When it began.
    pub started_at: Option<Sourced<Time>>,
    /// When it ended.
    pub ended_at: Option<Sourced<Time>>,
    /// Tokens by model, sorted by the model's name.
    pub tokens: BTreeMap<String, Sourced<Tokens>>,
    /// Answers of models (API calls) in the transcripts.
    pub turns: Option<Sourced<u64>>,
    /// Calls of tools in the transcripts.
    pub tool_calls: Option<Sourced<u64>>,
    /// Calls of the judge.
    pub judge_calls: Option<Sourced<u64>>,
    /// Tokens of the judge.
    pub judge_tokens: Option<Sourced<u64>>,
    /// How often the judge sent it back before the last verdict.
    pub revisions: Option<Sourced<u64>>,
    /// Files changed, relative to the repository, sorted.
    pub files: Option<Sourced<Vec<String>>>,
    /// Its commits, oldest first.
    pub commits: Vec<Commit>,
    /// The last verdict on it.
    pub verdict: Option<Verdict>,
    /// Wedges, lessons, restarts, refinements and bypass attempts in it, oldest first.
    pub events: Vec<Event>,
}

/// One run of the loop over its plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// The loop's run number.
    pub number: u64,
    /// Its iterations by number.
    pub iterations: Vec<Iteration>,
}

/// The parity matrix at one instant, as `system-state.jsonl` recorded it; only where it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParityPoint {
    /// When.
    pub at: Time,
    /// Cells that pass.
    pub green: u64,
    /// Cells that fail.
    pub red: u64,
    /// Cells that a person looks at.
    pub manual: u64,
    /// Cells that are out of scope.
    pub not_applicable: u64,
    /// Cells of another status.
    pub unknown: u64,
    /// Where the record stands.
    pub from: Origin,
}

/// One review of the loop's behaviour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// When.
    pub at: Option<Time>,
    /// 0 (sick) to 100 (well).
    pub health_score: Option<f64>,
    /// The reviewer's word.
    pub verdict: Option<String>,
    /// Free text.
    pub summary: Option<String>,
    /// What it found; `None` where it does not say.
    #[serde(default)]
    pub findings: Option<Findings>,
    /// Where the line stands.
    pub from: Origin,
}

/// Inputs that disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// A word of a closed list, such as `outcome`, `times`, `tokens`, `duplicate`, `commit`; documented in
    /// docs/journey.md.
    pub kind: String,
    /// The iteration it is about.
    pub key: Option<Key>,
    /// A sentence: who says what. Private: it may hold anything that an input holds.
    pub text: String,
    /// The places that disagree.
    pub from: Vec<Origin>,
}

/// What was passed over, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// A word of a closed list, such as `malformed`, `torn`, `oversized`, `earlier_run`, `other_project`.
    pub kind: String,
    /// How many lines, sessions or files.
    pub count: u64,
    /// The first place of it.
    pub first: Option<Origin>,
    /// A sentence that says what, and what mends it. Private.
    pub text: String,
}

/// All that happened since the present run of the loop began.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Run {
    /// Every file that was read; [`Origin::file`] counts in it.
    pub files: Vec<PathBuf>,
    /// When the run began: `started_at` of the state, else the first iteration's.
    pub started_at: Option<Sourced<Time>>,
    /// The newest time that any input tells: the "now" of everything that is made of it.
    pub as_of: Option<Time>,
    /// The phase that the loop is in.
    pub phase: Option<Sourced<String>>,
    /// Its epochs by number.
    pub epochs: Vec<Epoch>,
    /// Events that belong to no iteration, oldest first.
    pub events: Vec<Event>,
    /// The parity matrix over time, oldest first.
    pub parity: Vec<ParityPoint>,
    /// Reviews, oldest first.
    pub reviews: Vec<Review>,
    /// Inputs that disagree.
    pub contradictions: Vec<Contradiction>,
    /// What was passed over.
    pub left_out: Vec<LeftOut>,
}

impl Outcome {
    /// The word, as `state.json` has it.
    pub const fn word(self) -> &'static str {
        match self {
            Outcome::Accept => "ACCEPT",
            Outcome::Revert => "REVERT",
            Outcome::WedgedNoVerdict => "WEDGED_NO_VERDICT",
            Outcome::InProgress => "IN_PROGRESS",
            Outcome::Unknown => "UNKNOWN",
        }
    }
}

impl Tokens {
    /// All of them together.
    pub const fn total(self) -> u64 {
        self.input.saturating_add(self.output).saturating_add(self.cache_read).saturating_add(self.cache_creation)
    }
}

impl std::ops::AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_creation = self.cache_creation.saturating_add(other.cache_creation);
    }
}

impl Key {
    /// `epoch-3-iter-0017`: the name of its files.
    pub fn name(self) -> String {
        format!("epoch-{}-iter-{:04}", self.epoch, self.iter)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.epoch, self.iter)
    }
}
