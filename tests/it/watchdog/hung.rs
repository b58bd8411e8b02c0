//! The loop lives, hangs, is stopped by a signal, or does not die: what the watchdog does about it.

use std::time::Duration;

use rustix::process::{Signal, kill_process};
use serde_json::json;

use super::freezer::Frozen;
use super::world::World;
use crate::manager::alive;

#[test]
fn a_hung_loop_is_restarted_once_and_verified() {
    let world = World::with_loop(&["beat", "beat"]);
    let watchdog = world.watch();
    world.wait_reason("fresh");
    let first = world.show("InvocationID");
    world.tell(&["hang", "beat"]);
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    assert_eq!(world.show("ActiveState"), "active");
    assert_ne!(world.show("InvocationID"), first);
    let [intent, outcome] = world.trail().try_into().unwrap();
    assert_eq!((&intent["unit"], &intent["invocation_id"]), (&json!(world.unit), &json!(first)));
    assert_eq!(outcome["invocation_id"], json!(world.show("InvocationID")));
    assert_eq!(intent["id"], outcome["id"]);
    // Longer than it would take to restart it once more.
    world.wait_reason("fresh");
    world.evaluations(20);
    assert_eq!((world.events().len(), world.starts().len()), (2, 2));
    assert_eq!(world.state()["restarts"]["took"], 1);
    assert_eq!(world.state()["budget_remaining"], 2);
    drop(watchdog);
}

#[test]
fn it_is_asked_for_as_soon_as_the_limit_and_the_confirmations_allow() {
    let world = World::with_loop(&["beat", "beat"]);
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    world.tell(&["hang", "beat"]);
    world.wait("the intent is written", || !world.trail().is_empty());
    let beat: serde_json::Value =
        serde_json::from_slice(&std::fs::read(world.runtime("state-heartbeat.json")).unwrap()).unwrap();
    let asked: autoswe_exporter::observation::Time = world.trail()[0]["ts"].as_str().unwrap().parse().unwrap();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of today are exact in a float")]
    let asked = asked.as_millisecond() as f64 / 1000.0;
    let late = asked - beat["ts"].as_f64().unwrap() - 2.0;
    // One evaluation, and a second that agrees at least 200 ms later, which is the next or the one after; the rest is
    // for a machine that is busy with other tests.
    assert!((0.2..0.2 + 2.0 * 0.2 + 1.5).contains(&late), "{late}\n{}", world.story());
}

#[test]
fn a_healthy_loop_is_never_restarted() {
    let world = World::with_loop(&["beat"]);
    let _watchdog = world.watch();
    world.wait("it was found fresh many times", || world.count("fresh") > 25);
    assert_eq!((world.trail().len(), world.starts().len()), (0, 1));
    assert_eq!((&world.state()["decision"], &world.state()["severity"]), (&json!("ok"), &json!("OK")));
    assert!(!world.runtime("watchdog-diagnostics").exists());
}

#[test]
fn a_loop_stopped_by_a_signal_is_restarted() {
    let world = World::with_loop(&["beat"]);
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    let pid = world.manager.main_pid(&world.unit);
    kill_process(pid, Signal::STOP).unwrap();
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    assert!(!alive(pid));
    assert_eq!(world.starts().len(), 2);
}

#[test]
fn a_loop_that_ignores_sigterm_is_restarted_once() {
    let world = World::new();
    let deaf = format!("ExecStart=sh -c 'trap \"\" TERM; exec {}'\nTimeoutStopSec=1s", world.run_line());
    world.start_loop(&deaf, &["beat", "beat"]);
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    let pid = world.manager.main_pid(&world.unit);
    world.tell(&["hang", "beat"]);
    world.until("ActiveState", "deactivating");
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    assert!(!alive(pid));
    world.wait_reason("fresh");
    world.evaluations(10);
    assert_eq!((world.events().len(), world.starts().len()), (2, 2));
}

#[test]
fn a_loop_that_no_signal_ends_is_restarted_once_and_its_second_copy_is_told() {
    let world = World::new();
    world.start_loop("TimeoutStopSec=500ms", &["beat", "beat"]);
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    let pid = world.manager.main_pid(&world.unit);
    let frozen = Frozen::new(pid);
    world.wait("the restart is over", || world.events().len() == 2);
    assert!(alive(pid) && alive(world.manager.main_pid(&world.unit)));
    let told = || world.state()["findings"].to_string().contains(&pid.as_raw_nonzero().to_string());
    world.wait("it is told that the first copy is still there", told);
    world.evaluations(10);
    assert_eq!(world.starts().len(), 2);
    drop(frozen);
    world.wait("the first copy is gone", || !alive(pid) && !told());
    assert_eq!((world.events().len(), world.starts().len()), (2, 2));
}

#[test]
fn a_restart_that_does_not_help_is_critical_and_the_budget_ends() {
    let mut world = World::new();
    world.set(json!({"restart": {"verify": "1s", "backoff": "100ms"}}));
    world.start_loop("", &["beats=1", "hang"]);
    let _watchdog = world.watch();
    world.wait("it gave up", || world.reason() == "budget");
    assert_eq!(world.events(), ["intent", "did_not_take", "intent", "did_not_take", "intent", "did_not_take"]);
    assert_eq!((&world.state()["severity"], &world.state()["budget_remaining"]), (&json!("CRIT"), &json!(0)));
    world.evaluations(10);
    assert_eq!((world.reason().as_str(), world.starts().len()), ("budget", 4));
}

#[test]
fn a_loop_that_wedges_again_and_again_is_given_up_until_a_person_resets() {
    let mut world = World::new();
    world.set(json!({"restart": {"backoff": "300ms"}}));
    world.start_loop("", &["beats=3"]);
    let _watchdog = world.watch();
    world.wait_reason("budget");
    assert_eq!(world.starts().len(), 4);
    assert_eq!(world.events(), ["intent", "took", "intent", "took", "intent", "took"]);
    let reset = world.run(&["reset"]);
    assert!(reset.status.success(), "{reset:?}");
    world.wait("the budget is back", || world.starts().len() == 5);
    assert_eq!(world.events()[6..8], ["reset", "intent"]);
}

#[test]
fn the_backoff_grows_with_each_restart() {
    let mut world = World::new();
    world.set(json!({"restart": {"backoff": "3s"}}));
    world.start_loop("", &["beats=1"]);
    let _watchdog = world.watch();
    world.wait("three restarts", || world.starts().len() == 4);
    let trail = world.trail();
    let at = |event: &&serde_json::Value| event["boottime"].as_f64().unwrap();
    let asked: Vec<f64> = trail.iter().filter(|event| event["event"] == "intent").map(|event| at(&event)).collect();
    let [first, second, third] = asked.try_into().unwrap();
    assert!(second - first >= 3.0 && third - second >= 6.0, "{first} {second} {third}");
    assert!(third - second < 6.0 + Duration::from_secs(6).as_secs_f64(), "{first} {second} {third}");
}

#[test]
fn a_phase_may_be_silent_for_its_time_and_no_longer() {
    let mut world = World::new();
    world.set(json!({"subagents": {"phases": {"writer": {"pattern": "writer", "budget": "2s"}}}}));
    world.start_loop("", &["phase=writer", "beat"]);
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    // The phase began when the loop did; from now on it may be silent for 1.25 times 2 s and 1 s.
    world.tell(&["phase=writer beats=1", "beat"]);
    world.wait("the phase held it", || world.count("phase") > 0);
    assert_eq!(world.trail().len(), 0);
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
}
