//! The service manager, over the bus, or by `systemctl` where the bus is dead.
//!
//! Invariant: a restart is asked for at most once: whoever is not sure that it was not heard does not ask again.

use std::time::Duration;

use super::bus::Bus;
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
