//! A state in which everything is known, with the worst texts that files and devices may hold; and an empty one.

#![allow(clippy::needless_update, reason = "a field that a reading gains is absent here")]

use std::time::Duration;

use autoswe_exporter::assessment::{
    Assessment, CheckResult, Finding, Liveness, Presence, Severity, Thresholds, assess,
};
use autoswe_exporter::check::example_now;
use autoswe_exporter::config::Config;
use autoswe_exporter::journey::last_run::{LastRun, Outcome, Release};
use autoswe_exporter::metric::{
    self, Alerting, Connections, Exporter, Inputs, OwnProcess, PushCounts, Reload, Samples, Shown, SiteServer,
    SystemStateCounts, samples,
};
use autoswe_exporter::observation::*;
use autoswe_exporter::state::State;
use autoswe_exporter::web::RequestCount;
use jiff::SignedDuration;

/// A label value with everything that needs escaping, in several scripts.
pub(super) const NASTY: &str = "a\"b\\c\nd{e=\"f\"} # ü 模型 \\n";

fn ago(seconds: i64) -> Time {
    example_now() - SignedDuration::from_secs(seconds)
}

/// The samples of a state in which everything is known.
pub(super) fn rich() -> Samples {
    page(&rich_state(), &assessment(), &exporter())
}

/// The samples of the same state after every source failed once.
pub(super) fn failing() -> Samples {
    let mut state = rich_state();
    for source in SourceId::ALL {
        let reading = Reading::Failed(Failure::new(FailureKind::TimedOut, NASTY));
        state.apply(Observation { source, at: example_now(), took: Duration::from_secs(5), reading });
    }
    page(&state, &assessment(), &exporter())
}

/// Every page that is worth reading.
pub(super) fn all() -> [Samples; 5] {
    [rich(), failing(), minimal(), server(), metric::site_server(&SiteServer::default())]
}

/// The samples of a site server of which everything is known.
fn server() -> Samples {
    metric::site_server(&SiteServer {
        requests: vec![("GET", "200", 60_000), ("other", "405", 2)],
        answer_bytes: 1 << 40,
        connections: Some(Connections { open: 12, refused: 3 }),
        shown: Shown {
            release: Some("5ca1ab1e".repeat(8)),
            since: Some(ago(900)),
            snapshots: vec!["then".into()],
            files: 240,
            bytes: 9_000_000,
        },
        refused: 1,
        refusals: 4,
        taken_up: Some((ago(60), Duration::from_millis(31))),
        log_dropped: Some(17),
        debug_refused: 5,
        process: exporter().process,
    })
}

fn exporter() -> Exporter {
    Exporter {
        reload: Some(Reload { successful: true, loaded_at: ago(7200) }),
        system_state: Some(SystemStateCounts {
            written: 480,
            failed: 1,
            last_at: Some(ago(60)),
            interval: Duration::from_secs(180),
        }),
        alerting: Some(Alerting {
            firing: [2, 1],
            pending: [0, 1],
            saved: Some(true),
            receivers: vec![PushCounts {
                receiver: "http://127.0.0.1:9093".into(),
                sent: 60,
                failures: 3,
                dropped: [4, 0, 0, 0, 0],
                last_success_at: Some(ago(20)),
            }],
        }),
        http: vec![RequestCount { handler: "metrics", code: 200, count: 12 }],
        process: Some(OwnProcess {
            cpu_seconds: 0.25,
            resident_bytes: 6_500_000,
            virtual_bytes: 90_000_000,
            open_fds: Some(14),
            max_fds: Some(1024),
            threads: 9,
            start_time: 1_795_341_600.25,
        }),
    }
}

/// The samples of a program that has just started.
pub(super) fn minimal() -> Samples {
    let state = State::new(&Config::default(), example_now());
    let assessment = assess(&state, &Thresholds::new(&Config::default(), false), example_now());
    page(&state, &assessment, &Exporter::default())
}

fn page(state: &State, assessment: &Assessment, exporter: &Exporter) -> Samples {
    let thresholds = Thresholds::new(&Config::default(), false);
    let mut out = Samples::default();
    samples(&Inputs { state, assessment, thresholds: &thresholds, exporter }, &mut out);
    out
}

/// The metrics that no page has a sample of.
pub(super) fn unused() -> Vec<&'static str> {
    let pages = all();
    let used: Vec<&str> = pages.iter().flat_map(Samples::families).map(|family| family.metric.name).collect();
    metric::METRICS.iter().map(|metric| metric.name).filter(|name| !used.contains(name)).collect()
}

fn assessment() -> Assessment {
    let finding = |severity, code| Finding { severity, code, reason: NASTY.into(), hint: NASTY.into() };
    let result = |check, presence, findings: Vec<Finding>| CheckResult {
        check,
        presence,
        severity: findings.iter().map(|finding| finding.severity).max().unwrap_or_default(),
        summary: NASTY.into(),
        findings,
    };
    let hot = || finding(Severity::Warn, "hot");
    Assessment {
        at: example_now(),
        severity: Severity::Crit,
        checks: vec![
            result("loop", Presence::Judged, Vec::new()),
            // Two GPUs in the same condition give two findings with one code.
            result("gpu", Presence::Judged, vec![finding(Severity::Crit, "gpu_lost"), hot(), hot()]),
            result("site", Presence::NotPresent, Vec::new()),
        ],
        liveness: Liveness { must_restart: false, reason: String::new() },
    }
}

fn rich_state() -> State {
    let mut state = State::new(&Config::default(), ago(7200));
    let mut observe = |at: Time, data: Data| {
        let (source, took) = (data.source(), Duration::from_millis(7));
        state.apply(Observation { source, at, took, reading: Reading::Observed(data) });
    };
    for second in (0..=100).step_by(2) {
        observe(ago(100 - second), Data::Vllm(vllm(second)));
    }
    let now = ago(1);
    observe(now, Data::Loop(loop_reading()));
    observe(now, Data::Subagents(subagents()));
    let gpus = vec![gpu(0), Gpu { index: 1, name: NASTY.into(), ..gpu(1) }];
    let lost = vec![(2, "GPU is lost".into())];
    observe(now, Data::Gpu(GpuReading { driver_version: "580.95.05".into(), gpus, lost, ..GpuReading::default() }));
    observe(
        now,
        Data::Parity(Parity {
            green: 81,
            red: 12,
            manual: 3,
            not_applicable: 4,
            unknown: 1,
            duplicate_keys: 2,
            ..Parity::default()
        }),
    );
    observe(now, Data::Verdicts(verdicts()));
    observe(now, Data::Site(site()));
    observe(now, Data::Review(review()));
    observe(now, Data::Watchdog(watchdog()));
    observe(now, Data::Host(host()));
    state
}

fn site() -> Site {
    let run = LastRun {
        duration_seconds: Some(2.5),
        findings: [("github-token".into(), 2)].into(),
        iterations: Some(117),
        release: Some(Release { hash: "ab12".into(), bytes: 3_400_000, files: 260 }),
        ..LastRun::new(ago(60), Outcome::Refused)
    };
    let before = LastRun::new(ago(300), Outcome::Published);
    Site { built_at: Some(ago(300)), data_at: Some(ago(310)), synthesis: Some(run.after(Some(&before))) }
}

fn loop_reading() -> LoopReading {
    LoopReading {
        heartbeat: Reading::Observed(Heartbeat {
            at: Some(ago(4)),
            pid: Some(4711),
            epoch: Some(3),
            iteration: Some(117),
            vertex: Some(NASTY.into()),
            phase: Some("writer".into()),
            phase_started_at: Some(ago(250)),
            invocation_id: Some("0123456789abcdef0123456789abcdef".into()),
            ..Heartbeat::default()
        }),
        state: Reading::Observed(LoopState {
            started_at: Some(ago(86_400)),
            updated_at: Some(ago(250)),
            iterations_finished: Some(116),
            outcomes: vec![("ACCEPT".into(), 70), (NASTY.into(), 1), ("REVERT".into(), 45)],
            ..LoopState::default()
        }),
        pause: Reading::Observed(Pause { soft: Some(ago(60)), hard: None }),
    }
}

fn subagents() -> Subagents {
    let agent = |phase: &str, age| Subagent { pid: 1, phase: phase.into(), started_at: ago(age), command: "c".into() };
    Subagents {
        agents: vec![agent("writer", 1000), agent("writer", 30), agent(NASTY, 5)],
        processes: 212,
        ..Subagents::default()
    }
}

/// Tokens flow for 40 s; from then on two requests run and nothing moves.
fn vllm(second: i64) -> VllmSample {
    let moved = second.min(40) as f64;
    let histogram = |scale: f64| {
        let buckets = vec![(scale, moved), (2.0 * scale, 2.0 * moved), (f64::INFINITY, 2.0 * moved + 1.0)];
        Some(Histogram { buckets, sum: scale * moved, count: 2.0 * moved + 1.0 })
    };
    let engine = |model: &str, engine: &str| Engine {
        model_name: model.into(),
        engine: engine.into(),
        running: Some(2.0),
        waiting: Some(1.0),
        kv_cache_usage: Some(0.4 + moved / 1000.0),
        prompt_tokens: Some(1000.0 * moved),
        generation_tokens: Some(112.0 * moved),
        preemptions: Some(0.0),
        iterations: Some(3.0 * moved),
        prefix_cache_queries: Some(1000.0 * moved),
        prefix_cache_hits: Some(400.0 * moved),
        request_success: vec![("length".into(), moved), ("stop".into(), 2.0 * moved)],
        asleep: Some(false),
        ..Engine::default()
    };
    VllmSample {
        process_start: Some(1_795_300_000.5),
        engines: vec![engine("Qwen/Qwen3-Coder", "0"), engine(NASTY, "1")],
        time_to_first_token: histogram(0.25),
        inter_token_latency: histogram(0.01),
        request_latency: histogram(4.0),
        queue_time: histogram(0.001),
        answered_in: Duration::from_millis(11),
        canary: (second == 80).then_some(Canary::TimedOut),
        ..VllmSample::default()
    }
}

fn gpu(index: u32) -> Gpu {
    let process = |pid, vllm| GpuProcess {
        pid,
        command: "python3".into(),
        memory: Field::Value(1 << 30),
        vllm,
        ..GpuProcess::default()
    };
    Gpu {
        index,
        uuid: format!("GPU-0000000{index}"),
        name: "NVIDIA GB10".into(),
        pci_bus_id: format!("0000000{index}:01:00.0"),
        utilization: Field::Value(0.96),
        memory_utilization: Field::Value(0.0),
        sm_clock: Field::Value(2.418e9),
        sm_clock_max: Field::Value(3.003e9),
        memory_clock: Field::Value(1.215e9),
        memory_clock_max: Field::Value(1.313e9),
        power: Field::Value(61.37),
        power_limit: Field::Value(140.0),
        energy: Field::Value(1.25e9),
        temperature: Field::Value(71.0),
        temperature_slowdown: Field::Value(95.0),
        temperature_shutdown: Field::Value(100.0),
        memory_temperature: Field::Value(83.0),
        memory_temperature_slowdown: Field::Value(105.0),
        throttle_reasons: Field::Value(0x4),
        memory_used: Field::Value(90 << 30),
        memory_total: Field::Value(128 << 30),
        ecc_corrected: Field::Value(2),
        ecc_uncorrected: Field::Value(0),
        remapped_rows: Field::Value(1),
        remap_failed: Field::Value(false),
        xids: vec![
            XidCount { xid: 13, count: 1, last_at: 1_795_348_000.0 },
            XidCount { xid: 79, count: 2, last_at: 1.0 },
        ],
        processes: Field::Value(vec![process(10, true), process(11, true), process(12, false)]),
        ..Gpu::default()
    }
}

fn verdicts() -> Verdicts {
    let verdict = |verdict: &str| Verdict {
        at: Some(ago(900)),
        verdict: verdict.into(),
        score: Some(-0.5),
        reason: Some(NASTY.into()),
        ..Verdict::default()
    };
    Verdicts {
        recent: vec![verdict("ACCEPT"), verdict(NASTY), verdict("REVERT")],
        malformed_lines: 1,
        ..Verdicts::default()
    }
}

fn review() -> Review {
    let finding = ReviewFinding {
        severity: ReviewSeverity::Warn,
        what: NASTY.into(),
        evidence: Some(NASTY.into()),
        suggestion: None,
    };
    let good = GoodReview {
        verdict: Some(NASTY.into()),
        findings: Some(Findings::of(vec![finding])),
        ..GoodReview::new(ago(1800), 82.5)
    };
    let mut attempts = Attempts::default();
    [ReviewOutcome::Reviewed, ReviewOutcome::TimedOut].into_iter().for_each(|outcome| attempts.add(outcome));
    let at = Some(ago(600));
    Review { last_good: Some(good), last_attempt_at: at, failed_since: 2, attempts: Some(attempts), last_failed: None }
}

fn watchdog() -> WatchdogReading {
    let restart = Restart { at: ago(40_000), outcome: RestartOutcome::Took, reason: Some(NASTY.into()) };
    WatchdogReading {
        last_evaluation_at: Some(ago(30)),
        budget_remaining: Some(3),
        decision: Some("hold".into()),
        reason: Some(NASTY.into()),
        decisions: Some(vec![
            DecisionCount { decision: "ok".into(), reason: "fresh".into(), count: 2880 },
            DecisionCount { decision: NASTY.into(), reason: NASTY.into(), count: 1 },
        ]),
        restarts: vec![(RestartOutcome::Took, 1), (RestartOutcome::DidNotTake, 0), (RestartOutcome::CalledOff, 2)],
        last_restart: Some(restart),
        ..Default::default()
    }
}

fn host() -> Host {
    Host {
        memory_total: Some(128 << 30),
        memory_available: Some(20 << 30),
        swap_total: Some(0),
        swap_free: Some(0),
        memory_pressure_some: Some(0.0123),
        memory_pressure_full: Some(0.0),
        disk_total: Some(4_000_000_000_000),
        disk_available: Some(1_234_567_890_123),
        booted_at: Some(ago(900_000)),
        ..Host::default()
    }
}
