//! A control group of the tree's own, where the kernel has version 2 and this process may make one below its own: as
//! root, or in a unit of the user's manager. There the kernel ends all of it at once.
//!
//! Invariant: without it nothing is lost but that: [`super::tree`] finds the same processes.

use std::fs;
use std::path::PathBuf;

use rustix::process::getpid;

/// Where version 2 is mounted: alone, or beside version 1.
const ROOTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// The group; it is taken away when this is dropped and it is empty.
#[derive(Debug)]
pub(super) struct Group {
    own: PathBuf,
    path: PathBuf,
}

impl Group {
    /// A new group below that of this process, if it may make one there.
    pub(super) fn new() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/cgroup").ok()?;
        let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let own =
            ROOTS.iter().map(|root| PathBuf::from(root).join(path)).find(|own| own.join("cgroup.procs").exists())?;
        let path = own.join(format!("autoswe-judge-{}", getpid().as_raw_nonzero()));
        fs::create_dir(&path).ok()?;
        let group = Group { own, path };
        // Since Linux 5.14.
        group.path.join("cgroup.kill").exists().then_some(group)
    }

    /// Runs `start` in the group: what it starts is born there, and this process goes back. `None` of a group that cannot
    /// be entered, or left again.
    pub(super) fn within<T>(group: Option<Self>, start: impl FnOnce() -> T) -> (Option<Self>, T) {
        let own = getpid().as_raw_nonzero().to_string();
        let group = group.filter(|group| fs::write(group.path.join("cgroup.procs"), &own).is_ok());
        let started = start();
        // Killing a group that this process is in would end it, too.
        (group.filter(|group| fs::write(group.own.join("cgroup.procs"), &own).is_ok()), started)
    }

    /// Kills all that is in it.
    pub(super) fn kill(&self) {
        fs::write(self.path.join("cgroup.kill"), "1").ok();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        fs::remove_dir(&self.path).ok();
    }
}
