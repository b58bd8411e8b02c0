//! What the daemon knows: the state, what it means, how it came about, and the pages that show it.
//!
//! Invariant: pages are published only as a whole, and always belong to one assessment.

use std::sync::{Arc, OnceLock};

use axum::Router;
use tracing::{error, info, warn};

use super::series::Series;
use crate::assessment::{Assessment, Severity, Thresholds, assess};
use crate::config::{Config, ConfigErrors, Loaded};
use crate::history::{History, Point};
use crate::metric::{Exporter, Inputs, Reload, Samples, samples};
use crate::observation::{Observation, Time};
use crate::sink::moment::{About, Moment};
use crate::sink::{openmetrics, prometheus};
use crate::source::own_process::Own;
use crate::state::State;
use crate::web::{Page, Pages, Snapshot, router};

pub(super) struct Known {
    loaded: Loaded,
    thresholds: Arc<Thresholds>,
    state: Arc<State>,
    history: Arc<History>,
    assessment: Arc<Assessment>,
    about: Arc<About>,
    reload: Reload,
    series: Option<Series>,
    own: Arc<OnceLock<Option<Own>>>,
    pages: Option<Arc<Pages>>,
}

impl Known {
    /// Nothing is known yet, and the pages say so.
    pub(super) fn new(loaded: Loaded) -> std::io::Result<Self> {
        let now = Time::now();
        let thresholds = Arc::new(loaded.thresholds());
        let state = Arc::new(State::new(&loaded.config, now));
        let about = About {
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            telemetry_path: loaded.config.web.telemetry_path.clone(),
        };
        log_notes(&loaded);
        let mut known = Known {
            series: Series::start(&loaded.config)?,
            loaded,
            assessment: Arc::new(assess(&state, &thresholds, now)),
            thresholds,
            state,
            history: Arc::default(),
            about: Arc::new(about),
            reload: Reload { successful: true, loaded_at: now },
            own: Arc::default(),
            pages: None,
        };
        known.publish();
        Ok(known)
    }

    pub(super) fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// The routes to the pages.
    pub(super) fn router(&self) -> anyhow::Result<Router> {
        let pages = self.pages.clone().unwrap_or_else(|| Arc::new(Pages::new(self.snapshot())));
        router(pages, &self.about.telemetry_path).map_err(anyhow::Error::msg)
    }

    /// Takes in what an earlier run recorded.
    pub(super) fn remember(&mut self, past: &[Point]) {
        Arc::make_mut(&mut self.history).preload(past);
    }

    pub(super) fn apply(&mut self, observation: Observation) {
        Arc::make_mut(&mut self.state).apply(observation);
    }

    /// Takes in a freshly loaded configuration, or keeps the old one where the new one is bad. True when the sources
    /// must be started anew.
    pub(super) fn reload(&mut self, fresh: Result<Loaded, ConfigErrors>) -> bool {
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
        Arc::make_mut(&mut self.state).reconfigure(&fresh.config);
        self.thresholds = Arc::new(fresh.thresholds());
        let place = |config: &Config| (config.system_state.clone(), config.runtime_dir.clone());
        if place(&fresh.config) != place(&self.loaded.config) {
            match Series::start(&fresh.config) {
                Ok(series) => self.series = series,
                Err(error) => error!(%error, "the time series keeps its old settings"),
            }
        }
        self.loaded = fresh;
        self.reload = Reload { successful: true, loaded_at: Time::now() };
        info!("the configuration was reloaded");
        true
    }

    /// Judges what is known now and replaces the pages.
    pub(super) fn judge_and_publish(&mut self) {
        let assessment = Arc::new(assess(&self.state, &self.thresholds, Time::now()));
        log_changes(&self.assessment, &assessment);
        self.assessment = assessment;
        Arc::make_mut(&mut self.history).note(&self.state, &self.assessment);
        if let Some(series) = &mut self.series {
            series.note(&self.state, &self.assessment);
        }
        self.publish();
    }

    fn publish(&mut self) {
        let snapshot = self.snapshot();
        match &self.pages {
            Some(pages) => pages.publish(snapshot),
            None => self.pages = Some(Arc::new(Pages::new(snapshot))),
        }
    }

    fn snapshot(&self) -> Snapshot {
        let moment = Moment {
            state: Arc::clone(&self.state),
            assessment: Arc::clone(&self.assessment),
            history: Arc::clone(&self.history),
            about: Arc::clone(&self.about),
        };
        let (text, openmetrics) = (self.page(&moment, prometheus::render), self.page(&moment, openmetrics::render));
        Snapshot::of(moment, &self.thresholds, text, openmetrics)
    }

    /// A metrics page of `moment`, rendered when it is first asked for.
    fn page(&self, moment: &Moment, render: fn(&Samples) -> Vec<u8>) -> Page {
        let (moment, thresholds) = (moment.clone(), Arc::clone(&self.thresholds));
        // The pages hold this page: without the weak link they would hold themselves.
        let pages = self.pages.as_ref().map(Arc::downgrade);
        let (own, reload) = (Arc::clone(&self.own), self.reload);
        let system_state = self.series.as_ref().map(Series::counts);
        Page::lazy(move || {
            let exporter = Exporter {
                reload: Some(reload),
                system_state,
                http: pages
                    .as_ref()
                    .and_then(std::sync::Weak::upgrade)
                    .map(|pages| pages.requests())
                    .unwrap_or_default(),
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
