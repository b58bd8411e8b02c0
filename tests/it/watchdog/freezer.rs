//! A process that no signal ends, as one that waits for a broken disk: frozen by the version 1 freezer.
//!
//! Only root can do this, and only where that freezer is there or can be mounted. (Version 2 freezes too, but a
//! signal kills what it froze.)

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Pid;

/// A frozen process; it is thawed, and the signals that it missed reach it, when this is dropped.
pub(super) struct Frozen {
    group: PathBuf,
    mounted: Option<tempfile::TempDir>,
}

impl Frozen {
    pub(super) fn new(pid: Pid) -> Frozen {
        let (root, mounted) = freezer();
        let group = root.join(format!("autoswe-test-{}", pid.as_raw_nonzero()));
        let needs = "freezing a process needs root and the version 1 freezer";
        std::fs::create_dir(&group).expect(needs);
        let frozen = Frozen { group, mounted };
        std::fs::write(frozen.group.join("cgroup.procs"), pid.as_raw_nonzero().to_string()).expect(needs);
        std::fs::write(frozen.group.join("freezer.state"), "FROZEN").expect(needs);
        while std::fs::read_to_string(frozen.group.join("freezer.state")).unwrap().trim() != "FROZEN" {
            std::thread::yield_now();
        }
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        drop(std::fs::write(self.group.join("freezer.state"), "THAWED"));
        let root = self.group.parent().unwrap();
        let members = std::fs::read_to_string(self.group.join("cgroup.procs")).unwrap_or_default();
        members.lines().for_each(|pid| drop(std::fs::write(root.join("cgroup.procs"), pid)));
        drop(std::fs::remove_dir(&self.group));
        if let Some(mounted) = &self.mounted {
            drop(Command::new("umount").arg(mounted.path()).status());
        }
    }
}

/// Where the freezer is mounted; it is mounted now where it is nowhere.
fn freezer() -> (PathBuf, Option<tempfile::TempDir>) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let mount = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let found = mount.into_iter().find(|m| m[2] == "cgroup" && m[3].split(',').any(|option| option == "freezer"));
    if let Some(mount) = found {
        return (Path::new(mount[1]).to_owned(), None);
    }
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("mount");
    let mounted = command.args(["-t", "cgroup", "-o", "freezer", "freezer"]).arg(directory.path()).status();
    assert!(mounted.is_ok_and(|status| status.success()), "the version 1 freezer cannot be mounted; it needs root");
    (directory.path().to_owned(), Some(directory))
}
