//! The units of `deploy/` as `install-units` writes them: on disk, to systemd's own checks, and in a real manager.

mod files;
mod journey;
mod live;
mod notify;
mod review;
mod sandbox;
mod server;
mod verify;

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Longest wait for anything; a bound, not an expectation.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two looks at whether something has come true.
const LOOK: Duration = Duration::from_millis(20);

/// The programs in a directory of their own, a repository and a home, none of them with a simple name.
struct Machine {
    directory: tempfile::TempDir,
    home: PathBuf,
}

/// What a command did.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("autoswe 100% $HOME ").tempdir().unwrap();
        let home = directory.path().join("home");
        Self::in_home(directory, &home)
    }

    /// With the home of somebody else, such as a user manager's.
    fn in_home(directory: tempfile::TempDir, home: &Path) -> Self {
        let machine = Machine { directory, home: home.to_owned() };
        for name in ["my bin", "repo \"x\"", "root", "home"] {
            std::fs::create_dir(machine.path(name)).unwrap();
        }
        let programs = [
            ("autoswe-exporter", env!("CARGO_BIN_EXE_autoswe-exporter")),
            ("autoswe-watchdog", env!("CARGO_BIN_EXE_autoswe-watchdog")),
            ("autoswe-journey", env!("CARGO_BIN_EXE_autoswe-journey")),
            ("autoswe-judge", env!("CARGO_BIN_EXE_autoswe-judge")),
        ];
        for (name, built) in programs {
            let place = machine.path("my bin").join(name);
            std::fs::hard_link(built, &place).or_else(|_| std::fs::copy(built, &place).map(drop)).unwrap();
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn program(&self) -> PathBuf {
        self.path("my bin/autoswe-exporter")
    }

    /// A script in place of a program.
    fn stub(&self, program: &str, script: &str) {
        let place = self.path("my bin").join(program);
        // A name of the built program: it must not be written to.
        std::fs::remove_file(&place).unwrap();
        std::fs::write(&place, script).unwrap();
        std::fs::set_permissions(&place, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(self.program());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &self.home);
        command.current_dir(self.path("repo \"x\"")).args(words.split_whitespace()).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &str) -> Ran {
        ran(&mut self.command(words))
    }

    /// Into the root directory of an image.
    fn run_in_root(&self, words: &str) -> Ran {
        ran(self.command(words).arg("--root").arg(self.path("root")))
    }

    fn user_units(&self) -> PathBuf {
        self.home.join(".config/systemd/user")
    }

    /// Every file below the root directory and the home, with its text.
    fn all_files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        [self.path("root"), self.home.clone()].iter().for_each(|directory| collect(directory, &mut found));
        found.sort();
        found
    }
}

fn collect(directory: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => collect(&entry.path(), found),
            _ => found.push((entry.path(), std::fs::read(entry.path()).unwrap_or_default())),
        }
    }
}

fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// The files in `directory` whose name ends so.
fn named(directory: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let fits = |path: &PathBuf| path.extension().and_then(OsStr::to_str).is_some_and(|end| ends.contains(&end));
    let mut files: Vec<_> = files.filter(fits).collect();
    files.sort();
    files
}
