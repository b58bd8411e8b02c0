//! Sub-agents among real processes: a fake cgroup tree names them, the real /proc tells of them.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use autoswe_exporter::config::Config;
use autoswe_exporter::observation::{Data, Reading, Subagents, Time, seconds_since};
use autoswe_exporter::source::Source;
use autoswe_exporter::source::subagents::{Places, SubagentsSource};
use rustix::process::{Pid, Signal, kill_process_group};

/// A process with all that it starts, ended with the test.
struct Tree(Child);

impl Tree {
    /// Runs a shell script; `name` is its `$0` and so stands in its command line.
    fn shell(script: &str, name: &str) -> Self {
        Self::spawn(Command::new("sh").args(["-c", script, name]))
    }

    /// Runs `sleep` under another name.
    fn sleep(name: &str, argument: &str) -> Self {
        Self::spawn(Command::new("sleep").arg0(name).arg(argument))
    }

    fn spawn(command: &mut Command) -> Self {
        Tree(command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }

    /// Process ids of the tree, itself first, once there are `count` of them.
    fn pids(&self, count: usize) -> Vec<i32> {
        eventually(|| {
            let group: Vec<i32> = procfs::process::all_processes()
                .unwrap()
                .filter_map(|process| process.ok()?.stat().ok())
                .filter(|stat| stat.pgrp == self.pid())
                .map(|stat| stat.pid)
                .collect();
            (group.len() == count).then_some(group)
        })
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.0);
        // Both fail only when the group has ended already.
        kill_process_group(group, Signal::KILL).ok();
        self.0.wait().ok();
    }
}

/// The value that `look` gives in the end; the other processes need a moment to get there.
fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(Instant::now() < deadline, "it did not come true within 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A cgroup v2 tree with the loop's unit in it.
struct Cgroup(tempfile::TempDir);

impl Cgroup {
    const UNIT: &str = "user.slice/user-1000.slice/user@1000.service/app.slice/autoswe.service";

    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("cgroup.controllers"), "").unwrap();
        fs::create_dir_all(root.path().join(Self::UNIT)).unwrap();
        Cgroup(root)
    }

    fn hold(&self, pids: &[i32]) {
        let text: String = pids.iter().map(|pid| format!("{pid}\n")).collect();
        fs::write(self.0.path().join(Self::UNIT).join("cgroup.procs"), text).unwrap();
    }

    /// A source that takes no process for its own child, because all of them are children of this test.
    fn source(&self, config: &Config) -> SubagentsSource {
        source_at(config, self.0.path(), i32::MAX)
    }
}

fn source_at(config: &Config, cgroup: &Path, own_pid: i32) -> SubagentsSource {
    SubagentsSource::at(config, Places { proc: "/proc".into(), cgroup: cgroup.into(), own_pid, uid: 1000 })
}

fn read(source: &mut SubagentsSource) -> Subagents {
    match source.read(Time::now()) {
        Reading::Observed(Data::Subagents(found)) => found,
        other => panic!("no sub-agents: {other:?}"),
    }
}

fn phases(found: &Subagents) -> Vec<(i32, &str)> {
    let mut phases: Vec<_> = found.agents.iter().map(|agent| (agent.pid, agent.phase.as_str())).collect();
    phases.sort_unstable();
    phases
}

#[test]
fn agents_of_the_unit_are_told_by_phase_topmost_only() {
    // The loop's own name matches the writer's pattern; it is the main process and does not count.
    let tree = Tree::shell(
        r#"sh -c 'sh -c "sleep 600; :" planner-inner & wait' planner &
           sh -c 'sleep 600; :' writer &
           wait"#,
        "claude-loop",
    );
    let pids = tree.pids(6);
    let cgroup = Cgroup::new();
    cgroup.hold(&pids);
    let found = read(&mut cgroup.source(&Config::default()));
    assert_eq!(found.processes, 6);
    assert_eq!(found.cgroup.as_deref(), Some(Cgroup::UNIT));
    let mut names: Vec<&str> = found.agents.iter().map(|agent| agent.phase.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["planner", "writer"]);
    assert!(found.agents.iter().all(|agent| agent.pid != tree.pid()));
}

#[test]
fn age_comes_from_the_start_of_the_process_and_no_argument_leaks() {
    let main = Tree::sleep("loop", "600");
    let before = Time::now();
    let agent = Tree::sleep("codex-judge --api-key sk-secret", "600");
    let after = Time::now();
    let cgroup = Cgroup::new();
    cgroup.hold(&[main.pid(), agent.pid()]);
    let found = read(&mut cgroup.source(&Config::default()));
    assert_eq!(phases(&found), [(agent.pid(), "judge")]);
    assert_eq!(found.agents[0].command, "sleep");
    assert!(!format!("{found:?}").contains("secret"));
    let started = found.agents[0].started_at;
    assert!((-5.0..5.0).contains(&seconds_since(started, before)), "{started} against {before}");
    assert!((-5.0..5.0).contains(&seconds_since(started, after)), "{started} against {after}");
}

#[test]
fn a_process_that_becomes_another_program_is_looked_at_again() {
    let main = Tree::sleep("loop", "600");
    let mut agent = Tree::shell("read name; exec sh -c 'sleep 600; :' \"$name\"", "idle");
    let cgroup = Cgroup::new();
    cgroup.hold(&[main.pid(), agent.pid()]);
    let mut source = cgroup.source(&Config::default());
    assert_eq!(phases(&read(&mut source)), []);
    agent.0.stdin.take().unwrap().write_all(b"planner\n").unwrap();
    // Both programs are called sh: only the place of the arguments tells them apart.
    let found = eventually(|| Some(read(&mut source)).filter(|found| !found.agents.is_empty()));
    assert_eq!(phases(&found), [(agent.pid(), "planner")]);
}

#[test]
fn the_ended_and_the_dead_do_not_count() {
    let main = Tree::sleep("loop", "600");
    // `exec sleep` never reaps its child: the judge stays a zombie.
    let undertaker = Tree::shell("sh -c 'exit 0' judge & exec sleep 600", "undertaker");
    let zombie = eventually(|| {
        let mut processes = procfs::process::all_processes().unwrap().filter_map(|process| process.ok()?.stat().ok());
        processes.find(|stat| stat.ppid == undertaker.pid() && stat.state == 'Z').map(|stat| stat.pid)
    });
    // Until then its own command line speaks of a judge.
    eventually(|| {
        let stat = procfs::process::Process::new(undertaker.pid()).unwrap().stat().unwrap();
        (stat.comm == "sleep").then_some(())
    });
    let agent = Tree::sleep("writer", "600");
    let cgroup = Cgroup::new();
    cgroup.hold(&[main.pid(), undertaker.pid(), zombie, agent.pid()]);
    let mut source = cgroup.source(&Config::default());
    let pid = agent.pid();
    assert_eq!(phases(&read(&mut source)), [(pid, "writer")]);
    drop(agent);
    let found = read(&mut source);
    assert_eq!((phases(&found), found.hidden), (vec![], 0), "an ended process is neither counted nor hidden");
}

#[test]
fn processes_that_proc_hides_are_counted_as_hidden() {
    let (main, empty, cgroup) = (Tree::sleep("loop", "600"), tempfile::tempdir().unwrap(), Cgroup::new());
    cgroup.hold(&[main.pid(), 0]);
    let places = Places { proc: empty.path().into(), cgroup: cgroup.0.path().into(), own_pid: i32::MAX, uid: 1000 };
    let found = read(&mut SubagentsSource::at(&Config::default(), places));
    assert_eq!((found.processes, found.hidden), (0, 2));
}

#[test]
fn outside_the_cgroup_a_pattern_finds_them() {
    let marker = format!("marker-{}", std::process::id());
    let agent = Tree::sleep(&format!("writer {marker}"), "600");
    let other = Tree::sleep("writer", "600");
    let mut config = Config::default();
    config.subagents.outside = marker.as_str().into();
    let nothing = tempfile::tempdir().unwrap();
    let found = read(&mut source_at(&config, nothing.path(), i32::MAX));
    assert_eq!(phases(&found), [(agent.pid(), "writer")]);
    assert_eq!(found.cgroup, None);
    // To the exporter that started them they are its own children.
    let own = std::process::id().cast_signed();
    assert_eq!(phases(&read(&mut source_at(&config, nothing.path(), own))), []);
    drop(other);
}

#[test]
fn without_a_cgroup_and_a_pattern_it_says_what_was_looked_for() {
    let nothing = tempfile::tempdir().unwrap();
    let mut source = source_at(&Config::default(), nothing.path(), i32::MAX);
    let Reading::Missing(what) = source.read(Time::now()) else { panic!("not missing") };
    assert!(what.contains("autoswe.service (the user manager of uid 1000)"), "{what}");
    assert!(what.contains("subagents.outside"), "{what}");
}
