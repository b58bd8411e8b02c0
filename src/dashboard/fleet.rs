//! The fleet: many machines, the worst first.

use super::limit::{Bounds, CRIT, Limit, WARN};
use super::overview::SEVERITY_OR_DOWN;
use super::panel::{Column, Panel, SEVERITIES, Table, View, unit};
use super::{Annotation, Dashboard, FIRING, RESTARTED, Row, Scope};

pub(super) const UID: &str = "autoswe-fleet";

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: UID,
        title: "autoswe / Fleet",
        about: "All machines, the worst first. A click on a machine opens its overview.",
        scope: Scope::Fleet,
        rows: vec![
            Row::top(vec![critical(), warning(), fine(), down(), firing(), tokens(), power()]),
            Row::top(vec![machines()]),
            Row::open(
                "Over time",
                vec![severities(), tokens_by_machine(), power_by_machine(), heartbeats(), hottest()],
            ),
        ],
        // The lanes tell when each machine was in trouble; marks of all of them would hide the lines.
        annotations: vec![Annotation { shown: false, ..FIRING }, Annotation { shown: false, ..RESTARTED }],
    }
}

/// Machines whose severity is `is`, 0 where there is none.
fn count(title: &'static str, is: &str, bounds: Bounds, (shows, act): (&'static str, &'static str)) -> Panel {
    let expr = format!("count({SEVERITY_OR_DOWN} == {is}) or vector(0)");
    Panel::new(title, unit::NUMBER, shows, act).figure().size(3, 4).query("machines", "machines", &expr).bounds(bounds)
}

fn critical() -> Panel {
    let words = ("Machines on which something is critical.", "they stand first in the table; open each.");
    count("CRIT", "2", Bounds::AnyIs(CRIT), words)
}

fn warning() -> Panel {
    let words = ("Machines with a warning and nothing critical.", "worth a look today.");
    count("WARN", "1", Bounds::AnyIs(WARN), words)
}

fn fine() -> Panel {
    let words = ("Machines on which all is well.", "none: look at what they share, such as network, power and model.");
    count("OK", "0", Bounds::MustBe(CRIT), words)
}

fn down() -> Panel {
    let words = (
        "Machines whose exporter gives Prometheus no answer: nothing is known of them.",
        "see whether the machine is up, then its unit autoswe-exporter.",
    );
    count("DOWN", "3", Bounds::AnyIs("purple"), words)
}

fn firing() -> Panel {
    Panel::new(
        "Alerts firing",
        unit::NUMBER,
        "Alerts that fire, of all machines. Prometheus needs the rules of `alerts/` for it.",
        "Alertmanager groups them and shows who was told.",
    )
    .figure()
    .size(4, 4)
    .query("firing", "firing", &format!("count({FIRING_ALERTS}) or vector(0)"))
    .bounds(Bounds::AnyIs(CRIT))
}

const FIRING_ALERTS: &str = r#"ALERTS{$M, alertstate="firing", severity=~"warning|critical"}"#;

fn tokens() -> Panel {
    Panel::new(
        "Tokens per second",
        unit::TOKENS,
        "Tokens generated on all machines together.",
        "a step down is a machine that fell out.",
    )
    .trend()
    .size(4, 4)
    .query("generated", "generated", "sum(rate(autoswe_vllm_generation_tokens_total{$M}[$__rate_interval]))")
    .decimals(0)
    .at_least_zero()
}

fn power() -> Panel {
    Panel::new(
        "GPU power",
        unit::WATTS,
        "Power that the GPUs of all machines draw.",
        "compare with tokens per second: power without tokens is waste.",
    )
    .trend()
    .size(4, 4)
    .query("power", "power", "sum(autoswe_gpu_power_watts{$M})")
    .decimals(0)
    .at_least_zero()
}

fn machines() -> Panel {
    Panel::new(
        "Machines",
        unit::NUMBER,
        "One row for each machine, the worst first. DOWN: its exporter gives no answer.",
        "click the machine's name for its overview, the same time range kept.",
    )
    .view(View::Table(Table { columns: columns(), worst: "Severity" }))
    .size(24, 9)
    .query("severity", "", SEVERITY_OR_DOWN)
    .query("age", "", "max by (job, instance) (time() - autoswe_loop_heartbeat_timestamp_seconds{$M})")
    .query("iteration", "", "max by (job, instance) (autoswe_loop_iteration{$M})")
    .query("parity", "", PARITY)
    .query("tokens", "", TOKENS)
    .query("watts", "", "sum by (job, instance) (autoswe_gpu_power_watts{$M})")
    .query("hottest", "", "max by (job, instance) (autoswe_gpu_temperature_celsius{$M})")
    .query(
        "alerts",
        "",
        &format!("count by (job, instance) ({FIRING_ALERTS}) or max by (job, instance) (up{{$M}} * 0)"),
    )
    .decimals(0)
    .bounds(Bounds::Severity)
    .nothing("No machine is scraped. See the job in prometheus.yml.")
}

fn columns() -> Vec<Column> {
    let overview = "/d/autoswe-overview?${datasource:queryparam}&var-job=${__data.fields.Job}\
                    &var-instance=${__value.raw}&${__url_time_range}";
    vec![
        Column::new("severity", "Severity", unit::NUMBER).judged(Bounds::Severity).words(SEVERITIES).width(90),
        Column::new("label:instance", "Machine", unit::NUMBER).link("Overview of this machine", overview.into()),
        Column::new("label:job", "Job", unit::NUMBER),
        // Each machine has limits of its own: its severity tells.
        Column::new("age", "Heartbeat age", unit::SECONDS),
        Column::new("iteration", "Iteration", unit::NUMBER),
        Column::new("parity", "Parity", unit::SHARE),
        Column::new("tokens", "Tokens per second", unit::TOKENS),
        Column::new("watts", "GPU power", unit::WATTS),
        Column::new("hottest", "GPU temperature", unit::CELSIUS)
            .judged(Bounds::Above { warn: Some(Limit("gpu", "hot")), crit: Some(Limit("gpu", "slowdown")) }),
        Column::new("alerts", "Alerts firing", unit::NUMBER).judged(Bounds::AnyIs(CRIT)),
    ]
}

const PARITY: &str = "sum by (job, instance) (autoswe_parity_cells{$M, state=\"green\"}) \
     / sum by (job, instance) (autoswe_parity_cells{$M, state=~\"green|red\"})";
const TOKENS: &str = "sum by (job, instance) (rate(autoswe_vllm_generation_tokens_total{$M}[$__rate_interval]))";

fn severities() -> Panel {
    Panel::new(
        "Severity of each machine",
        unit::NUMBER,
        "When each machine was OK, WARN, CRIT or DOWN.",
        "several that turn at once share a cause: network, power, a release of the model or of the loop.",
    )
    .view(View::Lanes)
    .size(24, 8)
    .query("severity", "{{instance}}", SEVERITY_OR_DOWN)
    .bounds(Bounds::Severity)
    .words(SEVERITIES)
}

fn tokens_by_machine() -> Panel {
    Panel::new(
        "Tokens per second by machine",
        unit::TOKENS,
        "Tokens generated on each machine.",
        "one line at 0 among others: that machine's vLLM.",
    )
    .size(12, 8)
    .distinct()
    .query("tokens", "{{instance}}", TOKENS)
    .at_least_zero()
}

fn power_by_machine() -> Panel {
    Panel::new(
        "GPU power by machine",
        unit::WATTS,
        "Power that each machine's GPUs draw.",
        "one line below the others at the same work: a power cap.",
    )
    .size(12, 8)
    .distinct()
    .query("power", "{{instance}}", "sum by (job, instance) (autoswe_gpu_power_watts{$M})")
    .at_least_zero()
}

fn heartbeats() -> Panel {
    Panel::new(
        "Heartbeat age in limits",
        unit::SHARE,
        "Age of each machine's heartbeat as a share of its own critical limit.",
        "at 100 % the loop must be restarted; the watchdog of that machine does it.",
    )
    .size(12, 8)
    .distinct()
    .query("age", "{{instance}}", HEARTBEAT)
    .dashed(CRIT, "crit", "critical limit", r#"max(autoswe_check_threshold{$M, check="loop", limit="crit"} > bool 0)"#)
    .at_least_zero()
}

const HEARTBEAT: &str = "(time() - autoswe_loop_heartbeat_timestamp_seconds{$M}) \
     / ignoring (check, limit) autoswe_check_threshold{$M, check=\"loop\", limit=\"crit\"}";

fn hottest() -> Panel {
    Panel::new(
        "Hottest GPU by machine",
        unit::CELSIUS,
        "The hottest GPU of each machine. The colours are the default limits for a GPU that tells no slowdown \
         temperature.",
        "all of them rise: the room. One of them: its fan.",
    )
    .above("gpu", Some("hot"), Some("slowdown"))
    .without_limit_lines()
    .size(12, 8)
    .distinct()
    .query("hottest", "{{instance}}", "max by (job, instance) (autoswe_gpu_temperature_celsius{$M})")
}
