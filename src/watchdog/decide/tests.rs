use proptest::prelude::*;

use super::super::reason::{Action, Reason};
use super::*;
use crate::config::Config;

fn rules() -> Rules {
    let config = Config::default();
    Rules { loop_: config.checks.loop_.clone(), restart: config.restart }
}

fn details() -> Details {
    Details {
        invocation: "a".repeat(32),
        started: 100_000.0,
        result: "success".into(),
        retried: true,
        control_group: String::new(),
        stop_timeout: Some(90.0),
    }
}

fn unit() -> Unit {
    Unit {
        name: "autoswe.service".into(),
        load: "loaded".into(),
        active: Active::Active,
        sub: "running".into(),
        job: None,
        since: 0.0,
        details: Some(details()),
    }
}

/// A loop that has been silent for `age` seconds, with every gate open and one confirmation made.
fn silent(age: f64) -> Inputs {
    Inputs {
        unit: Ok(unit()),
        pause: Pausing::Not,
        beat: Beat { age, told: None, trouble: None },
        excuses: Excuses { uptime: Some(1e6), ..Excuses::default() },
        phase: None,
        dependency: Dependency::Fine,
        spent: Ok(Spent::default()),
        confirmed: Confirmed { count: 1, last: 30.0 },
        notes: Vec::new(),
    }
}

fn with(change: impl FnOnce(&mut Inputs)) -> Decision {
    let mut inputs = silent(1000.0);
    change(&mut inputs);
    decide(&inputs, &rules())
}

fn with_unit(change: impl FnOnce(&mut Unit)) -> Decision {
    with(|inputs| {
        let mut unit = unit();
        change(&mut unit);
        inputs.unit = Ok(unit);
    })
}

#[track_caller]
fn is(decision: &Decision, reason: Reason, severity: Severity) {
    assert_eq!((decision.reason, decision.severity), (reason, severity), "{}", decision.text);
    assert_eq!(decision.action, reason.action());
}

use Severity::{Crit, Ok as Fine, Warn};

#[test]
fn with_every_gate_open_it_restarts() {
    is(&with(|_| ()), Reason::Silent, Crit);
    assert_eq!(with(|_| ()).action, Action::Restart);
    assert_eq!(
        with(|_| ()).text,
        "heartbeat 17 min old, over the limit of 15 min, and nothing speaks against a restart"
    );
}

#[test]
fn row_1_a_silent_service_manager_is_critical_the_third_time() {
    for (in_a_row, severity) in [(1, Warn), (2, Warn), (3, Crit), (9, Crit)] {
        let decision = with(|i| i.unit = Err(BusTrouble { message: "no bus".into(), in_a_row }));
        is(&decision, Reason::Bus, severity);
    }
}

#[test]
fn row_2_a_pause_holds_and_is_a_warning_when_forgotten() {
    is(&with(|i| i.pause = Pausing::Paused(86_400.0)), Reason::Paused, Fine);
    is(&with(|i| i.pause = Pausing::Paused(86_401.0)), Reason::Paused, Warn);
    is(&with(|i| i.pause = Pausing::Unknown("loop".into())), Reason::PauseUnknown, Warn);
}

#[test]
fn row_3_a_unit_that_is_not_loaded_is_critical() {
    for load in ["not-found", "masked", "bad-setting", "error", ""] {
        is(&with_unit(|unit| unit.load = load.into()), Reason::NotLoaded, Crit);
    }
}

#[test]
fn row_4_a_busy_unit_is_left_alone() {
    for active in [Active::Activating, Active::Deactivating, Active::Reloading, Active::Other] {
        is(&with_unit(|unit| unit.active = active), Reason::Busy, Fine);
        is(
            &with_unit(|unit| (unit.active, unit.since) = (active, 300.0)),
            Reason::Busy,
            if active == Active::Deactivating { Crit } else { Fine },
        );
        let longer = with_unit(|unit| (unit.active, unit.since) = (active, 301.0));
        is(&longer, Reason::Busy, if active == Active::Deactivating { Crit } else { Warn });
    }
    is(&with_unit(|unit| unit.job = Some("stop".into())), Reason::Busy, Fine);
    is(&with_unit(|unit| (unit.job, unit.active) = (Some("start".into()), Active::Inactive)), Reason::Busy, Fine);
    is(&with_unit(|unit| (unit.job, unit.since) = (Some("stop".into()), 301.0)), Reason::Busy, Warn);
}

#[test]
fn row_4_stopping_for_longer_than_it_may_is_critical() {
    let stopping = |since, timeout| {
        with_unit(|unit| {
            (unit.active, unit.since) = (Active::Deactivating, since);
            unit.details = Some(Details { stop_timeout: timeout, ..details() });
        })
    };
    is(&stopping(70.0, Some(10.0)), Reason::Busy, Fine);
    is(&stopping(71.0, Some(10.0)), Reason::Busy, Crit);
    is(&stopping(301.0, Some(400.0)), Reason::Busy, Warn);
    is(&stopping(461.0, Some(400.0)), Reason::Busy, Crit);
    // An infinite time-out would hide a stop that hangs for ever.
    is(&stopping(150.0, None), Reason::Busy, Fine);
    is(&stopping(151.0, None), Reason::Busy, Crit);
}

#[test]
fn row_5_a_stopped_unit_is_the_operators() {
    is(&with_unit(|unit| (unit.active, unit.since) = (Active::Inactive, 600.0)), Reason::Stopped, Fine);
    is(&with_unit(|unit| (unit.active, unit.since) = (Active::Inactive, 601.0)), Reason::Stopped, Warn);
}

#[test]
fn row_6_a_failed_unit_is_systemds_and_says_the_mend() {
    let failed = |result: &str, retried| {
        with_unit(|unit| {
            unit.active = Active::Failed;
            unit.details = Some(Details { result: result.into(), retried, ..details() });
        })
    };
    for (result, retried, gave_up) in
        [("start-limit-hit", false, true), ("exit-code", true, true), ("exit-code", false, false)]
    {
        let decision = failed(result, retried);
        is(&decision, Reason::Failed, Crit);
        assert_eq!(decision.hint.contains("reset-failed"), gave_up, "{result} {retried}");
    }
    is(&with_unit(|unit| (unit.active, unit.details) = (Active::Failed, None)), Reason::Failed, Crit);
}

#[test]
fn row_7_what_is_wrong_with_the_heartbeat_is_a_warning_and_the_table_goes_on() {
    let trouble = || {
        let reason = "it is cut off".to_owned();
        Some(Finding { severity: Warn, code: "heartbeat_malformed", reason, hint: "see it".into() })
    };
    let of = |age| decide(&Inputs { beat: Beat { age, told: None, trouble: trouble() }, ..silent(0.0) }, &rules());
    is(&of(10.0), Reason::Fresh, Warn);
    is(&of(700.0), Reason::Ageing, Warn);
    is(&of(1000.0), Reason::Silent, Crit);
    assert_eq!(of(10.0).findings[0].code, "heartbeat_malformed");
    // Before the heartbeat matters, it is not told of.
    assert_eq!(with(|i| (i.pause, i.beat.trouble) = (Pausing::Paused(1.0), trouble())).findings, []);
}

#[test]
fn rows_8_and_9_the_limits_are_those_of_the_check_loop() {
    for (age, reason, severity) in [
        (0.0, Reason::Fresh, Fine),
        (600.0, Reason::Fresh, Fine),
        (600.5, Reason::Ageing, Warn),
        (900.0, Reason::Ageing, Warn),
        (900.5, Reason::Silent, Crit),
    ] {
        let decision = decide(&silent(age), &rules());
        is(&decision, reason, severity);
        assert_eq!(decision.effective_age, Some(age));
    }
}

#[test]
fn row_8_notes_are_told_and_change_nothing() {
    let note = Finding { severity: Warn, code: "over_budget", reason: "writer".into(), hint: String::new() };
    let decision = decide(&Inputs { notes: vec![note.clone()], ..silent(5.0) }, &rules());
    is(&decision, Reason::Fresh, Warn);
    assert_eq!(decision.findings, [note]);
}

#[test]
fn each_excuse_bounds_the_silence() {
    let excuses: [fn(&mut Inputs, f64); 5] = [
        |i, age| i.excuses.uptime = Some(age),
        |i, age| i.excuses.unpaused = Some(age),
        |i, age| i.excuses.disturbed = Some(age),
        |i, age| i.excuses.recovered = Some(age),
        |i, age| i.unit = Ok(Unit { details: Some(Details { started: age, ..details() }), ..unit() }),
    ];
    for (index, excuse) in excuses.into_iter().enumerate() {
        assert_eq!(with(|i| excuse(i, 600.0)).reason, Reason::Fresh, "{index}");
        assert_eq!(with(|i| excuse(i, 900.0)).reason, Reason::Ageing, "{index}");
        assert_eq!(with(|i| excuse(i, 901.0)).reason, Reason::Silent, "{index}");
    }
    let text = with(|i| i.excuses.unpaused = Some(30.0)).text;
    assert_eq!(text, "heartbeat 17 min old, silent without an excuse for 30 s");
}

#[test]
fn a_unit_whose_start_is_not_known_is_left_alone() {
    is(&with_unit(|unit| unit.details = None), Reason::Bus, Warn);
    is(
        &with_unit(|unit| unit.details = Some(Details { invocation: String::new(), ..details() })),
        Reason::Confirming,
        Crit,
    );
    let fresh = decide(&Inputs { unit: Ok(Unit { details: None, ..unit() }), ..silent(5.0) }, &rules());
    is(&fresh, Reason::Fresh, Fine);
}

#[test]
fn row_10a_slow_is_not_dead() {
    let phase = |age, may_last, of_this_run| {
        with(|i| i.phase = Some(Phase { name: "writer".into(), age, may_last, of_this_run }))
    };
    is(&phase(1185.0, Some(1185.0), true), Reason::Phase, Warn);
    is(&phase(1186.0, Some(1185.0), true), Reason::Silent, Crit);
    is(&phase(1185.0, Some(1185.0), false), Reason::Silent, Crit);
    is(&phase(1185.0, None, true), Reason::Silent, Crit);
    is(&phase(-60.0, Some(1185.0), true), Reason::Phase, Warn);
    is(&phase(-61.0, Some(1185.0), true), Reason::Silent, Crit);
}

#[test]
fn a_phase_has_its_budget_and_a_quarter_and_a_minute_and_half_an_hour_at_most() {
    let may_last = |budget| rules().restart.phase_may_last(crate::config::value::Seconds(budget));
    assert_eq!((may_last(900.0), may_last(600.0), may_last(100_000.0)), (1185.0, 810.0, 1800.0));
}

#[test]
fn row_10b_what_a_restart_would_not_cure_holds() {
    let down = with(|i| i.dependency = Dependency::Down("vllm: stalled".into()));
    is(&down, Reason::Dependency, Crit);
    assert!(down.text.ends_with("a restart would not cure it: vllm: stalled"), "{}", down.text);
    is(&with(|i| i.dependency = Dependency::Unknown("hangs".into())), Reason::Dependency, Crit);
}

#[test]
fn row_10c_a_spent_budget_gives_up() {
    let spent = |in_window, latched, last| with(|i| i.spent = Ok(Spent { in_window, latched, last: Some(last) }));
    is(&spent(2, false, 1e5), Reason::Silent, Crit);
    is(&spent(3, false, 1e5), Reason::Budget, Crit);
    is(&spent(0, true, 1e5), Reason::Latched, Crit);
    is(&with(|i| i.spent = Err("a directory".into())), Reason::History, Crit);
    let rules = rules().restart;
    let left = |in_window, latched| Spent { in_window, latched, last: None }.remaining(&rules);
    assert_eq!((left(0, false), left(2, false), left(5, false), left(0, true)), (3, 1, 0, 0));
}

#[test]
fn row_10d_the_backoff_doubles() {
    let spent = |in_window, last| with(|i| i.spent = Ok(Spent { in_window, latched: false, last: Some(last) }));
    is(&spent(1, 899.0), Reason::Backoff, Crit);
    is(&spent(1, 900.0), Reason::Silent, Crit);
    is(&spent(2, 1799.0), Reason::Backoff, Crit);
    is(&spent(2, 1800.0), Reason::Silent, Crit);
    let rules = rules().restart;
    assert_eq!([0, 1, 2, 3, 4].map(|n| backoff(&rules, n)), [900.0, 900.0, 1800.0, 3600.0, 7200.0]);
    assert!(backoff(&rules, u64::MAX).is_finite());
}

#[test]
fn row_10d_two_evaluations_half_a_minute_apart_must_agree() {
    let confirmed = |count, last| with(|i| i.confirmed = Confirmed { count, last });
    let first = confirmed(0, 0.0);
    is(&first, Reason::Confirming, Crit);
    assert_eq!((first.confirmations, first.counts), (1, true));
    let early = confirmed(1, 29.9);
    is(&early, Reason::Confirming, Crit);
    assert_eq!((early.confirmations, early.counts), (1, false));
    let second = confirmed(1, 30.0);
    is(&second, Reason::Silent, Crit);
    assert_eq!((second.confirmations, second.counts), (2, true));
}

#[test]
fn only_evaluations_that_call_for_a_restart_confirm() {
    for change in [
        |i: &mut Inputs| i.pause = Pausing::Paused(1.0),
        |i: &mut Inputs| i.dependency = Dependency::Down(String::new()),
        |i: &mut Inputs| i.spent = Err(String::new()),
        |i: &mut Inputs| i.beat.age = 899.0,
    ] {
        assert_eq!(with(change).confirmations, 0);
    }
}

/// Rows come in their order: with every reason to hold at once, taking the first away shows the next.
#[test]
fn the_first_row_that_matches_wins() {
    let mut inputs = silent(1000.0);
    inputs.unit = Err(BusTrouble { message: String::new(), in_a_row: 1 });
    inputs.pause = Pausing::Paused(5.0);
    inputs.phase = Some(Phase { name: "writer".into(), age: 5.0, may_last: Some(10.0), of_this_run: true });
    inputs.dependency = Dependency::Down(String::new());
    inputs.spent = Ok(Spent { in_window: 3, latched: true, last: Some(1.0) });
    inputs.confirmed = Confirmed::default();
    let mut busy = unit();
    (busy.load, busy.job, busy.active) = ("masked".into(), Some("stop".into()), Active::Failed);
    type Open = Box<dyn FnOnce(&mut Inputs)>;
    let mut steps: Vec<(Reason, Open)> = vec![
        (Reason::Bus, Box::new(move |i| i.unit = Ok(busy))),
        (Reason::Paused, Box::new(|i| i.pause = Pausing::Not)),
        (Reason::NotLoaded, Box::new(|i| i.unit.as_mut().unwrap().load = "loaded".into())),
        (Reason::Busy, Box::new(|i| i.unit.as_mut().unwrap().job = None)),
        (Reason::Failed, Box::new(|i| i.unit.as_mut().unwrap().active = Active::Active)),
        (Reason::Phase, Box::new(|i| i.phase = None)),
        (Reason::Dependency, Box::new(|i| i.dependency = Dependency::Fine)),
        (Reason::Latched, Box::new(|i| i.spent.as_mut().unwrap().latched = false)),
        (Reason::Budget, Box::new(|i| i.spent.as_mut().unwrap().in_window = 1)),
        (Reason::Backoff, Box::new(|i| i.spent.as_mut().unwrap().last = None)),
        (Reason::Confirming, Box::new(|i| i.confirmed = Confirmed { count: 1, last: 60.0 })),
        (Reason::Silent, Box::new(|_| ())),
    ];
    for (reason, open) in steps.drain(..) {
        assert_eq!(decide(&inputs, &rules()).reason, reason);
        open(&mut inputs);
    }
}

fn any_age() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.0..5000.0_f64, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => -1e6..0.0_f64]
}

fn any_unit() -> impl Strategy<Value = Unit> {
    let active = prop_oneof![
        6 => Just(Active::Active),
        1 => prop::sample::select(vec![
            Active::Activating, Active::Deactivating, Active::Reloading, Active::Inactive, Active::Failed, Active::Other,
        ]),
    ];
    let load = prop_oneof![8 => Just("loaded"), 1 => Just("masked")];
    let job = prop_oneof![8 => Just(None), 1 => Just(Some("stop".to_owned()))];
    let details =
        prop_oneof![1 => Just(None), 8 => any_age().prop_map(|started| Some(Details { started, ..details() }))];
    (active, load, job, details, any_age()).prop_map(|(active, load, job, details, since)| Unit {
        active,
        load: load.into(),
        job,
        details,
        since,
        ..unit()
    })
}

prop_compose! {
    fn any_inputs()(
        unit in prop_oneof![
            8 => any_unit().prop_map(Ok),
            1 => (1_u64..5).prop_map(|in_a_row| Err(BusTrouble { message: String::new(), in_a_row })),
        ],
        pause in prop_oneof![
            6 => Just(Pausing::Not),
            1 => any_age().prop_map(Pausing::Paused),
            1 => Just(Pausing::Unknown(String::new())),
        ],
        age in any_age(),
        excuses in (prop::option::of(any_age()), prop::option::of(any_age()), prop::option::of(any_age())),
        phase in prop::option::of((any_age(), prop::option::of(any_age()), any::<bool>())),
        dependency in prop_oneof![
            4 => Just(Dependency::Fine),
            1 => Just(Dependency::Down(String::new())),
            1 => Just(Dependency::Unknown(String::new())),
        ],
        spent in prop_oneof![
            6 => (0_u64..5, any::<bool>(), prop::option::of(any_age()))
                .prop_map(|(in_window, latched, last)| Ok(Spent { in_window, latched: latched && in_window > 2, last })),
            1 => Just(Err(String::new())),
        ],
        confirmed in (0_u64..4, any_age()),
    ) -> Inputs {
        Inputs {
            unit, pause, dependency, spent,
            beat: Beat { age, told: None, trouble: None },
            excuses: Excuses { uptime: Some(1e7), unpaused: excuses.0, disturbed: excuses.1, recovered: excuses.2 },
            phase: phase.map(|(age, may_last, of_this_run)| Phase { name: "p".into(), age, may_last, of_this_run }),
            confirmed: Confirmed { count: confirmed.0, last: confirmed.1 },
            notes: Vec::new(),
        }
    }
}

fn restarts(inputs: &Inputs) -> bool {
    decide(inputs, &rules()).action == Action::Restart
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// A restart passes every gate, whatever the rest of the inputs.
    #[test]
    fn a_restart_has_passed_every_gate(inputs in any_inputs()) {
        if restarts(&inputs) {
            let unit = inputs.unit.as_ref().unwrap();
            prop_assert_eq!(&inputs.pause, &Pausing::Not);
            prop_assert_eq!((unit.active, unit.load.as_str(), &unit.job), (Active::Active, "loaded", &None));
            prop_assert_eq!(&inputs.dependency, &Dependency::Fine);
            let spent = inputs.spent.as_ref().unwrap();
            prop_assert!(spent.in_window < 3 && !spent.latched);
            prop_assert!(inputs.beat.age > 900.0 && unit.details.as_ref().unwrap().started > 900.0);
            prop_assert!(inputs.confirmed.count >= 1);
        }
    }

    /// An older heartbeat, all else equal, is never a reason to leave the loop alone.
    #[test]
    fn an_older_heartbeat_never_restarts_less(inputs in any_inputs(), older in 0.0..1e6_f64) {
        if restarts(&inputs) {
            let age = inputs.beat.age + older;
            let longer = Inputs { beat: Beat { age, told: None, trouble: None }, ..inputs };
            prop_assert!(restarts(&longer));
        }
    }

    /// Taking knowledge away never makes a restart out of none.
    #[test]
    fn unknown_input_never_escalates(inputs in any_inputs()) {
        let blinded: [fn(&mut Inputs); 6] = [
            |i| i.unit = Err(BusTrouble { message: String::new(), in_a_row: 9 }),
            |i| if let Ok(unit) = &mut i.unit { unit.details = None },
            |i| if let Ok(unit) = &mut i.unit { unit.active = Active::Other },
            |i| i.pause = Pausing::Unknown(String::new()),
            |i| i.dependency = Dependency::Unknown(String::new()),
            |i| i.spent = Err(String::new()),
        ];
        for blind in blinded {
            let mut less = inputs.clone();
            blind(&mut less);
            prop_assert!(!restarts(&less) || restarts(&inputs));
        }
    }
}
