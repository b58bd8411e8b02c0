use super::*;

fn at(seconds: i64) -> Time {
    Time::from_second(1_795_000_000 + seconds).unwrap()
}

/// An engine with work that generated `tokens`.
fn engine(name: &str, tokens: f64) -> Engine {
    Engine {
        model_name: "m".into(),
        engine: name.into(),
        running: Some(2.0),
        waiting: Some(0.0),
        generation_tokens: Some(tokens),
        kv_cache_usage: Some(0.1),
        ..Engine::default()
    }
}

fn sample(engines: impl IntoIterator<Item = Engine>) -> VllmSample {
    VllmSample { process_start: Some(1.0), engines: engines.into_iter().collect(), ..VllmSample::default() }
}

fn heard(canary: Canary, engines: impl IntoIterator<Item = Engine>) -> VllmSample {
    VllmSample { canary: Some(canary), ..sample(engines) }
}

/// A clock that saw `engine` at 0, 2, ... up to `until` seconds.
fn clock_after(until: i64, engine: &Engine) -> StallClock {
    let mut clock = StallClock::default();
    (0..=until).step_by(2).for_each(|second| clock.push(at(second), &sample([engine.clone()])));
    clock
}

fn since(clock: &StallClock) -> Option<Time> {
    clock.stalls().first().map(|stall| stall.since)
}

#[test]
fn work_without_movement_is_a_stall_since_the_last_movement() {
    let mut clock = StallClock::default();
    clock.push(at(0), &sample([engine("0", 1.0)]));
    assert_eq!(since(&clock), None, "one sample shows no standstill");
    clock.push(at(2), &sample([engine("0", 5.0)]));
    assert_eq!(since(&clock), None);
    clock.push(at(4), &sample([engine("0", 5.0)]));
    assert_eq!(since(&clock), Some(at(2)));
    clock.push(at(6), &sample([engine("0", 6.0)]));
    assert_eq!(since(&clock), None, "it moves again");
}

#[test]
fn waiting_requests_alone_are_work() {
    let waiting = Engine { running: Some(0.0), waiting: Some(3.0), ..engine("0", 1.0) };
    assert_eq!(since(&clock_after(8, &waiting)), Some(at(0)));
    let only_waiting_is_told = Engine { running: None, ..waiting };
    assert_eq!(since(&clock_after(8, &only_waiting_is_told)), Some(at(0)));
}

#[test]
fn no_work_is_no_stall() {
    let idle = Engine { running: Some(0.0), ..engine("0", 1.0) };
    assert_eq!(since(&clock_after(100, &idle)), None);
    let asleep = Engine { asleep: Some(true), ..engine("0", 1.0) };
    assert_eq!(since(&clock_after(100, &asleep)), None);
    let unknown = Engine { running: None, waiting: None, ..engine("0", 1.0) };
    assert_eq!(since(&clock_after(100, &unknown)), None);
}

#[test]
fn each_of_the_seven_movements_counts() {
    let moves: [fn(&mut Engine); 7] = [
        |e| e.generation_tokens = Some(9.0),
        |e| e.prompt_tokens = Some(9.0),
        |e| e.iterations = Some(9.0),
        |e| e.request_success = vec![("stop".into(), 9.0)],
        |e| e.prefix_cache_queries = Some(9.0),
        |e| e.preemptions = Some(9.0),
        |e| e.kv_cache_usage = Some(0.2),
    ];
    for (which, change) in moves.into_iter().enumerate() {
        let full = Engine {
            prompt_tokens: Some(1.0),
            iterations: Some(1.0),
            prefix_cache_queries: Some(1.0),
            preemptions: Some(1.0),
            request_success: vec![("stop".into(), 1.0)],
            ..engine("0", 1.0)
        };
        let mut clock = clock_after(10, &full);
        assert!(since(&clock).is_some());
        let mut moved = full;
        change(&mut moved);
        clock.push(at(12), &sample([moved]));
        assert_eq!(since(&clock), None, "movement {which}");
    }
}

#[test]
fn an_aborted_request_or_a_vanished_series_moves_nothing() {
    let mut still = Engine { request_success: vec![("abort".into(), 1.0), ("stop".into(), 1.0)], ..engine("0", 1.0) };
    let mut clock = clock_after(10, &still);
    still.request_success[0].1 = 2.0;
    clock.push(at(12), &sample([still.clone()]));
    still.generation_tokens = None;
    clock.push(at(14), &sample([still.clone()]));
    still.generation_tokens = Some(1.0);
    clock.push(at(16), &sample([still]));
    assert_eq!(since(&clock), Some(at(0)));
}

#[test]
fn one_hung_engine_of_several_is_a_stall_with_its_name() {
    let mut clock = StallClock::default();
    for second in 0..10 {
        clock.push(at(second), &sample([engine("0", second as f64), engine("1", 7.0), engine("2", second as f64)]));
    }
    let stalls = clock.stalls();
    assert_eq!(stalls.len(), 1);
    assert_eq!((stalls[0].engine.as_str(), stalls[0].model_name.as_str()), ("1", "m"));
    assert_eq!((stalls[0].since, stalls[0].seen_at, stalls[0].running), (at(0), at(9), Some(2.0)));
}

#[test]
fn a_gap_between_samples_does_not_hide_a_stall() {
    let mut clock = clock_after(2, &engine("0", 1.0));
    clock.push(at(600), &sample([engine("0", 1.0)]));
    assert_eq!(since(&clock), Some(at(0)));
}

#[test]
fn an_engine_that_is_absent_keeps_its_stall_for_a_while() {
    let mut clock = StallClock::default();
    (0..10).for_each(|s| clock.push(at(s), &sample([engine("0", s as f64), engine("1", 7.0)])));
    clock.push(at(10), &sample([engine("0", 10.0)]));
    assert_eq!(since(&clock), Some(at(0)));
    clock.push(at(700), &sample([engine("0", 11.0)]));
    assert_eq!(since(&clock), None);
}

#[test]
fn a_restart_ends_a_stall() {
    let mut clock = clock_after(10, &engine("0", 1.0));
    clock.push(at(12), &VllmSample { process_start: Some(2.0), ..sample([engine("0", 1.0)]) });
    assert_eq!(since(&clock), None);
    let mut clock = clock_after(10, &engine("0", 9.0));
    clock.push(at(12), &sample([engine("0", 1.0)]));
    assert_eq!(since(&clock), None, "counters that fell");
}

#[test]
fn an_answered_canary_acquits_until_something_moves_or_a_later_one_times_out() {
    let frozen = engine("0", 1.0);
    let mut clock = clock_after(20, &frozen);
    clock.push(at(22), &heard(Canary::Answered, [frozen.clone()]));
    assert_eq!(since(&clock), None);
    (24..60).step_by(2).for_each(|s| clock.push(at(s), &sample([frozen.clone()])));
    assert_eq!(since(&clock), None, "the same frozen gauges are no stall");
    assert_eq!(clock.suspect(at(58), 15.0), Some("m"), "but worth another canary");

    let mut later = clock.clone();
    later.push(at(60), &heard(Canary::TimedOut, [frozen.clone()]));
    assert_eq!(since(&later), Some(at(22)), "it hangs since the answer at the earliest");
    assert_eq!(later.stalls()[0].canary, Some(Canary::TimedOut));

    clock.push(at(60), &sample([engine("0", 2.0)]));
    clock.push(at(62), &sample([engine("0", 2.0)]));
    assert_eq!(since(&clock), Some(at(60)), "a new standstill counts anew");
    assert_eq!(clock.stalls()[0].canary, None);
}

#[test]
fn other_outcomes_are_evidence_only() {
    for canary in [Canary::TimedOut, Canary::Inconclusive] {
        let mut clock = clock_after(20, &engine("0", 1.0));
        clock.push(at(22), &heard(canary, [engine("0", 1.0)]));
        assert_eq!((since(&clock), clock.stalls()[0].canary), (Some(at(0)), Some(canary)));
    }
}

#[test]
fn an_answer_that_another_engine_may_have_given_acquits_nobody() {
    let mut clock = StallClock::default();
    (0..20).for_each(|s| clock.push(at(s), &sample([engine("0", s as f64), engine("1", 7.0)])));
    clock.push(at(20), &heard(Canary::Answered, [engine("0", 20.0), engine("1", 7.0)]));
    assert_eq!(since(&clock), Some(at(0)));
}

#[test]
fn an_answer_is_that_of_the_longest_standstills_model() {
    let mut clock = StallClock::default();
    let other = || Engine { model_name: "n".into(), ..engine("0", 1.0) };
    clock.push(at(0), &sample([engine("0", 1.0)]));
    (2..20).for_each(|s| clock.push(at(s), &sample([engine("0", 1.0), other()])));
    clock.push(at(20), &heard(Canary::Answered, [engine("0", 1.0), other()]));
    let models: Vec<&str> = clock.stalls().iter().map(|stall| stall.model_name.as_str()).collect();
    assert_eq!(models, ["n"]);
}

#[test]
fn the_suspect_is_the_longest_standstill_after_its_time() {
    let mut clock = StallClock::default();
    let other = |tokens| Engine { model_name: "n".into(), ..engine("0", tokens) };
    (0..20).for_each(|s| clock.push(at(s), &sample([engine("0", 1.0), other(f64::min(s as f64, 5.0))])));
    assert_eq!(clock.suspect(at(14), 15.0), None);
    assert_eq!(clock.suspect(at(15), 15.0), Some("m"));
}

#[test]
fn a_clock_set_back_starts_anew_and_memory_is_bounded() {
    let mut clock = clock_after(20, &engine("0", 1.0));
    clock.push(at(-500), &sample([engine("0", 1.0)]));
    clock.push(at(-498), &sample([engine("0", 1.0)]));
    assert_eq!(since(&clock), Some(at(-500)));
    for round in 0..10 {
        clock.push(at(round), &sample((0..500).map(|i| engine(&format!("{round}-{i}"), 1.0))));
    }
    assert!(clock.engines.len() <= MAX_ENGINES);
}
