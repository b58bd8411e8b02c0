//! The last hours from the time series, so that a program that has just started shows what was before it.
//!
//! Invariant: bounded in lines, bytes and hours, however long the file; a key that is absent or of another type leaves
//! a gap, and a line without a time or a severity is passed over.

use std::path::Path;

use serde_json::{Map, Value};

use super::{COARSE, FINE, Point};
use crate::assessment::Severity;
use crate::jsonl::{Limits, Tail, last_lines};
use crate::observation::{Failure, FailureKind, Reading, Time, seconds_since};
use crate::source::file::open_regular;
use crate::source::json;

/// Lines that are read: six hours of records at the default interval are 120, and changes of severity come on top.
const LINES: usize = 600;

/// The points in the time series at `path` that lie in the six hours before `now`, one every few seconds. `hold`
/// is how long a record stands for, seconds. It blocks.
pub fn read(path: &Path, hold: f64, now: Time) -> Reading<Vec<Point>> {
    open_regular("time series", path).and_then(|(file, _)| match last_lines(&file, LINES, Limits::default()) {
        Ok(tail) => Reading::Observed(points(&tail, hold, now)),
        Err(error) => {
            let message = format!("time series {}: {error}; check the disk", path.display());
            Reading::Failed(Failure::new(FailureKind::Unreadable, message))
        }
    })
}

fn points(tail: &Tail, hold: f64, now: Time) -> Vec<Point> {
    let span = (COARSE.step * COARSE.buckets) as f64;
    let records: Vec<Point> = tail.parsed(point).into_iter().flatten().collect();
    let records: Vec<Point> =
        records.into_iter().filter(|record| (0.0..span).contains(&seconds_since(now, record.at))).collect();
    let mut points = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let next = records.get(index + 1).map(|next| next.at).filter(|next| seconds_since(*next, record.at) <= hold);
        points.push(*record);
        points.extend(between(record.at, next).map(|at| record.at(at)));
    }
    points
}

/// The times between `record` and `next`, every few seconds.
fn between(record: Time, next: Option<Time>) -> impl Iterator<Item = Time> {
    let later = |at: &Time| at.checked_add(jiff::SignedDuration::from_secs(FINE.step)).ok();
    std::iter::successors(later(&record), later).take_while(move |at| next.is_some_and(|next| *at < next))
}

/// The point in one line; the keys are those of `docs/system-state.md`.
fn point(line: &[u8]) -> Option<Point> {
    let record: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let number = |key: &str| record.get(key).and_then(json::number);
    // What was last read of the matrix stays in the record; a point is only what was read then.
    let is_read = record.get("parity_reading").is_none_or(|reading| reading == "observed");
    Some(Point {
        at: json::time(record.get("ts")?)?,
        severity: Severity::of(record.get("severity")?.as_str()?)?,
        values: [
            number("vllm_generation_tokens_per_second"),
            number("gpu_utilization_mean_ratio").or(number("gpu_utilization_ratio")),
            number("gpu_power_watts"),
            number("heartbeat_age_seconds").map(|age| age.max(0.0)),
            number("parity_green").filter(|_| is_read),
        ],
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::super::{History, Series};
    use super::*;
    use crate::assessment::{Thresholds, assess};
    use crate::check::{example_now, example_state};
    use crate::config::Config;
    use crate::jsonl::Line;
    use crate::sink::system_state;

    fn ago(seconds: i64) -> Time {
        example_now() - SignedDuration::from_secs(seconds)
    }

    fn past(lines: &[Value]) -> Vec<Point> {
        let lines = lines.iter().map(|line| Line::Text(line.to_string().into_bytes())).collect();
        points(&Tail { lines, ..Tail::default() }, 400.0, example_now())
    }

    fn record(seconds: i64, tokens: f64) -> Value {
        json!({"ts": ago(seconds), "severity": "WARN", "vllm_generation_tokens_per_second": tokens})
    }

    #[test]
    fn a_record_stands_until_the_next_and_a_hole_stays_a_hole() {
        let mut history = History::default();
        history.preload(&past(&[record(3000, 7.0), record(1200, 10.0), record(1020, 20.0)]));
        let trend = history.trend(Series::TokensPerSecond, example_now()).values;
        let newest_first = trend.iter().rev().enumerate();
        let known: Vec<_> = newest_first.filter_map(|(minutes, value)| Some((minutes, (*value)?))).collect();
        assert_eq!(known, [(17, 20.0), (18, 10.0), (19, 10.0), (20, 10.0), (50, 7.0)]);
        assert_eq!(history.severities(example_now()).values.iter().flatten().count(), 5);
        assert_eq!(history.trend(Series::GpuPower, example_now()).values.iter().flatten().count(), 0);
    }

    #[test]
    fn what_the_recorder_writes_is_read() {
        let state = example_state((crate::check::CHECKS[4].fires)());
        let assessment = assess(&state, &Thresholds::new(&Config::default(), false), ago(60));
        let record = serde_json::to_value(system_state::record(&state, &assessment, ago(60))).unwrap();
        let points = past(&[record]);
        let expected = [None, None, None, None, Some(812.0)];
        assert_eq!(points, [Point { at: ago(60), severity: assessment.severity, values: expected }]);
    }

    #[test]
    fn every_key_that_is_read_is_one_that_is_written() {
        let source = include_str!("past.rs").split("#[cfg(test)]").next().unwrap();
        let page = include_str!("../../docs/system-state.md");
        let keys: Vec<&str> = source.split("number(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(keys.len(), 6);
        assert!(keys.iter().all(|key| page.contains(&format!("| `{key}` |"))), "{keys:?}");
    }

    #[test]
    fn spoilt_foreign_old_and_future_lines_are_passed_over() {
        let spoilt = [
            json!(null),
            json!([]),
            json!({"ts": ago(60)}),
            json!({"severity": "OK"}),
            json!({"ts": ago(60), "severity": "BAD"}),
            record(7 * 3600, 1.0),
            record(-60, 1.0),
        ];
        assert_eq!(past(&spoilt), []);
        let odd = json!({"ts": ago(60), "severity": "OK", "gpu_power_watts": [], "heartbeat_age_seconds": "-3",
            "parity_green": 5, "parity_reading": "malformed"});
        assert_eq!(past(&[odd])[0].values, [None, None, None, Some(0.0), None]);
    }

    #[test]
    fn a_file_that_is_not_there_or_is_none_is_told() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(read(&directory.path().join("none"), 180.0, example_now()), Reading::Missing(_)));
        assert!(matches!(read(directory.path(), 180.0, example_now()), Reading::Failed(_)));
    }
}
