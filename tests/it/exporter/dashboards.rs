//! The dashboards over real data: every expression, asked of a real Prometheus that scraped the demo's story.

use std::collections::BTreeSet;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use autoswe_exporter::alert::rules::print;
use autoswe_exporter::config::AlertsConfig;
use autoswe_exporter::config::value::Seconds;
use serde_json::Value;

use super::demo::{Demo, TWO_ROUNDS};
use super::{Home, LOOK};
use crate::prometheus::{Alerting, Prometheus, Target};
use crate::support::{Server, ok};

/// Metrics that a machine like the demo's never has, and why. An expression over one of them must be empty there, and
/// is asked of a machine that has everything.
const NOT_IN_THE_DEMO: [(&str, &str); 12] = [
    ("autoswe_gpu_power_limit_watts", "a GB10 tells no power limit"),
    ("autoswe_gpu_memory_used_bytes", "a GB10 shares the host's memory"),
    ("autoswe_gpu_memory_total_bytes", "a GB10 shares the host's memory"),
    ("autoswe_gpu_memory_clock_hertz", "a GB10 tells no memory clock"),
    ("autoswe_gpu_memory_clock_max_hertz", "a GB10 tells no memory clock"),
    ("autoswe_gpu_memory_temperature_celsius", "a GB10 does not tell how hot its memory is"),
    ("autoswe_gpu_ecc_errors_total", "a GB10 has no ECC that it tells of"),
    ("autoswe_gpu_remapped_rows", "a GB10 remaps no rows"),
    ("autoswe_gpu_row_remap_failed", "a GB10 remaps no rows"),
    ("autoswe_gpu_xid_last_timestamp_seconds", "XIDs come from the driver alone, and the demo has none"),
    ("autoswe_subagents", "the demo starts no processes"),
    ("autoswe_subagent_oldest_start_timestamp_seconds", "the demo starts no processes"),
];

/// The shipped rules, in the demo's times.
fn rules(job: &str) -> String {
    let alerts = AlertsConfig {
        warn_for: Seconds(0.25),
        crit_for: Seconds(0.25),
        keep_firing_for: Seconds(0.5),
        ..AlertsConfig::default()
    };
    print(&alerts, job)
}

/// What the variables of a dashboard are set to.
struct Machine {
    job: &'static str,
    instance: String,
}

impl Machine {
    fn at(job: &'static str, url: &str) -> Self {
        Machine { job, instance: url.trim_start_matches("http://").trim_end_matches('/').to_owned() }
    }

    fn target(&self) -> Target<'_> {
        Target { job: self.job, address: self.instance.parse().unwrap(), path: "/metrics" }
    }
}

/// One expression: where it stands, and what it says before the variables are filled in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    place: String,
    expr: String,
}

impl Asked {
    /// The expression as Grafana would send it for one machine, a scrape and a step of a second.
    fn of(&self, machine: &Machine) -> String {
        // The longer of four scrapes, and of a step and a scrape.
        let filled =
            self.expr.replace("$__rate_interval", "4s").replace("$__range", "60s").replace("$__interval_ms", "1000");
        let filled = filled.replace("$job", machine.job).replace("$instance", &machine.instance);
        assert!(!filled.contains('$'), "{}: a variable that Grafana does not fill in: {filled}", self.place);
        filled
    }

    fn excepted(&self) -> bool {
        NOT_IN_THE_DEMO.iter().any(|(metric, _)| self.expr.contains(&format!("{metric}{{")))
    }
}

/// Every expression of every dashboard: of panels, of what is folded away, and of annotations.
fn expressions() -> Vec<Asked> {
    let mut found = Vec::new();
    for dashboard in crate::dashboards::shipped() {
        collect(&dashboard, "", &mut found);
    }
    found
}

fn collect(value: &Value, place: &str, found: &mut Vec<Asked>) {
    if let Some(expr) = value.get("expr") {
        found.push(Asked { place: place.to_owned(), expr: expr.as_str().unwrap().to_owned() });
    }
    let name = value.get("title").or(value.get("name")).and_then(Value::as_str);
    let place = name.map_or(place.to_owned(), |name| format!("{place}: {name}"));
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, &place, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, &place, found)),
        _ => {}
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Prometheus, and since when it has been asked to remember.
struct Memory {
    prometheus: Prometheus,
    since: f64,
}

impl Memory {
    /// A time at which `expr` had a value, as a range query and as a query of that instant tell alike.
    async fn has(&self, expr: &str) -> Option<f64> {
        let lines = self.prometheus.range(expr, (self.since, now())).await;
        let (at, _) = lines.iter().flatten().rfind(|(_, value)| value.is_finite())?;
        let instant = self.prometheus.query_at(expr, *at).await;
        assert!(!instant.is_empty(), "{expr} has a value at {at} over time, and none at that instant");
        Some(*at)
    }

    /// Those of `asked` that have had no value on `machine` yet.
    async fn empty(&self, asked: &BTreeSet<Asked>, machine: &Machine) -> BTreeSet<Asked> {
        let mut empty = BTreeSet::new();
        for one in asked {
            if self.has(&one.of(machine)).await.is_none() {
                empty.insert(one.clone());
            }
        }
        empty
    }
}

fn told(asked: &BTreeSet<Asked>) -> String {
    asked.iter().map(|one| format!("{}: {}\n", one.place, one.expr)).collect()
}

#[tokio::test]
async fn every_expression_has_data_from_the_story() {
    let home = Home::new();
    let demo = Demo::start(&home, &["--web.listen-address", "127.0.0.1:0"]).await;
    let machine = Machine::at("demo", &demo.page);
    let everything = Server::always(ok("text/plain; version=0.0.4", &crate::metrics::everything_known())).await;
    let rich = Machine::at("everything", &everything.url);
    let since = now();
    let alerting = Alerting { rules: &rules(machine.job), ..Alerting::default() };
    let prometheus = Prometheus::start_alerting(&[machine.target(), rich.target()], &alerting).await;
    let memory = Memory { prometheus, since };

    let (excepted, mut missing): (BTreeSet<Asked>, BTreeSet<Asked>) =
        expressions().into_iter().partition(Asked::excepted);
    let start = Instant::now();
    while !missing.is_empty() || demo.said.with("  Recovery: ").is_empty() {
        missing = memory.empty(&missing, &machine).await;
        assert!(start.elapsed() < TWO_ROUNDS, "no data in two rounds of the story:\n{}", told(&missing));
        tokio::time::sleep(LOOK).await;
    }
    assert_eq!(told(&memory.empty(&excepted, &rich).await), "", "no data where everything is known");
    for (metric, why) in NOT_IN_THE_DEMO {
        let gained = memory.has(&format!("{metric}{{job=\"demo\"}}")).await;
        assert_eq!(gained, None, "{metric} has data now: take the exception away ({why})");
        assert!(excepted.iter().any(|one| one.expr.contains(metric)), "no expression needs the exception of {metric}");
    }
}
