//! The pages of a moment: which sink renders which route.
//!
//! Invariant: nothing is rendered here; each page is rendered by its sink when it is first asked for.

use std::sync::Arc;

use super::health;
use super::pages::{Page, Snapshot};
use crate::assessment::Thresholds;
use crate::sink::moment::Moment;
use crate::sink::{api, page};

impl Snapshot {
    /// Every page of `moment`; `metrics` and `openmetrics` are the two forms of the metrics page.
    pub fn of(moment: Moment, thresholds: &Thresholds, metrics: Page, openmetrics: Page) -> Self {
        let moment = Arc::new(moment);
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
            live: health::live(&moment.assessment),
            started: health::started(&moment.state, thresholds, moment.now()),
            ready: health::ready(&moment.state),
        }
    }
}
