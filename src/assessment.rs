//! The verdict at one instant: every check over the same state.
//!
//! Invariant: no I/O, no clock, no look-up of the configuration. Same input, same output.

use serde::{Deserialize, Serialize};

use crate::check::CHECKS;
use crate::config::{Config, Limits, Phases, RestartConfig};
use crate::observation::Time;
use crate::state::State;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Nothing found.
    #[default]
    Ok,
    /// Look at it in the morning.
    Warn,
    /// Wake somebody up.
    Crit,
}

impl Severity {
    /// 0, 1 or 2, as `autoswe_severity` shows it.
    pub const fn level(self) -> u8 {
        self as u8
    }

    /// `OK`, `WARN` or `CRIT`.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Ok => "OK",
            Severity::Warn => "WARN",
            Severity::Crit => "CRIT",
        }
    }

    /// The severity called `name`.
    pub fn of(name: &str) -> Option<Self> {
        [Severity::Ok, Severity::Warn, Severity::Crit].into_iter().find(|severity| severity.name() == name)
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// What a check found that is not OK.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Stable word for scripts and alerts, such as `heartbeat_stale`; unique within its check.
    pub code: &'static str,
    /// What was found, with the value and the limit; one line.
    pub reason: String,
    /// What to do about it; one line.
    pub hint: String,
}

/// Whether a check had anything to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It judged.
    Judged,
    /// What it watches is neither configured nor found on this machine.
    NotPresent,
    /// No reading was made yet.
    Pending,
    /// The configuration turned its source off.
    Disabled,
}

/// The verdict of one check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckResult {
    /// The check's id.
    pub check: &'static str,
    /// Whether it had anything to judge.
    pub presence: Presence,
    /// The worst of its findings.
    pub severity: Severity,
    /// The state in a few words, whatever the severity, such as `heartbeat 4 s old, iteration 117`.
    pub summary: String,
    /// What is not OK, worst first.
    pub findings: Vec<Finding>,
}

/// Whether the loop must be restarted; `/livez` answers 503 only then.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Liveness {
    /// True when a restart is called for.
    pub must_restart: bool,
    /// Why, or why not.
    pub reason: String,
}

/// All findings at one instant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assessment {
    /// The instant.
    pub at: Time,
    /// The worst of all checks.
    pub severity: Severity,
    /// Every check, in the order of [`CHECKS`].
    pub checks: Vec<CheckResult>,
    /// Whether the loop must be restarted.
    pub liveness: Liveness,
}

/// What the checks compare readings with.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// The limits.
    pub limits: Limits,
    /// The phases with their budgets.
    pub phases: Phases,
    /// When the watchdog restarts the loop.
    pub restart: RestartConfig,
    /// vLLM's address was configured, not only defaulted: it must be there.
    pub vllm_expected: bool,
}

impl Thresholds {
    /// The thresholds of `config`. vLLM is expected where its address is not the default.
    pub fn new(config: &Config, vllm_expected: bool) -> Self {
        Thresholds {
            limits: config.checks.clone(),
            phases: config.subagents.phases.clone(),
            restart: config.restart.clone(),
            vllm_expected,
        }
    }
}

/// Judges `state` at `now`.
pub fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Assessment {
    let checks: Vec<CheckResult> = CHECKS.iter().map(|check| check.run(state, thresholds, now)).collect();
    let severity = checks.iter().map(|check| check.severity).max().unwrap_or_default();
    let liveness = crate::check::liveness(&checks, state, thresholds, now);
    Assessment { at: now, severity, checks, liveness }
}

impl Assessment {
    /// The result of the check called `id`.
    pub fn check(&self, id: &str) -> Option<&CheckResult> {
        self.checks.iter().find(|check| check.check == id)
    }

    /// Every finding of `severity`, as `check: reason`.
    pub fn reasons(&self, severity: Severity) -> Vec<String> {
        self.checks
            .iter()
            .flat_map(|check| check.findings.iter().map(move |finding| (check.check, finding)))
            .filter(|(_, finding)| finding.severity == severity)
            .map(|(check, finding)| format!("{check}: {}", finding.reason))
            .collect()
    }
}
