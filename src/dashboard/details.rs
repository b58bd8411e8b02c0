//! The folded parts of the overview: what is looked at when something there is wrong.

use super::limit::{Bounds, CRIT, GOOD, PLAIN, REFERENCE, WARN};
use super::panel::{Panel, View, unit};

pub(super) fn subagents() -> Panel {
    Panel::new(
        "Sub-agents",
        unit::NUMBER,
        "Sub-agents that run, by phase.",
        "more than the loop starts on purpose are left over from a restart: see the unit's control group.",
    )
    .distinct()
    .query("running", "{{phase}}", "autoswe_subagents{$M}")
    .decimals(0)
    .at_least_zero()
    .nothing("No sub-agents here.")
}

pub(super) fn oldest_subagent() -> Panel {
    Panel::new(
        "Oldest sub-agent, in budgets",
        unit::NUMBER,
        "Age of the oldest sub-agent of each phase as a multiple of that phase's budget, with the limits in force.",
        "above 1 it is late, above the critical line it hangs: the report names its process; see what it waits for.",
    )
    .above("subagents", Some("warn"), Some("crit"))
    .distinct()
    .query(
        "budgets",
        "{{phase}}",
        "(time() - autoswe_subagent_oldest_start_timestamp_seconds{$M}) / autoswe_subagent_budget_seconds{$M}",
    )
    .at_least_zero()
}

pub(super) fn site() -> Panel {
    Panel::new(
        "Age of the site",
        unit::SECONDS,
        "Time since the published site was built, with the limits in force.",
        "see whether the site builder's timer runs, and its log.",
    )
    .above("site", Some("warn"), Some("crit"))
    .query("age", "age", "time() - autoswe_site_built_timestamp_seconds{$M}")
    .by_factors()
}

pub(super) fn review_score() -> Panel {
    Panel::new(
        "Score of the latest review",
        unit::NUMBER,
        "Health score of the loop's behaviour, 0 to 100, with the limits in force.",
        "read the findings in the last line of `meta-judge.jsonl`.",
    )
    .below("review", Some("score_warn"), Some("score_crit"))
    .size(12, 8)
    .query("score", "score", "autoswe_review_health_score{$M}")
    .at_least_zero()
}

pub(super) fn review_age() -> Panel {
    Panel::new(
        "Age of the latest review",
        unit::SECONDS,
        "Time since the latest review that has a score, with the limits in force.",
        "see whether the reviewer's timer runs, then run it by hand.",
    )
    .above("review", Some("warn"), Some("crit"))
    .size(12, 8)
    .query("age", "age", "time() - autoswe_review_timestamp_seconds{$M}")
    .at_least_zero()
}

const YES: &[(&str, &str, &str)] =
    &[("0", "no", "transparent"), ("1", "yes", GOOD), ("2", "yes", WARN), ("3", "yes", CRIT)];

pub(super) fn review_verdict() -> Panel {
    Panel::new(
        "Verdict of the latest review",
        unit::NUMBER,
        "What the judge said of the loop's behaviour, review by review. `other` is a word that the contract does not name.",
        "`stuck` and `unsafe` need somebody: read the findings on the status page.",
    )
    .view(View::Lanes)
    .size(8, 7)
    .query("well", "{{verdict}}", r#"autoswe_review_verdict{$M, verdict="healthy"}"#)
    .query("doubt", "{{verdict}}", r#"autoswe_review_verdict{$M, verdict=~"degraded|other"} * 2"#)
    .query("act", "{{verdict}}", r#"autoswe_review_verdict{$M, verdict=~"stuck|unsafe"} * 3"#)
    .words(YES)
}

pub(super) fn review_findings() -> Panel {
    Panel::new(
        "Findings of the latest review",
        unit::NUMBER,
        "How many findings the latest review has, by severity as the judge sees it.",
        "the status page shows the worst with evidence and suggestion.",
    )
    .view(View::Gauge)
    .size(8, 7)
    .query("findings", "{{severity}}", "autoswe_review_findings{$M} > 0")
    .colours(&[("crit", CRIT), ("warn", WARN), ("info", REFERENCE), ("other", REFERENCE)])
    .decimals(0)
    .nothing("none")
}

pub(super) fn review_attempts() -> Panel {
    Panel::new(
        "Attempts at a review",
        unit::NUMBER,
        "Attempts within the time shown, by what came of them; all but `reviewed` gave no score.",
        "docs/runbooks/review.md says for each word what to do.",
    )
    .view(View::Gauge)
    .size(8, 7)
    .query("attempts", "{{outcome}}", "increase(autoswe_review_attempts_total{$M}[$__range]) > 0")
    .colours(&[("reviewed", GOOD)])
    .decimals(0)
    .nothing("none")
}

pub(super) fn watchdog_age() -> Panel {
    Panel::new(
        "Age of the watchdog's last evaluation",
        unit::SECONDS,
        "Time since the watchdog last looked. Where a timer starts it the limit is `timer_warn`, not the one drawn \
         here.",
        "a ramp means that nobody would restart the loop: `systemctl --user status autoswe-watchdog`.",
    )
    .above("watchdog", Some("warn"), None)
    .size(5, 7)
    .query("age", "age", "time() - autoswe_watchdog_last_evaluation_timestamp_seconds{$M}")
    .at_least_zero()
}

pub(super) fn budget() -> Panel {
    Panel::new(
        "Restarts left",
        unit::NUMBER,
        "Restarts that the watchdog may still make before it gives up.",
        "0: it has given up. Find out why restarts do not help, then `autoswe-watchdog reset`.",
    )
    .figure()
    .size(2, 7)
    .query("left", "left", "autoswe_watchdog_budget_remaining{$M}")
    .bounds(Bounds::MustBe(CRIT))
    .nothing("unknown")
}

pub(super) fn decision() -> Panel {
    Panel::new(
        "Decision",
        unit::NUMBER,
        "What the watchdog decided, evaluation by evaluation.",
        "`hold` means that something else must be mended first, `give_up` that the budget is spent; \
         `autoswe-watchdog status` says it in a sentence.",
    )
    .view(View::Lanes)
    .size(7, 7)
    .query("well", "{{decision}}", r#"autoswe_watchdog_decision{$M, decision="ok"}"#)
    .query("doubt", "{{decision}}", r#"autoswe_watchdog_decision{$M, decision=~"warn|wait|hold|other"} * 2"#)
    .query("act", "{{decision}}", r#"autoswe_watchdog_decision{$M, decision=~"restart|give_up"} * 3"#)
    .words(YES)
}

pub(super) fn reasons() -> Panel {
    Panel::new(
        "Reasons for more than a look",
        unit::NUMBER,
        "How often within the time shown it decided other than `ok`, by decision and reason.",
        "docs/watchdog.md tells what each reason means.",
    )
    .view(View::Gauge)
    .size(6, 7)
    .query("reasons", "{{decision}}: {{reason}}", REASONS)
    .decimals(0)
    .nothing("none")
}

const REASONS: &str =
    r#"sum by (decision, reason) (increase(autoswe_watchdog_decisions_total{$M, decision!="ok"}[$__range])) > 0"#;

pub(super) fn restart_outcome() -> Panel {
    Panel::new(
        "Restarts by outcome",
        unit::NUMBER,
        "Restarts of the loop within the time shown, by what came of them.",
        "`did_not_take`: the loop was restarted and gave no fresh heartbeat; see its journal from its start on.",
    )
    .view(View::Gauge)
    .size(4, 7)
    .query("outcomes", "{{outcome}}", "increase(autoswe_watchdog_restarts_total{$M}[$__range])")
    .colours(&[("took", GOOD), ("did_not_take", CRIT), ("called_off", REFERENCE)])
    .decimals(0)
    .nothing("none")
}

const SUCCESS: &[(&str, &str, &str)] = &[("0", "failed", CRIT), ("1", "read", GOOD)];

pub(super) fn sources() -> Panel {
    Panel::new(
        "Sources",
        unit::NUMBER,
        "Whether the latest reading of each source succeeded. Finding nothing there is a success.",
        "the status page says in a line what failed, where, and the mend.",
    )
    .view(View::Lanes)
    .query("success", "{{source}}", "autoswe_source_success{$M}")
    .bounds(Bounds::MustBe(CRIT))
    .words(SUCCESS)
}

pub(super) fn source_duration() -> Panel {
    Panel::new(
        "Time of a reading",
        unit::SECONDS,
        "How long the latest reading of each source took.",
        "a source near its deadline reads a disk, a network or a driver that is slow to answer.",
    )
    .distinct()
    .query("took", "{{source}}", "autoswe_source_duration_seconds{$M}")
    .at_least_zero()
}

pub(super) fn failures() -> Panel {
    Panel::new(
        "Failed readings",
        unit::PER_SECOND,
        "Readings that failed, by source.",
        "one now and then is noise; a steady rate is a source that is broken.",
    )
    .distinct()
    .query("failed", "{{source}}", "rate(autoswe_source_failures_total{$M}[$__rate_interval])")
    .bounds(Bounds::AnyIs(WARN))
    .at_least_zero()
}

pub(super) fn records() -> Panel {
    Panel::new(
        "Records of the time series",
        unit::PER_SECOND,
        "Records written to `system-state.jsonl`, and those that could not be written.",
        "a failure is most often a full disk: see the check `host`.",
    )
    .query("written", "written", "rate(autoswe_system_state_records_total{$M}[$__rate_interval])")
    .query("failed", "failed", "rate(autoswe_system_state_failures_total{$M}[$__rate_interval])")
    .colours(&[("written", PLAIN), ("failed", CRIT)])
    .at_least_zero()
}

pub(super) fn memory() -> Panel {
    Panel::new(
        "Memory of the exporter",
        unit::BYTES,
        "Memory that the exporter holds in RAM.",
        "a steady rise is a leak: please report it.",
    )
    .query("resident", "resident", "process_resident_memory_bytes{$M}")
    .at_least_zero()
}

pub(super) fn cpu() -> Panel {
    Panel::new(
        "CPU time of the exporter",
        unit::SHARE,
        "CPU time that the exporter uses, as a share of one core.",
        "some percent are too much: lengthen the intervals of the sources.",
    )
    .query("cpu", "CPU", "rate(process_cpu_seconds_total{$M}[$__rate_interval])")
    .at_least_zero()
}
