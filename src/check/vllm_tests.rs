use std::time::Duration;

use super::*;
use crate::assessment::{CheckResult, Presence};
use crate::check::example_state;
use crate::config::Config;
use crate::observation::{Field, Gpu, Reading, SourceId};

/// `seconds` after the examples' first instant.
fn at(seconds: i64) -> Time {
    crate::check::example_now() + jiff::SignedDuration::from_secs(seconds)
}

fn observation(second: i64, reading: Reading<Data>) -> Observation {
    let source = reading.observed().map_or(SourceId::Vllm, Data::source);
    Observation { source, at: at(second), took: Duration::ZERO, reading }
}

fn engine(tokens: f64) -> Engine {
    let (running, waiting) = (Some(4.0), Some(1.0));
    Engine {
        model_name: "m".into(),
        engine: "0".into(),
        running,
        waiting,
        generation_tokens: Some(tokens),
        ..Engine::default()
    }
}

fn sample(second: i64, tokens: f64) -> Observation {
    observed(second, VllmSample { engines: vec![engine(tokens)], ..VllmSample::default() })
}

fn observed(second: i64, sample: VllmSample) -> Observation {
    observation(second, Reading::Observed(Data::Vllm(sample)))
}

fn failed(second: i64, kind: FailureKind) -> Observation {
    observation(second, Reading::Failed(Failure::new(kind, "the message")))
}

fn run(observations: Vec<Observation>, now: i64) -> CheckResult {
    run_when(false, observations, now)
}

fn run_when(vllm_expected: bool, observations: Vec<Observation>, now: i64) -> CheckResult {
    let thresholds = Thresholds::new(&Config::default(), vllm_expected);
    CHECK.run(&example_state(observations), &thresholds, at(now))
}

fn found(result: &CheckResult) -> Vec<(Severity, &str)> {
    result.findings.iter().map(|finding| (finding.severity, finding.code)).collect()
}

/// A stall of `length` seconds, seen every 2 s.
fn stall(length: i64) -> Vec<Observation> {
    (0..=length).step_by(2).map(|second| sample(second, 7.0)).collect()
}

#[test]
fn a_stall_warns_at_6_s_and_is_critical_at_60_s() {
    for (length, expected) in [
        (4, None),
        (6, Some(Severity::Warn)),
        (58, Some(Severity::Warn)),
        (60, Some(Severity::Crit)),
        (3600, Some(Severity::Crit)),
    ] {
        let result = run(stall(length), length);
        assert_eq!(found(&result), expected.map(|severity| (severity, "stalled")).into_iter().collect::<Vec<_>>());
    }
    let reason = &run(stall(8), 8).findings[0].reason;
    assert!(
        reason.starts_with("engine 0 of m stalled for 8 s, over the limit of 6 s: 4 running, 1 waiting"),
        "{reason}"
    );
}

#[test]
fn a_stall_brings_its_evidence() {
    let mut observations = stall(70);
    let canary = Some(Canary::TimedOut);
    observations.push(observed(72, VllmSample { engines: vec![engine(7.0)], canary, ..VllmSample::default() }));
    let gpu = Gpu { utilization: Field::Value(0.96), power: Field::Value(15.4), ..Gpu::default() };
    let gpus = GpuReading { gpus: vec![gpu, Gpu { index: 1, ..Gpu::default() }], ..GpuReading::default() };
    observations.push(observation(72, Reading::Observed(Data::Gpu(gpus))));
    let reason = &run(observations, 73).findings[0].reason;
    assert!(reason.contains("a one-token request got no answer"), "{reason}");
    assert!(reason.ends_with("GPU 0 at 96 %, 15 W"), "an unsupported field is not shown as 0: {reason}");
}

#[test]
fn an_answered_canary_is_no_stall() {
    let mut observations = stall(20);
    let canary = Some(Canary::Answered);
    observations.push(observed(22, VllmSample { engines: vec![engine(7.0)], canary, ..VllmSample::default() }));
    observations.extend((24..100).step_by(2).map(|second| sample(second, 7.0)));
    assert_eq!(found(&run(observations, 99)), []);
}

#[test]
fn failing_readings_do_not_resolve_a_stall() {
    let mut observations = stall(8);
    observations.extend([10, 15, 20].map(|second| failed(second, FailureKind::TimedOut)));
    let result = run(observations.clone(), 25);
    assert_eq!(found(&result), [(Severity::Warn, "unanswered"), (Severity::Warn, "stalled")]);
    assert!(result.findings[1].reason.contains("last seen so 17 s ago"), "{}", result.findings[1].reason);
    let later = run(observations.clone(), 65);
    assert_eq!(found(&later), [(Severity::Crit, "stalled"), (Severity::Warn, "unanswered")]);
    observations.extend([sample(66, 8.0), sample(68, 9.0)]);
    assert_eq!(found(&run(observations, 68)), []);
}

#[test]
fn two_samples_before_an_outage_are_no_stall() {
    let observations = vec![sample(0, 7.0), sample(2, 7.0), failed(8, FailureKind::TimedOut)];
    assert_eq!(found(&run(observations, 60)), [(Severity::Warn, "unanswered")]);
}

#[test]
fn unreachable_warns_and_is_critical_after_30_s() {
    let down = |now: i64| {
        run(vec![sample(0, 1.0), failed(2, FailureKind::Unreachable), failed(now, FailureKind::Unreachable)], now)
    };
    assert_eq!(found(&down(4)), [(Severity::Warn, "unreachable")]);
    assert_eq!(found(&down(31)), [(Severity::Warn, "unreachable")]);
    assert_eq!(found(&down(32)), [(Severity::Crit, "unreachable")]);
    assert!(down(32).findings[0].reason.contains("the message"));
}

#[test]
fn unanswered_warns_and_is_critical_after_60_s() {
    let hangs = |now: i64| run(vec![failed(0, FailureKind::TimedOut), failed(now, FailureKind::TimedOut)], now);
    assert_eq!(found(&hangs(59)), [(Severity::Warn, "unanswered")]);
    assert_eq!(found(&hangs(60)), [(Severity::Crit, "unanswered")]);
}

#[test]
fn each_failure_has_its_own_time() {
    let refused = (0..600).step_by(2).map(|second| failed(second, FailureKind::Unreachable));
    let then_silent = refused.chain([failed(600, FailureKind::TimedOut), failed(605, FailureKind::TimedOut)]);
    assert_eq!(found(&run(then_silent.collect(), 606)), [(Severity::Warn, "unanswered")]);
}

#[test]
fn other_failures_warn_however_long() {
    for (kind, code) in [
        (FailureKind::ServerError, "server_error"),
        (FailureKind::NotPrometheus, "not_prometheus"),
        (FailureKind::NoVllmSeries, "no_vllm_series"),
        (FailureKind::BadStatus, "bad_status"),
        (FailureKind::Malformed, "bad_answer"),
    ] {
        let result = run(vec![failed(0, kind), failed(9000, kind)], 9000);
        assert_eq!(found(&result), [(Severity::Warn, code)]);
    }
}

#[test]
fn no_vllm_is_not_sick_unless_expected_or_seen_before() {
    let refused = || vec![failed(0, FailureKind::Unreachable), failed(100, FailureKind::Unreachable)];
    let absent = run(refused(), 100);
    assert_eq!((absent.presence, absent.severity), (Presence::NotPresent, Severity::Ok));
    assert_eq!(absent.summary, "the message");
    assert_eq!(found(&run_when(true, refused(), 100)), [(Severity::Crit, "unreachable")]);
    let seen = [vec![failed(-10, FailureKind::ServerError)], refused()].concat();
    assert_eq!(found(&run(seen, 100)), [(Severity::Crit, "unreachable")]);
    assert_eq!(run(vec![], 0).presence, Presence::Pending);
}

#[test]
fn a_slow_answer_warns() {
    let took = |seconds| VllmSample { answered_in: Duration::from_secs_f64(seconds), ..VllmSample::default() };
    assert_eq!(found(&run(vec![observed(0, took(2.0))], 0)), []);
    assert_eq!(found(&run(vec![observed(0, took(31.5))], 0)), [(Severity::Warn, "slow")]);
}

#[test]
fn readings_that_stopped_coming_warn() {
    let result = run(vec![sample(0, 1.0), sample(2, 9.0)], 120);
    assert_eq!(found(&result), [(Severity::Warn, "unread")]);
}

#[test]
fn several_hung_engines_are_one_finding() {
    let of = |name: &str| Engine { engine: name.into(), ..engine(7.0) };
    let both = |second| observed(second, VllmSample { engines: vec![of("0"), of("1")], ..VllmSample::default() });
    let result = run((0..=10).map(both).collect(), 10);
    assert_eq!(found(&result), [(Severity::Warn, "stalled")]);
    assert!(
        result.findings[0].reason.starts_with("engine 0 of m (and 1 more) stalled"),
        "{}",
        result.findings[0].reason
    );
}

#[test]
fn the_summary_says_what_is_known() {
    let busy = run(vec![sample(0, 0.0), sample(2, 448.0)], 2);
    assert_eq!(busy.summary, "4 running, 1 waiting, 224 tokens/s");
    let asleep = Engine { asleep: Some(true), ..engine(0.0) };
    let asleep = run(
        (0..99).map(|s| observed(s, VllmSample { engines: vec![asleep.clone()], ..VllmSample::default() })).collect(),
        98,
    );
    assert_eq!((asleep.summary.as_str(), found(&asleep)), ("asleep", vec![]));
    assert_eq!(run(vec![observed(0, VllmSample::default())], 0).summary, "answers");
}

#[test]
fn the_examples_fire_and_stay_quiet() {
    assert_eq!(found(&run((CHECK.fires)(), 0)), [(Severity::Crit, "stalled")]);
    assert_eq!(found(&run((CHECK.quiet)(), 0)), []);
}
