//! `autoswe-watchdog doctor` as a user starts it: without a manager, and with a real one on which all is well or one
//! thing is not.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::manager::{UserManager, alive, unique_unit};

const PROGRAM: &str = env!("CARGO_BIN_EXE_autoswe-watchdog");
/// Longest wait for what must come; a bound, not an expectation.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at whether it has come.
const LOOK: Duration = Duration::from_millis(50);
/// A loop that is as the documents say.
const HEALTHY: &str = "RestartSec=30\nRestart=always\nTimeoutStopSec=90";
const LIMITS: &str = "StartLimitIntervalSec=1h\nStartLimitBurst=8";

/// What the doctor found, and its exit code.
struct Report {
    code: Option<i32>,
    json: Value,
}

impl Report {
    fn of(command: &mut Command) -> Report {
        let Output { status, stdout, stderr } = command.arg("--json").output().unwrap();
        let json = serde_json::from_slice(&stdout);
        let json = json.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&stderr)));
        assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
        Report { code: status.code(), json }
    }

    fn findings(&self) -> Vec<String> {
        let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
        let row = |f: &Value| format!("{} {}: {}", text(f, "severity"), text(f, "check"), text(f, "text"));
        self.json["findings"].as_array().unwrap().iter().map(row).collect()
    }

    /// The findings that a person must do something about; each says what.
    fn troubles(&self) -> Vec<String> {
        for finding in self.json["findings"].as_array().unwrap() {
            let fine = ["OK", "NOTE"].contains(&finding["severity"].as_str().unwrap());
            assert!(fine || !finding["hint"].as_str().unwrap().is_empty(), "{finding}");
        }
        // The machine's own: no test depends on whether somebody set its clock, who lingers, or how full it is.
        let ours = |row: &String| !row.contains(" linger: ") && !row.contains(" clock: ") && !row.contains(": disk ");
        self.findings().into_iter().filter(|row| row.starts_with(['W', 'C'])).filter(ours).collect()
    }

    /// There is this trouble alone.
    fn one(&self, expected: &str, words: &str) {
        let found = self.troubles();
        assert!(
            found.len() == 1 && found[0].starts_with(expected) && found[0].contains(words),
            "{expected}, {words}: {found:#?}"
        );
        assert_eq!(self.code, Some(i32::from(expected.starts_with("CRIT"))), "{found:#?}");
    }
}

/// A loop and a watchdog, both real units of a real manager.
struct Stage {
    manager: UserManager,
    settings: Value,
}

impl Stage {
    fn new() -> Stage {
        let manager = UserManager::start();
        std::fs::create_dir(manager.path().join("runtime")).unwrap();
        let settings = json!({
            "runtime_dir": manager.path().join("runtime"), "vllm": {"enabled": false}, "gpu": {"enabled": false},
        });
        let stage = Stage { manager, settings };
        stage.configure(json!({}));
        stage.write_loop("", HEALTHY);
        stage.manager.done(&["start", "autoswe.service"]);
        stage.beat();
        let command = format!("{PROGRAM} --config.file {}", stage.config().display());
        let service = format!("Type=notify\nWatchdogSec=180\nRestart=always\nExecStart={command}");
        stage.manager.write_unit("autoswe-watchdog.service", &format!("[Service]\n{service}\n"));
        stage.manager.done(&["start", "autoswe-watchdog.service"]);
        stage
    }

    fn config(&self) -> PathBuf {
        self.manager.path().join("config.yml")
    }

    /// Writes the configuration, with these settings over the stage's own.
    fn configure(&self, changes: Value) {
        let mut settings = self.settings.clone();
        settings.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        std::fs::write(self.config(), settings.to_string()).unwrap();
    }

    fn runtime(&self, name: &str) -> PathBuf {
        self.manager.path().join("runtime").join(name)
    }

    fn write_loop(&self, unit: &str, service: &str) {
        let text = format!("[Unit]\n{LIMITS}\n{unit}\n[Service]\nExecStart=sleep 1000000\n{service}\n");
        self.manager.write_unit("autoswe.service", &text);
    }

    fn beat(&self) {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let run = self.manager.show("autoswe.service", "InvocationID");
        let beat = json!({"ts": now, "phase": "writer", "invocation_id": run});
        std::fs::write(self.runtime("state-heartbeat.json"), beat.to_string()).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env_clear().envs(self.manager.env()).current_dir(self.manager.path()).stdin(Stdio::null());
        command.arg("--config.file").arg(self.config()).arg("doctor");
        command
    }

    fn doctor(&self) -> Report {
        Report::of(&mut self.command())
    }
}

/// Without any manager, in a home of its own.
fn alone(home: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).stdin(Stdio::null());
    // Set, so that the real manager of whoever runs the tests is not found.
    command.env("HOME", home).env("XDG_RUNTIME_DIR", home).env("AUTOSWE_RUNTIME_DIR", home).current_dir(home);
    command.args(["--no-collector.vllm", "--no-collector.gpu", "doctor"]);
    command
}

#[test]
fn without_a_manager_it_says_what_mends_that() {
    let home = tempfile::tempdir().unwrap();
    let report = Report::of(&mut alone(home.path()));
    let found = report.troubles();
    assert!(found[0].starts_with("CRIT bus: nothing can be asked of the manager"), "{found:#?}");
    assert_eq!((report.code, report.json["severity"].as_str()), (Some(1), Some("CRIT")));
    assert!(report.findings().contains(&"NOTE unit: not looked at: the manager does not answer".to_owned()));
    let output = alone(home.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("CRIT  1 critical, "), "{text}");
    let mend = text.lines().skip_while(|line| !line.starts_with("CRIT  bus ")).nth(1).unwrap();
    assert!(mend.starts_with("                    mend: `systemctl --user status dbus.socket"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours in a pipe");
}

#[test]
fn places_that_are_not_there_cost_only_their_own_findings() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), "").unwrap();
    for place in ["none", "file/below", "file"] {
        let report = Report::of(alone(home.path()).env("AUTOSWE_RUNTIME_DIR", home.path().join(place)));
        let found = report.troubles();
        let of_files = found.iter().filter(|row| row.starts_with("CRIT files: the runtime directory: ")).count();
        assert_eq!((report.code, of_files), (Some(1), 1), "{place}: {found:#?}");
        assert!(found.iter().all(|row| !row.contains(" history: ")), "{place}: {found:#?}");
    }
}

#[test]
fn where_all_is_well_nothing_is_found_and_nothing_changed() {
    let stage = Stage::new();
    let files = || -> Vec<_> {
        let files = std::fs::read_dir(stage.runtime("")).unwrap().flatten();
        // The watchdog at work writes its state at every evaluation.
        let files = files.filter(|file| !file.file_name().to_string_lossy().starts_with("watchdog-state"));
        let mut all: Vec<_> = files
            .map(|file| (file.file_name(), file.metadata().unwrap().mtime_nsec(), file.metadata().unwrap().len()))
            .collect();
        all.sort();
        all
    };
    let before = files();
    let report = stage.doctor();
    assert_eq!((report.troubles(), report.code), (vec![], Some(0)), "{:#?}", report.findings());
    let well = report.findings().iter().filter(|row| row.starts_with("OK ")).count();
    assert!(well >= 10, "{:#?}", report.findings());
    assert_eq!(files(), before);
}

#[test]
fn a_unit_that_would_not_come_back_is_found() {
    let stage = Stage::new();
    let pause = format!("ConditionPathExists=!{}", stage.runtime("PAUSE").display());
    let table = [
        ("", "TimeoutStopSec=infinity", "CRIT stop", "TimeoutStopSec=infinity"),
        ("", "TimeoutStopSec=10min", "WARN stop", "restart.verify"),
        (&*pause, "", "WARN unit", "ConditionPathExists=!"),
        ("RefuseManualStop=yes", "", "CRIT unit", "RefuseManualStop"),
        ("", "KillMode=none", "CRIT unit", "KillMode=none"),
        ("", "Restart=no", "WARN unit", "Restart=no"),
        ("StartLimitIntervalSec=0", "", "WARN start-limit", "there is none"),
        ("StartLimitIntervalSec=10\nStartLimitBurst=5", "", "WARN start-limit", "never reached"),
    ];
    for (unit, service, expected, words) in table {
        stage.write_loop(unit, &format!("{HEALTHY}\n{service}"));
        stage.doctor().one(expected, words);
    }
    stage.manager.done(&["stop", "autoswe.service"]);
    let file = stage.manager.unit_dir().join("autoswe.service");
    std::fs::remove_file(&file).unwrap();
    stage.manager.done(&["daemon-reload"]);
    stage.doctor().one("CRIT unit", "has no autoswe.service");
    std::os::unix::fs::symlink("/dev/null", &file).unwrap();
    stage.manager.done(&["daemon-reload"]);
    stage.doctor().one("CRIT unit", "masked");
}

#[test]
fn a_dead_bus_is_a_warning_while_systemctl_answers() {
    let stage = Stage::new();
    let pause = format!("ConditionPathExists=!{}", stage.runtime("PAUSE").display());
    stage.manager.remove_bus();
    stage.manager.until("dbus.service", "ActiveState", "inactive");
    stage.doctor().one("WARN bus", "answers in its place");
    stage.write_loop(&pause, &format!("{HEALTHY}\nTimeoutStopSec=infinity"));
    let found = stage.doctor().troubles();
    let starts: Vec<_> = found.iter().map(|row| row.split(':').next().unwrap()).collect();
    assert_eq!(starts, ["WARN bus", "WARN unit", "CRIT stop"], "systemctl tells the same: {found:#?}");
}

#[test]
fn a_bus_that_was_killed_is_there_again() {
    let stage = Stage::new();
    // A process of the bus there is only once somebody has connected.
    assert_eq!(stage.doctor().troubles(), [""; 0]);
    let bus = stage.manager.main_pid("dbus.service");
    stage.manager.kill_bus();
    let start = Instant::now();
    // The manager comes back to a new bus a moment after that has begun.
    while alive(bus) || !stage.doctor().troubles().is_empty() {
        assert!(start.elapsed() < PATIENCE, "{:#?}", stage.doctor().findings());
        std::thread::sleep(LOOK);
    }
    assert_ne!(stage.manager.main_pid("dbus.service"), bus);
}

#[test]
fn a_manager_that_is_silent_is_not_waited_for() {
    let stage = Stage::new();
    stage.configure(json!({"restart": {"bus_timeout": "300ms"}}));
    stage.manager.signal(rustix::process::Signal::STOP);
    let report = stage.doctor();
    stage.manager.signal(rustix::process::Signal::CONT);
    report.one("CRIT bus", "nothing can be asked of the manager");
}

#[test]
fn places_that_cannot_be_written_are_found() {
    let stage = Stage::new();
    // Root may write everywhere but below a file.
    std::fs::write(stage.runtime("file"), "").unwrap();
    let table = [
        (json!({"watchdog": {"restarts": "file/trail"}}), "CRIT history", "trail"),
        (json!({"watchdog": {"restarts": "."}}), "CRIT history", "directory"),
        (json!({"restart": {"diagnostics": "file"}}), "WARN files", "diagnostics"),
        (json!({"loop": {"heartbeat": "none"}}), "CRIT heartbeat", "no heartbeat at"),
        (json!({"loop": {"heartbeat": "."}}), "CRIT heartbeat", "directory"),
        (json!({"loop": {"pause": "file/PAUSE"}}), "CRIT pause", "pause sentinel"),
    ];
    for (settings, expected, words) in table {
        stage.configure(settings.clone());
        let report = stage.doctor();
        let found: Vec<_> = report.troubles().into_iter().filter(|row| row.starts_with(expected)).collect();
        assert!(found.iter().any(|row| row.contains(words)), "{settings}: {:#?}", report.findings());
    }
}

#[test]
fn a_watchdog_that_watches_something_else_is_found() {
    let stage = Stage::new();
    let other = stage.manager.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(stage.runtime("state-heartbeat.json"), other.join("state-heartbeat.json")).unwrap();
    stage.configure(json!({"runtime_dir": other}));
    stage.doctor().one("WARN watchdog", "is active and not at work in");
}

#[test]
fn a_trail_that_nobody_understands_is_found() {
    let stage = Stage::new();
    std::fs::write(stage.runtime("liveness-restarts.jsonl"), "nonsense\n").unwrap();
    stage.doctor().one("CRIT history", "cannot be counted");
}

#[test]
fn both_watchdogs_or_none_are_found() {
    let stage = Stage::new();
    stage
        .manager
        .write_unit("autoswe-watchdog-once.service", "[Service]\nType=oneshot\nExecStart=true\nTimeoutStartSec=99\n");
    stage.manager.write_unit("autoswe-watchdog-once.timer", "[Timer]\nOnActiveSec=1h\n");
    stage.manager.done(&["start", "autoswe-watchdog-once.timer"]);
    stage.doctor().one("WARN watchdog", "are both active");
    stage.manager.done(&["stop", "autoswe-watchdog-once.timer", "autoswe-watchdog.service"]);
    let found = stage.doctor().troubles();
    assert!(found.len() == 2 && found.iter().all(|row| row.contains("nobody restarts the loop: ")), "{found:#?}");
}

#[test]
fn a_unit_of_the_other_name_or_a_switch_that_is_no_url_is_told_without_the_url() {
    let stage = Stage::new();
    let unit = unique_unit();
    stage.configure(json!({"loop": {"unit": unit}}));
    stage.doctor().one("CRIT unit", &unit);
    stage.configure(json!({"loop": {"unit": "nonsense"}}));
    stage.doctor().one("CRIT unit", "nonsense");
    stage.configure(json!({}));
    let report = Report::of(stage.command().env("WATCHDOG_PING_URL", "secret-token"));
    report.one("WARN settings", "WATCHDOG_PING_URL");
    assert!(!report.json.to_string().contains("secret-token"));
    let report = Report::of(stage.command().env("WATCHDOG_PING_URL", "http://127.0.0.1:1/secret-token"));
    assert_eq!((report.troubles(), report.json.to_string().contains("secret-token")), (vec![], false));
}

#[test]
fn a_model_server_that_is_away_is_told_and_no_trouble() {
    let stage = Stage::new();
    stage.configure(json!({"vllm": {"url": "http://127.0.0.1:1"}}));
    let report = stage.doctor();
    assert_eq!(report.troubles(), [""; 0]);
    assert!(report.findings().iter().any(|row| row.starts_with("NOTE dependencies: a restart would not cure vllm")));
}
