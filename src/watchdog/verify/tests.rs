use super::*;
use crate::config::{Config, Phases};
use crate::observation::{Failure, FailureKind, Pause, Time};
use crate::watchdog::clock::Clock;
use crate::watchdog::decide::{Dependency, Spent};

/// A restart was asked for at second 1000 of the boot, to end the run `old`.
fn pending() -> Pending {
    Pending { id: "x".into(), stamp: clock(1000.0).stamp(), invocation: "old".into() }
}

fn clock(boottime: f64) -> Clock {
    let wall = Time::from_second(1_795_348_800).unwrap() + jiff::SignedDuration::from_secs_f64(boottime);
    Clock { wall, boottime, monotonic: boottime, lived: boottime, boot_id: "a".into() }
}

/// A look at `now`: the run `new` started at 1005 and beat at `beat`.
fn look(now: f64, beat: f64) -> Facts {
    let details = Details {
        invocation: "new".into(),
        started: now - 1005.0,
        result: String::new(),
        retried: true,
        control_group: String::new(),
        stop_timeout: None,
    };
    let unit = Unit {
        name: "u".into(),
        load: "loaded".into(),
        active: Active::Active,
        sub: "running".into(),
        job: None,
        since: 0.0,
        details: Some(details),
    };
    Facts {
        clock: clock(now),
        pause: Reading::Observed(Pause::default()),
        heartbeat: Reading::Observed(Heartbeat { at: Some(clock(beat).wall), ..Heartbeat::default() }),
        bytes: Some((beat * 10.0) as u64),
        unit: Ok(unit),
        dependency: Some(Dependency::Fine),
        spent: Ok(Spent::default()),
        trouble: None,
        notes: Vec::new(),
    }
}

fn with_unit(mut facts: Facts, change: impl FnOnce(&mut Unit, &mut Details)) -> Facts {
    let unit = facts.unit.as_mut().unwrap();
    let mut details = unit.details.take().unwrap();
    change(unit, &mut details);
    unit.details = Some(details);
    facts
}

fn naming(mut facts: Facts, run: &str) -> Facts {
    let Reading::Observed(heartbeat) = &mut facts.heartbeat else { panic!() };
    heartbeat.invocation_id = Some(run.into());
    facts
}

/// What is known of the restart by `facts`, after a first look at second 990.
fn verified(facts: &Facts) -> Option<(RestartOutcome, String)> {
    let config = Config::default();
    let rules = Rules { loop_: config.checks.loop_.clone(), restart: config.restart };
    let mut memory = Memory::default();
    for facts in [&look(990.0, 100.0), facts] {
        memory.begin(facts, &rules);
        memory.complete(facts);
    }
    let inputs = memory.inputs(facts, &rules, &Phases::default());
    outcome(&pending(), (facts, &inputs), &memory, &rules)
}

fn is(facts: &Facts, expected: Option<RestartOutcome>) {
    assert_eq!(verified(facts).map(|(outcome, _)| outcome), expected, "{facts:?}");
}

const TOOK: Option<RestartOutcome> = Some(RestartOutcome::Took);
const FAILED: Option<RestartOutcome> = Some(RestartOutcome::DidNotTake);

#[test]
fn a_heartbeat_of_the_new_run_is_what_it_takes() {
    is(&look(1020.0, 1010.0), TOOK);
    is(&look(1020.0, 1000.0), None);
    is(&naming(look(1020.0, 1004.0), "new"), TOOK);
    is(&naming(look(1020.0, 1010.0), "old"), None);
    assert_eq!(verified(&look(1020.0, 1010.0)).unwrap().1, "run new gave its first sign of life");
}

#[test]
fn the_old_run_a_unit_that_does_not_run_and_a_run_without_name_have_not_taken() {
    is(&with_unit(look(1020.0, 1010.0), |_, details| details.invocation = "old".into()), None);
    is(&with_unit(look(1020.0, 1010.0), |_, details| details.invocation.clear()), None);
    for active in [Active::Activating, Active::Deactivating, Active::Inactive, Active::Failed, Active::Other] {
        is(&with_unit(look(1020.0, 1010.0), |unit, _| unit.active = active), None);
    }
}

#[test]
fn after_five_minutes_without_it_the_restart_did_not_take() {
    is(&look(1300.0, 900.0), None);
    is(&look(1301.0, 900.0), FAILED);
    let why = |facts: Facts| verified(&facts).unwrap().1;
    assert_eq!(why(look(1320.0, 900.0)), "the unit runs anew, and gave no sign of life within 5 min");
    let old = with_unit(look(1320.0, 900.0), |_, details| details.invocation = "old".into());
    assert_eq!(why(old), "after 5 min the same run goes on as before");
    let stuck = with_unit(look(1320.0, 900.0), |unit, _| {
        (unit.active, unit.sub) = (Active::Deactivating, "stop-sigterm".into());
    });
    assert_eq!(why(stuck), "after 5 min the unit is deactivating (stop-sigterm)");
}

#[test]
fn what_cannot_be_seen_now_stays_open() {
    let late = || look(2000.0, 900.0);
    is(&Facts { unit: Err("no bus".into()), ..late() }, None);
    let mut unknown = late();
    unknown.unit.as_mut().unwrap().details = None;
    is(&unknown, None);
    is(&Facts { pause: Reading::Observed(Pause { soft: Some(clock(1500.0).wall), hard: None }), ..late() }, None);
    is(&Facts { pause: Reading::Failed(Failure::new(FailureKind::Unreadable, "loop")), ..late() }, None);
}

#[test]
fn a_machine_that_slept_gives_the_restart_its_time_anew() {
    let mut slept = look(5000.0, 900.0);
    slept.clock.monotonic = 1100.0;
    is(&slept, None);
}
