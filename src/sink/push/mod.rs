//! Pushing alerts: what Alertmanager and webhook have in common.
//!
//! ```text
//! assessment -> active set -> Batch (the newest one, in a watch channel) -> a task per receiver -> HTTP
//! ```
//!
//! Invariants:
//!
//! 1. A receiver that is down, slow or refuses delays neither an assessment nor another receiver: there is one place
//!    for the newest batch, no queue.
//! 2. What is sent is the newest batch at the time of sending, and its time is that of the assessment: a program that
//!    no longer judges keeps no alert alive.
//! 3. No message, metric or label shows a credential.

mod endpoint;
mod receiver;
mod retry;
pub(in crate::sink) mod words;

use std::sync::Arc;

pub use endpoint::{Endpoint, Outcome};
pub use receiver::{Newest, Receiver, Timing};
pub use words::{Texts, annotations, fingerprint, labels};

use crate::alert::active::{Active, Alert};
use crate::config::{AlertsConfig, Config};
use crate::metric::Dropped;
use crate::observation::Time;
use crate::source::host;

/// What is to be told at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// When the assessment was made.
    pub at: Time,
    /// What fires.
    pub firing: Vec<Alert>,
    /// What has resolved lately.
    pub resolved: Vec<Alert>,
}

/// Who tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// The machine's name.
    pub host: String,
    /// The loop's unit.
    pub unit: String,
    /// Where the runbooks are.
    pub alerts: AlertsConfig,
    /// Since when this program runs.
    pub since: Time,
}

/// One request's worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The body, JSON.
    pub body: serde_json::Value,
    /// How many alerts are in it.
    pub alerts: u64,
}

/// What one kind of receiver is told, and when.
pub trait Sink: Send + 'static {
    /// What it is to be told of `batch` now; `None` where there is nothing to tell.
    fn message(&mut self, batch: &Batch) -> Option<Message>;
    /// It accepted the message of `batch`.
    fn accepted(&mut self, _batch: &Batch) {}
}

impl About {
    /// This program, which runs since `since`, on this machine.
    pub fn here(config: &Config, since: Time) -> Self {
        About { host: host::name(), unit: config.loop_.unit.clone(), alerts: config.alerts.clone(), since }
    }
}

impl Batch {
    /// What `active` tells at `at`.
    pub fn new(active: &Active, at: Time) -> Arc<Self> {
        let (firing, resolved) = (active.firing().cloned().collect(), active.resolved().cloned().collect());
        Arc::new(Batch { at, firing, resolved })
    }
}

/// Why a receiver refuses, as the metric has it, and the mend.
fn refusal(status: u16, names: &endpoint::Names) -> (Dropped, String) {
    let endpoint::Names { url, authorization, .. } = names;
    match status {
        400 => (
            Dropped::BadRequest,
            "please report it as a bug where the receiver's own settings do not explain it".into(),
        ),
        401 | 403 => (Dropped::Unauthorized, format!("mend the credentials: {authorization}")),
        404 => (Dropped::NotFound, format!("is {url} right, with the path prefix that it is served under?")),
        300..=399 => (Dropped::Redirect, format!("it redirects, which is not followed; set {url} to where it is")),
        _ => (Dropped::Other, format!("is {url} really its address?")),
    }
}
