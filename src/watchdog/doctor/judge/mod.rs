//! What the facts mean for a restart.
//!
//! Invariant: pure. Every check gives at least one finding, so that what is not there was not forgotten.

mod clock;
mod files;
mod manager;
mod settings;
mod unit;
mod watchdog;

use super::gather::Facts;
use super::{Finding, Grade, Report};
use crate::config::{Config, UnitManager};

/// Everything that the facts tell.
pub(super) fn judge(facts: &Facts, config: &Config) -> Report {
    let kind = config.loop_.unit_manager;
    let findings = [
        manager::bus(facts, kind),
        manager::linger(facts),
        unit::findings(facts, config),
        files::findings(facts, config),
        clock::findings(facts, config),
        watchdog::findings(facts, config),
        settings::findings(facts, config),
        settings::alerts(facts),
        settings::dependencies(facts),
    ];
    Report {
        subject: format!("{} of the {} manager", config.loop_.unit, word(kind)),
        findings: findings.into_iter().flatten().collect(),
    }
}

/// What a check found.
struct Found {
    check: &'static str,
    findings: Vec<Finding>,
}

impl Found {
    fn new(check: &'static str) -> Self {
        Found { check, findings: Vec::new() }
    }

    fn add(&mut self, grade: Grade, text: impl Into<String>, hint: impl Into<String>) {
        self.findings.push(Finding { check: self.check, grade, text: text.into(), hint: hint.into() });
    }

    fn crit(&mut self, text: impl Into<String>, hint: impl Into<String>) {
        self.add(Grade::Crit, text, hint);
    }

    fn warn(&mut self, text: impl Into<String>, hint: impl Into<String>) {
        self.add(Grade::Warn, text, hint);
    }

    fn note(&mut self, text: impl Into<String>) {
        self.add(Grade::Note, text, "");
    }

    /// All is well, unless something was found that is not.
    fn or_ok(mut self, text: impl Into<String>) -> Vec<Finding> {
        if self.findings.iter().all(|finding| finding.grade == Grade::Note) {
            let check = self.check;
            self.findings.insert(0, Finding { check, grade: Grade::Ok, text: text.into(), hint: String::new() });
        }
        self.findings
    }
}

const fn word(kind: UnitManager) -> &'static str {
    match kind {
        UnitManager::User => "user",
        UnitManager::System => "system",
    }
}

/// The program that speaks with the manager, as a person types it.
const fn systemctl(kind: UnitManager) -> &'static str {
    match kind {
        UnitManager::User => "systemctl --user",
        UnitManager::System => "systemctl",
    }
}

#[cfg(test)]
mod tests;
