use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::assessment::{Finding, Presence, Severity, assess};
use crate::check::{example_now, example_state};
use crate::config::Config;
use crate::observation::*;

fn ago(seconds: i64) -> Time {
    example_now() - SignedDuration::from_secs(seconds)
}

fn observation(seconds: i64, source: SourceId, reading: Reading<Data>) -> Observation {
    Observation { source, at: ago(seconds), took: Duration::ZERO, reading }
}

fn loop_(seconds: i64, heartbeat: Reading<Heartbeat>, pause: Reading<Pause>) -> Observation {
    let state = Reading::Missing("no state".into());
    observation(seconds, SourceId::Loop, Reading::Observed(Data::Loop(LoopReading { heartbeat, state, pause })))
}

/// A reading just now of a loop that has been silent for `age` seconds.
fn silent(age: i64) -> Observation {
    let heartbeat = Heartbeat { at: Some(ago(age)), ..Heartbeat::default() };
    loop_(0, Reading::Observed(heartbeat), Reading::Observed(Pause::default()))
}

fn judged(observations: Vec<Observation>, checks: &[CheckResult]) -> Liveness {
    let thresholds = Thresholds::new(&Config::default(), false);
    liveness(checks, &example_state(observations), &thresholds, example_now())
}

fn restarts(observations: Vec<Observation>) -> bool {
    judged(observations, &[]).must_restart
}

fn failed<T>(kind: FailureKind) -> Reading<T> {
    Reading::Failed(Failure::new(kind, "for the test"))
}

fn found(check: &'static str, code: &'static str) -> CheckResult {
    let finding = Finding { severity: Severity::Warn, code, reason: "it is so".into(), hint: "mend it".into() };
    let findings = vec![finding];
    CheckResult { check, presence: Presence::Judged, severity: Severity::Warn, summary: String::new(), findings }
}

#[test]
fn a_critically_old_heartbeat_calls_for_a_restart() {
    for (age, expected) in [(0, false), (601, false), (900, false), (901, true), (100_000, true)] {
        assert_eq!(restarts(vec![silent(age)]), expected, "{age}");
    }
    let reason = judged(vec![silent(960)], &[]).reason;
    assert_eq!(reason, "no heartbeat for 16 min, and nothing speaks against a restart");
    assert_eq!(judged(vec![silent(4)], &[]).reason, "heartbeat 4 s old");
}

#[test]
fn assess_tells_it() {
    let thresholds = Thresholds::new(&Config::default(), false);
    assert!(assess(&example_state(vec![silent(960)]), &thresholds, example_now()).liveness.must_restart);
    assert!(!assess(&example_state(vec![silent(4)]), &thresholds, example_now()).liveness.must_restart);
}

#[test]
fn nothing_seen_is_no_reason() {
    assert!(!restarts(vec![]));
    let missing = loop_(0, Reading::Missing("none".into()), Reading::Observed(Pause::default()));
    assert_eq!(judged(vec![missing], &[]).reason, "no heartbeat was seen yet");
}

#[test]
fn a_loop_that_could_not_be_looked_at_is_left_alone() {
    let hangs = observation(0, SourceId::Loop, failed(FailureKind::TimedOut));
    assert!(!restarts(vec![silent(960), hangs]));
    let mut old = silent(960);
    old.at = ago(100);
    assert!(!restarts(vec![old]));
    let mut config = Config::default();
    config.loop_.enabled = false;
    let mut state = State::new(&config, ago(3600));
    state.apply(silent(960));
    assert!(!liveness(&[], &state, &Thresholds::new(&config, false), example_now()).must_restart);
}

#[test]
fn a_deleted_or_broken_heartbeat_of_a_dead_loop_does_not_save_it() {
    for heartbeat in [Reading::Missing("gone".into()), failed(FailureKind::Malformed)] {
        let mut before = silent(960);
        before.at = ago(5);
        assert!(restarts(vec![before, loop_(0, heartbeat, Reading::Observed(Pause::default()))]));
    }
}

#[test]
fn a_paused_loop_is_left_alone_and_has_time_after_the_pause() {
    let old = || Reading::Observed(Heartbeat { at: Some(ago(20_000)), ..Heartbeat::default() });
    let paused = |seconds| loop_(seconds, old(), Reading::Observed(Pause { soft: None, hard: Some(ago(9000)) }));
    assert_eq!(judged(vec![paused(0)], &[]).reason, "the loop is paused");
    let unknown = loop_(0, old(), failed(FailureKind::Unreadable));
    assert_eq!(judged(vec![unknown], &[]).reason, "it is not known whether the loop is paused");
    let every = |first: i64, last: i64| (0..=(first - last) / 10).map(move |step| first - 10 * step);
    let history = |unpaused: i64| -> Vec<Observation> {
        let working = every(unpaused - 10, 0).map(|seconds| loop_(seconds, old(), Reading::Observed(Pause::default())));
        std::iter::once(paused(unpaused)).chain(working).collect()
    };
    assert!(!restarts(history(900)));
    assert!(restarts(history(910)));
}

#[test]
fn a_heartbeat_from_before_the_boot_counts_from_the_boot() {
    let booted = |seconds| {
        let host = Host { booted_at: Some(ago(seconds)), ..Host::default() };
        observation(0, SourceId::Host, Reading::Observed(Data::Host(host)))
    };
    assert!(!restarts(vec![silent(30_000), booted(900)]));
    assert!(restarts(vec![silent(30_000), booted(901)]));
    assert!(judged(vec![silent(30_000), booted(60)], &[]).reason.contains("excused until 60 s ago by a boot"));
}

#[test]
fn a_machine_that_slept_counts_from_its_waking() {
    let beat = |seconds: i64| {
        let heartbeat = Heartbeat { at: Some(ago(30_000)), ..Heartbeat::default() };
        loop_(seconds, Reading::Observed(heartbeat), Reading::Observed(Pause::default()))
    };
    assert!(!restarts(vec![beat(29_999), beat(0)]));
}

#[test]
fn a_phase_within_its_budget_is_slow_and_not_dead() {
    let writing = |lasts: i64| {
        let phase_started_at = Some(ago(lasts));
        let heartbeat =
            Heartbeat { at: Some(ago(1000)), phase: Some("writer".into()), phase_started_at, ..Heartbeat::default() };
        vec![loop_(0, Reading::Observed(heartbeat), Reading::Observed(Pause::default()))]
    };
    // 1.25 x 900 s + 60 s.
    assert!(!restarts(writing(1185)));
    assert!(restarts(writing(1186)));
    // A phase that lies far ahead says nothing.
    assert!(restarts(writing(-100_000)));
    let reason = judged(writing(1100), &[]).reason;
    assert_eq!(reason, "silent, but the phase writer has lasted 18 min and may last 20 min");
}

#[test]
fn what_a_restart_does_not_cure_holds_it() {
    for (check, code) in BEYOND_HELP.into_iter().flat_map(|(check, codes)| codes.iter().map(move |code| (check, *code)))
    {
        let liveness = judged(vec![silent(960)], &[found(check, code)]);
        assert!(!liveness.must_restart, "{check} {code}");
        assert_eq!(liveness.reason, format!("a restart would not cure {check}: it is so"));
    }
    for (id, codes) in BEYOND_HELP {
        let declared = crate::check::CHECKS.iter().find(|check| check.id == id).unwrap().codes;
        assert!(
            codes.iter().all(|code| declared.iter().any(|known| known.word == *code)),
            "{id} finds nothing of that name"
        );
    }
    for (check, code) in [("vllm", "slow"), ("gpu", "hot"), ("site", "unreachable"), ("loop", "heartbeat_old")] {
        assert!(judged(vec![silent(960)], &[found(check, code)]).must_restart, "{check} {code}");
    }
}

#[test]
fn a_spent_budget_holds() {
    let watchdog = |budget_remaining| {
        let reading = WatchdogReading { budget_remaining, ..WatchdogReading::default() };
        observation(0, SourceId::Watchdog, Reading::Observed(Data::Watchdog(reading)))
    };
    assert!(!restarts(vec![silent(960), watchdog(Some(0))]));
    assert!(restarts(vec![silent(960), watchdog(Some(1))]));
    assert!(restarts(vec![silent(960), watchdog(None)]));
}

fn any_pause() -> impl Strategy<Value = Reading<Pause>> {
    let since = || proptest::option::of((0_i64..100_000).prop_map(ago));
    prop_oneof![
        3 => Just(Reading::Observed(Pause::default())),
        1 => (since(), since()).prop_map(|(soft, hard)| Reading::Observed(Pause { soft, hard })),
        1 => Just(failed(FailureKind::Unreadable)),
    ]
}

fn any_heartbeat() -> impl Strategy<Value = Reading<Heartbeat>> {
    prop_oneof![
        3 => (-10_000_i64..100_000)
            .prop_map(|age| Reading::Observed(Heartbeat { at: Some(ago(age)), ..Heartbeat::default() })),
        1 => Just(Reading::Missing("none".into())),
        1 => Just(failed(FailureKind::Malformed)),
    ]
}

proptest! {
    #[test]
    fn paused_or_unknown_never_restarts_and_a_restart_has_a_critical_age(
        mut readings in proptest::collection::vec((0_i64..5000, any_heartbeat(), any_pause()), 0..8)
    ) {
        readings.sort_by_key(|(seconds, ..)| -seconds);
        let last_pause = readings.last().map(|(.., pause)| pause.clone());
        let observations: Vec<_> = readings.into_iter().map(|(at, heartbeat, pause)| loop_(at, heartbeat, pause)).collect();
        let state = example_state(observations);
        let thresholds = Thresholds::new(&Config::default(), false);
        let verdict = liveness(&[], &state, &thresholds, example_now());
        if verdict.must_restart {
            prop_assert_eq!(last_pause, Some(Reading::Observed(Pause::default())));
            let crit = crate::check::loop_::CHECK.run(&state, &thresholds, example_now());
            prop_assert!(crit.findings.iter().any(|f| f.code == "heartbeat_old" && f.severity == Severity::Crit));
        }
    }
}
