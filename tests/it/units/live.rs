//! The installed user units in a real user manager.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Instant;

use autoswe_exporter::observation::Time;
use serde_json::{Value, json};

use super::{LOOK, Machine, PATIENCE, Ran, ran};
use crate::manager::UserManager;

/// A user manager with a home of its own, in which the units are installed.
pub(super) struct Installed {
    pub(super) manager: UserManager,
    pub(super) machine: Machine,
    port: u16,
}

impl Installed {
    /// Installs the units with this configuration laid over one that looks at nothing.
    pub(super) fn with(settings: Value) -> Self {
        let installed = Self::prepared(settings);
        let run = installed.run("install-units --user");
        assert_eq!(run.code, Some(0), "{run:?}");
        installed.manager.done(&["daemon-reload"]);
        installed
    }

    /// The same before the units are installed.
    pub(super) fn prepared(settings: Value) -> Self {
        let manager = UserManager::start();
        let directory = tempfile::Builder::new().prefix("autoswe 100% ").tempdir().unwrap();
        let machine = Machine::in_home(directory, &manager.path().join("home"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let installed = Installed { manager, machine, port };
        std::fs::create_dir(installed.runtime("")).unwrap();
        let off = || json!({"enabled": false});
        let mut config = json!({
            "runtime_dir": installed.runtime(""), "subagents": off(), "vllm": off(), "gpu": off(), "host": off(),
            "parity": off(), "verdicts": off(), "site": off(), "review": off(), "watchdog": off(),
            "loop": {"interval": "50ms"},
        });
        for (name, setting) in settings.as_object().unwrap() {
            config[name] = setting.clone();
        }
        std::fs::write(installed.machine.path("autoswe.yml"), config.to_string()).unwrap();
        // Through the environment file, as a person would.
        let place = installed.manager.path().join("home/.config/autoswe");
        std::fs::create_dir_all(&place).unwrap();
        let file = installed.machine.path("autoswe.yml");
        let lines =
            format!("AUTOSWE_CONFIG_FILE=\"{}\"\nAUTOSWE_WEB_LISTEN_ADDRESSES=127.0.0.1:{port}\n", file.display());
        std::fs::write(place.join("cluster.env"), lines).unwrap();
        // There is no journal here; a test that fails shows what the services said.
        let for_all = installed.manager.unit_dir().join("service.d");
        std::fs::create_dir(&for_all).unwrap();
        let log = installed.runtime("log");
        let text = format!("[Service]\nStandardOutput=append:{0}\nStandardError=append:{0}\n", log.display());
        std::fs::write(for_all.join("log.conf"), text).unwrap();
        // All of this lies in the directory for temporary files, which is the review's own otherwise. What a review that is
        // killed leaves there goes with the manager.
        let own = installed.manager.unit_dir().join("autoswe-review.service.d");
        std::fs::create_dir(&own).unwrap();
        let temporary = installed.manager.path().join("tmp");
        std::fs::create_dir(&temporary).unwrap();
        let places =
            format!("ReadWritePaths={}\nEnvironment=TMPDIR={}\n", std::env::temp_dir().display(), temporary.display());
        let text = format!("[Service]\nPrivateTmp=no\n{places}");
        std::fs::write(own.join("place.conf"), text).unwrap();
        installed
    }

    /// The program, told where the manager is.
    pub(super) fn run(&self, words: &str) -> Ran {
        ran(self.machine.command(words).envs(self.manager.env()))
    }

    /// The runtime directory, below the home.
    pub(super) fn runtime(&self, name: &str) -> PathBuf {
        self.manager.path().join("home/runtime").join(name)
    }

    /// What manager and services said.
    pub(super) fn log(&self) -> String {
        self.manager.log() + &std::fs::read_to_string(self.runtime("log")).unwrap_or_default()
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The body of an answer once there is one.
    pub(super) async fn get(&self, path: &str) -> String {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).build().unwrap();
        let start = Instant::now();
        loop {
            match client.get(self.url(path)).send().await {
                Ok(answer) if answer.status() == 200 => return answer.text().await.unwrap(),
                _ => {}
            }
            assert!(start.elapsed() < PATIENCE, "{path}: no answer\n{}", self.log());
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The lines of a file, once there is one.
fn lines(path: &Path) -> usize {
    let start = Instant::now();
    loop {
        let count = std::fs::read_to_string(path).unwrap_or_default().lines().count();
        if count > 0 {
            return count;
        }
        assert!(start.elapsed() < PATIENCE, "{} never had a line", path.display());
        std::thread::sleep(LOOK);
    }
}

const EXPORTER: &str = "autoswe-exporter.service";

/// The only source is a model server that takes the request and says nothing: the exporter listens, but knows nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exporter_is_active_after_its_first_assessment_and_not_before() {
    let server = crate::support::Server::start(|_, stream| crate::support::silence(stream)).await;
    let vllm = json!({"enabled": true, "url": server.url, "deadline": "5m", "timeout": "5m"});
    let installed = Installed::with(json!({"vllm": vllm, "loop": {"enabled": false}}));
    let manager = &installed.manager;
    manager.done(&["start", "--no-block", EXPORTER]);
    installed.get("/-/healthy").await;
    assert_eq!(manager.show(EXPORTER, "ActiveState"), "activating");
    assert_eq!(manager.show(EXPORTER, "StatusText"), "");
    // The request is cut off, which is a reading too.
    drop(server);
    manager.until(EXPORTER, "ActiveState", "active");
    installed.get("/-/healthy").await;
    manager.done(&["stop", EXPORTER]);
    assert_eq!(manager.show(EXPORTER, "Result"), "success");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_units_are_installed_by_one_command_and_gone_by_another() {
    let installed = Installed::prepared(json!({}));
    let manager = &installed.manager;
    let run = installed.run("install-units --user --now");
    assert_eq!(run.code, Some(0), "{run:?}\n{}", installed.log());
    for unit in [EXPORTER, "autoswe-watchdog.service"] {
        assert_eq!(manager.show(unit, "ActiveState"), "active", "{}", installed.log());
        assert_eq!(manager.show(unit, "UnitFileState"), "enabled");
    }
    installed.get("/-/healthy").await;
    manager.until(EXPORTER, "StatusText", "WARN: loop");
    let text = json!({"ts": Time::now(), "phase": "idle"}).to_string();
    std::fs::write(installed.runtime("state-heartbeat.json"), text).unwrap();
    manager.until(EXPORTER, "StatusText", "OK");

    let again = super::ran(
        installed.machine.command("install-units --now").envs(manager.env()).env("AUTOSWE_REPO_ROOT", "/srv/x"),
    );
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(manager.show(EXPORTER, "Environment").contains("AUTOSWE_REPO_ROOT=/srv/x"));
    let pid = manager.main_pid(EXPORTER).as_raw_nonzero();
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    assert!(environment.contains("AUTOSWE_REPO_ROOT=/srv/x"), "what runs was started anew");

    let gone = installed.run("uninstall-units");
    assert_eq!(gone.code, Some(0), "{gone:?}");
    let line = gone.stdout.lines().find_map(|line| line.trim().strip_prefix("systemctl --user disable")).unwrap();
    assert_eq!(line.trim(), "--now autoswe-exporter.service autoswe-watchdog.service");
    manager.done(&[&["disable"][..], &line.split_whitespace().collect::<Vec<_>>()].concat());
    assert_eq!(manager.show(EXPORTER, "ActiveState"), "inactive");
    assert!(!manager.unit_dir().join("default.target.wants").join(EXPORTER).exists());
    assert!(super::named(&manager.unit_dir(), &["wants"]).iter().all(|dir| dir.read_dir().unwrap().next().is_none()));
}

#[test]
fn what_systemctl_says_is_shown_when_it_fails() {
    let installed = Installed::prepared(json!({}));
    installed.machine.stub("autoswe-watchdog", "#!/bin/sh\nexit 1\n");
    let unit = installed.manager.unit_dir().join("autoswe-watchdog.service.d");
    std::fs::create_dir(&unit).unwrap();
    std::fs::write(unit.join("x.conf"), "[Service]\nRestart=no\n").unwrap();
    let run = installed.run("install-units --now");
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("enable --now") && run.stderr.contains("autoswe-watchdog.service failed"), "{run:?}");
}

/// Whether a timer will fire again.
pub(super) fn has_next_run(manager: &UserManager, timer: &str) -> bool {
    let next = |property| manager.show(timer, property);
    assert_eq!(next("ActiveState"), "active");
    let known = |next: String| !next.is_empty() && next != "infinity";
    known(next("NextElapseUSecRealtime")) || known(next("NextElapseUSecMonotonic"))
}

#[test]
fn timers_always_have_a_next_run() {
    let installed = Installed::with(json!({}));
    let manager = &installed.manager;
    // Counting from the last run alone is not enough where there was none.
    manager.write_unit("naive.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n");
    manager.write_unit("naive.timer", "[Timer]\nOnUnitActiveSec=5min\n");
    manager.done(&["start", "naive.timer"]);
    assert_eq!(manager.show("naive.timer", "SubState"), "elapsed");
    assert!(!has_next_run(manager, "naive.timer"));

    installed.machine.stub("autoswe-journey", "#!/bin/sh\n");
    installed.machine.stub("autoswe-judge", "#!/bin/sh\n");
    for name in ["autoswe-report", "autoswe-watchdog-once", "autoswe-synth", "autoswe-review"] {
        let timer = format!("{name}.timer");
        manager.done(&["start", &timer]);
        assert!(has_next_run(manager, &timer), "{timer} started");
        // A run that fails, one that is under way, a restart, a reload: each was the end for some timer.
        manager.done(&["start", &format!("{name}.service")]);
        manager.until(&format!("{name}.service"), "ActiveState", "inactive");
        assert!(has_next_run(manager, &timer), "{timer} after a run");
        manager.done(&["restart", &timer]);
        assert!(has_next_run(manager, &timer), "{timer} restarted");
        manager.done(&["daemon-reload"]);
        assert!(has_next_run(manager, &timer), "{timer} after daemon-reload");
        manager.done(&["daemon-reexec"]);
        manager.until(&timer, "ActiveState", "active");
        assert!(has_next_run(manager, &timer), "{timer} after daemon-reexec");
    }
}

#[test]
fn the_report_logger_appends_a_record_and_a_crit_is_no_failure() {
    let installed = Installed::with(json!({}));
    let text = json!({"ts": "2020-01-01T00:00:00Z", "phase": "idle"}).to_string();
    std::fs::write(installed.runtime("state-heartbeat.json"), text).unwrap();
    let manager = &installed.manager;
    let run = manager.systemctl(&["start", "autoswe-report.service"]);
    assert!(run.status.success(), "{}", installed.log());
    let series = installed.runtime("system-state.jsonl");
    assert_eq!(lines(&series), 1);
    let record: Value = serde_json::from_str(&std::fs::read_to_string(&series).unwrap()).unwrap();
    assert_eq!(record["severity"], "CRIT", "{record}");
    // By the timer, which is long past its first time unless the machine has just booted.
    std::fs::remove_file(&series).unwrap();
    let timer = manager.unit_dir().join("autoswe-report.timer.d");
    std::fs::create_dir(&timer).unwrap();
    std::fs::write(timer.join("soon.conf"), "[Timer]\nOnBootSec=1s\n").unwrap();
    manager.done(&["daemon-reload"]);
    manager.done(&["start", "autoswe-report.timer"]);
    assert_eq!(lines(&series), 1);
}

#[test]
fn the_daemon_and_the_timer_of_the_watchdog_exclude_each_other() {
    let installed = Installed::with(json!({}));
    let manager = &installed.manager;
    manager.done(&["start", "autoswe-watchdog-once.timer"]);
    manager.done(&["start", "autoswe-watchdog.service"]);
    manager.until("autoswe-watchdog-once.timer", "ActiveState", "inactive");
    assert_eq!(manager.show("autoswe-watchdog.service", "WatchdogUSec"), "3min");
    // One evaluation by hand is no reason to end the daemon.
    manager.done(&["start", "autoswe-watchdog-once.service"]);
    assert_eq!(manager.show("autoswe-watchdog.service", "ActiveState"), "active");
    manager.done(&["start", "autoswe-watchdog-once.timer"]);
    manager.until("autoswe-watchdog.service", "ActiveState", "inactive");
}
