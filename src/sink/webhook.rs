//! Alerts for a webhook, in the form in which Alertmanager itself calls one (version 4), so that whatever takes
//! Alertmanager's calls takes these.
//!
//! Invariant: each alert that fires, and each that has resolved, is told at least once; only what was accepted counts
//! as told, and that survives a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::push::{About, Batch, Message, Sink, annotations, fingerprint, labels, words};
use crate::alert::active::{Alert, Key};
use crate::alert::saved::Told;
use crate::assessment::Severity;
use crate::config::value::Seconds;
use crate::observation::{Time, seconds_since};

/// What a webhook is told.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Who tells it.
    pub about: Arc<About>,
    /// What still fires is told again after this.
    pub repeat: Seconds,
    /// What it was told.
    pub told: Arc<watch::Sender<Told>>,
}

impl Sink for Webhook {
    fn message(&mut self, batch: &Batch) -> Option<Message> {
        let told = self.told.borrow();
        let resolved = resolved(batch, &told);
        if !is_due(batch, &told, &resolved, self.repeat) {
            return None;
        }
        let (about, count) = (&self.about, batch.firing.len() + resolved.len());
        Some(Message { body: body(batch, &resolved, about), alerts: count as u64 })
    }

    fn accepted(&mut self, batch: &Batch) {
        self.told.send_replace(Told { at: Some(batch.at), alerts: batch.firing.clone() });
    }
}

/// What was told to fire and does not, with the end that it had.
fn resolved(batch: &Batch, told: &Told) -> Vec<Alert> {
    let fires = |key: &Key| batch.firing.iter().any(|alert| alert.key == *key);
    let ended = |told: &Alert| {
        let known = batch.resolved.iter().find(|alert| alert.key == told.key).cloned();
        known.unwrap_or_else(|| told.clone().ended(batch.at))
    };
    told.alerts.iter().filter(|told| !fires(&told.key)).map(ended).collect()
}

fn is_due(batch: &Batch, told: &Told, resolved: &[Alert], repeat: Seconds) -> bool {
    let known =
        |alert: &Alert| told.alerts.iter().any(|told| told.key == alert.key && told.starts_at == alert.starts_at);
    // Nobody wants to hear the warning of what was told to be critical.
    let outdone = |alert: &Alert| {
        let worse = Key { severity: Severity::Crit, ..alert.key.clone() };
        alert.key.severity == Severity::Warn && batch.firing.iter().any(|alert| alert.key == worse)
    };
    let news = batch.firing.iter().any(|alert| !known(alert) && !outdone(alert));
    let passed = told.at.map(|at| seconds_since(batch.at, at));
    // A clock that was set back must not silence it until it catches up.
    let again = passed.is_some_and(|passed| passed >= repeat.0 || passed < -repeat.0);
    news || !resolved.is_empty() || (again && !batch.firing.is_empty())
}

fn body(batch: &Batch, resolved: &[Alert], about: &About) -> Value {
    let one = |alert: &Alert, is_over: bool| {
        let labels = labels(&alert.key, about);
        json!({
            "status": if is_over { "resolved" } else { "firing" },
            "fingerprint": fingerprint(&labels),
            "labels": labels,
            "annotations": annotations(alert, about),
            "startsAt": alert.starts_at,
            // As Alertmanager writes an end that is not known.
            "endsAt": alert.ends_at.filter(|_| is_over).unwrap_or(NEVER),
            "generatorURL": words::runbook(&alert.key, about),
        })
    };
    let alerts: Vec<Value> = batch
        .firing
        .iter()
        .map(|alert| one(alert, false))
        .chain(resolved.iter().map(|alert| one(alert, true)))
        .collect();
    let group = BTreeMap::from([("host", &about.host), ("unit", &about.unit)]);
    json!({
        "version": "4",
        "receiver": "autoswe-exporter",
        "status": if batch.firing.is_empty() { "resolved" } else { "firing" },
        "groupKey": format!("{{}}:{{host={:?}, unit={:?}}}", about.host, about.unit),
        "groupLabels": group,
        "commonLabels": common(&alerts, "labels"),
        "commonAnnotations": common(&alerts, "annotations"),
        "externalURL": about.alerts.runbooks,
        "truncatedAlerts": 0,
        "alerts": alerts,
    })
}

/// The year 1, Go's zero time.
const NEVER: Time = Time::constant(-62_135_596_800, 0);

/// What all of `alerts` have in common below `field`.
fn common(alerts: &[Value], field: &str) -> Value {
    let Some((first, rest)) = alerts.split_first() else { return json!({}) };
    let mut shared = first[field].as_object().cloned().unwrap_or_default();
    shared.retain(|name, value| rest.iter().all(|alert| alert[field][name.as_str()] == *value));
    Value::Object(shared)
}
