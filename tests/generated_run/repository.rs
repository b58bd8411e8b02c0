//! The repository that the loop works on: real commits, through `git fast-import`.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use autoswe_exporter::journey::run::Outcome;
use autoswe_exporter::observation::Time;

use super::beginning;
use super::story::{Iteration, Story};
use super::traps::Traps;

/// Who commits. The name is of nobody, and the domain can belong to nobody (RFC 2606).
const WHO: &str = "The Loop <loop@autoswe.invalid>";

/// Makes the repository at `directory`, with a commit for each of the last `most` accepted iterations, and notes their
/// hashes in `story`.
pub(super) fn write(directory: &Path, story: &mut Story, most: u64, traps: &mut Traps) -> io::Result<()> {
    git(directory, &["init", "--quiet", "--initial-branch=main"], "")?;
    let accepted: Vec<usize> =
        (0..story.iterations.len()).filter(|at| story.iterations[*at].outcome == Outcome::Accept).collect();
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let committed = &accepted[accepted.len().saturating_sub(most)..];
    let stream = stream(story, committed, traps);
    let marks = directory.join(".git/marks");
    let export = format!("--export-marks={}", marks.display());
    git(directory, &["fast-import", "--quiet", &export], &stream)?;
    git(directory, &["reset", "--quiet", "--hard", "main"], "")?;
    for line in fs::read_to_string(&marks)?.lines() {
        let (mark, hash) = line.split_once(' ').unwrap_or_default();
        let number = mark.trim_start_matches(':').parse().unwrap_or(0_usize);
        if let Some(at) = number.checked_sub(2).and_then(|at| committed.get(at)) {
            story.iterations[*at].commit = Some(hash.to_owned());
        }
    }
    fs::remove_file(marks)
}

fn stream(story: &Story, committed: &[usize], traps: &mut Traps) -> String {
    let mut stream = String::new();
    commit(&mut stream, 1, beginning(), "Lay the foundation\n");
    file(&mut stream, "README.md", "# A small database\n\nRebuilt by a loop, module by module.\n");
    for (number, at) in committed.iter().enumerate() {
        let iteration = &story.iterations[*at];
        let mut subject = subject(iteration);
        if number == committed.len() / 2 {
            subject = traps.plant_line("repo", "commit subject", &subject);
        }
        let message = format!("{subject}\n\nIteration: {}/{}\n", iteration.epoch, iteration.iter);
        commit(&mut stream, number + 2, iteration.ended, &message);
        for path in &iteration.files {
            file(&mut stream, path, &content(path, at + number));
        }
    }
    stream
}

fn subject(iteration: &Iteration) -> String {
    let (_, feature) = iteration.slug.split_once('-').unwrap_or_default();
    format!("{}: mend {}", iteration.module, feature.replace('-', " "))
}

/// A file that is another after each change.
fn content(path: &str, version: usize) -> String {
    let mut text = format!("// {path}\n\n");
    for line in 0..12 + version % 7 {
        let value = if line < 10 { line } else { version * 31 + line };
        writeln!(text, "pub const LIMIT_{line}: u64 = {value};").unwrap_or_default();
    }
    text
}

fn commit(stream: &mut String, mark: usize, at: Time, message: &str) {
    let (seconds, length) = (at.as_second(), message.len());
    write!(stream, "commit refs/heads/main\nmark :{mark}\ncommitter {WHO} {seconds} +0000\ndata {length}\n{message}")
        .unwrap_or_default();
}

fn file(stream: &mut String, path: &str, content: &str) {
    let length = content.len();
    writeln!(stream, "M 100644 inline {path}\ndata {length}\n{content}").unwrap_or_default();
}

/// Runs git with nobody's settings.
fn git(directory: &Path, arguments: &[&str], input: &str) -> io::Result<()> {
    let mut command = Command::new("git");
    command.current_dir(directory).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    let mut child = command.spawn().map_err(|error| io::Error::new(error.kind(), format!("git: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    match child.wait()? {
        status if status.success() => Ok(()),
        status => Err(io::Error::other(format!("git {}: {status}", arguments[0]))),
    }
}
