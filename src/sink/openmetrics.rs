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
    write!(page, "# HELP {} ", metric.family())?;
    push_escaped(page, metric.help);
    page.push('\n');
    for (values, value) in &family.series {
        let mut series = Series { page, metric, values };
        match value {
            Value::Number(number) => series.line("", None, number)?,
            Value::Summary(summary) => {
                summary.quantiles.iter().try_for_each(|(share, value)| series.line("", Some(share), value))?;
                series.line("_sum", None, &summary.sum)?;
                series.line("_count", None, &summary.count)?;
            }
        }
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

/// The lines of one set of labels.
struct Series<'a> {
    page: &'a mut String,
    metric: &'a Metric,
    values: &'a [String],
}

impl Series<'_> {
    fn line(&mut self, suffix: &str, quantile: Option<&f64>, value: &dyn Display) -> std::fmt::Result {
        self.page.push_str(self.metric.name);
        self.page.push_str(suffix);
        let mut separator = '{';
        for (label, text) in self.metric.labels.iter().zip(self.values) {
            self.page.push(std::mem::replace(&mut separator, ','));
            self.page.push_str(label);
            self.page.push_str("=\"");
            push_escaped(self.page, text);
            self.page.push('"');
        }
        if let Some(share) = quantile {
            write!(self.page, "{}quantile=\"{share}\"", std::mem::replace(&mut separator, ','))?;
        }
        self.page.push_str(if separator == '{' { " " } else { "} " });
        writeln!(self.page, "{value}")
    }
}

/// Adds text as it stands in a HELP line or between the quotes of a label value.
fn push_escaped(page: &mut String, text: &str) {
    let mut rest = text;
    // The three characters are ASCII, so the text on both sides of one is whole.
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        page.push_str(&rest[..at]);
        page.push('\\');
        page.push(if rest.as_bytes()[at] == b'\n' { 'n' } else { char::from(rest.as_bytes()[at]) });
        rest = &rest[at + 1..];
    }
    page.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut page = String::new();
        push_escaped(&mut page, text);
        page
    }

    #[test]
    fn escapes_what_would_end_a_label_or_a_line() {
        assert_eq!(escaped("a\\b\"c\nd"), r#"a\\b\"c\nd"#);
        assert_eq!(escaped("\\\\\"\"\n\n"), r#"\\\\\"\"\n\n"#);
        assert_eq!(escaped("plain, {text}= \u{6a21}"), "plain, {text}= \u{6a21}");
    }
}
