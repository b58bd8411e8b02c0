use super::*;
use crate::observation::{Engine, Histogram};
use crate::source::vllm::parse;

fn at(seconds: f64) -> Time {
    let milliseconds = (seconds * 1000.0).round();
    Time::from_millisecond(1_795_331_500_000 + milliseconds as i64).unwrap()
}

fn engine(name: &str, tokens: f64) -> Engine {
    Engine { model_name: "m".into(), engine: name.into(), generation_tokens: Some(tokens), ..Engine::default() }
}

fn sample(engines: impl IntoIterator<Item = Engine>) -> VllmSample {
    VllmSample { process_start: Some(1.0), engines: engines.into_iter().collect(), ..VllmSample::default() }
}

fn near(value: Option<f64>, expected: f64) -> bool {
    value.is_some_and(|value| (value - expected).abs() < 1e-9)
}

/// A window that saw one engine with these times and tokens.
fn window(samples: &[(f64, f64)]) -> VllmWindow {
    let mut window = VllmWindow::new(6.0);
    samples.iter().for_each(|(second, tokens)| window.push(at(*second), &sample([engine("0", *tokens)])));
    window
}

#[test]
fn a_rate_needs_two_samples() {
    assert_eq!(VllmWindow::new(6.0).generation_tokens_per_second(), None);
    assert_eq!(window(&[(0.0, 5.0)]).generation_tokens_per_second(), None);
    assert!(near(window(&[(0.0, 5.0), (2.0, 9.0)]).generation_tokens_per_second(), 2.0));
}

#[test]
fn a_rate_is_that_of_the_last_ten_seconds_or_the_last_two_samples() {
    let steady: Vec<(f64, f64)> = (0..30).map(|i| (f64::from(i) * 2.0, f64::from(i) * 20.0)).collect();
    assert!(near(window(&steady).generation_tokens_per_second(), 10.0));
    let stopped: Vec<(f64, f64)> = steady.iter().copied().chain([(62.0, 580.0), (72.0, 580.0)]).collect();
    assert!(near(window(&stopped).generation_tokens_per_second(), 0.0));
    assert!(near(window(&[(0.0, 0.0), (600.0, 1200.0)]).generation_tokens_per_second(), 2.0), "a gap is fine");
}

#[test]
fn the_captured_run_has_its_known_rate() {
    let mut window = VllmWindow::new(6.0);
    let pages: [(f64, &[u8]); 4] = [
        (37.6, include_bytes!("../../../tests/fixtures/vllm-0.32.0/idle.prom")),
        (41.1, include_bytes!("../../../tests/fixtures/vllm-0.32.0/busy-4.prom")),
        (45.6, include_bytes!("../../../tests/fixtures/vllm-0.32.0/busy-8.prom")),
        (50.0, include_bytes!("../../../tests/fixtures/vllm-0.32.0/busy-12.prom")),
    ];
    for (second, page) in pages {
        window.push(at(second), &parse(page, "").unwrap());
    }
    let rate = window.generation_tokens_per_second().unwrap();
    assert!((rate - 224.0).abs() < 1.0, "{rate}");
    assert_eq!(window.stall(), None);
}

#[test]
fn a_restart_gives_a_new_baseline() {
    let mut window = window(&[(0.0, 1000.0), (2.0, 1200.0)]);
    window.push(at(4.0), &sample([engine("0", 10.0)]));
    assert_eq!(window.generation_tokens_per_second(), None, "never negative");
    window.push(at(6.0), &sample([engine("0", 30.0)]));
    assert!(near(window.generation_tokens_per_second(), 10.0));
    window.push(at(8.0), &VllmSample { process_start: Some(2.0), ..sample([engine("0", 9000.0)]) });
    assert_eq!(window.generation_tokens_per_second(), None, "never huge");
}

#[test]
fn one_engines_restart_leaves_the_others_rates() {
    let mut window = VllmWindow::new(6.0);
    window.push(at(0.0), &sample([engine("0", 100.0), engine("1", 500.0)]));
    window.push(at(2.0), &sample([engine("0", 120.0), engine("1", 600.0)]));
    assert!(near(window.generation_tokens_per_second(), 60.0));
    window.push(at(4.0), &sample([engine("0", 140.0), engine("1", 0.0)]));
    assert!(near(window.generation_tokens_per_second(), 10.0));
    window.push(at(6.0), &sample([engine("0", 160.0)]));
    assert!(near(window.generation_tokens_per_second(), 10.0), "an engine that is gone is not counted on");
}

#[test]
fn an_absent_counter_is_not_zero() {
    let mut window = window(&[(0.0, 5.0), (2.0, 9.0)]);
    window.push(at(4.0), &sample([Engine { generation_tokens: None, ..engine("0", 0.0) }]));
    assert_eq!(window.generation_tokens_per_second(), None);
    assert_eq!((window.prompt_tokens_per_second(), window.requests_per_second()), (None, None));
}

#[test]
fn requests_and_prompts_have_rates_too() {
    let mut window = VllmWindow::new(6.0);
    for (second, count) in [(0.0, 10.0), (4.0, 14.0)] {
        let request_success = vec![("abort".into(), 1.0), ("stop".into(), count)];
        window.push(at(second), &sample([Engine { prompt_tokens: Some(count), request_success, ..engine("0", 1.0) }]));
    }
    assert!(near(window.requests_per_second(), 1.0));
    assert!(near(window.prompt_tokens_per_second(), 1.0));
}

#[test]
fn quick_readings_stay_bounded_and_right() {
    let quick: Vec<(f64, f64)> = (0..2000).map(|i| (f64::from(i) * 0.01, f64::from(i))).collect();
    let rate = window(&quick).generation_tokens_per_second().unwrap();
    assert!((rate - 100.0).abs() < 1e-6, "{rate}");
}

/// A sample with `fast` requests below 1 s and `slow` ones between 1 and 2 s, and as many cache look-ups.
fn latencies(fast: f64, slow: f64) -> VllmSample {
    let total = fast + slow;
    let histogram =
        Histogram { buckets: vec![(1.0, fast), (2.0, total), (f64::INFINITY, total)], sum: 0.0, count: total };
    VllmSample {
        request_latency: Some(histogram),
        ..sample([Engine { prefix_cache_queries: Some(total), prefix_cache_hits: Some(fast), ..engine("0", 1.0) }])
    }
}

#[test]
fn quantiles_are_since_the_start_until_a_minute_was_watched() {
    let mut window = VllmWindow::new(6.0);
    assert_eq!(window.request_latency(0.5), None);
    window.push(at(0.0), &latencies(100.0, 0.0));
    assert!(near(window.request_latency(0.5), 0.5));
    window.push(at(50.0), &latencies(100.0, 10.0));
    assert!(near(window.request_latency(0.5), 0.55));
    window.push(at(60.0), &latencies(100.0, 20.0));
    assert!(near(window.request_latency(0.5), 1.5), "only the slow ones are recent");
    assert!(near(window.prefix_cache_hit_ratio(), 0.0));
    assert_eq!(
        (window.time_to_first_token(0.5), window.queue_time(0.5), window.inter_token_latency(0.5)),
        (None, None, None)
    );
}

#[test]
fn what_is_recent_is_five_minutes_and_nothing_is_not_zero() {
    let mut window = VllmWindow::new(6.0);
    (0..60).for_each(|i| window.push(at(f64::from(i) * 10.0), &latencies(10.0, f64::from(i.min(20)))));
    assert_eq!(window.request_latency(0.5), None, "the last request ended 390 s ago");
    assert_eq!(window.prefix_cache_hit_ratio(), None);
    window.push(at(600.0), &latencies(11.0, 20.0));
    assert!(near(window.request_latency(0.5), 0.5));
    assert!(near(window.prefix_cache_hit_ratio(), 1.0));
}

#[test]
fn latencies_of_a_restarted_server_start_anew() {
    let mut window = VllmWindow::new(6.0);
    (0..10).for_each(|i| window.push(at(f64::from(i) * 10.0), &latencies(100.0, f64::from(i))));
    window.push(at(100.0), &VllmSample { process_start: Some(2.0), ..latencies(500.0, 0.0) });
    assert!(near(window.request_latency(0.5), 0.5));
    assert!(near(window.prefix_cache_hit_ratio(), 1.0));
}

#[test]
fn an_engine_that_comes_or_goes_gives_the_totals_a_new_baseline() {
    let with = |other: Option<f64>, looked_up: f64| {
        let of = |name: &str, queries, hits| Engine {
            prefix_cache_queries: Some(queries),
            prefix_cache_hits: Some(hits),
            ..engine(name, 1.0)
        };
        let other = other.map(|looked_up| of("1", looked_up, looked_up));
        sample([of("0", looked_up, 0.0)].into_iter().chain(other))
    };
    let mut window = VllmWindow::new(6.0);
    (0..10).for_each(|i| window.push(at(f64::from(i) * 10.0), &with(Some(300.0), 100.0 + f64::from(i))));
    assert!(near(window.prefix_cache_hit_ratio(), 0.0));
    window.push(at(100.0), &with(None, 1000.0));
    assert!(near(window.prefix_cache_hit_ratio(), 0.0), "not a share of look-ups that another engine made");
    window.push(at(110.0), &with(Some(1000.0), 1000.0));
    assert!(near(window.prefix_cache_hit_ratio(), 0.5), "since the start, as for a server just met");
}

#[test]
fn an_outage_is_measured_by_kind() {
    let mut window = VllmWindow::new(6.0);
    assert!(!window.reached() && window.outage().is_none());
    window.failed(at(0.0), FailureKind::Unreachable);
    window.failed(at(2.0), FailureKind::Unreachable);
    assert_eq!(window.outage(), Some(Outage { kind: FailureKind::Unreachable, since: at(0.0) }));
    assert!(!window.reached());
    window.failed(at(4.0), FailureKind::ServerError);
    assert_eq!(window.outage(), Some(Outage { kind: FailureKind::ServerError, since: at(4.0) }));
    assert!(window.reached(), "an error is an answer");
    window.push(at(6.0), &sample([]));
    assert_eq!(window.outage(), None);
}

#[test]
fn a_standstill_is_a_stall_once_it_lasts_and_outlives_failed_readings() {
    let mut window = VllmWindow::new(6.0);
    let stuck = || sample([Engine { running: Some(1.0), ..engine("0", 5.0) }]);
    [0.0, 2.0, 4.0].iter().for_each(|second| window.push(at(*second), &stuck()));
    window.failed(at(60.0), FailureKind::TimedOut);
    assert_eq!(window.stall(), None, "only the time between samples counts");
    window.push(at(64.0), &stuck());
    window.failed(at(70.0), FailureKind::TimedOut);
    assert_eq!(window.stall().map(|stall| (stall.since, stall.seen_at)), Some((at(0.0), at(64.0))));
}
