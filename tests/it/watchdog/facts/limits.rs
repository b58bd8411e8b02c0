//! Fact 1: a restart past the start limit kills a running unit, unless its counter is emptied first.

use super::Fact;

/// Three starts an hour.
const LIMITED: &str =
    "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=3\n[Service]\nExecStart=sleep 1000\nRestart=on-failure\n";

/// A unit that has been started as often as it may.
fn at_its_limit() -> Fact {
    let fact = Fact::running(LIMITED);
    for _ in 0..2 {
        assert!(fact.systemctl("restart", &[]));
    }
    assert_eq!(fact.state(), "active/running/success");
    // Restarts by hand count, though systemd's own number of restarts does not show them.
    assert_eq!(fact.show("NRestarts"), "0");
    fact
}

#[test]
fn a_restart_past_the_start_limit_kills_a_running_unit() {
    let fact = at_its_limit();
    assert!(!fact.systemctl("restart", &[]));
    assert_eq!(fact.state(), "failed/failed/start-limit-hit");
    assert_eq!(fact.show("NRestarts"), "0");
}

#[test]
fn so_does_try_restart() {
    let fact = at_its_limit();
    // The call itself is answered well: what goes wrong goes wrong later.
    fact.try_restart().unwrap();
    fact.until("ActiveState", "failed");
    assert_eq!(fact.state(), "failed/failed/start-limit-hit");
}

#[test]
fn with_its_counter_emptied_before_it_a_restart_past_the_limit_goes_well() {
    let fact = at_its_limit();
    for _ in 0..5 {
        let before = (fact.show("InvocationID"), fact.manager.main_pid(&fact.unit));
        fact.call("ResetFailedUnit", &[]).unwrap();
        fact.try_restart().unwrap();
        fact.until_no_job();
        assert_eq!(fact.state(), "active/running/success");
        assert_ne!((fact.show("InvocationID"), fact.manager.main_pid(&fact.unit)), before);
    }
}

#[test]
fn emptying_the_counter_of_a_running_unit_does_nothing_else() {
    let fact = at_its_limit();
    let before = (fact.state(), fact.show("InvocationID"), fact.manager.main_pid(&fact.unit));
    fact.call("ResetFailedUnit", &[]).unwrap();
    assert_eq!((fact.state(), fact.show("InvocationID"), fact.manager.main_pid(&fact.unit)), before);
}

#[test]
fn emptying_the_counter_of_a_unit_in_auto_restart_does_not_start_or_stop_it() {
    let fact = Fact::running("[Service]\nExecStart=sh -c 'exit 3'\nRestart=always\nRestartSec=1000\n");
    fact.until("SubState", "auto-restart");
    fact.call("ResetFailedUnit", &[]).unwrap();
    assert_eq!(fact.show("SubState"), "auto-restart");
}

#[test]
fn a_unit_at_its_limit_that_crashes_stays_failed_until_reset() {
    let fact = at_its_limit();
    assert!(fact.systemctl("kill", &["--signal=KILL"]));
    fact.until("ActiveState", "failed");
    // The result is that of the crash, so it does not tell that the limit was hit.
    assert_eq!((fact.state(), fact.show("Restart")), ("failed/failed/signal".into(), "on-failure".into()));
    assert!(!fact.systemctl("start", &[]));
    assert!(fact.systemctl("reset-failed", &[]) && fact.systemctl("start", &[]));
    assert_eq!(fact.state(), "active/running/success");
}
