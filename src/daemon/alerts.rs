//! The alerts of the running exporter: the active set, its file, and who is told.
//!
//! Invariant: nothing here waits for the disk or a receiver. Until the file was read no assessment counts, so that what
//! fired before is known first; a disk that hangs costs that memory and [`PATIENCE`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::Event;
use crate::alert::active::{Active, Change, Key};
use crate::alert::beside;
use crate::alert::saved::{Saved, Told};
use crate::alert::store::Store;
use crate::alert::{name, severity};
use crate::assessment::{Assessment, Severity};
use crate::config::Config;
use crate::metric::{Alerting, PushCounts};
use crate::observation::Time;
use crate::sink::alertmanager::{Alertmanager, others};
use crate::sink::push::{About, Batch, Endpoint, Receiver, Timing};
use crate::sink::webhook::Webhook;

/// How long the state of an earlier run is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last state may take to be written when the program stops.
const LAST_WRITE: Duration = Duration::from_secs(2);
/// Time between two looks at whether somebody else sends the same alerts.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

/// The near end of all that.
pub(super) struct Alerts {
    active: Arc<Active>,
    about: Arc<About>,
    batches: watch::Sender<Option<Arc<Batch>>>,
    told: Arc<watch::Sender<Told>>,
    store: Option<Store>,
    /// Since when the file is waited for; `None` once it was read, or given up.
    waiting: Option<Instant>,
    receivers: Vec<(Spec, Receiver)>,
    tasks: JoinSet<()>,
}

/// One receiver's settings; another receiver is started where they differ.
#[derive(PartialEq)]
struct Spec {
    endpoint: Endpoint,
    about: About,
    config: Kind,
}

#[derive(Clone, PartialEq)]
enum Kind {
    Alertmanager(crate::config::AlertmanagerConfig),
    Webhook(crate::config::WebhookConfig),
}

/// What the metrics page asks, at the time when it is made.
pub(super) struct Shown {
    active: Arc<Active>,
    saved: Option<bool>,
    receivers: Vec<Arc<Mutex<PushCounts>>>,
}

impl Alerts {
    /// Nobody is told anything yet.
    pub(super) fn new(config: &Config) -> Self {
        Alerts {
            active: Arc::default(),
            about: Arc::new(About::here(config, Time::now())),
            batches: watch::Sender::new(None),
            told: Arc::new(watch::Sender::new(Told::default())),
            store: None,
            waiting: None,
            receivers: Vec::new(),
            tasks: JoinSet::new(),
        }
    }

    /// What is active.
    pub(super) fn active(&self) -> &Arc<Active> {
        &self.active
    }

    /// How long until an alert fires or resolves while nothing else happens; `horizon` where that is longer.
    pub(super) fn next_change(&self, config: &Config, horizon: Duration) -> Duration {
        let left = self.active.next_change(&config.alerts);
        let left = left.and_then(|left| Duration::try_from_secs_f64(left).ok()).unwrap_or(horizon);
        // A little late, so that the assessment is not a little early.
        (left + Duration::from_millis(1)).min(horizon)
    }

    /// Starts telling whom `config` names, and reads what an earlier run left.
    pub(super) fn start(&mut self, config: &Config, events: &mpsc::Sender<Event>) {
        let (mut told, news) = (self.told.subscribe(), events.clone());
        tokio::spawn(async move { while told.changed().await.is_ok() && news.send(Event::Told).await.is_ok() {} });
        self.follow(config);
        if !self.receivers.is_empty() && self.open(config, events) {
            self.waiting = Some(Instant::now());
        }
    }

    /// Follows a changed configuration. The receivers whose settings are the same go on as they are.
    pub(super) fn reconfigure(&mut self, (old, new): (&Config, &Config), events: &mpsc::Sender<Event>) {
        self.follow(new);
        let place = |config: &Config| config.in_runtime_dir(&config.alerts.state);
        if self.receivers.is_empty() {
            self.store = None;
        } else if self.store.is_none() {
            self.waiting = self.open(new, events).then(Instant::now);
        } else if place(old) != place(new) {
            self.open(new, events);
            self.save();
        }
    }

    fn open(&mut self, config: &Config, events: &mpsc::Sender<Event>) -> bool {
        let (path, events) = (config.in_runtime_dir(&config.alerts.state), events.clone());
        // Nobody receives it when the program is being stopped.
        let on_read = move |saved| drop(events.blocking_send(Event::Remembered(Box::new(saved))));
        match Store::start(path, on_read) {
            Ok(store) => self.store = Some(store),
            Err(error) => error!(%error, "the state of the alerts is not kept: no thread for it"),
        }
        self.store.is_some()
    }

    fn follow(&mut self, config: &Config) {
        self.about = Arc::new(About::here(config, self.about.since));
        let wanted = self.specs(config);
        let (mut known, mut receivers) = (std::mem::take(&mut self.receivers), Vec::new());
        for spec in wanted {
            match known.iter().position(|(old, _)| *old == spec) {
                Some(at) => receivers.push(known.swap_remove(at)),
                None => {
                    let before = known.iter().find(|(old, _)| old.endpoint.name() == spec.endpoint.name());
                    let before = before.map(|(_, receiver)| counts(&receiver.counts())).unwrap_or_default();
                    receivers.push(self.receiver(spec, before));
                }
            }
        }
        self.receivers = receivers;
        self.look_for_others(config);
    }

    fn specs(&self, config: &Config) -> Vec<Spec> {
        let told = Endpoint::all(config)
            .into_iter()
            .filter_map(|endpoint| endpoint.inspect_err(|why| error!("a receiver of alerts is left out: {why}")).ok());
        let kind = |endpoint: &Endpoint| match endpoint.is_alertmanager() {
            true => Kind::Alertmanager(config.alertmanager.clone()),
            false => Kind::Webhook(config.webhook.clone()),
        };
        told.map(|endpoint| Spec { about: (*self.about).clone(), config: kind(&endpoint), endpoint }).collect()
    }

    fn receiver(&self, spec: Spec, before: PushCounts) -> (Spec, Receiver) {
        let (timing, about) = (Timing::default(), Arc::clone(&self.about));
        let (endpoint, newest) = (spec.endpoint.clone(), (self.batches.subscribe(), timing));
        info!(receiver = endpoint.name(), "alerts are pushed");
        let receiver = match &spec.config {
            Kind::Alertmanager(config) => {
                let sink = Alertmanager { about, labels: config.labels.0.clone(), outlives: timing.outlives };
                Receiver::start(endpoint, sink, newest, before)
            }
            Kind::Webhook(config) => {
                let sink = Webhook { about, repeat: config.repeat, told: Arc::clone(&self.told) };
                Receiver::start(endpoint, sink, newest, before)
            }
        };
        (spec, receiver)
    }

    /// Warns, once for each, of whoever else sends the same alerts.
    fn look_for_others(&mut self, config: &Config) {
        self.tasks = JoinSet::new();
        let (push, labels) = (config.alertmanager.clone(), config.alertmanager.labels.0.clone());
        self.tasks.spawn_blocking(move || beside::look(&push).clashes.iter().for_each(|clash| warn!("{clash}")));
        for (spec, _) in self.receivers.iter().filter(|(spec, _)| matches!(spec.config, Kind::Alertmanager(_))) {
            let (mut endpoint, about, labels) = (spec.endpoint.clone(), Arc::clone(&self.about), labels.clone());
            self.tasks.spawn(async move {
                loop {
                    // That it cannot be asked is told by whoever posts to it.
                    if let Ok(Some(clash)) = others::look(&mut endpoint, &about, &labels).await {
                        return warn!("{clash}");
                    }
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            });
        }
    }

    /// Takes in what an earlier run left.
    pub(super) fn remember(&mut self, saved: Saved) {
        if self.waiting.take().is_none() {
            return;
        }
        let (active, told) = saved.restore();
        // Who began to push while it runs knows better what is active.
        let known = self.active.at().is_some();
        if !known {
            self.active = Arc::new(active);
        }
        self.told.send_if_modified(|before| {
            *before = told;
            false
        });
        if known {
            self.save();
        }
    }

    /// Takes in an assessment, and has told whom it concerns.
    pub(super) fn note(&mut self, assessment: &Assessment, config: &Config) {
        if let Some(since) = self.waiting {
            if since.elapsed() < PATIENCE {
                return;
            }
            warn!("the state of the alerts is not read within {} s; they begin anew", PATIENCE.as_secs());
            self.waiting = None;
        }
        let active = Arc::make_mut(&mut self.active);
        let change = active.apply(assessment, &config.alerts);
        log(active, &change);
        let batch = Batch::new(active, assessment.at);
        let first = self.batches.borrow().is_none();
        // Whoever waits is woken by news alone; the time of the newest assessment is there for whoever sends anyway.
        self.batches.send_if_modified(|newest| {
            *newest = Some(batch);
            first || change.is_news()
        });
        if change.lasting {
            self.save();
        }
    }

    /// Has the state written.
    pub(super) fn save(&self) {
        if let (Some(store), None) = (&self.store, self.waiting) {
            store.put(Saved::new(&self.active, &self.told.borrow()));
        }
    }

    /// Writes what is not on the disk yet. Nobody is told anything: that this program stops is no recovery, and what
    /// was not told is told after the next start.
    pub(super) async fn finish(mut self) {
        self.receivers.clear();
        self.save();
        if let Some(store) = self.store.take() {
            // It panics nowhere, and a disk that hangs is given up.
            drop(tokio::task::spawn_blocking(move || store.finish(LAST_WRITE)).await);
        }
    }

    /// What the metrics page shows.
    pub(super) fn shown(&self) -> Shown {
        Shown {
            active: Arc::clone(&self.active),
            saved: self.store.as_ref().and_then(Store::success),
            receivers: self.receivers.iter().map(|(_, receiver)| receiver.counts()).collect(),
        }
    }
}

impl Shown {
    pub(super) fn alerting(&self) -> Alerting {
        let (mut firing, mut pending) = ([0, 0], [0, 0]);
        let index = |key: &Key| usize::from(key.severity == Severity::Crit);
        self.active.firing().for_each(|alert| firing[index(&alert.key)] += 1);
        self.active.pending().for_each(|alert| pending[index(&alert.key)] += 1);
        let receivers = self.receivers.iter().map(counts).collect();
        Alerting { firing, pending, saved: self.saved, receivers }
    }
}

fn counts(shared: &Arc<Mutex<PushCounts>>) -> PushCounts {
    shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn log(active: &Active, change: &Change) {
    let shown = |key: &Key| (name(&key.check, &key.code), severity(key.severity).unwrap_or_default());
    for key in &change.fired {
        let (alert, severity) = shown(key);
        let reason = active.firing().find(|alert| alert.key == *key).map_or("", |alert| alert.reason.as_str());
        info!(alert, severity, "firing: {reason}");
    }
    for key in &change.resolved {
        let (alert, severity) = shown(key);
        info!(alert, severity, "resolved");
    }
}
