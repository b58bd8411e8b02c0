//! What the judge is told: the last hours of the run and of the time series, redacted.
//!
//! Invariant: no text reaches the evidence but through the site's redaction; what no input tells is absent, and never 0.

mod figures;
mod series;
mod standing;
mod window;

use std::path::PathBuf;

use anyhow::bail;
use jiff::SignedDuration;

use super::record::{LastGood, second};
use crate::config::{Config, Loaded};
use crate::journey::correlate::correlate;
use crate::journey::redact::{Redactor, redact_with};
use crate::journey::site_data::SiteData;
use crate::journey::transcript::Ledger;
use crate::journey::{inputs, run::Run};
use crate::observation::Time;

#[cfg(test)]
pub(super) use figures::Figure;
#[cfg(test)]
pub(super) use series::Found;
pub(super) use series::Series;
pub(super) use standing::Standing;

/// The evidence of one review.
#[derive(Debug)]
pub(super) struct Evidence {
    /// The beginning of the time that is reviewed.
    pub(super) from: Time,
    /// Its end.
    pub(super) to: Time,
    /// What happened in it, redacted.
    pub(super) data: SiteData,
    /// Where the whole run stands.
    pub(super) standing: Standing,
    /// What the exporter recorded in it.
    pub(super) series: Series,
}

impl Evidence {
    /// The latest review with a score.
    pub(super) fn last_good(&self) -> Option<LastGood> {
        let good = self.data.reviews.iter().rev().find_map(|review| Some((review, review.at?, review.health_score?)));
        good.map(|(review, at, health_score)| LastGood {
            ts: second(at),
            health_score,
            verdict: review.verdict.clone(),
        })
    }
}

/// Where this program keeps what saves the next review time.
pub(super) fn kept(config: &Config) -> PathBuf {
    config.in_runtime_dir(&config.journey.state_dir).join("review")
}

/// Gathers the evidence of the hours before `to`. It blocks.
///
/// # Errors
/// When there is nothing at all to review.
pub(super) fn gather(loaded: &Loaded, redactor: &mut Redactor, to: Time) -> anyhow::Result<Evidence> {
    let config = &loaded.config;
    let window = SignedDuration::try_from(config.judge.review.window.duration())?;
    let from = to.checked_sub(window).unwrap_or(Time::UNIX_EPOCH);
    let series = series::read(loaded, from, to, redactor);
    let gathered = inputs::read(&inputs::freeze(config), &kept(config));
    let heartbeat_at = gathered.heartbeat.at.as_ref().map(|at| at.value);
    let run = correlate(gathered, Ledger::default());
    if series.is_empty() && heartbeat_at.is_none() && is_empty(&run) {
        bail!("there is nothing of the loop in {}; is runtime_dir right?", config.runtime().display());
    }
    let standing = Standing::of(&run, heartbeat_at);
    let data = redact_with(&window::cut(run, from), config.judge.review.free_text, redactor);
    Ok(Evidence { from, to, data, standing, series })
}

fn is_empty(run: &Run) -> bool {
    run.epochs.is_empty() && run.events.is_empty() && run.phase.is_none()
}
