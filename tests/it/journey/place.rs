//! A made-up run of the loop with an output directory, and the real program over it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::generated_run::{Plan, generate};
use crate::release::stage::{Site, whole};

/// No run takes this long.
const LONGEST: Duration = Duration::from_secs(120);

/// Where everything is.
pub(crate) struct Place {
    directory: tempfile::TempDir,
    /// Variables that the program gets, beside those without which nothing runs.
    pub(crate) environment: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    /// A run with so many finished iterations.
    pub(crate) fn new(iterations: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let transcripts = iterations * 12_000;
        let plan = Plan { iterations, transcripts, commits: u64::MAX, seed: 7, secrets: false, plant: None };
        generate(directory.path(), &plan).unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        Place { directory, environment: Vec::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.directory.path()).unwrap().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Changes the settings of `journey`.
    pub(crate) fn set(&self, name: &str, value: Value) {
        let mut config: Value = serde_json::from_str(&self.read("config.yaml")).unwrap();
        config["journey"][name] = value;
        fs::write(self.path("config.yaml"), config.to_string()).unwrap();
    }

    /// The site's builder: a shell script in a project of its own, beside whatever else `path("project")` holds.
    pub(crate) fn build_with(&self, script: &str) {
        fs::create_dir_all(self.path("project")).unwrap();
        fs::write(self.path("project/build.sh"), script).unwrap();
        self.set("build", json!({"command": ["sh", "build.sh"], "directory": self.path("project"), "input": "input"}));
    }

    /// The program with these arguments.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_autoswe-journey"));
        command.arg("--config.file").arg(self.path("config.yaml")).args(arguments);
        self.at_home(&mut command);
        command.stdin(Stdio::null());
        command
    }

    /// Gives `command` nobody's environment but what runs need.
    pub(crate) fn at_home(&self, command: &mut Command) {
        command.env_clear().env("HOME", self.path("home")).env("PATH", std::env::var_os("PATH").unwrap());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }

    /// Starts the program.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.program(arguments))
    }

    /// Runs `synthesize` with these flags, which must publish or find nothing new; the release's hash and files.
    pub(crate) fn synthesize(&self, flags: &[&str]) -> (String, Site) {
        let ended = self.run(&[&["synthesize"], flags].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        self.shown().unwrap()
    }

    /// What `current` leads to, which must be whole; nothing where it is not there.
    pub(crate) fn shown(&self) -> Option<(String, Site)> {
        shown(&self.path("site"))
    }

    /// Why the last run was refused, and nothing when it was not.
    pub(crate) fn refusal(&self) -> String {
        fs::read_to_string(self.path("runtime/journey/leak-report.json")).unwrap_or_default()
    }

    /// Lines of a file of the runtime directory.
    pub(crate) fn lines(&self, name: &str) -> Vec<Value> {
        let text = self.read(&format!("runtime/{name}"));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Adds a line to a file of the runtime directory.
    pub(crate) fn add(&self, name: &str, line: &Value) {
        let name = format!("runtime/{name}");
        fs::write(self.path(&name), self.read(&name) + &format!("{line}\n")).unwrap();
    }

    /// The state, to be written back with [`Place::write_state`].
    pub(crate) fn state(&self) -> Value {
        serde_json::from_str(&self.read("runtime/state.json")).unwrap()
    }

    pub(crate) fn write_state(&self, state: &Value) {
        fs::write(self.path("runtime/state.json"), state.to_string()).unwrap();
    }

    /// Every file that the program reads, but those of git.
    pub(crate) fn inputs(&self) -> Vec<PathBuf> {
        let mut inputs = files(&self.path("projects"));
        inputs.extend(
            files(&self.path("runtime")).into_iter().filter(|path| !path.starts_with(self.path("runtime/journey"))),
        );
        inputs.sort();
        inputs
    }
}

/// What `current` in `output` leads to, which must be whole.
pub(crate) fn shown(output: &Path) -> Option<(String, Site)> {
    let target = fs::read_link(output.join("current")).ok()?;
    let (hash, site) = whole(&output.join("current"));
    assert_eq!(target, Path::new("releases").join(&hash));
    Some((hash, site))
}

/// Everything below `directory` that is no directory, sorted.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        match fs::symlink_metadata(&path).unwrap().is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// A program that runs. It is killed when this is dropped before it has ended.
pub(crate) struct Running {
    child: Child,
    said: tempfile::TempDir,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let said = tempfile::tempdir().unwrap();
        command.stdout(File::create(said.path().join("out")).unwrap());
        command.stderr(File::create(said.path().join("err")).unwrap());
        Running { child: command.spawn().unwrap(), said }
    }

    /// What it said so far on standard error.
    pub(crate) fn complaints(&self) -> String {
        fs::read_to_string(self.said.path().join("err")).unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(mut self) -> ExitStatus {
        self.child.kill().unwrap();
        self.child.wait().unwrap()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < LONGEST, "it does not end; it said: {}", self.complaints());
            std::thread::sleep(Duration::from_millis(3));
        };
        let said = |name| String::from_utf8(fs::read(self.said.path().join(name)).unwrap()).unwrap();
        let ended = Ended { code: status.code(), out: said("out"), err: said("err") };
        assert!(ended.code.is_some_and(|code| code < 100) && !ended.err.contains("panicked"), "{ended:?}");
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits until `happened`, for as long as a run may take.
pub(crate) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < LONGEST, "{what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}
