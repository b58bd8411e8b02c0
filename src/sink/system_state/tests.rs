use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::*;
use crate::assessment::{Thresholds, assess};
use crate::check::{example_now, example_state};
use crate::config::Config;
use crate::observation::*;

fn observed(data: Data) -> Observation {
    let reading = Reading::Observed(data);
    let Reading::Observed(data) = &reading else { unreachable!() };
    Observation { source: data.source(), at: example_now(), took: std::time::Duration::ZERO, reading }
}

fn ago(seconds: i64) -> Time {
    example_now() - jiff::SignedDuration::from_secs(seconds)
}

fn json(observations: Vec<Observation>) -> Value {
    let state = example_state(observations);
    let assessment = assess(&state, &Thresholds::new(&Config::default(), false), example_now());
    serde_json::to_value(record(&state, &assessment, example_now())).unwrap()
}

#[test]
fn what_is_not_known_is_null_and_never_0() {
    let record = json(vec![]);
    for (key, value) in record.as_object().unwrap() {
        let told = value.is_null() || value == "pending" || value.as_array().is_some_and(Vec::is_empty);
        let head = ["ts", "version", "severity", "must_restart"].contains(&key.as_str());
        assert!(told || head, "{key} is {value}");
    }
}

#[test]
fn every_key_is_documented_and_every_documented_key_exists() {
    let keys: BTreeSet<String> = json(vec![]).as_object().unwrap().keys().cloned().collect();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/system-state.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(key, _)| key);
    let documented: BTreeSet<String> = rows.filter(|key| !key.contains('<')).map(str::to_owned).collect();
    assert_eq!(keys, documented);
}

#[test]
fn the_record_is_flat() {
    for (key, value) in json(vec![observed(Data::Subagents(subagents()))]).as_object().unwrap() {
        let scalar = |value: &Value| !value.is_object() && !value.is_array();
        assert!(scalar(value) || value.as_array().is_some_and(|list| list.iter().all(scalar)), "{key}");
    }
}

fn subagents() -> Subagents {
    let agent =
        |phase: &str, age| Subagent { pid: 1, phase: phase.into(), started_at: ago(age), command: "claude".into() };
    let agents = vec![agent("writer", 1000), agent("writer", 10), agent("judge", 30)];
    Subagents { agents, ..Subagents::default() }
}

#[test]
fn subagents_are_told_by_phase() {
    let record = json(vec![observed(Data::Subagents(subagents()))]);
    assert_eq!(record["subagents"], 3);
    assert_eq!(record["subagents_oldest_seconds"], 1000.0);
    assert_eq!((&record["subagents_of_writer"], &record["subagents_of_judge"]), (&2.into(), &1.into()));
    assert_eq!(record["subagents_of_writer_oldest_seconds"], 1000.0);
    assert_eq!(record["subagents_of_judge_oldest_seconds"], 30.0);
}

#[test]
fn the_loop_is_told_by_its_heartbeat_before_its_state() {
    let beat = Heartbeat { at: Some(ago(4)), iteration: Some(117), ..Heartbeat::default() };
    let durable =
        LoopState { epoch: Some(3), iteration: Some(116), module: Some("core".into()), ..LoopState::default() };
    let reading = LoopReading {
        heartbeat: Reading::Observed(beat),
        state: Reading::Observed(durable),
        pause: Reading::Observed(Pause { soft: Some(ago(60)), hard: None }),
    };
    let gone = LoopReading { heartbeat: Reading::Missing("gone".into()), ..reading.clone() };
    let record = json(vec![observed(Data::Loop(reading.clone()))]);
    assert_eq!(record["heartbeat_age_seconds"], 4.0);
    assert_eq!((&record["epoch"], &record["iteration"]), (&3.into(), &117.into()));
    assert_eq!(
        (&record["paused"], &record["paused_seconds"], &record["paused_hard"]),
        (&true.into(), &60.0.into(), &false.into())
    );
    let record = json(vec![observed(Data::Loop(reading)), observed(Data::Loop(gone))]);
    assert_eq!((&record["loop_reading"], &record["heartbeat_reading"]), (&"observed".into(), &"missing".into()));
    assert_eq!(record["heartbeat_age_seconds"], 4.0, "it goes on growing");
    assert_eq!(record["iteration"], 116);
}

#[test]
fn engines_are_summed_and_a_failure_keeps_its_kind() {
    let engine = |running, kv| Engine { running, kv_cache_usage: Some(kv), ..Engine::default() };
    let sample = VllmSample { engines: vec![engine(Some(2.0), 0.1), engine(None, 0.7)], ..VllmSample::default() };
    let record = json(vec![observed(Data::Vllm(sample))]);
    assert_eq!((&record["vllm_up"], &record["vllm_requests_running"]), (&true.into(), &2.0.into()));
    assert_eq!((&record["vllm_kv_cache_usage_ratio"], &record["vllm_requests_waiting"]), (&0.7.into(), &Value::Null));
    for (kind, up) in [(FailureKind::Unreachable, false), (FailureKind::NoVllmSeries, true)] {
        let reading = Reading::Failed(Failure::new(kind, "why"));
        let failed = Observation { source: SourceId::Vllm, at: ago(9), took: std::time::Duration::ZERO, reading };
        let record = json(vec![failed]);
        assert_eq!((&record["vllm_reading"], &record["vllm_up"]), (&kind.name().into(), &up.into()));
        assert_eq!(record["vllm_failing_seconds"], 9.0);
    }
}

#[test]
fn gpus_become_one_value_each() {
    let process = |command: &str, vllm| GpuProcess { command: command.into(), vllm, ..GpuProcess::default() };
    let one = Gpu {
        utilization: Field::Value(0.95),
        sm_clock: Field::Value(630e6),
        sm_clock_max: Field::Value(2.52e9),
        power: Field::Value(17.5),
        temperature: Field::Value(60.0),
        memory_temperature: Field::Value(88.0),
        temperature_slowdown: Field::Value(90.0),
        throttle_reasons: Field::Value(0x20),
        processes: Field::Value(vec![process("vllm", true), process("train", false)]),
        ..Gpu::default()
    };
    let other = Gpu {
        power: Field::Value(100.0),
        temperature: Field::Value(80.0),
        temperature_slowdown: Field::Value(90.0),
        throttle_reasons: Field::Value(0x4),
        xids: vec![XidCount { xid: 79, count: 1, last_at: unix_seconds(ago(12)) }],
        processes: Field::Value(vec![process("train", false)]),
        ..Gpu::default()
    };
    let record = json(vec![observed(Data::Gpu(GpuReading { gpus: vec![one, other], ..GpuReading::default() }))]);
    let told = |key: &str| record[key].clone();
    assert_eq!((told("gpus"), told("gpu_power_watts")), (2.into(), 117.5.into()));
    assert_eq!((told("gpu_temperature_celsius"), told("gpu_slowdown_margin_celsius")), (80.0.into(), 10.0.into()));
    assert_eq!(told("gpu_memory_temperature_celsius"), 88.0);
    assert_eq!((told("gpu_sm_clock_ratio"), told("gpu_throttle_reasons")), (0.25.into(), 0x24.into()));
    assert_eq!((told("gpu_xids"), told("gpu_xid_ages_seconds")), (vec![79].into(), vec![12.0].into()));
    assert_eq!((told("gpu_contenders"), told("gpu_contender_names")), (2.into(), vec!["train"].into()));
    assert_eq!((told("gpu_memory_used_bytes"), told("gpu_remap_failed")), (Value::Null, Value::Null));
    let silent = GpuReading { gpus: vec![Gpu::default()], ..GpuReading::default() };
    let record = json(vec![observed(Data::Gpu(silent))]);
    assert_eq!((&record["gpu_contenders"], &record["gpu_contender_names"]), (&Value::Null, &Value::Null));
    assert_eq!(record["gpu_memory_temperature_celsius"], Value::Null);
}

#[test]
fn what_files_said_stays_with_its_age() {
    let verdict = Verdict { verdict: "REVERT".into(), at: Some(ago(120)), ..Verdict::default() };
    let verdicts = observed(Data::Verdicts(Verdicts { recent: vec![verdict], malformed_lines: 1 }));
    let missing = Reading::Missing("no verdicts".into());
    let missing = Observation { source: SourceId::Verdicts, reading: missing, ..verdicts.clone() };
    let restart = Restart { at: ago(700), outcome: RestartOutcome::DidNotTake, reason: None };
    let watchdog = WatchdogReading { last_restart: Some(restart), budget_remaining: Some(2), ..Default::default() };
    let record = json(vec![verdicts, missing, observed(Data::Watchdog(watchdog))]);
    assert_eq!((&record["verdicts_reading"], &record["verdicts"]), (&"missing".into(), &vec!["REVERT"].into()));
    assert_eq!(record["verdict_last_age_seconds"], 120.0);
    assert_eq!(record["watchdog_restart_outcome"], "did_not_take");
    assert_eq!(record["severity"], "CRIT");
    assert_eq!(record["findings"][2], "watchdog.restart_did_not_take");
    assert!(record["crit"][0].as_str().unwrap().starts_with("watchdog: the last restart"));
}

#[test]
fn a_record_is_due_each_interval_and_at_each_change_of_severity() {
    let mut schedule = Schedule { enabled: true, interval: 180.0, last: None };
    assert!(schedule.due(example_now(), Severity::Ok), "the first");
    schedule.last = Some((example_now(), Severity::Ok));
    let after = |seconds: i64| ago(-seconds);
    assert!(!schedule.due(after(179), Severity::Ok));
    assert!(schedule.due(after(180), Severity::Ok));
    assert!(schedule.due(after(1), Severity::Warn));
    assert!(schedule.due(after(-1), Severity::Ok), "the clock was set back");
    schedule.enabled = false;
    assert!(!schedule.due(after(180), Severity::Crit));
}

fn sample_record() -> Record {
    let state = example_state(vec![]);
    let assessment = assess(&state, &Thresholds::new(&Config::default(), false), example_now());
    record(&state, &assessment, example_now())
}

fn sink(file: PathBuf) -> SystemState {
    let config = SystemStateConfig { file, rotate_size: crate::config::value::Bytes(8000), ..Default::default() };
    SystemState::new(&config, Path::new("/nowhere"))
}

#[test]
fn writes_whole_lines_and_compresses_what_it_rotates() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("system-state.jsonl");
    let mut sink = sink(path.clone());
    let record = sample_record();
    for _ in 0..10 {
        assert!(sink.write(&record));
        sink.finish();
    }
    assert_eq!((sink.counts().written, sink.counts().failed), (10, 0));
    let rotated = crate::jsonl::rotated_files(&path).unwrap();
    assert!(!rotated.is_empty() && rotated.iter().all(|file| file.extension().is_some_and(|e| e == "zst")));
    let mut lines = std::fs::read_to_string(&path).unwrap();
    for file in rotated {
        let bytes = zstd::decode_all(std::fs::File::open(file).unwrap()).unwrap();
        lines.push_str(std::str::from_utf8(&bytes).unwrap());
    }
    let whole = serde_json::to_string(&record).unwrap();
    assert_eq!((lines.lines().count(), lines.lines().all(|line| line == whole)), (10, true));
}

#[test]
fn a_full_disk_costs_a_counter_and_nothing_else() {
    let mut sink = sink("/dev/full".into());
    let record = sample_record();
    assert!(!sink.write(&record));
    assert!(!sink.write(&record));
    assert_eq!((sink.counts().written, sink.counts().failed, sink.counts().last_at), (0, 2, None));
    let failure = sink.failure().unwrap();
    assert!(failure.starts_with("/dev/full: No space left on device") && failure.ends_with("; make room"), "{failure}");
    assert!(!sink.due(record.ts, record.severity), "it is not tried again at every assessment");
}

#[test]
fn a_directory_that_is_not_there_yet_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("runtime/system-state.jsonl");
    let mut sink = sink(path.clone());
    assert!(!sink.write(&sample_record()));
    assert!(sink.failure().unwrap().contains("has no directory yet; it begins when the loop makes it"));
    assert!(!path.parent().unwrap().exists(), "the loop's directory is the loop's");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    assert!(sink.write(&sample_record()));
    assert_eq!((sink.counts().written, sink.counts().failed, sink.failure()), (1, 1, None));
}
