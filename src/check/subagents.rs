//! `subagents`: sub-agents that take longer than their phase's budget.
//!
//! Invariant: an age grows only while processes are really seen. When reading fails, the last finding stands as it
//! was; when the unit's cgroup is gone, so are its processes, because the kernel removes no cgroup that has any.

use super::code::{UNREAD, UNREADABLE};
use super::frame::FRAME;
use super::{Check, Code, Shown, Verdict};
use crate::assessment::Severity::{self, Crit, Warn};
use crate::assessment::Thresholds;
use crate::config::Phase;
use crate::observation::{Data, Observation, Subagent, Subagents, Time, seconds_since};
use crate::state::{State, View};
use crate::words;

pub(crate) const CHECK: Check = Check {
    id: "subagents",
    summary: "Sub-agents that take longer than the budget of their phase.",
    warn: "A sub-agent older than `warn` times its phase's budget, or processes of the loop that /proc hides.",
    crit: "A sub-agent older than `crit` times its phase's budget.",
    runbook: "subagents.md",
    codes: CODES,
    metrics: &["autoswe_subagents", "autoswe_subagents_over_budget", "autoswe_subagents_hidden_processes"],
    assess,
    fires: || example(25),
    quiet: || example(4),
};

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    let view = state.subagents.view(now);
    if let View::Missing { what, .. } = view {
        return Verdict::not_present(what);
    }
    // Whoever is not seen any more does not grow older.
    let at = if view.current().is_some() { now } else { view.last().map_or(now, |last| last.at) };
    FRAME.judge(&view, now, |found| judge(found, thresholds, at))
}

fn judge(found: &Subagents, thresholds: &Thresholds, at: Time) -> Verdict {
    let mut verdict = Verdict::ok(summary(found, thresholds, at));
    for phase in &thresholds.phases.0 {
        let late: Vec<Late> = of_phase(found, phase).filter_map(|agent| Late::new(agent, phase, at)).collect();
        judge_phase(&mut verdict, phase, &late, thresholds);
    }
    if found.hidden > 0 {
        verdict.add(
            Severity::Warn,
            "hidden_processes",
            format!("/proc hides {} processes of the loop, so their age is unknown", found.hidden),
        );
    }
    verdict
}

/// A sub-agent with its age, seconds, and the age in budgets.
struct Late<'a> {
    agent: &'a Subagent,
    age: f64,
    budgets: f64,
}

impl<'a> Late<'a> {
    fn new(agent: &'a Subagent, phase: &Phase, at: Time) -> Option<Self> {
        let age = seconds_since(at, agent.started_at);
        (phase.budget.0 > 0.0).then(|| Late { agent, age, budgets: age / phase.budget.0 })
    }
}

fn judge_phase(verdict: &mut Verdict, phase: &Phase, agents: &[Late<'_>], thresholds: &Thresholds) {
    let limits = &thresholds.limits.subagents;
    let late: Vec<&Late> = agents.iter().filter(|late| late.budgets > limits.warn).collect();
    let Some(oldest) = late.iter().max_by(|a, b| a.age.total_cmp(&b.age)) else { return };
    let severity = if oldest.budgets > limits.crit { Severity::Crit } else { Severity::Warn };
    let others = match late.len() - 1 {
        0 => String::new(),
        more => format!(" ({more} more over budget)"),
    };
    let Late { agent, age, .. } = oldest;
    let reason = format!(
        "{} {} (pid {}) has run for {}, {:.1} times its budget of {}{others}",
        phase.name,
        agent.command,
        agent.pid,
        words::length(*age),
        oldest.budgets,
        words::length(phase.budget.0)
    );
    verdict.add(severity, "over_budget", reason).hint =
        format!("`ps -o pid,stat,etime,wchan:20,args -p {0}` shows what it does; end it with `kill {0}`", agent.pid);
}

fn summary(found: &Subagents, thresholds: &Thresholds, at: Time) -> String {
    let parts: Vec<String> = thresholds.phases.0.iter().filter_map(|phase| phase_summary(found, phase, at)).collect();
    if parts.is_empty() { "none running".into() } else { parts.join(", ") }
}

fn phase_summary(found: &Subagents, phase: &Phase, at: Time) -> Option<String> {
    let oldest = of_phase(found, phase).map(|agent| seconds_since(at, agent.started_at)).reduce(f64::max)?;
    let count = of_phase(found, phase).count();
    let times = if count > 1 { format!("{count} × ") } else { String::new() };
    Some(format!("{times}{} for {}", phase.name, words::length(oldest)))
}

fn of_phase<'a>(found: &'a Subagents, phase: &'a Phase) -> impl Iterator<Item = &'a Subagent> {
    found.agents.iter().filter(|agent| agent.phase == phase.name)
}

fn example(minutes: i64) -> Vec<Observation> {
    let at = super::example_now();
    let agent = Subagent {
        pid: 4242,
        phase: "writer".into(),
        started_at: at - jiff::SignedDuration::from_mins(minutes),
        command: "claude".into(),
    };
    let cgroup = Some("user.slice/user-1000.slice/user@1000.service/app.slice/autoswe.service".into());
    let found = Subagents { agents: vec![agent], cgroup, processes: 3, hidden: 0 };
    vec![super::example_reading(0, Data::Subagents(found))]
}

/// What it may find.
const CODES: &[Code] = &[
    Code {
        word: "over_budget",
        found: &[Warn, Crit],
        summary: "a sub-agent takes longer than its phase's budget",
        mend: "`ps -o pid,stat,etime,wchan:20,args -C claude` shows what sub-agents do; end the one that hangs with `kill PID`",
        shows: &[Shown::tenths(
            "The oldest {phase} has run for {} times its budget",
            "topk(1, (time() - autoswe_subagent_oldest_start_timestamp_seconds{$here}) \
                 / on (instance, job, phase) (autoswe_subagent_budget_seconds{$here} > 0))",
        )
        .over(&[(Warn, "warn"), (Crit, "crit")])],
    },
    Code {
        word: "hidden_processes",
        found: &[Warn],
        summary: "/proc hides processes of the loop",
        mend: "run the exporter as the loop's user, or add it to the group of /proc's mount option gid= (hidepid)",
        shows: &[Shown::whole("{} processes are hidden", "autoswe_subagents_hidden_processes{$here}")],
    },
    Code {
        summary: "the loop's processes cannot be looked at",
        mend: "run `autoswe-exporter report` as the exporter's user to see it",
        ..UNREADABLE
    },
    UNREAD,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::{CheckResult, Presence};
    use crate::check::{example_now, example_state};
    use crate::config::Config;
    use crate::observation::{Failure, FailureKind, Reading};

    fn judge_at(observations: Vec<Observation>, now: Time) -> CheckResult {
        CHECK.run(&example_state(observations), &Thresholds::new(&Config::default(), false), now)
    }

    fn run(observations: Vec<Observation>) -> CheckResult {
        judge_at(observations, example_now())
    }

    fn with(reading: Reading<Data>) -> Observation {
        Observation { reading, ..example(0)[0].clone() }
    }

    fn agents(agents: &[(&str, i64)]) -> Vec<Observation> {
        let agent = |(pid, (phase, seconds)): (usize, &(&str, i64))| Subagent {
            pid: i32::try_from(pid).unwrap() + 1,
            phase: (*phase).into(),
            started_at: example_now() - jiff::SignedDuration::from_secs(*seconds),
            command: "claude".into(),
        };
        let agents = agents.iter().enumerate().map(agent).collect();
        vec![with(Reading::Observed(Data::Subagents(Subagents { agents, ..Subagents::default() })))]
    }

    #[test]
    fn each_phase_has_its_own_budget() {
        assert_eq!(run(agents(&[("planner", 600), ("judge", 720), ("writer", 900)])).findings, []);
        let result = run(agents(&[("planner", 601), ("judge", 1441), ("writer", 900)]));
        let found: Vec<_> = result.findings.iter().map(|f| (f.severity, f.code, f.reason.as_str())).collect();
        assert_eq!(
            found,
            [
                (
                    Severity::Crit,
                    "over_budget",
                    "judge claude (pid 2) has run for 24 min, 2.0 times its budget of 12 min"
                ),
                (
                    Severity::Warn,
                    "over_budget",
                    "planner claude (pid 1) has run for 10 min, 1.0 times its budget of 10 min"
                ),
            ]
        );
    }

    #[test]
    fn one_finding_per_phase_names_the_oldest() {
        let result = run(agents(&[("writer", 950), ("writer", 1700), ("writer", 1000), ("writer", 5)]));
        assert_eq!(result.findings.len(), 1);
        assert!(result.findings[0].reason.contains("(pid 2)"), "{}", result.findings[0].reason);
        assert!(result.findings[0].reason.ends_with("(2 more over budget)"), "{}", result.findings[0].reason);
        assert!(result.findings[0].hint.contains("kill 2"));
        assert_eq!(result.summary, "4 × writer for 28 min");
    }

    #[test]
    fn no_sub_agent_is_well() {
        let result = run(agents(&[]));
        assert_eq!((result.presence, result.severity), (Presence::Judged, Severity::Ok));
        assert_eq!(result.summary, "none running");
    }

    #[test]
    fn a_unit_that_does_not_run_is_not_present() {
        let missing = with(Reading::Missing("no cgroup of autoswe.service".into()));
        let result = run(vec![missing.clone()]);
        assert_eq!(result.presence, Presence::NotPresent);
        assert_eq!(result.summary, "no cgroup of autoswe.service");
        // Its processes went with it: nothing is over budget any more.
        assert_eq!(run([(CHECK.fires)(), vec![missing]].concat()).findings, []);
    }

    #[test]
    fn a_failure_keeps_the_last_finding_and_does_not_age_it() {
        let failed = with(Reading::Failed(Failure::new(FailureKind::Unreadable, "/proc: permission denied")));
        let later = example_now() + jiff::SignedDuration::from_hours(5);
        let result = judge_at([(CHECK.fires)(), vec![failed]].concat(), later);
        let found: Vec<_> = result.findings.iter().map(|f| (f.severity, f.code)).collect();
        assert_eq!(found, [(Severity::Warn, "over_budget"), (Severity::Warn, "unreadable")]);
    }

    #[test]
    fn hidden_processes_are_said() {
        let found = Subagents { hidden: 3, ..Subagents::default() };
        let result = run(vec![with(Reading::Observed(Data::Subagents(found)))]);
        assert_eq!(result.findings[0].code, "hidden_processes");
        assert!(result.findings[0].reason.contains("hides 3 processes"));
    }

    #[test]
    fn a_stale_reading_is_said() {
        let result = judge_at((CHECK.quiet)(), example_now() + jiff::SignedDuration::from_mins(10));
        let found: Vec<_> = result.findings.iter().map(|f| (f.severity, f.code)).collect();
        assert_eq!(found, [(Severity::Warn, "unread")]);
    }
}
