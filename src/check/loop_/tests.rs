use jiff::SignedDuration;

use super::*;
use crate::assessment::{CheckResult, Presence};
use crate::check::example_state;
use crate::config::Config;

fn judged(observations: Vec<Observation>) -> CheckResult {
    let thresholds = Thresholds::new(&Config::default(), false);
    CHECK.run(&example_state(observations), &thresholds, example_now())
}

fn codes(observations: Vec<Observation>) -> Vec<(Severity, &'static str)> {
    judged(observations).findings.iter().map(|finding| (finding.severity, finding.code)).collect()
}

/// A reading `ago` seconds before now, made from the example with a heartbeat `age` seconds old.
fn reading(ago: i64, age: i64, change: impl FnOnce(&mut LoopReading)) -> Observation {
    let mut observation = example(age, Pause::default()).remove(0);
    observation.at = example_now() - SignedDuration::from_secs(ago);
    if let Reading::Observed(Data::Loop(reading)) = &mut observation.reading {
        change(reading);
    }
    observation
}

fn failure<T>(kind: FailureKind) -> Reading<T> {
    Reading::Failed(Failure::new(kind, "why"))
}

fn since(hours: i64) -> Option<Time> {
    Some(example_now() - SignedDuration::from_hours(hours))
}

const WARN: Severity = Severity::Warn;
const CRIT: Severity = Severity::Crit;

#[test]
fn a_fresh_heartbeat_is_quiet_and_says_where_the_loop_is() {
    let result = judged(example(4, Pause::default()));
    assert_eq!((result.severity, result.presence), (Severity::Ok, Presence::Judged));
    assert_eq!(result.summary, "heartbeat 4 s old, epoch 3, iteration 117, writer for 5 min");
}

#[test]
fn the_age_is_judged_beyond_its_limits_and_not_at_them() {
    for (age, expected) in [(600, vec![]), (601, vec![(WARN, "heartbeat_old")]), (900, vec![(WARN, "heartbeat_old")])] {
        assert_eq!(codes(example(age, Pause::default())), expected, "{age}");
    }
    assert_eq!(codes(example(901, Pause::default())), [(CRIT, "heartbeat_old")]);
    let result = judged(example(960, Pause::default()));
    let expected = "heartbeat 16 min old, over the limit of 15 min, epoch 3, iteration 117, writer";
    assert_eq!(result.findings[0].reason, expected);
}

#[test]
fn a_missing_heartbeat_is_a_warning() {
    let missing = |reading: &mut LoopReading| reading.heartbeat = Reading::Missing("no heartbeat at /run/h".into());
    let result = judged(vec![reading(0, 0, missing)]);
    assert_eq!((result.severity, result.findings[0].code), (WARN, "heartbeat_missing"));
    assert_eq!(result.findings[0].reason, "no heartbeat at /run/h");
    assert_eq!(result.summary, "no heartbeat seen yet");
}

#[test]
fn deleting_or_breaking_the_heartbeat_of_a_dead_loop_resolves_nothing() {
    let gone = [
        (Reading::Missing("gone".into()), "heartbeat_missing"),
        (failure(FailureKind::Malformed), "heartbeat_malformed"),
        (failure(FailureKind::Unreadable), "heartbeat_unreadable"),
    ];
    for (heartbeat, code) in gone {
        let later = reading(0, 0, |reading| reading.heartbeat = heartbeat);
        let codes = codes(vec![reading(5, 960, |_| ()), later]);
        assert_eq!(codes, [(CRIT, "heartbeat_old"), (WARN, code)]);
    }
}

#[test]
fn a_heartbeat_ahead_is_a_warning_and_its_age_is_that_of_its_last_change() {
    assert_eq!(codes(example(-60, Pause::default())), []);
    assert_eq!(codes(example(-61, Pause::default())), [(WARN, "heartbeat_future")]);
    let frozen: Vec<_> = [1000, 500, 0].into_iter().map(|ago| reading(ago, -7200, |_| ())).collect();
    assert_eq!(codes(frozen), [(CRIT, "heartbeat_old"), (WARN, "heartbeat_future")]);
}

#[test]
fn a_paused_loop_is_not_judged_by_its_age() {
    let paused = Pause { soft: since(2), hard: None };
    let result = judged(example(7200, paused));
    assert_eq!(result.findings, []);
    assert_eq!(result.summary, "paused (soft) for 2.0 h");
    let missing = |reading: &mut LoopReading| {
        reading.heartbeat = Reading::Missing("gone".into());
        reading.pause = Reading::Observed(paused);
    };
    assert_eq!(codes(vec![reading(0, 0, missing)]), []);
}

#[test]
fn a_pause_of_over_a_day_is_a_warning() {
    assert_eq!(codes(example(4, Pause { soft: None, hard: since(24) })), []);
    let result = judged(example(4, Pause { soft: since(1), hard: since(25) }));
    assert_eq!((result.severity, result.findings[0].code), (WARN, "paused_long"));
    assert_eq!(result.findings[0].reason, "paused (hard) for 25.0 h, over the limit of 24.0 h");
}

#[test]
fn not_knowing_of_a_pause_is_a_warning_and_the_age_is_judged() {
    let unknown = |reading: &mut LoopReading| reading.pause = failure(FailureKind::Unreadable);
    assert_eq!(codes(vec![reading(0, 4, unknown)]), [(WARN, "pause_unknown")]);
    assert_eq!(codes(vec![reading(0, 960, unknown)]), [(CRIT, "heartbeat_old"), (WARN, "pause_unknown")]);
}

#[test]
fn a_malformed_or_vanished_state_is_a_warning_and_one_that_never_was_is_not() {
    let malformed = |reading: &mut LoopReading| reading.state = failure(FailureKind::Malformed);
    assert_eq!(codes(vec![reading(0, 4, malformed)]), [(WARN, "state_malformed")]);
    let missing = |reading: &mut LoopReading| reading.state = Reading::Missing("none".into());
    assert_eq!(codes(vec![reading(0, 4, missing)]), []);
    let result = judged(vec![reading(30, 4, malformed), reading(0, 4, missing)]);
    assert_eq!(
        (result.findings[0].code, result.findings[0].reason.as_str()),
        ("state_vanished", "none; it was last seen 30 s ago")
    );
}

#[test]
fn readings_that_fail_or_cease_are_a_warning_and_the_last_heartbeat_ages() {
    let mut hangs = reading(0, 0, |_| ());
    hangs.reading = failure(FailureKind::TimedOut);
    assert_eq!(codes(vec![hangs.clone()]), [(WARN, "unread")]);
    assert_eq!(codes(vec![reading(5, 960, |_| ()), hangs.clone()]), [(CRIT, "heartbeat_old"), (WARN, "unread")]);
    assert_eq!(codes(vec![reading(100, 104, |_| ())]), [(WARN, "unread")]);
    let paused = reading(5, 960, |reading| reading.pause = Reading::Observed(Pause { soft: since(1), hard: None }));
    assert_eq!(codes(vec![paused, hangs]), [(WARN, "unread")]);
}

#[test]
fn the_file_that_a_glob_chose_is_named() {
    let file = |reading: &mut LoopReading| {
        let heartbeat = Heartbeat { at: since(0), file: Some("/t/a.jsonl".into()), ..Heartbeat::default() };
        reading.heartbeat = Reading::Observed(heartbeat);
    };
    assert_eq!(judged(vec![reading(0, 0, file)]).summary, "heartbeat 0 s old, /t/a.jsonl");
}
