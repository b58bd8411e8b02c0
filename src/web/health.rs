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

/// `/startupz`: whether the loop has given a fresh sign of life since watching began. An older one does not count:
/// it survives a container's restart, and the restarted loop would be judged by it.
pub fn started(state: &State, thresholds: &Thresholds, now: Time) -> Probe {
    let limit = thresholds.limits.loop_.warn;
    let heartbeat = state.last_heartbeat.as_ref().and_then(|heartbeat| heartbeat.value.at);
    match heartbeat {
        _ if !state.slot(SourceId::Loop).is_enabled() => Probe::ok("the loop is not watched; nothing to wait for"),
        None => Probe::failed("no heartbeat was seen yet"),
        Some(at) if at < state.started_at => {
            Probe::failed(format!("the only heartbeat, of {at:.0}, is older than this watch; waiting for a new one"))
        }
        Some(at) if seconds_since(now, at) > limit.0 => {
            Probe::failed(format!("the last heartbeat, of {at:.0}, is older than {limit}; waiting for a new one"))
        }
        Some(at) => Probe::ok(format!("a heartbeat of {at:.0} was seen")),
    }
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
        Reading::Observed(Data::Loop(LoopReading {
            heartbeat: Reading::Observed(heartbeat),
            state: Reading::Missing("state.json".into()),
            pause: Reading::Observed(Pause::default()),
        }))
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
        for (age, ok) in [(3000, false), (1000, false), (601, false), (599, true), (0, true)] {
            observe(&mut state, SourceId::Loop, heartbeat(now - SignedDuration::from_secs(age)));
            let probe = started(&state, &thresholds(), now);
            assert_eq!(probe.ok, ok, "{age}: {}", probe.reason);
        }
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
