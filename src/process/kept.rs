//! A tool run under a keeper, from this program's side: its environment, its output, its report.
//!
//! Invariant: output is read as it comes and kept within its bound, whatever its length; this returns when the keeper
//! has ended, and when it is dropped the keeper ends the tree by itself.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::net::UnixStream as Socket;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::keeper::{Kept, Report};
use super::{Error, tree};

/// A tool that is to run.
#[derive(Debug, Clone, Copy)]
pub struct Tool<'a> {
    /// The command and its arguments, its standard input and its time.
    pub kept: &'a Kept,
    /// Its environment, all of it.
    pub environment: &'a [(OsString, OsString)],
    /// Its working directory.
    pub directory: &'a Path,
    /// So many bytes of its output are kept, of standard output and standard error half each.
    pub most: usize,
}

/// The word of the command line that makes this program a keeper.
pub const COMMAND: &str = "keep";

/// What a kept tool printed, and how it ended.
#[derive(Debug)]
pub struct Outcome {
    /// The keeper's report.
    pub report: Report,
    /// Its standard output.
    pub stdout: Ends,
    /// Its standard error.
    pub stderr: Ends,
}

/// The beginning and the end of what was printed.
#[derive(Debug, Default)]
pub struct Ends {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    cut: bool,
}

/// The keeper ends the tree within twice its grace; one that says nothing so long after is not waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs `tool` below a keeper, which is this same program with the argument `keep`, until it ends, its time is up, or
/// `stop` comes.
///
/// # Errors
/// When the keeper cannot be started, or ends without a report.
pub async fn run(tool: &Tool<'_>, stop: impl Future<Output = ()>) -> Result<Outcome, Error> {
    let spawn = |cause| Error::Spawn { program: super::name(&tool.kept.words[0]), cause };
    let (ours, theirs) = Socket::pair().map_err(spawn)?;
    ours.set_nonblocking(true).map_err(spawn)?;
    let mut ours = UnixStream::from_std(ours).map_err(spawn)?;
    let mut keeper = start(tool, theirs).map_err(spawn)?;
    let (stdout, stderr) = (keeper.stdout.take(), keeper.stderr.take());
    let report = async {
        let (text, ended) = (told(&mut ours, stop).await, keeper.wait().await);
        ended.and(text)
    };
    let all = async { tokio::join!(ends(stdout, tool.most / 2), ends(stderr, tool.most / 2), report) };
    let longest = tool.kept.limit + 2 * tree::GRACE + PATIENCE;
    let (stdout, stderr, report) = tokio::time::timeout(longest, all)
        .await
        .map_err(|_| Error::TimedOut { program: super::name(&tool.kept.words[0]), deadline: longest })?;
    let report = report.map_err(spawn)?;
    let report = serde_json::from_slice(&report)
        .map_err(|_| spawn(std::io::Error::other("its keeper was killed; look for processes that it left")))?;
    Ok(Outcome { report, stdout, stderr })
}

fn start(tool: &Tool<'_>, socket: Socket) -> std::io::Result<Child> {
    let limit = tool.kept.limit.as_secs_f64().to_string();
    // The file that this program was started from, even when another stands in its place by now.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("autoswe-judge").arg(COMMAND).args(["--limit", &limit]);
    command.args(tool.kept.input.iter().flat_map(|input| [OsStr::new("--input"), input.as_os_str()]));
    command
        .arg("--")
        .args(&tool.kept.words)
        .env_clear()
        .envs(tool.environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(tool.directory).process_group(0);
    let socket = Stdio::from(std::os::fd::OwnedFd::from(socket));
    command.stdin(socket).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// The keeper's report. After `stop` the keeper finds its socket closed, ends the tree, and still reports.
async fn told(socket: &mut UnixStream, stop: impl Future<Output = ()>) -> std::io::Result<Vec<u8>> {
    let (mut text, (mut reader, mut writer)) = (Vec::new(), socket.split());
    tokio::select! {
        read = reader.read_to_end(&mut text) => return read.map(|_| text),
        () = stop => writer.shutdown().await?,
    }
    reader.read_to_end(&mut text).await.map(|_| text)
}

/// Reads `pipe` to its end and keeps the beginning and the end, `most` bytes together.
async fn ends(pipe: Option<impl AsyncRead + Unpin>, most: usize) -> Ends {
    let (mut kept, mut buffer) = (Ends::default(), vec![0; 64 << 10]);
    let Some(mut pipe) = pipe else { return kept };
    // An error ends the output as its end does; the report tells the rest.
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        kept.push(&buffer[..count], most);
    }
    kept
}

impl Ends {
    fn push(&mut self, bytes: &[u8], most: usize) {
        let (most_head, most_tail) = (most / 8, most - most / 8);
        let (head, tail) = bytes.split_at(bytes.len().min(most_head - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(tail);
        if let Some(over @ 1..) = self.tail.len().checked_sub(most_tail) {
            self.cut = true;
            drop(self.tail.drain(..over));
        }
    }

    /// Whether something between beginning and end is missing.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// As text: where something is missing, without the lines that are not whole because of it.
    pub fn text(&self) -> String {
        let (one, two) = self.tail.as_slices();
        if !self.cut {
            return String::from_utf8_lossy(&[&self.head, one, two].concat()).into_owned();
        }
        let end = self.head.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let start = self.tail.iter().position(|byte| *byte == b'\n').map_or(self.tail.len(), |at| at + 1);
        let tail: Vec<u8> = self.tail.range(start..).copied().collect();
        String::from_utf8_lossy(&[&self.head[..end], &tail[..]].concat()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(parts: &[&str], most: usize) -> Ends {
        let mut ends = Ends::default();
        parts.iter().for_each(|part| ends.push(part.as_bytes(), most));
        ends
    }

    #[test]
    fn what_is_short_is_kept_whole() {
        let ends = kept(&["one\n", "two\n", "three"], 16);
        assert_eq!((ends.text().as_str(), ends.is_cut()), ("one\ntwo\nthree", false));
    }

    #[test]
    fn of_what_is_long_the_whole_lines_of_both_ends_are_kept() {
        // Eight bytes of the beginning and 56 of the end.
        let flood = "0123456789\n".repeat(1000);
        let ends = kept(&["a\nb\nccccccc\n", &flood, "last\n"], 64);
        assert!(ends.is_cut() && ends.head.len() + ends.tail.len() == 64);
        assert_eq!(ends.text(), format!("a\nb\n{}last\n", "0123456789\n".repeat(4)));
        let line = kept(&["x".repeat(100).as_str(), &"y".repeat(100)], 64);
        assert_eq!(line.text(), "", "no line is whole");
    }
}
