//! The OpenMetrics page (version 1.0.0), written from the same samples.
//!
//! Invariant: every sample of the Prometheus page is here, under the same name and labels. State sets are gauges
//! here too: OpenMetrics wants the state in a label that bears the metric's own name, and the names are the same on
//! both pages so that rules and dashboards hold whichever page was scraped.

use std::fmt::{Display, Write};

use crate::metric::{Family, Kind, Metric, Samples, Value};

/// What the page is, for the HTTP header.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The page of `samples`.
pub fn render(samples: &Samples) -> Vec<u8> {
    let mut page = String::with_capacity(64 << 10);
    let written = samples.families().try_for_each(|family| write_family(&mut page, family));
    debug_assert!(written.is_ok(), "writing to a String does not fail");
    page.push_str("# EOF\n");
    page.into_bytes()
}

fn write_family(page: &mut String, family: &Family) -> std::fmt::Result {
    let metric = family.metric;
    writeln!(page, "# TYPE {} {}", metric.family(), word(metric.kind))?;
    if let Some(unit) = metric.unit() {
        writeln!(page, "# UNIT {} {unit}", metric.family())?;
    }
    writeln!(page, "# HELP {} {}", metric.family(), Escaped(metric.help))?;
    for (values, value) in &family.series {
        write_series(page, metric, values, value)?;
    }
    Ok(())
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Gauge | Kind::StateSet => "gauge",
        Kind::Counter => "counter",
        Kind::Info => "info",
        Kind::Summary => "summary",
    }
}

fn write_series(page: &mut String, metric: &Metric, values: &[String], value: &Value) -> std::fmt::Result {
    let labels: Vec<(&str, &str)> = metric.labels.iter().copied().zip(values.iter().map(String::as_str)).collect();
    match value {
        Value::Number(number) => write_line(page, metric.name, &labels, number),
        Value::Summary(summary) => {
            for (share, value) in &summary.quantiles {
                let share = share.to_string();
                write_line(page, metric.name, &[&labels[..], &[("quantile", &share)]].concat(), value)?;
            }
            write_line(page, &format!("{}_sum", metric.name), &labels, &summary.sum)?;
            write_line(page, &format!("{}_count", metric.name), &labels, &summary.count)
        }
    }
}

fn write_line(page: &mut String, name: &str, labels: &[(&str, &str)], value: &dyn Display) -> std::fmt::Result {
    page.push_str(name);
    for (index, (label, text)) in labels.iter().enumerate() {
        write!(page, "{}{label}=\"{}\"", if index == 0 { '{' } else { ',' }, Escaped(text))?;
    }
    writeln!(page, "{} {value}", if labels.is_empty() { "" } else { "}" })
}

/// Text as it stands in a HELP line or between the quotes of a label value.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in self.0.split_inclusive(['\\', '"', '\n']) {
            let text = part.trim_end_matches(['\\', '"', '\n']);
            f.write_str(text)?;
            f.write_str(match &part[text.len()..] {
                "\\" => r"\\",
                "\"" => "\\\"",
                "\n" => r"\n",
                _ => "",
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_would_end_a_label_or_a_line() {
        assert_eq!(Escaped("a\\b\"c\nd").to_string(), r#"a\\b\"c\nd"#);
        assert_eq!(Escaped("\\\\\"\"\n\n").to_string(), r#"\\\\\"\"\n\n"#);
        assert_eq!(Escaped("plain, {text}=").to_string(), "plain, {text}=");
    }
}
