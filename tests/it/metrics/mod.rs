//! The metrics pages against those who read them: promtool, prometheus-client's parsers, and Prometheus itself.

mod example;
pub(crate) mod readers;
mod scrape;

use std::collections::BTreeMap;

use autoswe_exporter::metric::{Samples, Value};

/// One line of a page: name and labels, sorted.
type Line = (String, BTreeMap<String, String>);

/// The page of a machine of which everything is known, so that every metric is on it.
pub(crate) fn everything_known() -> Vec<u8> {
    autoswe_exporter::sink::prometheus::render(&example::rich())
}

/// Every line that the pages of `samples` should have, with its value.
fn lines(samples: &Samples) -> BTreeMap<Line, f64> {
    let mut lines = BTreeMap::new();
    for family in samples.families() {
        for (values, value) in &family.series {
            let names = family.metric.labels.iter().map(|&label| label.to_owned());
            let labels: BTreeMap<String, String> = names.zip(values.iter().cloned()).collect();
            let name = family.metric.name;
            let mut line = |suffix: &str, more: Option<f64>, value: f64| {
                let mut labels = labels.clone();
                labels.extend(more.map(|share| ("quantile".to_owned(), share.to_string())));
                let double = lines.insert((format!("{name}{suffix}"), labels), value);
                assert_eq!(double, None, "two lines of {name}{suffix}");
            };
            match value {
                Value::Number(number) => line("", None, *number),
                Value::Summary(summary) => {
                    summary.quantiles.iter().for_each(|&(share, value)| line("", Some(share), value));
                    line("_sum", None, summary.sum);
                    line("_count", None, summary.count as f64);
                }
            }
        }
    }
    lines
}
