//! The review by its timer in a real user manager: a judge that answers, one that fails, one that hangs, and the real
//! Codex CLI with the sandbox that it makes within the unit's.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use super::live::{Installed, has_next_run};
use super::{LOOK, PATIENCE};
use crate::judge::responses::{Turn, asked, model};
use crate::judge::world::codex;
use crate::manager::alive;

const SERVICE: &str = "autoswe-review.service";
const TIMER: &str = "autoswe-review.timer";
const KEY: &str = "sk-correct-horse-battery-staple-9";

const GOOD: &str = r#"{"health_score": 82, "verdict": "healthy", "summary": "It does well.", "findings": []}"#;

/// The units with this judge and a loop to review.
fn installed(entry: &Value) -> Installed {
    let judge = json!({"use": "mine", "timeout": "5m", "entries": {"mine": entry}});
    let installed = Installed::with(json!({"judge": judge}));
    std::fs::write(installed.runtime("state-heartbeat.json"), "{\"ts\": 1795346000}").unwrap();
    // The real program, which says that it was called.
    let script = format!(
        "#!/bin/sh\necho \"$*\" >>'{}'\nexec '{}' \"$@\"\n",
        installed.runtime("calls").display(),
        env!("CARGO_BIN_EXE_autoswe-judge")
    );
    installed.machine.stub("autoswe-judge", &script);
    std::fs::write(installed.manager.path().join("home/.config/autoswe/judge.env"), format!("CODEX_API_KEY={KEY}\n"))
        .unwrap();
    installed
}

/// The records, once there are `count`.
fn records(installed: &Installed, count: usize) -> Vec<Value> {
    let whole = |text: &str| text.lines().count() == count && text.ends_with('\n');
    let text = text(installed, &installed.runtime("meta-judge.jsonl"), whole);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A shell script as judge, which finds the runtime directory in `$RT`.
fn script(text: &str) -> Installed {
    let text = format!("RT=\"$(dirname \"$CODEX_HOME\")/../../home/runtime\"; {text}");
    installed(&json!({"command": "/bin/sh", "args": ["-c", text], "answer": "stdout", "environment": ["CODEX_*"]}))
}

fn drop_in(installed: &Installed, unit: &str, text: &str) {
    let directory = installed.manager.unit_dir().join(format!("{unit}.d"));
    std::fs::create_dir_all(&directory).unwrap();
    let next = std::fs::read_dir(&directory).unwrap().count();
    std::fs::write(directory.join(format!("{next}.conf")), text).unwrap();
    installed.manager.done(&["daemon-reload"]);
}

/// The text of a file once `fits` says that it is complete.
fn text(installed: &Installed, path: &PathBuf, fits: impl Fn(&str) -> bool) -> String {
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if fits(&text) {
            return text;
        }
        assert!(start.elapsed() < PATIENCE, "{}: {text}\n{}", path.display(), installed.log());
        std::thread::sleep(LOOK);
    }
}

/// By the timer, which is long past its first time unless the machine has just booted.
fn soon(installed: &Installed) {
    drop_in(installed, TIMER, "[Timer]\nOnBootSec=1s\nAccuracySec=1s\n");
    installed.manager.done(&["start", TIMER]);
}

#[test]
fn the_timer_has_the_loop_reviewed() {
    let installed = script(&format!("echo '{GOOD}'"));
    let manager = &installed.manager;
    soon(&installed);
    let record = records(&installed, 1).swap_remove(0);
    assert_eq!((&record["health_score"], &record["verdict"]), (&json!(82.0), &json!("healthy")), "{record}");
    manager.until(SERVICE, "ActiveState", "inactive");
    assert_eq!(manager.show(SERVICE, "Result"), "success");
    assert_eq!(std::fs::read_to_string(installed.runtime("calls")).unwrap(), "review\n");
    assert!(has_next_run(manager, TIMER));
    // The judge has a home for its login that is not the person's.
    let home = manager.unit_dir().join("../../autoswe/codex");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&home.metadata().unwrap().permissions()) & 0o777, 0o700);
}

#[test]
fn a_judge_that_fails_is_a_failed_unit_and_the_timer_goes_on() {
    let installed = script("echo not logged in >&2; exit 1");
    let manager = &installed.manager;
    soon(&installed);
    manager.until(SERVICE, "ActiveState", "failed");
    assert_eq!(
        (manager.show(SERVICE, "Result").as_str(), manager.show(SERVICE, "ExecMainStatus").as_str()),
        ("exit-code", "1")
    );
    assert!(has_next_run(manager, TIMER));
    let said = std::fs::read_to_string(installed.runtime("log")).unwrap();
    assert!(said.contains("the judge `mine` ended with exit code 1: not logged in"), "{said}");
    // What the timer does next time, whatever came of the last one.
    let again = manager.systemctl(&["start", SERVICE]);
    assert!(!again.status.success());
    assert_eq!(std::fs::read_to_string(installed.runtime("calls")).unwrap(), "review\nreview\n");
    assert!(records(&installed, 2).iter().all(|record| record["error"] == "failed"));
    assert!(has_next_run(manager, TIMER));
}

/// A judge that hangs, as does what it has started: in a session of its own, in the background, deaf to SIGTERM.
fn hanging() -> Installed {
    script(
        "trap '' TERM; setsid sh -c \"trap '' TERM; echo \\$\\$ >>$RT/pids; while :; do sleep 1; done\" & \
         echo $$ >>$RT/pids; while :; do sleep 1; done",
    )
}

/// The processes of the judge and of the unit.
fn processes(installed: &Installed) -> Vec<rustix::process::Pid> {
    let text = text(installed, &installed.runtime("pids"), |text| text.lines().count() == 2 && text.ends_with('\n'));
    let mut pids: Vec<_> =
        text.lines().map(|line| rustix::process::Pid::from_raw(line.parse().unwrap()).unwrap()).collect();
    pids.push(installed.manager.main_pid(SERVICE));
    assert!(pids.iter().all(|pid| alive(*pid)), "{pids:?}");
    pids
}

#[test]
fn a_judge_that_hangs_is_ended_by_the_units_limit_with_all_that_it_started() {
    let installed = hanging();
    let manager = &installed.manager;
    assert_eq!(manager.show(SERVICE, "TimeoutStartUSec"), "20min");
    drop_in(&installed, SERVICE, "[Service]\nTimeoutStartSec=4\nTimeoutStopSec=20\n");
    manager.done(&["start", "--no-block", SERVICE]);
    let pids = processes(&installed);
    manager.until(SERVICE, "ActiveState", "failed");
    assert_eq!(manager.show(SERVICE, "Result"), "timeout");
    assert!(!pids.iter().any(|pid| alive(*pid)), "{pids:?}");
    assert_eq!(records(&installed, 1)[0]["error"], "interrupted", "it is told to end before it is killed");
}

#[test]
fn nothing_is_left_of_a_review_that_is_killed() {
    let installed = hanging();
    let manager = &installed.manager;
    drop_in(&installed, SERVICE, "[Service]\nTimeoutStopSec=1\n");
    manager.done(&["start", "--no-block", SERVICE]);
    let pids = processes(&installed);
    manager.done(&["kill", "--kill-whom=main", "--signal=KILL", SERVICE]);
    manager.until(SERVICE, "ActiveState", "failed");
    assert!(!pids.iter().any(|pid| alive(*pid)), "{pids:?}");
}

/// What Codex needs for its own sandbox is left to it: its tool runs, shut in, and sees no key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codex_shuts_its_tools_in_within_the_units_sandbox() {
    let outside = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("written-by-a-review");
    let look = format!(
        "cat /proc/1/comm; cat /proc/*/environ | tr '\\0' '\\n'; touch '{0}' && echo TOUCHED; \
         touch \"$HOME/x\" && echo TOUCHED; grep Seccomp: /proc/self/status",
        outside.display()
    );
    let server = model(vec![Turn::Runs(look), Turn::Says(GOOD.into())]).await;
    let shipped = autoswe_exporter::config::Judges::default().get("codex").unwrap().clone();
    let provider = format!(
        "--config=model_providers.stub={{name=\"stub\",base_url=\"{}/v1\",wire_api=\"responses\",env_key=\"CODEX_API_KEY\",\
         request_max_retries=0,stream_max_retries=0}}",
        server.url
    );
    let mut args = shipped.args;
    let end = args.iter().position(|word| word == "--").unwrap();
    args.splice(end..end, ["--config=model_provider=\"stub\"".into(), provider]);
    let installed = installed(&json!({
        "command": codex().to_str(), "args": args, "help": shipped.help, "answer": shipped.answer.name(),
        "model": shipped.model, "environment": shipped.environment,
    }));
    installed.manager.done(&["start", "--no-block", SERVICE]);
    installed.manager.until(SERVICE, "ActiveState", "inactive");
    assert_eq!(installed.manager.show(SERVICE, "Result"), "success", "{}", installed.log());
    assert_eq!(records(&installed, 1)[0]["health_score"], 82.0);
    let requests = asked(&server);
    let seen = requests[1]["input"].as_array().unwrap().iter().find(|item| item["type"] == "function_call_output");
    let seen = seen.unwrap()["output"].to_string();
    assert!(seen.contains("Seccomp:\\t2") && seen.contains("PATH="), "the tool ran: {seen}");
    assert!(!seen.contains("TOUCHED") && !outside.exists(), "{seen}");
    assert!(!requests[1].to_string().contains(KEY), "{seen}");
}
