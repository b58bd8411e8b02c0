//! The keeper: a small process between this program and a tool that may start anything.
//!
//! It is the subreaper of the tool's tree, holds the time limit, and ends the tree when the tool has ended, when the
//! time is up, when it is told to, and when whoever started it is gone, be it by SIGKILL: standard input is a socket
//! whose other end that process holds. How the tool ended goes back over the same socket, as one line of JSON.
//!
//! Invariant: when the keeper ends, no process of the tree is alive, or its report says how many are. Only who kills
//! the keeper itself, too, leaves a tree behind.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::group::Group;
use super::tree;

/// What is to be kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The time limit.
    pub limit: Duration,
    /// A file that the tool gets as standard input; else it gets `/dev/null`.
    pub input: Option<PathBuf>,
    /// The tool and its arguments.
    pub words: Vec<OsString>,
}

/// How a kept tool ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal, which the keeper did not send.
    Signalled(i32),
    /// The time was up.
    OutOfTime,
    /// The keeper was told to end it.
    Stopped,
    /// It could not be started, because of this.
    NotStarted(String),
}

/// What the keeper reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How the tool ended.
    pub end: End,
    /// Processes of the tree that could not be ended.
    pub left: usize,
}

/// Keeps the tool: what the keeper's process does from its start to its end.
///
/// # Errors
/// When it cannot do its work, or standard input is no socket.
pub fn keep(kept: &Kept) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tree::adopt()?;
        let socket = std::os::unix::net::UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        socket.set_nonblocking(true)?;
        let mut socket = UnixStream::from_std(socket)?;
        let report = attend(kept, &mut socket).await?;
        // Who started the keeper may be gone.
        let line = serde_json::to_vec(&report)?;
        drop(socket.write_all(&line).await);
        Ok(())
    })
}

async fn attend(kept: &Kept, socket: &mut UnixStream) -> io::Result<Report> {
    // Before the tool starts, so that no signal in between is lost.
    let (mut term, mut int, mut hup) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    let (group, child) = Group::within(Group::new(), || start(kept));
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Ok(Report { end: End::NotStarted(error.to_string()), left: 0 }),
    };
    let main = child.id().map(u32::cast_signed);
    let end = tokio::select! {
        status = child.wait() => ended(status?),
        () = tokio::time::sleep(kept.limit) => End::OutOfTime,
        () = closed(socket) => End::Stopped,
        _ = term.recv() => End::Stopped,
        _ = int.recv() => End::Stopped,
        _ = hup.recv() => End::Stopped,
    };
    // The tool itself is reaped while its tree ends, or it would count as a process that is left.
    let (left, ()) = tokio::join!(tree::end(main, group.as_ref()), reap(&mut child));
    Ok(Report { end, left })
}

fn start(kept: &Kept) -> io::Result<Child> {
    let (program, arguments) = kept.words.split_first().ok_or_else(|| io::Error::other("no command was given"))?;
    let input = kept.input.as_ref().map_or_else(|| Ok(Stdio::null()), |path| File::open(path).map(Stdio::from))?;
    // In a group of its own: what a terminal sends to this program's must not reach the tool past the keeper.
    Command::new(program).args(arguments).stdin(input).process_group(0).spawn()
}

fn ended(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Signalled(signal.unwrap_or_default()),
    }
}

/// Waits for the tool, though not for one that hangs in the kernel.
async fn reap(child: &mut Child) {
    drop(tokio::time::timeout(2 * tree::GRACE, child.wait()).await);
}

/// Waits until the other end of `socket` is closed.
async fn closed(socket: &mut UnixStream) {
    let mut buffer = [0; 16];
    while let Ok(1..) = socket.read(&mut buffer).await {}
}
