//! Plain typed readings with the time they were taken.
//!
//! Invariant: nothing here does I/O or judges. A value that could not be had is absent
//! (`None`, [`Field::Unsupported`]) or a [`Failure`] that says why, never 0.

mod files;
mod gpu;
mod host;
mod review;
mod vllm;
mod xid;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use files::*;
pub use gpu::*;
pub use host::*;
pub use review::*;
pub use vllm::*;
pub use xid::critical_xid;

/// A point in time, always UTC.
pub type Time = jiff::Timestamp;

/// Seconds from `then` to `now`; negative when `then` lies ahead.
pub fn seconds_since(now: Time, then: Time) -> f64 {
    now.duration_since(then).as_secs_f64()
}

/// Unix seconds of `time`, as Prometheus wants them.
pub fn unix_seconds(time: Time) -> f64 {
    time.as_duration().as_secs_f64()
}

/// Where data comes from. The name is the `source` label, the collector's flag and the section of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceId {
    /// The loop's heartbeat, state and pause sentinels.
    Loop,
    /// The loop's sub-agents, from /proc.
    Subagents,
    /// vLLM's `/metrics`.
    Vllm,
    /// The GPUs, through NVML.
    Gpu,
    /// The parity matrix.
    Parity,
    /// The judge's last verdicts.
    Verdicts,
    /// The published site.
    Site,
    /// The reviews of the loop's behaviour.
    Review,
    /// The watchdog's state and audit trail.
    Watchdog,
    /// Memory, pressure and disk of this machine.
    Host,
}

impl SourceId {
    /// All sources, in the order in which reports list them.
    pub const ALL: [SourceId; 10] = [
        SourceId::Loop,
        SourceId::Subagents,
        SourceId::Vllm,
        SourceId::Gpu,
        SourceId::Parity,
        SourceId::Verdicts,
        SourceId::Site,
        SourceId::Review,
        SourceId::Watchdog,
        SourceId::Host,
    ];

    /// The name in labels, flags and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            SourceId::Loop => "loop",
            SourceId::Subagents => "subagents",
            SourceId::Vllm => "vllm",
            SourceId::Gpu => "gpu",
            SourceId::Parity => "parity",
            SourceId::Verdicts => "verdicts",
            SourceId::Site => "site",
            SourceId::Review => "review",
            SourceId::Watchdog => "watchdog",
            SourceId::Host => "host",
        }
    }

    /// Position in [`SourceId::ALL`], for tables indexed by source.
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl std::fmt::Display for SourceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// What came of looking: a value, nothing there, or a failure with its reason.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading<T> {
    /// The value was read.
    Observed(T),
    /// There is nothing to read; the text says what was looked for and where.
    Missing(String),
    /// Something is there, or was configured, and could not be read.
    Failed(Failure),
}

impl<T> Reading<T> {
    /// The observed value, if there is one.
    pub fn observed(&self) -> Option<&T> {
        match self {
            Reading::Observed(value) => Some(value),
            _ => None,
        }
    }

    /// What `f` makes of the observed value; an absence or a failure stays as it is.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Reading<U>) -> Reading<U> {
        match self {
            Reading::Observed(value) => f(value),
            Reading::Missing(what) => Reading::Missing(what),
            Reading::Failed(failure) => Reading::Failed(failure),
        }
    }

    /// The same outcome around another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Reading<U> {
        self.and_then(|value| Reading::Observed(f(value)))
    }
}

/// Why a source could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The class of the failure, for code that branches on it.
    pub kind: FailureKind,
    /// What failed, where, and how to mend it; one line for people.
    pub message: String,
}

impl Failure {
    /// A failure of `kind`; `message` says what, where and the mend.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Failure { kind, message: message.into() }
    }
}

/// Classes of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// No answer within the deadline.
    TimedOut,
    /// The file is there but cannot be read (permission, a directory, a FIFO, too large).
    Unreadable,
    /// It was read but is not what it should be.
    Malformed,
    /// Nothing listens at the address (refused, reset, no route, name not found).
    Unreachable,
    /// An HTTP status of 500 or above.
    ServerError,
    /// An HTTP status other than 200 and below 500.
    BadStatus,
    /// An answer that is not Prometheus text.
    NotPrometheus,
    /// Prometheus text without any `vllm:*` series.
    NoVllmSeries,
    /// The NVML library is there, the driver is not loaded.
    DriverNotLoaded,
    /// The NVML library and the loaded driver differ in version.
    DriverMismatch,
    /// A GPU fell off the bus.
    GpuLost,
    /// The driver works and shows no GPU.
    NoGpu,
    /// Any other error of the driver.
    DriverError,
}

impl FailureKind {
    /// Every kind.
    pub const ALL: [FailureKind; 13] = [
        FailureKind::TimedOut,
        FailureKind::Unreadable,
        FailureKind::Malformed,
        FailureKind::Unreachable,
        FailureKind::ServerError,
        FailureKind::BadStatus,
        FailureKind::NotPrometheus,
        FailureKind::NoVllmSeries,
        FailureKind::DriverNotLoaded,
        FailureKind::DriverMismatch,
        FailureKind::GpuLost,
        FailureKind::NoGpu,
        FailureKind::DriverError,
    ];

    /// The name in `/api/v1/state` and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            FailureKind::TimedOut => "timed_out",
            FailureKind::Unreadable => "unreadable",
            FailureKind::Malformed => "malformed",
            FailureKind::Unreachable => "unreachable",
            FailureKind::ServerError => "server_error",
            FailureKind::BadStatus => "bad_status",
            FailureKind::NotPrometheus => "not_prometheus",
            FailureKind::NoVllmSeries => "no_vllm_series",
            FailureKind::DriverNotLoaded => "driver_not_loaded",
            FailureKind::DriverMismatch => "driver_mismatch",
            FailureKind::GpuLost => "gpu_lost",
            FailureKind::NoGpu => "no_gpu",
            FailureKind::DriverError => "driver_error",
        }
    }
}

/// One value of a device that may not have it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Option<T>", into = "Option<T>", bound(serialize = "T: Clone + Serialize"))]
pub enum Field<T> {
    /// The device told the value.
    Value(T),
    /// The device does not know this value, or it was not asked.
    #[default]
    Unsupported,
}

impl<T: Copy> Field<T> {
    /// The value, if the device has one.
    pub fn get(self) -> Option<T> {
        self.into()
    }
}

impl<T> From<Option<T>> for Field<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Field::Unsupported, Field::Value)
    }
}

impl<T> From<Field<T>> for Option<T> {
    fn from(field: Field<T>) -> Self {
        match field {
            Field::Value(value) => Some(value),
            Field::Unsupported => None,
        }
    }
}

/// One reading of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Which source was read.
    pub source: SourceId,
    /// When the reading was finished.
    pub at: Time,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub reading: Reading<Data>,
}

/// What a source yields. The variant always matches the observation's [`SourceId`].
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Of [`SourceId::Loop`].
    Loop(LoopReading),
    /// Of [`SourceId::Subagents`].
    Subagents(Subagents),
    /// Of [`SourceId::Vllm`].
    Vllm(VllmSample),
    /// Of [`SourceId::Gpu`].
    Gpu(GpuReading),
    /// Of [`SourceId::Parity`].
    Parity(Parity),
    /// Of [`SourceId::Verdicts`].
    Verdicts(Verdicts),
    /// Of [`SourceId::Site`].
    Site(Site),
    /// Of [`SourceId::Review`].
    Review(Review),
    /// Of [`SourceId::Watchdog`].
    Watchdog(WatchdogReading),
    /// Of [`SourceId::Host`].
    Host(Host),
}

impl Data {
    /// The source this data belongs to.
    pub const fn source(&self) -> SourceId {
        match self {
            Data::Loop(_) => SourceId::Loop,
            Data::Subagents(_) => SourceId::Subagents,
            Data::Vllm(_) => SourceId::Vllm,
            Data::Gpu(_) => SourceId::Gpu,
            Data::Parity(_) => SourceId::Parity,
            Data::Verdicts(_) => SourceId::Verdicts,
            Data::Site(_) => SourceId::Site,
            Data::Review(_) => SourceId::Review,
            Data::Watchdog(_) => SourceId::Watchdog,
            Data::Host(_) => SourceId::Host,
        }
    }
}
