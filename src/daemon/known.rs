//! What the daemon knows: the state, what it means, how it came about, and the pages that show it.
//!
//! Invariant: pages are published only as a whole, and always belong to one assessment.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::Event;
use super::alerts::Alerts;
use super::next;
use super::series::Series;
use crate::alert::saved::Saved;
use crate::assessment::{Assessment, Severity, Thresholds, assess};
use crate::config::{Config, ConfigErrors, Loaded};
use crate::history::Point;
use crate::metric::{Exporter, Inputs, Reload, Samples, samples};
use crate::observation::{Observation, Time};
use crate::sink::moment::{About, Moment};
use crate::sink::{openmetrics, prometheus};
use crate::source::host;
use crate::source::own_process::Own;
use crate::state::State;
use crate::web::{Page, Pages, Snapshot, router};

pub(super) struct Known {
    loaded: Loaded,
    thresholds: Arc<Thresholds>,
    moment: Moment,
    reload: Reload,
    series: Option<Series>,
    alerts: Alerts,
    own: Arc<OnceLock<Option<Own>>>,
    pages: Arc<Pages>,
}

impl Known {
    /// Nothing is known yet, and the pages say so.
    pub(super) fn new(loaded: Loaded) -> std::io::Result<Self> {
        let now = Time::now();
        let thresholds = Arc::new(loaded.thresholds());
        let state = Arc::new(State::new(&loaded.config, now));
        let about = About { host: host::name(), telemetry_path: loaded.config.web.telemetry_path.clone() };
        log_notes(&loaded);
        let moment = Moment {
            assessment: Arc::new(assess(&state, &thresholds, now)),
            state,
            history: Arc::default(),
            alerts: Arc::default(),
            about: Arc::new(about),
        };
        // Replaced before anybody is served: a metrics page counts the requests of the pages that it is one of.
        let blank = Snapshot::of(moment.clone(), &thresholds, Page::from(""), Page::from(""));
        let known = Known {
            series: Series::start(&loaded.config)?,
            alerts: Alerts::new(&loaded.config),
            loaded,
            thresholds,
            moment,
            reload: Reload { successful: true, loaded_at: now },
            own: Arc::default(),
            pages: Arc::new(Pages::new(blank)),
        };
        known.publish();
        Ok(known)
    }

    pub(super) fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// The routes to the pages.
    pub(super) fn router(&self) -> anyhow::Result<Router> {
        router(Arc::clone(&self.pages), &self.moment.about.telemetry_path).map_err(anyhow::Error::msg)
    }

    /// Takes in what an earlier run recorded.
    pub(super) fn remember(&mut self, past: &[Point]) {
        Arc::make_mut(&mut self.moment.history).preload(past);
    }

    /// Starts telling of alerts.
    pub(super) fn start_alerts(&mut self, events: &mpsc::Sender<Event>) {
        self.alerts.start(&self.loaded.config, events);
    }

    /// Takes in what an earlier run left of the alerts.
    pub(super) fn remember_alerts(&mut self, saved: Saved) {
        self.alerts.remember(saved);
    }

    /// Saves what was told.
    pub(super) fn save_alerts(&self) {
        self.alerts.save();
    }

    /// Ends what must not end half-way.
    pub(super) async fn finish(self) {
        self.alerts.finish().await;
    }

    pub(super) fn apply(&mut self, observation: Observation) {
        Arc::make_mut(&mut self.moment.state).apply(observation);
    }

    /// Takes in a freshly loaded configuration, or keeps the old one where the new one is bad. True when the sources
    /// must be started anew.
    pub(super) fn reload(&mut self, fresh: Result<Loaded, ConfigErrors>, events: &mpsc::Sender<Event>) -> bool {
        let fresh = match fresh {
            Ok(fresh) => fresh,
            Err(errors) => {
                error!("the new configuration is refused, the old one stays in force:\n{errors}");
                self.reload.successful = false;
                return false;
            }
        };
        if fresh.config.web != self.loaded.config.web {
            warn!("changes of `web` take effect at the next start");
        }
        log_notes(&fresh);
        Arc::make_mut(&mut self.moment.state).reconfigure(&fresh.config);
        self.thresholds = Arc::new(fresh.thresholds());
        let place = |config: &Config| (config.system_state.clone(), config.runtime_dir.clone());
        if place(&fresh.config) != place(&self.loaded.config) {
            match Series::start(&fresh.config) {
                Ok(series) => self.series = series,
                Err(error) => error!(%error, "the time series keeps its old settings"),
            }
        }
        self.alerts.reconfigure((&self.loaded.config, &fresh.config), events);
        self.loaded = fresh;
        self.reload = Reload { successful: true, loaded_at: Time::now() };
        info!("the configuration was reloaded");
        true
    }

    /// Judges what is known now and replaces the pages.
    pub(super) fn judge_and_publish(&mut self) -> &Assessment {
        let assessment = Arc::new(assess(&self.moment.state, &self.thresholds, Time::now()));
        log_changes(&self.moment.assessment, &assessment);
        self.moment.assessment = assessment;
        Arc::make_mut(&mut self.moment.history).note(&self.moment.state, &self.moment.assessment);
        if let Some(series) = &mut self.series {
            series.note(&self.moment.state, &self.moment.assessment);
        }
        self.alerts.note(&self.moment.assessment, &self.loaded.config);
        self.moment.alerts = Arc::clone(self.alerts.active());
        self.publish();
        &self.moment.assessment
    }

    /// How long until something else is found than in the last judgement, if nothing arrives; at most `horizon`.
    pub(super) fn next_change(&self, horizon: Duration) -> Duration {
        let judge = |now| assess(&self.moment.state, &self.thresholds, now);
        let horizon = self.alerts.next_change(&self.loaded.config, horizon);
        next::change(&self.moment.assessment, horizon, judge)
    }

    fn publish(&self) {
        self.pages.publish(self.snapshot());
    }

    fn snapshot(&self) -> Snapshot {
        let (text, openmetrics) = (self.page(prometheus::render), self.page(openmetrics::render));
        Snapshot::of(self.moment.clone(), &self.thresholds, text, openmetrics)
    }

    /// A metrics page of the moment, rendered when it is first asked for.
    fn page(&self, render: fn(&Samples) -> Vec<u8>) -> Page {
        let (moment, thresholds) = (self.moment.clone(), Arc::clone(&self.thresholds));
        // The pages hold this page: without the weak link they would hold themselves.
        let pages = Arc::downgrade(&self.pages);
        let (own, reload) = (Arc::clone(&self.own), self.reload);
        let system_state = self.series.as_ref().map(Series::counts);
        let alerts = self.alerts.shown();
        Page::lazy(move || {
            let exporter = Exporter {
                reload: Some(reload),
                system_state,
                alerting: Some(alerts.alerting()),
                http: pages.upgrade().map(|pages| pages.requests()).unwrap_or_default(),
                process: own.get_or_init(|| Own::open().ok()).as_ref().and_then(|own| own.read().ok()),
            };
            let Moment { state, assessment, .. } = &moment;
            let mut page = Samples::default();
            samples(&Inputs { state, assessment, thresholds: &thresholds, exporter: &exporter }, &mut page);
            render(&page)
        })
    }
}

fn log_notes(loaded: &Loaded) {
    loaded.notes.iter().for_each(|note| warn!("{note}"));
}

/// Logs each check whose severity changed, once, with its reason.
fn log_changes(before: &Assessment, after: &Assessment) {
    for check in &after.checks {
        let old = before.check(check.check).map_or(Severity::Ok, |old| old.severity);
        let reason = check.findings.first().map_or(check.summary.as_str(), |finding| finding.reason.as_str());
        match check.severity {
            new if new == old => {}
            Severity::Ok => info!(check = check.check, from = %old, to = "OK", "{reason}"),
            new => warn!(check = check.check, from = %old, to = %new, "{reason}"),
        }
    }
}
