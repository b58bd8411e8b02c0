//! What speaks against a restart of a silent loop: nothing is done for as long as it holds.

use rustix::process::Signal;
use serde_json::json;

use super::world::{World, at_once};

/// Lets the watchdog evaluate for longer than it would take to restart a silent loop, and fails the test if it did.
fn nothing_is_done(world: &World, reason: &str) {
    world.wait_reason(reason);
    let before = (world.show("InvocationID"), world.starts());
    world.evaluations(20);
    assert_eq!((world.show("InvocationID"), world.starts()), before);
    assert_eq!((world.reason().as_str(), world.trail().len()), (reason, 0), "{}", world.story());
}

#[test]
fn an_operators_stop_in_progress_goes_on() {
    let mut world = World::new();
    world.set(json!({"restart": {"stop_slack": "200ms"}}));
    let run = world.run_line();
    // It hears neither its stop command's end nor SIGTERM: it is stopping for four seconds.
    let deaf = format!("ExecStart=sh -c 'trap \"\" TERM; exec {run}'\nExecStop=sleep 100\nTimeoutStopSec=2s");
    world.start_loop(&deaf, &["beats=1"]);
    let _watchdog = world.watch();
    world.wait("it is silent", || !["", "fresh"].contains(&world.reason().as_str()));
    world.manager.done(&["stop", "--no-block", &world.unit]);
    world.wait_reason("busy");
    assert_eq!(world.state()["severity"], "OK");
    world.wait("it is stopping for too long", || world.state()["severity"] == "CRIT");
    assert_eq!(world.reason(), "busy");
    // systemd calls a stop that it had to force a failure.
    nothing_is_done(&world, "failed");
    assert_eq!((world.show("Result"), world.starts().len()), ("timeout".into(), 1));
}

#[test]
fn an_operators_slow_stop_ends_stopped() {
    let world = World::new();
    world.start_loop("ExecStop=sleep 3\nTimeoutStopSec=60s", &["beats=1"]);
    let _watchdog = world.watch();
    world.wait("it is silent", || !["", "fresh"].contains(&world.reason().as_str()));
    world.manager.done(&["stop", "--no-block", &world.unit]);
    world.wait_reason("busy");
    nothing_is_done(&world, "stopped");
    assert_eq!((world.show("ActiveState"), world.starts().len()), ("inactive".into(), 1));
}

#[test]
fn a_loop_that_the_operator_stopped_stays_stopped() {
    let mut world = World::new();
    world.set(json!({"restart": {"stopped_warn": "2s"}}));
    world.start_loop("", &["beat"]);
    world.manager.done(&["stop", &world.unit]);
    let _watchdog = world.watch();
    world.wait_reason("stopped");
    assert_eq!(world.state()["severity"], "OK");
    world.wait("it is told", || world.state()["severity"] == "WARN");
    nothing_is_done(&world, "stopped");
    assert_eq!(world.show("ActiveState"), "inactive");
}

#[test]
fn a_loop_that_crashed_to_its_start_limit_is_left_to_a_person() {
    let world = World::new();
    let limit = "Restart=always\nRestartSec=50ms\n[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2";
    world.start_loop(limit, &["crash"]);
    world.until("ActiveState", "failed");
    let _watchdog = world.watch();
    nothing_is_done(&world, "failed");
    assert_eq!(world.state()["severity"], "CRIT");
    let hint = world.state()["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("reset-failed"), "{hint}");
    assert_eq!(world.starts().len(), 2);
}

#[test]
fn a_running_loop_at_its_start_limit_is_restarted_and_not_killed() {
    let world = World::new();
    world.start_loop("[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2", &["beat", "beats=1", "beat"]);
    world.manager.done(&["restart", &world.unit]);
    let _watchdog = world.watch();
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    assert_eq!((world.show("ActiveState").as_str(), world.show("Result").as_str()), ("active", "success"));
    assert_eq!(world.starts().len(), 3);
}

#[test]
fn an_automatic_restart_keeps_its_pause() {
    let mut world = World::new();
    world.set(json!({"restart": {"busy_warn": "2s"}}));
    world.start_loop("Restart=always\nRestartSec=1000", &["crash"]);
    world.until("SubState", "auto-restart");
    let _watchdog = world.watch();
    world.wait_reason("busy");
    world.wait("it is told", || world.state()["severity"] == "WARN");
    nothing_is_done(&world, "busy");
    assert_eq!(world.show("SubState"), "auto-restart");
}

#[test]
fn a_start_under_way_is_not_aborted() {
    let world = World::with_loop(&["beats=1"]);
    world.manager.done(&["stop", &world.unit]);
    let begun = world.runtime("begun");
    let pre = format!("ExecStartPre=sh -c 'echo >>{}; sleep 1000'\nTimeoutStartSec=infinity", begun.display());
    world.manager.write_unit(&world.unit, &world.unit_text(&pre));
    world.manager.done(&["start", "--no-block", &world.unit]);
    world.until("SubState", "start-pre");
    let _watchdog = world.watch();
    nothing_is_done(&world, "busy");
    assert_eq!(world.show("SubState"), "start-pre");
    assert_eq!(std::fs::read(begun).unwrap().len(), 1);
}

#[test]
fn a_slow_start_has_its_time_from_when_it_was_over() {
    let world = World::with_loop(&["beats=1", "start=1500"]);
    world.wait("the heartbeat is long too old", || heartbeat_age(&world) > 3.0);
    world.manager.done(&["restart", &world.unit]);
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    world.wait("it beats", || heartbeat_age(&world) < 0.5);
    world.evaluations(10);
    assert_eq!((world.trail().len(), world.starts().len()), (0, 2));
}

#[test]
fn an_unknown_unit_is_critical_and_nothing_else() {
    let world = World::new();
    let _watchdog = world.watch();
    nothing_is_done(&world, "not_loaded");
    assert_eq!(world.state()["severity"], "CRIT");
}

#[test]
fn a_paused_loop_is_left_alone_and_its_time_begins_anew_after_the_pause() {
    at_once(["PAUSE", "PAUSE_HARD"], |sentinel| {
        let world = World::with_loop(&["beats=1", "beat"]);
        std::fs::write(world.runtime(sentinel), "").unwrap();
        let _watchdog = world.watch();
        nothing_is_done(&world, "paused");
        std::fs::remove_file(world.runtime(sentinel)).unwrap();
        let since = std::time::Instant::now();
        world.wait("the restart was verified", || world.events() == ["intent", "took"]);
        assert!(since.elapsed().as_secs_f64() > 2.0, "{:?}\n{}", since.elapsed(), world.story());
    });
}

#[test]
fn a_pause_that_cannot_be_looked_for_may_be_one() {
    let mut world = World::new();
    std::os::unix::fs::symlink("around", world.runtime("around")).unwrap();
    world.set(json!({"loop": {"pause": "around/PAUSE"}}));
    world.start_loop("", &["beats=1"]);
    let _watchdog = world.watch();
    nothing_is_done(&world, "pause_unknown");
    assert_eq!(world.state()["severity"], "WARN");
}

#[test]
fn a_history_that_cannot_be_read_may_hold_anything() {
    let world = World::with_loop(&["beats=1"]);
    std::fs::create_dir(world.runtime("liveness-restarts.jsonl")).unwrap();
    let _watchdog = world.watch();
    world.wait_reason("history");
    world.evaluations(10);
    assert_eq!((world.reason().as_str(), world.starts().len()), ("history", 1));
    assert_eq!(world.state()["severity"], "CRIT");
}

#[test]
fn sub_agents_over_their_budget_are_told_and_are_no_reason() {
    let mut world = World::new();
    let phases = json!({"writer": {"pattern": "slow-writer", "budget": "500ms"}});
    world.set(json!({"subagents": {"enabled": true, "interval": "200ms", "phases": phases}}));
    let agent = "sh -c \"while :; do sleep 0.2; done\" slow-writer";
    world.start_loop(&format!("ExecStart=sh -c '{agent} & exec {}'", world.run_line()), &["beat"]);
    let _watchdog = world.watch();
    let told = || world.state()["findings"].to_string().contains("writer");
    world.wait("it is told", told);
    world.evaluations(15);
    assert_eq!((world.reason().as_str(), world.trail().len(), world.starts().len()), ("fresh", 0, 1));
    assert!(told(), "{}", world.story());
}

#[test]
fn reloads_of_the_manager_in_between_change_nothing() {
    let world = World::new();
    let deaf = format!("ExecStart=sh -c 'trap \"\" TERM; exec {}'\nTimeoutStopSec=1s", world.run_line());
    world.start_loop(&deaf, &["beat", "beat"]);
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    world.tell(&["hang", "beat"]);
    world.wait("the restart was verified, with reloads all along", || {
        world.manager.done(&["daemon-reload"]);
        world.events() == ["intent", "took"]
    });
    world.manager.done(&["daemon-reexec"]);
    world.evaluations(10);
    assert_eq!((world.events().len(), world.starts().len(), world.reason().as_str()), (2, 2, "fresh"));
}

#[test]
fn a_stopped_watchdog_does_not_take_its_own_sleep_for_the_loops() {
    let world = World::with_loop(&["beat"]);
    let watchdog = world.watch();
    world.wait_reason("fresh");
    watchdog.signal(Signal::STOP);
    world.wait("longer than the limits", || heartbeat_age_of_state(&world) > 4.0);
    watchdog.signal(Signal::CONT);
    world.evaluations(10);
    assert_eq!((world.trail().len(), world.starts().len()), (0, 1));
}

fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

fn heartbeat_age(world: &World) -> f64 {
    let text = std::fs::read(world.runtime("state-heartbeat.json")).unwrap_or_default();
    let beat: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    beat["ts"].as_f64().map_or(0.0, |ts| now() - ts)
}

fn heartbeat_age_of_state(world: &World) -> f64 {
    let modified = std::fs::metadata(world.runtime("watchdog-state.json")).and_then(|m| m.modified()).unwrap();
    modified.elapsed().unwrap_or_default().as_secs_f64()
}
