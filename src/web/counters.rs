//! How many requests were answered, by handler and status.
//!
//! Invariant: the label values are a closed set, so that no request can make a new series.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;

/// Who answers a request; the `handler` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handler {
    /// The metrics page.
    Metrics,
    /// The status page.
    Status,
    /// `/api/v1/state`.
    State,
    /// `/livez`.
    Livez,
    /// `/startupz`.
    Startupz,
    /// `/-/healthy`.
    Healthy,
    /// `/-/ready`.
    Ready,
    /// No route, or a method that the route does not take.
    Other,
}

const HANDLERS: [Handler; 8] = [
    Handler::Metrics,
    Handler::Status,
    Handler::State,
    Handler::Livez,
    Handler::Startupz,
    Handler::Healthy,
    Handler::Ready,
    Handler::Other,
];

/// The statuses that the routes answer with.
const CODES: [StatusCode; 5] = [
    StatusCode::OK,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::NOT_ACCEPTABLE,
    StatusCode::SERVICE_UNAVAILABLE,
];

impl Handler {
    /// The name in labels.
    pub const fn name(self) -> &'static str {
        match self {
            Handler::Metrics => "metrics",
            Handler::Status => "status",
            Handler::State => "state",
            Handler::Livez => "livez",
            Handler::Startupz => "startupz",
            Handler::Healthy => "healthy",
            Handler::Ready => "ready",
            Handler::Other => "other",
        }
    }
}

/// Requests of one handler that were answered with one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestCount {
    /// The `handler` label.
    pub handler: &'static str,
    /// The `code` label.
    pub code: u16,
    /// Requests since the start.
    pub count: u64,
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Counters([[AtomicU64; CODES.len()]; HANDLERS.len()]);

impl Counters {
    pub(super) fn add(&self, handler: Handler, status: StatusCode) {
        if let Some(code) = CODES.iter().position(|code| *code == status) {
            self.0[handler as usize][code].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Every pair that was counted, and 200 of every handler that can give it, so that its rate has a beginning.
    pub(super) fn read(&self) -> Vec<RequestCount> {
        let pairs = HANDLERS.iter().flat_map(|handler| CODES.iter().enumerate().map(move |pair| (*handler, pair)));
        pairs
            .map(|(handler, (index, code))| {
                let count = self.0[handler as usize][index].load(Ordering::Relaxed);
                (handler, RequestCount { handler: handler.name(), code: code.as_u16(), count })
            })
            .filter(|(handler, row)| row.count > 0 || (row.code == 200 && *handler != Handler::Other))
            .map(|(_, row)| row)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_start_at_zero_and_stay_in_their_set() {
        let counters = Counters::default();
        assert_eq!(counters.read().len(), 7);
        counters.add(Handler::Other, StatusCode::NOT_FOUND);
        counters.add(Handler::Metrics, StatusCode::OK);
        counters.add(Handler::Metrics, StatusCode::IM_A_TEAPOT);
        let rows = counters.read();
        assert_eq!(rows.len(), 8);
        assert_eq!(rows[0], RequestCount { handler: "metrics", code: 200, count: 1 });
        assert_eq!(rows[7], RequestCount { handler: "other", code: 404, count: 1 });
    }

    #[test]
    fn every_handler_stands_at_its_place() {
        assert!(HANDLERS.iter().enumerate().all(|(index, handler)| *handler as usize == index));
    }
}
