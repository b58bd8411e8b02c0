//! Fact 9: timers and the services they start.

use super::Fact;

/// A oneshot with a timer that starts it over and over, by the name of the timer.
fn ticking(service: &str, timer: &str) -> (Fact, String) {
    let fact = Fact::of(&format!("[Service]\nType=oneshot\n{service}\n"));
    let name = fact.unit.replace(".service", ".timer");
    fact.manager.write_unit(&name, &format!("[Timer]\nAccuracySec=1ms\n{timer}\n"));
    (fact, name)
}

fn runs(fact: &Fact) -> usize {
    std::fs::read_to_string(fact.manager.path().join("home/runs")).unwrap_or_default().len()
}

#[test]
fn a_oneshot_may_take_for_ever_unless_it_is_told_a_limit() {
    let fact = Fact::of("[Service]\nType=oneshot\nExecStart=true\n");
    assert_eq!(fact.show("TimeoutStartUSec"), "infinity");
}

#[test]
fn a_hung_oneshot_blocks_every_later_run_and_one_with_a_limit_does_not() {
    let timer = "OnActiveSec=10ms\nOnUnitInactiveSec=50ms";
    let hang = "ExecStart=sh -c 'echo >>$HOME/runs; sleep 1000'";
    let (hung, name) = ticking(hang, timer);
    hung.manager.done(&["start", &name]);
    hung.wait("its first run", || runs(&hung) == 1);
    let (limited, name) = ticking(&format!("{hang}\nTimeoutStartSec=300ms"), timer);
    limited.manager.done(&["start", &name]);
    limited.wait("its third run", || runs(&limited) >= 3);
    assert_eq!(runs(&hung), 1);
    assert_eq!(hung.show("ActiveState"), "activating");
}

#[test]
fn a_timer_that_only_counts_from_its_units_last_run_never_begins() {
    let (fact, name) = ticking("ExecStart=sh -c 'echo >>$HOME/runs'", "OnUnitActiveSec=10ms");
    fact.manager.done(&["start", &name]);
    fact.manager.until(&name, "SubState", "elapsed");
    assert_eq!(runs(&fact), 0);
}
