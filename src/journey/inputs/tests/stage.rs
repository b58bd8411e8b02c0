//! A runtime directory with each input, small and whole.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use super::super::{Gathered, freeze, read};
use crate::config::Config;

/// Every input but rotated files.
pub(super) const INPUTS: [&str; 10] = [
    "state.json",
    "state-heartbeat.json",
    "verdicts.jsonl",
    "wedge-events.jsonl",
    "wedge-lessons.jsonl",
    "liveness-restarts.jsonl",
    "rule-refinements.jsonl",
    "orchestrator-bypass-attempts.jsonl",
    "meta-judge.jsonl",
    "system-state.jsonl",
];

pub(super) struct Stage {
    pub(super) config: Config,
    directory: tempfile::TempDir,
}

/// A record of the time series.
pub(super) fn record(at: i64, green: u64) -> String {
    format!(
        "{{\"ts\":{at},\"version\":1,\"crit\":[\"a \\\"parity_green\\\":9\"],\"parity_green\":{green},\"parity_red\":4,\
         \"parity_manual\":1,\"parity_not_applicable\":0,\"parity_unknown\":0,\"host\":null}}\n"
    )
}

impl Stage {
    pub(super) fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config { runtime_dir: directory.path().join("runtime"), ..Config::default() };
        config.journey.repository = None;
        fs::create_dir(&config.runtime_dir).unwrap();
        Stage { config, directory }
    }

    pub(super) fn whole() -> Self {
        let stage = Stage::empty();
        for input in INPUTS {
            fs::write(stage.at(input), Stage::text(input)).unwrap();
        }
        stage
    }

    pub(super) fn text(input: &str) -> String {
        match input {
            "state.json" => concat!(
                r#"{"epoch":3,"iter":3,"phase":"writer","module":"m","started_at":1795345200,"updated_at":1795348790,"#,
                r#""history":[{"epoch":3,"iter":1,"slug":"one","outcome":"ACCEPT","started_at":1795345200,"#,
                r#""ended_at":1795346000,"tokens":{"q":9},"files":["a"]},"#,
                r#"{"epoch":3,"iter":2,"slug":"two","outcome":"REVERT","started_at":"2026-11-22T11:13:20Z"}]}"#
            )
            .into(),
            "state-heartbeat.json" => r#"{"ts":1795348795,"epoch":3,"iter":3,"phase":"judge"}"#.into(),
            "verdicts.jsonl" => concat!(
                r#"{"ts":1795346000,"epoch":3,"iter":1,"verdict":"ACCEPT","score":0.9,"reason":"green"}"#,
                "\n",
                r#"{"ts":1795347000,"epoch":3,"iter":2,"verdict":"REVERT","score":0.2,"reason":"rød"}"#,
                "\n"
            )
            .into(),
            "liveness-restarts.jsonl" => concat!(
                r#"{"ts":1795346500,"event":"intent","id":"r1","reason":"silent"}"#,
                "\n",
                r#"{"ts":1795346600,"event":"outcome","id":"r1","outcome":"took"}"#,
                "\n"
            )
            .into(),
            "meta-judge.jsonl" => "{\"ts\":1795346000,\"health_score\":80,\"verdict\":\"fine\"}\n".into(),
            "system-state.jsonl" => [(0, 1), (180, 1), (360, 2), (540, 3), (3560, 3)]
                .map(|(at, green)| record(1_795_345_200 + at, green))
                .concat(),
            _ => "{\"ts\":1795346100,\"iter\":1,\"kind\":\"some\",\"message\":\"text\"}\n".into(),
        }
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.config.runtime_dir.join(name)
    }

    pub(super) fn append(&self, name: &str, text: &str) {
        OpenOptions::new().append(true).open(self.at(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub(super) fn state_dir(&self) -> PathBuf {
        self.directory.path().join("kept")
    }

    pub(super) fn read(&self) -> Gathered {
        read(&freeze(&self.config), &self.state_dir())
    }
}
