//! A unit's state, whichever way it was asked for.
//!
//! Invariant: a word or a number that is missing or not understood is told as such, never as a state that calls for
//! something to be done.

/// A unit as its manager shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// Its name.
    pub name: String,
    /// `loaded`, `not-found`, `masked`, `bad-setting`, ...
    pub load: String,
    /// The state.
    pub active: Active,
    /// The state in the words of its type, such as `running` or `auto-restart`.
    pub sub: String,
    /// The job that is pending, such as `stop`.
    pub job: Option<String>,
    /// How long it has been busy or inactive, seconds; 0 where that has just begun.
    pub since: f64,
    /// What is asked for only when it matters.
    pub details: Option<Details>,
}

/// The state of a unit (`ActiveState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Active {
    /// It runs.
    Active,
    /// It is starting; the time between a crash and the next try too.
    Activating,
    /// It is stopping.
    Deactivating,
    /// It is reading its configuration anew.
    Reloading,
    /// It does not run and should not.
    Inactive,
    /// It crashed, and systemd does not try again.
    Failed,
    /// A word that this program does not know.
    Other,
}

impl Active {
    /// The state that systemd calls `word`.
    pub fn of(word: &str) -> Self {
        match word {
            "active" => Active::Active,
            "activating" => Active::Activating,
            "deactivating" => Active::Deactivating,
            "reloading" => Active::Reloading,
            "inactive" => Active::Inactive,
            "failed" => Active::Failed,
            _ => Active::Other,
        }
    }

    /// The word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Active::Active => "active",
            Active::Activating => "activating",
            Active::Deactivating => "deactivating",
            Active::Reloading => "reloading",
            Active::Inactive => "inactive",
            Active::Failed => "failed",
            Active::Other => "in a state that is not known",
        }
    }
}

/// What of a unit is asked for only when it matters.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    /// systemd's id of the present run.
    pub invocation: String,
    /// Time since its latest start, seconds: the latest of leaving inactivity, becoming active and starting its main
    /// process.
    pub started: f64,
    /// Why it last ended, such as `exit-code`. A crash that reaches the start limit leaves the crash's own word here.
    pub result: String,
    /// systemd starts it again by itself (`Restart=` other than `no`); when such a unit has failed, systemd gave up.
    pub retried: bool,
    /// Its cgroup below the root of the hierarchy, such as `/app.slice/autoswe.service`; empty where it has none.
    pub control_group: String,
    /// TimeoutStopSec, seconds; `None` where it is infinite or not known.
    pub stop_timeout: Option<f64>,
}

/// What the manager told of a unit, word for word. Stamps are microseconds of `CLOCK_MONOTONIC`, 0 where there is none.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Properties {
    pub(super) invocation: String,
    pub(super) result: String,
    /// `Restart=`.
    pub(super) restart: String,
    pub(super) control_group: String,
    /// Microseconds; `u64::MAX` is infinite.
    pub(super) stop_timeout: Option<u64>,
    /// Leaving inactivity, becoming active, starting the main process.
    pub(super) starts: [u64; 3],
    pub(super) changed: u64,
}

impl Properties {
    /// How long ago `stamp` was, at `monotonic` seconds; `None` where there is no such stamp.
    fn ago(stamp: u64, monotonic: f64) -> Option<f64> {
        (stamp > 0).then(|| (monotonic - stamp as f64 / 1e6).max(0.0))
    }

    /// Since the unit became as it is, seconds; 0 where it is not known.
    pub(super) fn since(&self, monotonic: f64) -> f64 {
        Self::ago(self.changed, monotonic).unwrap_or(0.0)
    }

    /// The details; `None` where it is not known when the unit started.
    pub(super) fn details(self, monotonic: f64) -> Details {
        let started = self.starts.into_iter().filter_map(|stamp| Self::ago(stamp, monotonic)).reduce(f64::min);
        Details {
            invocation: self.invocation,
            // Not known is not long ago.
            started: started.unwrap_or(0.0),
            result: self.result,
            retried: !matches!(self.restart.as_str(), "" | "no"),
            control_group: self.control_group,
            stop_timeout: self.stop_timeout.filter(|timeout| *timeout != u64::MAX).map(|timeout| timeout as f64 / 1e6),
        }
    }
}
