//! Between the intent and the restart: what happens while diagnostics are captured may call it off.
//!
//! `journalctl` is a script here that waits until the test lets it go on, so that the test can do in that time what an
//! operator might do.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::world::{Watchdog, World};

/// A hung loop, and a watchdog that has written its intent and captures diagnostics until [`Held::go`].
pub(super) struct Held {
    pub(super) world: World,
    pub(super) watchdog: Option<Watchdog>,
}

impl Held {
    pub(super) fn new(settings: Value, commands: &[&str]) -> Held {
        let mut world = World::new();
        world.set(json!({"restart": {"diagnose": "30s"}}));
        world.set(settings);
        world.start_loop("TimeoutStopSec=1s", commands);
        Held { watchdog: None, world }.watch()
    }

    /// Starts the watchdog and waits until it captures diagnostics.
    pub(super) fn watch(mut self) -> Held {
        self.start();
        let intents = self.intents();
        self.world.wait("it captures diagnostics", || self.begun() && self.intents() > 0);
        assert!(self.intents() >= intents);
        self
    }

    pub(super) fn start(&mut self) {
        self.script();
        drop(std::fs::remove_file(self.world.runtime("begun")));
        let mut command = self.world.command(&[]);
        let path = std::env::join_paths(
            [self.world.manager.path().join("bin")]
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        );
        command.env("PATH", path.unwrap());
        self.watchdog = Some(Watchdog::spawn(&self.world, &mut command));
    }

    /// Whether it captures diagnostics, or did so since it was started.
    pub(super) fn begun(&self) -> bool {
        self.world.runtime("begun").exists()
    }

    pub(super) fn intents(&self) -> usize {
        self.world.events().iter().filter(|event| *event == "intent").count()
    }

    fn script(&self) {
        let bin = self.world.manager.path().join("bin");
        drop(std::fs::create_dir(&bin));
        let (begun, go) = (self.world.runtime("begun"), self.world.runtime("go"));
        let text = format!(
            // It outlives a watchdog that is killed, and ends with the test's directory.
            "#!/bin/sh\necho the unit said this\n: >{}\nwhile [ -e \"$0\" ] && [ ! -e {} ]; do sleep 0.05; done\n",
            begun.display(),
            go.display()
        );
        std::fs::write(bin.join("journalctl"), text).unwrap();
        std::fs::set_permissions(bin.join("journalctl"), PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// Lets diagnostics end.
    pub(super) fn go(&self) {
        std::fs::write(self.world.runtime("go"), "").unwrap();
    }

    /// Lets diagnostics end and expects that the restart is called off for this reason.
    fn is_called_off(&self, reason: &str) {
        let before = self.world.starts().len();
        self.go();
        self.world.wait("it was called off", || self.world.events() == ["intent", "called_off"]);
        assert_eq!(self.world.starts().len(), before, "{}", self.world.story());
        let outcome = self.world.trail().pop().unwrap();
        assert!(outcome["reason"].to_string().contains(reason), "{outcome}");
    }
}

#[test]
fn a_pause_while_diagnosing_calls_the_restart_off() {
    let held = Held::new(json!({}), &["beats=1", "beat"]);
    let before = held.world.show("InvocationID");
    std::fs::write(held.world.runtime("PAUSE"), "").unwrap();
    held.is_called_off("pause");
    assert_eq!(held.world.show("InvocationID"), before);
    held.world.wait_reason("paused");
    held.world.evaluations(15);
    assert_eq!(held.world.show("InvocationID"), before);
    assert_eq!(held.world.events(), ["intent", "called_off"]);
}

#[test]
fn a_heartbeat_while_diagnosing_calls_the_restart_off() {
    let held = Held::new(json!({}), &["beats=1"]);
    held.world.tell(&["beat"]);
    let beat = held.world.runtime("state-heartbeat.json");
    let before = std::fs::read(&beat).unwrap();
    held.world.wait("it beats again", || std::fs::read(&beat).unwrap() != before);
    held.is_called_off("sign of life");
    held.world.wait_reason("fresh");
}

#[test]
fn an_operators_stop_while_diagnosing_calls_the_restart_off() {
    let held = Held::new(json!({}), &["beats=1"]);
    held.world.manager.done(&["stop", &held.world.unit]);
    held.is_called_off("inactive");
    assert_eq!(held.world.show("ActiveState"), "inactive");
    held.world.wait_reason("stopped");
}

#[test]
fn a_restart_by_somebody_else_while_diagnosing_calls_the_restart_off() {
    let held = Held::new(json!({}), &["beats=1", "beat"]);
    held.world.manager.done(&["restart", &held.world.unit]);
    let theirs = held.world.show("InvocationID");
    held.world.wait("theirs beats", || held.world.starts().len() == 2);
    held.is_called_off("meanwhile");
    assert_eq!(held.world.show("InvocationID"), theirs);
}

#[test]
fn a_manager_that_falls_silent_while_diagnosing_calls_the_restart_off() {
    let held = Held::new(json!({}), &["beats=1", "beat"]);
    held.world.manager.signal(Signal::STOP);
    held.is_called_off("does not answer");
    held.world.wait_reason("bus");
    held.world.manager.signal(Signal::CONT);
}

#[test]
fn diagnostics_hold_what_a_person_needs_and_end_in_time() {
    let held = Held::new(json!({"restart": {"diagnose": "1s"}}), &["beats=1", "beat"]);
    // Nobody lets it go on: its time runs out, and the restart goes on without the rest.
    held.world.wait("the restart was verified", || held.world.events() == ["intent", "took"]);
    let all: Vec<_> = std::fs::read_dir(held.world.runtime("watchdog-diagnostics")).unwrap().flatten().collect();
    let [directory] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let files = std::fs::read_dir(directory.path()).unwrap().flatten();
    let text: String = files.map(|file| std::fs::read_to_string(file.path()).unwrap_or_default()).collect();
    let beat = text.contains("phase_started_at");
    assert!(beat && text.contains("loop_double"), "{text}");
}
