//! What the transcripts tell, as correlation takes it.
//!
//! Invariant: plain values; whoever reads transcripts fills them, and nobody looks into a file for more.

use std::path::PathBuf;

use super::run::{LeftOut, Tokens};
use crate::observation::Time;

/// All that the transcripts tell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    /// The transcripts by path; [`Turn::file`] counts in it.
    pub files: Vec<PathBuf>,
    /// The sessions; [`Turn::session`] counts in it.
    pub sessions: Vec<Session>,
    /// The models by name; [`Turn::model`] counts in it.
    pub models: Vec<String>,
    /// The answers by time.
    pub turns: Vec<Turn>,
    /// What was passed over; places count in `files`.
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
    /// Its tokens.
    pub tokens: Tokens,
    /// Tools that it calls.
    pub tool_calls: u16,
    /// Index into [`Ledger::files`].
    pub file: u32,
    /// Where its first line begins in the file.
    pub offset: u64,
}

/// One session of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The directory in which it began.
    pub cwd: Option<PathBuf>,
    /// Its first answer.
    pub first_at: Time,
    /// Its last answer.
    pub last_at: Time,
}
