//! The loop's sub-agents by phase.

use super::{Inputs, OTHER, Samples, metrics};
use crate::observation::{Subagent, seconds_since};

metrics! {
    /// Sub-agents that run, by phase. `other` stands for a phase that the configuration does not name.
    RUNNING = Gauge autoswe_subagents { phase };
    /// Sub-agents that are older than the warning limit of their phase (its budget times checks.subagents.warn).
    OVER_BUDGET = Gauge autoswe_subagents_over_budget { phase };
    /// When the oldest sub-agent of the phase was started. Absent when none runs.
    OLDEST_START = Gauge autoswe_subagent_oldest_start_timestamp_seconds { phase };
    /// Processes of the loop's cgroup that /proc does not show, so that nobody knows whether they are sub-agents.
    HIDDEN = Gauge autoswe_subagents_hidden_processes;
    /// How long one sub-agent of the phase may take.
    BUDGET = Gauge autoswe_subagent_budget_seconds { phase };
}

pub(super) fn samples(inputs: &Inputs<'_>, out: &mut Samples) {
    let (phases, now) = (&inputs.thresholds.phases, inputs.now());
    let factor = inputs.thresholds.limits.subagents.warn;
    let reading = inputs.state.subagents.current(now);
    out.set(HIDDEN, &[], reading.map(|reading| reading.hidden));
    for phase in &phases.0 {
        out.set(BUDGET, &[&phase.name], phase.budget.0);
        let Some(reading) = reading else { continue };
        let agents: Vec<&Subagent> = reading.agents.iter().filter(|agent| agent.phase == phase.name).collect();
        let over = |agent: &&&Subagent| seconds_since(now, agent.started_at) > factor * phase.budget.0;
        out.set(OVER_BUDGET, &[&phase.name], agents.iter().filter(over).count());
        count(&phase.name, &agents, out);
    }
    if let (Some(reading), None) = (reading, phases.budget(OTHER)) {
        count(OTHER, &reading.agents.iter().filter(|a| phases.budget(&a.phase).is_none()).collect::<Vec<_>>(), out);
    }
}

fn count(phase: &str, agents: &[&Subagent], out: &mut Samples) {
    out.set(RUNNING, &[phase], agents.len());
    out.set(OLDEST_START, &[phase], agents.iter().map(|agent| agent.started_at).min());
}
