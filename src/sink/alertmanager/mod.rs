//! Alerts for Alertmanager's v2 API.
//!
//! Every member of a cluster is told by a task of its own, as Alertmanager wants it. Invariant: what fires is sent with
//! an end a few minutes after its assessment, so that it lapses when nobody judges any more; what resolved is sent with
//! the end that it had. Stopping this program resolves nothing.

pub mod others;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::push::{About, Batch, Message, Sink, Texts, annotations, labels, words};
use crate::alert::active::Alert;
use crate::observation::Time;

/// What an Alertmanager is told.
#[derive(Debug, Clone)]
pub struct Alertmanager {
    /// Who tells it.
    pub about: Arc<About>,
    /// The user's own labels.
    pub labels: Texts,
    /// How long an alert lives that is not sent again.
    pub outlives: Duration,
}

impl Sink for Alertmanager {
    fn message(&mut self, batch: &Batch) -> Option<Message> {
        let alerts = self.alerts(batch);
        Some(Message { alerts: alerts.len() as u64, body: Value::Array(alerts) })
    }
}

impl Alertmanager {
    fn alerts(&self, batch: &Batch) -> Vec<Value> {
        let lapses = SignedDuration::try_from(self.outlives).ok().and_then(|most| batch.at.checked_add(most).ok());
        let lapses = lapses.unwrap_or(Time::MAX);
        let firing = batch.firing.iter().map(|alert| self.alert(alert, lapses));
        let resolved = batch.resolved.iter().map(|alert| self.alert(alert, alert.ends_at.unwrap_or(batch.at)));
        firing.chain(resolved).chain([self.dead_mans_switch(batch.at, lapses)]).collect()
    }

    fn alert(&self, alert: &Alert, ends_at: Time) -> Value {
        let about = &self.about;
        self.object(labels(&alert.key, about), annotations(alert, about), words::runbook(&alert.key, about), {
            (alert.starts_at, ends_at)
        })
    }

    fn dead_mans_switch(&self, at: Time, lapses: Time) -> Value {
        let about = &self.about;
        let texts = (words::dead_man_labels(about), words::dead_man_annotations(about));
        self.object(texts.0, texts.1, words::dead_man_runbook(about), (about.since.min(at), lapses))
    }

    fn object(&self, own: Texts, annotations: Texts, runbook: String, (from, to): (Time, Time)) -> Value {
        let labels: Texts = self.labels.clone().into_iter().chain(own).collect();
        json!({
            "labels": labels, "annotations": annotations, "generatorURL": runbook,
            // Alertmanager refuses an end before the start.
            "startsAt": from.min(to), "endsAt": to,
        })
    }
}
