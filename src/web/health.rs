//! The answers of the health endpoints, from what is known. For Kubernetes probes and load balancers.
//!
//! Invariant: pure. Doubt is never an order to restart: `/livez` answers 503 only where the assessment says so.

use super::pages::Probe;
use crate::assessment::{Assessment, Thresholds};
use crate::observation::{SourceId, Time, seconds_since};
use crate::state::State;

/// `/livez`: whether the loop must be restarted.
pub fn live(assessment: &Assessment) -> Probe {
    let reason = assessment.liveness.reason.clone();
    Probe { ok: !assessment.liveness.must_restart, reason }
}

/// `/startupz`: whether the loop has given a fresh sign of life since watching began, or is told not to give one.
///
/// A heartbeat of before the watch, or one that grew old since, does not count: it survives the restart of the loop's
/// container, and the restarted loop would be judged by it. So the answer goes back to 503 while the loop is silent.
/// A kubelet asks until the first 200 after each start of the container and not again, so this never kills.
pub fn started(state: &State, thresholds: &Thresholds, now: Time) -> Probe {
    let limits = &thresholds.limits.loop_;
    let heartbeat = state.last_heartbeat.as_ref().and_then(|heartbeat| heartbeat.value.at);
    match heartbeat {
        _ if !state.slot(SourceId::Loop).is_enabled() => Probe::ok("the loop is not watched; nothing to wait for"),
        _ if is_paused(state, now) => Probe::ok("the loop is paused; nothing to wait for"),
        None => Probe::failed("no heartbeat was seen yet"),
        Some(at) if at < state.started_at => {
            Probe::failed(format!("the only heartbeat, of {at:.0}, is older than this watch; waiting for a new one"))
        }
        Some(at) if seconds_since(now, at) > limits.warn.0 => {
            let limit = limits.warn;
            Probe::failed(format!("the last heartbeat, of {at:.0}, is older than {limit}; waiting for a new one"))
        }
        Some(at) if seconds_since(at, now) > limits.future.0 => {
            Probe::failed(format!("the heartbeat, of {at:.0}, lies in the future; correct the clock that wrote it"))
        }
        Some(at) => Probe::ok(format!("a heartbeat of {at:.0} was seen")),
    }
}

fn is_paused(state: &State, now: Time) -> bool {
    let pause = state.loop_.current(now).and_then(|reading| reading.pause.observed());
    pause.is_some_and(|pause| pause.since().is_some())
}

/// `/-/ready`: whether every source that is turned on was read at least once, with whatever result.
pub fn ready(state: &State) -> Probe {
    let waiting: Vec<_> = SourceId::ALL
        .into_iter()
        .filter(|source| state.sources[source.index()].attempts == 0 && state.slot(*source).is_enabled())
        .map(SourceId::name)
        .collect();
    if waiting.is_empty() {
        Probe::ok("every source was read")
    } else {
        Probe::failed(format!("not read yet: {}", waiting.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::{Liveness, Severity};
    use crate::check::example_now;
    use crate::config::Config;
    use crate::observation::{Data, Failure, FailureKind, Heartbeat, LoopReading, Observation, Pause, Reading};
    use jiff::SignedDuration;
    use std::time::Duration;

    fn heartbeat(at: Time) -> Reading<Data> {
        let heartbeat = Heartbeat { at: Some(at), ..Default::default() };
        loop_(Reading::Observed(heartbeat), Pause::default())
    }

    fn loop_(heartbeat: Reading<Heartbeat>, pause: Pause) -> Reading<Data> {
        let state = Reading::Missing("state.json".into());
        Reading::Observed(Data::Loop(LoopReading { heartbeat, state, pause: Reading::Observed(pause) }))
    }

    fn observe(state: &mut State, source: SourceId, reading: Reading<Data>) {
        state.apply(Observation { source, at: example_now(), took: Duration::ZERO, reading });
    }

    fn thresholds() -> Thresholds {
        Thresholds::new(&Config::default(), false)
    }

    #[test]
    fn liveness_is_the_assessments_word() {
        let liveness = Liveness { must_restart: true, reason: "heartbeat 950 s old".into() };
        let mut assessment = Assessment { at: example_now(), severity: Severity::Crit, checks: vec![], liveness };
        assert_eq!(live(&assessment), Probe::failed("heartbeat 950 s old"));
        assessment.liveness.must_restart = false;
        assert!(live(&assessment).ok);
    }

    #[test]
    fn startup_waits_for_a_heartbeat_of_this_watch_that_is_fresh() {
        let now = example_now();
        let mut state = State::new(&Config::default(), now - SignedDuration::from_secs(2000));
        assert_eq!(started(&state, &thresholds(), now), Probe::failed("no heartbeat was seen yet"));
        // The last three: it fell silent and its container was restarted, it came back, its clock is wrong.
        for (age, ok) in [(3000, false), (1000, false), (599, true), (0, true), (601, false), (0, true), (-61, false)] {
            observe(&mut state, SourceId::Loop, heartbeat(now - SignedDuration::from_secs(age)));
            let probe = started(&state, &thresholds(), now);
            assert_eq!(probe.ok, ok, "{age}: {}", probe.reason);
        }
    }

    #[test]
    fn startup_does_not_wait_for_a_paused_loop() {
        let now = example_now();
        let mut state = State::new(&Config::default(), now);
        let pause = Pause { soft: Some(now - SignedDuration::from_secs(5000)), hard: None };
        observe(&mut state, SourceId::Loop, loop_(Reading::Missing("none".into()), pause));
        assert_eq!(started(&state, &thresholds(), now), Probe::ok("the loop is paused; nothing to wait for"));
        observe(&mut state, SourceId::Loop, loop_(Reading::Missing("none".into()), Pause::default()));
        assert!(!started(&state, &thresholds(), now).ok);
    }

    #[test]
    fn startup_does_not_wait_for_a_loop_that_is_not_watched() {
        let mut config = Config::default();
        config.loop_.enabled = false;
        assert!(started(&State::new(&config, example_now()), &thresholds(), example_now()).ok);
    }

    #[test]
    fn readiness_waits_for_one_reading_of_each_enabled_source() {
        let mut config = Config::default();
        config.gpu.enabled = false;
        let now = example_now();
        let mut state = State::new(&config, now);
        let failure = Failure::new(FailureKind::Unreachable, "refused");
        for source in SourceId::ALL.into_iter().filter(|source| *source != SourceId::Gpu) {
            let probe = ready(&state);
            assert!(!probe.ok && probe.reason.contains(source.name()), "{}", probe.reason);
            assert!(!probe.reason.contains("gpu"));
            observe(&mut state, source, Reading::Failed(failure.clone()));
        }
        assert_eq!(ready(&state), Probe::ok("every source was read"));
    }
}
