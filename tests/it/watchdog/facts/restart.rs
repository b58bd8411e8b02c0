//! Facts 2, 3, 5, 6 and 7: what the one call does to a unit in each of its states.

use super::{Fact, UNTIL_GO, sleeper};
use crate::manager::alive;
use crate::watchdog::freezer::Frozen;

/// Takes until [`Fact::go`] to stop.
fn slow_to_stop() -> String {
    sleeper(&format!("ExecStop={UNTIL_GO}"))
}

#[test]
fn restart_overrides_a_stop_in_progress_and_try_restart_does_not() {
    let fact = Fact::running(&slow_to_stop());
    assert!(fact.systemctl("stop", &["--no-block"]));
    fact.until("ActiveState", "deactivating");
    // It is answered with a job, which does nothing: a good answer is no sign of anything.
    fact.try_restart().unwrap();
    fact.go();
    fact.until("ActiveState", "inactive");
    fact.until_no_job();
    assert_eq!(fact.state(), "inactive/dead/success");

    std::fs::remove_file(fact.manager.path().join("home/go")).unwrap();
    assert!(fact.systemctl("start", &[]) && fact.systemctl("stop", &["--no-block"]));
    fact.until("ActiveState", "deactivating");
    fact.call("RestartUnit", &["replace"]).unwrap();
    fact.go();
    fact.until("ActiveState", "active");
}

#[test]
fn it_is_refused_where_a_stop_waits_for_its_turn() {
    let fact = Fact::running(&sleeper(""));
    let first = crate::manager::unique_unit();
    let unit = &fact.unit;
    fact.manager.write_unit(&first, &format!("[Unit]\nAfter={unit}\nBindsTo={unit}\n{}", slow_to_stop()));
    fact.manager.done(&["start", &first]);
    assert!(fact.systemctl("stop", &["--no-block"]));
    fact.manager.until(&first, "ActiveState", "deactivating");
    assert_eq!(fact.show("ActiveState"), "active");
    assert_ne!(fact.show("Job"), "");
    let refused = fact.try_restart().unwrap_err();
    // The error's name is TransactionIsDestructive; busctl tells its text.
    assert!(refused.contains("is destructive"), "{refused}");
    fact.go();
    fact.until("ActiveState", "inactive");
}

#[test]
fn it_does_nothing_to_a_unit_that_stops_by_itself() {
    let fact = Fact::running(&format!("[Service]\nExecStart=true\nExecStopPost={UNTIL_GO}\n"));
    fact.until("ActiveState", "deactivating");
    assert_eq!(fact.show("Job"), "");
    let before = fact.show("InvocationID");
    assert!(fact.try_restart_and_wait());
    assert_eq!(fact.show("ActiveState"), "deactivating");
    fact.go();
    fact.until("ActiveState", "inactive");
    assert_eq!(fact.show("Result"), "success");
    assert!([before, String::new()].contains(&fact.show("InvocationID")));
}

#[test]
fn it_does_nothing_to_a_stopped_unit_and_calls_that_done() {
    let fact = Fact::running(&sleeper(""));
    assert!(fact.systemctl("stop", &[]));
    assert!(fact.try_restart_and_wait());
    fact.try_restart().unwrap();
    fact.until_no_job();
    assert_eq!(fact.state(), "inactive/dead/success");
}

#[test]
fn it_does_nothing_to_a_failed_unit_and_calls_that_done() {
    let fact = Fact::running("[Service]\nExecStart=sh -c 'sleep 0.1; exit 3'\n");
    fact.until("ActiveState", "failed");
    assert!(fact.try_restart_and_wait());
    assert_eq!(fact.state(), "failed/failed/exit-code");
}

#[test]
fn it_is_refused_where_the_unit_is_not_known() {
    let fact = Fact::of(&sleeper(""));
    let fact = Fact { unit: "nowhere.service".into(), ..fact };
    assert!(fact.try_restart().unwrap_err().contains("nowhere.service not found"));
    assert_eq!(fact.show("LoadState"), "not-found");
    assert_eq!(fact.show("ActiveState"), "inactive");
}

#[test]
fn a_start_that_its_condition_skips_is_called_done() {
    let fact = Fact::of(&format!("[Unit]\nConditionPathExists=/nowhere\n{}", sleeper("")));
    assert!(fact.systemctl("start", &[]));
    assert_eq!(fact.state(), "inactive/dead/success");
    assert_eq!(fact.show("ConditionResult"), "no");
}

#[test]
fn a_restart_whose_condition_no_longer_holds_is_a_stop_that_is_called_done() {
    let fact = Fact::of("");
    let flag = fact.manager.path().join("flag");
    std::fs::write(&flag, "").unwrap();
    let text = format!("[Unit]\nConditionPathExists={}\n{}", flag.display(), sleeper(""));
    fact.manager.write_unit(&fact.unit, &text);
    assert!(fact.systemctl("start", &[]));
    std::fs::remove_file(flag).unwrap();
    assert!(fact.try_restart_and_wait());
    assert_eq!(fact.state(), "inactive/dead/success");
}

#[test]
fn during_an_automatic_restart_it_starts_at_once() {
    let fact = Fact::of("");
    let flag = fact.manager.path().join("flag");
    let text = format!("[Service]\nExecStart=sh -c '[ -e {} ] && exec sleep 1000; exit 3'\n", flag.display());
    fact.manager.write_unit(&fact.unit, &(text + "Restart=always\nRestartSec=1000\n"));
    assert!(fact.systemctl("start", &[]));
    fact.until("SubState", "auto-restart");
    assert_eq!((fact.show("ActiveState"), fact.show("Job")), ("activating".into(), String::new()));
    std::fs::write(flag, "").unwrap();
    fact.try_restart().unwrap();
    fact.until("ActiveState", "active");
}

#[test]
fn during_start_pre_it_aborts_the_start_and_begins_again() {
    let fact =
        Fact::of(&sleeper("ExecStartPre=sh -c 'echo >>$HOME/begun; while [ ! -e $HOME/go ]; do sleep 0.02; done'"));
    let begun = fact.manager.path().join("home/begun");
    let times = || std::fs::read_to_string(&begun).unwrap_or_default().len();
    assert!(fact.systemctl("start", &["--no-block"]));
    fact.until("SubState", "start-pre");
    fact.wait("its start-pre runs", || times() == 1);
    assert_eq!(fact.show("ActiveState"), "activating");
    assert_ne!(fact.show("Job"), "");
    // The mode "fail" does not protect it: a start and a restart are one restart.
    fact.try_restart().unwrap();
    fact.wait("its start-pre runs anew", || times() == 2);
    fact.go();
    fact.until("ActiveState", "active");
}

#[test]
fn a_crash_while_a_condition_forbids_the_start_never_comes_back() {
    let fact = Fact::of("");
    let pause = fact.manager.path().join("PAUSE");
    let text = format!("[Unit]\nConditionPathExists=!{}\n", pause.display());
    fact.manager.write_unit(&fact.unit, &(text + &sleeper("Restart=always\nRestartSec=100ms")));
    assert!(fact.systemctl("start", &[]));
    std::fs::write(&pause, "").unwrap();
    assert!(fact.systemctl("kill", &["--signal=KILL"]));
    fact.until("ActiveState", "inactive");
    assert_eq!(fact.state(), "inactive/dead/success");
    std::fs::remove_file(pause).unwrap();
    // Nothing is planned either: no job, and not waiting to restart.
    assert_eq!((fact.show("Job"), fact.show("SubState")), (String::new(), "dead".into()));
}

#[test]
fn a_stop_without_a_time_limit_hangs_until_it_is_killed() {
    let deaf = "[Service]\nExecStart=sh -c 'trap \"\" TERM; touch $HOME/deaf; while :; do sleep 0.1; done'\n";
    let fact = Fact::running(&format!("{deaf}TimeoutStopSec=infinity\n"));
    fact.wait("it is deaf", || fact.manager.path().join("home/deaf").exists());
    let pid = fact.manager.main_pid(&fact.unit);
    fact.try_restart().unwrap();
    fact.until("SubState", "stop-sigterm");
    assert_eq!(fact.show("TimeoutStopUSec"), "infinity");
    // For as long as anybody cares to look.
    for _ in 0..20 {
        assert!(alive(pid) && fact.show("SubState") == "stop-sigterm");
    }
    assert!(fact.systemctl("kill", &["--signal=KILL"]));
    fact.until("ActiveState", "active");
    assert!(!alive(pid));
}

#[test]
fn a_process_that_no_signal_ends_gets_a_second_copy_beside_it() {
    let fact = Fact::running(&sleeper("TimeoutStopSec=300ms"));
    let first = fact.manager.main_pid(&fact.unit);
    let frozen = Frozen::new(first);
    fact.try_restart().unwrap();
    fact.until_no_job();
    assert_eq!(fact.state(), "active/running/success");
    let second = fact.manager.main_pid(&fact.unit);
    assert!(alive(first) && alive(second) && first != second);
    drop(frozen);
    fact.wait("the first copy gets its signal at last", || !alive(first));
}
