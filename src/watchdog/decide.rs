//! The decision table: what to do about the loop, from everything that is known at one instant.
//!
//! Invariant: pure, and total: the first row that matches wins, and whatever is not known leads to a row that does
//! nothing. [`Action::Restart`] is reached only through every gate.

use super::reason::{Action, Reason};
use crate::assessment::{Finding, Severity};
use crate::config::{LoopLimits, RestartConfig};
use crate::systemd::{Active, Details, Unit};
use crate::words;

/// Failures to ask the service manager in a row from which on that is critical.
const BUS_CRIT: u64 = 3;
/// A unit whose TimeoutStopSec is infinite or not known is stopping for too long after this and the slack, seconds:
/// systemd's own default.
const STOP_TIMEOUT: f64 = 90.0;

/// The limits that decisions are made by.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// `checks.loop`.
    pub loop_: LoopLimits,
    /// `restart`.
    pub restart: RestartConfig,
}

/// Everything that a decision rests on. Ages are seconds by the clock that goes on while the machine sleeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// The loop's unit, or why the service manager did not tell.
    pub unit: Result<Unit, BusTrouble>,
    /// Whether the operator paused the loop.
    pub pause: Pausing,
    /// The loop's sign of life.
    pub beat: Beat,
    /// What bounds the age of the silence.
    pub excuses: Excuses,
    /// The phase that the loop was in when it was last heard of.
    pub phase: Option<Phase>,
    /// What the loop needs and a restart would not bring back.
    pub dependency: Dependency,
    /// The restarts made so far.
    pub spent: Result<Spent, String>,
    /// Evaluations before this one that called for a restart of the present run.
    pub confirmed: Confirmed,
    /// What is reported beside the decision and changes none: over-budget sub-agents, a restart that did not take.
    pub notes: Vec<Finding>,
}

/// The service manager could not be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct BusTrouble {
    /// What failed and how to mend it.
    pub message: String,
    /// Failures in a row, this one included.
    pub in_a_row: u64,
}

/// Whether the operator paused the loop.
#[derive(Debug, Clone, PartialEq)]
pub enum Pausing {
    /// Neither sentinel is there.
    Not,
    /// One is, for so many seconds.
    Paused(f64),
    /// Looking for them failed; the text says why.
    Unknown(String),
}

/// The loop's sign of life.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    /// Its age, seconds, by clocks that nobody sets. Where it cannot be read or trusted: the time since its bytes last
    /// changed.
    pub age: f64,
    /// Its age by its own word, seconds, for people.
    pub told: Option<f64>,
    /// What is wrong with it.
    pub trouble: Option<Finding>,
}

/// Times since something that excuses a silent loop, seconds; `None` where it never was.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Excuses {
    /// Since the machine booted.
    pub uptime: Option<f64>,
    /// Since the loop was found not to be paused any more.
    pub unpaused: Option<f64>,
    /// Since the machine woke up, or its clock was set.
    pub disturbed: Option<f64>,
    /// Since what the loop needs was found to be back.
    pub recovered: Option<f64>,
}

/// The phase that the loop was in when it was last heard of.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// How long it has lasted, seconds.
    pub age: f64,
    /// How long it may be silent, seconds; `None` for a phase without a budget.
    pub may_last: Option<f64>,
    /// It began in the unit's present run.
    pub of_this_run: bool,
}

/// What the loop needs and a restart would not bring back: the model server and the GPUs.
#[derive(Debug, Clone, PartialEq)]
pub enum Dependency {
    /// It is there, or was never part of this machine.
    Fine,
    /// It is not; the text says what and why.
    Down(String),
    /// It could not be looked at; the text says why.
    Unknown(String),
}

/// The restarts made so far, by the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spent {
    /// Within `restart.budget_window`.
    pub in_window: u64,
    /// `restart.latch` of them were once made within `restart.latch_window`, and nobody has reset since.
    pub latched: bool,
    /// Time since the latest, seconds.
    pub last: Option<f64>,
}

/// Evaluations before this one that called for a restart of the present run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Confirmed {
    /// How many.
    pub count: u64,
    /// Time since the latest that counted, seconds.
    pub last: f64,
}

/// What to do, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// The row that matched.
    pub reason: Reason,
    /// The worst of the row and of the findings beside it.
    pub severity: Severity,
    /// How bad the row is by itself.
    pub row_severity: Severity,
    /// Why, in one line.
    pub text: String,
    /// What a person should do about it; empty where there is nothing to do.
    pub hint: String,
    /// What is reported beside it.
    pub findings: Vec<Finding>,
    /// How long the loop has been silent without an excuse, seconds; `None` where the table did not come to that.
    pub effective_age: Option<f64>,
    /// Confirmations with this evaluation; 0 where it does not call for a restart.
    pub confirmations: u64,
    /// This evaluation is a confirmation of its own, and not too close to the one before.
    pub counts: bool,
}

impl Decision {
    /// Adds what is reported beside it.
    pub fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
        let worst = self.findings.iter().map(|finding| finding.severity).max().unwrap_or_default();
        self.severity = self.severity.max(worst);
    }
}

/// What `restart.budget` and the latch leave.
impl Spent {
    /// Restarts that may still be made before the watchdog gives up.
    pub fn remaining(&self, rules: &RestartConfig) -> u64 {
        if self.latched { 0 } else { rules.budget.saturating_sub(self.in_window) }
    }
}

impl Excuses {
    /// The silence of a loop whose heartbeat is `age` seconds old and whose unit started `started` seconds ago.
    pub fn bound(&self, age: f64, started: Option<f64>) -> f64 {
        let since = [Some(age), self.uptime, self.unpaused, self.disturbed, self.recovered, started];
        // What is no number is not known, and what is not known is young.
        let known = |age: f64| if age.is_nan() { 0.0 } else { age };
        since.into_iter().flatten().map(known).fold(f64::INFINITY, f64::min)
    }
}

/// Decides.
pub fn decide(inputs: &Inputs, rules: &Rules) -> Decision {
    let table = Table { inputs, rules };
    let mut decision = table.before_the_heartbeat().unwrap_or_else(|unit| table.by_silence(unit));
    // What the heartbeat looks like does not matter to rows that come before it.
    if decision.effective_age.is_some() {
        decision.add(inputs.beat.trouble.clone());
    }
    decision.add(inputs.notes.iter().cloned());
    decision
}

struct Table<'a> {
    inputs: &'a Inputs,
    rules: &'a Rules,
}

impl<'a> Table<'a> {
    /// Rows 1 to 6; the unit where none matches.
    fn before_the_heartbeat(&self) -> Result<Decision, &'a Unit> {
        let unit = match &self.inputs.unit {
            Err(trouble) => return Ok(bus(trouble)),
            Ok(unit) => unit,
        };
        let row = match &self.inputs.pause {
            Pausing::Unknown(why) => Some(pause_unknown(why)),
            Pausing::Paused(lasts) => Some(self.paused(*lasts)),
            Pausing::Not => None,
        };
        let row = row.or_else(|| (unit.load != "loaded").then(|| not_loaded(unit)));
        let busy = unit.job.is_some()
            || matches!(unit.active, Active::Activating | Active::Deactivating | Active::Reloading | Active::Other);
        let row = row.or_else(|| busy.then(|| self.busy(unit)));
        row.or_else(|| match unit.active {
            Active::Failed => Some(failed(unit)),
            Active::Active => None,
            _ => Some(self.stopped(unit)),
        })
        .ok_or(unit)
    }

    fn paused(&self, lasts: f64) -> Decision {
        let limit = self.rules.loop_.paused.0;
        let text = format!("the loop has been paused for {}", words::length(lasts));
        if lasts <= limit {
            return row(Reason::Paused, Severity::Ok, text, "");
        }
        let text = format!("{text}, over the limit of {}", words::length(limit));
        row(Reason::Paused, Severity::Warn, text, "remove PAUSE and PAUSE_HARD if the pause was forgotten")
    }

    fn busy(&self, unit: &Unit) -> Decision {
        let what = match (&unit.job, unit.active) {
            (Some(job), active) => format!("has a pending job ({job}) while {} ({})", active.name(), unit.sub),
            (None, active) => format!("is {} ({})", active.name(), unit.sub),
        };
        let text = format!("{} {what}, for {}", unit.name, words::length(unit.since));
        let restart = &self.rules.restart;
        let stop = unit.details.as_ref().and_then(|details| details.stop_timeout).unwrap_or(STOP_TIMEOUT);
        if unit.active == Active::Deactivating && unit.since > stop + restart.stop_slack.0 {
            let hint =
                "it does not stop: see its processes, then `systemctl kill -s KILL` it (`--user` for a user unit)";
            return row(Reason::Busy, Severity::Crit, text, hint);
        }
        if unit.since > restart.busy_warn.0 {
            return row(Reason::Busy, Severity::Warn, text, "read the unit's journal: what does it wait for?");
        }
        row(Reason::Busy, Severity::Ok, text, "")
    }

    fn stopped(&self, unit: &Unit) -> Decision {
        let text = format!("{} has been stopped for {}", unit.name, words::length(unit.since));
        if unit.since <= self.rules.restart.stopped_warn.0 {
            return row(Reason::Stopped, Severity::Ok, text, "");
        }
        row(Reason::Stopped, Severity::Warn, text, "start it again if it is not stopped on purpose")
    }

    /// Rows 8 to 11.
    fn by_silence(&self, unit: &Unit) -> Decision {
        let started = unit.details.as_ref().map(|details| details.started);
        let age = self.inputs.excuses.bound(self.inputs.beat.age, started);
        let limits = &self.rules.loop_;
        let silence = self.silence(age);
        let mut decision = if age <= limits.warn.0 {
            row(Reason::Fresh, Severity::Ok, silence, "")
        } else if age <= limits.crit.0 {
            let hint = "see the loop's log and the check subagents; it is restarted when it stays silent";
            let text = format!("{silence}, over the limit of {}", words::length(limits.warn.0));
            row(Reason::Ageing, Severity::Warn, text, hint)
        } else {
            let text = format!("{silence}, over the limit of {}", words::length(limits.crit.0));
            self.too_old(unit, text)
        };
        decision.effective_age = Some(age);
        decision
    }

    /// `heartbeat 16 min old`, and what bounds its age.
    fn silence(&self, age: f64) -> String {
        let Beat { age: known, told, .. } = self.inputs.beat;
        let beat = told.filter(|told| *told > known).unwrap_or(known);
        let since = match beat - age {
            // Less is the time between two looks.
            more if more > self.rules.restart.interval.0 => {
                format!(", silent without an excuse for {}", words::length(age))
            }
            _ => String::new(),
        };
        format!("heartbeat {} old{since}", words::length(beat))
    }

    /// Rows 10 and 11: what speaks against a restart, else the restart.
    fn too_old(&self, unit: &Unit, text: String) -> Decision {
        let Some(details) = unit.details.as_ref() else {
            let text = format!("{text}; when and as what {} was started is not known", unit.name);
            return row(Reason::Bus, Severity::Warn, text, BUS_HINT);
        };
        self.slow(&text)
            .or_else(|| self.beyond_help(&text))
            .or_else(|| self.given_up(&text))
            .or_else(|| self.backing_off(&text))
            .unwrap_or_else(|| self.confirm(details, text))
    }

    /// Row 10a: slow is not dead.
    fn slow(&self, text: &str) -> Option<Decision> {
        let phase = self.inputs.phase.as_ref().filter(|phase| phase.of_this_run)?;
        let may_last = phase.may_last?;
        // One that lies ahead of the clock by more than clocks differ says nothing.
        let within = (-self.rules.loop_.future.0..=may_last).contains(&phase.age);
        let text = || {
            let (lasts, may_last) = (words::length(phase.age.max(0.0)), words::length(may_last));
            format!("{text}; but its phase {} has lasted {lasts} and may be silent for {may_last}", phase.name)
        };
        let hint = "nothing yet: it is left alone until the phase is over its time";
        within.then(|| row(Reason::Phase, Severity::Warn, text(), hint))
    }

    /// Row 10b.
    fn beyond_help(&self, text: &str) -> Option<Decision> {
        let (text, hint) = match &self.inputs.dependency {
            Dependency::Fine => return None,
            Dependency::Down(what) => (
                format!("{text}; a restart would not cure it: {what}"),
                "bring back what the reason names; the loop's time begins anew then",
            ),
            Dependency::Unknown(why) => {
                (format!("{text}; whether a restart would cure it is not known: {why}"), "mend what the reason names")
            }
        };
        Some(row(Reason::Dependency, Severity::Crit, text, hint))
    }

    /// Row 10c.
    fn given_up(&self, text: &str) -> Option<Decision> {
        let restart = &self.rules.restart;
        let hint = "the loop needs a person: find out why it wedges, then `autoswe-watchdog reset`";
        let spent = match &self.inputs.spent {
            Ok(spent) => spent,
            Err(why) => {
                let text = format!("{text}; no restart is made because those made before cannot be counted: {why}");
                return Some(row(
                    Reason::History,
                    Severity::Crit,
                    text,
                    "mend what the reason names, then `autoswe-watchdog reset`",
                ));
            }
        };
        let gave_up = |reason, count, window: f64| {
            let text = format!("{text}; gave up after {count} restarts within {}", words::length(window));
            Some(row(reason, Severity::Crit, text, hint))
        };
        match spent.remaining(restart) {
            0 if spent.latched => gave_up(Reason::Latched, restart.latch, restart.latch_window.0),
            0 => gave_up(Reason::Budget, spent.in_window, restart.budget_window.0),
            _ => None,
        }
    }

    /// Row 10d, first half.
    fn backing_off(&self, text: &str) -> Option<Decision> {
        let spent = self.inputs.spent.as_ref().ok()?;
        let wait = backoff(&self.rules.restart, spent.in_window);
        let last = spent.last.filter(|last| *last < wait)?;
        let text = format!(
            "{text}; the last restart was {} ago, and none is made within {} of it",
            words::length(last),
            words::length(wait)
        );
        Some(row(Reason::Backoff, Severity::Crit, text, "read the loop's journal: why does it wedge again so soon?"))
    }

    /// Row 10d, second half, and row 11.
    fn confirm(&self, details: &Details, text: String) -> Decision {
        let Confirmed { count, last } = self.inputs.confirmed;
        let restart = &self.rules.restart;
        let counts = count == 0 || last >= restart.confirm_after.0;
        let confirmations = count + u64::from(counts);
        let mut decision = if details.invocation.is_empty() || confirmations < restart.confirmations {
            let text = format!("{text}; {confirmations} of {} evaluations agree to a restart", restart.confirmations);
            row(Reason::Confirming, Severity::Crit, text, "")
        } else {
            row(Reason::Silent, Severity::Crit, format!("{text}, and nothing speaks against a restart"), "")
        };
        (decision.confirmations, decision.counts) = (confirmations, counts);
        decision
    }
}

/// How long no restart is made after the last of `in_window`: the backoff, doubled for each one before it.
pub fn backoff(rules: &RestartConfig, in_window: u64) -> f64 {
    let doublings = in_window.saturating_sub(1).min(30);
    rules.backoff.0 * f64::from(1_u32 << doublings)
}

const BUS_HINT: &str = "`autoswe-watchdog doctor` says what is wrong with the service manager";

fn bus(trouble: &BusTrouble) -> Decision {
    let severity = if trouble.in_a_row >= BUS_CRIT { Severity::Crit } else { Severity::Warn };
    let times = if trouble.in_a_row > 1 { format!(" ({} times in a row)", trouble.in_a_row) } else { String::new() };
    let text = format!("the service manager did not tell of the loop's unit{times}: {}", trouble.message);
    row(Reason::Bus, severity, text, BUS_HINT)
}

fn pause_unknown(why: &str) -> Decision {
    let text = format!("it is not known whether the loop is paused: {why}");
    row(Reason::PauseUnknown, Severity::Warn, text, "mend the path it names; until then nothing restarts the loop")
}

fn not_loaded(unit: &Unit) -> Decision {
    let text = format!("{} is not loaded ({})", unit.name, unit.load);
    let hint = "set loop.unit and loop.unit_manager to the loop's unit, or install it; `systemctl cat` shows it";
    row(Reason::NotLoaded, Severity::Crit, text, hint)
}

fn failed(unit: &Unit) -> Decision {
    let details = unit.details.as_ref();
    let result = details.map_or("", |details| &details.result);
    let why = if result.is_empty() { String::new() } else { format!(" ({result})") };
    // A unit that systemd starts again by itself and that has failed all the same reached its start limit: systemd
    // leaves the first failure's word, so the result alone does not tell.
    let gave_up = result == "start-limit-hit" || details.is_some_and(|details| details.retried);
    let (what, hint) = match gave_up {
        true => (
            "systemd gave up starting it",
            "mend why it keeps ending, then `systemctl reset-failed` and `systemctl start` it (`--user` for a user unit)",
        ),
        false => ("systemd does not start it again", "read its journal, mend the cause, start it"),
    };
    let text = format!("{} has failed{why}, for {}; {what}", unit.name, words::length(unit.since));
    row(Reason::Failed, Severity::Crit, text, hint)
}

fn row(reason: Reason, severity: Severity, text: String, hint: &str) -> Decision {
    let (action, hint) = (reason.action(), hint.to_owned());
    let findings = Vec::new();
    Decision {
        action,
        reason,
        severity,
        row_severity: severity,
        text,
        hint,
        findings,
        effective_age: None,
        confirmations: 0,
        counts: false,
    }
}

#[cfg(test)]
mod tests;
