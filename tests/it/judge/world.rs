//! One question to one judge: a configuration, a prompt, and what came of asking.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A configuration and files around it, which go in the end.
pub(super) struct World {
    pub(super) directory: tempfile::TempDir,
    judge: Value,
}

/// What came of asking.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Asked {
    /// The one line of a failure, which must have this exit code; standard output must be empty.
    pub(super) fn failure(&self, code: i32) -> &str {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:?}");
        let line = self.stderr.strip_prefix("autoswe-judge: ").unwrap_or_else(|| panic!("{self:?}"));
        assert_eq!(line.lines().count(), 1, "{self:?}");
        line.trim_end()
    }

    /// The answer, without the end of its line; standard error must be empty.
    pub(super) fn answer(&self) -> &str {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self.stdout.strip_suffix('\n').unwrap()
    }
}

impl World {
    /// A judge of one's own: `entry` is that of the configuration.
    pub(super) fn with(entry: Value) -> Self {
        let judge = json!({"use": "mine", "timeout": "1m", "entries": {"mine": entry}});
        World { directory: tempfile::tempdir().unwrap(), judge }
    }

    /// A shell script as judge, whose answer is where `answer` says. It finds the prompt in `$1`, the file for its answer in
    /// `$2`, and this directory in `$HERE`.
    pub(super) fn script(script: &str, answer: &str) -> Self {
        let entry = json!({"command": "/bin/sh", "args": ["-c", script, "judge", "{prompt}", "{answer_file}"],
            "answer": answer, "environment": ["HERE", "JUDGE_*"]});
        Self::with(entry)
    }

    /// The same with another setting of the section `judge`.
    pub(super) fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.judge[name] = value.into();
        self
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The command that asks `prompt`.
    pub(super) fn command(&self, prompt: &str) -> Command {
        let file = self.path("prompt");
        fs::write(&file, prompt).unwrap();
        let mut command = self.program("rubric");
        command.arg(file);
        command
    }

    /// The program with this `subcommand`. The loop's files are below `runtime` and `repo`.
    pub(super) fn program(&self, subcommand: &str) -> Command {
        let config = self.path("config.yaml");
        let (runtime, repo) = (self.path("runtime"), self.path("repo"));
        let settings = json!({"judge": self.judge, "runtime_dir": runtime, "repo_root": repo});
        fs::write(&config, settings.to_string()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_autoswe-judge"));
        command.arg(subcommand).arg("--config.file").arg(config);
        // What a program that is killed leaves behind goes with this directory.
        command.env("HERE", self.directory.path()).env("TMPDIR", self.directory.path()).stdin(Stdio::piped());
        command
    }

    /// Asks.
    pub(super) fn ask(&self, prompt: &str) -> Asked {
        output(&mut self.command(prompt))
    }

    /// The process ids that a script wrote to `file`, once there are `count`.
    pub(super) fn pids(&self, file: &str, count: usize) -> Vec<i32> {
        eventually(|| {
            let text = fs::read_to_string(self.path(file)).unwrap_or_default();
            let pids: Vec<i32> = text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
            (pids.len() == count && text.ends_with('\n')).then_some(pids)
        })
    }
}

/// Runs `command` with a standard input that stays open and says nothing.
pub(super) fn output(command: &mut Command) -> Asked {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::piped()).spawn().unwrap();
    let silent = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(silent);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Asked { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Whether a process lives; a zombie does not.
pub(super) fn lives(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

/// The value that `look` gives in the end.
pub(super) fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(Instant::now() < deadline, "it did not come true within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Where `tests/run` installs the real Codex CLI.
pub(crate) fn codex() -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("codex").join("bin/codex");
    assert!(program.is_file(), "{} is missing; tests/run installs it", program.display());
    program
}
