//! The definitions against the conventions, and what is absent when nothing is known.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use prometheus::Registry;

use super::*;
use crate::assessment::{CheckResult, Severity, assess};
use crate::check::{example_now, example_state};
use crate::config::Config;
use crate::observation::*;
use crate::sink::prometheus::Snapshot;
use crate::watchdog::reason::Reason;

const MINUTE: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

fn sampled(observations: Vec<Observation>) -> Samples {
    sampled_with(&example_state(observations), |_| ())
}

fn sampled_with(state: &State, change: impl FnOnce(&mut Assessment)) -> Samples {
    let thresholds = Thresholds::new(&Config::default(), false);
    let mut assessment = assess(state, &thresholds, example_now());
    change(&mut assessment);
    let mut out = Samples::default();
    let exporter = Exporter::default();
    samples(&Inputs { state, assessment: &assessment, thresholds: &thresholds, exporter: &exporter }, &mut out);
    out
}

fn observed(data: Data) -> Observation {
    observation(data.source(), Reading::Observed(data))
}

fn failed(source: SourceId, kind: FailureKind) -> Observation {
    observation(source, Reading::Failed(Failure::new(kind, "it does not answer")))
}

fn observation(source: SourceId, reading: Reading<Data>) -> Observation {
    Observation { source, at: example_now() - MINUTE / 60, took: Duration::from_millis(3), reading }
}

fn loop_reading(heartbeat: Reading<Heartbeat>) -> LoopReading {
    LoopReading { heartbeat, state: Reading::Missing("-".into()), pause: Reading::Missing("-".into()) }
}

#[test]
fn the_fixed_names_are_there() {
    let fixed = "autoswe_build_info autoswe_severity autoswe_check_severity{check} autoswe_source_success{source} \
        autoswe_source_duration_seconds{source} autoswe_source_last_success_timestamp_seconds{source} \
        autoswe_loop_heartbeat_timestamp_seconds autoswe_loop_epoch autoswe_loop_iteration autoswe_loop_paused{mode} \
        autoswe_subagents{phase} autoswe_subagents_over_budget{phase} autoswe_vllm_up \
        autoswe_vllm_requests_running{model_name,engine} autoswe_vllm_requests_waiting{model_name,engine} \
        autoswe_vllm_generation_tokens_per_second autoswe_vllm_stalled autoswe_gpu_utilization_ratio{gpu} \
        autoswe_gpu_sm_clock_hertz{gpu} autoswe_gpu_power_watts{gpu} autoswe_gpu_temperature_celsius{gpu} \
        autoswe_gpu_throttled{gpu,reason} autoswe_gpu_info{gpu,uuid,name,driver_version} \
        autoswe_parity_cells{state} autoswe_verdicts_recent{verdict} autoswe_verdict_last_timestamp_seconds \
        autoswe_site_built_timestamp_seconds autoswe_site_in_sync autoswe_review_timestamp_seconds \
        autoswe_review_health_score autoswe_review_verdict{verdict} autoswe_review_findings{severity} \
        autoswe_review_attempts_total{outcome} autoswe_watchdog_last_evaluation_timestamp_seconds \
        autoswe_watchdog_budget_remaining autoswe_watchdog_decisions_total{decision,reason} \
        autoswe_watchdog_restarts_total{outcome} process_cpu_seconds_total process_resident_memory_bytes \
        process_virtual_memory_bytes process_open_fds process_max_fds process_start_time_seconds";
    for series in fixed.split_whitespace() {
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let metric = find(name).unwrap_or_else(|| panic!("no metric {name}"));
        if name != "autoswe_build_info" {
            assert_eq!(metric.labels.join(","), labels.trim_end_matches('}'), "{name}");
        }
    }
}

#[test]
fn definitions_keep_the_conventions() {
    let mut families = BTreeSet::new();
    for metric in METRICS {
        let Metric { name, kind, labels, help } = metric;
        assert!(families.insert(metric.family()), "two families {}", metric.family());
        assert!(name.starts_with("autoswe_") || name.starts_with("process_"), "{name} needs the prefix");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}: _total is for counters");
        assert_eq!(name.ends_with("_info"), *kind == Kind::Info, "{name}: _info is for infos");
        assert!(help.ends_with('.') && !help.contains("  "), "the help of {name} is not made of sentences: {help}");
        let distinct: BTreeSet<_> = labels.iter().collect();
        assert_eq!(distinct.len(), labels.len(), "{name} has a label twice");
        assert!(labels.iter().all(|label| !["le", "quantile", "job", "instance"].contains(label)), "{name}");
        assert!(*kind != Kind::StateSet || !labels.is_empty(), "{name} has no label for its states");
        if matches!(kind, Kind::StateSet | Kind::Info) {
            assert_eq!(metric.unit(), None, "{name} has no unit to have");
        }
    }
}

#[test]
fn the_prometheus_crate_takes_every_definition() {
    let samples = std::sync::Arc::new(sampled(Vec::new()));
    let registry = Registry::new();
    registry.register(Box::new(Snapshot(samples.clone()))).unwrap();
    let names: Vec<String> = registry.gather().iter().map(|family| family.name().to_owned()).collect();
    let expected: Vec<&str> = samples.families().map(|family| family.metric.name).collect();
    assert_eq!(names, expected);
}

#[test]
fn units_stand_in_the_name() {
    let unit = |name: &str| find(name).unwrap().unit();
    assert_eq!(unit("autoswe_gpu_energy_joules_total"), Some("joules"));
    assert_eq!(unit("autoswe_loop_heartbeat_timestamp_seconds"), Some("seconds"));
    assert_eq!(unit("autoswe_gpu_sm_clock_hertz"), Some("hertz"));
    assert_eq!(unit("autoswe_vllm_generation_tokens_per_second"), None);
    assert_eq!(unit("autoswe_gpu_info"), None);
}

#[test]
fn without_readings_only_what_is_known_is_shown() {
    let samples = sampled(Vec::new());
    let known = [
        "autoswe_assessment_",
        "autoswe_check_",
        "autoswe_source_",
        "autoswe_findings",
        "autoswe_build_info",
        "process_",
    ];
    let known = |name: &str| known.iter().any(|prefix| name.starts_with(prefix));
    let rest: Vec<&str> = samples.families().map(|family| family.metric.name).filter(|name| !known(name)).collect();
    assert_eq!(rest, ["autoswe_loop_must_restart", "autoswe_severity", "autoswe_subagent_budget_seconds"]);
    assert_eq!(samples.number("autoswe_source_attempts_total", &["vllm"]), Some(0.0));
    assert_eq!(samples.number("autoswe_source_success", &["vllm"]), None);
    assert_eq!(samples.number("autoswe_source_failure", &["vllm", "timed_out"]), None);
}

#[test]
fn a_disabled_source_has_no_samples() {
    let mut config = Config::default();
    config.gpu.enabled = false;
    let samples = sampled_with(&State::new(&config, example_now()), |_| ());
    assert_eq!(samples.number("autoswe_source_attempts_total", &["gpu"]), None);
    assert_eq!(samples.number("autoswe_source_attempts_total", &["host"]), Some(0.0));
}

#[test]
fn vllm_is_up_down_or_not_there() {
    let up = |observations| sampled(observations).number("autoswe_vllm_up", &[]);
    assert_eq!(up(Vec::new()), None);
    assert_eq!(up(vec![observed(Data::Vllm(VllmSample::default()))]), Some(1.0));
    assert_eq!(up(vec![failed(SourceId::Vllm, FailureKind::NoVllmSeries)]), Some(1.0));
    for kind in [FailureKind::TimedOut, FailureKind::Unreachable, FailureKind::ServerError, FailureKind::NotPrometheus]
    {
        let state = example_state(vec![failed(SourceId::Vllm, kind)]);
        let samples = sampled_with(&state, |assessment| assessment.checks.clear());
        assert_eq!(samples.number("autoswe_vllm_up", &[]), Some(0.0), "{kind:?}");
        assert_eq!(samples.number("autoswe_source_failure", &["vllm", kind.name()]), Some(1.0));
        assert_eq!(samples.number("autoswe_vllm_stalled", &[]), None);
        let not_present = sampled_with(&state, |a| a.checks = vec![result("vllm", Presence::NotPresent)]);
        assert_eq!(not_present.number("autoswe_vllm_up", &[]), None, "{kind:?}");
    }
}

fn result(check: &'static str, presence: Presence) -> CheckResult {
    CheckResult { check, presence, severity: Severity::Ok, summary: String::new(), findings: Vec::new() }
}

#[test]
fn only_a_judgement_has_a_severity() {
    let checks = vec![result("gpu", Presence::NotPresent), result("host", Presence::Judged)];
    let samples = sampled_with(&example_state(Vec::new()), |assessment| assessment.checks = checks);
    assert_eq!(samples.number("autoswe_check_severity", &["gpu"]), None);
    assert_eq!(samples.number("autoswe_check_presence", &["gpu", "not_present"]), Some(1.0));
    assert_eq!(samples.number("autoswe_check_severity", &["host"]), Some(0.0));
    assert_eq!(samples.number("autoswe_check_presence", &["host", "not_present"]), Some(0.0));
}

#[test]
fn times_outlive_a_failing_source_and_other_values_do_not() {
    let site =
        Site { built_at: Some(example_now() - MINUTE), data_at: Some(example_now() - MINUTE * 10), synthesis: None };
    let good = vec![
        observed(Data::Site(site)),
        observed(Data::Loop(loop_reading(Reading::Observed(Heartbeat {
            at: Some(example_now() - MINUTE),
            epoch: Some(3),
            ..Heartbeat::default()
        })))),
    ];
    let before = sampled(good.clone());
    assert_eq!(before.number("autoswe_site_in_sync", &[]), Some(1.0));
    assert_eq!(before.number("autoswe_loop_epoch", &[]), Some(3.0));
    assert_eq!(before.number("autoswe_loop_heartbeat_valid", &[]), Some(1.0));
    let broken = Reading::Failed(Failure::new(FailureKind::Malformed, "half a line"));
    let bad = [failed(SourceId::Site, FailureKind::Unreadable), observed(Data::Loop(loop_reading(broken)))];
    let after = sampled_with(&example_state([good, bad.into()].concat()), |assessment| assessment.checks.clear());
    for name in ["autoswe_site_built_timestamp_seconds", "autoswe_loop_heartbeat_timestamp_seconds"] {
        assert_eq!(after.number(name, &[]), Some(unix_seconds(example_now() - MINUTE)), "{name}");
    }
    assert_eq!(after.number("autoswe_site_in_sync", &[]), None);
    assert_eq!(after.number("autoswe_loop_epoch", &[]), None);
    assert_eq!(after.number("autoswe_loop_heartbeat_valid", &[]), Some(0.0));
    assert_eq!(after.number("autoswe_source_success", &["loop"]), Some(0.0));
    assert_eq!(after.number("autoswe_source_failure", &["loop", "malformed"]), Some(1.0));
    assert_eq!(after.number("autoswe_source_consecutive_failures", &["site"]), Some(1.0));
}

#[test]
fn a_stall_outlives_the_page_that_showed_it() {
    let sample = |at| {
        let engine = Engine { running: Some(1.0), generation_tokens: Some(7.0), ..Engine::default() };
        let data = Data::Vllm(VllmSample { engines: vec![engine], ..VllmSample::default() });
        Observation { at, ..observed(data) }
    };
    let stalled = |seconds: i32, more: Vec<Observation>| {
        let start = example_now() - MINUTE / 60 * 8;
        let readings = (0..=seconds).step_by(2).map(|second| sample(start + MINUTE / 60 * second));
        let state = example_state(readings.chain(more).collect());
        let samples = sampled_with(&state, |assessment| assessment.checks.clear());
        ["autoswe_vllm_stalled", "autoswe_vllm_up"].map(|name| samples.number(name, &[]))
    };
    assert_eq!(stalled(4, Vec::new()), [Some(0.0), Some(1.0)]);
    assert_eq!(stalled(6, Vec::new()), [Some(1.0), Some(1.0)]);
    assert_eq!(stalled(6, vec![failed(SourceId::Vllm, FailureKind::TimedOut)]), [Some(1.0), Some(0.0)]);
    assert_eq!(stalled(-2, vec![failed(SourceId::Vllm, FailureKind::TimedOut)]), [None, Some(0.0)]);
}

#[test]
fn a_missing_file_is_a_success_with_nothing_present() {
    let samples = sampled(vec![observation(SourceId::Review, Reading::Missing("no reviews".into()))]);
    assert_eq!(samples.number("autoswe_source_success", &["review"]), Some(1.0));
    assert_eq!(samples.number("autoswe_source_present", &["review"]), Some(0.0));
    assert_eq!(samples.number("autoswe_review_health_score", &[]), None);
    assert_eq!(samples.number("autoswe_review_timestamp_seconds", &[]), None);
}

#[test]
fn words_that_others_write_make_no_series() {
    let heartbeat = Heartbeat { phase: Some("\u{1f480}\"}\n".into()), ..Heartbeat::default() };
    let mut reading = loop_reading(Reading::Observed(heartbeat));
    reading.state = Reading::Observed(LoopState {
        iterations_finished: Some(9),
        outcomes: vec![("accept".into(), 1), ("ACCEPT".into(), 3), ("HACKED".into(), 2)],
        ..LoopState::default()
    });
    let verdict = |verdict: &str| Verdict { verdict: verdict.into(), ..Verdict::default() };
    let recent = ["ACCEPT", "MAYBE", "revert", "WEDGED_NO_VERDICT"].map(verdict).into();
    let verdicts = Verdicts { recent, malformed_lines: 0 };
    let agent = Subagent { pid: 1, phase: "?".into(), started_at: example_now(), command: "x".into() };
    let agents = Subagents { agents: vec![agent], ..Subagents::default() };
    let observations = [Data::Loop(reading), Data::Verdicts(verdicts), Data::Subagents(agents)].map(observed);
    let samples = sampled(observations.into());
    assert_eq!(samples.number("autoswe_loop_phase", &["other"]), Some(1.0));
    assert_eq!(samples.number("autoswe_loop_phase", &["writer"]), Some(0.0));
    assert_eq!(samples.number("autoswe_loop_iterations_finished_total", &["ACCEPT"]), Some(4.0));
    assert_eq!(samples.number("autoswe_loop_iterations_finished_total", &["REVERT"]), Some(0.0));
    assert_eq!(samples.number("autoswe_loop_iterations_finished_total", &["other"]), Some(5.0));
    assert_eq!(samples.number("autoswe_verdicts_recent", &["other"]), Some(1.0));
    assert_eq!(samples.number("autoswe_verdicts_recent", &["REVERT"]), Some(1.0));
    assert_eq!(samples.number("autoswe_verdicts_since_accept", &[]), Some(3.0));
    assert_eq!(samples.number("autoswe_verdicts_wedged_in_a_row", &[]), Some(1.0));
    assert_eq!(samples.number("autoswe_subagents", &["other"]), Some(1.0));
    let page = String::from_utf8(crate::sink::prometheus::render(&samples)).unwrap();
    assert!(!page.contains("HACKED") && !page.contains("MAYBE") && !page.contains('\u{1f480}'));
}

#[test]
fn the_site_is_in_step_within_the_limit() {
    let in_sync = |built: i64| {
        let site = Site {
            built_at: Some(example_now() - MINUTE * 10 + MINUTE / 60 * built as i32),
            data_at: Some(example_now() - MINUTE * 10),
            synthesis: None,
        };
        sampled(vec![observed(Data::Site(site))]).number("autoswe_site_in_sync", &[])
    };
    assert_eq!(in_sync(30), Some(1.0));
    assert_eq!(in_sync(-120), Some(1.0));
    assert_eq!(in_sync(-121), Some(0.0));
}

#[test]
fn an_unknown_throttle_bit_is_shown() {
    let gpu = Gpu { throttle_reasons: Field::Value(0x40 | 0x8000), ..Gpu::default() };
    let samples = sampled(vec![observed(Data::Gpu(GpuReading { gpus: vec![gpu], ..GpuReading::default() }))]);
    let throttled = |reason| samples.number("autoswe_gpu_throttled", &["0", reason]);
    assert_eq!(throttled("hw_thermal_slowdown"), Some(1.0));
    assert_eq!(throttled("unknown"), Some(1.0));
    assert_eq!(throttled("sw_power_cap"), Some(0.0));
    assert_eq!(samples.number("autoswe_gpu_memory_used_bytes", &["0"]), None);
}

#[test]
fn processes_that_a_gpu_did_not_tell_are_not_none() {
    let of = |processes| {
        let gpu = Gpu { processes, ..Gpu::default() };
        let samples = sampled(vec![observed(Data::Gpu(GpuReading { gpus: vec![gpu], ..GpuReading::default() }))]);
        ["autoswe_gpu_processes", "autoswe_gpu_process_memory_bytes"].map(|name| samples.number(name, &["0", "other"]))
    };
    assert_eq!(of(Field::Value(vec![])), [Some(0.0), Some(0.0)]);
    assert_eq!(of(Field::Unsupported), [None, None]);
}

#[test]
fn a_gpu_that_vanished_is_lost_and_its_events_stay() {
    let gpu = |index, uuid: &str| Gpu { index, uuid: uuid.into(), power: Field::Value(9.0), ..Gpu::default() };
    let xids = vec![XidCount { xid: 79, count: 2, last_at: 50.0 }, XidCount { xid: 13, count: 1, last_at: 40.0 }];
    let both = GpuReading { gpus: vec![Gpu { xids, ..gpu(0, "GPU-a") }, gpu(1, "GPU-b")], ..Default::default() };
    // The driver numbers anew what is left.
    let left = GpuReading { gpus: vec![gpu(0, "GPU-b")], lost: vec![(3, "gone".into())], ..Default::default() };
    let samples = sampled(vec![observed(Data::Gpu(both)), observed(Data::Gpu(left))]);
    let lost = |index, uuid| samples.number("autoswe_gpu_lost", &[index, uuid]);
    assert_eq!([lost("0", "GPU-a"), lost("0", "GPU-b"), lost("3", "")], [Some(1.0), Some(0.0), Some(1.0)]);
    let events = |xid, critical| samples.number("autoswe_gpu_xid_events_total", &["0", xid, critical]);
    assert_eq!([events("79", "true"), events("13", "false"), events("79", "false")], [Some(2.0), Some(1.0), None]);
    assert_eq!(samples.number("autoswe_gpu_xid_last_timestamp_seconds", &["0", "79", "true"]), Some(50.0));
}

#[test]
fn a_board_and_its_successor_at_one_index_have_one_series() {
    let gpu = |uuid: &str, last_at| Gpu {
        uuid: uuid.into(),
        xids: vec![XidCount { xid: 79, count: 1, last_at }],
        ..Gpu::default()
    };
    let reading = |gpu| observed(Data::Gpu(GpuReading { gpus: vec![gpu], ..Default::default() }));
    let samples = sampled(vec![reading(gpu("GPU-a", 10.0)), reading(gpu("GPU-b", 20.0))]);
    assert_eq!(samples.number("autoswe_gpu_xid_events_total", &["0", "79", "true"]), Some(2.0));
    assert_eq!(samples.number("autoswe_gpu_xid_last_timestamp_seconds", &["0", "79", "true"]), Some(20.0));
}

#[test]
fn the_watchdogs_decision_is_one_of_a_closed_list() {
    let decided = |word: &str| {
        let reading = WatchdogReading { decision: Some(word.into()), ..WatchdogReading::default() };
        let samples = sampled(vec![observed(Data::Watchdog(reading))]);
        ["hold", "restart", "other"].map(|known| samples.number("autoswe_watchdog_decision", &[known]))
    };
    assert_eq!(decided("hold"), [Some(1.0), Some(0.0), Some(0.0)]);
    assert_eq!(decided("\u{1f480}"), [Some(0.0), Some(0.0), Some(1.0)]);
}

#[test]
fn a_reviews_words_are_of_closed_sets_and_what_it_does_not_say_has_no_sample() {
    let reviewed = |good: GoodReview, attempts| {
        sampled(vec![observed(Data::Review(Review { last_good: Some(good), attempts, ..Review::default() }))])
    };
    let plain = || GoodReview::new(example_now(), 50.0);
    let given = |word: &str| {
        let samples = reviewed(GoodReview { verdict: Some(word.into()), ..plain() }, None);
        ["healthy", "stuck", "other"].map(|known| samples.number("autoswe_review_verdict", &[known]))
    };
    assert_eq!(given("Stuck"), [Some(0.0), Some(1.0), Some(0.0)]);
    assert_eq!(given("\u{1f480}"), [Some(0.0), Some(0.0), Some(1.0)]);
    let silent = reviewed(plain(), None);
    assert_eq!(silent.number("autoswe_review_verdict", &["other"]), None);
    assert_eq!(silent.number("autoswe_review_findings", &["crit"]), None, "not told is not 0");
    assert_eq!(silent.number("autoswe_review_attempts_total", &["reviewed"]), None);
    let mut attempts = Attempts::default();
    attempts.add(ReviewOutcome::TimedOut);
    let told = reviewed(GoodReview { findings: Some(Findings::default()), ..plain() }, Some(attempts));
    let attempts = |outcome| told.number("autoswe_review_attempts_total", &[outcome]);
    assert_eq!(["reviewed", "timed-out", "evidence", "other"].map(attempts), [0.0, 1.0, 0.0, 0.0].map(Some));
    let findings = |severity| told.number("autoswe_review_findings", &[severity]);
    assert_eq!(["crit", "warn", "info", "other"].map(findings), [Some(0.0); 4]);
}

#[test]
fn the_watchdogs_counts_have_closed_labels_and_begin_at_0() {
    let count =
        |decision: &str, reason: &str, count| DecisionCount { decision: decision.into(), reason: reason.into(), count };
    let counts = vec![count("hold", "bus", 3), count("restart", "bus", 5), count("hold", "\u{1f480}", u64::MAX)];
    let restarts = vec![(RestartOutcome::Took, 2), (RestartOutcome::CalledOff, 0)];
    let reading = WatchdogReading { decisions: Some(counts), restarts, ..WatchdogReading::default() };
    let samples = sampled(vec![observed(Data::Watchdog(reading))]);
    let decisions = |pair: [&str; 2]| samples.number("autoswe_watchdog_decisions_total", &pair);
    assert_eq!(decisions(["hold", "bus"]), Some(3.0));
    assert_eq!(decisions(["restart", "silent"]), Some(0.0), "known, and not counted yet");
    assert_eq!(decisions(["restart", "bus"]), None, "a pair that there is not");
    assert_eq!(decisions(["other", "other"]), Some(u64::MAX as f64));
    let family = samples.families().find(|family| family.metric.name == "autoswe_watchdog_decisions_total").unwrap();
    assert_eq!(family.series.len(), Reason::ALL.len() + 1);
    let restarts = |outcome| samples.number("autoswe_watchdog_restarts_total", &[outcome]);
    assert_eq!(["took", "did_not_take", "called_off"].map(restarts), [Some(2.0), None, Some(0.0)]);
    let silent = sampled(vec![observed(Data::Watchdog(WatchdogReading::default()))]);
    assert_eq!(silent.number("autoswe_watchdog_decisions_total", &["hold", "bus"]), None, "not told is not 0");
}

#[test]
fn what_is_not_known_of_a_pause_or_of_processes_has_no_sample() {
    let samples = sampled(vec![observed(Data::Loop(loop_reading(Reading::Missing("-".into()))))]);
    assert_eq!(samples.number("autoswe_loop_paused", &["soft"]), None);
    assert_eq!(samples.number("autoswe_subagents_hidden_processes", &[]), None);
    let found = Subagents { hidden: 3, ..Subagents::default() };
    let samples = sampled(vec![observed(Data::Subagents(found))]);
    assert_eq!(samples.number("autoswe_subagents_hidden_processes", &[]), Some(3.0));
}

#[test]
fn every_numeric_limit_is_a_threshold() {
    let samples = sampled(Vec::new());
    let threshold = |check, limit| samples.number("autoswe_check_threshold", &[check, limit]);
    assert_eq!(threshold("loop", "warn"), Some(600.0));
    assert_eq!(threshold("site", "crit"), Some(86_400.0));
    assert_eq!(threshold("host", "memory_crit"), Some(0.04));
    assert_eq!(threshold("verdicts", "wedged_crit"), Some(5.0));
    assert_eq!(threshold("subagents", "crit"), Some(2.0));
}

#[test]
fn the_reference_is_what_the_code_says() {
    crate::golden::check("docs/generated/metrics.md", &reference());
}

fn reference() -> String {
    let mut text = String::from(
        "<!-- Written from src/metric by its tests. Change the code, then run UPDATE_DOCS=1 cargo nextest run --lib. -->\n\n\
         # Metrics\n\n\
         What `/metrics` shows: that of the exporter, and under \"Site server\" that of `autoswe-journey serve`, which \
         has the `process_` metrics too. Units are base units and stand in the name; times are Unix seconds. A value that is \
         not known has no sample: it is never shown as 0. Times stay while their source fails, because they tell \
         their own age; any other value goes with its reading. Every state of a state set has its sample, 0 or 1. \
         The exporter's page is made once per reading of the sources, and served as it is until the next one.\n",
    );
    for (heading, metrics) in GROUPS {
        write!(text, "\n## {heading}\n\n| metric | kind | unit | meaning |\n| --- | --- | --- | --- |\n").unwrap();
        for metric in *metrics {
            let labels =
                if metric.labels.is_empty() { String::new() } else { format!("{{{}}}", metric.labels.join(",")) };
            let (name, kind, unit) = (metric.name, metric.kind.name(), metric.unit().unwrap_or("-"));
            writeln!(text, "| `{name}{labels}` | {kind} | {unit} | {} |", metric.help).unwrap();
        }
    }
    text
}
