//! The heartbeat is not as it should be: a warning, and no excuse for a silent loop.
//!
//! `unreadable` is a directory in its place, or a file in the place of its directory: permissions do not bind root, as
//! whom these tests may run.

use std::path::Path;

use serde_json::json;

use super::world::{World, at_once};

/// A loop that hangs after a beat, with something else in the heartbeat's place: it is told as `code`, and the loop is
/// restarted when that has not changed for longer than the limit; its new run puts a heartbeat there again.
fn is_told_and_restarted(code: &str, spoil: impl Fn(&Path)) {
    let world = World::with_loop(&["beats=1", "beat"]);
    let place = world.runtime("state-heartbeat.json");
    world.wait("it has beaten", || place.exists());
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    std::fs::remove_file(&place).unwrap();
    spoil(&place);
    let codes = || {
        let state = world.state();
        let findings = state["findings"].as_array().cloned().unwrap_or_default();
        findings
            .iter()
            .map(|f| format!("{} {}", f["severity"].as_str().unwrap(), f["code"].as_str().unwrap()))
            .collect()
    };
    let told = |codes: Vec<String>| codes.contains(&format!("WARN {code}"));
    world.wait(&format!("it is told as {code}"), || told(codes()));
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    world.wait("it is told no more", || world.reason() == "fresh" && !told(codes()));
    world.evaluations(8);
    assert_eq!((world.starts().len(), world.events().len()), (2, 2));
}

#[test]
fn a_truncated_heartbeat() {
    is_told_and_restarted("heartbeat_malformed", |place| std::fs::write(place, "{\"ts\": 17955").unwrap());
}

#[test]
fn an_empty_heartbeat() {
    is_told_and_restarted("heartbeat_malformed", |place| std::fs::write(place, "").unwrap());
}

#[test]
fn a_heartbeat_of_arbitrary_bytes() {
    is_told_and_restarted("heartbeat_malformed", |place| std::fs::write(place, b"\xff\0\x80[[[{{{").unwrap());
}

#[test]
fn a_missing_heartbeat() {
    is_told_and_restarted("heartbeat_missing", |_| {});
}

#[test]
fn a_heartbeat_that_is_a_fifo() {
    is_told_and_restarted("heartbeat_unreadable", |place| {
        assert!(std::process::Command::new("mkfifo").arg(place).status().unwrap().success());
    });
}

#[test]
fn a_heartbeat_that_is_a_symlink_loop() {
    is_told_and_restarted("heartbeat_unreadable", |place| std::os::unix::fs::symlink(place, place).unwrap());
}

#[test]
fn a_heartbeat_that_is_a_directory() {
    is_told_and_restarted("heartbeat_unreadable", |place| std::fs::create_dir(place).unwrap());
}

#[test]
fn a_heartbeat_that_is_far_ahead_of_the_clock() {
    is_told_and_restarted("heartbeat_future", |place| std::fs::write(place, "{\"ts\": 33000000000}").unwrap());
}

#[test]
fn a_heartbeat_in_no_directory_is_warned_of_and_a_restart_does_not_take() {
    let mut world = World::with_loop(&["beat"]);
    std::fs::write(world.runtime("file"), "").unwrap();
    world.set(json!({"loop": {"heartbeat": "file/heartbeat.json"}, "restart": {"verify": "1s", "backoff": "1m"}}));
    let _watchdog = world.watch();
    world.wait("what came of it is known", || world.events() == ["intent", "did_not_take"]);
    world.wait("it is told", || world.state()["findings"].to_string().contains("take"));
    assert_eq!((world.state()["severity"].as_str(), world.starts().len()), (Some("CRIT"), 2));
}

#[test]
fn what_changes_is_a_sign_of_life_whatever_it_says() {
    at_once(["truncated", "ahead=7200"], |commands| {
        let world = World::with_loop(&[commands]);
        let _watchdog = world.watch();
        world.wait("it was looked at many times", || world.count("fresh") > 20);
        assert_eq!((world.trail().len(), world.starts().len()), (0, 1), "{commands}");
        assert_eq!(world.state()["severity"], "WARN", "{commands}: {}", world.story());
    });
}

#[test]
fn a_heartbeat_of_an_earlier_run_does_not_count_against_a_new_one() {
    let world = World::with_loop(&["beats=1", "start=1500"]);
    let beat = world.runtime("state-heartbeat.json");
    let old = std::fs::read_to_string(&beat).unwrap();
    let ts = old.split([' ', ',']).nth(1).unwrap();
    std::fs::write(&beat, old.replace(ts, "1700000000")).unwrap();
    world.manager.done(&["restart", &world.unit]);
    let _watchdog = world.watch();
    world.wait("it was looked at many times", || world.count("fresh") > 12);
    assert_eq!((world.trail().len(), world.starts().len()), (0, 2));
}

/// With something in the place of one of the watchdog's own files, a hung loop is restarted all the same.
fn is_restarted_all_the_same(spoil: impl Fn(&World)) {
    let world = World::with_loop(&["beats=1", "beat"]);
    spoil(&world);
    let _watchdog = world.watch();
    world.wait("it took", || world.events().last().is_some_and(|event| event == "took"));
    world.wait("it is counted", || world.state()["restarts"]["took"] == 1);
    world.wait_reason("fresh");
    assert_eq!(world.starts().len(), 2);
}

#[test]
fn a_spoilt_state_file_is_begun_anew() {
    at_once(["", "{\"version\": 1, \"mem", "\0\0\0", "[]", "{\"memory\": 7}"], |text| {
        is_restarted_all_the_same(|world| std::fs::write(world.runtime("watchdog-state.json"), text).unwrap());
    });
}

#[test]
fn a_line_that_a_crash_cut_off_does_not_spoil_the_trail() {
    is_restarted_all_the_same(|world| {
        std::fs::write(world.runtime("liveness-restarts.jsonl"), "{\"ts\": \"2026-11-2").unwrap();
    });
}

#[test]
fn diagnostics_that_cannot_be_kept_are_no_reason_to_leave_a_loop_wedged() {
    is_restarted_all_the_same(|world| std::fs::write(world.runtime("watchdog-diagnostics"), "a file").unwrap());
}
