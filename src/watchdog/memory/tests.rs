use super::*;
use crate::assessment::Severity;
use crate::config::Config;
use crate::observation::{Failure, FailureKind};
use crate::systemd::Details;
use crate::watchdog::decide::decide;

fn rules() -> Rules {
    let config = Config::default();
    Rules { loop_: config.checks.loop_.clone(), restart: config.restart }
}

fn phases() -> Phases {
    Phases::default()
}

/// The wall clock when the machine of these tests booted.
const BOOT: i64 = 1_795_348_800;

fn wall(boottime: f64) -> Time {
    Time::from_second(BOOT).unwrap() + jiff::SignedDuration::from_secs_f64(boottime)
}

fn clock(boottime: f64) -> Clock {
    Clock { wall: wall(boottime), boottime, monotonic: boottime, lived: boottime, boot_id: "a".into() }
}

fn unit(active: Active) -> Unit {
    let details = Details {
        invocation: "run".into(),
        started: 1e6,
        result: String::new(),
        retried: true,
        control_group: String::new(),
        stop_timeout: None,
    };
    Unit {
        name: "u".into(),
        load: "loaded".into(),
        active,
        sub: String::new(),
        job: None,
        since: 0.0,
        details: Some(details),
    }
}

/// A look at `now` that finds a heartbeat of `beat` (both seconds since the boot) and nothing wrong.
fn facts(now: f64, beat: f64) -> Facts {
    Facts {
        clock: clock(now),
        pause: Reading::Observed(Pause::default()),
        heartbeat: Reading::Observed(Heartbeat { at: Some(wall(beat)), ..Heartbeat::default() }),
        bytes: Some((beat * 10.0) as u64),
        unit: Ok(unit(Active::Active)),
        dependency: Some(Dependency::Fine),
        spent: Ok(Spent::default()),
        trouble: None,
        notes: Vec::new(),
    }
}

fn unreadable(now: f64) -> Facts {
    let failure = Failure::new(FailureKind::Unreadable, "a FIFO");
    Facts { heartbeat: Reading::Failed(failure), bytes: None, ..facts(now, 0.0) }
}

fn note(memory: &mut Memory, facts: &Facts) -> Inputs {
    memory.begin(facts, &rules());
    memory.complete(facts);
    memory.inputs(facts, &rules(), &phases())
}

fn age(memory: &mut Memory, facts: &Facts) -> f64 {
    note(memory, facts).beat.age
}

#[test]
fn a_heartbeat_is_as_old_as_it_says() {
    let mut memory = Memory::default();
    note(&mut memory, &facts(970.0, 965.0));
    assert_eq!(age(&mut memory, &facts(1000.0, 990.0)), 10.0);
    assert_eq!(age(&mut memory, &facts(1030.0, 990.0)), 40.0);
    assert_eq!(age(&mut memory, &facts(1060.0, 1055.0)), 5.0);
    // Some seconds ahead are two clocks that differ.
    assert_eq!(age(&mut memory, &facts(1090.0, 1120.0)), 0.0);
}

#[test]
fn a_heartbeat_is_no_older_than_it_can_have_been_seen_to_be() {
    // The clock may have been set just before the first look.
    let mut memory = Memory::default();
    let inputs = note(&mut memory, &facts(5000.0, 2000.0));
    assert_eq!((inputs.beat.age, inputs.beat.told), (0.0, Some(3000.0)));
    assert_eq!(age(&mut memory, &facts(5030.0, 2000.0)), 30.0);
    // It changed between two looks, so it is at most as old as the time between them.
    assert_eq!(age(&mut memory, &facts(5060.0, 4000.0)), 30.0);
    assert_eq!(age(&mut memory, &facts(5090.0, 4000.0)), 60.0);
}

#[test]
fn a_heartbeat_that_cannot_be_read_ages_since_its_last_change() {
    let mut memory = Memory::default();
    note(&mut memory, &facts(1000.0, 995.0));
    note(&mut memory, &facts(1030.0, 1025.0));
    assert_eq!(age(&mut memory, &unreadable(1060.0)), 30.0);
    assert_eq!(age(&mut memory, &unreadable(1960.0)), 930.0);
    // One that was never seen ages since the first look.
    let mut memory = Memory::default();
    assert_eq!(age(&mut memory, &unreadable(5000.0)), 0.0);
    assert_eq!(age(&mut memory, &unreadable(5030.0)), 30.0);
}

#[test]
fn after_a_blind_time_a_heartbeat_that_cannot_be_read_is_young() {
    let mut memory = Memory::default();
    note(&mut memory, &facts(1000.0, 995.0));
    // The watchdog was not there for an hour: the file may have vanished just now.
    assert_eq!(age(&mut memory, &unreadable(4600.0)), 0.0);
    assert_eq!(age(&mut memory, &unreadable(8200.0)), 3600.0);
}

#[test]
fn malformed_bytes_that_change_are_a_sign_of_life() {
    let mut memory = Memory::default();
    let malformed = |now: f64, bytes| Facts { bytes: Some(bytes), ..unreadable(now) };
    note(&mut memory, &malformed(1000.0, 1));
    assert_eq!(age(&mut memory, &malformed(1030.0, 1)), 30.0);
    assert_eq!(age(&mut memory, &malformed(1060.0, 2)), 0.0);
    assert_eq!(age(&mut memory, &malformed(1090.0, 2)), 30.0);
}

#[test]
fn a_heartbeat_far_ahead_ages_since_its_last_change() {
    let mut memory = Memory::default();
    note(&mut memory, &facts(1000.0, 9000.0));
    assert_eq!(age(&mut memory, &facts(1500.0, 9000.0)), 500.0);
}

#[test]
fn a_clock_set_back_does_not_make_a_silent_loop_young() {
    let mut memory = Memory::default();
    note(&mut memory, &facts(1000.0, 1000.0));
    let mut later = facts(1800.0, 1000.0);
    later.clock.wall = wall(1100.0);
    assert_eq!(age(&mut memory, &later), 800.0, "it says 100 s, and has not changed for 800 s");
}

#[test]
fn a_step_of_the_clock_and_a_sleep_excuse() {
    let mut memory = Memory::default();
    assert_eq!(note(&mut memory, &facts(1000.0, 1000.0)).excuses.disturbed, None);
    assert_eq!(note(&mut memory, &facts(1030.0, 1000.0)).excuses.disturbed, None);
    for step in [3600.0, -3600.0] {
        let mut memory = memory.clone();
        let mut stepped = facts(1060.0, 1000.0);
        stepped.clock.wall = wall(1060.0 + step);
        assert_eq!(note(&mut memory, &stepped).excuses.disturbed, Some(0.0), "{step}");
    }
    let mut slept = facts(9000.0, 1000.0);
    slept.clock.monotonic = 1500.0;
    assert_eq!(note(&mut memory, &slept).excuses.disturbed, Some(0.0));
    slept.clock = Clock { monotonic: 1530.0, ..clock(9030.0) };
    assert_eq!(note(&mut memory, &slept).excuses.disturbed, Some(30.0));
}

#[test]
fn a_slewed_clock_and_an_absent_watchdog_excuse_nothing() {
    let mut memory = Memory::default();
    note(&mut memory, &facts(1000.0, 1000.0));
    let mut later = facts(87_400.0, 1000.0);
    later.clock.wall = wall(87_400.0 + 43.0);
    assert_eq!(note(&mut memory, &later).excuses.disturbed, None);
}

#[test]
fn the_time_since_a_pause_counts_from_when_it_was_found_gone() {
    let mut memory = Memory::default();
    let paused =
        |now: f64| Facts { pause: Reading::Observed(Pause { soft: Some(wall(0.0)), hard: None }), ..facts(now, 0.0) };
    let inputs = note(&mut memory, &paused(1000.0));
    assert_eq!((inputs.pause, inputs.excuses.unpaused), (Pausing::Paused(1000.0), None));
    let inputs = note(&mut memory, &facts(1030.0, 0.0));
    assert_eq!((inputs.pause, inputs.excuses.unpaused), (Pausing::Not, Some(0.0)));
    assert_eq!(note(&mut memory, &facts(1060.0, 0.0)).excuses.unpaused, Some(30.0));
    // Not knowing counts as paused.
    for unknown in [Reading::Failed(Failure::new(FailureKind::Unreadable, "loop")), Reading::Missing("odd".into())] {
        let inputs = note(&mut memory, &Facts { pause: unknown, ..facts(1090.0, 0.0) });
        assert!(matches!(inputs.pause, Pausing::Unknown(_)));
        assert_eq!(note(&mut memory, &facts(1120.0, 0.0)).excuses.unpaused, Some(0.0));
    }
}

#[test]
fn a_dependency_that_is_back_excuses_and_one_that_was_never_away_does_not() {
    let mut memory = Memory::default();
    let look = |now, dependency| Facts { dependency, ..facts(now, 0.0) };
    assert_eq!(note(&mut memory, &look(1000.0, Some(Dependency::Fine))).excuses.recovered, None);
    for away in [Dependency::Down("vllm".into()), Dependency::Unknown("hangs".into())] {
        let inputs = note(&mut memory, &look(1030.0, Some(away.clone())));
        assert_eq!(inputs.dependency, away);
        // A look that was not made says nothing.
        assert!(matches!(note(&mut memory, &look(1060.0, None)).dependency, Dependency::Unknown(_)));
        assert_eq!(note(&mut memory, &look(1090.0, Some(Dependency::Fine))).excuses.recovered, Some(0.0));
        assert_eq!(note(&mut memory, &look(1120.0, Some(Dependency::Fine))).excuses.recovered, Some(30.0));
    }
}

#[test]
fn failures_of_the_bus_are_counted_in_a_row() {
    let mut memory = Memory::default();
    let deaf = |now| Facts { unit: Err("no bus".into()), ..facts(now, now) };
    for expected in 1..=3 {
        let trouble = note(&mut memory, &deaf(1000.0)).unit.unwrap_err();
        assert_eq!((trouble.in_a_row, trouble.message.as_str()), (expected, "no bus"));
    }
    assert!(note(&mut memory, &facts(1030.0, 1030.0)).unit.is_ok());
    assert_eq!(note(&mut memory, &deaf(1060.0)).unit.unwrap_err().in_a_row, 1);
}

#[test]
fn how_long_a_unit_is_busy_or_stopped_is_seen_or_told() {
    let mut memory = Memory::default();
    let look = |now, active| Facts { unit: Ok(unit(active)), ..facts(now, now) };
    let since = |memory: &mut Memory, facts: &Facts| note(memory, facts).unit.unwrap().since;
    assert_eq!(since(&mut memory, &look(1000.0, Active::Activating)), 0.0);
    assert_eq!(since(&mut memory, &look(1030.0, Active::Deactivating)), 30.0);
    assert_eq!(since(&mut memory, &look(1060.0, Active::Inactive)), 0.0);
    assert_eq!(since(&mut memory, &look(1090.0, Active::Inactive)), 30.0);
    assert_eq!(since(&mut memory, &look(1120.0, Active::Active)), 0.0);
    let mut told = look(1150.0, Active::Failed);
    told.unit.as_mut().unwrap().since = 500.0;
    assert_eq!(since(&mut memory, &told), 500.0);
    let mut job = look(1180.0, Active::Active);
    job.unit.as_mut().unwrap().job = Some("stop".into());
    assert_eq!(
        (since(&mut memory, &job), since(&mut memory, &Facts { clock: clock(1210.0), ..job.clone() })),
        (0.0, 30.0)
    );
}

#[test]
fn a_phase_belongs_to_the_run_that_began_it() {
    let mut memory = Memory::default();
    let look = |phase_started: f64, invocation: Option<&str>, started: f64| {
        let mut facts = facts(10_000.0, 9000.0);
        let Reading::Observed(heartbeat) = &mut facts.heartbeat else { panic!() };
        heartbeat.phase = Some("writer".into());
        heartbeat.phase_started_at = Some(wall(phase_started));
        heartbeat.invocation_id = invocation.map(str::to_owned);
        facts.unit.as_mut().unwrap().details.as_mut().unwrap().started = started;
        facts
    };
    let mut phase = |facts: &Facts| note(&mut memory, facts).phase.unwrap();
    let found = phase(&look(9000.0, None, 1001.0));
    assert_eq!(
        (found.name.as_str(), found.age, found.may_last, found.of_this_run),
        ("writer", 1000.0, Some(1185.0), true)
    );
    assert!(!phase(&look(9000.0, None, 999.0)).of_this_run, "it began before the unit did");
    assert!(!phase(&look(9000.0, Some("other"), 1001.0)).of_this_run);
    assert!(phase(&look(9000.0, Some("run"), 999.0)).of_this_run);
    // What was told last stands while the heartbeat cannot be read.
    assert_eq!(note(&mut memory, &unreadable(10_030.0)).phase.unwrap().age, 1030.0);
    assert_eq!(note(&mut memory, &facts(10_060.0, 10_060.0)).phase, None);
}

#[test]
fn confirmations_belong_to_one_run_and_end_when_nothing_calls_for_a_restart() {
    let mut memory = Memory::default();
    let mut look = |now: f64, beat: f64, run: &str| {
        let mut facts = facts(now, beat);
        facts.unit.as_mut().unwrap().details.as_mut().unwrap().invocation = run.into();
        let inputs = note(&mut memory, &facts);
        let decision = decide(&inputs, &rules());
        memory.conclude(&decision, &facts);
        decision.confirmations
    };
    assert_eq!(look(100.0, 0.0, "a"), 0);
    assert_eq!(look(2000.0, 0.0, "a"), 1);
    assert_eq!(look(2010.0, 0.0, "a"), 1, "too soon after the first");
    assert_eq!(look(2030.0, 0.0, "a"), 2, "30 s after the first");
    assert_eq!(look(2060.0, 0.0, "b"), 1, "another run");
    assert_eq!(look(2090.0, 2085.0, "b"), 0);
    assert_eq!(look(3000.0, 2085.0, "b"), 1);
    memory.acted();
    assert_eq!(memory.confirmed, None);
}

#[test]
fn a_reboot_forgets_all_but_what_this_machine_has_and_how_long_it_lived() {
    let mut memory = Memory { vllm_seen: true, gpu_seen: true, ..Memory::default() };
    note(&mut memory, &facts(1000.0, 1000.0));
    let mut booted = facts(50.0, 40.0);
    booted.clock.boot_id = "b".into();
    memory.set_lived(&mut booted.clock, None);
    assert_eq!(booted.clock.lived, 1050.0);
    let inputs = note(&mut memory, &booted);
    assert_eq!(inputs.excuses, Excuses { uptime: Some(50.0), ..Excuses::default() });
    assert!(memory.vllm_seen && memory.gpu_seen && memory.looked_long_ago(&clock(1e6)));
    // The same again, from what was saved.
    let saved = serde_json::to_string(&memory).unwrap();
    let mut memory: Memory = serde_json::from_str(&saved).unwrap();
    let mut later = booted.clock.clone();
    later.boottime = 80.0;
    memory.set_lived(&mut later, None);
    assert_eq!(later.lived, 1080.0);
    // A memory that was lost takes it up from the trail.
    let stamp = booted.clock.stamp();
    Memory::default().set_lived(&mut later, Some(&stamp));
    assert_eq!(later.lived, 1080.0);
    memory = Memory::default();
    later.boot_id = "c".into();
    memory.set_lived(&mut later, Some(&stamp));
    assert_eq!(later.lived, 1130.0);
}

#[test]
fn silence_is_told_after_two_evaluations() {
    let mut memory = Memory::default();
    let look = facts(1000.0, 950.0);
    memory.begin(&look, &rules());
    assert!(!memory.is_silent(&look, &rules()));
    let look = facts(1030.0, 950.0);
    memory.begin(&look, &rules());
    assert!(memory.is_silent(&look, &rules()));
}

#[test]
fn what_was_found_and_what_was_spent_is_passed_on() {
    let mut memory = Memory::default();
    let finding = Finding { severity: Severity::Warn, code: "x", reason: String::new(), hint: String::new() };
    let found = Facts {
        trouble: Some(finding.clone()),
        notes: vec![finding.clone()],
        spent: Err("odd".into()),
        ..facts(1.0, 1.0)
    };
    let inputs = note(&mut memory, &found);
    assert_eq!(
        (inputs.beat.trouble, inputs.notes, inputs.spent),
        (Some(finding.clone()), vec![finding], Err("odd".into()))
    );
}
