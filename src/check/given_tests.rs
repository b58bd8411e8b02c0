//! What the checks really give: for each code of each table, at each of its severities, what happened.
//!
//! Invariant: a code that nothing here brings about is declared in vain, and fails the test.

use std::collections::BTreeSet;

use super::*;
use crate::assessment::Severity::{self, Crit, Warn};
use crate::journey::last_run::{LastRun, Outcome};
use crate::observation::{self as seen, *};

/// Readings that failed, and those before the examples' instant, by check.
fn failed(source: SourceId, ago: i64, kind: FailureKind) -> Observation {
    reading(source, ago, Reading::Failed(Failure::new(kind, "it does not work")))
}

fn reading(source: SourceId, ago: i64, reading: Reading<Data>) -> Observation {
    Observation { source, at: before(ago), took: std::time::Duration::ZERO, reading }
}

fn before(seconds: i64) -> Time {
    example_now() - jiff::SignedDuration::from_secs(seconds)
}

fn source(check: &Check) -> SourceId {
    SourceId::ALL.into_iter().find(|source| source.name() == check.id).unwrap()
}

/// What a reading that gives nothing makes of a check that was well.
fn frames(check: &Check) -> Vec<Vec<Observation>> {
    let after = |last| (check.quiet)().into_iter().chain([last]).collect();
    let old = (check.quiet)()
        .into_iter()
        .map(|seen| Observation { at: seen.at - jiff::SignedDuration::from_hours(1), ..seen });
    vec![
        old.collect(),
        after(reading(source(check), 0, Reading::Missing("it is gone".into()))),
        after(failed(source(check), 0, FailureKind::Unreadable)),
    ]
}

fn one(seconds: i64, data: Data) -> Vec<Observation> {
    vec![example_reading(seconds, data)]
}

fn of_loop() -> Vec<Vec<Observation>> {
    let quiet = || LoopReading {
        heartbeat: Reading::Observed(Heartbeat { at: Some(before(4)), ..Heartbeat::default() }),
        state: Reading::Observed(LoopState::default()),
        pause: Reading::Observed(Pause::default()),
    };
    let beat = |at| LoopReading {
        heartbeat: Reading::Observed(Heartbeat { at: Some(at), ..Heartbeat::default() }),
        ..quiet()
    };
    let broken = |kind| LoopReading { heartbeat: Reading::Failed(Failure::new(kind, "-")), ..quiet() };
    let readings = [
        beat(before(700)),
        beat(before(960)),
        beat(before(-120)),
        LoopReading { heartbeat: Reading::Missing("-".into()), ..quiet() },
        broken(FailureKind::Malformed),
        broken(FailureKind::Unreadable),
        LoopReading { pause: Reading::Observed(Pause { soft: Some(before(100_000)), hard: None }), ..quiet() },
        LoopReading { pause: Reading::Missing("-".into()), ..quiet() },
        LoopReading { state: Reading::Failed(Failure::new(FailureKind::Malformed, "-")), ..quiet() },
    ];
    let vanished = LoopReading { state: Reading::Missing("-".into()), ..quiet() };
    let vanished = [one(5, Data::Loop(quiet())), one(0, Data::Loop(vanished))].concat();
    readings.map(|reading| one(0, Data::Loop(reading))).into_iter().chain([vanished]).collect()
}

fn of_subagents() -> Vec<Vec<Observation>> {
    let agent = |age| Subagent { pid: 1, phase: "writer".into(), started_at: before(age), command: "claude".into() };
    let late = |age| Subagents { agents: vec![agent(age)], ..Subagents::default() };
    let hidden = Subagents { hidden: 1, ..Subagents::default() };
    [late(1000), late(2000), hidden].map(|found| one(0, Data::Subagents(found))).into()
}

fn of_vllm() -> Vec<Vec<Observation>> {
    let stalled = |seconds| {
        let begun = before(seconds);
        let all = (vllm::CHECK.fires)().into_iter();
        all.filter(move |seen| seen.at >= begun).collect::<Vec<_>>()
    };
    let failing = |ago, kind| {
        let answered = example_reading(100, Data::Vllm(VllmSample::default()));
        vec![answered, failed(SourceId::Vllm, ago, kind), failed(SourceId::Vllm, 0, kind)]
    };
    let slow = VllmSample { answered_in: std::time::Duration::from_secs(3), ..VllmSample::default() };
    use FailureKind::*;
    let kinds = [Unreachable, TimedOut, ServerError, NotPrometheus, NoVllmSeries, BadStatus, Malformed];
    let long = [failing(90, Unreachable), failing(90, TimedOut), stalled(20), stalled(70), one(0, Data::Vllm(slow))];
    kinds.map(|kind| failing(5, kind)).into_iter().chain(long).collect()
}

fn of_gpu() -> Vec<Vec<Observation>> {
    let well = || Gpu { uuid: "GPU-a".into(), temperature: Field::Value(60.0), ..Gpu::default() };
    let read = |ago, gpu: Gpu| example_reading(ago, Data::Gpu(GpuReading { gpus: vec![gpu], ..GpuReading::default() }));
    let then = |before: Gpu, now: Gpu| vec![read(70, before), read(0, now)];
    let hot = |celsius| Gpu { temperature: Field::Value(celsius), ..well() };
    let errors = |count| Gpu { ecc_uncorrected: Field::Value(count), ..well() };
    let xids = vec![XidCount { xid: 79, count: 1, last_at: EXAMPLE_NOW as f64 }];
    let idle = || Gpu { utilization: Field::Value(0.0), ..well() };
    let engines = || vec![Engine { running: Some(1.0), ..Engine::default() }];
    let busy = |ago| example_reading(ago, Data::Vllm(VllmSample { engines: engines(), ..VllmSample::default() }));
    let failing = |ago, kind| vec![read(80, well()), failed(SourceId::Gpu, ago, kind), failed(SourceId::Gpu, 0, kind)];
    use FailureKind::*;
    vec![
        then(well(), hot(90.0)),
        then(well(), hot(96.0)),
        then(well(), Gpu { throttle_reasons: Field::Value(0x8), ..well() }),
        then(well(), Gpu { remap_failed: Field::Value(true), ..well() }),
        then(well(), Gpu { uuid: "GPU-a".into(), ..Gpu::default() }),
        then(well(), Gpu { xids, ..well() }),
        then(errors(0), errors(2)),
        (0..=14).rev().flat_map(|n| [busy(n * 5), read(n * 5, idle())]).collect(),
        (gpu::CHECK.fires)(),
        failing(5, TimedOut),
        failing(70, TimedOut),
        failing(5, GpuLost),
        failing(5, DriverError),
        failing(5, NoGpu),
        vec![failed(SourceId::Gpu, 0, NoGpu)],
    ]
}

fn of_files() -> Vec<Vec<Observation>> {
    let unknown = Parity { unknown: 1, duplicate_keys: 1, ..Parity::default() };
    let matrix = |seconds| failed(SourceId::Parity, seconds, FailureKind::Malformed);
    let words = |word: &str, age| {
        Data::Verdicts(Verdicts {
            recent: vec![seen::Verdict { verdict: word.into(), at: Some(before(age)), ..seen::Verdict::default() }; 5],
            malformed_lines: 1,
        })
    };
    let site = |age| Data::Site(Site { built_at: Some(before(age)), data_at: Some(before(0)), synthesis: None });
    let ended = |outcome| {
        let synthesis = Some(LastRun::new(before(60), outcome));
        Data::Site(Site { built_at: None, data_at: None, synthesis })
    };
    let review = |age, health_score| {
        let good = GoodReview::new(before(age), health_score);
        Data::Review(Review { last_good: Some(good), failed_since: 1, ..Review::default() })
    };
    let runs = || (loop_::CHECK.quiet)();
    vec![
        (parity::CHECK.fires)(),
        one(0, Data::Parity(unknown)),
        vec![matrix(30), matrix(0)],
        [runs(), one(0, words("WEDGED_NO_VERDICT", 10_000))].concat(),
        one(0, words("REVERT", 60)),
        one(0, site(4000)),
        one(0, ended(Outcome::Refused)),
        one(0, ended(Outcome::Failed)),
        one(0, site(90_000)),
        one(0, review(8000, 50.0)),
        one(0, review(30_000, 20.0)),
    ]
}

fn of_watchdog() -> Vec<Vec<Observation>> {
    let seen = |reading| one(0, Data::Watchdog(reading));
    let evaluated = |age| WatchdogReading { last_evaluation_at: Some(before(age)), ..WatchdogReading::default() };
    let told = |reason: &str, severity: &str| WatchdogReading {
        reason: Some(reason.into()),
        row_severity: Some(severity.into()),
        text: Some("-".into()),
        ..evaluated(10)
    };
    let beside = |severity: &str, code: &str| {
        let (severity, code) = (severity.into(), code.into());
        let finding = WatchdogFinding { severity, code, reason: "-".into(), hint: String::new() };
        WatchdogReading { findings: vec![finding], ..evaluated(10) }
    };
    let failed = Restart { at: before(600), outcome: RestartOutcome::DidNotTake, reason: None };
    let words = crate::watchdog::reason::Reason::ALL.map(|reason| reason.name());
    let rows = words.into_iter().flat_map(|reason| ["WARN", "CRIT"].map(|severity| told(reason, severity)));
    let others = [
        evaluated(1000),
        WatchdogReading { budget_remaining: Some(0), ..evaluated(10) },
        WatchdogReading { last_restart: Some(failed), ..evaluated(10) },
        WatchdogReading { problems: vec!["-".into()], ..evaluated(10) },
        beside("CRIT", "left_over"),
        beside("WARN", "bus_fallback"),
    ];
    rows.chain(others).map(seen).collect()
}

fn of_host() -> Vec<Vec<Observation>> {
    let host = |part| Host {
        memory_total: Some(100),
        memory_available: Some(part),
        disk_total: Some(100),
        disk_available: Some(part),
        memory_pressure_full: Some(0.5),
        ..Host::default()
    };
    [host(5), host(1)].map(|host| one(0, Data::Host(host))).into()
}

type Found = BTreeSet<(&'static str, &'static str, Severity)>;

fn given() -> Found {
    let own = [of_loop(), of_subagents(), of_vllm(), of_gpu(), of_files(), of_watchdog(), of_host()].concat();
    let frames: Vec<Vec<Observation>> = CHECKS.iter().flat_map(|check| frames(check)).collect();
    let thresholds = Thresholds::new(&Config::default(), false);
    let judged = |happened: Vec<Observation>| {
        let state = example_state(happened);
        CHECKS.iter().map(|check| check.run(&state, &thresholds, example_now())).collect::<Vec<_>>()
    };
    let results = own.into_iter().chain(frames).flat_map(judged);
    let found =
        |result: CheckResult| result.findings.into_iter().map(move |found| (result.check, found.code, found.severity));
    results.flat_map(found).collect()
}

#[test]
fn every_code_is_given_at_each_of_its_severities() {
    let declared: Found = CHECKS
        .iter()
        .flat_map(|check| check.codes.iter().map(|code| (check.id, code)))
        .flat_map(|(check, code)| code.found.iter().map(move |severity| (check, code.word, *severity)))
        .collect();
    let given = given();
    assert_eq!(given.difference(&declared).collect::<Vec<_>>(), Vec::<&(_, _, _)>::new(), "given and not declared");
    assert_eq!(declared.difference(&given).collect::<Vec<_>>(), Vec::<&(_, _, _)>::new(), "declared and not given");
}

#[test]
fn a_table_is_whole() {
    for check in CHECKS {
        let words: BTreeSet<&str> = check.codes.iter().map(|code| code.word).collect();
        assert_eq!(words.len(), check.codes.len(), "{}: a code stands twice", check.id);
        for code in check.codes {
            let name = format!("{} {}", check.id, code.word);
            assert!([&[Warn][..], &[Crit], &[Warn, Crit]].contains(&code.found), "{name}: WARN, CRIT or both");
            assert!(!code.summary.is_empty() && !code.summary.ends_with('.') && code.summary.len() <= 80, "{name}");
            assert!(!code.mend.is_empty() && !code.mend.ends_with('.') && !code.mend.contains('\n'), "{name}");
        }
    }
}

#[test]
fn a_limit_that_a_reading_names_exists_and_is_of_a_severity_of_the_code() {
    let limits = crate::metric::limits(&crate::config::Limits::default());
    for check in CHECKS {
        for (code, shown) in check.codes.iter().flat_map(|code| code.shows.iter().map(move |shown| (code, shown))) {
            for (severity, limit) in shown.limits {
                let name = format!("checks.{}.{limit} of {}", check.id, code.word);
                assert!(limits.contains_key(&(check.id.to_owned(), (*limit).to_owned())), "{name} does not exist");
                assert!(code.found.contains(severity), "{name} is of {severity}");
            }
        }
    }
}
