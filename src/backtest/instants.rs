//! The instants between two records at which an age crosses a limit.
//!
//! Invariant: they only say when to judge; `assess` says what is found. An age that the next record does not continue
//! crosses nothing, because nobody knows how old it became.

use jiff::SignedDuration;

use super::keys::Number;
use super::record::Moment;
use super::replay::continues;
use crate::assessment::Thresholds;
use crate::observation::{Time, seconds_since};

/// Which ages cross which limits.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    ages: Vec<(Number, Vec<f64>)>,
    xids: f64,
    /// By phase.
    agents: Vec<[f64; 2]>,
}

impl Limits {
    /// Those of `thresholds`.
    pub(super) fn new(thresholds: &Thresholds) -> Self {
        let limits = &thresholds.limits;
        let heartbeat = [limits.loop_.warn.0, limits.loop_.crit.0, -limits.loop_.future.0];
        let may_last =
            thresholds.phases.0.iter().map(|phase| thresholds.restart.phase_may_last(phase.budget)).collect();
        let agents = &limits.subagents;
        let ages = vec![
            (Number::HeartbeatAge, heartbeat.to_vec()),
            (Number::HeartbeatChanged, heartbeat.to_vec()),
            (Number::HeartbeatExcused, vec![limits.loop_.crit.0]),
            (Number::Uptime, vec![limits.loop_.crit.0]),
            (Number::PausedSeconds, vec![limits.loop_.paused.0]),
            (Number::PhaseAge, may_last),
            (Number::Standstill, vec![limits.vllm.stall_crit.0]),
            (Number::VllmOutage, vec![limits.vllm.unreachable_crit.0, limits.vllm.unanswered_crit.0]),
            (Number::GpuFailing, vec![limits.gpu.unanswered_crit.0]),
            (Number::EccGrown, vec![limits.gpu.xid_hold.0]),
            (Number::ParityFell, vec![limits.parity.drop_hold.0]),
            (Number::VerdictAge, vec![limits.verdicts.stale.0]),
            (Number::SiteAge, vec![limits.site.warn.0, limits.site.crit.0]),
            (Number::ReviewAge, vec![limits.review.warn.0, limits.review.crit.0]),
            (Number::EvaluationAge, vec![limits.watchdog.warn.0, limits.watchdog.timer_warn.0]),
        ];
        let budgets = thresholds.phases.0.iter().map(|phase| phase.budget.0);
        Limits {
            ages,
            xids: limits.gpu.xid_hold.0,
            agents: budgets.map(|budget| [budget * agents.warn, budget * agents.crit]).collect(),
        }
    }

    /// The instants between `moment` and `next`, in order.
    pub(super) fn between(&self, moment: &Moment, next: &Moment) -> Vec<Time> {
        let gap = seconds_since(next.at, moment.at);
        let mut offsets = Vec::new();
        let mut cross = |age: f64, limit: f64| offsets.extend(Some(limit - age).filter(|at| (0.0..gap).contains(at)));
        for (number, limits) in &self.ages {
            let Some(age) = moment.get(*number) else { continue };
            if limits.iter().any(|limit| (0.0..gap).contains(&(limit - age))) && continues(moment, Some(next), *number)
            {
                limits.iter().for_each(|limit| cross(age, *limit));
            }
        }
        moment.xid_ages.iter().for_each(|age| cross(*age, self.xids));
        for (phase, age) in &moment.agents {
            self.agents.get(usize::from(*phase)).into_iter().flatten().for_each(|limit| cross(*age, *limit));
        }
        offsets.sort_by(f64::total_cmp);
        offsets.dedup();
        offsets.into_iter().filter_map(|offset| just_after(moment.at, offset)).filter(|at| *at < next.at).collect()
    }
}

/// The first millisecond after `offset` seconds have passed: most limits must be exceeded, not only reached.
fn just_after(time: Time, offset: f64) -> Option<Time> {
    #[expect(clippy::cast_possible_truncation, reason = "shorter than the time between two records")]
    let milliseconds = (offset * 1000.0).floor() as i64 + 1;
    time.checked_add(SignedDuration::from_millis(milliseconds)).ok()
}
