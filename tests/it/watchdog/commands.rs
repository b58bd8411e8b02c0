//! The commands, `--once` and `--dry-run`, and what goes wrong before the first evaluation.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::world::{PATIENCE, World, finish, said};

/// Every file of the runtime directory but the loop's own, with what it holds.
fn files(world: &World) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(world.runtime("")).unwrap().flatten();
    let read =
        files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap_or_default()));
    read.collect()
}

fn json_of(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

#[test]
fn runs_of_once_are_one_watchdog() {
    let world = World::with_loop(&["beats=1", "beat"]);
    let start = Instant::now();
    let mut reasons = Vec::new();
    while world.events() != ["intent", "took"] {
        let output = world.run(&["--once"]);
        assert!(start.elapsed() < PATIENCE, "{reasons:?} {}\n{}", said(&output), world.story());
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        reasons.push(world.reason());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(world.starts().len(), 2);
    assert!(reasons.contains(&"confirming".to_owned()), "{reasons:?}");
    for _ in 0..10 {
        assert_eq!(world.run(&["--once"]).status.code(), Some(0));
    }
    assert_eq!((world.starts().len(), world.events().len(), world.reason().as_str()), (2, 2, "fresh"));
    assert_eq!(world.state()["restarts"]["took"], 1);
}

#[test]
fn a_single_run_of_once_restarts_nothing() {
    let world = World::with_loop(&["beats=1", "beat"]);
    let beat = || std::fs::metadata(world.runtime("state-heartbeat.json")).and_then(|beat| beat.modified());
    let older = |seconds| beat().is_ok_and(|at| at.elapsed().unwrap() > Duration::from_secs(seconds));
    world.wait("it has beaten", || older(0));
    assert_eq!(world.run(&["--once"]).status.code(), Some(0));
    assert_eq!(world.reason(), "fresh");
    world.wait("it is long silent", || older(4));
    assert_eq!(world.run(&["--once"]).status.code(), Some(0));
    assert_eq!((world.reason().as_str(), world.trail().len(), world.starts().len()), ("confirming", 0, 1));
}

#[test]
fn what_was_silent_before_the_first_look_has_its_time_from_then_on() {
    let world = World::with_loop(&["beat"]);
    world.manager.done(&["kill", "--signal=STOP", &world.unit]);
    let beat = world.runtime("state-heartbeat.json");
    let old = |path: &std::path::Path| path.metadata().unwrap().modified().unwrap().elapsed().unwrap();
    world.wait("it is long silent", || old(&beat) > Duration::from_secs(4));
    let start = Instant::now();
    let _watchdog = world.watch();
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    assert!(start.elapsed() > Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let world = World::with_loop(&["beats=1"]);
    let heartbeat = world.runtime("state-heartbeat.json");
    world.wait("it has beaten", || heartbeat.exists());
    let before = files(&world);
    let mut command = world.command(&["--dry-run"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let out = child.stdout.take().unwrap();
    let err = child.stderr.take().unwrap();
    let lines = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    for pipe in [Box::new(out) as Box<dyn std::io::Read + Send>, Box::new(err)] {
        let lines = lines.clone();
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(std::io::BufReader::new(pipe)).map_while(Result::ok) {
                *lines.lock().unwrap() += &(line + "\n");
            }
        });
    }
    world.wait("it says that it would restart it", || lines.lock().unwrap().contains("silent"));
    drop(child.kill());
    drop(child.wait());
    let text = lines.lock().unwrap().clone();
    assert!(text.contains("restart") && text.contains(&world.unit), "{text}");
    assert_eq!(files(&world), before, "{text}");
    assert_eq!((world.starts().len(), world.show("ActiveState").as_str()), (1, "active"));
}

#[test]
fn a_single_dry_run_beside_a_running_watchdog_says_what_it_sees() {
    let world = World::with_loop(&["beat"]);
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    let output = world.run(&["--once", "--dry-run"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("heartbeat"), "{}", said(&output));
}

#[test]
fn status_says_what_the_state_file_says() {
    let world = World::with_loop(&["beat"]);
    let none = world.run(&["status"]);
    assert!(said(&none).contains("watchdog-state.json") || said(&none).contains("not"), "{}", said(&none));
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    let people = world.run(&["status"]);
    assert_eq!(people.status.code(), Some(0), "{}", said(&people));
    assert!(said(&people).contains("fresh") && said(&people).contains("heartbeat"), "{}", said(&people));
    let scripts = json_of(&world.run(&["status", "--json"]));
    for field in ["decision", "reason", "severity", "budget_remaining"] {
        assert_eq!(scripts[field], world.state()[field], "{field} {scripts:#}");
    }
}

#[test]
fn reset_gives_the_budget_back_and_takes_the_latch_away() {
    let mut world = World::new();
    world.set(json!({"restart": {"latch": 2, "backoff": "50ms"}}));
    world.start_loop("", &["beats=1"]);
    let watchdog = world.watch();
    world.wait_reason("latched");
    assert_eq!((world.state()["budget_remaining"].as_u64(), world.starts().len()), (Some(0), 3));
    watchdog.kill();
    let output = world.run(&["reset"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(world.events().last().unwrap(), "reset");
    let _watchdog = world.watch();
    world.wait("it restarts again", || world.starts().len() == 4);
}

#[test]
fn doctor_finds_nothing_wrong_with_a_good_machine_but_what_is_so() {
    let world = World::new();
    world.start_loop("Restart=on-failure\n[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=8", &["beat"]);
    let output = world.run(&["doctor", "--json"]);
    let text = said(&output);
    assert!(!json_of(&output).to_string().contains("\"CRIT\""), "{text}");
    assert_eq!(output.status.code(), Some(0), "{text}");
}

#[test]
fn doctor_says_the_mend_of_what_is_wrong() {
    let world = World::new();
    world.start_loop("TimeoutStopSec=infinity", &["beat"]);
    let output = world.run(&["doctor"]);
    assert!(said(&output).contains("TimeoutStopSec"), "{}", said(&output));
    world.manager.done(&["stop", &world.unit]);
    std::fs::remove_file(world.manager.unit_dir().join(&world.unit)).unwrap();
    world.manager.done(&["daemon-reload"]);
    let output = world.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains(&world.unit), "{}", said(&output));
    world.manager.remove_bus();
    let output = finish(world.command(&["doctor"]).env_remove("XDG_RUNTIME_DIR"));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("bus"), "{}", said(&output));
}

#[test]
fn a_bad_configuration_ends_it_before_anything_is_done() {
    let mut world = World::with_loop(&["beats=1"]);
    world.set(json!({"restart": {"budgte": 3, "interval": "often"}}));
    let output = world.run(&[]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("budgte") && text.contains("budget") && text.contains("interval"), "{text}");
    let output = finish(world.command(&[]).args(["--config.file", "/nowhere/config.yml"]));
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert_eq!(world.run(&["--no-such-flag"]).status.code(), Some(2));
    assert_eq!((world.starts().len(), world.runtime("watchdog.lock").exists()), (1, false));
}

#[test]
fn a_runtime_directory_that_cannot_be_written_ends_it_and_restarts_nothing() {
    let mut world = World::with_loop(&["beats=1"]);
    let place = world.manager.path().join("config.yml").join("runtime");
    world.set(json!({"runtime_dir": place}));
    for arguments in [&[][..], &["--once"]] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("runtime_dir"), "{}", said(&output));
    }
    assert_eq!(world.starts().len(), 1);
}

#[test]
fn a_trail_that_cannot_be_written_means_no_restart() {
    let world = World::with_loop(&["beats=1"]);
    // It can be read, as an empty one, and never written: the device is always full.
    std::os::unix::fs::symlink("/dev/full", world.runtime("liveness-restarts.jsonl")).unwrap();
    let _watchdog = world.watch();
    world.wait("it gave up", || world.reason() == "history");
    world.evaluations(10);
    assert_eq!((world.reason().as_str(), world.starts().len()), ("history", 1));
}
