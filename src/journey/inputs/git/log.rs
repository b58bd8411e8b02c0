//! `git log`, asked for commits and the lines that they changed.
//!
//! Invariant: nothing that the repository configures is run, and nothing of the user's or the machine's configuration is
//! read. `log` runs no hooks and looks at no index, so `core.hooksPath` and `core.fsmonitor` have no say; what it could
//! run is turned off by name: programs that show differences (`diff.external`, drivers and their `textconv` of
//! attributes), the checker of signatures (`log.showSignature` with `gpg.program`), merge drivers
//! (`log.diffMerges=remerge`), a pager, and the fetching of objects that a partial clone lacks. Attributes of the working
//! tree are not read either, because git is told no working tree but the repository's own directory. The environment is
//! empty but for a `PATH` of absolute directories.

use std::ffi::OsString;
use std::time::Duration;

use tokio::process::Command;

use super::super::gathered::RepoCommit;
use super::refs::Repository;
use crate::observation::Time;
use crate::process::{self, Ended};

/// How long git may take. 10,000 commits take half a second; a huge repository is asked for the time of the run alone.
const DEADLINE: Duration = Duration::from_secs(120);
/// Bytes of git's answer that are read at most: some ten million changed files.
const MOST: u64 = 1 << 30;
/// Characters of a subject that are kept.
const SUBJECT: usize = 1000;

/// Why not all commits are there.
#[derive(Debug)]
pub(super) struct Failure {
    /// What came before.
    pub(super) partly: Vec<RepoCommit>,
    /// A sentence with the mend.
    pub(super) why: String,
    /// Asking in another way may help.
    again: bool,
}

/// What configuration may not turn on.
const SETTINGS: [&str; 8] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.commitGraph=true",
    "diff.orderFile=/dev/null",
    "log.showSignature=false",
    "protocol.allow=never",
    "safe.directory=*",
];

/// What is asked of each commit: nothing but numbers of lines, without renames, whatever the configuration says.
const SHAPE: [&str; 15] = [
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--no-relative",
    "--no-show-signature",
    "--no-notes",
    "--no-mailmap",
    "--no-decorate",
    "--diff-merges=off",
    "--diff-algorithm=myers",
    "--ignore-submodules=none",
    "--submodule=short",
    "--encoding=UTF-8",
    // Begins with a NUL byte, which stands nowhere else in the answer.
    "--format=%x00%H %ct %P%x1f%s",
];

/// The commits that `tip` leads to and `known` does not, committed at `since` or later.
pub(super) fn since(
    repository: &Repository,
    tip: &str,
    known: Option<&str>,
    since: Option<Time>,
) -> Result<Vec<RepoCommit>, Failure> {
    let mut range = vec![tip.to_owned()];
    range.extend(known.map(|known| format!("^{known}")));
    let seconds = since.map(Time::as_second);
    // A filter looks at all commits; `--since` stops at the first old ones, and is for a git before 2.37.
    let filter = |name: &str| seconds.map(|seconds| format!("--{name}={seconds}"));
    let forms = [(filter("since-as-filter"), true), (filter("since"), true), (filter("since"), false)];
    ask(repository, &forms, &range)
}

/// Those of `hashes` that are there, wherever they stand.
pub(super) fn named(repository: &Repository, hashes: &[String]) -> Result<Vec<RepoCommit>, Failure> {
    let mut range = vec!["--no-walk=unsorted".to_owned(), "--ignore-missing".to_owned()];
    range.extend_from_slice(hashes);
    ask(repository, &[(None, true), (None, false)], &range)
}

/// Asks in one form after the other until one is understood: with the numbers of lines, and without them where objects
/// are missing, as in a partial clone.
fn ask(
    repository: &Repository,
    forms: &[(Option<String>, bool)],
    range: &[String],
) -> Result<Vec<RepoCommit>, Failure> {
    let mut last = Failure { partly: Vec::new(), why: String::new(), again: true };
    for (filter, counted) in forms {
        let mut arguments: Vec<&str> = SHAPE.to_vec();
        arguments.extend(counted.then_some("--numstat"));
        arguments.extend(filter.as_deref());
        arguments.extend(range.iter().map(String::as_str));
        match once(repository, &arguments, *counted) {
            Ok(commits) => return Ok(commits),
            Err(Failure { partly, why, again }) => {
                last.partly = if partly.len() > last.partly.len() { partly } else { last.partly };
                (last.why, last.again) = (why, again);
            }
        }
        if !last.again {
            break;
        }
    }
    Err(last)
}

fn once(repository: &Repository, arguments: &[&str], counted: bool) -> Result<Vec<RepoCommit>, Failure> {
    let place = repository.path.display();
    let failed = |why: String| format!("git log of {place}: {why}; try `git -C {place} log --numstat`");
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Err(Failure { partly: Vec::new(), why: failed(error.to_string()), again: false }),
    };
    let mut answer = Answer { shallow: &repository.shallow, counted, ..Answer::default() };
    let mut read = 0;
    let ended = runtime.block_on(process::stream(&mut command(repository, arguments), DEADLINE, |bytes| {
        read += bytes.len() as u64;
        answer.take(bytes);
        read <= MOST
    }));
    let (why, again) = match ended {
        Ok(Ended { status: Some(status), .. }) if status.success() => return Ok(answer.commits),
        Ok(Ended { status: Some(_), stderr }) => (failed(first_line(&stderr)), true),
        Ok(Ended { status: None, .. }) => (failed(format!("more than {MOST} bytes of answer")), false),
        Err(process::Error::Spawn { cause, .. }) => {
            (format!("git cannot be run: {cause}; install it, or set journey.repository to \"\""), false)
        }
        Err(error) => (failed(error.to_string()), false),
    };
    Err(Failure { partly: answer.commits, why, again })
}

fn first_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().find(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    crate::words::clean(line.or(text.lines().next()).unwrap_or("it failed without a word")).chars().take(300).collect()
}

fn command(repository: &Repository, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.env_clear().env("PATH", path()).current_dir(&repository.directory);
    for (name, value) in [
        ("LC_ALL", "C"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_ATTR_NOSYSTEM", "1"),
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_ALLOW_PROTOCOL", "none"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_OPTIONAL_LOCKS", "0"),
    ] {
        command.env(name, value);
    }
    command.arg("--no-pager").arg("--literal-pathspecs");
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    let mut directory = OsString::from("--git-dir=");
    directory.push(&repository.directory);
    command.arg(directory).arg("log").args(arguments).arg("--");
    command
}

/// The absolute directories of `PATH`: another one would be looked for in the repository.
fn path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let absolute = std::env::split_paths(&path).filter(|directory| directory.is_absolute());
    let joined = std::env::join_paths(absolute).ok().filter(|path| !path.is_empty());
    joined.unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

/// Git's answer as it comes in.
#[derive(Debug, Default)]
pub(super) struct Answer<'a> {
    shallow: &'a [String],
    counted: bool,
    /// The beginning of a line.
    line: Vec<u8>,
    commits: Vec<RepoCommit>,
}

impl Answer<'_> {
    #[cfg(test)]
    pub(super) fn counted() -> Self {
        Answer { counted: true, ..Answer::default() }
    }

    #[cfg(test)]
    pub(super) fn commits(self) -> Vec<RepoCommit> {
        self.commits
    }

    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            if self.line.is_empty() {
                self.whole(&bytes[..end]);
            } else {
                self.line.extend_from_slice(&bytes[..end]);
                let line = std::mem::take(&mut self.line);
                self.whole(&line);
            }
            bytes = &bytes[end + 1..];
        }
        // A subject or a name longer than this is cut: no number stands so far on.
        let room = (64_usize << 10).saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn whole(&mut self, line: &[u8]) {
        match line.strip_prefix(b"\0") {
            Some(head) => self.commits.extend(commit(head, self.counted, self.shallow)),
            None => self.count(line),
        }
    }

    /// `added<TAB>taken away<TAB>name`, `-` for a binary file.
    fn count(&mut self, line: &[u8]) {
        let mut parts = line.splitn(3, |byte| *byte == b'\t');
        let mut number = || parts.next().map(|part| String::from_utf8_lossy(part).parse().unwrap_or(0_u64));
        let (Some(added), Some(gone)) = (number(), number()) else { return };
        if let Some(RepoCommit { changed: Some((all_added, all_gone)), .. }) = self.commits.last_mut() {
            *all_added = all_added.saturating_add(added);
            *all_gone = all_gone.saturating_add(gone);
        }
    }
}

/// `hash time parents<1F>subject`.
fn commit(head: &[u8], counted: bool, shallow: &[String]) -> Option<RepoCommit> {
    let text = String::from_utf8_lossy(head);
    let (ids, subject) = text.split_once('\x1f')?;
    let mut ids = ids.split(' ').filter(|id| !id.is_empty()).map(str::to_owned);
    let (hash, at) = (ids.next()?, ids.next()?);
    let parents: Vec<String> = ids.collect();
    // Where a shallow clone ends git would count the whole tree as added.
    let is_cut = shallow.binary_search(&hash).is_ok();
    let changed = (counted && parents.len() < 2 && !is_cut).then_some((0, 0));
    let at = at.parse().ok().and_then(|seconds| Time::from_second(seconds).ok());
    let subject = subject.chars().take(SUBJECT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    Some(RepoCommit { hash, parents, at, subject, changed, reachable: true })
}
