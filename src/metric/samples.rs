//! The samples of one page.
//!
//! Invariant: a sample belongs to a defined [`Metric`], has one value for each of its labels, and is the only one
//! with these labels. A value that is absent or not a finite number is no sample.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use super::{Kind, Metric};
use crate::observation::{Field, Time, unix_seconds};

/// The samples of one page, sorted by name and label values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Samples(BTreeMap<&'static str, Family>);

/// The samples of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The metric.
    pub metric: &'static Metric,
    /// Its samples, by the values of its labels.
    pub series: BTreeMap<Vec<String>, Value>,
}

/// What one sample says.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number, for every kind of metric but [`Kind::Summary`].
    Number(f64),
    /// Quantiles with sum and count, for [`Kind::Summary`].
    Summary(Summary),
}

/// Quantiles of recent values, with the sum and the number of all values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Quantile (0 to 1) and its value, ascending.
    pub quantiles: Vec<(f64, f64)>,
    /// Sum of all values since what measures them started.
    pub sum: f64,
    /// Number of all values since then.
    pub count: u64,
}

/// What can be the number of a sample, or be absent.
pub trait Quantity {
    /// The number in base units; `None` when it is not known.
    fn number(self) -> Option<f64>;
}

impl Samples {
    /// Sets the sample of `metric` whose labels have the values `labels`, unless `quantity` is absent.
    pub fn set(&mut self, metric: &'static Metric, labels: &[&str], quantity: impl Quantity) {
        debug_assert!(metric.kind != Kind::Summary, "{} needs set_summary", metric.name);
        if let Some(number) = quantity.number().filter(|number| number.is_finite()) {
            self.insert(metric, labels, Value::Number(number));
        }
    }

    /// Sets a summary.
    pub fn set_summary(&mut self, metric: &'static Metric, labels: &[&str], summary: Summary) {
        debug_assert!(metric.kind == Kind::Summary, "{} is no summary", metric.name);
        self.insert(metric, labels, Value::Summary(summary));
    }

    /// Sets one sample for each of `states`, which become the value of the last label: whether it holds.
    pub fn set_states(
        &mut self,
        metric: &'static Metric,
        labels: &[&str],
        states: impl IntoIterator<Item = (impl AsRef<str>, bool)>,
    ) {
        debug_assert!(metric.kind == Kind::StateSet, "{} is no state set", metric.name);
        for (state, holds) in states {
            self.set(metric, &[labels, &[state.as_ref()]].concat(), holds);
        }
    }

    /// The families that have samples, by name.
    pub fn families(&self) -> impl Iterator<Item = &Family> {
        self.0.values()
    }

    /// The number of the sample of the metric called `name` with the label values `labels`.
    pub fn number(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let labels: Vec<String> = labels.iter().map(|&value| value.to_owned()).collect();
        match self.0.get(name)?.series.get(&labels)? {
            Value::Number(number) => Some(*number),
            Value::Summary(_) => None,
        }
    }

    fn insert(&mut self, metric: &'static Metric, labels: &[&str], value: Value) {
        debug_assert_eq!(labels.len(), metric.labels.len(), "labels of {}", metric.name);
        let family = self.0.entry(metric.name).or_insert_with(|| Family { metric, series: BTreeMap::new() });
        match family.series.entry(labels.iter().map(|&value| value.to_owned()).collect()) {
            Entry::Vacant(entry) => drop(entry.insert(value)),
            // Prometheus refuses the whole page for one duplicate, so the first one stands.
            Entry::Occupied(entry) => debug_assert!(false, "two samples of {}{:?}", metric.name, entry.key()),
        }
    }
}

impl Quantity for f64 {
    fn number(self) -> Option<f64> {
        Some(self)
    }
}

impl Quantity for u64 {
    fn number(self) -> Option<f64> {
        Some(self as f64)
    }
}

impl Quantity for usize {
    fn number(self) -> Option<f64> {
        Some(self as f64)
    }
}

impl Quantity for bool {
    fn number(self) -> Option<f64> {
        Some(f64::from(u8::from(self)))
    }
}

impl Quantity for Time {
    fn number(self) -> Option<f64> {
        Some(unix_seconds(self))
    }
}

impl Quantity for Duration {
    fn number(self) -> Option<f64> {
        Some(self.as_secs_f64())
    }
}

impl<T: Quantity> Quantity for Option<T> {
    fn number(self) -> Option<f64> {
        self.and_then(Quantity::number)
    }
}

impl<T: Quantity + Copy> Quantity for Field<T> {
    fn number(self) -> Option<f64> {
        self.get().number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAUGE: &Metric = &Metric { name: "g_ratio", kind: Kind::Gauge, labels: &["a"], help: "A." };
    const STATES: &Metric = &Metric { name: "s", kind: Kind::StateSet, labels: &["a", "state"], help: "S." };

    #[test]
    fn absent_and_unfinite_values_are_no_samples() {
        let mut samples = Samples::default();
        samples.set(GAUGE, &["none"], None::<f64>);
        samples.set(GAUGE, &["unsupported"], Field::<u64>::Unsupported);
        samples.set(GAUGE, &["nan"], f64::NAN);
        samples.set(GAUGE, &["infinite"], f64::INFINITY);
        assert_eq!(samples, Samples::default());
        samples.set(GAUGE, &["zero"], Field::Value(0_u64));
        assert_eq!(samples.number("g_ratio", &["zero"]), Some(0.0));
        assert_eq!(samples.number("g_ratio", &["nan"]), None);
    }

    #[test]
    fn a_state_set_has_a_sample_for_each_state() {
        let mut samples = Samples::default();
        samples.set_states(STATES, &["x"], [("on", true), ("off", false)]);
        assert_eq!(samples.number("s", &["x", "on"]), Some(1.0));
        assert_eq!(samples.number("s", &["x", "off"]), Some(0.0));
    }

    #[test]
    #[cfg_attr(debug_assertions, should_panic(expected = "two samples of g_ratio"))]
    fn a_duplicate_is_refused() {
        let mut samples = Samples::default();
        samples.set(GAUGE, &["x"], 1.0);
        samples.set(GAUGE, &["x"], 2.0);
        assert_eq!(samples.number("g_ratio", &["x"]), Some(1.0));
    }

    #[test]
    #[cfg_attr(debug_assertions, should_panic(expected = "labels of g_ratio"))]
    fn a_wrong_number_of_labels_is_refused() {
        Samples::default().set(GAUGE, &[], 1.0);
    }
}
