//! The alerts that this program keeps, and how telling them goes.

use super::{Samples, metrics};
use crate::observation::Time;

metrics! {
    /// Alerts of this program's own by severity (warning, critical) and state: firing, or pending, which fires when it
    /// stays. They are pushed where `alertmanager.urls` or a webhook is set.
    ALERTS = Gauge autoswe_alerts { severity, state };
    /// Whether the state of the alerts could be saved; while it cannot, a restart may tell alerts twice. Absent while
    /// nothing had to be saved.
    STATE_SAVED = Gauge autoswe_alerts_state_saved;
    /// Messages that each receiver of alerts accepted since the exporter's start.
    PUSHED = Counter autoswe_push_messages_total { receiver };
    /// Attempts to tell a receiver that failed and were made again: no connection, no answer, HTTP 429 or 5xx.
    FAILED = Counter autoswe_push_failures_total { receiver };
    /// Alerts in messages that a receiver refused: bad_request (400), unauthorized (401, 403), not_found (404), redirect
    /// (3xx) or other. They are sent anew at the next change, or a minute later.
    DROPPED = Counter autoswe_push_dropped_alerts_total { receiver, reason };
    /// When each receiver accepted a message last.
    LAST_SUCCESS = Gauge autoswe_push_last_success_timestamp_seconds { receiver };
}

/// Why a receiver refused a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// It does not understand it.
    BadRequest,
    /// The credentials are wrong or missing.
    Unauthorized,
    /// There is no such path.
    NotFound,
    /// It is somewhere else.
    Redirect,
    /// Another status below 500.
    Other,
}

const REASONS: [&str; 5] = ["bad_request", "unauthorized", "not_found", "redirect", "other"];

/// How telling one receiver went since the exporter's start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PushCounts {
    /// An Alertmanager's address, or `webhook`.
    pub receiver: String,
    /// Messages that it accepted.
    pub sent: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Alerts that it refused, by [`Dropped`].
    pub dropped: [u64; 5],
    /// When it accepted a message last.
    pub last_success_at: Option<Time>,
}

/// The alerts and their receivers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Alerting {
    /// Alerts that fire: warnings, critical ones.
    pub firing: [u64; 2],
    /// Alerts that wait.
    pub pending: [u64; 2],
    /// Whether their state was saved.
    pub saved: Option<bool>,
    /// Who is told.
    pub receivers: Vec<PushCounts>,
}

pub(super) fn samples(alerting: &Alerting, out: &mut Samples) {
    for (state, counts) in [("firing", alerting.firing), ("pending", alerting.pending)] {
        for (severity, count) in ["warning", "critical"].into_iter().zip(counts) {
            out.set(ALERTS, &[severity, state], count);
        }
    }
    out.set(STATE_SAVED, &[], alerting.saved);
    for counts in &alerting.receivers {
        let receiver = counts.receiver.as_str();
        out.set(PUSHED, &[receiver], counts.sent);
        out.set(FAILED, &[receiver], counts.failures);
        out.set(LAST_SUCCESS, &[receiver], counts.last_success_at);
        for (reason, count) in REASONS.into_iter().zip(counts.dropped) {
            out.set(DROPPED, &[receiver, reason], count);
        }
    }
}
