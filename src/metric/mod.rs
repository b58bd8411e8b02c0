//! Every metric, defined once, beside the one place that gives it its samples.
//!
//! Invariant: [`samples()`] is pure. A value that is not known has no sample: it never turns into 0. A time that is
//! known to have been stays, because it tells its own age; any other value is shown only while its reading is fresh.

mod alerts;
mod assessment;
mod exporter;
mod files;
mod gpu;
mod host;
mod journey;
mod loop_;
mod samples;
mod site_server;
mod source;
mod subagents;
#[cfg(test)]
mod tests;
mod vllm;

use crate::assessment::{Assessment, Presence, Thresholds};
use crate::observation::{SourceId, Time};
use crate::state::State;
pub use alerts::{Alerting, Dropped, PushCounts};
#[cfg(test)]
pub(crate) use assessment::limits;
pub use exporter::{Exporter, OwnProcess, Reload, SystemStateCounts};
pub use samples::{Family, Quantity, Samples, Summary, Value};
pub use site_server::{Connections, Shown, SiteServer, site_server};

/// A metric: what its samples mean, whatever page shows them.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name on a Prometheus page. Its unit, where it has one, is in it: see [`Metric::unit`].
    pub name: &'static str,
    /// What its value does over time.
    pub kind: Kind,
    /// Names of its labels, in the order in which samples give their values.
    pub labels: &'static [&'static str],
    /// What it means, for the page and the reference.
    pub help: &'static str,
}

/// What a metric's value does over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only rises, until what counts starts anew.
    Counter,
    /// Always 1: the labels are what it tells.
    Info,
    /// 1 where the state that the last label names holds, else 0; every known state has its sample.
    StateSet,
    /// Quantiles of recent values, with the sum and the number of all values.
    Summary,
}

/// The base units, as they stand at the end of a name (Prometheus: metric and label naming).
const UNITS: [&str; 7] = ["seconds", "bytes", "ratio", "hertz", "watts", "joules", "celsius"];

impl Metric {
    /// The base unit that the name ends in; `None` for a plain number. `per_second` is a rate, not a time.
    pub fn unit(&self) -> Option<&'static str> {
        let family = self.family();
        UNITS.into_iter().find(|unit| family.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_')))
    }

    /// The name without what its kind adds to it: the name of the family in OpenMetrics.
    pub fn family(&self) -> &'static str {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::StateSet | Kind::Summary => "",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }
}

impl Kind {
    /// The word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Info => "info",
            Kind::StateSet => "state set",
            Kind::Summary => "summary",
        }
    }
}

/// Defines the metrics of one file: the doc comment is the HELP text, and `ALL` lists them.
macro_rules! metrics {
    ($(
        $(#[doc = $help:literal])+
        $constant:ident = $kind:ident $name:ident $({ $($label:ident),+ })?;
    )+) => {
        $(
            $(#[doc = $help])+
            pub(crate) const $constant: &$crate::metric::Metric = &$crate::metric::Metric {
                name: stringify!($name),
                kind: $crate::metric::Kind::$kind,
                labels: &[$($(stringify!($label)),+)?],
                help: concat!($($help),+).trim_ascii_start(),
            };
        )+
        /// The metrics of this file.
        pub(super) const ALL: &[&$crate::metric::Metric] = &[$($constant),+];
    };
}
use metrics;

/// The metrics under the headings of the reference.
const GROUPS: &[(&str, &[&Metric])] = &[
    ("Verdict", assessment::ALL),
    ("Sources", source::ALL),
    ("Loop", loop_::ALL),
    ("Sub-agents", subagents::ALL),
    ("vLLM", vllm::ALL),
    ("GPU", gpu::ALL),
    ("Parity, verdicts, site, reviews, watchdog", files::ALL),
    ("Journey", journey::ALL),
    ("Host", host::ALL),
    ("Alerts", alerts::ALL),
    ("Exporter", exporter::ALL),
    ("Site server", site_server::ALL),
];

/// Every metric, in the order of the reference.
pub const METRICS: &[&Metric] = &joined::<{ count(GROUPS) }>(GROUPS);

/// A label value for whatever neither the contract nor the configuration names, so that a file that somebody else
/// writes cannot make up series.
const OTHER: &str = "other";

/// The metric called `name`.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().copied().find(|metric| metric.name == name)
}

const fn count(groups: &[(&str, &[&Metric])]) -> usize {
    let (mut total, mut group) = (0, 0);
    while group < groups.len() {
        total += groups[group].1.len();
        group += 1;
    }
    total
}

const fn joined<const N: usize>(groups: &[(&str, &[&'static Metric])]) -> [&'static Metric; N] {
    let mut all = [groups[0].1[0]; N];
    let (mut next, mut group) = (0, 0);
    while group < groups.len() {
        let mut index = 0;
        while index < groups[group].1.len() {
            all[next] = groups[group].1[index];
            next += 1;
            index += 1;
        }
        group += 1;
    }
    all
}

/// What a page is made of.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// What is known.
    pub state: &'a State,
    /// What was found in it; its time is the time of the page.
    pub assessment: &'a Assessment,
    /// What it was judged by.
    pub thresholds: &'a Thresholds,
    /// What this program knows of itself.
    pub exporter: &'a Exporter,
}

impl Inputs<'_> {
    fn now(&self) -> Time {
        self.assessment.at
    }

    /// True where the check that rests on `source` says that what it watches is not on this machine.
    fn not_present(&self, source: SourceId) -> bool {
        self.assessment.check(source.name()).is_some_and(|check| check.presence == Presence::NotPresent)
    }
}

/// Adds every sample that `inputs` give.
pub fn samples(inputs: &Inputs<'_>, out: &mut Samples) {
    assessment::samples(inputs, out);
    source::samples(inputs, out);
    loop_::samples(inputs, out);
    subagents::samples(inputs, out);
    vllm::samples(inputs, out);
    gpu::samples(inputs, out);
    files::samples(inputs, out);
    journey::samples(inputs, out);
    host::samples(inputs, out);
    exporter::samples(inputs.exporter, out);
}
