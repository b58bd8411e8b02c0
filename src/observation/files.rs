//! Readings of the files that the loop, the judge, the site builder and the watchdog write; the reviews have their own.

use super::{Reading, Time};
use crate::journey::last_run::LastRun;

/// The loop's heartbeat, durable state and pause sentinels, each with its own outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct LoopReading {
    /// The latest sign of life.
    pub heartbeat: Reading<Heartbeat>,
    /// The orchestrator's durable state.
    pub state: Reading<LoopState>,
    /// The pause sentinels. `Failed` when looking for them failed other than with "not found".
    pub pause: Reading<Pause>,
}

/// Where the loop is: what the heartbeat says, which is newer, else the durable state.
impl LoopReading {
    /// The loop's run number.
    pub fn epoch(&self) -> Option<u64> {
        self.newest(|heartbeat| heartbeat.epoch.as_ref(), |state| state.epoch.as_ref()).copied()
    }

    /// The round within the run.
    pub fn iteration(&self) -> Option<u64> {
        self.newest(|heartbeat| heartbeat.iteration.as_ref(), |state| state.iteration.as_ref()).copied()
    }

    /// The step within the round.
    pub fn vertex(&self) -> Option<&str> {
        self.newest(|heartbeat| heartbeat.vertex.as_ref(), |state| state.vertex.as_ref()).map(String::as_str)
    }

    /// The phase.
    pub fn phase(&self) -> Option<&str> {
        self.newest(|heartbeat| heartbeat.phase.as_ref(), |state| state.phase.as_ref()).map(String::as_str)
    }

    fn newest<T>(
        &self,
        of_heartbeat: fn(&Heartbeat) -> Option<&T>,
        of_state: fn(&LoopState) -> Option<&T>,
    ) -> Option<&T> {
        self.heartbeat.observed().and_then(of_heartbeat).or_else(|| self.state.observed().and_then(of_state))
    }
}

/// One sign of life of the loop.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heartbeat {
    /// When it was written: the file's own `ts`, else its modification time. `None` when neither could be read.
    pub at: Option<Time>,
    /// Process id of the writer.
    pub pid: Option<u32>,
    /// The loop's run number.
    pub epoch: Option<u64>,
    /// The round within the run.
    pub iteration: Option<u64>,
    /// The step within the round.
    pub vertex: Option<String>,
    /// planner, writer, judge, idle, or whatever the loop calls its phases.
    pub phase: Option<String>,
    /// When the phase began.
    pub phase_started_at: Option<Time>,
    /// systemd's id of the unit's current run, 32 hexadecimal digits.
    pub invocation_id: Option<String>,
    /// The file that shows it, where a glob chose among several.
    pub file: Option<std::path::PathBuf>,
}

/// What `state.json` says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoopState {
    /// The loop's run number.
    pub epoch: Option<u64>,
    /// The round within the run.
    pub iteration: Option<u64>,
    /// The step within the round.
    pub vertex: Option<String>,
    /// The phase.
    pub phase: Option<String>,
    /// The module being worked on.
    pub module: Option<String>,
    /// The loop's own word on itself.
    pub status: Option<String>,
    /// When the run began.
    pub started_at: Option<Time>,
    /// When the state was last written.
    pub updated_at: Option<Time>,
    /// Finished iterations in `history`, all outcomes together.
    pub iterations_finished: Option<u64>,
    /// Finished iterations by outcome (`ACCEPT`, `REVERT`, `WEDGED_NO_VERDICT`; others as written), sorted by name.
    pub outcomes: Vec<(String, u64)>,
}

/// The operator's pause sentinels: since when each stands there (its modification time).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pause {
    /// `PAUSE`: stop at the next vertex boundary.
    pub soft: Option<Time>,
    /// `PAUSE_HARD`: stop at once.
    pub hard: Option<Time>,
}

impl Pause {
    /// Since when the loop is paused in either way, the earlier one.
    pub fn since(self) -> Option<Time> {
        match (self.soft, self.hard) {
            (Some(soft), Some(hard)) => Some(soft.min(hard)),
            (soft, hard) => soft.or(hard),
        }
    }
}

/// Cells of the parity matrix by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parity {
    /// Cells that pass.
    pub green: u64,
    /// Cells that fail.
    pub red: u64,
    /// Cells a person judges.
    pub manual: u64,
    /// Cells that do not apply.
    pub not_applicable: u64,
    /// Cells with any other status.
    pub unknown: u64,
    /// Mapping keys that stand twice in one mapping.
    pub duplicate_keys: u64,
    /// Line of the first cell with an unknown status, counted from 1.
    pub first_unknown_line: Option<u64>,
    /// Line of the first mapping key that stands there for the second time, counted from 1.
    pub first_duplicate_line: Option<u64>,
}

impl Parity {
    /// All cells.
    pub fn cells(self) -> u64 {
        self.by_state().into_iter().fold(0, |all, (_, count)| all.saturating_add(count))
    }

    /// Cells that apply: the others can never become green.
    pub fn applicable(self) -> u64 {
        self.cells().saturating_sub(self.not_applicable)
    }

    /// Share of the cells that apply which are green, 0 to 1; `None` where none applies.
    pub fn green_ratio(self) -> Option<f64> {
        let applicable = self.applicable();
        (applicable > 0).then(|| self.green as f64 / applicable as f64)
    }

    /// The counts with their `state` label, in the order of reports.
    pub fn by_state(self) -> [(&'static str, u64); 5] {
        [
            ("green", self.green),
            ("red", self.red),
            ("manual", self.manual),
            ("n/a", self.not_applicable),
            ("unknown", self.unknown),
        ]
    }
}

/// The last verdicts, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdicts {
    /// At most the last five.
    pub recent: Vec<Verdict>,
    /// Lines among the last ones that are not a verdict.
    pub malformed_lines: u64,
}

/// The judge's word on one iteration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// When it was given.
    pub at: Option<Time>,
    /// The loop's run number.
    pub epoch: Option<u64>,
    /// The round within the run.
    pub iteration: Option<u64>,
    /// The module judged.
    pub module: Option<String>,
    /// `ACCEPT`, `REVERT`, `WEDGED_NO_VERDICT`, or whatever was written.
    pub verdict: String,
    /// The judge's score, in its own scale.
    pub score: Option<f64>,
    /// The judge's reason.
    pub reason: Option<String>,
}

/// The verdicts of the contract, which are the outcomes of iterations too.
pub const VERDICTS: [&str; 3] = ["ACCEPT", "REVERT", "WEDGED_NO_VERDICT"];

/// The one of [`VERDICTS`] that `word` is, however it is capitalised.
pub fn known_verdict(word: &str) -> Option<&'static str> {
    VERDICTS.into_iter().find(|verdict| word.eq_ignore_ascii_case(verdict))
}

impl Verdict {
    /// Whether it is the known verdict `word`.
    pub fn is(&self, word: &str) -> bool {
        known_verdict(&self.verdict) == Some(word)
    }
}

/// The published site and what it was built from.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// When it was last up to date. Of a release: when the last synthesis ended that published it or found nothing new.
    /// Elsewhere the modification time of `index.html`. `None` while nothing was ever published.
    pub built_at: Option<Time>,
    /// Modification time of `site-data.json`; `None` when there is none, and of a release, which holds its data.
    pub data_at: Option<Time>,
    /// What the last synthesis of the journey did; `None` where none is known.
    pub synthesis: Option<LastRun>,
}

impl Site {
    /// Seconds by which the site is older than the data it is built from; `None` without data.
    pub fn behind(&self) -> Option<f64> {
        Some(super::seconds_since(self.data_at?, self.built_at?).max(0.0))
    }
}

/// The watchdog's small state file and the end of its audit trail.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WatchdogReading {
    /// When the watchdog last finished an evaluation.
    pub last_evaluation_at: Option<Time>,
    /// Restarts it may still make before it gives up.
    pub budget_remaining: Option<u64>,
    /// What it decided then, in a word, such as `ok`, `hold`, `restart`.
    pub decision: Option<String>,
    /// Which row of its table said so, in a word, such as `fresh`, `paused`, `silent`.
    pub reason: Option<String>,
    /// How bad that is, the findings beside it included: `OK`, `WARN` or `CRIT`.
    pub severity: Option<String>,
    /// How bad the decision is by itself.
    pub row_severity: Option<String>,
    /// It was one evaluation of a timer, which makes the next one in minutes.
    pub once: bool,
    /// Why it decided so, in a sentence.
    pub text: Option<String>,
    /// What a person should do about the decision; `None` where there is nothing to do.
    pub hint: Option<String>,
    /// What it found beside the decision.
    pub findings: Vec<WatchdogFinding>,
    /// Evaluations by what they decided, since the state file was begun; `None` where it does not tell them.
    pub decisions: Option<Vec<DecisionCount>>,
    /// Restarts by what came of them, since the state file was begun; those that it tells.
    pub restarts: Vec<(RestartOutcome, u64)>,
    /// The latest restart in `liveness-restarts.jsonl`.
    pub last_restart: Option<Restart>,
    /// What could not be read or understood, one line each; what stands above is then what was known before.
    pub problems: Vec<String>,
}

/// What the watchdog found beside its decision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchdogFinding {
    /// `OK`, `WARN` or `CRIT`.
    pub severity: String,
    /// A stable word, such as `left_over`.
    pub code: String,
    /// What was found.
    pub reason: String,
    /// What a person should do about it; empty where that was not told.
    pub hint: String,
}

/// How often the watchdog decided something for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionCount {
    /// What it decided, in a word.
    pub decision: String,
    /// For which reason, in a word.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// One restart of the loop by the watchdog.
#[derive(Debug, Clone, PartialEq)]
pub struct Restart {
    /// When it was asked for.
    pub at: Time,
    /// What came of it.
    pub outcome: RestartOutcome,
    /// Why it was asked for.
    pub reason: Option<String>,
}

/// What came of a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartOutcome {
    /// Asked for; not verified yet.
    Pending,
    /// A fresh heartbeat came from a new invocation.
    Took,
    /// It did not.
    DidNotTake,
    /// Nothing was asked for in the end: the loop came back, or somebody paused or stopped it.
    CalledOff,
}

impl RestartOutcome {
    /// Every outcome.
    pub const ALL: [RestartOutcome; 4] =
        [RestartOutcome::Pending, RestartOutcome::Took, RestartOutcome::DidNotTake, RestartOutcome::CalledOff];

    /// The name in labels, records, JSON and the audit trail.
    pub const fn name(self) -> &'static str {
        match self {
            RestartOutcome::Pending => "pending",
            RestartOutcome::Took => "took",
            RestartOutcome::DidNotTake => "did_not_take",
            RestartOutcome::CalledOff => "called_off",
        }
    }

    /// The outcome called `name`.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}
