//! Records are judged again as they were judged: the recorder and the replay against each other.

use std::io::Write;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::assessment::assess;
use crate::check::{CHECKS, example_now};
use crate::config::value::Seconds;
use crate::observation::*;
use crate::sink::system_state;
use crate::state::State;

const ALL: [Severity; 3] = [Severity::Ok, Severity::Warn, Severity::Crit];

/// Findings of the examples that a single record cannot show: they need records over the time in which something
/// lasted.
const OVER_TIME: [&str; 2] = ["gpu.silent_cap", "gpu.idle"];

/// The lines that a recorder writes which records after every observation.
fn played(observations: Vec<Observation>, thresholds: &Thresholds, config: &Config) -> Vec<String> {
    let mut state = State::new(config, example_now() - SignedDuration::from_hours(1));
    let mut lines = Vec::new();
    for observation in observations {
        let at = observation.at;
        state.apply(observation);
        let assessment = assess(&state, thresholds, at);
        lines.push(serde_json::to_string(&system_state::record(&state, &assessment, at)).unwrap());
    }
    let assessment = assess(&state, thresholds, example_now());
    lines.push(serde_json::to_string(&system_state::record(&state, &assessment, example_now())).unwrap());
    lines
}

/// What comes of `text` under the limits of `config`, read by `threads` threads in blocks of `block` bytes.
fn answer_by(text: &str, config: &Config, (threads, block): (usize, usize)) -> Outcome {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    backtest(&Question {
        places: vec![Place::File(file.path().to_owned())],
        config: config.clone(),
        thresholds: Thresholds::new(config, false),
        since: None,
        until: None,
        threads,
        block,
    })
}

fn answer(text: &str, config: &Config) -> Outcome {
    answer_by(text, config, (2, 0))
}

fn at(second: i64) -> Time {
    example_now() + SignedDuration::from_secs(second)
}

/// The state of a loop whose heartbeat is `age` seconds old at `second`, and nothing else.
fn beating(second: i64, age: i64) -> Vec<Observation> {
    let heartbeat = Heartbeat { at: Some(at(second - age)), ..Heartbeat::default() };
    let reading = LoopReading {
        heartbeat: Reading::Observed(heartbeat),
        state: Reading::Observed(LoopState::default()),
        pause: Reading::Observed(Pause::default()),
    };
    let took = std::time::Duration::ZERO;
    vec![Observation { source: SourceId::Loop, at: at(second), took, reading: Reading::Observed(Data::Loop(reading)) }]
}

/// Records at these seconds with a heartbeat of that age, as judged by `config` then.
fn beats(beats: &[(i64, i64)], config: &Config) -> String {
    let thresholds = Thresholds::new(config, false);
    let mut state = State::new(config, at(-3600));
    let record = |(second, age): &(i64, i64)| {
        beating(*second, *age).into_iter().for_each(|observation| state.apply(observation));
        // Readings in between do not matter here, but their absence would be a suspend.
        state.heartbeat_track.excused_at = None;
        let assessment = assess(&state, &thresholds, at(*second));
        serde_json::to_string(&system_state::record(&state, &assessment, at(*second))).unwrap() + "\n"
    };
    beats.iter().map(record).collect()
}

fn limits(warn: f64, crit: f64) -> Config {
    let mut config = Config::default();
    (config.checks.loop_.warn, config.checks.loop_.crit) = (Seconds(warn), Seconds(crit));
    config
}

fn told(rows: &[Row]) -> Vec<(String, Difference)> {
    rows.iter().map(|row| (row.code.name(), row.difference)).collect()
}

#[test]
fn every_example_is_judged_again_as_it_was_judged() {
    let config = Config::default();
    let thresholds = Thresholds::new(&config, false);
    for check in CHECKS {
        for observations in [(check.fires)(), (check.quiet)()] {
            let lines = played(observations, &thresholds, &config);
            let outcome = answer(&(lines.join("\n") + "\n"), &config);
            assert_eq!((outcome.counts.spoilt, outcome.counts.records), (0, lines.len() as u64));
            assert_eq!(outcome.judged.found(), outcome.recorded.found(), "{}: {:?}", check.id, told(&outcome.rows));
            let alone = answer(&(lines.last().unwrap().clone() + "\n"), &config);
            for code in FindingCode::all().filter(|code| !OVER_TIME.contains(&code.name().as_str())) {
                let (then, now) = (alone.recorded.found().at(code), alone.judged.found().at(code));
                assert_eq!(now, then, "{}: {}", check.id, code.name());
            }
        }
    }
}

/// Every way in which the source of `check` may give nothing, once to three times in a row.
fn troubles(source: SourceId) -> Vec<Vec<Observation>> {
    let failed = |kind| Reading::Failed(Failure::new(kind, "it does not work"));
    let readings = FailureKind::ALL.into_iter().map(failed).chain([Reading::Missing("it is gone".into())]);
    let row = |reading: Reading<Data>| {
        (1..=3).map(move |count| {
            let one = |ago: i64| Observation {
                source,
                at: at(-ago),
                took: std::time::Duration::ZERO,
                reading: reading.clone(),
            };
            (0..count).rev().map(one).collect()
        })
    };
    readings.flat_map(row).chain([Vec::new()]).collect()
}

#[test]
fn what_gives_nothing_is_judged_again_as_it_was_judged() {
    let config = Config::default();
    let thresholds = Thresholds::new(&config, false);
    for check in CHECKS {
        for example in [(check.fires)(), (check.quiet)(), Vec::new()] {
            for trouble in troubles(SourceId::ALL[CHECKS.iter().position(|c| c.id == check.id).unwrap()]) {
                // Before the trouble, so that the records are in order.
                let earlier =
                    example.iter().cloned().map(|o| Observation { at: o.at - SignedDuration::from_secs(3), ..o });
                let lines = played(earlier.chain(trouble.clone()).collect(), &thresholds, &config);
                let outcome = answer(&(lines.join("\n") + "\n"), &config);
                let (then, now) = (outcome.recorded.found(), outcome.judged.found());
                assert_eq!(now, then, "{}: {:?}: {:?}", check.id, trouble.last(), told(&outcome.rows));
            }
        }
    }
}

#[test]
fn what_was_read_last_stands_while_nothing_can_be_read() {
    let config = Config::default();
    let thresholds = Thresholds::new(&config, false);
    let gpu = Gpu {
        temperature: Field::Value(97.0),
        xids: vec![XidCount { xid: 79, count: 1, last_at: unix_seconds(at(-60)) }],
        remap_failed: Field::Value(true),
        ..Gpu::default()
    };
    let gpu = Data::Gpu(GpuReading { gpus: vec![gpu], ..GpuReading::default() });
    let pause = Reading::Observed(Pause { soft: Some(at(-100_000)), hard: None });
    let (heartbeat, state) = (Reading::Missing("gone".into()), Reading::Missing("gone".into()));
    let paused = Data::Loop(LoopReading { heartbeat, state, pause });
    for (data, codes) in
        [(gpu, &["gpu.at_slowdown", "gpu.xid", "gpu.remap_failed"][..]), (paused, &["loop.paused_long"])]
    {
        let source = data.source();
        let observation =
            |second, reading| Observation { source, at: at(second), took: std::time::Duration::ZERO, reading };
        let failed = || Reading::Failed(Failure::new(FailureKind::TimedOut, "it hangs"));
        let observations =
            vec![observation(-20, Reading::Observed(data)), observation(-10, failed()), observation(0, failed())];
        let outcome = answer(&(played(observations, &thresholds, &config).join("\n") + "\n"), &config);
        assert_eq!(outcome.judged.found(), outcome.recorded.found());
        let found: Vec<String> = outcome.judged.found().warn.iter().map(FindingCode::name).collect();
        assert!(codes.iter().all(|code| found.iter().any(|found| found == code)), "{found:?}");
    }
}

#[test]
fn what_is_no_longer_read_is_judged_again_as_it_was_judged() {
    let config = Config::default();
    let thresholds = Thresholds::new(&config, false);
    for check in CHECKS {
        let mut state = State::new(&config, at(-3600));
        (check.fires)().into_iter().for_each(|observation| state.apply(observation));
        let line = |second| {
            let assessment = assess(&state, &thresholds, at(second));
            serde_json::to_string(&system_state::record(&state, &assessment, at(second))).unwrap() + "\n"
        };
        let outcome = answer(&(line(0) + &line(180)), &config);
        let over_time = |code: FindingCode| OVER_TIME.contains(&code.name().as_str());
        for code in FindingCode::all().filter(|code| !over_time(*code)) {
            assert_eq!(outcome.judged.found().at(code), outcome.recorded.found().at(code), "{}", code.name());
        }
    }
}

#[test]
fn new_limits_change_what_they_must_and_nothing_else() {
    let ages = [(0, 4), (180, 184), (360, 364), (540, 544), (601, 605), (720, 724), (900, 10)];
    let text = beats(&ages, &Config::default());
    let same = answer(&text, &Config::default());
    assert_eq!(told(&same.rows), [("loop.heartbeat_old".into(), Difference::Same)]);
    // 600 s are reached 56 s after the record at which it was 544 s old; the exporter looked 5 s later.
    assert_eq!(same.judged.episodes[0].from, at(596) + SignedDuration::from_millis(1));
    assert_eq!(same.recorded.episodes[0].from, at(601));
    let looser = answer(&text, &limits(800.0, 900.0));
    assert_eq!(told(&looser.rows), [("loop.heartbeat_old".into(), Difference::Gone)]);
    let tighter = answer(&text, &limits(100.0, 300.0));
    let told = told(&tighter.rows);
    assert_eq!(
        told,
        [("loop.heartbeat_old".into(), Difference::Worse), ("liveness.must_restart".into(), Difference::New)]
    );
    let [episode, restart] = &tighter.judged.episodes[..] else { panic!("{:?}", tighter.judged.episodes) };
    assert_eq!((episode.from, episode.to), (at(96) + SignedDuration::from_millis(1), at(900)));
    assert_eq!((restart.from, restart.to), (at(296) + SignedDuration::from_millis(1), at(900)));
    assert_eq!(episode.text, "heartbeat 5 min old, over the limit of 5 min");
    assert_eq!((tighter.alerts_judged.len(), tighter.alerts_recorded.len()), (2, 0), "3 min are no alert");
}

#[test]
fn an_age_that_was_renewed_between_two_records_crosses_nothing() {
    // At 180 s it is 590 s old; the next record shows another heartbeat.
    let text = beats(&[(0, 410), (180, 590), (360, 5), (540, 185)], &Config::default());
    assert_eq!(answer(&text, &Config::default()).judged.episodes, []);
}

#[test]
fn a_hole_and_a_clock_set_back_are_told_and_are_nobodys_time() {
    let text = beats(&[(0, 700), (180, 880), (4000, 4), (4180, 4), (3000, 4), (3180, 4)], &Config::default());
    let outcome = answer(&text, &Config::default());
    assert_eq!((outcome.counts.holes, outcome.counts.hole_time.as_secs(), outcome.counts.steps_back), (1, 3820, 1));
    assert_eq!(ALL.map(|severity| outcome.judged.seconds(severity)), [360.0, 180.0, 0.0]);
    assert_eq!(outcome.judged.episodes[0].to, at(180));
}

#[test]
fn spoilt_newer_and_empty_lines_are_counted_and_left_out() {
    let whole = beats(&[(0, 4)], &Config::default());
    let newer = whole.replace("\"version\":1", "\"version\":2");
    let text = format!("{whole}\n{}\n[]\n{newer}{whole}", &whole[..100]);
    let counts = answer(&text, &Config::default()).counts;
    assert_eq!((counts.records, counts.spoilt, counts.newer), (2, 2, 1));
    let nothing = answer("", &Config::default());
    assert_eq!((nothing.counts.records, nothing.from), (0, None));
}

#[test]
fn what_an_older_recorder_did_not_write_is_taken_as_recorded() {
    let line = beats(&[(0, 700)], &Config::default());
    let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&line).unwrap();
    object.retain(|key, _| !key.contains("reading") && key != "heartbeat_excused_seconds");
    let outcome = answer(&(serde_json::to_string(&object).unwrap() + "\n"), &limits(10_000.0, 20_000.0));
    assert_eq!(outcome.judged.found(), outcome.recorded.found());
    assert!(
        outcome.unknown.has(FindingCode::RESTART)
            && outcome.unknown.has(FindingCode::of("loop", "heartbeat_old").unwrap())
    );
}

#[test]
fn a_source_that_is_off_now_finds_nothing() {
    let text = beats(&[(0, 700), (180, 880)], &Config::default());
    let mut config = Config::default();
    config.loop_.enabled = false;
    assert_eq!(answer(&text, &config).judged.episodes, []);
}

#[test]
fn every_code_that_is_named_exists() {
    for (check, code) in AS_RECORDED {
        assert!(FindingCode::of(check, code).is_some(), "{check}.{code}");
    }
    let source = include_str!("replay.rs").split("#[cfg(test)]").next().unwrap();
    for call in ["code(\"", "add(\""] {
        for rest in source.split(call).skip(1) {
            let mut names = rest.split('"');
            let (check, code) = (names.next().unwrap(), names.nth(1).unwrap());
            assert!(FindingCode::of(check, code).is_some(), "{check}.{code}");
        }
    }
}

/// A loop that beats now and then, for half a day.
fn life() -> impl Strategy<Value = Vec<(i64, i64)>> {
    proptest::collection::vec((1_i64..400, proptest::bool::weighted(0.3)), 2..60).prop_map(|steps| {
        let (mut second, mut beat) = (0, 0);
        let mut beats = Vec::new();
        for (gap, beats_now) in steps {
            second += gap;
            beat = if beats_now { second } else { beat };
            beats.push((second, second - beat));
        }
        beats
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn threads_and_blocks_change_nothing(beats_ in life(), threads in 1_usize..5, block in 1_usize..20_000) {
        let text = beats(&beats_, &Config::default());
        let config = limits(500.0, 1000.0);
        let (one, other) = (answer_by(&text, &config, (1, 0)), answer_by(&text, &config, (threads, block)));
        prop_assert_eq!(one.judged.episodes, other.judged.episodes);
        prop_assert_eq!(one.recorded.episodes, other.recorded.episodes);
        prop_assert_eq!(one.spans, other.spans);
        let same = |counts: Counts| Counts { bytes: 0, ..counts };
        prop_assert_eq!(same(one.counts), same(other.counts));
    }

    /// Judging only where an age crosses a limit finds the same as judging at every second.
    #[test]
    fn nothing_is_missed_between_two_records(ages in proptest::collection::vec(0_i64..2000, 3), warn in 1_i64..900) {
        let config = limits(warn as f64, 900.0);
        let beats_: Vec<(i64, i64)> = (0..3).map(|step| (step * 180, ages[0] + step * 180)).collect();
        let text = beats(&beats_, &Config::default());
        let from = answer(&text, &config).judged.episodes.iter().map(|episode| episode.from).min();
        let first = (0..=360).find(|second| ages[0] + second > warn).map(at);
        match (from, first) {
            (Some(from), Some(first)) => prop_assert!((seconds_since(first, from) - 0.999).abs() < 1.0),
            (from, first) => prop_assert_eq!(from, first),
        }
    }

    /// A looser limit never finds more.
    #[test]
    fn looser_limits_find_no_more(beats_ in life(), warn in 10_i64..900, more in 0_i64..900) {
        let text = beats(&beats_, &Config::default());
        let found = |limit: i64| answer(&text, &limits(limit as f64, limit as f64 + 1.0)).judged.seconds(Severity::Ok);
        prop_assert!(found(warn + more) >= found(warn));
    }
}
