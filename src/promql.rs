//! What the PromQL expressions of rules and dashboards may name: metrics and labels that exist.
//!
//! Invariant: a name that no file of `src/metric` defines, and a label that none of the metrics in the expression has,
//! is told, however deep it stands.

use std::collections::BTreeSet;

use promql_parser::parser::{Expr, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};

use crate::metric::{self, Kind};

/// Labels that Prometheus gives to every scraped series.
const OF_TARGETS: [&str; 2] = ["instance", "job"];

/// Series of Prometheus's own, and their labels.
const OF_PROMETHEUS: [(&str, &[&str]); 3] = [
    ("up", &[]),
    ("ALERTS", &["alertname", "alertstate", "severity", "check", "code"]),
    ("ALERTS_FOR_STATE", &["alertname", "severity", "check", "code"]),
];

/// A series that a recording rule makes, and its labels beside those of targets.
pub(crate) type Recorded<'a> = (&'a str, &'a [&'a str]);

/// What is wrong with the names in `expression`; empty when each is known. Variables of Grafana that stand for a
/// length of time are understood.
pub(crate) fn faults(expression: &str, recorded: &[Recorded<'_>]) -> Vec<String> {
    match parse(&substituted(expression)) {
        Ok(parsed) => {
            let mut names = Names { recorded, known: BTreeSet::new(), labels: BTreeSet::new(), faults: Vec::new() };
            walk_expr(&mut names, &parsed).expect("walking never fails");
            names.unknown_labels();
            names.faults.into_iter().map(|fault| format!("{fault} in {expression}")).collect()
        }
        Err(error) => vec![format!("{error} in {expression}")],
    }
}

/// The names of the metrics in `expression`.
pub(crate) fn metrics(expression: &str) -> BTreeSet<String> {
    struct Metrics(BTreeSet<String>);
    impl ExprVisitor for Metrics {
        type Error = std::convert::Infallible;
        fn pre_visit(&mut self, node: &Expr) -> Result<bool, Self::Error> {
            self.0.extend(selector(node).and_then(|selector| selector.name.clone()));
            Ok(true)
        }
    }
    let mut found = Metrics(BTreeSet::new());
    walk_expr(&mut found, &parse(&substituted(expression)).expect(expression)).expect("walking never fails");
    found.0
}

fn substituted(expression: &str) -> String {
    // Before `$__interval`, which it begins with.
    let milliseconds = expression.replace("$__interval_ms", "300000");
    ["$__rate_interval", "$__interval", "$__range"]
        .into_iter()
        .fold(milliseconds, |text, variable| text.replace(variable, "5m"))
}

fn selector(node: &Expr) -> Option<&VectorSelector> {
    match node {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::MatrixSelector(matrix) => Some(&matrix.vs),
        _ => None,
    }
}

struct Names<'a> {
    recorded: &'a [Recorded<'a>],
    /// Labels of the metrics in the expression.
    known: BTreeSet<String>,
    /// Labels that the expression groups or matches by.
    labels: BTreeSet<String>,
    faults: Vec<String>,
}

impl ExprVisitor for Names<'_> {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, node: &Expr) -> Result<bool, Self::Error> {
        match node {
            Expr::Aggregate(aggregate) => {
                self.labels.extend(aggregate.modifier.iter().flat_map(|by| by.labels().labels.clone()));
                if let Some(parameter) = &aggregate.param {
                    walk_expr(self, parameter)?;
                }
            }
            Expr::Binary(binary) => {
                if let Some(modifier) = &binary.modifier {
                    self.labels.extend(modifier.matching.iter().flat_map(|on| on.labels().labels.clone()));
                    self.labels.extend(modifier.card.labels().iter().flat_map(|group| group.labels.clone()));
                }
            }
            node => {
                if let Some(selector) = selector(node) {
                    self.select(selector);
                }
            }
        }
        Ok(true)
    }
}

impl Names<'_> {
    fn select(&mut self, selector: &VectorSelector) {
        let Some(name) = &selector.name else {
            return self.faults.push("a selector without a metric's name".into());
        };
        let Some(labels) = self.labels_of(name) else {
            return self.faults.push(format!("{name}, which no file of src/metric defines"));
        };
        let matchers = selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten());
        for matcher in matchers.filter(|matcher| !labels.contains(&matcher.name)) {
            self.faults.push(format!("{name} has no label {}", matcher.name));
        }
        self.known.extend(labels);
    }

    fn labels_of(&self, name: &str) -> Option<BTreeSet<String>> {
        let own = OF_PROMETHEUS.iter().chain(self.recorded).find(|(known, _)| *known == name);
        let labels: Vec<&str> = match own {
            Some((_, labels)) => labels.to_vec(),
            None => {
                let metric = metric::METRICS.iter().find(|metric| {
                    let parts = if metric.kind == Kind::Summary { &["", "_sum", "_count"][..] } else { &[""] };
                    parts.iter().any(|part| name.strip_suffix(part) == Some(metric.name))
                })?;
                let quantile = (metric.kind == Kind::Summary).then_some("quantile");
                metric.labels.iter().copied().chain(quantile).collect()
            }
        };
        Some(labels.into_iter().chain(OF_TARGETS).map(str::to_owned).collect())
    }

    fn unknown_labels(&mut self) {
        let unknown = self.labels.difference(&self.known).map(|label| format!("no metric has the label {label}"));
        self.faults.extend(unknown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_exist_are_right_however_deep() {
        for right in [
            "autoswe_severity == 2",
            "max by (instance, check) (max_over_time(autoswe_check_severity{check='loop'}[3m]))",
            "rate(autoswe_vllm_generation_tokens_total{instance=~'a|b'}[$__rate_interval])",
            "autoswe_gpu_power_watts * on (instance, gpu) group_left (name) autoswe_gpu_info",
            "autoswe_vllm_queue_time_seconds{quantile='0.95'} and on () autoswe_vllm_queue_time_seconds_count > 0",
            "up == 0 unless on (instance) own:thing",
        ] {
            assert_eq!(faults(right, &[("own:thing", &[])]), [""; 0], "{right}");
        }
    }

    #[test]
    fn what_does_not_exist_is_told() {
        for (wrong, word) in [
            ("autoswe_sevrity", "autoswe_sevrity"),
            ("autoswe_severity{check='x'}", "no label check"),
            ("sum by (phase) (autoswe_severity)", "label phase"),
            ("topk(scalar(autoswe_nothing), autoswe_severity)", "autoswe_nothing"),
            ("{job='a'}", "without a metric's name"),
            ("autoswe_severity ==", "autoswe_severity =="),
        ] {
            let found = faults(wrong, &[]);
            assert!(found.len() == 1 && found[0].contains(word), "{wrong}: {found:?}");
        }
    }

    #[test]
    fn the_metrics_of_an_expression() {
        let found = metrics("sum(rate(autoswe_http_requests_total[5m])) / on () up");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["autoswe_http_requests_total", "up"]);
    }
}
