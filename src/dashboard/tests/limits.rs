//! What is good and what is bad comes from the checks.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::limit::Limit;
use super::{Imported, imported, steps, targets, text};
use crate::config::Limits;
use crate::metric::limits;

/// Which limits judge a metric: its check, the first limit and, where there is one, the worse one.
const JUDGED: [(&str, &str, &[&str]); 13] = [
    ("time() - autoswe_loop_heartbeat_timestamp_seconds", "loop", &["warn", "crit"]),
    ("autoswe_verdicts_since_accept", "verdicts", &["rejected_warn", "wedged_crit"]),
    ("autoswe_subagent_oldest_start_timestamp_seconds", "subagents", &["warn", "crit"]),
    ("autoswe_site_built_timestamp_seconds", "site", &["warn", "crit"]),
    ("autoswe_review_health_score", "review", &["score_crit", "score_warn"]),
    ("autoswe_review_timestamp_seconds", "review", &["warn", "crit"]),
    ("autoswe_watchdog_last_evaluation_timestamp_seconds", "watchdog", &["warn"]),
    ("autoswe_vllm_stall_start_timestamp_seconds", "vllm", &["stall_warn", "stall_crit"]),
    ("autoswe_vllm_answer_duration_seconds", "vllm", &["slow", "unanswered_crit"]),
    ("autoswe_gpu_temperature_celsius", "gpu", &["hot", "slowdown"]),
    ("autoswe_host_memory_available_bytes", "host", &["memory_crit", "memory_warn"]),
    ("autoswe_host_memory_pressure_ratio", "host", &["pressure"]),
    ("autoswe_host_disk_available_bytes", "host", &["disk_crit", "disk_warn"]),
];

/// Panels of the metrics above that judge something else.
const OTHERWISE: [&str; 3] = ["Machines", "Heartbeat age in limits", "GPU utilization"];

fn defaults(check: &str, settings: &[&str]) -> Vec<Option<f64>> {
    let known = limits(&Limits::default());
    settings.iter().map(|setting| known.get(&(check.to_owned(), (*setting).to_owned())).copied()).collect()
}

/// The panels whose measurements, not their lines to compare with, name `metric`.
fn of<'a>(dashboard: &'a Imported, metric: &str) -> Vec<&'a Value> {
    let names = |panel: &Value| targets(panel).iter().any(|target| text(&target["expr"]).contains(metric));
    let panels = dashboard.panels().into_iter();
    panels.filter(|panel| names(panel) && !OTHERWISE.contains(&text(&panel["title"]))).collect()
}

#[test]
fn thresholds_are_the_limits_of_the_checks() {
    for (metric, check, settings) in JUDGED {
        let mut seen = 0;
        for dashboard in imported() {
            for panel in of(&dashboard, metric) {
                seen += 1;
                let found = steps(&panel["fieldConfig"]["defaults"]["thresholds"]);
                assert_eq!(found[1..], defaults(check, settings), "{} shows {metric}", dashboard.place(panel));
            }
        }
        assert!(seen > 0, "no panel shows {metric}");
    }
}

#[test]
fn a_graph_draws_the_limits_in_force() {
    for dashboard in imported() {
        for (metric, check, settings) in JUDGED {
            // Each machine of a fleet has its own, and a GPU that tells its slowdown temperature goes by that.
            let own = metric.starts_with("autoswe_gpu_temperature") || dashboard.uid == "autoswe-fleet";
            let graphs = of(&dashboard, metric).into_iter().filter(|panel| panel["type"] == "timeseries" && !own);
            for panel in graphs {
                for setting in settings {
                    let limit = format!(r#"check="{check}", limit="{setting}""#);
                    let drawn = targets(panel).iter().any(|target| text(&target["expr"]).contains(&limit));
                    assert!(drawn, "{} does not draw {limit}", dashboard.place(panel));
                }
            }
        }
    }
}

/// Limits that no panel shows, and why.
const NOT_SHOWN: [(&str, &str, &str); 11] = [
    ("gpu", "cap_utilization", "when the clock's line counts"),
    ("gpu", "sustained", "how long, not how much"),
    ("gpu", "unanswered_crit", "of a reading that hangs: row of sources"),
    ("loop", "future", "of a clock that runs ahead"),
    ("loop", "paused", "the phases show a pause in yellow"),
    ("parity", "drop_hold", "how long, not how much"),
    ("parity", "unreadable_crit", "of a reading that fails: row of sources"),
    ("site", "sync", "of two times in one finding"),
    ("verdicts", "stale", "only while the loop runs"),
    ("vllm", "unreachable_crit", "of a reading that fails: row of sources"),
    ("watchdog", "timer_warn", "where a timer evaluates; the panel says so"),
];

#[test]
fn each_limit_is_shown_or_cannot_be() {
    let all: String = imported().iter().map(|dashboard| dashboard.value.to_string()).collect();
    let judged = JUDGED.iter().flat_map(|(_, check, settings)| settings.iter().map(move |setting| (*check, *setting)));
    let judged: BTreeSet<(&str, &str)> = judged.collect();
    for (check, setting) in limits(&Limits::default()).keys() {
        let drawn = all.contains(&format!(r#"check=\"{check}\", limit=\"{setting}\""#));
        let shown = drawn || judged.contains(&(check.as_str(), setting.as_str()));
        let excused = NOT_SHOWN.iter().any(|(of, name, _)| of == check && name == setting);
        assert!(shown != excused, "{check}.{setting}: shown {shown}, excused {excused}");
    }
}

#[test]
#[should_panic(expected = "has no limit")]
fn a_limit_that_does_not_exist_cannot_be_used() {
    Limit("loop", "wran").default_value();
}
