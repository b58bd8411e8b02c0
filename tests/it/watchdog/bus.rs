//! The way to the service manager is cut, slow or hidden.

use rustix::process::Signal;
use serde_json::json;

use super::world::{Watchdog, World, at_once};

#[test]
fn a_bus_killed_while_the_job_runs_does_not_matter() {
    let world = World::new();
    let deaf = format!("ExecStart=sh -c 'trap \"\" TERM; exec {}'\nTimeoutStopSec=2s", world.run_line());
    world.start_loop(&deaf, &["beat", "beat"]);
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    world.tell(&["hang", "beat"]);
    world.until("ActiveState", "deactivating");
    world.manager.kill_bus();
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    world.wait_reason("fresh");
    world.evaluations(10);
    assert_eq!((world.starts().len(), world.events().len()), (2, 2));
}

#[test]
fn without_a_bus_systemctl_does_it() {
    let world = World::with_loop(&["beat", "beat"]);
    world.manager.remove_bus();
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    world.tell(&["hang", "beat"]);
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    assert_eq!(world.starts().len(), 2);
}

#[test]
fn a_bus_that_comes_back_is_used_again() {
    let world = World::with_loop(&["beat", "beat"]);
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    world.manager.kill_bus();
    world.evaluations(3);
    world.manager.remove_bus();
    world.evaluations(3);
    world.manager.done(&["start", "dbus.socket"]);
    world.evaluations(3);
    assert_eq!(world.reason(), "fresh");
    world.tell(&["hang", "beat"]);
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
}

#[test]
fn a_manager_that_does_not_answer_is_waited_for() {
    let mut world = World::new();
    world.set(json!({"restart": {"bus_timeout": "300ms"}}));
    world.start_loop("", &["beat", "beat"]);
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    world.tell(&["hang", "beat"]);
    world.manager.signal(Signal::STOP);
    world.wait_reason("bus");
    assert_eq!(world.state()["severity"], "WARN");
    world.wait("it is critical", || world.state()["severity"] == "CRIT");
    assert_eq!(world.reason(), "bus");
    world.evaluations(5);
    assert_eq!((world.starts().len(), world.trail().len()), (1, 0));
    world.manager.signal(Signal::CONT);
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    assert_eq!(world.starts().len(), 2);
}

#[test]
fn a_manager_that_falls_silent_after_it_was_asked_has_restarted_once() {
    let mut world = World::new();
    world.set(json!({"restart": {"bus_timeout": "500ms", "verify": "20s"}}));
    let deaf = format!("ExecStart=sh -c 'trap \"\" TERM; exec {}'\nTimeoutStopSec=1s", world.run_line());
    world.start_loop(&deaf, &["beat", "beat"]);
    let _watchdog = world.watch();
    world.wait_reason("fresh");
    world.tell(&["hang", "beat"]);
    world.until("ActiveState", "deactivating");
    world.manager.signal(Signal::STOP);
    let since = std::time::Instant::now();
    world.wait("longer than its calls may take", || since.elapsed().as_secs_f64() > 2.5);
    world.manager.signal(Signal::CONT);
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    world.evaluations(10);
    assert_eq!((world.starts().len(), world.events().len()), (2, 2));
}

#[test]
fn either_variable_is_enough_to_find_the_bus() {
    at_once(["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"], |gone| {
        let world = World::with_loop(&["beat", "beat"]);
        let _watchdog = Watchdog::spawn(&world, world.command(&[]).env_remove(gone));
        world.wait_reason("fresh");
        world.tell(&["hang", "beat"]);
        world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    });
}

#[test]
fn without_either_variable_it_says_what_is_missing() {
    // A name that no real manager of this machine has, because that one may be found.
    let mut world = World::with_loop(&["beats=1"]);
    world.set(json!({"loop": {"unit": crate::manager::unique_unit()}}));
    let mut command = world.command(&[]);
    command.env_remove("XDG_RUNTIME_DIR").env_remove("DBUS_SESSION_BUS_ADDRESS");
    let _watchdog = Watchdog::spawn(&world, &mut command);
    world.wait("it cannot ask", || ["bus", "not_loaded"].contains(&world.reason().as_str()));
    world.evaluations(10);
    assert_eq!((world.trail().len(), world.starts().len()), (0, 1));
    let said = world.state()["text"].to_string() + &world.state()["hint"].to_string();
    assert!(world.reason() == "not_loaded" || said.contains("XDG_RUNTIME_DIR"), "{said}");
    assert_eq!(world.state()["severity"], "CRIT");
}

#[test]
fn a_unit_of_another_type_of_manager_is_not_touched() {
    let mut world = World::with_loop(&["beats=1"]);
    let unit = crate::manager::unique_unit();
    world.set(json!({"loop": {"unit_manager": "system", "unit": unit}}));
    let _watchdog = world.watch();
    world.wait("it cannot ask", || ["bus", "not_loaded"].contains(&world.reason().as_str()));
    world.evaluations(10);
    assert_eq!((world.trail().len(), world.starts().len(), world.show("ActiveState")), (0, 1, "active".into()));
}
