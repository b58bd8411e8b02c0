//! The settings, the alerts, and what a restart would not cure at present.

use super::Found;
use crate::alert::beside::WAYS_OUT;
use crate::config::Config;
use crate::watchdog::dependencies::Found as Look;
use crate::watchdog::doctor::Finding;
use crate::watchdog::doctor::gather::Facts;
use crate::words::length;

/// Settings that each make sense and together may not.
pub(super) fn findings(facts: &Facts, config: &Config) -> Vec<Finding> {
    let mut found = Found::new("settings");
    let rules = &config.restart;
    if !config.loop_.enabled {
        found.crit(
            "loop.enabled is false: there is nothing to watch, and the watchdog does not start",
            "loop.enabled: true",
        );
    }
    for phase in &config.subagents.phases.0 {
        let (name, budget) = (&phase.name, phase.budget.0);
        let wanted = rules.phase_budgets * budget + rules.phase_slack.0;
        if budget > rules.phase_longest.0 {
            found.warn(
                format!(
                    "phase {name} may take {}, and counts as wedged when it is silent for {} (restart.phase_longest)",
                    length(budget),
                    length(rules.phase_longest.0)
                ),
                "a longer restart.phase_longest, or a shorter budget",
            );
        } else if wanted > rules.phase_longest.0 {
            found.note(format!(
                "phase {name} is waited for no longer than {} (restart.phase_longest), though {} x {} + {} is more",
                length(rules.phase_longest.0),
                rules.phase_budgets,
                length(budget),
                length(rules.phase_slack.0)
            ));
        }
    }
    let variable = &rules.ping_url_env;
    match &facts.ping {
        Ok(true) => {}
        // The unit may have it from a file that this environment knows nothing of.
        Ok(false) => {
            found.note(format!("{variable} is not set here: no dead man's switch tells when evaluations stop"))
        }
        Err(why) => found.warn(why, "mend or unset it: until then nobody outside is told that evaluations are made"),
    }
    found.or_ok(format!(
        "silent from {} on, {} confirmations, verified within {}{}",
        length(config.checks.loop_.crit.0),
        rules.confirmations,
        length(rules.verify.0),
        if facts.ping == Ok(true) { format!(", dead man's switch in {variable}") } else { String::new() }
    ))
}

/// Alerts that two senders send wake people twice, and with the same labels they flap.
pub(super) fn alerts(facts: &Facts) -> Vec<Finding> {
    let mut found = Found::new("alerts");
    let senders = match &facts.senders {
        None => return found.or_ok("none are pushed, so Prometheus rules are their only sender"),
        Some(Ok(senders)) => senders,
        Some(Err(why)) => {
            found.warn(
                format!("it is not known whether two senders send the same: {why}"),
                "put autoswe-exporter beside the watchdog, or in PATH",
            );
            return found.or_ok("");
        }
    };
    for clash in &senders.clashes {
        let (what, mend) = clash.split_once("; ").unwrap_or((clash, WAYS_OUT));
        found.crit(what, mend);
    }
    for failure in &senders.failures {
        found.warn(failure, "mend what it names; until then it is not known who is told what");
    }
    found.or_ok(format!("pushed to {}, and nobody else sends them", senders.receivers.join(" and ")))
}

/// What a restart would not cure at present: no mistake of this installation, and the watchdog waits for it.
pub(super) fn dependencies(facts: &Facts) -> Vec<Finding> {
    let mut found = Found::new("dependencies");
    match &facts.dependencies {
        None => found.note("neither vLLM nor GPUs are watched"),
        Some(Err(why)) => found.crit(
            format!("they cannot be looked at, and without that no silent loop is restarted: {why}"),
            "mend what it names, or turn off what this machine does not have (vllm.enabled, gpu.enabled)",
        ),
        Some(Ok(Look { down: Some(down), .. })) => {
            found.note(format!("a restart would not cure {down}; while that lasts a silent loop is not restarted"));
        }
        Some(Ok(Look { vllm_seen, gpu_seen, .. })) => {
            let seen: Vec<&str> = [("vLLM", vllm_seen), ("GPU", gpu_seen)]
                .into_iter()
                .filter_map(|(name, seen)| seen.then_some(name))
                .collect();
            match seen.is_empty() {
                true => found.note("neither vLLM nor a GPU was ever seen here, so that neither is waited for"),
                false => return found.or_ok(format!("{}: nothing that a restart would not cure", seen.join(" and "))),
            }
        }
    }
    found.findings
}
