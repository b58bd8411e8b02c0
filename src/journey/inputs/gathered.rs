//! What the inputs tell, one by one, before anything is put together.
//!
//! Invariant: every value has the place it was read from; what a line does not tell is `None`.

use std::path::PathBuf;

use crate::journey::run::{Event, LeftOut, Origin, ParityPoint, Review, Sourced, Tokens, Verdict};
use crate::observation::Time;

/// All inputs but the transcripts.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// The files that were there; [`Origin::file`] counts in it. The last may be the repository.
    pub files: Vec<PathBuf>,
    /// When each of them was last written; `None` of the repository.
    pub modified: Vec<Option<Time>>,
    /// The orchestrator's state, where it could be read.
    pub state: State,
    /// The heartbeat, where it could be read.
    pub heartbeat: Heartbeat,
    /// Finished iterations in the order of the file.
    pub history: Vec<Finished>,
    /// Verdicts in the order of the file.
    pub verdicts: Vec<VerdictLine>,
    /// Wedges, lessons, restarts, refinements and bypass attempts, file by file in their order.
    pub events: Vec<EventLine>,
    /// Reviews in the order of the file.
    pub reviews: Vec<Review>,
    /// The parity matrix where it changed, oldest first.
    pub parity: Vec<ParityPoint>,
    /// The time of the time series' last record.
    pub recorded_at: Option<Sourced<Time>>,
    /// The repository's commits; `None` where it could not be read or there is none.
    pub commits: Option<Commits>,
    /// What was passed over.
    pub left_out: Vec<LeftOut>,
}

impl Gathered {
    /// When the present run began: `started_at` of the state or the first start of its history, whichever is earlier. A
    /// loop that writes `started_at` anew at each start of its process, or for each epoch, does not lose what it did
    /// before. What the other files tell of the time before that is of an earlier run.
    pub fn began(&self) -> Option<Sourced<Time>> {
        let started = |one: &Finished| Some(Sourced::at(one.started_at?, one.from));
        let told = self.state.started_at.clone().into_iter().chain(self.history.iter().filter_map(started));
        told.min_by_key(|told| told.value)
    }
}

/// What `state.json` says of the loop itself.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The loop's run number.
    pub epoch: Option<Sourced<u64>>,
    /// The round that runs.
    pub iter: Option<Sourced<u64>>,
    /// The phase.
    pub phase: Option<Sourced<String>>,
    /// The module being worked on.
    pub module: Option<Sourced<String>>,
    /// When the run began.
    pub started_at: Option<Sourced<Time>>,
    /// When the state was last written.
    pub updated_at: Option<Sourced<Time>>,
}

/// What the heartbeat says.
#[derive(Debug, Clone, Default)]
pub struct Heartbeat {
    /// When it was written.
    pub at: Option<Sourced<Time>>,
    /// The loop's run number.
    pub epoch: Option<u64>,
    /// The round that runs.
    pub iter: Option<u64>,
    /// The phase.
    pub phase: Option<String>,
}

/// One object of the history.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Finished {
    /// The loop's run number.
    pub epoch: Option<u64>,
    /// The round.
    pub iter: Option<u64>,
    /// The loop's short name of what it worked on.
    pub slug: Option<String>,
    /// The module.
    pub module: Option<String>,
    /// The outcome as written.
    pub outcome: Option<String>,
    /// When it began.
    pub started_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Tokens by model, as the loop counted them.
    pub tokens: Vec<(String, Told)>,
    /// Calls of the judge.
    pub judge_calls: Option<u64>,
    /// Tokens of the judge.
    pub judge_tokens: Option<u64>,
    /// Hashes of commits as written, in lower case, whole or abbreviated.
    pub commits: Vec<String>,
    /// Files changed; `None` where it does not list them.
    pub files: Option<Vec<String>>,
    /// Ids of sessions and invocations that it names as its own.
    pub ids: Vec<String>,
    /// Where the object stands.
    pub from: Origin,
}

/// How the history tells a model's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// One number.
    Total(u64),
    /// By kind.
    Split(Tokens),
}

impl Told {
    /// The tokens. A total that nobody split counts as read: most of an agent's tokens are.
    pub const fn tokens(self) -> Tokens {
        match self {
            Told::Total(input) => Tokens { input, output: 0, cache_read: 0, cache_creation: 0 },
            Told::Split(tokens) => tokens,
        }
    }
}

/// One verdict, and what it says it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictLine {
    /// The loop's run number.
    pub epoch: Option<u64>,
    /// The round.
    pub iter: Option<u64>,
    /// The module.
    pub module: Option<String>,
    /// What was said.
    pub verdict: Verdict,
}

/// One event, and what else its line tells.
#[derive(Debug, Clone, PartialEq)]
pub struct EventLine {
    /// The event.
    pub event: Event,
    /// It says that the iteration ended without a verdict.
    pub no_verdict: bool,
    /// Ids of the session or the invocation that it names.
    pub ids: Vec<String>,
}

/// The commits of the loop's repository.
#[derive(Debug, Clone, Default)]
pub struct Commits {
    /// The repository's place in [`Gathered::files`].
    pub file: u32,
    /// Those of the run that its tip leads to, and those that the history names, by time and hash.
    pub list: Vec<RepoCommit>,
    /// Whether what is not listed is not there.
    pub whole: bool,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RepoCommit {
    /// Its full hash in lower case.
    pub hash: String,
    /// Its parents' hashes.
    pub parents: Vec<String>,
    /// When it was committed.
    pub at: Option<Time>,
    /// Its first line.
    pub subject: String,
    /// Lines added and taken away; `None` of a merge, and where git cannot tell.
    pub changed: Option<(u64, u64)>,
    /// The tip leads to it; else only the history names it.
    pub reachable: bool,
}

impl Origin {
    /// One place of one line.
    pub(in crate::journey) const fn of(file: u32, offset: u64) -> Self {
        Origin { file, offset, lines: 1 }
    }
}

impl<T> Sourced<T> {
    /// A value that stands in one place.
    pub(in crate::journey) fn at(value: T, origin: Origin) -> Self {
        Sourced { value, from: vec![origin] }
    }
}
