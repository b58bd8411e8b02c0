//! The latest reading of one source, and the last one that succeeded.
//!
//! Invariant: a failure or an absence never erases the last good value; a [`View`] shows both.

use crate::observation::{Failure, Time, seconds_since};

/// A value with the time it was observed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dated<T> {
    /// When it was observed.
    pub at: Time,
    /// What was observed.
    pub value: T,
}

/// The latest reading of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot<T> {
    enabled: bool,
    max_age: f64,
    last: Option<Dated<T>>,
    latest: Latest,
}

#[derive(Debug, Clone, PartialEq)]
enum Latest {
    Pending,
    Observed,
    Missing { what: String },
    Failed { failure: Failure, since: Time, count: u64 },
}

/// What is known of a source at one instant.
#[derive(Debug, PartialEq)]
pub enum View<'a, T> {
    /// The configuration turned the source off.
    Disabled,
    /// No reading was made yet.
    Pending,
    /// The latest reading succeeded.
    Observed(&'a Dated<T>),
    /// The latest reading succeeded, but none was made for too long.
    Stale(&'a Dated<T>),
    /// The latest reading found nothing there. `last` is set when something was there before.
    Missing {
        /// What was looked for, and where.
        what: &'a str,
        /// The last value observed.
        last: Option<&'a Dated<T>>,
    },
    /// The latest reading failed.
    Failed {
        /// Why.
        failure: &'a Failure,
        /// When the first reading of this unbroken row of failures was made.
        since: Time,
        /// How many readings failed in a row.
        count: u64,
        /// The last value observed.
        last: Option<&'a Dated<T>>,
    },
}

/// How a source's latest reading went, whatever it would yield.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The configuration turned the source off.
    Disabled,
    /// No reading was made yet.
    Pending,
    /// The latest reading succeeded.
    Observed,
    /// The latest reading succeeded, but none was made for too long.
    Stale,
    /// There is nothing to read.
    Missing,
    /// The latest reading failed.
    Failed,
}

impl Freshness {
    /// The name in JSON and in records.
    pub const fn name(self) -> &'static str {
        match self {
            Freshness::Disabled => "disabled",
            Freshness::Pending => "pending",
            Freshness::Observed => "observed",
            Freshness::Stale => "stale",
            Freshness::Missing => "missing",
            Freshness::Failed => "failed",
        }
    }
}

impl<'a, T> View<'a, T> {
    /// How the latest reading went.
    pub fn freshness(&self) -> Freshness {
        match self {
            View::Disabled => Freshness::Disabled,
            View::Pending => Freshness::Pending,
            View::Observed(_) => Freshness::Observed,
            View::Stale(_) => Freshness::Stale,
            View::Missing { .. } => Freshness::Missing,
            View::Failed { .. } => Freshness::Failed,
        }
    }

    /// The last value observed, however the latest reading went.
    pub fn last(&self) -> Option<&'a Dated<T>> {
        match *self {
            View::Observed(last) | View::Stale(last) => Some(last),
            View::Missing { last, .. } | View::Failed { last, .. } => last,
            View::Disabled | View::Pending => None,
        }
    }

    /// The value, only when the latest reading succeeded and is fresh.
    pub fn current(&self) -> Option<&'a T> {
        match *self {
            View::Observed(last) => Some(&last.value),
            _ => None,
        }
    }
}

impl<T> Slot<T> {
    /// An empty slot. A value older than `max_age` seconds is [`View::Stale`].
    pub fn new(enabled: bool, max_age: f64) -> Self {
        Slot { enabled, max_age, last: None, latest: Latest::Pending }
    }

    /// Takes over the settings of `fresh`, and keeps what was observed.
    pub(super) fn follow(&mut self, fresh: &Self) {
        (self.enabled, self.max_age) = (fresh.enabled, fresh.max_age);
    }

    /// Takes in a value observed at `at`.
    pub fn observed(&mut self, at: Time, value: T) {
        self.last = Some(Dated { at, value });
        self.latest = Latest::Observed;
    }

    /// Takes in the last of `count` readings in a row that failed, the first of them at `since`.
    pub fn failed_since(&mut self, failure: Failure, since: Time, count: u64) {
        self.latest = Latest::Failed { failure, since, count };
    }

    /// What is known at `now`.
    pub fn view(&self, now: Time) -> View<'_, T> {
        if !self.enabled {
            return View::Disabled;
        }
        let last = self.last.as_ref();
        match (&self.latest, last) {
            (Latest::Observed, Some(last)) if seconds_since(now, last.at) > self.max_age => View::Stale(last),
            (Latest::Observed, Some(last)) => View::Observed(last),
            (Latest::Missing { what }, last) => View::Missing { what, last },
            (Latest::Failed { failure, since, count }, last) => {
                View::Failed { failure, since: *since, count: *count, last }
            }
            (Latest::Pending | Latest::Observed, _) => View::Pending,
        }
    }

    /// The last value observed, however long ago and however the readings since went.
    pub fn last(&self) -> Option<&Dated<T>> {
        self.last.as_ref()
    }

    /// The value, only when the latest reading succeeded and is fresh at `now`.
    pub fn current(&self, now: Time) -> Option<&T> {
        self.view(now).current()
    }
}

/// A slot, whatever its type.
pub trait AnySlot {
    /// False when the configuration turned the source off.
    fn is_enabled(&self) -> bool;
    /// How the latest reading went, as known at `now`.
    fn freshness(&self, now: Time) -> Freshness;
    /// Takes in a reading that found nothing there; `what` says what was looked for.
    fn missing(&mut self, what: String);
    /// Takes in a reading that failed.
    fn failed(&mut self, at: Time, failure: Failure);
}

impl<T> AnySlot for Slot<T> {
    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn freshness(&self, now: Time) -> Freshness {
        self.view(now).freshness()
    }

    fn missing(&mut self, what: String) {
        self.latest = Latest::Missing { what };
    }

    fn failed(&mut self, at: Time, failure: Failure) {
        self.latest = match self.latest {
            Latest::Failed { since, count, .. } => Latest::Failed { failure, since, count: count + 1 },
            _ => Latest::Failed { failure, since: at, count: 1 },
        };
    }
}
