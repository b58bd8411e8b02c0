//! The alerts that are active: what one assessment after the other makes of findings.
//!
//! ```text
//! found -> pending -- found for `for` --> firing <-- found again --+
//!             |                              |                     |
//!             gone: forgotten                gone --> fading -- gone for `keep_firing_for` --> resolved (15 min)
//! ```
//!
//! Invariants:
//!
//! 1. Pure: time is that of the assessment.
//! 2. Absence is not recovery. An alert resolves only when its check judged, saw, and did not find it; or when it is
//!    no alert any more, because its source was turned off or its code is gone.
//! 3. A step of the clock counts as no time: it neither fires nor resolves anything.
//! 4. What is saved and loaded between two assessments goes on as if nothing had happened.

mod sight;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::assessment::{Assessment, Severity};
use crate::config::AlertsConfig;
use crate::observation::{Time, seconds_since};
use sight::{Sight, found, sight};

/// The most time that counts between two assessments, seconds. The event loop judges every 5 s; more than this is a
/// clock that was set, or a machine that slept.
const MOST_BETWEEN: f64 = 60.0;
/// How long a resolved alert is remembered, and told, seconds: as long as Prometheus resends one.
pub const RESOLVED_FOR: f64 = 900.0;

/// Which alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The check's id.
    pub check: String,
    /// The finding's code.
    pub code: String,
    /// `WARN` or `CRIT`.
    pub severity: Severity,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Which.
    #[serde(flatten)]
    pub key: Key,
    /// When its finding was found first: people want to know since when it is so, not when somebody was told.
    pub starts_at: Time,
    /// When it resolved.
    pub ends_at: Option<Time>,
    /// What was found when it was last found.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
    stage: Stage,
}

/// How far an alert is. Each `since` is a timer: it moves with the clock, and is told to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Found, but not for long enough.
    Pending { since: Time },
    /// Found.
    Firing,
    /// It fires, and is no longer found: for `counted` seconds, and since then where the check still judges.
    Fading { counted: f64, since: Option<Time> },
    /// It fires no more.
    Resolved { since: Time },
}

/// What one assessment changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Something that must survive a restart.
    pub lasting: bool,
    /// What began to fire.
    pub fired: Vec<Key>,
    /// What resolved.
    pub resolved: Vec<Key>,
}

impl Change {
    /// Whether somebody is to be told.
    pub fn is_news(&self) -> bool {
        !(self.fired.is_empty() && self.resolved.is_empty())
    }
}

/// The alerts that are pending, firing, or have just resolved.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Active {
    /// When the last assessment was applied.
    at: Option<Time>,
    /// It was loaded: how much time passed since `at` is not known from assessments.
    loaded: bool,
    alerts: BTreeMap<Key, Alert>,
    resolved: BTreeMap<Key, Alert>,
}

impl Alert {
    fn new(key: Key, now: Time) -> Self {
        let stage = Stage::Pending { since: now };
        Alert { key, starts_at: now, ends_at: None, reason: String::new(), hint: String::new(), stage }
    }

    /// The same, over since `at`.
    pub fn ended(self, at: Time) -> Self {
        Alert { ends_at: Some(at), stage: Stage::Resolved { since: at }, ..self }
    }

    /// Whether somebody is to be told that it is so.
    pub fn fires(&self) -> bool {
        matches!(self.stage, Stage::Firing | Stage::Fading { .. })
    }

    /// Whether it waits for being found for long enough.
    pub fn is_pending(&self) -> bool {
        matches!(self.stage, Stage::Pending { .. })
    }

    /// Moves the timers by `step` seconds, and nothing that is told beyond `now`.
    fn shift(&mut self, step: f64, now: Time) {
        match &mut self.stage {
            Stage::Pending { since } | Stage::Resolved { since } | Stage::Fading { since: Some(since), .. } => {
                *since = moved(*since, step);
            }
            Stage::Firing | Stage::Fading { since: None, .. } => {}
        }
        self.starts_at = self.starts_at.min(now);
        self.ends_at = self.ends_at.map(|at| at.min(now));
    }
}

/// `time` moved by `step` seconds, as far as times go.
fn moved(time: Time, step: f64) -> Time {
    let step = SignedDuration::try_from_secs_f64(step).unwrap_or_default();
    time.checked_add(step).unwrap_or(time)
}

impl Active {
    /// What was saved: when, with all alerts that it had. An alert that stands there twice counts once.
    pub fn restore(at: Option<Time>, alerts: Vec<Alert>) -> Self {
        let mut active = Active { at, loaded: true, ..Active::default() };
        for alert in alerts {
            let resolved = matches!(alert.stage, Stage::Resolved { .. });
            let place = if resolved { &mut active.resolved } else { &mut active.alerts };
            place.insert(alert.key.clone(), alert);
        }
        active
    }

    /// When the last assessment was applied.
    pub fn at(&self) -> Option<Time> {
        self.at
    }

    /// Every alert, for saving: pending, firing and resolved.
    pub fn all(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values().chain(self.resolved.values())
    }

    /// What is to be told, in the order of the checks.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values().filter(|alert| alert.fires())
    }

    /// What will fire when it stays.
    pub fn pending(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values().filter(|alert| alert.is_pending())
    }

    /// What resolved within the last 15 min and has not been found since.
    pub fn resolved(&self) -> impl Iterator<Item = &Alert> {
        self.resolved.values()
    }

    /// How long after the last assessment an alert fires or resolves when everything stays as it is, seconds.
    pub fn next_change(&self, config: &AlertsConfig) -> Option<f64> {
        let at = self.at?;
        let left = |alert: &Alert| match alert.stage {
            Stage::Pending { since } => Some(config.fires_after(alert.key.severity).0 - seconds_since(at, since)),
            Stage::Fading { counted, since: Some(since) } => {
                Some(config.keep_firing_for.0 - counted - seconds_since(at, since))
            }
            _ => None,
        };
        // What is overdue waits for its check to judge, which is no matter of time.
        self.alerts.values().filter_map(left).filter(|left| *left > 0.0).reduce(f64::min)
    }

    /// Takes in what was found at the instant of `assessment`.
    pub fn apply(&mut self, assessment: &Assessment, config: &AlertsConfig) -> Change {
        let mut change = Change { lasting: self.keep_time(assessment.at), ..Change::default() };
        let before = self.at.replace(assessment.at).unwrap_or(assessment.at);
        for key in found(assessment) {
            if !self.alerts.contains_key(&key) {
                self.alerts.insert(key.clone(), Alert::new(key, assessment.at));
                change.lasting = true;
            }
        }
        let step = Step { assessment, config, before };
        let resolved = &mut self.resolved;
        self.alerts.retain(|key, alert| match step.advance(alert, &mut change) {
            Fate::Goes => {
                change.lasting = true;
                false
            }
            Fate::Stays => true,
            Fate::Resolves => {
                change.resolved.push(key.clone());
                resolved.insert(key.clone(), alert.clone().ended(assessment.at));
                false
            }
        });
        self.forget(assessment.at, &mut change);
        change.lasting |= change.is_news();
        change
    }

    /// Sees to it that a clock that was set, or a machine that slept, counts as no time. True when it was so.
    fn keep_time(&mut self, now: Time) -> bool {
        let Some(at) = self.at else { return false };
        let passed = seconds_since(now, at);
        // How long the program was down is not known from assessments, so that time counts as it stands.
        let most = if std::mem::take(&mut self.loaded) { f64::INFINITY } else { MOST_BETWEEN };
        let step = passed - passed.clamp(0.0, most);
        if step != 0.0 {
            self.at = Some(moved(at, step));
            self.alerts.values_mut().chain(self.resolved.values_mut()).for_each(|alert| alert.shift(step, now));
        }
        step != 0.0 && self.all().next().is_some()
    }

    /// Drops what resolved long ago, or fires again.
    fn forget(&mut self, now: Time, change: &mut Change) {
        let (known, alerts) = (self.resolved.len(), &self.alerts);
        self.resolved.retain(|key, alert| {
            let Stage::Resolved { since } = alert.stage else { return false };
            let again = alerts.get(key).is_some_and(Alert::fires);
            seconds_since(now, since) <= RESOLVED_FOR && !again
        });
        change.lasting |= self.resolved.len() != known;
    }
}

/// What becomes of an alert.
enum Fate {
    Stays,
    Goes,
    Resolves,
}

/// One assessment, as an alert lives through it.
struct Step<'a> {
    assessment: &'a Assessment,
    config: &'a AlertsConfig,
    /// When the assessment before it was made.
    before: Time,
}

impl Step<'_> {
    fn advance(&self, alert: &mut Alert, change: &mut Change) -> Fate {
        let (was, now) = (alert.stage, self.assessment.at);
        let fate = match sight(self.assessment, &alert.key) {
            Sight::Found { reason, hint } => {
                (alert.reason, alert.hint) = (reason, hint);
                alert.stage = self.found(&alert.key, was);
                Fate::Stays
            }
            Sight::Gone if alert.is_pending() => Fate::Goes,
            Sight::Gone => {
                let (counted, since) = match was {
                    Stage::Fading { counted, since } => (counted, since.unwrap_or(now)),
                    _ => (0.0, now),
                };
                alert.stage = Stage::Fading { counted, since: Some(since) };
                let gone = counted + seconds_since(now, since).max(0.0);
                if gone >= self.config.keep_firing_for.0 { Fate::Resolves } else { Fate::Stays }
            }
            Sight::Unknown => {
                alert.stage = self.held(was);
                Fate::Stays
            }
            Sight::NoAlert if alert.is_pending() => Fate::Goes,
            Sight::NoAlert => Fate::Resolves,
        };
        if alert.stage != was {
            change.lasting = true;
        }
        if alert.stage == Stage::Firing && matches!(was, Stage::Pending { .. }) {
            change.fired.push(alert.key.clone());
        }
        fate
    }

    /// It is found.
    fn found(&self, key: &Key, stage: Stage) -> Stage {
        match stage {
            Stage::Pending { since }
                if seconds_since(self.assessment.at, since) < self.config.fires_after(key.severity).0 =>
            {
                stage
            }
            _ => Stage::Firing,
        }
    }

    /// Nobody can tell: what fires goes on firing, and the time it is gone stands still.
    fn held(&self, stage: Stage) -> Stage {
        match stage {
            Stage::Fading { counted, since: Some(since) } => {
                let counted = counted + seconds_since(self.before, since).max(0.0);
                Stage::Fading { counted, since: None }
            }
            stage => stage,
        }
    }
}
