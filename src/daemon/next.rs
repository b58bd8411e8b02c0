//! When the findings change by themselves: ages grow and readings become old while nothing arrives.
//!
//! Invariant: it only asks the pure judgement about later instants; it knows no check and no limit.

use std::time::Duration;

use crate::assessment::{Assessment, CheckResult, Presence, Severity};
use crate::observation::Time;

/// How late a change may be noticed.
const PRECISION: Duration = Duration::from_millis(20);

/// How long after `judged` the findings become others if nothing arrives; `horizon` when they stay for as long.
///
/// `judge` is asked once, and where the findings change it is asked as often as halving `horizon` takes. A change that
/// is gone again within the horizon is not seen.
pub(super) fn change(judged: &Assessment, horizon: Duration, judge: impl Fn(Time) -> Assessment) -> Duration {
    let same_after = |wait: Duration| alike(judged, &judge(judged.at + wait));
    if same_after(horizon) {
        return horizon;
    }
    let (mut same, mut other) = (Duration::ZERO, horizon);
    while other - same > PRECISION {
        let middle = same + (other - same) / 2;
        if same_after(middle) {
            same = middle;
        } else {
            other = middle;
        }
    }
    other
}

/// Whether both find the same; the words may differ, because they tell ages.
fn alike(one: &Assessment, other: &Assessment) -> bool {
    one.liveness.must_restart == other.liveness.must_restart
        && one.checks.iter().map(verdict).eq(other.checks.iter().map(verdict))
        && one.checks.iter().flat_map(codes).eq(other.checks.iter().flat_map(codes))
}

const fn verdict(check: &CheckResult) -> (Presence, Severity, usize) {
    (check.presence, check.severity, check.findings.len())
}

fn codes(check: &CheckResult) -> impl Iterator<Item = (&'static str, Severity)> {
    check.findings.iter().map(|finding| (finding.code, finding.severity))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use jiff::SignedDuration;

    use super::*;
    use crate::assessment::assess;
    use crate::config::{Config, Inputs, load_over};
    use crate::observation::{Data, Heartbeat, LoopReading, LoopState, Observation, Pause, Reading, SourceId};
    use crate::state::State;

    const HORIZON: Duration = Duration::from_secs(5);

    /// How long until the findings change where the heartbeat is `age` old, and how often was judged for it.
    fn with_heartbeat_of(age: SignedDuration) -> (Duration, u32) {
        let loaded = load_over(Config::default(), &Inputs::default()).expect("the defaults load");
        let (now, thresholds) = (Time::now(), loaded.thresholds());
        let mut state = State::new(&loaded.config, now);
        let heartbeat = Heartbeat { at: Some(now - age), ..Heartbeat::default() };
        let reading = LoopReading {
            heartbeat: Reading::Observed(heartbeat),
            state: Reading::Observed(LoopState::default()),
            pause: Reading::Observed(Pause::default()),
        };
        let reading = Reading::Observed(Data::Loop(reading));
        state.apply(Observation { source: SourceId::Loop, at: now, took: Duration::ZERO, reading });
        let (judged, asked) = (assess(&state, &thresholds, now), Cell::new(0));
        let wait = change(&judged, HORIZON, |later| {
            asked.set(asked.get() + 1);
            assess(&state, &thresholds, later)
        });
        let found = |wait| assess(&state, &thresholds, now + wait).check("loop").unwrap().severity;
        assert!(wait == HORIZON || found(wait) != found(wait.saturating_sub(PRECISION)));
        (wait, asked.get())
    }

    #[test]
    fn a_limit_that_is_crossed_by_ageing_is_noticed_when_it_is_crossed() {
        for (limit, left) in [(600, 3.21), (600, 0.001), (900, 4.9)] {
            let age = SignedDuration::from_secs(limit) - SignedDuration::from_secs_f64(left);
            let (wait, asked) = with_heartbeat_of(age);
            let late = wait.as_secs_f64() - left;
            assert!((0.0..=PRECISION.as_secs_f64()).contains(&late), "{left} s left: {wait:?}");
            assert!(asked < 10, "{asked}");
        }
    }

    #[test]
    fn where_nothing_changes_one_look_ahead_is_enough() {
        assert_eq!(with_heartbeat_of(SignedDuration::from_secs(10)), (HORIZON, 1));
        assert_eq!(with_heartbeat_of(SignedDuration::from_secs(610)), (HORIZON, 1));
    }

    #[test]
    fn severity_words_and_restart_are_told_apart() {
        let loaded = load_over(Config::default(), &Inputs::default()).expect("the defaults load");
        let now = Time::now();
        let one = assess(&State::new(&loaded.config, now), &loaded.thresholds(), now);
        let changed = |change: fn(&mut Assessment)| {
            let mut other = one.clone();
            change(&mut other);
            !alike(&one, &other)
        };
        assert!(!changed(|other| other.checks[0].summary = "older".into()));
        assert!(changed(|other| other.checks[0].severity = Severity::Crit));
        assert!(changed(|other| other.liveness.must_restart ^= true));
    }
}
