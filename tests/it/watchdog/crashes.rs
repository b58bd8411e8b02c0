//! The watchdog itself is killed, stopped, or there twice: no second restart, and no restart that is not counted.

use rustix::process::Signal;
use serde_json::json;

use super::diagnosing::Held;
use super::world::World;

#[test]
fn killed_before_its_intent_it_begins_anew() {
    let world = World::with_loop(&["beat", "beat"]);
    let watchdog = world.watch();
    world.wait_reason("fresh");
    world.tell(&["hang", "beat"]);
    world.wait_reason("confirming");
    watchdog.signal(Signal::STOP);
    let written = world.trail().len();
    watchdog.kill();
    assert_eq!(written, 0, "it was not stopped in time");
    let _watchdog = world.watch();
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    assert_eq!(world.starts().len(), 2);
}

#[test]
fn killed_after_its_intent_the_restart_counts_though_it_was_never_asked_for() {
    let mut held = Held::new(json!({"restart": {"backoff": "3s"}}), &["beats=1", "beat"]);
    let before = held.world.show("InvocationID");
    held.watchdog.take().unwrap().kill();
    held.go();
    held.watchdog = Some(held.world.watch());
    held.world.wait_reason("backoff");
    assert_eq!(held.world.state()["budget_remaining"], 2);
    assert_eq!((held.world.show("InvocationID"), held.intents()), (before, 1));
    held.world.wait("it was restarted in the end", || held.world.events().last().is_some_and(|last| last == "took"));
    assert_eq!((held.world.starts().len(), held.intents()), (2, 2), "{:?}", held.world.events());
    let trail = held.world.trail();
    let intents: Vec<_> = trail.iter().filter(|event| event["event"] == "intent").collect();
    assert!(intents[1]["boottime"].as_f64().unwrap() - intents[0]["boottime"].as_f64().unwrap() >= 3.0);
    assert_ne!(intents[0]["id"], intents[1]["id"]);
}

#[test]
fn killed_after_every_intent_it_never_exceeds_its_budget() {
    let mut held = Held::new(json!({"restart": {"backoff": "50ms"}}), &["beats=1"]);
    for intents in 1..=3 {
        assert_eq!(held.intents(), intents);
        held.watchdog.take().unwrap().kill();
        held.start();
        let gave_up = || held.world.reason() == "budget";
        held.world.wait("it diagnoses again, or gave up", || held.begun() || gave_up());
    }
    held.world.wait_reason("budget");
    held.world.evaluations(10);
    assert_eq!((held.intents(), held.world.starts().len()), (3, 1), "{:?}", held.world.events());
}

#[test]
fn killed_while_the_job_runs_the_restart_goes_on_and_is_not_repeated() {
    let world = World::new();
    let deaf = format!("ExecStart=sh -c 'trap \"\" TERM; exec {}'\nTimeoutStopSec=2s", world.run_line());
    world.start_loop(&deaf, &["beat", "beat"]);
    let watchdog = world.watch();
    world.wait_reason("fresh");
    world.tell(&["hang", "beat"]);
    world.until("ActiveState", "deactivating");
    watchdog.kill();
    assert_eq!(world.events(), ["intent"]);
    let _watchdog = world.watch();
    world.wait_reason("busy");
    world.wait_reason("fresh");
    world.wait("the outcome is known", || world.events() == ["intent", "took"]);
    world.evaluations(15);
    assert_eq!((world.starts().len(), world.events().len()), (2, 2));
}

#[test]
fn killed_while_it_verifies_the_outcome_is_written_by_the_next() {
    let world = World::with_loop(&["beat", "start=1500"]);
    let watchdog = world.watch();
    world.wait_reason("fresh");
    world.tell(&["hang", "start=1500"]);
    world.wait("the loop was restarted", || world.starts().len() == 2);
    watchdog.kill();
    assert_eq!(world.events(), ["intent"]);
    let _watchdog = world.watch();
    world.wait("the outcome is known", || world.events() == ["intent", "took"]);
    world.wait_reason("fresh");
    world.evaluations(15);
    assert_eq!((world.starts().len(), world.events().len()), (2, 2));
}

#[test]
fn killed_after_the_outcome_it_goes_on_as_before() {
    let world = World::with_loop(&["beat", "beat"]);
    let watchdog = world.watch();
    world.wait_reason("fresh");
    world.tell(&["hang", "beat"]);
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    watchdog.kill();
    let watchdog = world.watch();
    world.wait_evaluated_by(&watchdog);
    world.evaluations(15);
    assert_eq!((world.events().len(), world.starts().len()), (2, 2));
    assert_eq!(world.state()["budget_remaining"], 2);
}

#[test]
fn killed_at_any_moment_it_restarts_a_loop_that_wedges_no_more_than_the_budget() {
    let mut world = World::new();
    world.set(json!({"restart": {"backoff": "50ms", "budget": 2}}));
    world.start_loop("", &["beats=1"]);
    let mut lives = 0_u64;
    while world.reason() != "budget" {
        lives += 1;
        assert!(lives < 60, "{}", world.story());
        let watchdog = world.watch();
        let life = std::time::Duration::from_millis(300 + 137 * (lives % 11));
        let start = std::time::Instant::now();
        world.wait("its life is over", || start.elapsed() > life || world.reason() == "budget");
        watchdog.kill();
    }
    let intents = world.events().iter().filter(|event| *event == "intent").count();
    assert_eq!(intents, 2, "{:?}", world.events());
    assert!(world.starts().len() <= 3);
    let _watchdog = world.watch();
    world.evaluations(10);
    assert_eq!(world.reason(), "budget");
}

#[test]
fn a_second_watchdog_ends_and_says_who_is_there() {
    let world = World::with_loop(&["beat"]);
    let first = world.watch();
    world.wait_reason("fresh");
    for arguments in [&[][..], &["--once"]] {
        let second = world.run(arguments);
        let said = super::world::said(&second);
        assert_eq!(second.status.code(), Some(75), "{arguments:?}: {said}");
        assert!(said.contains(&first.pid().as_raw_nonzero().to_string()), "{said}");
        assert!(said.contains("watchdog.lock"), "{said}");
    }
    first.kill();
    let third = world.run(&["--once"]);
    assert_eq!(third.status.code(), Some(0), "{third:?}");
}

/// The watchdog as a unit of the manager that it asks.
fn as_unit(world: &World) -> &'static str {
    let unit = "autoswe-watchdog-test.service";
    let run = format!("{} --config.file {}", env!("CARGO_BIN_EXE_autoswe-watchdog"), world.config_file().display());
    let text = format!(
        "[Service]\nType=notify\nNotifyAccess=main\nExecStart={run}\nWatchdogSec=2s\nRestart=always\n\
         RestartSec=100ms\nTimeoutStopSec=2s\nTimeoutAbortSec=2s\n"
    );
    world.manager.write_unit(unit, &text);
    world.manager.done(&["start", unit]);
    unit
}

#[test]
fn a_stopped_watchdog_is_restarted_by_systemd() {
    let world = World::with_loop(&["beat", "beat"]);
    let unit = as_unit(&world);
    // It is ready after its first evaluation.
    assert_eq!(world.reason(), "fresh");
    let first = world.manager.main_pid(unit);
    // It is not restarted while it evaluates, for longer than the limit.
    world.evaluations(15);
    assert_eq!(world.manager.main_pid(unit), first);
    rustix::process::kill_process(first, Signal::STOP).unwrap();
    world.wait("systemd started it again", || world.manager.show(unit, "NRestarts") == "1");
    world.manager.until(unit, "ActiveState", "active");
    assert_ne!(world.manager.main_pid(unit), first);
    world.tell(&["hang", "beat"]);
    world.wait("the new one does its work", || world.events() == ["intent", "took"]);
}

#[test]
fn it_ends_cleanly_when_it_is_stopped() {
    let world = World::with_loop(&["beat"]);
    for signal in [Signal::TERM, Signal::INT] {
        let watchdog = world.watch();
        world.wait_evaluated_by(&watchdog);
        watchdog.signal(signal);
        assert_eq!(watchdog.exit_code(), Some(0), "{}", world.story());
    }
    let unit = as_unit(&world);
    world.manager.done(&["stop", unit]);
    assert_eq!(world.manager.show(unit, "Result"), "success");
    assert_eq!((world.show("ActiveState").as_str(), world.trail().len()), ("active", 0));
}
