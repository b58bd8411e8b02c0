//! What the watchdog remembers from one evaluation to the next, in the daemon and across runs of `--once`.
//!
//! Invariant: pure; every age comes from a clock that nobody can set, and what is forgotten (a lost file, a reboot)
//! only makes ages shorter.

use serde::{Deserialize, Serialize};

use super::clock::{Clock, Stamp};
use super::decide::{Beat, BusTrouble, Confirmed, Decision, Dependency, Excuses, Inputs, Pausing, Phase, Rules, Spent};
use crate::assessment::Finding;
use crate::config::Phases;
use crate::observation::{Heartbeat, Pause, Reading, Time, seconds_since};
use crate::systemd::{Active, Unit};

/// The wall clock was set, or the machine slept, when two clocks part by more than this between two evaluations ...
const DISTURBANCE: f64 = 10.0;
/// ... and by more than this share of the time between them: a clock is slewed by at most 0.05 %.
const DRIFT: f64 = 0.001;
/// While the loop is alive, what it needs is looked at this rarely, seconds: only to know that it is there at all.
const LOOK_AGAIN: f64 = 3600.0;

/// What one evaluation saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// When.
    pub clock: Clock,
    /// The pause sentinels.
    pub pause: Reading<Pause>,
    /// The heartbeat.
    pub heartbeat: Reading<Heartbeat>,
    /// A hash of what the heartbeat holds; `None` when its bytes could not be read.
    pub bytes: Option<u64>,
    /// The loop's unit; its `since` is how long the service manager says that it has been as it is.
    pub unit: Result<Unit, String>,
    /// What the loop needs; `None` when it was not looked at.
    pub dependency: Option<Dependency>,
    /// The restarts made so far.
    pub spent: Result<Spent, String>,
    /// What is wrong with the heartbeat.
    pub trouble: Option<Finding>,
    /// What is reported beside the decision.
    pub notes: Vec<Finding>,
}

impl Facts {
    /// The run of the unit, where it was asked for.
    pub fn invocation(&self) -> Option<&str> {
        let details = self.unit.as_ref().ok()?.details.as_ref()?;
        Some(&details.invocation)
    }
}

/// What is remembered. Times are seconds since the boot `boot_id`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    boot_id: String,
    /// The latest evaluation.
    at: f64,
    /// Seconds that the machine is known to have been up before this boot.
    lived_before: f64,
    wall_offset: f64,
    asleep: f64,
    beat: Option<Seen>,
    phase: Option<LastPhase>,
    paused: bool,
    unpaused_at: Option<f64>,
    disturbed_at: Option<f64>,
    dependency_down: bool,
    recovered_at: Option<f64>,
    bus_failures: u64,
    condition: Option<Condition>,
    confirmed: Option<Confirmation>,
    /// The model server answered once: from then on its absence is an outage. Kept across boots.
    pub vllm_seen: bool,
    /// A GPU was there once. Kept across boots.
    pub gpu_seen: bool,
    dependency_looked_at: Option<f64>,
    /// The run that was restarted last.
    pub left: Left,
}

/// The run that a restart was to end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Left {
    /// systemd's id of it.
    pub invocation: String,
    /// Its processes, with their starts in clock ticks since boot.
    pub processes: Vec<(i32, u64)>,
}

/// The heartbeat as it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Seen {
    bytes: u64,
    changed_at: f64,
    /// It may have changed this much earlier: the time between the evaluation that saw it changed and the one before.
    slack: f64,
    readable: bool,
}

/// The phase that the loop told last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct LastPhase {
    name: String,
    started_at: Time,
    invocation: Option<String>,
}

/// Since when the unit has been busy, or stopped, as far as was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Condition {
    busy: bool,
    since: f64,
}

/// Evaluations that called for a restart of one run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Confirmation {
    invocation: String,
    count: u64,
    at: f64,
}

impl Memory {
    /// Completes `clock` by how long the machine is known to have been up, by this memory and by the latest stamp of
    /// the audit trail, which is there when this memory was lost.
    pub fn set_lived(&self, clock: &mut Clock, latest: Option<&Stamp>) {
        let known = if self.is_of(clock) { self.lived_before } else { self.lived_before + self.at };
        let told = latest.map_or(0.0, |stamp| match clock.is_boot_of(stamp) {
            true => stamp.lived - stamp.boottime,
            false => stamp.lived,
        });
        clock.lived = clock.boottime + known.max(told);
    }

    fn is_of(&self, clock: &Clock) -> bool {
        !clock.boot_id.is_empty() && self.boot_id == clock.boot_id && clock.boottime >= self.at
    }

    /// Takes in what an evaluation saw of the clocks, the heartbeat and the pause. [`Memory::complete`] follows.
    pub fn begin(&mut self, facts: &Facts, rules: &Rules) {
        let clock = &facts.clock;
        if !self.is_of(clock) {
            *self = Memory {
                boot_id: clock.boot_id.clone(),
                at: clock.boottime,
                wall_offset: clock.wall_offset(),
                asleep: clock.asleep(),
                vllm_seen: self.vllm_seen,
                gpu_seen: self.gpu_seen,
                ..Memory::default()
            };
        }
        self.lived_before = clock.lived - clock.boottime;
        let gap = clock.boottime - self.at;
        self.note_clocks(clock, gap);
        self.note_beat(facts, gap, gap > 3.0 * rules.restart.interval.0);
        self.note_pause(facts);
        self.at = clock.boottime;
    }

    /// Takes in the rest: the unit and the dependencies, which are looked at only when the heartbeat calls for it.
    pub fn complete(&mut self, facts: &Facts) {
        self.note_dependency(facts);
        self.note_unit(facts);
    }

    fn note_clocks(&mut self, clock: &Clock, gap: f64) {
        let parted = |before: f64, now: f64| (now - before).abs() > DISTURBANCE + DRIFT * gap;
        if parted(self.wall_offset, clock.wall_offset()) || parted(self.asleep, clock.asleep()) {
            self.disturbed_at = Some(clock.boottime);
        }
        (self.wall_offset, self.asleep) = (clock.wall_offset(), clock.asleep());
    }

    /// `blind`: nobody looked for so long that a heartbeat which cannot be read may have been fine until just now.
    fn note_beat(&mut self, facts: &Facts, gap: f64, blind: bool) {
        let now = facts.clock.boottime;
        self.beat = Some(match (self.beat, facts.bytes) {
            (Some(seen), Some(bytes)) if seen.bytes == bytes => Seen { readable: true, ..seen },
            // `gap` is 0 at the first look: who has not looked before has no clock to compare the heartbeat's with.
            (_, Some(bytes)) => Seen { bytes, changed_at: now, slack: gap, readable: true },
            (Some(seen), None) if !(blind && seen.readable) => Seen { readable: false, ..seen },
            (seen, None) => {
                Seen { changed_at: now, slack: 0.0, readable: false, bytes: seen.map_or(0, |seen| seen.bytes) }
            }
        });
        if let Reading::Observed(Heartbeat { phase, phase_started_at, invocation_id, .. }) = &facts.heartbeat {
            self.phase = phase.clone().zip(*phase_started_at).map(|(name, started_at)| LastPhase {
                name,
                started_at,
                invocation: invocation_id.clone(),
            });
        }
    }

    fn note_pause(&mut self, facts: &Facts) {
        let paused = facts.pause.observed().is_none_or(|pause| pause.since().is_some());
        if self.paused && !paused {
            self.unpaused_at = Some(facts.clock.boottime);
        }
        self.paused = paused;
    }

    fn note_dependency(&mut self, facts: &Facts) {
        let Some(dependency) = &facts.dependency else { return };
        let down = *dependency != Dependency::Fine;
        if self.dependency_down && !down {
            self.recovered_at = Some(facts.clock.boottime);
        }
        self.dependency_down = down;
        self.dependency_looked_at = Some(facts.clock.boottime);
    }

    fn note_unit(&mut self, facts: &Facts) {
        let Ok(unit) = &facts.unit else {
            self.bus_failures += 1;
            return;
        };
        self.bus_failures = 0;
        let busy = unit.job.is_some() || !matches!(unit.active, Active::Active | Active::Inactive | Active::Failed);
        let condition =
            (busy || unit.active != Active::Active).then_some(Condition { busy, since: facts.clock.boottime });
        let goes_on = self.condition.filter(|before| condition.is_some_and(|now| now.busy == before.busy));
        self.condition = goes_on.or(condition);
    }

    /// How old the heartbeat is, seconds: what it says of itself, as far as that agrees with when it was seen to change.
    ///
    /// By its own word alone a heartbeat would be old on a machine whose clock was set just before the first look.
    pub fn beat_age(&self, facts: &Facts, rules: &Rules) -> f64 {
        let seen = self.beat.unwrap_or_default();
        let unchanged = (facts.clock.boottime - seen.changed_at).max(0.0);
        match told_age(facts).filter(|told| *told >= -rules.loop_.future.0) {
            Some(told) => told.clamp(unchanged, unchanged + seen.slack.max(0.0)),
            None => unchanged,
        }
    }

    /// Whether the loop has been silent for so long that it matters what it needs.
    pub fn is_silent(&self, facts: &Facts, rules: &Rules) -> bool {
        let told = told_age(facts).unwrap_or(0.0);
        self.beat_age(facts, rules).max(told) > (2.0 * rules.restart.interval.0).min(rules.loop_.warn.0)
    }

    /// Whether the dependencies have not been looked at for so long that it is not known any more whether this machine
    /// has them.
    pub fn looked_long_ago(&self, clock: &Clock) -> bool {
        self.dependency_looked_at.is_none_or(|at| clock.boottime - at > LOOK_AGAIN)
    }

    /// What to decide on; [`Memory::complete`] has taken `facts` in.
    pub fn inputs(&self, facts: &Facts, rules: &Rules, phases: &Phases) -> Inputs {
        let clock = &facts.clock;
        let ago = |at: Option<f64>| at.map(|at| (clock.boottime - at).max(0.0));
        let unit = match &facts.unit {
            Ok(unit) => Ok(self.unit(unit, clock)),
            Err(message) => Err(BusTrouble { message: message.clone(), in_a_row: self.bus_failures }),
        };
        Inputs {
            phase: self.phase(facts, rules, phases),
            confirmed: self.confirmed(unit.as_ref().ok(), clock),
            unit,
            pause: match &facts.pause {
                Reading::Observed(pause) => pause
                    .since()
                    .map_or(Pausing::Not, |since| Pausing::Paused(seconds_since(clock.wall, since).max(0.0))),
                Reading::Missing(why) => Pausing::Unknown(why.clone()),
                Reading::Failed(failure) => Pausing::Unknown(failure.message.clone()),
            },
            beat: Beat { age: self.beat_age(facts, rules), told: told_age(facts), trouble: facts.trouble.clone() },
            excuses: Excuses {
                uptime: Some(clock.boottime),
                unpaused: ago(self.unpaused_at),
                disturbed: ago(self.disturbed_at),
                recovered: ago(self.recovered_at),
            },
            dependency: facts.dependency.clone().unwrap_or_else(|| Dependency::Unknown("it was not looked at".into())),
            spent: facts.spent.clone(),
            notes: facts.notes.clone(),
        }
    }

    fn unit(&self, unit: &Unit, clock: &Clock) -> Unit {
        let seen = self.condition.map_or(0.0, |condition| (clock.boottime - condition.since).max(0.0));
        Unit { since: unit.since.max(seen), ..unit.clone() }
    }

    fn phase(&self, facts: &Facts, rules: &Rules, phases: &Phases) -> Option<Phase> {
        let last = self.phase.as_ref()?;
        let age = seconds_since(facts.clock.wall, last.started_at);
        let details = facts.unit.as_ref().ok().and_then(|unit| unit.details.as_ref());
        let of_this_run = details.is_some_and(|details| match &last.invocation {
            Some(invocation) if !details.invocation.is_empty() => *invocation == details.invocation,
            _ => age <= details.started,
        });
        let may_last = phases.budget(&last.name).map(|budget| rules.restart.phase_may_last(budget));
        Some(Phase { name: last.name.clone(), age, may_last, of_this_run })
    }

    fn confirmed(&self, unit: Option<&Unit>, clock: &Clock) -> Confirmed {
        let invocation = unit.and_then(|unit| unit.details.as_ref()).map(|details| &details.invocation);
        let of_this_run = self.confirmed.as_ref().filter(|confirmed| Some(&confirmed.invocation) == invocation);
        of_this_run.map_or_else(Confirmed::default, |confirmed| Confirmed {
            count: confirmed.count,
            last: (clock.boottime - confirmed.at).max(0.0),
        })
    }

    /// Takes in what was decided: only evaluations that call for a restart confirm one another.
    pub fn conclude(&mut self, decision: &Decision, facts: &Facts) {
        let details = facts.unit.as_ref().ok().and_then(|unit| unit.details.as_ref());
        let at = match (&self.confirmed, decision.counts) {
            (Some(before), false) => before.at,
            _ => facts.clock.boottime,
        };
        self.confirmed = details.filter(|_| decision.confirmations > 0).map(|details| Confirmation {
            invocation: details.invocation.clone(),
            count: decision.confirmations,
            at,
        });
    }

    /// Forgets the confirmations: a restart was asked for, or called off.
    pub fn acted(&mut self) {
        self.confirmed = None;
    }

    /// Seconds since the loop was last found not to be paused any more, or the machine was disturbed, whichever came
    /// last; `None` where neither is known.
    pub fn since_excuse(&self, clock: &Clock) -> Option<f64> {
        let since = |at: f64| (clock.boottime - at).max(0.0);
        [self.unpaused_at, self.disturbed_at].into_iter().flatten().map(since).reduce(f64::min)
    }
}

/// How old the heartbeat is by its own word and the wall clock, seconds; negative when it lies ahead.
fn told_age(facts: &Facts) -> Option<f64> {
    let at = facts.heartbeat.observed()?.at?;
    Some(seconds_since(facts.clock.wall, at))
}

#[cfg(test)]
mod tests;
