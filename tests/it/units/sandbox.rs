//! What the units may still do in their sandbox, in a real user manager.

use serde_json::{Value, json};

use super::live::Installed;
use crate::gpu::double::Double;

const EXPORTER: &str = "autoswe-exporter.service";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exporter_reads_processes_the_driver_and_the_machine() {
    let double = Double::new("");
    let gpu = json!({"enabled": true, "library": double.library(), "interval": "100ms"});
    let often = || json!({"enabled": true, "interval": "100ms"});
    let installed = Installed::with(json!({"gpu": gpu, "host": often(), "subagents": often()}));
    let manager = &installed.manager;
    manager.write_unit("autoswe.service", "[Service]\nExecStart=sleep 86399\n");
    manager.done(&["start", "autoswe.service", EXPORTER]);
    let start = std::time::Instant::now();
    loop {
        let state: Value = serde_json::from_str(&installed.get("/api/v1/state").await).unwrap();
        let status = |source: &str| state["sources"][source]["status"] == "observed";
        if ["gpu", "host", "subagents"].into_iter().all(status) {
            // The processes of the loop's unit, found through its control group.
            assert_eq!(state["sources"]["subagents"]["value"]["processes"], 1);
            break;
        }
        assert!(start.elapsed() < super::PATIENCE, "{:#}\n{}", state["sources"], installed.log());
        tokio::time::sleep(super::LOOK).await;
    }
    // It is confined all the same, and it writes below the home.
    let pid = manager.main_pid(EXPORTER).as_raw_nonzero();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
    assert!(installed.runtime("system-state.jsonl").exists());
}

/// The same sandbox around a shell that does what the watchdog does.
#[test]
fn the_watchdog_reaches_the_bus_the_manager_and_the_runtime_directory() {
    let installed = Installed::with(json!({}));
    let manager = &installed.manager;
    let script = format!(
        "#!/bin/sh\nset -e\ncd '{}'\nbusctl --user --no-pager list >bus\nsystemctl --user show autoswe.service >unit\n\
         (journalctl --user -n 1 || test $? = 1) >journal 2>&1\ncat /proc/$PPID/wchan >wchan\n\
         systemctl --user try-restart autoswe.service\necho fine >done\n",
        installed.runtime("").display()
    );
    installed.machine.stub("autoswe-watchdog", &script);
    manager.write_unit("autoswe.service", "[Service]\nExecStart=sleep 86399\n");
    manager.done(&["start", "autoswe.service"]);
    let before = manager.show("autoswe.service", "InvocationID");
    manager.done(&["start", "autoswe-watchdog-once.service"]);
    assert!(installed.runtime("done").exists());
    assert_ne!(manager.show("autoswe.service", "InvocationID"), before);
    let read = |name: &str| std::fs::read_to_string(installed.runtime(name)).unwrap();
    assert!(read("bus").contains("org.freedesktop.systemd1"), "{}", read("bus"));
    assert!(read("unit").contains("ActiveState=active"));
    assert_ne!(read("wchan"), "0", "the wait channel of a process of the same user can be read");
}

/// The real one, with limits of seconds, asked to do what it is there for.
#[test]
fn the_watchdog_restarts_a_wedged_loop_from_its_sandbox() {
    let installed = Installed::with(json!({
        "checks": {"loop": {"warn": "500ms", "crit": "1s"}},
        "restart": {"interval": "200ms", "confirm_after": "200ms", "phase_slack": "1s"},
    }));
    let manager = &installed.manager;
    manager.write_unit("autoswe.service", "[Service]\nExecStart=sleep 86399\n");
    let beat = json!({"ts": "2020-01-01T00:00:00Z", "phase": "idle"}).to_string();
    std::fs::write(installed.runtime("state-heartbeat.json"), beat).unwrap();
    manager.done(&["start", "autoswe.service"]);
    let before = manager.show("autoswe.service", "InvocationID");
    manager.done(&["start", "autoswe-watchdog.service"]);
    assert_eq!(manager.show("autoswe-watchdog.service", "ActiveState"), "active");
    let start = std::time::Instant::now();
    while manager.show("autoswe.service", "InvocationID") == before {
        let state = std::fs::read_to_string(installed.runtime("watchdog-state.json"));
        assert!(start.elapsed() < super::PATIENCE, "{state:?}\n{}", installed.log());
        std::thread::sleep(super::LOOK);
    }
    let trail = std::fs::read_to_string(installed.runtime("liveness-restarts.jsonl")).unwrap();
    assert!(trail.contains("intent"), "{trail}");
}
