//! What one evaluation makes of what it saw: the outcome of an earlier restart, and the decision.
//!
//! Invariant: pure but for the memory it keeps; the model of loop, systemd and clocks in the tests runs this very code.

use super::decide::{Decision, Rules, decide};
use super::memory::{Facts, Memory};
use super::trail::{Pending, Trail};
use super::verify;
use crate::config::Phases;
use crate::observation::RestartOutcome;

/// What came of one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// What came of an earlier restart, when that is known now.
    pub verified: Option<(Pending, RestartOutcome, String)>,
    /// What to do.
    pub decision: Decision,
}

impl Evaluation {
    /// Of `facts`, which `memory` has begun to take in ([`Memory::begin`]).
    pub fn of(
        facts: &Facts,
        trail: Option<&Trail>,
        memory: &mut Memory,
        (rules, phases): (&Rules, &Phases),
    ) -> Evaluation {
        memory.complete(facts);
        let inputs = memory.inputs(facts, rules, phases);
        let verified = trail.and_then(Trail::pending).and_then(|pending| {
            let (outcome, reason) = verify::outcome(&pending, (facts, &inputs), memory, rules)?;
            Some((pending, outcome, reason))
        });
        let decision = decide(&inputs, rules);
        memory.conclude(&decision, facts);
        Evaluation { verified, decision }
    }
}

#[cfg(test)]
mod model;
