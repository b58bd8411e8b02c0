use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::assessment::{Thresholds, assess};
use crate::check::{example_now, example_state};
use crate::config::Config;
use crate::sink::system_state;

/// The records of every check's examples, as the recorder writes them.
fn lines() -> Vec<String> {
    let observations = CHECKS.iter().flat_map(|check| [(check.fires)(), (check.quiet)()]);
    observations
        .map(|observations| {
            let state = example_state(observations);
            let assessment = assess(&state, &Thresholds::new(&Config::default(), false), example_now());
            serde_json::to_string(&system_state::record(&state, &assessment, example_now())).unwrap()
        })
        .collect()
}

fn reader() -> Reader {
    Reader { phases: vec!["planner".into(), "judge".into(), "writer".into()], ..Reader::default() }
}

/// NaN is not itself, so records are compared by how they print.
fn shown(read: &Result<Moment, Refused>) -> String {
    format!("{read:?}")
}

#[test]
fn the_keys_stand_in_the_recorders_order() {
    let line = &lines()[0];
    let order: Vec<String> =
        line.split("\"").filter(|part| KEYS.iter().any(|(key, _)| key == part)).map(str::to_owned).collect();
    let mut keys: Vec<&str> = Vec::new();
    for key in &order {
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    // The values `subagents` and `verdicts` are keys' names too; what counts is the first time.
    let expected: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
    let object: Map<String, Value> = serde_json::from_str(line).unwrap();
    assert_eq!(object.len(), KEYS.len());
    assert_eq!(keys, expected);
}

#[test]
fn no_record_of_the_recorder_needs_the_slow_way() {
    for line in lines() {
        let (read, escaped) = reader().scan(&mut Moment::new(), line.as_bytes());
        assert!(read.is_ok() && !escaped, "{line}");
    }
}

#[test]
fn the_values_are_those_of_the_record() {
    let line = json!({
        "ts": "2026-11-22T12:00:00Z", "severity": "CRIT", "must_restart": true,
        "crit": ["loop: heartbeat \"old\""], "warn": ["site: a", "elsewhere: b"],
        "findings": ["loop.heartbeat_old", "loop.state_malformed", "site.site_old", "site.no_such_code"],
        "loop_reading": "observed", "gpu_reading": "driver_error", "heartbeat_age_seconds": 960.5, "paused": null,
        "gpus": "2", "subagents_of_writer_oldest_seconds": 12, "subagents_of_other_oldest_seconds": 13,
        "phase": "judge", "verdicts": ["accept", "no"], "gpu_xids": [79], "gpu_xid_ages_seconds": [3.25],
        "watchdog_restart_outcome": "took", "made_up": {"a": [1, "]}"]}
    });
    let moment = reader().read(line.to_string().as_bytes()).unwrap();
    assert_eq!((moment.at, moment.severity), (example_now(), Severity::Crit));
    let at = |check, code| moment.recorded.at(FindingCode::of(check, code).unwrap());
    assert_eq!(at("loop", "heartbeat_old"), Severity::Crit);
    assert_eq!((at("loop", "state_malformed"), at("site", "site_old")), (Severity::Warn, Severity::Warn));
    assert!(moment.recorded.crit.has(FindingCode::RESTART) && moment.foreign == 1);
    assert_eq!(moment.crits, ["loop: heartbeat \"old\""]);
    assert_eq!(moment.warns, ["site: a", "elsewhere: b"]);
    assert_eq!(moment.told(Source::Gpu), Told::Failed(FailureKind::DriverError));
    assert_eq!((moment.told(Source::Loop), moment.told(Source::Host)), (Told::Observed, Told::Absent));
    assert_eq!((moment.get(Number::HeartbeatAge), moment.get(Number::Gpus)), (Some(960.5), Some(2.0)));
    assert!(moment.has(Number::Paused) && moment.get(Number::Paused).is_none() && !moment.has(Number::Budget));
    assert_eq!((moment.phase, &moment.agents[..]), (Some(1), &[(2, 12.0)][..]));
    assert_eq!(moment.verdicts, [Some("ACCEPT"), None]);
    assert_eq!((&moment.xids[..], &moment.xid_ages[..]), (&[79.0][..], &[3.25][..]));
    assert_eq!(moment.outcome, Some(RestartOutcome::Took));
}

#[test]
fn a_line_that_was_cut_anywhere_is_refused() {
    for line in lines().iter().take(3) {
        for end in 0..line.len() {
            assert_eq!(reader().read(&line.as_bytes()[..end]), Err(Refused::NoRecord), "{end}");
        }
    }
}

#[test]
fn what_is_no_record_is_refused() {
    for line in ["", "[]", "{}", "null", "x", r#"{"ts": 1}"#, r#"{"ts": "2026-11-22T12:00:00Z", "severity": "BAD"}"#] {
        assert_eq!(reader().read(line.as_bytes()), Err(Refused::NoRecord), "{line}");
    }
    let line = br#"{"ts": 1795348800, "severity": "OK", "version": 2}"#;
    assert_eq!(reader().read(line), Err(Refused::Newer));
    let reader = Reader { since: Some(example_now() + jiff::SignedDuration::from_secs(1)), ..reader() };
    assert_eq!(reader.read(br#"{"ts": 1795348800, "severity": "OK"}"#), Err(Refused::Outside));
}

/// A value as a hostile or later recorder may write it.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1_000_000_i32..1_000_000).prop_map(|n| json!(f64::from(n) / 1000.0)),
        r#"[a-z\\"\u{e9}\n,:\]}]{0,6}"#.prop_map(Value::from),
        Just(json!("observed")),
        Just(json!("loop.heartbeat_old")),
        Just(json!("loop: why")),
        Just(json!("2026-11-22T12:00:00Z")),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("[a-z\"]{0,3}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever `serde_json` reads, and however it is written, the scanner reads the same.
    #[test]
    fn the_scanner_reads_what_serde_json_reads(
        changes in proptest::collection::vec((0..KEYS.len(), value()), 0..12),
        strange in proptest::collection::vec(("[a-z_\\\\\"\u{e9}]{0,8}", value()), 0..3),
        pretty in any::<bool>(),
        backwards in any::<bool>(),
    ) {
        let mut members: Vec<(String, Value)> = Vec::new();
        let object: Map<String, Value> = serde_json::from_str(&lines()[0]).unwrap();
        members.extend(object);
        for (place, value) in changes {
            let key = KEYS[place].0;
            members.retain(|(known, _)| known != key);
            members.push((key.to_owned(), value));
        }
        members.extend(strange);
        if backwards {
            members.reverse();
        }
        let texts: Vec<String> = members.iter().map(|(key, value)| {
            let value = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
            let colon = if pretty { " : " } else { ":" };
            format!("{}{colon}{}", serde_json::to_string(key).unwrap(), value.unwrap())
        }).collect();
        let line = format!("{{{}}}", texts.join(if pretty { " ,\t" } else { "," }));
        prop_assert_eq!(shown(&reader().read(line.as_bytes())), shown(&reader().read_slowly(line.as_bytes())), "{}", line);
    }

    #[test]
    fn a_time_is_read_as_jiff_reads_it(seconds in 0_i64..253_402_300_799, nanoseconds in 0_i32..1_000_000_000, digits in 0_usize..4) {
        let step = 10_i32.pow(9 - 3 * digits as u32);
        let time = Time::new(seconds, nanoseconds / step * step).unwrap();
        let text = time.to_string();
        if let Some(read) = utc(text.as_bytes()) {
            prop_assert_eq!(read, time, "{}", text);
        }
        prop_assert_eq!(time_of(Scalar::Text(text.as_bytes())), Some(time));
        prop_assert_eq!(utc(text.as_bytes()).is_some(), time.to_zoned(jiff::tz::TimeZone::UTC).day() <= 28);
    }

    #[test]
    fn a_time_of_another_form_is_left_to_jiff(text in "[0-9]{3,5}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,10})?[Z+z]") {
        if let Some(read) = utc(text.as_bytes()) {
            prop_assert_eq!(text.parse::<Time>().ok(), Some(read));
        }
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..3000, byte in any::<u8>()) {
        drop(reader().read(&bytes));
        let mut line = lines()[0].clone().into_bytes();
        let place = cut % line.len();
        line[place] = byte;
        drop(reader().read(&line));
    }
}
