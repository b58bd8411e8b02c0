//! The processes that descend from this one, and their end.
//!
//! A tool that is told to end may have started others that called setsid, forked twice or ignore SIGTERM. As long as
//! this process is the subreaper of its descendants ([`adopt`]) the kernel gives it each orphan as a child, so that
//! none can leave the tree.
//!
//! Invariant: [`end`] returns 0 only when the kernel says that this process has no child: then it has no descendant either,
//! because it would have become the parent of that one's.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, kill_process, set_child_subreaper, waitid, waitpid,
};

use super::group::Group;

/// How long the tree has to end after SIGTERM, and again after SIGKILL.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Makes this process the parent of its descendants' orphans.
///
/// # Errors
/// Where the kernel cannot.
pub(super) fn adopt() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Ends every descendant: SIGTERM, five seconds, SIGKILL. `main`, a child that somebody else waits for, is ended as well
/// and not reaped. How many are left: those of another user, and those that hang in the kernel.
pub(super) async fn end(main: Option<i32>, group: Option<&Group>) -> usize {
    if is_alone() {
        return 0;
    }
    let mut left = look(main);
    signal(&left, Signal::TERM);
    // One that is stopped hears SIGTERM only when it goes on.
    signal(&left, Signal::CONT);
    let begun = Instant::now();
    while begun.elapsed() < 2 * GRACE {
        if begun.elapsed() >= GRACE {
            // The group at once, so that none forks away; and one by one, for where there is no group.
            group.inspect(|group| group.kill());
            signal(&left, Signal::KILL);
        }
        tokio::time::sleep(PAUSE).await;
        left = look(main);
        if is_alone() {
            return 0;
        }
    }
    // At least the child that the kernel tells of.
    left.len().max(1)
}

/// Whether this process has no child, not even one that has ended.
fn is_alone() -> bool {
    // Asked without taking the status of one, which may be somebody else's to take.
    let asked = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT);
    matches!(asked, Err(Errno::CHILD))
}

fn signal(processes: &[i32], signal: Signal) {
    for pid in processes.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // One that has ended meanwhile needs none; one of another user's is counted as left.
        kill_process(pid, signal).ok();
    }
}

/// The descendants that are alive; orphans that have ended are reaped.
fn look(main: Option<i32>) -> Vec<i32> {
    let own = getpid().as_raw_nonzero().get();
    let (mut children, mut dead) = (HashMap::<i32, Vec<i32>>::new(), Vec::new());
    for stat in procfs::process::all_processes().into_iter().flatten().filter_map(|process| process.ok()?.stat().ok()) {
        if matches!(stat.state, 'Z' | 'X') {
            dead.extend((stat.ppid == own && Some(stat.pid) != main).then_some(stat.pid));
        } else {
            children.entry(stat.ppid).or_default().push(stat.pid);
        }
    }
    for pid in dead.into_iter().filter_map(Pid::from_raw) {
        waitpid(Some(pid), WaitOptions::NOHANG).ok();
    }
    let mut found = children.remove(&own).unwrap_or_default();
    let mut at = 0;
    while at < found.len() {
        found.extend(children.remove(&found[at]).unwrap_or_default());
        at += 1;
    }
    found
}
