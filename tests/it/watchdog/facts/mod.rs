//! What systemd really does, pinned where the watchdog rests on it.
//!
//! These tests do not touch the watchdog. They ask a real user manager, in the words that the watchdog uses over
//! D-Bus, so that a systemd that behaves otherwise is known by name before it is known by a loop that was killed. The
//! three groups: what a restart is and what refuses it, what a unit says of itself, and timers.

mod limits;
mod restart;
mod says;
mod timers;

use std::process::Command;
use std::time::{Duration, Instant};

use crate::manager::UserManager;

/// A unit in a manager of its own.
struct Fact {
    manager: UserManager,
    unit: String,
}

impl Fact {
    /// Writes a unit with this text; it is not started.
    fn of(text: &str) -> Fact {
        let manager = UserManager::start();
        let unit = crate::manager::unique_unit();
        manager.write_unit(&unit, text);
        Fact { manager, unit }
    }

    /// The same, started.
    fn running(text: &str) -> Fact {
        let fact = Fact::of(text);
        fact.manager.done(&["start", &fact.unit]);
        fact
    }

    /// Calls a method of the manager over D-Bus with the unit's name first; its answer or its error in words.
    fn call(&self, method: &str, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new("timeout");
        command.args(["10", "busctl", "--user", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1"]);
        command.args(["org.freedesktop.systemd1.Manager", method, &"s".repeat(1 + arguments.len()), &self.unit]);
        let output = command.args(arguments).env_clear().envs(self.manager.env()).output().unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
    }

    /// The one call that the watchdog restarts a loop by.
    fn try_restart(&self) -> Result<String, String> {
        self.call("TryRestartUnit", &["fail"])
    }

    /// `systemctl`'s way to do the same and to wait for the job's end; whether the job was done.
    fn try_restart_and_wait(&self) -> bool {
        self.systemctl("try-restart", &["--job-mode=fail"])
    }

    /// Whether `systemctl` could do this to the unit.
    fn systemctl(&self, verb: &str, options: &[&str]) -> bool {
        let arguments = [&[verb, self.unit.as_str()], options].concat();
        self.manager.systemctl(&arguments).status.success()
    }

    fn show(&self, property: &str) -> String {
        self.manager.show(&self.unit, property)
    }

    /// `ActiveState/SubState/Result`.
    fn state(&self) -> String {
        [self.show("ActiveState"), self.show("SubState"), self.show("Result")].join("/")
    }

    fn until(&self, property: &str, value: &str) {
        self.manager.until(&self.unit, property, value);
    }

    /// Waits until no job is under way.
    fn until_no_job(&self) {
        self.until("Job", "");
    }

    /// Waits until this holds.
    fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let start = Instant::now();
        while !holds() {
            let waited = start.elapsed();
            assert!(waited < Duration::from_secs(30), "not within {waited:?}: {what}\n{}", self.manager.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Lets [`UNTIL_GO`] end.
    fn go(&self) {
        std::fs::write(self.manager.path().join("home/go"), "").unwrap();
    }

    /// A time of the unit in microseconds since boot, 0 when it has none.
    fn microseconds(&self, property: &str) -> u64 {
        self.show(property).parse().unwrap()
    }
}

/// A command that takes until [`Fact::go`].
const UNTIL_GO: &str = "sh -c 'while [ ! -e $HOME/go ]; do sleep 0.02; done'";

/// A service that runs until it is told to stop, with these further lines.
fn sleeper(service: &str) -> String {
    format!("[Service]\nExecStart=sleep 1000\n{service}\n")
}
