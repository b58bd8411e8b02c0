//! What the transcripts tell, as correlation takes it: one entry an answer of a model.
//!
//! Invariant: plain values; whoever reads transcripts fills them, and nobody looks into a file for more.

use std::path::PathBuf;

use super::run::{LeftOut, Tokens};

/// All transcripts.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The files; [`Turn::file`] counts in it.
    pub files: Vec<PathBuf>,
    /// The sessions; [`Turn::session`] counts in it.
    pub sessions: Vec<Session>,
    /// The models' names; [`Turn::model`] counts in it.
    pub models: Vec<String>,
    /// Answers of models, by time.
    pub turns: Vec<Turn>,
    /// What was passed over; places count in `files`.
    pub left_out: Vec<LeftOut>,
}

/// One session of the coding agent.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Its id.
    pub id: String,
}

/// One answer of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Its session.
    pub session: u32,
    /// Its model.
    pub model: u16,
    /// Whether a sub-agent was answered.
    pub sidechain: bool,
    /// What it took.
    pub tokens: Tokens,
    /// Calls of tools in it.
    pub tool_calls: u16,
    /// Its file.
    pub file: u32,
    /// Byte offset of its line.
    pub offset: u64,
}
