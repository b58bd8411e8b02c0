//! Transcripts as a coding agent leaves them, and as nobody wants to find them.

mod broken;
mod changed;
mod copies;
mod found;
mod killed;
mod pulled;
mod run;
mod saved;
mod split;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

/// A directory with projects of transcripts, and what was read of them.
pub(super) struct Home {
    pub(super) directory: tempfile::TempDir,
    pub(super) max_line: u64,
}

impl Home {
    pub(super) fn new() -> Self {
        let home = Home { directory: tempfile::tempdir().unwrap(), max_line: 8 << 20 };
        fs::create_dir_all(home.path("projects/-srv-loop")).unwrap();
        home
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where the transcript called `name` is.
    pub(super) fn transcript(&self, name: &str) -> PathBuf {
        self.path(&format!("projects/-srv-loop/{name}.jsonl"))
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.transcript(name), content).unwrap();
    }

    pub(super) fn append(&self, name: &str, content: impl AsRef<[u8]>) {
        let file = fs::OpenOptions::new().append(true).create(true).open(self.transcript(name));
        file.unwrap().write_all(content.as_ref()).unwrap();
    }

    pub(super) fn globs(&self) -> Vec<PathBuf> {
        vec![self.path("projects/*/*.jsonl")]
    }

    pub(super) fn options(&self) -> Options {
        Options { state_dir: self.path("journey"), max_line: self.max_line, threads: 2 }
    }

    /// One run, with what earlier ones have kept.
    pub(super) fn read(&self) -> Ledger {
        read(&Frozen::look(&self.globs()).unwrap(), &self.options(), &mut |_, _| {})
    }

    /// One run that knows of no other.
    pub(super) fn read_anew(&self) -> Ledger {
        let state = tempfile::tempdir().unwrap();
        let options = Options { state_dir: state.path().to_owned(), ..self.options() };
        read(&Frozen::look(&self.globs()).unwrap(), &options, &mut |_, _| {})
    }

    pub(super) fn state(&self, name: &str) -> PathBuf {
        self.path("journey/transcripts").join(name)
    }
}

/// A line of an answer, as the agent writes them; `id` names the answer, `at` is a second of a minute.
pub(super) fn answer(id: &str, at: u32, tokens: [u64; 4]) -> Value {
    json!({
        "parentUuid": format!("parent of {id}"),
        "isSidechain": false,
        "userType": "external",
        "cwd": "/srv/loop",
        "sessionId": "11111111-aaaa-4bbb-8ccc-222222222222",
        "version": "2.0.14",
        "gitBranch": "main",
        "message": {
            "id": format!("msg_{id}"),
            "type": "message",
            "role": "assistant",
            "model": "claude-opus-4-1",
            "content": [{"type": "text", "text": "He said \"{ [ \\ ,\n\tand left."}],
            "stop_reason": null,
            "usage": {
                "input_tokens": tokens[0],
                "output_tokens": tokens[1],
                "cache_read_input_tokens": tokens[2],
                "cache_creation_input_tokens": tokens[3],
                "cache_creation": {"ephemeral_5m_input_tokens": tokens[3], "ephemeral_1h_input_tokens": 0},
                "service_tier": "standard",
            },
        },
        "requestId": format!("req_{id}"),
        "type": "assistant",
        "uuid": format!("uuid of {id} at {at}"),
        "timestamp": format!("2026-11-22T12:00:{at:02}.250Z"),
    })
}

/// The same line with a call of a tool in place of the text.
pub(super) fn call(id: &str, at: u32, tokens: [u64; 4], tool: &str) -> Value {
    let mut line = answer(id, at, tokens);
    line["message"]["content"] =
        json!([{"type": "tool_use", "id": tool, "name": "Bash", "input": {"type": "text", "id": "x", "usage": [1]}}]);
    line
}

/// The result of a tool, with the agent's own account of it, which has a usage too.
pub(super) fn result(at: u32) -> Value {
    json!({
        "type": "user",
        "sessionId": "11111111-aaaa-4bbb-8ccc-222222222222",
        "cwd": "/srv/loop",
        "timestamp": format!("2026-11-22T12:00:{at:02}Z"),
        "uuid": format!("result at {at}"),
        "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]},
        "toolUseResult": {"status": "completed", "totalTokens": 9, "usage": {"input_tokens": 4, "output_tokens": 5}},
    })
}

/// Lines of a transcript.
pub(super) fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

/// Tokens of each turn, in the order of [`answer`]'s argument.
pub(super) fn tokens(ledger: &Ledger) -> Vec<[u64; 4]> {
    let of = |turn: &Turn| [turn.tokens.input, turn.tokens.output, turn.tokens.cache_read, turn.tokens.cache_creation];
    ledger.turns.iter().map(of).collect()
}

/// What was left out: kind and count.
pub(super) fn left_out(ledger: &Ledger) -> Vec<(&str, u64)> {
    ledger.left_out.iter().map(|left_out| (left_out.kind.as_str(), left_out.count)).collect()
}

/// Sets the modification time of the file at `path` ahead, as a later write would.
pub(super) fn touch(path: &Path) {
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    fs::OpenOptions::new().append(true).open(path).unwrap().set_modified(later).unwrap();
}
