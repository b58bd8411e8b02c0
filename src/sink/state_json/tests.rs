use std::time::Duration;

use super::*;
use crate::assessment::{CheckResult, Finding, Liveness, Presence, Severity};
use crate::check::{example_now, example_state};
use crate::history::History;
use crate::journey::last_run::{LastRun, Outcome};
use crate::observation::*;
use crate::sink::api;

fn assessment() -> Assessment {
    let liveness = Liveness { must_restart: false, reason: "the heartbeat is fresh".into() };
    Assessment { at: example_now(), severity: Severity::Ok, checks: Vec::new(), liveness }
}

fn observation(source: SourceId, reading: Reading<Data>) -> Observation {
    Observation { source, at: example_now(), took: Duration::from_millis(3), reading }
}

fn json_after(observations: Vec<Observation>) -> Value {
    state_json(&example_state(observations), &assessment())
}

#[test]
fn every_source_is_listed_even_when_nothing_was_read() {
    let json = json_after(Vec::new());
    for source in SourceId::ALL {
        let entry = &json["sources"][source.name()];
        assert_eq!(entry["status"], "pending", "{source}");
        assert!(entry["value"].is_null() && entry["duration_seconds"].is_null(), "{source}");
    }
    assert_eq!(json["severity"], "OK");
    assert_eq!(json["at"], "2026-11-22T12:00:00Z");
}

#[test]
fn a_failure_keeps_the_last_value_beside_its_reason() {
    let parity = Parity { green: 3, ..Parity::default() };
    let failure = Failure::new(FailureKind::Malformed, "line 3 is no YAML");
    let json = json_after(vec![
        observation(SourceId::Parity, Reading::Observed(Data::Parity(parity))),
        observation(SourceId::Parity, Reading::Failed(failure)),
    ]);
    let entry = &json["sources"]["parity"];
    assert_eq!(entry["status"], "failed");
    assert_eq!(entry["failure"], "malformed");
    assert_eq!(entry["message"], "line 3 is no YAML");
    assert_eq!(entry["value"]["green"], 3);
    assert_eq!((&entry["attempts"], &entry["failures"]), (&json!(2), &json!(1)));
}

#[test]
fn absent_values_are_null_and_never_zero() {
    let gpu = GpuReading { gpus: vec![Gpu { power: Field::Value(15.5), ..Gpu::default() }], ..GpuReading::default() };
    let json = json_after(vec![
        observation(SourceId::Gpu, Reading::Observed(Data::Gpu(gpu))),
        observation(SourceId::Host, Reading::Observed(Data::Host(Host::default()))),
        observation(SourceId::Vllm, Reading::Missing("no vLLM at http://x".into())),
    ]);
    let gpu = &json["sources"]["gpu"]["value"]["gpus"][0];
    assert_eq!(gpu["power"], 15.5);
    assert!(gpu["memory_used"].is_null(), "{gpu}");
    assert!(json["sources"]["host"]["value"]["memory_total_bytes"].is_null());
    assert_eq!(json["sources"]["vllm"]["status"], "missing");
    assert_eq!(json["sources"]["vllm"]["message"], "no vLLM at http://x");
}

#[test]
fn the_parts_of_the_loop_have_outcomes_of_their_own() {
    let heartbeat = Heartbeat { at: Some(example_now()), iteration: Some(117), ..Heartbeat::default() };
    let reading = LoopReading {
        heartbeat: Reading::Observed(heartbeat),
        state: Reading::Missing("no state.json".into()),
        pause: Reading::Failed(Failure::new(FailureKind::Unreadable, "permission denied")),
    };
    let json = json_after(vec![observation(SourceId::Loop, Reading::Observed(Data::Loop(reading)))]);
    let value = &json["sources"]["loop"]["value"];
    assert_eq!(value["heartbeat"]["value"]["iteration"], 117);
    assert_eq!(value["state"], json!({"status": "missing", "message": "no state.json", "value": null}));
    assert_eq!(value["pause"]["failure"], "unreadable");
}

fn sample() -> VllmSample {
    let histogram = Some(Histogram { buckets: vec![(0.1, 3.0), (f64::INFINITY, 4.0)], sum: 0.5, count: 4.0 });
    VllmSample {
        process_start: Some(1_795_340_000.0),
        engines: vec![Engine {
            model_name: "tiny".into(),
            engine: "0".into(),
            running: Some(4.0),
            waiting: Some(1.0),
            kv_cache_usage: Some(0.12),
            prompt_tokens: Some(1000.0),
            generation_tokens: Some(2000.0),
            preemptions: Some(0.0),
            iterations: Some(500.0),
            prefix_cache_queries: Some(1000.0),
            prefix_cache_hits: Some(800.0),
            request_success: vec![("stop".into(), 12.0)],
            asleep: Some(false),
        }],
        time_to_first_token: histogram.clone(),
        inter_token_latency: histogram.clone(),
        request_latency: histogram.clone(),
        queue_time: histogram,
        answered_in: Duration::from_millis(4),
        canary: Some(Canary::Answered),
    }
}

fn review(at: Time) -> Review {
    Review {
        last_good: Some(GoodReview {
            verdict: Some("healthy".into()),
            summary: Some("steady".into()),
            findings: Some(Findings::of(vec![ReviewFinding {
                severity: ReviewSeverity::Warn,
                what: "two reverts in one module".into(),
                evidence: Some("verdicts 117 and 119".into()),
                suggestion: Some("split the module's next step".into()),
            }])),
            judge: Some("codex".into()),
            model: Some("gpt-5.5".into()),
            ..GoodReview::new(at, 82.0)
        }),
        last_attempt_at: Some(at),
        failed_since: 0,
        last_failed: Some(FailedReview {
            at: Some(at),
            outcome: ReviewOutcome::TimedOut,
            word: None,
            reason: Some("no answer within 420 s; all its processes were ended".into()),
            judge: Some("codex".into()),
            model: Some("gpt-5.5".into()),
        }),
        attempts: Some(Attempts::default()),
    }
}

/// One reading of every source in which every value is there.
fn everything() -> Vec<Data> {
    let at = example_now();
    vec![
        Data::Loop(LoopReading {
            heartbeat: Reading::Observed(Heartbeat {
                at: Some(at),
                file: Some("state-heartbeat.json".into()),
                pid: Some(4711),
                epoch: Some(3),
                iteration: Some(117),
                vertex: Some("write".into()),
                phase: Some("writer".into()),
                phase_started_at: Some(at),
                invocation_id: Some("0123456789abcdef0123456789abcdef".into()),
            }),
            state: Reading::Observed(LoopState {
                epoch: Some(3),
                iteration: Some(117),
                vertex: Some("write".into()),
                phase: Some("writer".into()),
                module: Some("auth".into()),
                status: Some("running".into()),
                started_at: Some(at),
                updated_at: Some(at),
                iterations_finished: Some(116),
                outcomes: vec![("ACCEPT".into(), 90), ("REVERT".into(), 26)],
            }),
            pause: Reading::Observed(Pause { soft: Some(at), hard: None }),
        }),
        Data::Subagents(Subagents {
            agents: vec![Subagent { pid: 4712, phase: "writer".into(), started_at: at, command: "claude".into() }],
            cgroup: Some("user.slice/autoswe.service".into()),
            processes: 200,
            hidden: 0,
        }),
        Data::Vllm(sample()),
        Data::Parity(Parity {
            green: 312,
            red: 40,
            manual: 3,
            not_applicable: 2,
            unknown: 1,
            first_unknown_line: Some(12),
            ..Parity::default()
        }),
        Data::Site(Site {
            built_at: Some(at),
            data_at: Some(at),
            synthesis: Some(LastRun::new(at, Outcome::Published)),
        }),
        Data::Review(review(at)),
        Data::Gpu(GpuReading {
            driver_version: "580.95".into(),
            gpus: vec![Gpu {
                utilization: Field::Value(0.96),
                power: Field::Value(15.5),
                processes: Field::Value(Vec::new()),
                ..Gpu::default()
            }],
            ..GpuReading::default()
        }),
        Data::Verdicts(Verdicts {
            recent: vec![Verdict {
                at: Some(at),
                epoch: Some(3),
                iteration: Some(116),
                module: Some("auth".into()),
                verdict: "ACCEPT".into(),
                score: Some(0.9),
                reason: Some("all tests pass".into()),
            }],
            malformed_lines: 0,
        }),
        Data::Watchdog(WatchdogReading {
            last_evaluation_at: Some(at),
            decision: Some("ok".into()),
            reason: Some("fresh".into()),
            severity: Some("CRIT".into()),
            row_severity: Some("CRIT".into()),
            once: false,
            text: Some("heartbeat 4 s old".into()),
            hint: None,
            findings: vec![WatchdogFinding {
                severity: "CRIT".into(),
                code: "left_over".into(),
                reason: "processes of the run before the restart are still there (pid 4711), beside the new run".into(),
                hint: "see their state in /proc".into(),
            }],
            decisions: Some(vec![DecisionCount { decision: "ok".into(), reason: "fresh".into(), count: 2880 }]),
            restarts: vec![(RestartOutcome::Took, 1), (RestartOutcome::DidNotTake, 0), (RestartOutcome::CalledOff, 0)],
            problems: Vec::new(),
            budget_remaining: Some(3),
            last_restart: Some(Restart { at, outcome: RestartOutcome::Took, reason: Some("heartbeat".into()) }),
        }),
        Data::Host(Host { memory_total: Some(1 << 37), memory_available: Some(1 << 36), ..Host::default() }),
    ]
}

/// [`everything`] with one finding, as JSON.
fn example() -> Value {
    let observations = everything().into_iter().map(|data| observation(data.source(), Reading::Observed(data)));
    let finding = Finding {
        severity: Severity::Warn,
        code: "power_capped",
        reason: "96 % busy at 26 % of the maximal clock for 2 min".into(),
        hint: "look at the power supply".into(),
    };
    let result = CheckResult {
        check: "gpu",
        presence: Presence::Judged,
        severity: Severity::Warn,
        summary: "96 % busy, 15 W".into(),
        findings: vec![finding],
    };
    let assessment = Assessment { severity: Severity::Warn, checks: vec![result], ..assessment() };
    let state = example_state(observations.collect());
    let mut history = History::default();
    history.note(&state, &assessment);
    api::object(&state, &assessment, &history, "gpu-box")
}

#[test]
fn the_example_is_what_the_code_yields() {
    crate::golden::check("docs/generated/state.json", &format!("{:#}\n", example()));
}

#[test]
fn the_document_names_every_key() {
    let document = include_str!("../../../docs/api.md");
    let json = example();
    for key in json.as_object().expect("an object").keys() {
        assert!(document.contains(&format!("`{key}")), "docs/api.md does not name {key}");
    }
    for entry in json["sources"].as_object().expect("an object").values() {
        for key in entry.as_object().expect("an object").keys() {
            assert!(document.contains(&format!(".{key}`")), "docs/api.md does not name sources.NAME.{key}");
        }
    }
}
