//! The user manager that the other tests stand on: what it starts is its own, and gone with it.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::manager::{UserManager, alive, unique_unit};

const SLEEPER: &str = "[Service]\nExecStart=sleep 1000\n";

#[test]
fn two_managers_run_units_of_one_name() {
    let (one, other) = (UserManager::start(), UserManager::start());
    for manager in [&one, &other] {
        manager.write_unit("same.service", SLEEPER);
        manager.done(&["start", "same.service"]);
    }
    let (first, second) = (one.main_pid("same.service"), other.main_pid("same.service"));
    one.done(&["stop", "same.service"]);
    assert!(!alive(first));
    drop(one);
    assert!(alive(second));
    assert_eq!(other.show("same.service", "ActiveState"), "active");
}

#[test]
fn all_that_a_manager_started_ends_with_it() {
    let manager = UserManager::start();
    let unit = unique_unit();
    manager
        .write_unit(&unit, "[Service]\nExecStart=sh -c 'trap \"\" TERM; sleep 1000 & wait'\nTimeoutStopSec=infinity\n");
    manager.done(&["start", &unit]);
    let pid = manager.main_pid(&unit);
    manager.signal(Signal::STOP);
    let start = Instant::now();
    drop(manager);
    assert!(!alive(pid));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_killed_bus_comes_back_with_its_next_client_and_a_removed_one_does_not() {
    let manager = UserManager::start();
    let ask = || {
        let mut command = std::process::Command::new("timeout");
        command.args(["5", "busctl", "--user", "list", "--no-pager"]).env_clear().envs(manager.env());
        command.output().unwrap().status.success()
    };
    assert!(ask(), "{}", manager.log());
    let before = manager.main_pid("dbus.service");
    manager.kill_bus();
    assert!(ask());
    manager.until("dbus.service", "ActiveState", "active");
    assert_ne!(manager.main_pid("dbus.service"), before);
    manager.remove_bus();
    assert!(!ask());
    assert_eq!(manager.show("dbus.socket", "ActiveState"), "inactive");
}
