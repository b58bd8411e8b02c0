//! Facts 4 and 8: what a unit and its environment say.

use super::{Fact, UNTIL_GO, sleeper};

const TIMES: [&str; 3] =
    ["InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic", "ExecMainStartTimestampMonotonic"];

#[test]
fn a_slow_start_is_told_by_when_it_left_inactive() {
    let fact = Fact::of(&sleeper(&format!("ExecStartPre={UNTIL_GO}")));
    assert!(fact.systemctl("start", &["--no-block"]));
    fact.until("SubState", "start-pre");
    let [left, active, main] = TIMES.map(|time| fact.microseconds(time));
    assert!(left > 0 && active == 0 && main == 0, "{left} {active} {main}");
    fact.go();
    fact.until("ActiveState", "active");
    let [left_then, active, main] = TIMES.map(|time| fact.microseconds(time));
    assert!(left == left_then && active > left && main > left, "{left} {active} {main}");
}

#[test]
fn a_restarted_unit_that_starts_anew_still_tells_when_it_was_active_before() {
    let fact = Fact::running(&sleeper("ExecStartPre=sh -c '[ ! -e $HOME/again ] || sleep 1000'"));
    std::fs::write(fact.manager.path().join("home/again"), "").unwrap();
    let before = fact.microseconds("ActiveEnterTimestampMonotonic");
    assert!(fact.systemctl("restart", &["--no-block"]));
    fact.until("SubState", "start-pre");
    let [left, active, _] = TIMES.map(|time| fact.microseconds(time));
    assert!(active == before && left > before, "ActiveEnter alone is that of the run before: {left} {active}");
}

#[test]
fn a_stopped_unit_is_unloaded_and_its_times_read_zero() {
    let fact = Fact::running(&sleeper(""));
    assert!(TIMES.iter().all(|time| fact.microseconds(time) > 0));
    assert!(fact.systemctl("stop", &[]));
    assert_eq!(TIMES.map(|time| fact.microseconds(time)), [0, 0, 0]);
    assert_eq!(fact.microseconds("InactiveEnterTimestampMonotonic"), 0);
    assert_eq!((fact.show("InvocationID"), fact.show("MainPID")), (String::new(), "0".into()));
    assert_eq!((fact.show("LoadState"), fact.state()), ("loaded".into(), "inactive/dead/success".into()));
}

#[test]
fn each_run_has_an_invocation_id_of_its_own_and_gives_it_to_its_processes() {
    let fact = Fact::running(&sleeper(""));
    let first = fact.show("InvocationID");
    let pid = fact.manager.main_pid(&fact.unit).as_raw_nonzero();
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    assert!(environment.split('\0').any(|variable| variable == format!("INVOCATION_ID={first}")));
    assert!(fact.try_restart_and_wait());
    assert_ne!(fact.show("InvocationID"), first);
}

#[test]
fn a_reload_of_the_manager_keeps_the_invocation_and_its_times() {
    let fact = Fact::running(&sleeper(""));
    let before = (fact.show("InvocationID"), TIMES.map(|time| fact.microseconds(time)));
    fact.manager.done(&["daemon-reload"]);
    assert_eq!((fact.show("InvocationID"), TIMES.map(|time| fact.microseconds(time))), before);
}

#[test]
fn a_unit_finds_its_bus_by_the_runtime_directory() {
    let fact = Fact::running(&sleeper(""));
    let pid = fact.manager.main_pid(&fact.unit).as_raw_nonzero();
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    let runtime = format!("XDG_RUNTIME_DIR={}", fact.manager.runtime_dir().display());
    assert!(environment.split('\0').any(|variable| variable == runtime), "{environment}");
}

#[test]
fn systemctl_needs_no_bus_and_the_bus_is_needed_for_dbus() {
    let fact = Fact::running(&sleeper(""));
    fact.manager.remove_bus();
    assert!(fact.try_restart().is_err());
    let before = fact.show("InvocationID");
    assert!(fact.try_restart_and_wait());
    assert_ne!(fact.show("InvocationID"), before);
}
