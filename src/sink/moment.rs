//! All that is known at one instant, shared by the sinks that map it only when somebody asks.
//!
//! Invariant: nothing in it changes; the next instant is another [`Moment`].

use std::sync::Arc;

use crate::assessment::{Assessment, Thresholds};
use crate::history::History;
use crate::observation::Time;
use crate::sink::{api, page};
use crate::state::State;
use crate::web::{Page, Snapshot, health};

/// All that is known at one instant.
#[derive(Debug, Clone)]
pub struct Moment {
    /// What was read.
    pub state: Arc<State>,
    /// What it means.
    pub assessment: Arc<Assessment>,
    /// How it came about.
    pub history: Arc<History>,
    /// Where this is.
    pub about: Arc<About>,
}

/// What the pages say of this program's surroundings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The machine's name.
    pub host: String,
    /// Path of the metrics page.
    pub telemetry_path: String,
}

impl Moment {
    /// The instant.
    pub fn now(&self) -> Time {
        self.assessment.at
    }

    /// The web pages of this moment, each rendered when it is first asked for; `metrics` and `openmetrics` are the
    /// two forms of the metrics page.
    pub fn snapshot(self, thresholds: &Thresholds, metrics: Page, openmetrics: Page) -> Snapshot {
        let (live, now) = (health::live(&self.assessment), self.now());
        let started = health::started(&self.state, thresholds, now);
        let ready = health::ready(&self.state, now);
        let moment = Arc::new(self);
        let page = |render: fn(&Moment) -> Vec<u8>| {
            let moment = Arc::clone(&moment);
            Page::lazy(move || render(&moment))
        };
        Snapshot {
            metrics,
            openmetrics,
            state: page(|moment| api::render(moment, false)),
            state_pretty: page(|moment| api::render(moment, true)),
            status: page(|moment| page::render(moment, page::Refresh::On).into_bytes()),
            status_paused: page(|moment| page::render(moment, page::Refresh::Off).into_bytes()),
            live,
            started,
            ready,
        }
    }
}
