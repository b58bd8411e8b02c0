//! A user manager with the small real loop as a service, and the real watchdog beside it.
//!
//! Every limit is scaled down so that a test takes seconds: a heartbeat is old after one second and too old after
//! two, the watchdog looks every 200 ms. What happened is read where a person would read it: the audit trail, the
//! state file, systemd's own word, and the loop's list of its starts.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::manager::{UserManager, unique_unit};

/// Longest wait for anything; a bound, not an expectation.
pub(super) const PATIENCE: Duration = Duration::from_secs(100);
/// Between two looks at whether something has come true.
const LOOK: Duration = Duration::from_millis(10);

/// A manager, a runtime directory, and the configuration of the watchdog for both.
pub(super) struct World {
    pub(super) manager: UserManager,
    /// The loop's unit. No other test has one of its name, because the watchdog looks for its control group by name.
    pub(super) unit: String,
    pub(super) config: Value,
}

impl World {
    /// Without a loop yet.
    pub(super) fn new() -> World {
        World::of(UserManager::start())
    }

    pub(super) fn of(manager: UserManager) -> World {
        let runtime = manager.path().join("runtime");
        std::fs::create_dir(&runtime).unwrap();
        let unit = unique_unit();
        let off = || json!({"enabled": false});
        let config = json!({
            "runtime_dir": runtime, "repo_root": manager.path(), "loop": {"unit": unit},
            "subagents": off(), "vllm": off(), "gpu": off(), "host": off(), "parity": off(), "verdicts": off(),
            "site": off(), "review": off(), "system_state": off(),
            "checks": {"loop": {"warn": "1s", "crit": "2s"}},
            "restart": {
                "interval": "200ms", "bus_timeout": "1s", "confirm_after": "200ms", "backoff": "1s",
                "phase_slack": "1s", "verify": "5s", "job_wait": "5s", "diagnose": "3s",
            },
        });
        World { manager, unit, config }
    }

    /// A loop that does these lines, one for each of its runs; it runs and was seen to beat unless it is told not to.
    pub(super) fn with_loop(commands: &[&str]) -> World {
        let world = World::new();
        world.start_loop("", commands);
        world
    }

    /// The same with more lines in the section `[Service]`.
    pub(super) fn start_loop(&self, service: &str, commands: &[&str]) {
        self.tell(commands);
        self.manager.write_unit(&self.unit, &self.unit_text(service));
        self.manager.done(&["start", &self.unit]);
        self.wait("the loop has started", || !self.starts().is_empty());
        if commands.first().is_some_and(|first| first.starts_with("beat") && *first != "beats=0") {
            self.wait("it has beaten", || self.runtime("state-heartbeat.json").symlink_metadata().is_ok());
        }
    }

    /// The text of the loop's unit. `service` may go on with other sections.
    pub(super) fn unit_text(&self, service: &str) -> String {
        let run = self.run_line();
        let start = if service.contains("ExecStart=") { String::new() } else { format!("ExecStart={run}\n") };
        let stop = if service.contains("TimeoutStopSec=") { "" } else { "TimeoutStopSec=3s\n" };
        format!("[Service]\n{start}{stop}{service}\n")
    }

    /// What runs the loop.
    pub(super) fn run_line(&self) -> String {
        format!("{} {} 50", loop_double().display(), self.runtime("").display())
    }

    /// These settings, written as in the configuration.
    pub(super) fn set(&mut self, settings: Value) {
        crate::exporter::merge(&mut self.config, settings);
    }

    /// Tells the loop what to do, one line for each of its runs.
    pub(super) fn tell(&self, commands: &[&str]) {
        let fresh = self.runtime("commands.new");
        std::fs::write(&fresh, commands.join("\n") + "\n").unwrap();
        std::fs::rename(fresh, self.runtime("commands")).unwrap();
    }

    /// A file of the runtime directory.
    pub(super) fn runtime(&self, name: &str) -> PathBuf {
        self.manager.path().join("runtime").join(name)
    }

    /// The invocation id of each run of the loop so far.
    pub(super) fn starts(&self) -> Vec<String> {
        let starts = std::fs::read_to_string(self.runtime("starts")).unwrap_or_default();
        starts.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    }

    /// The events of the audit trail.
    pub(super) fn trail(&self) -> Vec<Value> {
        let trail = std::fs::read_to_string(self.runtime("liveness-restarts.jsonl")).unwrap_or_default();
        trail.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The trail as words: `intent`, or the outcome.
    pub(super) fn events(&self) -> Vec<String> {
        let word = |event: &Value| event["outcome"].as_str().or(event["event"].as_str()).unwrap_or("?").to_owned();
        self.trail().iter().map(word).collect()
    }

    /// The watchdog's state file, or null.
    pub(super) fn state(&self) -> Value {
        let text = std::fs::read(self.runtime("watchdog-state.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The reason of the latest decision.
    pub(super) fn reason(&self) -> String {
        self.state()["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// How often this reason was given.
    pub(super) fn count(&self, reason: &str) -> u64 {
        let state = self.state();
        let counts = state["decisions"].as_array().cloned().unwrap_or_default();
        counts.iter().filter(|c| c["reason"] == reason).filter_map(|c| c["count"].as_u64()).sum()
    }

    /// Waits until this holds; fails the test with all there is to know when it never does.
    pub(super) fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < PATIENCE, "it never came to this: {what}\n{}", self.story());
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until the watchdog has given this reason.
    pub(super) fn wait_reason(&self, reason: &str) {
        self.wait(&format!("reason {reason}"), || self.reason() == reason);
    }

    /// Lets the watchdog evaluate this many times more.
    pub(super) fn evaluations(&self, more: u64) {
        let all = || {
            let state = self.state();
            let counts = state["decisions"].as_array().cloned().unwrap_or_default();
            counts.iter().filter_map(|count| count["count"].as_u64()).sum::<u64>()
        };
        let before = all();
        self.wait(&format!("{more} more evaluations"), || all() >= before + more);
    }

    /// Waits until the unit's property has this value.
    pub(super) fn until(&self, property: &str, value: &str) {
        self.manager.until(&self.unit, property, value);
    }

    pub(super) fn show(&self, property: &str) -> String {
        self.manager.show(&self.unit, property)
    }

    /// All there is to know, for the message of a test that fails.
    pub(super) fn story(&self) -> String {
        let log = std::fs::read_to_string(self.manager.path().join("watchdog.log")).unwrap_or_default();
        let status = std::fs::read_to_string(self.runtime("state-heartbeat.json")).unwrap_or_default();
        format!(
            "state: {:#}\ntrail: {:#?}\nstarts: {:?}\nheartbeat: {status}\nwatchdog:\n{log}\nmanager:\n{}",
            self.state(),
            self.trail().iter().map(Value::to_string).collect::<Vec<_>>(),
            self.starts(),
            self.manager.log()
        )
    }

    /// The configuration file, written anew.
    pub(super) fn config_file(&self) -> PathBuf {
        let file = self.manager.path().join("config.yml");
        std::fs::write(&file, serde_json::to_vec_pretty(&self.config).unwrap()).unwrap();
        file
    }

    /// `autoswe-watchdog` with these arguments, in an environment that knows the manager and nothing of ours.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_autoswe-watchdog"));
        command.args(arguments).arg("--config.file").arg(self.config_file());
        command.env_clear().envs(self.manager.env()).current_dir(self.manager.path()).stdin(Stdio::null());
        command
    }

    /// Runs it to its end; the test fails when that takes too long.
    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        finish(&mut self.command(arguments))
    }

    /// Starts the daemon.
    pub(super) fn watch(&self) -> Watchdog {
        Watchdog::spawn(self, &mut self.command(&[]))
    }

    /// Waits until this watchdog has evaluated.
    pub(super) fn wait_evaluated_by(&self, watchdog: &Watchdog) {
        let pid = watchdog.pid().as_raw_nonzero().get();
        self.wait("the watchdog has evaluated", || self.state()["pid"] == pid);
    }
}

/// Runs a program to its end, with its output; kills it and fails the test when that takes too long.
pub(super) fn finish(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |mut pipe: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            drop(pipe.read_to_end(&mut bytes));
            bytes
        })
    };
    let (out, err) = (read(Box::new(out)), read(Box::new(err)));
    let status = wait_for(&mut child);
    Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() }
}

fn wait_for(child: &mut Child) -> std::process::ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > PATIENCE {
            drop(child.kill());
            panic!("a program did not end within {PATIENCE:?}");
        }
        std::thread::sleep(LOOK);
    }
}

/// Runs the test of each case on a thread of its own: a case waits far more than it works.
pub(super) fn at_once<T: Send, const N: usize>(cases: [T; N], test: impl Fn(T) + Sync) {
    std::thread::scope(|scope| cases.into_iter().for_each(|case| drop(scope.spawn(|| test(case)))));
}

/// What a program wrote to both its outputs.
pub(super) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The running daemon; it is killed when this is dropped. What it says goes to `watchdog.log`.
pub(super) struct Watchdog {
    child: Child,
}

impl Watchdog {
    pub(super) fn spawn(world: &World, command: &mut Command) -> Watchdog {
        let log = world.manager.path().join("watchdog.log");
        let log = std::fs::OpenOptions::new().append(true).create(true).open(log).unwrap();
        Watchdog { child: command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap() }
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Its exit code, once it ended.
    pub(super) fn exit_code(mut self) -> Option<i32> {
        wait_for(&mut self.child).code()
    }

    /// Kills it as a crash would.
    pub(super) fn kill(self) {
        drop(self);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The built loop. Cargo builds examples along with the tests, but not when only this test binary is asked for.
pub(super) fn loop_double() -> PathBuf {
    static BUILT: Once = Once::new();
    let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let program = profile.join("examples/loop_double");
    BUILT.call_once(|| {
        let modified = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/loop_double/program.rs");
        if modified(&program).is_none() || modified(&program) < modified(&source) {
            crate::gpu::double::build("loop_double", &profile);
        }
    });
    program
}
