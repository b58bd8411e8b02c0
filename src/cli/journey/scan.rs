//! `autoswe-journey scan`: the leak gate on its own.
//!
//! Invariant: exit code 0 means that everything was scanned and nothing was found; 1 that something was found; 2 that
//! something could not be scanned, whatever else was found. Findings come in the order of the paths, and no value with
//! them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use clap::Args;
use glob::Pattern;
use ring::digest;
use serde_json::json;

use super::super::output::{self, Outlet};
use super::walk::{Entry, Walk};
use crate::journey::leak::{Exact, Examined, Finding, Imported, Options, Scanner};
use crate::words;

/// Threads that scan at most: each takes 2 MiB.
const THREADS: usize = 4;
/// Files whose findings wait for those of a file before them.
const WAITING: u64 = 256;
/// Findings that wait, give or take those of one file.
const HELD: usize = 1_000;

pub(super) const EXAMPLES: &str = "\
Examples:
  autoswe-journey scan notes.md                        is there a secret in it?
  autoswe-journey scan --public journey-web/           the same, and who and where: as before a release
  git diff | autoswe-journey scan -                    what would be committed
  git log -p --all | autoswe-journey scan -            what was
  autoswe-journey scan --exclude '**/.git' .           a working tree
  autoswe-journey scan --json DIR | jq -r .rule        for scripts; no value is in it
  autoswe-journey scan --rules gitleaks.toml DIR       with rules of one's own

Exit code: 0 clean, 1 something was found, 2 something could not be scanned (docs/gate.md).";

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub(super) struct ScanArguments {
    /// Print one JSON object per finding, without the value
    #[arg(long)]
    json: bool,
    /// Also look for what a release must not show: who and where, and the values of this machine
    #[arg(long)]
    pub(super) public: bool,
    /// Also look for what the rules of a file in gitleaks' TOML format find
    #[arg(long, value_name = "FILE.toml")]
    rules: Option<PathBuf>,
    /// Leave out what a pattern such as `**/.git` names, matched against the path as it is told; may be given again
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<Pattern>,
    /// Files and directories, or - for standard input. Symbolic links in directories are not followed
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

/// Scans what `arguments` name; `exact` are values of this machine.
pub(super) fn run(arguments: &ScanArguments, exact: Vec<Exact>) -> ExitCode {
    let scanner = match scanner(arguments, exact) {
        Ok(scanner) => scanner,
        Err(message) => return output::fail(2, &message),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let desk = Desk { scanner: &scanner, json: arguments.json, state: Mutex::default(), moved: Condvar::new() };
    let walk = Mutex::new((Walk::new(&arguments.paths, &arguments.exclude), 0));
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| desk.work(&walk));
        }
        desk.work(&walk);
    });
    desk.finish()
}

fn scanner(arguments: &ScanArguments, exact: Vec<Exact>) -> Result<Scanner, String> {
    let imported = arguments.rules.as_deref().map(imported).transpose()?;
    let options = Options { identity: arguments.public, exact, imported, key: key(), ..Options::default() };
    Scanner::new(options).map_err(|error| format!("the scan cannot begin: {error}"))
}

fn imported(path: &Path) -> Result<Imported, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{}: the rules cannot be read ({error}); name a file that can", path.display()))?;
    Imported::read(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The key of this machine's fingerprints, so that they compare from run to run, and say nothing to whoever does not
/// know the machine's id.
fn key() -> Option<[u8; 32]> {
    let id = std::fs::read("/etc/machine-id").ok().filter(|id| id.len() >= 32)?;
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"fingerprints of autoswe-journey scan\0");
    context.update(id.trim_ascii());
    context.finish().as_ref().try_into().ok()
}

/// Where what was scanned is told, in order.
struct Desk<'a> {
    scanner: &'a Scanner,
    json: bool,
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    /// The number of the file that is told next.
    next: u64,
    waiting: BTreeMap<u64, Told>,
    /// Findings that wait.
    held: usize,
    files: u64,
    links: u64,
    excluded: u64,
    bytes: u64,
    findings: u64,
    failed: u64,
    /// Nobody reads any more, or standard output cannot be written.
    gone: bool,
}

/// What is to be told of one entry.
#[derive(Default)]
struct Told {
    files: u64,
    links: u64,
    excluded: u64,
    examined: Examined,
    /// What it is called, for the message that it could not be scanned.
    name: String,
}

impl Desk<'_> {
    /// Scans one entry after the other until there is none.
    fn work(&self, walk: &Mutex<(Walk<'_>, u64)>) {
        loop {
            let (entry, number) = {
                let mut walk = walk.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(entry) = walk.0.next() else { return };
                walk.1 += 1;
                (entry, walk.1 - 1)
            };
            let told = self.look_at(entry);
            let state = self.state();
            // Memory is bounded: who is far ahead waits.
            let ahead = |state: &mut State| {
                let is_full = number >= state.next + WAITING || state.held > HELD;
                is_full && number != state.next && !state.gone
            };
            let mut state = self.moved.wait_while(state, ahead).unwrap_or_else(PoisonError::into_inner);
            state.held += told.examined.findings.len();
            state.waiting.insert(number, told);
            self.tell(&mut state);
            if state.gone {
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_at(&self, entry: Entry) -> Told {
        let failed = |error| Examined { failed: Some(error), ..Examined::default() };
        match entry {
            Entry::File { shown, name, file } => {
                let examined = match file {
                    Ok(mut file) => self.scanner.examine(&shown, &name, &mut file),
                    Err(error) => failed(error),
                };
                Told { files: 1, examined, name: shown, ..Told::default() }
            }
            Entry::Link { shown, name, target } => {
                let examined = self.scanner.examine(&shown, &name, &mut target.as_slice());
                Told { links: 1, examined, name: shown, ..Told::default() }
            }
            Entry::Empty { shown, name } => {
                let examined = self.scanner.examine(&shown, &name, &mut std::io::empty());
                Told { examined, name: shown, ..Told::default() }
            }
            Entry::Unreadable { shown, error } => Told { examined: failed(error), name: shown, ..Told::default() },
            Entry::Excluded => Told { excluded: 1, ..Told::default() },
        }
    }

    /// Tells everything that is next.
    fn tell(&self, state: &mut State) {
        while let Some(told) = state.waiting.remove(&state.next) {
            state.next += 1;
            state.held -= told.examined.findings.len();
            state.files += told.files;
            state.links += told.links;
            state.excluded += told.excluded;
            state.bytes += told.examined.bytes;
            state.findings += told.examined.findings.len() as u64;
            let text: String = told.examined.findings.iter().map(|finding| self.line(finding)).collect();
            if !text.is_empty() && !state.gone {
                state.gone = is_gone(output::print(&text));
            }
            if told.links > 0 {
                self.complain(&told.name, "a symbolic link, not followed");
            }
            if let Some(error) = told.examined.failed {
                state.failed += 1;
                self.complain(&told.name, &format!("could not be scanned: {error}"));
            }
        }
        self.moved.notify_all();
    }

    /// Tells `message` about the file called `name`, which shows no value either.
    fn complain(&self, name: &str, message: &str) {
        let findings = self.scanner.examine(name, name, &mut std::io::empty()).findings;
        let masked = findings.first().map_or(name, |finding| &finding.file);
        output::complain(&format!("{}: {message}", words::clean(masked)));
    }

    fn line(&self, finding: &Finding) -> String {
        if self.json {
            return format!("{}\n", json!(finding));
        }
        let Finding { rule, file, line, column, layers, .. } = finding;
        let description = self.scanner.description(rule).unwrap_or_default();
        let undone: String = layers.iter().map(|layer| format!(", in {}", layer.word())).collect();
        format!(
            "{}:{line}:{column}: {} ({}{undone})\n",
            words::clean(file),
            words::clean(rule),
            words::clean(description)
        )
    }

    fn finish(&self) -> ExitCode {
        let mut state = self.state();
        if !self.json && !state.gone {
            let summary = state.summary(self.scanner.rules());
            state.gone = is_gone(output::print(&summary));
        }
        match (state.failed > 0 || state.gone, state.findings) {
            (true, _) => ExitCode::from(2),
            (false, 0) => ExitCode::SUCCESS,
            (false, _) => ExitCode::from(1),
        }
    }
}

impl State {
    /// `2 found in 14 files, 1.5 MiB, with 231 rules; 1 could not be scanned; 3 links were not followed`.
    fn summary(&self, rules: usize) -> String {
        let count = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        let found = if self.findings == 0 { "nothing".to_owned() } else { self.findings.to_string() };
        let scanned = count(self.files, "file", "files");
        let mut summary = format!("{found} found in {scanned}, {}, with {rules} rules", words::bytes(self.bytes));
        for (number, one, many) in [
            (self.failed, "could not be scanned", "could not be scanned"),
            (self.links, "link was not followed", "links were not followed"),
            (self.excluded, "was excluded", "were excluded"),
        ] {
            if number > 0 {
                summary += &format!("; {}", count(number, one, many));
            }
        }
        summary + "\n"
    }
}

fn is_gone(printed: Result<Outlet, String>) -> bool {
    match printed {
        Ok(outlet) => outlet == Outlet::Gone,
        Err(message) => {
            output::complain(&message);
            true
        }
    }
}
