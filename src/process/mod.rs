//! Children: every one has a deadline and a bounded output, and leaves no orphan.
//!
//! Invariant: when [`run`] returns, or is dropped, the child and whatever stayed in its process group have ended or
//! were killed. A tool that leaves its group runs under a [`keeper`], which ends all that descends from it.

mod group;
pub mod keeper;
pub mod kept;
mod tree;

use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

/// What a child printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, as far as it was kept.
    pub stdout: Vec<u8>,
    /// Its standard error, as far as it was kept.
    pub stderr: Vec<u8>,
}

/// Why a child gave no output.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started or waited for.
    #[error("`{program}` cannot be run: {cause}")]
    Spawn {
        /// Its name.
        program: String,
        /// Why.
        cause: std::io::Error,
    },
    /// It was killed because it took too long.
    #[error("`{program}` gave no answer within {:.0} s", .deadline.as_secs_f64())]
    TimedOut {
        /// Its name.
        program: String,
        /// How long it had.
        deadline: Duration,
    },
}

/// Runs `command` for at most `deadline` and keeps at most `most` bytes of each output; the rest is read and
/// forgotten. It has no standard input.
///
/// # Errors
/// When it cannot be started, or has not ended by the deadline.
pub async fn run(command: &mut Command, deadline: Duration, most: usize) -> Result<Output, Error> {
    command.stdin(Stdio::null());
    attend(command, &[], deadline, most).await
}

/// The same with `input` on its standard input. A child that does not read all of it is no error.
///
/// # Errors
/// When it cannot be started, or has not ended by the deadline.
pub async fn run_with_input(
    command: &mut Command,
    input: &[u8],
    deadline: Duration,
    most: usize,
) -> Result<Output, Error> {
    command.stdin(Stdio::piped());
    attend(command, input, deadline, most).await
}

async fn attend(command: &mut Command, input: &[u8], deadline: Duration, most: usize) -> Result<Output, Error> {
    let program = name(command.as_std().get_program());
    let spawn = |cause| Error::Spawn { program: program.clone(), cause };
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn().map_err(spawn)?;
    let group = Group::of(&child);
    let ended = async {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (stdout, stderr, (), status) =
            tokio::join!(keep(stdout, most), keep(stderr, most), give(stdin, input), child.wait());
        status.map(|status| Output { status, stdout, stderr })
    };
    match tokio::time::timeout(deadline, ended).await {
        Ok(output) => {
            let output = output.map_err(spawn);
            drop(group);
            output
        }
        Err(_) => {
            drop(group);
            // Reaped here, so that no zombie is left; one that cannot even be killed is left to the runtime.
            drop(tokio::time::timeout(Duration::from_secs(1), child.wait()).await);
            Err(Error::TimedOut { program, deadline })
        }
    }
}

/// Writes `input` and closes the pipe. Who closes it earlier has read enough.
async fn give(pipe: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut pipe) = pipe {
        pipe.write_all(input).await.ok();
    }
}

/// How a child whose output was taken as it came ended.
#[derive(Debug)]
pub struct Ended {
    /// How it ended; `None` when its output was no longer wanted and it was killed.
    pub status: Option<ExitStatus>,
    /// The first 4 kB of its standard error.
    pub stderr: Vec<u8>,
}

/// Runs `command` for at most `deadline` and hands its standard output to `take` as it comes, until that says `false`.
/// It has no standard input.
///
/// # Errors
/// When it cannot be started, or has not ended by the deadline; what came before was handed over.
pub async fn stream(
    command: &mut Command,
    deadline: Duration,
    mut take: impl FnMut(&[u8]) -> bool,
) -> Result<Ended, Error> {
    let program = name(command.as_std().get_program());
    let spawn = |cause| Error::Spawn { program: program.clone(), cause };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn().map_err(spawn)?;
    let group = Group::of(&child);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let output = async {
            let Some(mut pipe) = stdout else { return Ok(()) };
            let mut buffer = vec![0; 64 << 10];
            while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
                if !take(&buffer[..count]) {
                    return Err(());
                }
            }
            Ok(())
        };
        match tokio::try_join!(output, async { Ok(keep(stderr, 4096).await) }) {
            Ok(((), stderr)) => child.wait().await.map(|status| Ended { status: Some(status), stderr }),
            Err(()) => Ok(Ended { status: None, stderr: Vec::new() }),
        }
    };
    let ended = tokio::time::timeout(deadline, ended).await;
    drop(group);
    if !matches!(ended, Ok(Ok(Ended { status: Some(_), .. }))) {
        // Reaped here, as in `run`.
        drop(tokio::time::timeout(Duration::from_secs(1), child.wait()).await);
    }
    match ended {
        Ok(ended) => ended.map_err(spawn),
        Err(_) => Err(Error::TimedOut { program, deadline }),
    }
}

fn name(program: &OsStr) -> String {
    std::path::Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned()
}

/// The first `most` bytes of `pipe`, which is read to its end.
async fn keep(pipe: Option<impl AsyncRead + Unpin>, most: usize) -> Vec<u8> {
    let Some(mut pipe) = pipe else { return Vec::new() };
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    // An error ends the output as its end does; the exit status tells the rest.
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..count.min(most - kept.len())]);
    }
    kept
}

/// A child's process group, which is killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails when nobody is left in the group, which is what is wanted.
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script);
        command
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn output_and_status_come_back_within_the_bound() {
        let output = run(&mut shell("printf abcdef; printf no >&2; exit 3"), LONG, 4).await.unwrap();
        assert_eq!((&output.stdout[..], &output.stderr[..], output.status.code()), (&b"abcd"[..], &b"no"[..], Some(3)));
        let flood = run(&mut shell("yes | head -c 3000000"), LONG, 1000).await.unwrap();
        assert_eq!((flood.stdout.len(), flood.status.success()), (1000, true));
    }

    #[tokio::test]
    async fn input_is_given_and_may_be_left_unread() {
        let long = vec![b'x'; 1 << 20];
        let output = run_with_input(&mut shell("wc -c"), &long, LONG, 100).await.unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "1048576");
        let output = run_with_input(&mut shell("head -c 3"), &long, LONG, 100).await.unwrap();
        assert_eq!(output.stdout, b"xxx");
    }

    #[tokio::test]
    async fn a_child_that_hangs_is_killed_with_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let pid = directory.path().join("pid");
        // The grandchild holds the pipes open, ignores SIGTERM and outlives its parent.
        let script = format!("(trap '' TERM; sh -c 'echo $$ > {}; exec sleep 600') & wait", pid.display());
        let error = run(&mut shell(&script), Duration::from_millis(700), 10).await.unwrap_err();
        assert_eq!(error.to_string(), "`sh` gave no answer within 1 s");
        let pid: i32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
        let start = std::time::Instant::now();
        while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(start.elapsed() < LONG, "{pid} lives on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn what_stays_behind_a_child_that_ended_is_killed() {
        let start = std::time::Instant::now();
        let output = run(&mut shell("sleep 600 >/dev/null 2>&1 & echo $!"), LONG, 100).await.unwrap();
        let pid = String::from_utf8(output.stdout).unwrap();
        while std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(start.elapsed() < LONG, "{pid} lives on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_stream_is_handed_over_as_it_comes_and_may_be_left() {
        let mut bytes = Vec::new();
        let mut both = shell("printf one; printf two; printf no >&2; exit 3");
        let ended = stream(&mut both, LONG, |part| {
            bytes.extend_from_slice(part);
            true
        });
        let ended = ended.await.unwrap();
        assert_eq!((&bytes[..], &ended.stderr[..]), (&b"onetwo"[..], &b"no"[..]));
        assert_eq!(ended.status.unwrap().code(), Some(3));
        let mut count = 0;
        let mut endless = shell("trap '' PIPE; yes; sleep 600");
        let left = stream(&mut endless, LONG, |part| {
            count += part.len();
            count < 100_000
        });
        assert!(left.await.unwrap().status.is_none());
        assert!((100_000..300_000).contains(&count));
        let late = stream(&mut shell("sleep 600"), Duration::from_millis(50), |_| true).await;
        assert!(matches!(late, Err(Error::TimedOut { .. })));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("/nowhere/program"), LONG, 10).await.unwrap_err().to_string();
        assert!(error.starts_with("`program` cannot be run: No such file"), "{error}");
    }
}
