//! What came of a restart: seen by later evaluations, so that a watchdog that is killed meanwhile goes on with it.
//!
//! Invariant: pure. A restart took when a new run of the unit has shown a heartbeat of its own; a job that is "done"
//! proves nothing.

use super::decide::{Inputs, Pausing, Rules};
use super::memory::{Facts, Memory};
use super::trail::Pending;
use crate::observation::{Heartbeat, Reading, RestartOutcome};
use crate::systemd::{Active, Details, Unit};
use crate::words;

/// What came of the restart `pending`; `None` while that is open, or cannot be known now.
pub fn outcome(
    pending: &Pending,
    (facts, inputs): (&Facts, &Inputs),
    memory: &Memory,
    rules: &Rules,
) -> Option<(RestartOutcome, String)> {
    let unit = inputs.unit.as_ref().ok()?;
    // A paused loop gives no sign of life, and that says nothing of the restart.
    if inputs.pause != Pausing::Not {
        return None;
    }
    let details = unit.details.as_ref()?;
    if took(pending, (unit, details), (facts, inputs), rules) {
        let text = format!("run {} gave its first sign of life", details.invocation);
        return Some((RestartOutcome::Took, text));
    }
    let asked = facts.clock.since(&pending.stamp);
    let waited = memory.since_excuse(&facts.clock).map_or(asked, |excuse| excuse.min(asked));
    (waited > rules.restart.verify.0).then(|| (RestartOutcome::DidNotTake, why_not(pending, unit, details, waited)))
}

fn took(
    pending: &Pending,
    (unit, details): (&Unit, &Details),
    (facts, inputs): (&Facts, &Inputs),
    rules: &Rules,
) -> bool {
    let new_run =
        unit.active == Active::Active && !details.invocation.is_empty() && details.invocation != pending.invocation;
    let Reading::Observed(Heartbeat { invocation_id, .. }) = &facts.heartbeat else { return false };
    // One that names its run proves it; another one must have come after the start.
    let of_it = match invocation_id {
        Some(id) => *id == details.invocation,
        None => inputs.beat.age < details.started,
    };
    new_run && of_it && inputs.beat.trouble.is_none() && inputs.beat.age <= rules.loop_.warn.0
}

fn why_not(pending: &Pending, unit: &Unit, details: &Details, waited: f64) -> String {
    let waited = words::length(waited);
    match unit.active {
        Active::Active if details.invocation == pending.invocation => {
            format!("after {waited} the same run goes on as before")
        }
        Active::Active => format!("the unit runs anew, and gave no sign of life within {waited}"),
        active => format!("after {waited} the unit is {} ({})", active.name(), unit.sub),
    }
}

#[cfg(test)]
mod tests;
