//! The overview: is this machine's loop alive, productive and safe to leave alone.

use super::details::*;
use super::limit::{Bounds, CRIT, GOOD, Limit, PLAIN, REFERENCE, WARN};
use super::panel::{Column, Panel, SEVERITIES, Table, View, unit};
use super::{Dashboard, EXPORTER_STARTED, FIRING, MODEL_STARTED, RESTARTED, Row, Scope};
use crate::config::AlertsConfig;

pub(super) const UID: &str = "autoswe-overview";

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: UID,
        title: "autoswe / Overview",
        about: "One machine: is its loop alive, productive, and safe to leave alone? From left to right and from top \
                to bottom by urgency.",
        scope: Scope::Machine,
        rows: vec![
            Row::top(vec![severity(), heartbeat(), iteration(), green(), tokens(), power()]),
            Row::top(vec![checks(), findings()]),
            Row::open("Loop", vec![heartbeat_age(), phases(), iterations()]),
            Row::open("Progress", vec![parity(), rejected(), verdicts()]),
            Row::open("Model and GPU", vec![throughput(), gpu_power(), clocks()]),
            Row::open("Alerts", vec![alerts()]),
            Row::folded(
                "Sub-agents, site, reviews",
                vec![
                    subagents(),
                    oldest_subagent(),
                    site(),
                    review_score(),
                    review_age(),
                    review_verdict(),
                    review_findings(),
                    review_attempts(),
                ],
            ),
            Row::folded("Watchdog", vec![watchdog_age(), budget(), decision(), reasons(), restart_outcome()]),
            Row::folded(
                "The exporter itself",
                vec![sources(), source_duration(), failures(), records(), memory(), cpu()],
            ),
        ],
        annotations: vec![FIRING, RESTARTED, MODEL_STARTED, EXPORTER_STARTED],
    }
}

/// The severity of a machine, and 3 where it gives no answer.
pub(super) const SEVERITY_OR_DOWN: &str =
    "max by (job, instance) (autoswe_severity{$M} or on (job, instance) ((up{$M} == 0) + 3))";

fn severity() -> Panel {
    Panel::new(
        "Severity",
        unit::NUMBER,
        "The worst severity of all checks. DOWN: Prometheus gets no answer from the exporter, so nothing is known.",
        "read **Findings now**; each links to its runbook. DOWN: see `systemctl --user status autoswe-exporter` there.",
    )
    .loud()
    .size(5, 5)
    .query("severity", "severity", SEVERITY_OR_DOWN)
    .bounds(Bounds::Severity)
    .words(SEVERITIES)
}

fn heartbeat() -> Panel {
    let age = "(time() - autoswe_loop_heartbeat_timestamp_seconds{$M})";
    let [warn, crit] = ["warn", "crit"].map(|name| format!("ignoring (check, limit) {}", Limit("loop", name).expr()));
    Panel::new(
        "Heartbeat age",
        unit::SECONDS,
        "How long ago the loop last gave a sign of life, in the colour that the limits in force give it.",
        "the watchdog restarts a wedged loop by itself; open **Watchdog** below to see what it decided and why.",
    )
    .figure()
    .size(4, 5)
    .coloured(GOOD, "fresh", "age", &format!("{age} <= {warn}"))
    .coloured(WARN, "old", "age", &format!("({age} > {warn}) <= {crit}"))
    .coloured(CRIT, "too_old", "age", &format!("{age} > {crit}"))
    .above("loop", Some("warn"), Some("crit"))
    .nothing("unknown")
}

fn iteration() -> Panel {
    Panel::new(
        "Iteration",
        unit::NUMBER,
        "The round that the loop is in.",
        "a number that stands still for hours while tokens flow is a loop that turns in circles: read the verdicts.",
    )
    .figure()
    .size(3, 5)
    .query("iteration", "iteration", "autoswe_loop_iteration{$M}")
    .nothing("unknown")
}

fn green() -> Panel {
    Panel::new(
        "Parity",
        unit::SHARE,
        "Share of green among the cells of the acceptance matrix that the loop can turn green (green and red).",
        "a fall is a regression that the judge let pass: `git log -p` of the matrix shows which iteration made it.",
    )
    .trend()
    .size(4, 5)
    .query(
        "share",
        "green",
        "autoswe_parity_cells{$M, state=\"green\"} / ignoring (state) sum without (state) (autoswe_parity_cells{$M, \
         state=~\"green|red\"})",
    )
    .decimals(1)
}

fn tokens() -> Panel {
    Panel::new(
        "Tokens per second",
        unit::TOKENS,
        "Tokens that vLLM generates, all engines together.",
        "0 while requests run is a stall: see the check `vllm` and the dashboard *vLLM and GPU*.",
    )
    .trend()
    .size(4, 5)
    .query("generated", "generated", GENERATED)
    .decimals(0)
    .at_least_zero()
}

/// Tokens generated per second on one machine.
const GENERATED: &str = "sum(rate(autoswe_vllm_generation_tokens_total{$M}[$__rate_interval]))";

fn power() -> Panel {
    Panel::new(
        "GPU power",
        unit::WATTS,
        "Power that all GPUs draw together: the quickest sign of whether they work.",
        "near idle while requests run means a stall, or a silent power cap: compare with the SM clock below.",
    )
    .trend()
    .size(4, 5)
    .query("power", "power", "sum(autoswe_gpu_power_watts{$M})")
    .decimals(0)
    .at_least_zero()
}

fn checks() -> Panel {
    Panel::new(
        "Severity of each check",
        unit::NUMBER,
        "When each check was OK, WARN or CRIT. A check that has nothing to judge on this machine is absent.",
        "what turned first is most often the cause; what follows it within seconds is a consequence.",
    )
    .view(View::Lanes)
    .size(15, 9)
    .query("checks", "{{check}}", "autoswe_check_severity{$M}")
    .bounds(Bounds::Severity)
    .words(SEVERITIES)
}

fn findings() -> Panel {
    let runbook =
        format!("{}/${{__data.fields.Check}}.md#${{__data.fields.Finding}}", AlertsConfig::default().runbooks);
    let columns = vec![
        Column::new("severity", "Severity", unit::NUMBER).judged(Bounds::Severity).words(SEVERITIES).width(90),
        Column::new("label:check", "Check", unit::NUMBER).width(100),
        Column::new("label:code", "Finding", unit::NUMBER).link("What to do: the runbook", runbook),
    ];
    Panel::new(
        "Findings now",
        unit::NUMBER,
        "What is not OK at this moment, the worst first. A finding becomes an alert when it lasts.",
        "click a finding: its runbook says what it means, how to look, and what to do.",
    )
    .view(View::Table(Table { columns, worst: "Severity" }))
    .size(9, 9)
    .query("severity", "", FINDINGS)
    .bounds(Bounds::Severity)
    .nothing("Nothing found. All is well.")
}

const FINDINGS: &str = "max by (check, code) ((autoswe_findings{$M, severity=\"CRIT\"} > bool 0) * 2 \
     or autoswe_findings{$M, severity=\"WARN\"} > bool 0)";

fn heartbeat_age() -> Panel {
    Panel::new(
        "Heartbeat age",
        unit::SECONDS,
        "Time since the loop's last sign of life, and the limits in force on this machine.",
        "a ramp without end is a loop that hangs or is gone: see its unit's journal. A saw that nearly reaches the \
         limit is one slow step: raise `checks.loop.warn` and `crit`, or have the loop beat within it.",
    )
    .above("loop", Some("warn"), Some("crit"))
    .query("age", "heartbeat age", "time() - autoswe_loop_heartbeat_timestamp_seconds{$M}")
    .at_least_zero()
}

/// A state that holds is drawn, in the colour of what it means, and one that does not is not.
const PAUSED: &[(&str, &str, &str)] =
    &[("0", "no", "transparent"), ("1", "yes", PLAIN), ("2", "paused", "yellow"), ("3", "must restart", CRIT)];

fn phases() -> Panel {
    Panel::new(
        "Phase",
        unit::NUMBER,
        "The phase that the loop is in, whether the operator paused it (yellow), and whether it must be restarted \
         (red).",
        "one phase for longer than its budget is a sub-agent that hangs; a pause that nobody remembers ends by \
         deleting `PAUSE` or `PAUSE_HARD` in the runtime directory.",
    )
    .view(View::Lanes)
    .query("phase", "{{phase}}", "autoswe_loop_phase{$M}")
    .query("paused", "paused", "max without (mode) (autoswe_loop_paused{$M} * 2)")
    .query("restart", "must restart", "autoswe_loop_must_restart{$M} * 3")
    .words(PAUSED)
}

const OUTCOMES: [(&str, &str); 4] =
    [("ACCEPT", GOOD), ("REVERT", WARN), ("WEDGED_NO_VERDICT", CRIT), ("other", REFERENCE)];

fn iterations() -> Panel {
    Panel::new(
        "Iterations finished",
        unit::NUMBER,
        "How many iterations ended, by what came of them. Each bar counts those of its time.",
        "no bar for hours: the loop is stuck. More orange and red than green: read the judge's reasons in \
         `verdicts.jsonl`, and pause the loop if it repeats one mistake.",
    )
    .view(View::Bars)
    .query(
        "finished",
        "{{outcome}}",
        "sum by (outcome) (rate(autoswe_loop_iterations_finished_total{$M}[$__rate_interval])) * $__interval_ms / 1000",
    )
    .colours(&OUTCOMES)
    .least_step("1m")
    .decimals(1)
    .at_least_zero()
}

fn parity() -> Panel {
    Panel::new(
        "Parity burn-up",
        unit::NUMBER,
        "Cells of the acceptance matrix by state, piled up: green grows from below until no red is left.",
        "a flat line for a day is no progress for its price; a fall is a regression (see the check `parity`).",
    )
    .view(View::Lines { fill: 70, stacked: true })
    .size(12, 8)
    .query("green", "{{state}}", r#"autoswe_parity_cells{$M, state="green"}"#)
    .query("settled", "{{state}}", r#"autoswe_parity_cells{$M, state=~"manual|n/a"}"#)
    .query("open", "{{state}}", r#"autoswe_parity_cells{$M, state=~"red|unknown"}"#)
    .colours(&[("green", GOOD), ("manual", "semi-dark-blue"), ("n/a", REFERENCE), ("red", CRIT), ("unknown", WARN)])
    .at_least_zero()
}

fn rejected() -> Panel {
    Panel::new(
        "Verdicts in a row without ACCEPT",
        unit::NUMBER,
        "How many of the last verdicts in a row are not ACCEPT, and how many WEDGED_NO_VERDICT, with the limits in \
         force.",
        "at the warning limit the loop most likely repeats one mistake; at the critical one the judge gives no \
         answer: run its command by hand.",
    )
    .above("verdicts", Some("rejected_warn"), Some("wedged_crit"))
    .query("rejected", "not ACCEPT", "autoswe_verdicts_since_accept{$M}")
    .query("wedged", "WEDGED_NO_VERDICT", "autoswe_verdicts_wedged_in_a_row{$M}")
    .colours(&[("not ACCEPT", PLAIN), ("WEDGED_NO_VERDICT", "purple")])
    .size(7, 8)
    .decimals(0)
    .at_least_zero()
}

fn verdicts() -> Panel {
    Panel::new(
        "Last five verdicts",
        unit::NUMBER,
        "The judge's last five verdicts, by verdict.",
        "mostly REVERT: the work is rejected, read why. WEDGED_NO_VERDICT: nobody judged.",
    )
    .view(View::Gauge)
    .size(5, 8)
    .query("verdicts", "{{verdict}}", "autoswe_verdicts_recent{$M}")
    .colours(&OUTCOMES)
    .decimals(0)
    .nothing("no verdict yet")
}

fn throughput() -> Panel {
    Panel::new(
        "Tokens per second",
        unit::TOKENS,
        "Tokens that vLLM generates, all engines together.",
        "0 while the phase is writer is a stall; half of the usual is a throttled GPU or a neighbour on it.",
    )
    .query("generated", "generated", GENERATED)
    .at_least_zero()
}

fn gpu_power() -> Panel {
    Panel::new(
        "GPU power",
        unit::WATTS,
        "Power drawn by each GPU.",
        "high utilization at a fraction of the usual power is a silent power cap: see the check `gpu`.",
    )
    .query("power", "GPU {{gpu}}", "autoswe_gpu_power_watts{$M}")
    .at_least_zero()
}

fn clocks() -> Panel {
    Panel::new(
        "SM clock",
        unit::HERTZ,
        "SM clock of each GPU, with its highest, and the clock below which a busy GPU counts as silently capped.",
        "below the warning line at work: check power supply and temperature, then power the machine off and on.",
    )
    .query("clock", "GPU {{gpu}}", "autoswe_gpu_sm_clock_hertz{$M}")
    .reference("max", "highest", "max(autoswe_gpu_sm_clock_max_hertz{$M})")
    .dashed(WARN, "cap", "silently capped below", CAPPED_BELOW)
    .at_least_zero()
}

/// The SM clock below which a busy GPU counts as capped.
pub(super) const CAPPED_BELOW: &str = "max(autoswe_gpu_sm_clock_max_hertz{$M} \
     * on (job, instance) group_left () autoswe_check_threshold{$M, check=\"gpu\", limit=\"cap_clock\"})";

pub(super) const STATES_OF_ALERTS: &[(&str, &str, &str)] = &[
    ("0", "", "transparent"),
    ("1", "pending", "super-light-yellow"),
    ("2", "warning", WARN),
    ("3", "critical", CRIT),
];

fn alerts() -> Panel {
    Panel::new(
        "Alerts",
        unit::NUMBER,
        "Alerts of this machine: pending (found, not yet for long enough), then firing as a warning or as critical. \
         Prometheus needs the rules of `alerts/` for it.",
        "the alert's `runbook_url` says what to do; Alertmanager shows who was told.",
    )
    .view(View::Lanes)
    .size(24, 7)
    .query("alerts", "{{alertname}}", ALERTS)
    .bounds(Bounds::Free)
    .words(STATES_OF_ALERTS)
    .nothing("No alert in this time.")
}

const ALERTS: &str = "max by (alertname) (ALERTS{$M, alertstate=\"pending\"} \
     or ALERTS{$M, alertstate=\"firing\", severity=\"warning\"} * 2 \
     or ALERTS{$M, alertstate=\"firing\", severity=\"critical\"} * 3)";
