//! Numbers of the time series: how each went over the time under review.
//!
//! Invariant: bounded in lines and bytes; a record stands for the time up to the next one, unless nobody watched in
//! between; what is `null` counts for nothing.

use serde_json::{Map, Value};

use crate::jsonl::Tail;
use crate::observation::{Time, seconds_since};
use crate::source::json;

/// The numbers that are told; docs/system-state.md says what they are.
const KEYS: [&str; 15] = [
    "heartbeat_age_seconds",
    "subagents",
    "subagents_oldest_seconds",
    "vllm_generation_tokens_per_second",
    "vllm_prompt_tokens_per_second",
    "vllm_requests_running",
    "vllm_requests_waiting",
    "vllm_kv_cache_usage_ratio",
    "gpu_utilization_mean_ratio",
    "gpu_power_watts",
    "gpu_temperature_celsius",
    "gpu_contenders",
    "host_memory_available_bytes",
    "host_memory_pressure_some_ratio",
    "host_disk_available_bytes",
];

/// What the latest record tells of the present.
const PRESENT: [&str; 16] = [
    "ts",
    "severity",
    "must_restart",
    "epoch",
    "iteration",
    "vertex",
    "phase",
    "phase_age_seconds",
    "module",
    "paused",
    "paused_hard",
    "vllm_up",
    "vllm_stalled_seconds",
    "verdict_last_age_seconds",
    "watchdog_decision",
    "watchdog_budget_remaining",
];

/// One number over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::judge::review) struct Figure {
    /// The record's key; its unit stands at the end.
    pub(in crate::judge::review) key: &'static str,
    /// Weighted by time.
    pub(in crate::judge::review) mean: f64,
    pub(in crate::judge::review) lowest: f64,
    pub(in crate::judge::review) highest: f64,
    /// How long it was known, seconds.
    pub(in crate::judge::review) seconds: f64,
}

/// The numbers between `from` and `to`, and what the latest record tells of the present. A record stands for `hold`
/// seconds at most.
pub(super) fn of(tail: &Tail, (from, to): (Time, Time), hold: f64) -> (Vec<Figure>, Map<String, Value>) {
    let records = tail.parsed(|line| {
        let record: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let at = json::time(record.get("ts")?).filter(|at| (from..=to).contains(at))?;
        Some((at, record))
    });
    let records: Vec<(Time, Map<String, Value>)> = records.into_iter().flatten().collect();
    let next = records.iter().skip(1).map(|(at, _)| *at).chain([to]);
    let apart = records.iter().zip(next).map(|((at, _), next)| seconds_since(next, *at).max(0.0));
    let held: Vec<f64> = apart.map(|apart| if apart <= hold { apart } else { 0.0 }).collect();
    let figures = KEYS.iter().filter_map(|key| {
        let known = records.iter().zip(&held);
        figure(key, known.filter_map(|((_, record), held)| Some((json::number(record.get(*key)?)?, *held))))
    });
    let figures = figures.collect();
    let present = records.last().map(|(_, record)| {
        let told = PRESENT.iter().filter_map(|key| record.get_key_value(*key)).filter(|(_, value)| !value.is_null());
        told.map(|(key, value)| (key.clone(), value.clone())).collect()
    });
    (figures, present.unwrap_or_default())
}

fn figure(key: &'static str, values: impl Iterator<Item = (f64, f64)>) -> Option<Figure> {
    let (mut sum, mut seconds, mut lowest, mut highest) = (0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY);
    for (value, held) in values.filter(|(value, _)| value.is_finite()) {
        sum += value * held;
        seconds += held;
        lowest = value.min(lowest);
        highest = value.max(highest);
    }
    (seconds > 0.0).then(|| Figure { key, mean: sum / seconds, lowest, highest, seconds })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;
    use crate::check::example_now;
    use crate::jsonl::Line;

    fn tail(records: &[Value]) -> Tail {
        let lines = records.iter().map(|record| Line::Text(record.to_string().into_bytes())).collect();
        Tail { lines, ..Tail::default() }
    }

    fn ago(seconds: i64) -> Time {
        example_now() - SignedDuration::from_secs(seconds)
    }

    #[test]
    fn a_record_counts_for_the_time_it_stands_for() {
        let record = |seconds, power: Value| json!({"ts": ago(seconds), "gpu_power_watts": power, "phase": "writer"});
        let records = [
            record(4000, json!(999)),
            record(1500, json!(5)),
            record(300, json!(40)),
            record(100, json!(1)),
            record(40, json!(null)),
            json!("no record"),
        ];
        let (figures, present) = of(&tail(&records), (ago(3600), example_now()), 400.0);
        let [power] = &figures[..] else { panic!("{figures:?}") };
        // Nothing of a hole of 1200 s, then 200 s and 60 s.
        assert_eq!((power.key, power.mean, power.seconds), ("gpu_power_watts", 31.0, 260.0));
        assert_eq!((power.lowest, power.highest), (1.0, 40.0));
        assert_eq!(present["phase"], "writer");
    }

    #[test]
    fn without_records_there_is_nothing() {
        assert_eq!(of(&tail(&[]), (ago(10), example_now()), 400.0), (Vec::new(), Map::new()));
    }

    #[test]
    fn every_key_is_one_of_the_records() {
        let documented = include_str!("../../../../docs/system-state.md");
        for key in KEYS.iter().chain(&PRESENT) {
            assert!(documented.contains(&format!("| `{key}` |")), "{key}");
        }
    }
}
