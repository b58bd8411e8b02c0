//! The cgroup of a systemd unit: where it is, and which processes are in it.
//!
//! Invariant: every walk is bounded in directories and depth, and a directory that vanishes on the way is skipped.

use std::collections::VecDeque;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Directories looked at in one search; a busy machine has some hundred.
const MAX_DIRECTORIES: usize = 4096;

/// How deep a unit may delegate below its own cgroup.
const MAX_DEPTH: usize = 8;

/// Bytes of one cgroup.procs that are read: 4 million processes is the most that Linux has, 100,000 is plenty.
const MAX_PROCS: u64 = 1 << 20;

/// The cgroup of one unit, looked for again whenever it vanished.
#[derive(Debug)]
pub(super) struct UnitCgroup {
    root: PathBuf,
    unit: String,
    /// The user whose manager runs the unit; `None` for the system manager.
    user: Option<u32>,
    found: Option<Found>,
}

#[derive(Debug, Clone, PartialEq)]
struct Found {
    hierarchy: PathBuf,
    directory: PathBuf,
}

impl UnitCgroup {
    /// The cgroup of `unit` below `root`, not looked for yet.
    pub(super) fn new(root: PathBuf, unit: &str, user: Option<u32>) -> Self {
        // As systemctl does: a name without a type is a service.
        let unit = if unit.is_empty() || unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") };
        UnitCgroup { root, unit, user, found: None }
    }

    /// Process ids in the cgroup and below, sorted; `None` when there is no such cgroup.
    pub(super) fn pids(&mut self) -> Option<Vec<i32>> {
        let known = self.found.as_ref().and_then(|found| pids_below(&found.directory));
        known.or_else(|| {
            self.found = self.search();
            pids_below(&self.found.as_ref()?.directory)
        })
    }

    /// The cgroup's path within its hierarchy, where it was found.
    pub(super) fn relative(&self) -> Option<String> {
        let found = self.found.as_ref()?;
        let path = found.directory.strip_prefix(&found.hierarchy).ok()?;
        Some(path.to_string_lossy().into_owned())
    }

    /// What was looked for and is not there.
    pub(super) fn absence(&self) -> String {
        let manager = match self.user {
            Some(uid) => format!("the user manager of uid {uid}"),
            None => "the system manager".into(),
        };
        match self.unit.as_str() {
            "" => "loop.unit is empty".into(),
            unit => format!("no cgroup of {unit} ({manager}) below {}: it does not run", self.root.display()),
        }
    }

    fn search(&self) -> Option<Found> {
        if self.unit.is_empty() {
            return None;
        }
        hierarchies(&self.root).into_iter().find_map(|hierarchy| {
            let directory = self.starts(&hierarchy).into_iter().find_map(|start| self.search_below(start))?;
            Some(Found { hierarchy, directory })
        })
    }

    /// Where to look, likely places first. The last one is the whole hierarchy: a user manager may have been started
    /// elsewhere than by logind, and a system service may have a slice of its own.
    fn starts(&self, hierarchy: &Path) -> [PathBuf; 2] {
        let likely = match self.user {
            Some(uid) => format!("user.slice/user-{uid}.slice/user@{uid}.service"),
            None => "system.slice".into(),
        };
        [hierarchy.join(likely), hierarchy.to_owned()]
    }

    /// The nearest directory below `start` that is the unit's.
    fn search_below(&self, start: PathBuf) -> Option<PathBuf> {
        // The other manager may run a unit of the same name.
        let not_ours = if self.user.is_some() { "system.slice" } else { "user.slice" };
        let mut queue = VecDeque::from([start]);
        for _ in 0..MAX_DIRECTORIES {
            for (name, path) in subdirectories(&queue.pop_front()?) {
                if is_unit(&name, &self.unit) {
                    return Some(path);
                }
                if name != not_ours {
                    queue.push_back(path);
                }
            }
        }
        None
    }
}

/// Process ids in the cgroup `path` and below, sorted, `path` being taken from the root of the hierarchy.
pub(super) fn pids_of(root: &Path, path: &str) -> Vec<i32> {
    let relative = path.trim_matches('/');
    if relative.is_empty() || relative.split('/').any(|part| part == "..") {
        return Vec::new();
    }
    hierarchies(root).iter().find_map(|hierarchy| pids_below(&hierarchy.join(relative))).unwrap_or_default()
}

/// Whether a directory called `name` is the cgroup of `unit`. systemd puts `_` before a name that the kernel could
/// take for one of its own files, such as `memory.service`.
fn is_unit(name: &str, unit: &str) -> bool {
    name == unit || name.strip_prefix('_') == Some(unit)
}

/// The hierarchies in which systemd keeps its units: cgroup v2 alone, or beside v1 (`unified`), or v1 alone.
fn hierarchies(root: &Path) -> Vec<PathBuf> {
    if root.join("cgroup.controllers").exists() {
        return vec![root.to_owned()];
    }
    ["unified", "systemd"].map(|name| root.join(name)).into_iter().filter(|path| path.is_dir()).collect()
}

/// Subdirectories of `directory`, by name, so that two searches find the same.
fn subdirectories(directory: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<(String, PathBuf)> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .collect();
    found.sort();
    found
}

/// Process ids in `directory` and below, sorted; `None` when the directory is not there.
fn pids_below(directory: &Path) -> Option<Vec<i32>> {
    if !directory.is_dir() {
        return None;
    }
    let mut pids = Vec::new();
    let mut level = vec![directory.to_owned()];
    for _ in 0..MAX_DEPTH {
        level.iter().for_each(|directory| pids.extend(pids_in(directory)));
        level = level.iter().flat_map(|directory| subdirectories(directory)).map(|(_, path)| path).collect();
    }
    pids.sort_unstable();
    pids.dedup();
    Some(pids)
}

/// Process ids in one cgroup. A threaded cgroup refuses to be read: its processes stand in the cgroup above it.
fn pids_in(directory: &Path) -> Vec<i32> {
    let mut text = String::new();
    let read =
        fs::File::open(directory.join("cgroup.procs")).and_then(|file| file.take(MAX_PROCS).read_to_string(&mut text));
    if read.is_err() {
        return Vec::new();
    }
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a cgroup `path` below `root` with `pids` in it.
    fn cgroup(root: &Path, path: &str, pids: &str) {
        let directory = root.join(path);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("cgroup.procs"), pids).unwrap();
    }

    fn v2() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("cgroup.controllers"), "cpu memory\n").unwrap();
        root
    }

    fn of_user(root: &Path) -> UnitCgroup {
        UnitCgroup::new(root.into(), "autoswe.service", Some(1000))
    }

    const USER: &str = "user.slice/user-1000.slice/user@1000.service";

    #[test]
    fn a_cgroup_that_is_told_is_read_where_it_is() {
        let root = v2();
        cgroup(root.path(), "app.slice/autoswe.service", "9\n3\n");
        cgroup(root.path(), "app.slice/autoswe.service/child", "4\n");
        assert_eq!(pids_of(root.path(), "/app.slice/autoswe.service"), [3, 4, 9]);
        for none in ["", "/", "/app.slice/other.service", "/app.slice/../app.slice/autoswe.service"] {
            assert_eq!(pids_of(root.path(), none), Vec::<i32>::new(), "{none}");
        }
    }

    #[test]
    fn a_user_unit_is_found_below_its_manager_whatever_its_slice() {
        for slice in ["", "/app.slice", "/app.slice/app-loop.slice"] {
            let root = v2();
            cgroup(root.path(), &format!("{USER}{slice}/autoswe.service"), "12\n7\n");
            let mut unit = of_user(root.path());
            assert_eq!(unit.pids(), Some(vec![7, 12]), "{slice}");
            assert_eq!(unit.relative(), Some(format!("{USER}{slice}/autoswe.service")));
        }
    }

    #[test]
    fn a_manager_outside_logind_is_found_too() {
        let root = v2();
        cgroup(root.path(), "app.slice/autoswe.service", "5\n");
        cgroup(root.path(), "system.slice/autoswe.service", "6\n");
        assert_eq!(of_user(root.path()).pids(), Some(vec![5]), "not the system manager's");
    }

    #[test]
    fn the_own_manager_comes_before_another_users() {
        let root = v2();
        cgroup(root.path(), "user.slice/user-1.slice/user@1.service/autoswe.service", "1\n");
        assert_eq!(of_user(root.path()).pids(), Some(vec![1]));
        cgroup(root.path(), &format!("{USER}/app.slice/autoswe.service"), "2\n");
        assert_eq!(of_user(root.path()).pids(), Some(vec![2]));
    }

    #[test]
    fn a_system_unit_is_found_in_any_slice_but_a_users() {
        let root = v2();
        let mut unit = UnitCgroup::new(root.path().into(), "autoswe", None);
        cgroup(root.path(), &format!("{USER}/autoswe.service"), "1\n");
        assert_eq!(unit.pids(), None);
        cgroup(root.path(), "loops.slice/autoswe.service", "2\n");
        assert_eq!(unit.pids(), Some(vec![2]));
    }

    #[test]
    fn hybrid_and_old_hierarchies_are_searched() {
        for hierarchy in ["unified", "systemd"] {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("memory")).unwrap();
            cgroup(root.path(), &format!("{hierarchy}/{USER}/app.slice/autoswe.service"), "3\n");
            let mut unit = of_user(root.path());
            assert_eq!(unit.pids(), Some(vec![3]));
            assert_eq!(unit.relative(), Some(format!("{USER}/app.slice/autoswe.service")));
        }
    }

    #[test]
    fn delegated_cgroups_belong_to_the_unit() {
        let root = v2();
        cgroup(root.path(), &format!("{USER}/autoswe.service"), "1\n");
        cgroup(root.path(), &format!("{USER}/autoswe.service/agents/writer"), "3\n2\n2\nx\n\n-\n");
        // Reading cgroup.procs of a threaded cgroup fails; a directory in its place does too.
        fs::create_dir_all(root.path().join(format!("{USER}/autoswe.service/threaded/cgroup.procs"))).unwrap();
        assert_eq!(of_user(root.path()).pids(), Some(vec![1, 2, 3]));
    }

    #[test]
    fn a_vanished_cgroup_is_looked_for_again() {
        let root = v2();
        let mut unit = of_user(root.path());
        cgroup(root.path(), &format!("{USER}/app.slice/autoswe.service"), "1\n");
        assert_eq!(unit.pids(), Some(vec![1]));
        fs::remove_dir_all(root.path().join(USER)).unwrap();
        assert_eq!(unit.pids(), None);
        assert_eq!(unit.relative(), None);
        assert!(unit.absence().contains("autoswe.service (the user manager of uid 1000)"), "{}", unit.absence());
        cgroup(root.path(), &format!("{USER}/other.slice/autoswe.service"), "4\n");
        assert_eq!(unit.pids(), Some(vec![4]));
    }

    #[test]
    fn names_that_systemd_escapes_are_known() {
        assert!(is_unit("_memory.service", "memory.service"));
        assert!(!is_unit("xmemory.service", "memory.service"));
    }

    #[test]
    fn nothing_to_look_for_finds_nothing() {
        let root = v2();
        cgroup(root.path(), &format!("{USER}/app.slice"), "1\n");
        assert_eq!(UnitCgroup::new(root.path().into(), "", Some(1000)).pids(), None);
        assert_eq!(UnitCgroup::new("/nowhere".into(), "a.service", None).pids(), None);
    }

    #[test]
    fn a_symbolic_link_is_not_followed() {
        let root = v2();
        fs::create_dir_all(root.path().join(USER)).unwrap();
        std::os::unix::fs::symlink(root.path(), root.path().join(USER).join("loop")).unwrap();
        assert_eq!(of_user(root.path()).pids(), None);
    }
}
