//! The control group that a user manager of a test lives in.
//!
//! Where the test may write to its own control group, as root may, the manager gets a new one below it. Elsewhere the
//! user's real manager is asked for one (`systemd-run --user --scope`). Either way it is the manager's alone, so that
//! all that is in it can be killed in the end.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Where systemd looks for the hierarchy that it keeps its units in, the unified one first, and the mark of that
/// hierarchy in /proc/PID/cgroup.
const HIERARCHIES: [(&str, &str); 3] =
    [("/sys/fs/cgroup/unified", "0::/"), ("/sys/fs/cgroup/systemd", ":name=systemd:/"), ("/sys/fs/cgroup", "0::/")];

/// A shell's words: enter the groups before `--`, then become the program after it.
const ENTER: &str = r#"while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@""#;

/// The directories of one control group, one per hierarchy.
pub(super) struct Group(Vec<PathBuf>);

/// The command that runs these words, with this environment alone, in a group of their own, and ends them when the
/// calling thread ends.
pub(super) fn inside(env: &[(&str, OsString)], words: &[&str]) -> (Command, Group) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("autoswe-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let of_ours = directories("/proc/self/cgroup").into_iter().map(|directory| directory.join(&name));
    let (made, refused): (Vec<_>, Vec<_>) = of_ours.partition(|directory| std::fs::create_dir(directory).is_ok());
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]);
    let ours = refused.is_empty() && !made.is_empty();
    if ours {
        command.args(["sh", "-c", ENTER, "sh"]).args(&made).arg("--");
    } else {
        command.args(["systemd-run", "--user", "--scope", "--quiet", "--collect", "--property=Delegate=yes", "--"]);
    }
    let assignments = env.iter().map(|(name, value)| {
        let mut assignment = OsString::from(format!("{name}="));
        assignment.push(value);
        assignment
    });
    command.args(["env", "-i"]).args(assignments).args(words);
    if ours {
        (command, Group(made))
    } else {
        Group(made).end();
        (command, Group(Vec::new()))
    }
}

/// The directories of a process's control group, of those hierarchies that systemd uses here.
fn directories(of: &str) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(of).unwrap();
    let mut found: Vec<PathBuf> = Vec::new();
    for (root, mark) in HIERARCHIES {
        let path = text.lines().find_map(|line| Some(line.split_once(mark)?.1));
        let directory = path.map(|path| Path::new(root).join(path));
        found.extend(directory.filter(|directory| directory.join("cgroup.procs").exists()));
    }
    found
}

impl Group {
    /// Learns the group from the manager's process where it was not made here.
    pub(super) fn learn(&mut self, manager: Pid) {
        if self.0.is_empty() {
            let own = directories(&format!("/proc/{}/cgroup", manager.as_raw_nonzero()));
            // The manager moves itself to a group "init.scope" below its own.
            self.0 = own.into_iter().map(|directory| directory.parent().unwrap_or(&directory).to_owned()).collect();
        }
    }

    /// Kills all that is in it and takes it away.
    pub(super) fn end(&self) {
        let start = Instant::now();
        for directory in &self.0 {
            while directory.exists() && start.elapsed() < Duration::from_secs(10) {
                remove(directory);
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

/// Kills what is in a group and below it, and removes those groups that are empty.
fn remove(directory: &Path) {
    let below = std::fs::read_dir(directory).into_iter().flatten().flatten();
    below.filter(|entry| entry.path().is_dir()).for_each(|entry| remove(&entry.path()));
    let pids = std::fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    for pid in pids.lines().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
        kill_process(pid, Signal::KILL).ok();
    }
    drop(std::fs::remove_dir(directory));
}
