//! The alerts of the shipped rules: one for each code of each check at each of its severities, and those that watch
//! the watchers.
//!
//! Invariant: everything comes from the tables of [`CHECKS`] and of `watchers.rs`, the configuration and
//! the job's name.

use super::annotations::Description;
use super::recorded::{FINDINGS, quoted};
use super::watchers::{After, EXPORTER, WATCHERS, Watcher};
use super::{name, severity};
use crate::assessment::Severity;
use crate::check::{CHECKS, Check, Code};
use crate::config::AlertsConfig;
use crate::config::value::Seconds;

/// The page of the alerts that watch the exporter, in `docs/runbooks/`.
pub const WATCHERS_PAGE: &str = EXPORTER;

/// One alert, as Prometheus takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// The label `severity`: `warning`, `critical`, or `none` for what nobody is called for.
    pub severity: &'static str,
    /// When it fires, in PromQL.
    pub expression: String,
    /// For how long that must be so; `None` where it fires at once.
    pub fires_after: Option<Seconds>,
    /// For how long that must be over before it is resolved; `None` where it is resolved at once.
    pub keeps_firing: Option<Seconds>,
    /// The headline, a template.
    pub summary: String,
    /// What was found, the limit and the mend; a template in lines.
    pub description: Vec<String>,
    /// Where to read on.
    pub runbook_url: String,
}

/// The alerts on the findings of `check`, in the order of its table. The critical one of a code comes before its warning:
/// Prometheus sends in this order, and an Alertmanager that has just started must know what inhibits before what is
/// inhibited.
pub fn of_check(check: &Check, config: &AlertsConfig, job: &str) -> Vec<Alert> {
    let of_code = |code| Code::alerts(code, check, config, job);
    check.codes.iter().flat_map(of_code).collect()
}

/// The alerts that watch the watchers.
pub fn of_watchers(config: &AlertsConfig, job: &str) -> Vec<Alert> {
    WATCHERS.iter().map(|watcher| of_watcher(watcher, config, job)).collect()
}

/// Every alert.
pub fn all(config: &AlertsConfig, job: &str) -> Vec<Alert> {
    let findings = CHECKS.iter().flat_map(|check| of_check(check, config, job));
    findings.chain(of_watchers(config, job)).collect()
}

impl Code {
    fn alerts(&self, check: &Check, config: &AlertsConfig, job: &str) -> Vec<Alert> {
        let alert = |found: Severity| {
            let description = Description { by: &["instance", "job"], why: "", shows: self.shows, mend: self.mend };
            Some(Alert {
                name: name(check.id, self.word),
                severity: severity(found)?,
                expression: self.expression(check, job, found),
                fires_after: Some(config.fires_after(found)),
                keeps_firing: Some(config.keep_firing_for),
                summary: format!("{{{{ $labels.instance }}}}: {}", self.summary),
                description: description.lines(check.id, found),
                runbook_url: config.runbook_url(check.runbook, self.word),
            })
        };
        self.found.iter().rev().filter_map(|found| alert(*found)).collect()
    }

    /// What was crossed on the way to critical still is: the warning stays true while the code is found at CRIT.
    fn expression(&self, check: &Check, job: &str, found: Severity) -> String {
        let only = if found == Severity::Crit { r#", severity="CRIT""# } else { "" };
        let (check, code, job) = (check.id, self.word, quoted(job));
        format!(
            "max without (severity) (\n  \
               {FINDINGS}{{job={job}, check=\"{check}\", code=\"{code}\"{only}}}\n\
             ) > 0"
        )
    }
}

impl After {
    fn time(self, config: &AlertsConfig) -> Option<Seconds> {
        match self {
            After::Finding(severity) => Some(config.fires_after(severity)),
            After::Targets => Some(Seconds(config.warn_for.0.max(300.0))),
            After::Always => None,
        }
    }
}

fn of_watcher(watcher: &Watcher, config: &AlertsConfig, job: &str) -> Alert {
    let Watcher { summary, why, by, shows, mend, .. } = *watcher;
    let description = Description { by, why, shows, mend };
    Alert {
        name: watcher.name.into(),
        severity: watcher.severity.and_then(severity).unwrap_or("none"),
        expression: watcher.expression.replace("$job", &quoted(job)),
        fires_after: watcher.after.time(config),
        keeps_firing: watcher.after.time(config).map(|_| config.keep_firing_for),
        summary: summary.into(),
        description: description.lines("", Severity::Ok),
        runbook_url: config.runbook_url(watcher.page, watcher.section),
    }
}
