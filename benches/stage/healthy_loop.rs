//! A loop that does well, for the watchdog.
#![allow(dead_code, reason = "each program uses a part of it")]

#[path = "../../tests/it/manager/mod.rs"]
mod manager;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use manager::UserManager;
use serde_json::Value;

/// Its unit.
const UNIT: &str = "autoswe-bench.service";

/// A loop that beats every half second until the file `hang` is there, in a real user manager.
pub(crate) struct HealthyLoop {
    manager: UserManager,
    directory: tempfile::TempDir,
}

impl HealthyLoop {
    pub(crate) fn new() -> Self {
        let (manager, directory) = (UserManager::start(), tempfile::tempdir().expect("a directory"));
        let runtime = directory.path().display();
        let script = format!(
            "while :; do [ -e {runtime}/hang ] || {{ echo \"{{\\\"ts\\\": $(date +%s.%N), \\\"phase\\\": \\\"idle\\\", \
             \\\"iter\\\": 117}}\" > {runtime}/new; mv {runtime}/new {runtime}/state-heartbeat.json; }}; sleep 0.5; done"
        );
        let program = directory.path().join("loop.sh");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a script");
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("permissions");
        manager.write_unit(UNIT, &format!("[Service]\nExecStart={}\nTimeoutStopSec=5\n", program.display()));
        assert!(manager.systemctl(&["start", UNIT]).status.success(), "the loop starts");
        HealthyLoop { manager, directory }
    }

    /// Its runtime directory.
    pub(crate) fn runtime(&self) -> &Path {
        self.directory.path()
    }

    /// `command`, which runs the watchdog, with what it needs to watch this loop.
    pub(crate) fn watched_by(&self, mut command: Command, settings: &str) -> Command {
        let file = self.runtime().join("config.yml");
        let text = format!("runtime_dir: {}\nloop: {{unit: {UNIT}}}\n{settings}", self.runtime().display());
        std::fs::write(&file, text).expect("a configuration");
        command.arg("--config.file").arg(file).env_clear().envs(self.manager.env());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// How often the watchdog has looked.
    pub(crate) fn evaluations(&self) -> u64 {
        let state = std::fs::read(self.runtime().join("watchdog-state.json")).expect("a state file");
        let state: Value = serde_json::from_slice(&state).expect("JSON");
        let counts = state["decisions"].as_array().expect("a list");
        counts.iter().filter_map(|count| count["count"].as_u64()).sum()
    }
}
