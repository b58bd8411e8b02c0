//! Three moments of one invented machine: all well, something to look at, something to act on.

use std::sync::Arc;
use std::time::Duration;

use autoswe_exporter::assessment::{Assessment, CheckResult, Finding, Liveness, Presence, Severity};
use autoswe_exporter::check::example_now;
use autoswe_exporter::config::Config;
use autoswe_exporter::history::{History, Point};
use autoswe_exporter::observation::*;
use autoswe_exporter::sink::moment::{About, Moment};
use autoswe_exporter::state::State;
use jiff::SignedDuration;

/// Text that would become markup if anything forgot to escape it.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>";

fn ago(seconds: i64) -> Time {
    example_now() - SignedDuration::from_secs(seconds)
}

fn observe(state: &mut State, seconds: i64, data: Data) {
    let took = Duration::from_micros(180 + 40 * data.source().index() as u64);
    state.apply(Observation { source: data.source(), at: ago(seconds), took, reading: Reading::Observed(data) });
}

fn fail(state: &mut State, source: SourceId, kind: FailureKind, message: &str) {
    let reading = Reading::Failed(Failure::new(kind, message));
    state.apply(Observation { source, at: ago(1), took: Duration::from_millis(2), reading });
}

pub(crate) fn about() -> Arc<About> {
    Arc::new(About { host: "spark-01".into(), telemetry_path: "/metrics".into() })
}

/// The moment of `severity`.
pub(crate) fn moment(severity: Severity) -> Moment {
    with_module(severity, "billing/invoice-rounding")
}

/// The moment of `severity` in which the loop works on `module`.
pub(crate) fn with_module(severity: Severity, module: &str) -> Moment {
    let state = state(severity, module);
    let assessment = assessment(severity);
    let history = history(severity);
    Moment {
        state: Arc::new(state),
        assessment: Arc::new(assessment),
        history: Arc::new(history),
        alerts: Arc::default(),
        about: about(),
    }
}

fn state(severity: Severity, module: &str) -> State {
    let mut state = State::new(&Config::default(), ago(6 * 3600));
    let heartbeat_age = if severity == Severity::Crit { 1084 } else { 4 };
    observe(&mut state, 2, Data::Loop(loop_reading(heartbeat_age, module)));
    observe(&mut state, 2, Data::Subagents(subagents()));
    for (seconds, tokens) in [(6, 100_000.0), (1, 101_121.0)] {
        observe(&mut state, seconds, Data::Vllm(vllm(tokens)));
    }
    let hot = severity > Severity::Ok;
    let reading = GpuReading { driver_version: "580.95.05".into(), gpus: vec![gpu(hot)], lost: vec![] };
    observe(&mut state, 1, Data::Gpu(reading));
    let parity = Parity { green: 212, red: 31, manual: 7, not_applicable: 14, ..Default::default() };
    observe(&mut state, 20, Data::Parity(parity));
    observe(&mut state, 9, Data::Verdicts(verdicts(severity)));
    observe(&mut state, 12, Data::Site(Site { built_at: Some(ago(1380)), data_at: Some(ago(1420)), synthesis: None }));
    observe(&mut state, 12, Data::Review(review()));
    observe(&mut state, 5, Data::Host(host()));
    if severity == Severity::Crit {
        let refused = "vLLM http://127.0.0.1:8010: connection refused; is vLLM running?";
        fail(&mut state, SourceId::Vllm, FailureKind::Unreachable, refused);
    }
    state.apply(Observation {
        source: SourceId::Watchdog,
        at: ago(3),
        took: Duration::from_micros(90),
        reading: Reading::Missing("no watchdog state at watchdog-state.json".into()),
    });
    state
}

fn loop_reading(age: i64, module: &str) -> LoopReading {
    let heartbeat = Heartbeat {
        at: Some(ago(age)),
        pid: Some(4242),
        epoch: Some(3),
        iteration: Some(117),
        vertex: Some("implement".into()),
        phase: Some("writer".into()),
        phase_started_at: Some(ago(age + 312)),
        invocation_id: None,
        file: None,
    };
    let durable = LoopState { module: Some(module.into()), ..Default::default() };
    LoopReading {
        heartbeat: Reading::Observed(heartbeat),
        state: Reading::Observed(durable),
        pause: Reading::Observed(Pause::default()),
    }
}

fn subagents() -> Subagents {
    let agent = |pid, phase: &str| Subagent { pid, phase: phase.into(), started_at: ago(300), command: "agent".into() };
    Subagents {
        agents: vec![agent(71, "writer"), agent(72, "writer"), agent(90, "judge")],
        cgroup: None,
        processes: 212,
        hidden: 0,
    }
}

fn vllm(tokens: f64) -> VllmSample {
    let engine = Engine {
        model_name: "qwen3-coder-30b".into(),
        engine: "0".into(),
        running: Some(3.0),
        waiting: Some(1.0),
        kv_cache_usage: Some(0.41),
        prompt_tokens: Some(0.0),
        generation_tokens: Some(tokens),
        ..Default::default()
    };
    VllmSample { engines: vec![engine], answered_in: Duration::from_millis(3), ..Default::default() }
}

fn gpu(hot: bool) -> Gpu {
    Gpu {
        name: "NVIDIA GB10".into(),
        utilization: Field::Value(0.96),
        sm_clock: Field::Value(if hot { 0.63e9 } else { 2.41e9 }),
        sm_clock_max: Field::Value(3.0e9),
        power: Field::Value(if hot { 17.0 } else { 41.3 }),
        temperature: Field::Value(if hot { 83.0 } else { 63.0 }),
        throttle_reasons: Field::Value(if hot { 0x20 } else { 0 }),
        ..Default::default()
    }
}

fn verdicts(severity: Severity) -> Verdicts {
    let words = match severity {
        Severity::Ok => ["ACCEPT", "REVERT", "ACCEPT", "ACCEPT", "ACCEPT"],
        Severity::Warn => ["ACCEPT", "ACCEPT", "REVERT", "REVERT", "WEDGED_NO_VERDICT"],
        Severity::Crit => ["REVERT", "WEDGED_NO_VERDICT", "WEDGED_NO_VERDICT", "WEDGED_NO_VERDICT", "UNHEARD_OF_WORD"],
    };
    let verdict = |(index, word): (usize, &&str)| Verdict {
        at: Some(ago(600 + 900 * (5 - index as i64))),
        iteration: Some(112 + index as u64),
        module: Some("billing/tax-tables".into()),
        verdict: (*word).into(),
        score: Some(0.87),
        ..Default::default()
    };
    Verdicts { recent: words.iter().enumerate().map(verdict).collect(), malformed_lines: 0 }
}

fn review() -> Review {
    let last_good = GoodReview {
        verdict: Some("degraded".into()),
        summary: Some("Progress on every second iteration; reverts are small.".into()),
        findings: Some(findings()),
        judge: Some("codex".into()),
        model: Some("gpt-5.5".into()),
        ..GoodReview::new(ago(1920), 82.0)
    };
    let failed = FailedReview {
        at: Some(ago(9120)),
        outcome: ReviewOutcome::TimedOut,
        word: None,
        reason: Some("no answer within 420 s; all its processes were ended".into()),
        judge: None,
        model: None,
    };
    Review {
        last_good: Some(last_good),
        last_attempt_at: Some(ago(1920)),
        last_failed: Some(failed),
        ..Review::default()
    }
}

fn findings() -> Findings {
    let finding = |severity, what: &str, evidence: &str, suggestion: Option<&str>| ReviewFinding {
        severity,
        what: what.into(),
        evidence: Some(evidence.into()),
        suggestion: suggestion.map(str::to_owned),
    };
    let mut all = vec![
        finding(ReviewSeverity::Info, "iterations take 14 min in the median", "verdicts 104 to 117", None),
        finding(
            ReviewSeverity::Warn,
            "two reverts in billing/tax-tables for the same rounding",
            "verdicts 113 and 115",
            Some("let the planner read the last judge's reason before it goes on"),
        ),
        finding(ReviewSeverity::Crit, "a test was deleted to get green", "commit 1f2e3d4", Some("restore it")),
    ];
    all.extend((4..=7).map(|n| finding(ReviewSeverity::Info, &format!("small thing {n}"), "state.json", None)));
    Findings::of(all)
}

fn host() -> Host {
    Host {
        memory_total: Some(128 << 30),
        memory_available: Some(39 << 30),
        disk_total: Some(3700 << 30),
        disk_available: Some(2100 << 30),
        ..Default::default()
    }
}

fn finding(severity: Severity, code: &'static str, reason: &str, hint: &str) -> Finding {
    Finding { severity, code, reason: reason.into(), hint: hint.into() }
}

fn check(check: &'static str, summary: &str, findings: Vec<Finding>) -> CheckResult {
    let severity = findings.iter().map(|finding| finding.severity).max().unwrap_or_default();
    CheckResult { check, presence: Presence::Judged, severity, summary: summary.into(), findings }
}

fn assessment(severity: Severity) -> Assessment {
    let (warn, crit) = (severity >= Severity::Warn, severity == Severity::Crit);
    let heartbeat = finding(
        Severity::Crit,
        "heartbeat_stale",
        "heartbeat is 1084 s old, limit 900 s (loop.heartbeat)",
        "Look at the loop's last lines: journalctl --user -u autoswe.service -n 50",
    );
    let refused = finding(
        Severity::Crit,
        "unreachable",
        "vLLM http://127.0.0.1:8010 has refused connections for 42 s, limit 30 s",
        "Is it running? systemctl --user status vllm.service",
    );
    let throttled = finding(
        Severity::Warn,
        "throttled",
        "GPU 0 is throttled: sw_thermal_slowdown; SM clock 0.63 of 3.00 GHz",
        "Check the air flow, and nvidia-smi -q -d PERFORMANCE",
    );
    let rejected = finding(
        Severity::Warn,
        "rejected",
        "none of the last 3 verdicts is ACCEPT (limit 3)",
        "Read the judge's reasons in verdicts.jsonl",
    );
    let keep = |finding: Finding, fires: bool| if fires { vec![finding] } else { vec![] };
    let age = if crit { "heartbeat 18 min old" } else { "heartbeat 4 s old" };
    let served = if crit { "refuses connections" } else { "224 tokens/s, 3 running, 1 waiting" };
    let idle = |id, presence, summary: &str| CheckResult { presence, ..check(id, summary, vec![]) };
    let checks = vec![
        check("loop", &format!("{age}, iteration 117, writer"), keep(heartbeat, crit)),
        check("subagents", "2 writer, 1 judge; oldest 5 min", vec![]),
        check("vllm", served, keep(refused, crit)),
        check("gpu", "1 GPU, 96 % busy", keep(throttled, warn)),
        check("parity", "212 of 250 green", vec![]),
        check("verdicts", "last 25 min ago", keep(rejected, warn)),
        check("site", "built 23 min ago, in step", vec![]),
        check("review", "score 82, 32 min ago", vec![]),
        idle("watchdog", Presence::NotPresent, "no watchdog state at watchdog-state.json"),
        check("host", "30 % memory available, 56 % disk free", vec![]),
    ];
    let liveness = Liveness { must_restart: crit, reason: "heartbeat is 1084 s old and the loop is not paused".into() };
    Assessment { at: example_now(), severity, checks, liveness }
}

/// Minutes ago at which the severity changed, and to which; nothing stands for the present one.
const CHANGES: [(i64, Option<Severity>); 4] =
    [(360, Some(Severity::Ok)), (103, Some(Severity::Warn)), (95, Some(Severity::Ok)), (3, None)];

/// Six hours with a slow minute here and there, and a hole where the exporter was down.
fn history(severity: Severity) -> History {
    let mut history = History::default();
    let unread = State::new(&Config::default(), ago(0));
    let wave = |minute: i64, period: f64| libm::sin(minute as f64 / period);
    for minute in (1..=360).rev().filter(|minute| !(200..215).contains(minute)) {
        let dip = if (96..104).contains(&minute) { 0.15 } else { 1.0 };
        let stalled = severity == Severity::Crit && minute < 18;
        let past = match minute {
            100..104 => Severity::Crit,
            96..100 | 250..256 => Severity::Warn,
            _ => Severity::Ok,
        };
        let tokens = (205.0 + 28.0 * wave(minute, 7.0) + 14.0 * wave(minute, 2.3)) * dip;
        let power = (39.0 + 3.0 * wave(minute, 5.0)) * if dip < 1.0 { 0.5 } else { 1.0 };
        let heartbeat = if stalled { 60.0 * (18 - minute) as f64 } else { 4.0 + 3.0 * wave(minute, 1.7) };
        let green = 180.0 + ((360 - minute) / 11) as f64;
        let values = [
            (!stalled).then_some(tokens),
            Some((0.92 + 0.05 * wave(minute, 3.0)) * if stalled { 0.05 } else { dip }),
            Some(power),
            Some(heartbeat),
            Some(green),
        ];
        history.push_point(&Point { at: ago(60 * minute), severity: past, values });
        let change = CHANGES.iter().find(|(changed, _)| *changed == minute);
        if let Some(then) = change.map(|(_, then)| then.unwrap_or(severity)) {
            history.note(&unread, &Assessment { at: ago(60 * minute), ..assessment(then) });
        }
    }
    history
}
