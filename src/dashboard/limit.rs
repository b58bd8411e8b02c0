//! What is good and what is bad in a panel: the limits of the checks.
//!
//! Invariant: no threshold is a number of the dashboard's own. It is the default of a check's limit, or a severity,
//! which is defined by its number.

use crate::config::Limits;
use crate::metric::limits;

pub(super) const GOOD: &str = "green";
pub(super) const WARN: &str = "orange";
pub(super) const CRIT: &str = "red";
/// Neither good nor bad: a measurement.
pub(super) const PLAIN: &str = "blue";
/// What a measurement is compared with.
pub(super) const REFERENCE: &str = "text";

/// The least that counts as something.
const ANYTHING: f64 = 1e-6;

/// A limit of a check: the check and the setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Limit(pub(super) &'static str, pub(super) &'static str);

impl Limit {
    /// Its default.
    pub(super) fn default_value(self) -> f64 {
        let known = limits(&Limits::default());
        let Limit(check, setting) = self;
        let found = known.get(&(check.to_owned(), setting.to_owned()));
        *found.unwrap_or_else(|| panic!("the check {check} has no limit {setting}"))
    }

    /// The limit that is in force on a machine.
    pub(super) fn expr(self) -> String {
        let Limit(check, setting) = self;
        format!(r#"autoswe_check_threshold{{$M, check="{check}", limit="{setting}"}}"#)
    }
}

/// Where a value turns bad.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Bounds {
    /// It has no limit.
    Free,
    /// At and above these.
    Above { warn: Option<Limit>, crit: Option<Limit> },
    /// Below these.
    Below { warn: Option<Limit>, crit: Option<Limit> },
    /// The value is a severity: 0 OK, 1 WARN, 2 CRIT, and 3 for a machine that gives no answer.
    Severity,
    /// Anything above 0 is a warning, or critical.
    AnyIs(&'static str),
    /// 0 is a warning or critical, 1 is right.
    MustBe(&'static str),
}

impl Bounds {
    /// The colours and from where on they hold; the first one has no lower end.
    pub(super) fn steps(self) -> Vec<(Option<f64>, &'static str)> {
        let step = |limit: Option<Limit>, colour| limit.map(|limit| (Some(limit.default_value()), colour));
        match self {
            Bounds::Free => vec![(None, PLAIN)],
            Bounds::Above { warn, crit } => {
                [Some((None, GOOD)), step(warn, WARN), step(crit, CRIT)].into_iter().flatten().collect()
            }
            Bounds::Below { warn, crit } => {
                let worst = if crit.is_some() { CRIT } else { WARN };
                let better = if warn.is_some() { WARN } else { GOOD };
                [Some((None, worst)), step(crit, better), step(warn, GOOD)].into_iter().flatten().collect()
            }
            Bounds::Severity => vec![(None, GOOD), (Some(1.0), WARN), (Some(2.0), CRIT), (Some(3.0), "purple")],
            Bounds::AnyIs(bad) => vec![(None, GOOD), (Some(ANYTHING), bad)],
            Bounds::MustBe(bad) => vec![(None, bad), (Some(1.0), GOOD)],
        }
    }

    /// Its limits with their colours.
    pub(super) fn limits(self) -> Vec<(Limit, &'static str)> {
        match self {
            Bounds::Above { warn, crit } | Bounds::Below { warn, crit } => {
                [warn.map(|limit| (limit, WARN)), crit.map(|limit| (limit, CRIT))].into_iter().flatten().collect()
            }
            _ => Vec::new(),
        }
    }
}
