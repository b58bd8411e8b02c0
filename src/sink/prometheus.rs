//! The Prometheus text page (version 0.0.4), through the `prometheus` crate's data model and encoder.
//!
//! Invariant: the page is a mapping of the samples; nothing outlives them, so vanished labels vanish from the page.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::sync::LazyLock;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, LabelPair, Metric as Row, MetricFamily, MetricType, Quantile};
use prometheus::{Encoder, TextEncoder};

use crate::metric::{Family, Kind, METRICS, Metric, Samples, Summary, Value};

/// What the page is, for the HTTP header.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The samples as a collector, which a [`prometheus::Registry`] takes too.
#[derive(Debug, Clone)]
pub struct Snapshot<S>(pub S);

impl<S: Borrow<Samples> + Send + Sync> Collector for Snapshot<S> {
    fn desc(&self) -> Vec<&Desc> {
        static DESCRIPTIONS: LazyLock<Vec<Desc>> = LazyLock::new(|| METRICS.iter().map(|m| description(m)).collect());
        DESCRIPTIONS.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.0.borrow().families().map(family).collect()
    }
}

/// The page of `samples`.
pub fn render(samples: &Samples) -> Vec<u8> {
    let mut page = Vec::with_capacity(64 << 10);
    let encoded = TextEncoder::new().encode(&Snapshot(samples).collect(), &mut page);
    debug_assert!(encoded.is_ok(), "the encoder refuses only a family without rows: {encoded:?}");
    page
}

#[expect(clippy::expect_used, reason = "names and labels are constants, and a test makes every description")]
fn description(metric: &Metric) -> Desc {
    let labels = metric.labels.iter().map(|&label| label.to_owned()).collect();
    Desc::new(metric.name.to_owned(), metric.help.to_owned(), labels, HashMap::new()).expect("a valid description")
}

fn family(family: &Family) -> MetricFamily {
    let metric = family.metric;
    let mut mapped = MetricFamily::default();
    mapped.set_name(metric.name.to_owned());
    mapped.set_help(metric.help.to_owned());
    mapped.set_field_type(match metric.kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge | Kind::Info | Kind::StateSet => MetricType::GAUGE,
        Kind::Summary => MetricType::SUMMARY,
    });
    mapped.set_metric(family.series.iter().map(|(values, value)| row(metric, values, value)).collect());
    mapped
}

fn row(metric: &Metric, values: &[String], value: &Value) -> Row {
    let pairs = metric.labels.iter().zip(values).map(|(&name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.clone());
        pair
    });
    let mut row = Row::from_label(pairs.collect());
    match value {
        Value::Summary(summary) => row.set_summary(quantiles(summary)),
        Value::Number(number) if metric.kind == Kind::Counter => {
            let mut counter = Counter::default();
            counter.set_value(*number);
            row.set_counter(counter);
        }
        Value::Number(number) => {
            let mut gauge = Gauge::default();
            gauge.set_value(*number);
            row.set_gauge(gauge);
        }
    }
    row
}

fn quantiles(summary: &Summary) -> prometheus::proto::Summary {
    let mut mapped = prometheus::proto::Summary::default();
    mapped.set_sample_sum(summary.sum);
    mapped.set_sample_count(summary.count);
    let quantile = |&(share, value)| {
        let mut quantile = Quantile::default();
        quantile.set_quantile(share);
        quantile.set_value(value);
        quantile
    };
    mapped.set_quantile(summary.quantiles.iter().map(quantile).collect());
    mapped
}
