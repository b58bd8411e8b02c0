//! The Grafana dashboards in `dashboards/`, written from a small typed definition.
//!
//! Invariant: a dashboard names only metrics and labels that exist, and takes what is good or bad from the checks' own
//! limits. What a person imports is what stands here: a test holds the files to it.

mod details;
mod fleet;
mod gpu;
mod json;
mod limit;
mod overview;
mod panel;
mod tests;
mod vllm_gpu;

use panel::Panel;

/// A dashboard.
struct Dashboard {
    /// Its address in Grafana, and its file's name. Never changes: links and bookmarks hold it.
    uid: &'static str,
    title: &'static str,
    /// What it is for, in a sentence or two.
    about: &'static str,
    scope: Scope,
    rows: Vec<Row>,
    annotations: Vec<Annotation>,
}

/// Which machines a dashboard shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// One.
    Machine,
    /// Any number of them.
    Fleet,
}

/// Panels under a heading.
struct Row {
    /// `None` for the panels at the top, which have no heading.
    title: Option<&'static str>,
    /// Details that are folded away until somebody asks for them.
    folded: bool,
    panels: Vec<Panel>,
}

/// Events that are marked in every graph.
struct Annotation {
    name: &'static str,
    expr: &'static str,
    colour: &'static str,
    title: &'static str,
    text: &'static str,
    /// The value is the time of the event, in milliseconds; else the event lasts while the value is not 0.
    at_value: bool,
    /// Shown unless switched off.
    shown: bool,
}

impl Scope {
    /// `expr` with its `$M` replaced by what selects the machines.
    fn select(self, expr: &str) -> String {
        let machines = match self {
            Scope::Machine => r#"job="$job", instance="$instance""#,
            Scope::Fleet => r#"job=~"$job", instance=~"$instance""#,
        };
        expr.replace("$M", machines)
    }
}

impl Row {
    fn top(panels: Vec<Panel>) -> Self {
        Row { title: None, folded: false, panels }
    }

    fn open(title: &'static str, panels: Vec<Panel>) -> Self {
        Row { title: Some(title), folded: false, panels }
    }

    fn folded(title: &'static str, panels: Vec<Panel>) -> Self {
        Row { title: Some(title), folded: true, panels }
    }
}

/// Every dashboard.
fn all() -> [Dashboard; 3] {
    [overview::dashboard(), vllm_gpu::dashboard(), fleet::dashboard()]
}

/// Address and title of each, in the same order.
fn all_titles() -> [(&'static str, &'static str); 3] {
    [(overview::UID, "autoswe / Overview"), (vllm_gpu::UID, "autoswe / vLLM and GPU"), (fleet::UID, "autoswe / Fleet")]
}

const FIRING: Annotation = Annotation {
    name: "Alerts",
    expr: r#"ALERTS{$M, alertstate="firing", severity=~"warning|critical"}"#,
    colour: "red",
    title: "{{alertname}}",
    text: "{{severity}} alert of {{instance}}",
    at_value: false,
    shown: true,
};

const RESTARTED: Annotation = Annotation {
    name: "Loop restarted",
    expr: "autoswe_watchdog_last_restart_timestamp_seconds{$M} * 1000",
    colour: "blue",
    title: "Loop restarted",
    text: "The watchdog restarted the loop of {{instance}}",
    at_value: true,
    shown: true,
};

const MODEL_STARTED: Annotation = Annotation {
    name: "vLLM started",
    expr: "autoswe_vllm_start_timestamp_seconds{$M} * 1000",
    colour: "purple",
    title: "vLLM started",
    text: "The model server of {{instance}} was started",
    at_value: true,
    shown: true,
};

const EXPORTER_STARTED: Annotation = Annotation {
    name: "Exporter started",
    expr: "process_start_time_seconds{$M} * 1000",
    colour: "text",
    title: "Exporter started",
    text: "The exporter of {{instance}} was started",
    at_value: true,
    shown: false,
};
