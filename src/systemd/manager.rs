//! The service manager, over the bus, or by `systemctl` where the bus is dead.
//!
//! Invariant: a restart is asked for at most once: whoever is not sure that it was not heard does not ask again.

use std::time::{Duration, Instant};

use super::bus::Bus;
use super::shown::Shown;
use super::systemctl;
use super::unit::Unit;
use crate::config::UnitManager;

/// One service manager.
#[derive(Debug, Clone)]
pub struct Manager {
    /// The user's or the system's.
    pub kind: UnitManager,
    /// How long each call may take.
    pub timeout: Duration,
}

/// What the manager told, and which way.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The unit.
    pub unit: Unit,
    /// Why the bus was of no use, where `systemctl` answered in its place.
    pub bus_trouble: Option<String>,
}

/// The two ways to the manager: how long each took to answer, seconds, or why it did not.
#[derive(Debug, Clone, PartialEq)]
pub struct Ways {
    /// Over the bus.
    pub bus: Result<f64, String>,
    /// By `systemctl`.
    pub systemctl: Result<f64, String>,
}

/// A restart was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What came of its job, such as `done`, `failed` or `timeout`; `None` where that was not told in time. `done` does
    /// not mean that the unit runs.
    pub result: Option<String>,
}

/// A restart was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It was not asked for, or refused: nothing happens.
    NotAsked(String),
    /// It may have been heard: what happens must be looked at.
    Unknown(String),
}

impl Manager {
    /// Looks at `unit`; its details too where `detailed`. `monotonic` is the present second of that clock.
    ///
    /// # Errors
    /// When neither the bus nor `systemctl` answers in time; says why and what would mend it.
    pub async fn unit(&self, unit: &str, detailed: bool, monotonic: f64) -> Result<Told, String> {
        let asked = async { Bus::connect(self.kind, self.timeout).await?.unit(unit, detailed, monotonic).await };
        let trouble = match tokio::time::timeout(self.timeout, asked).await {
            Ok(Ok(unit)) => return Ok(Told { unit, bus_trouble: None }),
            Ok(Err(trouble)) => trouble,
            Err(_) => format!("the bus gave no answer within {:.0} s", self.timeout.as_secs_f64()),
        };
        match systemctl::unit(self.kind, unit, self.timeout, monotonic).await {
            Ok(unit) => Ok(Told { unit, bus_trouble: Some(trouble) }),
            Err(other) => Err(format!("{trouble}; {other}")),
        }
    }

    /// The properties of `unit`, by `systemctl` where the bus does not tell them.
    ///
    /// # Errors
    /// When neither way tells them in time.
    pub async fn properties(&self, unit: &str) -> Result<Shown, String> {
        let asked = async { Bus::connect(self.kind, self.timeout).await?.shown(unit).await };
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(Ok(shown)) => Ok(shown),
            Ok(Err(trouble)) => systemctl::shown(self.kind, unit, self.timeout).await.map_err(|_| trouble),
            Err(_) => systemctl::shown(self.kind, unit, self.timeout).await,
        }
    }

    /// Tries both ways to the manager.
    pub async fn ways(&self) -> Ways {
        let start = Instant::now();
        let bus = async { Bus::connect(self.kind, self.timeout).await?.version().await };
        let bus = tokio::time::timeout(self.timeout, bus).await;
        let bus = bus.unwrap_or_else(|_| Err(format!("no answer within {:.0} s", self.timeout.as_secs_f64())));
        let bus = bus.map(|()| start.elapsed().as_secs_f64());
        let start = Instant::now();
        let systemctl = systemctl::version(self.kind, self.timeout).await;
        Ways { bus, systemctl: systemctl.map(|()| start.elapsed().as_secs_f64()) }
    }

    /// Restarts `unit` where it runs and no job is pending for it, and waits at most `wait` for the job's result.
    ///
    /// # Errors
    /// When it was refused, or may not have been heard.
    pub async fn try_restart(&self, unit: &str, wait: Duration) -> Result<Asked, Refused> {
        match Bus::connect(self.kind, self.timeout).await {
            Ok(bus) => bus.try_restart(unit, wait).await,
            Err(_) => systemctl::try_restart(self.kind, unit, self.timeout, wait).await,
        }
    }
}
