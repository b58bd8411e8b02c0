//! `site-data.json`: what may be shown, and all that the site is made of.
//!
//! Invariant: made by redaction alone, field by field; a field that is not here reaches no page. Absent is left out, and
//! is not 0.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::run::{EventKind, Outcome, Tokens};
use crate::observation::{ReviewSeverity, Time};

/// The version of the format: a reader refuses one that it does not know. New optional fields do not change it.
pub const VERSION: u32 = 1;

/// The whole journey, redacted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SiteData {
    /// [`VERSION`].
    pub version: u32,
    /// When the present run of the loop began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// The newest time that the inputs tell: the data is as of then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Time>,
    /// The phase that the loop is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Iterations in the order of epoch and number.
    pub iterations: Vec<Iteration>,
    /// Events that belong to no iteration, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub events: Vec<Event>,
    /// The parity matrix over time, oldest first, only where it changed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parity: Vec<ParityPoint>,
    /// Reviews of the loop's behaviour, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reviews: Vec<Review>,
    /// How often inputs disagree, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub contradictions: BTreeMap<String, u64>,
    /// How much was passed over, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub left_out: BTreeMap<String, u64>,
}

/// One round of the loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Iteration {
    /// The loop's run number.
    pub epoch: u64,
    /// The round within the run.
    pub iter: u64,
    /// The loop's short name of what it worked on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The module worked on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// Tokens by model.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub tokens: BTreeMap<String, Tokens>,
    /// Answers of models (API calls).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns: Option<u64>,
    /// Calls of tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<u64>,
    /// Calls of the judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge_calls: Option<u64>,
    /// Tokens of the judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge_tokens: Option<u64>,
    /// How often the judge sent it back before the last verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revisions: Option<u64>,
    /// Files changed, relative to the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<String>>,
    /// Its commits, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub commits: Vec<Commit>,
    /// The last verdict on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What happened in it, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub events: Vec<Event>,
}

/// A commit of the loop's repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Commit {
    /// Its full hash, 40 or 64 hexadecimal digits: the one field in which a hash may stand.
    pub hash: String,
    /// When it was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// Its first line, where free text is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Lines added and taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<(u64, u64)>,
}

/// What the judge said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// ACCEPT, REVERT, WEDGED_NO_VERDICT, or UNKNOWN for any other word.
    pub word: Outcome,
    /// The judge's score, in its own scale.
    #[serde(skip_serializing_if = "not_a_number")]
    pub score: Option<f64>,
    /// Why, where free text is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// What kind of thing.
    pub kind: EventKind,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// A restart's outcome or a wedge's kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// What it says, where free text is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The parity matrix at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
}

/// One review of the loop's behaviour.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// 0 (sick) to 100 (well).
    #[serde(skip_serializing_if = "not_a_number")]
    pub health_score: Option<f64>,
    /// The reviewer's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// What it says, where free text is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// How many findings it has of each severity (`crit`, `warn`, `info`, `other`) that has any; absent where it does not
    /// say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<BTreeMap<String, u64>>,
    /// The worst of them, 20 at most, where free text is shown.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub worst: Vec<Finding>,
}

/// One finding of a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// How bad the reviewer thinks it is.
    pub severity: ReviewSeverity,
    /// What it is.
    pub what: String,
    /// What shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// JSON has no word for NaN and for infinity: what is not a number is as good as absent.
fn not_a_number(value: &Option<f64>) -> bool {
    !value.is_some_and(f64::is_finite)
}
