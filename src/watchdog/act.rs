//! The restart itself.
//!
//! Invariant: first the intent is on the disk, then everything is looked at once more, then it is asked for, once.

use tracing::{info, warn};

use super::clock::Clock;
use super::decide::Decision;
use super::diagnose::{self, Subject};
use super::memory::{Facts, Left};
use super::reason::Reason;
use super::trail;
use super::watch::{Watchdog, start_of};
use crate::assessment::Severity;
use crate::observation::{Heartbeat, LoopReading, Pause, Reading, RestartOutcome};
use crate::source::subagents::processes_of;
use crate::systemd::{Active, Asked, Refused};

impl Watchdog {
    /// Restarts the loop as `decision` says, unless the last look speaks against it. What was decided in the end.
    pub(super) async fn restart(&mut self, decision: Decision, facts: &Facts) -> Decision {
        let unit = self.config.loop_.unit.clone();
        let invocation = facts.invocation().unwrap_or_default().to_owned();
        let id = name(&facts.clock);
        let clock = self.now();
        let intent = trail::intent(&clock, &id, &decision.text, &unit, &invocation);
        if let Err(why) = self.append(&intent, &clock) {
            return unrecorded(decision, &why);
        }
        warn!(id, unit, invocation, "restarting the loop: {}", decision.text);
        self.saved.memory.acted();
        self.diagnose(&id, &decision, facts).await;
        if let Some(why) = self.look_again(facts, &invocation).await {
            let clock = self.now();
            self.conclude_restart(&clock, &id, (RestartOutcome::CalledOff, &why), Some(&invocation));
            return decision;
        }
        let wait = self.config.restart.job_wait.duration();
        match self.manager.try_restart(&unit, wait).await {
            Ok(Asked { result }) => info!(id, result, "the restart was asked for"),
            Err(Refused::Unknown(why)) => warn!(id, "it is not known whether the restart was heard: {why}"),
            Err(Refused::NotAsked(why)) => {
                let clock = self.now();
                self.conclude_restart(&clock, &id, (RestartOutcome::CalledOff, &why), Some(&invocation));
            }
        }
        decision
    }

    async fn diagnose(&mut self, id: &str, decision: &Decision, facts: &Facts) {
        let details = facts.unit.as_ref().ok().and_then(|unit| unit.details.as_ref());
        let processes = details.map(|details| processes_of(&details.control_group)).unwrap_or_default();
        self.saved.memory.left = Left {
            invocation: facts.invocation().unwrap_or_default().to_owned(),
            processes: processes.iter().filter_map(|pid| Some((*pid, start_of(*pid)?))).collect(),
        };
        let age = self.saved.memory.beat_age(facts, &self.rules);
        let settings = &self.config.restart;
        let subject = Subject {
            unit: &self.config.loop_.unit,
            manager: self.config.loop_.unit_manager,
            processes,
            heartbeat: self.config.in_runtime_dir(&self.config.loop_.heartbeat),
            decision: diagnose::decision(&decision.text, age, &self.readings),
        };
        let (place, time) = (self.config.in_runtime_dir(&settings.diagnostics), settings.diagnose.duration());
        let captured = diagnose::capture(&place, id, &subject, (time.mul_f64(0.9), settings.keep));
        match tokio::time::timeout(time, captured).await {
            Ok(troubles) => troubles.iter().for_each(|trouble| warn!(id, "{trouble}")),
            Err(_) => warn!(id, "diagnostics were cut off after {:.0} s", time.as_secs_f64()),
        }
    }

    /// What speaks against the restart now: rows 1, 2 and 4 once more, another run, or a heartbeat that moved.
    async fn look_again(&mut self, facts: &Facts, invocation: &str) -> Option<String> {
        let LoopReading { heartbeat, pause, .. } = self.read_loop().await;
        match pause {
            Reading::Observed(Pause { soft: None, hard: None }) => {}
            Reading::Observed(_) => return Some("the loop was paused meanwhile".into()),
            _ => return Some("it is not known any more whether the loop is paused".into()),
        }
        let told = |heartbeat: &Reading<Heartbeat>| heartbeat.observed().cloned();
        if told(&heartbeat).is_some() && told(&heartbeat) != told(&facts.heartbeat) {
            return Some("the loop gave a sign of life meanwhile".into());
        }
        let monotonic = self.now().monotonic;
        let unit = match self.manager.unit(&self.config.loop_.unit, true, monotonic).await {
            Ok(told) => told.unit,
            Err(why) => return Some(format!("the service manager does not answer any more: {why}")),
        };
        if let Some(job) = unit.job {
            return Some(format!("a job ({job}) is pending for the unit by now"));
        }
        if unit.active != Active::Active || unit.load != "loaded" {
            return Some(format!("the unit is {} ({}, {}) by now", unit.active.name(), unit.sub, unit.load));
        }
        let same = unit.details.is_some_and(|details| details.invocation == invocation);
        (!same).then(|| "somebody else restarted the unit meanwhile".into())
    }
}

/// A restart's name: when it was decided, by the wall clock, and by one that cannot give the same name twice.
fn name(clock: &Clock) -> String {
    format!("{}-{:.0}", clock.wall.strftime("%Y%m%dT%H%M%SZ"), clock.boottime * 10.0)
}

/// No restart is made that cannot be written down.
fn unrecorded(decision: Decision, why: &str) -> Decision {
    Decision {
        action: Reason::History.action(),
        reason: Reason::History,
        severity: Severity::Crit,
        row_severity: Severity::Crit,
        text: format!("{}; but no restart is made because it could not be written down: {why}", decision.text),
        hint: "make the runtime directory writable for the watchdog's user; see `df` for a full disk".into(),
        ..decision
    }
}
