//! What asks for a synthesis of the journey, in a real user manager: the timer, and the trigger file by its path unit.
//!
//! A script stands in for `autoswe-journey`. It writes down how it was called and whether the trigger file was there,
//! and works until it is let go.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use super::live::Installed;
use super::{LOOK, PATIENCE, ran};

const PATH: &str = "autoswe-synth-bridge.path";
const BRIDGE: &str = "autoswe-synth-bridge.service";
const SYNTH: &str = "autoswe-synth.service";
/// What the bridge calls, and what the timer calls.
const ASKED: &str = "synthesize --rebuild-site --public --wait publish=1 trigger=gone";
const TIMED: &str = "synthesize --rebuild-site --public publish=1";

/// The units with a trigger file whose name means something to systemd and shells, and the script.
struct Site {
    installed: Installed,
}

impl Site {
    fn new() -> Self {
        let installed = Installed::prepared(json!({"journey": {"trigger": "asked for $HOME 100%/now"}}));
        let site = Site { installed };
        std::fs::create_dir(site.trigger().parent().unwrap()).unwrap();
        site.work("");
        let mut command = site.installed.machine.command("install-units --user");
        command
            .envs(site.installed.manager.env())
            .env("AUTOSWE_CONFIG_FILE", site.installed.machine.path("autoswe.yml"));
        let run = ran(&mut command);
        assert_eq!(run.code, Some(0), "{run:?}");
        site.installed.manager.done(&["daemon-reload"]);
        site
    }

    /// What the script does when it is let go.
    fn work(&self, ending: &str) {
        let script = format!(
            "#!/bin/sh\ncd '{}'\ntrigger=gone\n[ -e '{}' ] && trigger=there\n\
             echo \"$* publish=$JOURNEY_PUBLISH trigger=$trigger\" >>runs\n\
             while [ ! -e free ] && ! rm let-go 2>/dev/null; do sleep 0.05; done\n{ending}\n",
            self.installed.runtime("").display(),
            self.trigger().display()
        );
        self.installed.machine.stub("autoswe-journey", &script);
    }

    fn trigger(&self) -> PathBuf {
        self.installed.runtime("asked for $HOME 100%/now")
    }

    fn ask(&self) {
        std::fs::write(self.trigger(), "").unwrap();
    }

    fn let_go(&self) {
        std::fs::write(self.installed.runtime("let-go"), "").unwrap();
    }

    /// How the script was called, once that happened so many times.
    fn runs(&self, count: usize) -> Vec<String> {
        let start = Instant::now();
        loop {
            let text = std::fs::read_to_string(self.installed.runtime("runs")).unwrap_or_default();
            let runs: Vec<String> = text.lines().map(str::to_owned).collect();
            if runs.len() >= count {
                return runs;
            }
            assert!(start.elapsed() < PATIENCE, "{runs:?}, not {count}\n{}", self.installed.log());
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until nothing is asked for and nothing works; how often the script was called by then.
    fn settled(&self) -> usize {
        let manager = &self.installed.manager;
        let start = Instant::now();
        let idle = || {
            !self.trigger().exists()
                && ["inactive", "failed"].contains(&manager.show(BRIDGE, "ActiveState").as_str())
                && manager.show(PATH, "SubState") == "waiting"
        };
        while !idle() {
            assert!(start.elapsed() < PATIENCE, "{}", self.installed.log());
            std::thread::sleep(LOOK);
        }
        self.runs(0).len()
    }
}

#[test]
fn triggers_during_a_run_are_one_more_run() {
    let site = Site::new();
    let manager = &site.installed.manager;
    manager.done(&["start", PATH]);
    assert_eq!(
        (manager.show(PATH, "SubState").as_str(), manager.show(BRIDGE, "ActiveState").as_str()),
        ("waiting", "inactive")
    );
    site.ask();
    assert_eq!(site.runs(1), [ASKED], "the trigger was taken away before the work began");
    for _ in 0..5 {
        site.ask();
    }
    site.let_go();
    assert_eq!(site.runs(2), [ASKED, ASKED]);
    site.let_go();
    assert_eq!(site.settled(), 2);
    assert_eq!(manager.show(BRIDGE, "Result"), "success");
    assert_eq!(manager.show(BRIDGE, "TimeoutStartUSec"), "10min");
}

#[test]
fn a_trigger_that_comes_while_the_timers_run_works_waits_for_its_end() {
    let site = Site::new();
    let manager = &site.installed.manager;
    manager.done(&["start", PATH]);
    manager.done(&["start", "--no-block", SYNTH]);
    site.runs(1);
    site.ask();
    // Asked for, and not begun: what the timer's run has read may be older than the trigger.
    let start = Instant::now();
    while !manager.done(&["list-jobs"]).lines().any(|line| line.contains(BRIDGE) && line.contains("waiting")) {
        assert!(start.elapsed() < PATIENCE, "{}\n{}", manager.done(&["list-jobs"]), site.installed.log());
        std::thread::sleep(LOOK);
    }
    assert!(site.trigger().exists());
    site.let_go();
    assert_eq!(site.runs(2), [&format!("{TIMED} trigger=gone"), ASKED]);
    site.let_go();
    assert_eq!(site.settled(), 2);
}

/// Systemd starts no unit more than five times in ten seconds by default, and gives up on its path unit then.
#[test]
fn neither_many_triggers_nor_failures_end_the_watch() {
    let site = Site::new();
    site.work("exit 1");
    let manager = &site.installed.manager;
    manager.done(&["start", PATH]);
    for count in 1..=6 {
        site.ask();
        site.runs(count);
        site.let_go();
        assert_eq!(site.settled(), count);
    }
    // What cannot be taken away is tried again until it can, and nothing works before it is.
    std::fs::create_dir(site.trigger()).unwrap();
    manager.until(BRIDGE, "Result", "exit-code");
    let tries = || manager.show(BRIDGE, "InvocationID");
    let (first, start) = (tries(), Instant::now());
    while tries() == first {
        assert!(start.elapsed() < PATIENCE, "{}", site.installed.log());
        std::thread::sleep(LOOK);
    }
    assert_eq!(site.runs(0).len(), 6);
    // The watch has not ended. A try that meets no directory any more may be a run of its own.
    site.work("exit 0");
    std::fs::write(site.installed.runtime("free"), "").unwrap();
    std::fs::remove_dir(site.trigger()).unwrap();
    site.ask();
    site.runs(7);
    assert!((7..=8).contains(&site.settled()), "{:?}", site.runs(0));
    assert_eq!(manager.show(BRIDGE, "Result"), "success");
}

#[test]
fn the_timers_run_publishes_and_leaves_the_work_to_another_one() {
    let site = Site::new();
    site.work("exit 75");
    let manager = &site.installed.manager;
    site.let_go();
    manager.done(&["start", SYNTH]);
    assert_eq!(site.runs(1), [format!("{TIMED} trigger=gone")]);
    assert_eq!(manager.show(SYNTH, "Result"), "success");
    site.work("exit 1");
    site.let_go();
    assert!(!manager.systemctl(&["start", SYNTH]).status.success(), "a refusal is a failure");
}
