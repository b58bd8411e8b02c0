//! The clocks that ages are taken from: the wall clock for what files say, and two that nobody can set.
//!
//! Invariant: an age that calls for a restart is never taken from the wall clock alone.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::observation::{Time, unix_seconds};

/// One instant by three clocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// The wall clock, which people and programs set.
    pub wall: Time,
    /// Seconds since the machine booted, time asleep included (`CLOCK_BOOTTIME`).
    pub boottime: f64,
    /// Seconds since the machine booted, time asleep left out (`CLOCK_MONOTONIC`); systemd's stamps are of it.
    pub monotonic: f64,
    /// Seconds that the machine is known to have been up, over all boots. It stands still while the machine is off, so
    /// it is never ahead of the time that has really passed. Across boots nothing else can be trusted: the wall clock
    /// may have been set in between.
    pub lived: f64,
    /// What tells this boot from any other (`/proc/sys/kernel/random/boot_id`); empty where it cannot be read.
    pub boot_id: String,
}

/// A point in time that survives a step of the wall clock, and a reboot as "before this boot".
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Stamp {
    /// The boot.
    pub boot_id: String,
    /// Seconds since it, time asleep included.
    pub boottime: f64,
    /// Seconds that the machine is known to have been up, over all boots.
    pub lived: f64,
}

impl Clock {
    /// Now, in the boot called `boot_id`.
    pub fn now(boot_id: &str) -> Self {
        let seconds = |clock| {
            let time = clock_gettime(clock);
            let whole = Duration::from_secs(time.tv_sec.try_into().unwrap_or(0));
            (whole + Duration::from_nanos(time.tv_nsec.try_into().unwrap_or(0))).as_secs_f64()
        };
        let boottime = seconds(ClockId::Boottime);
        Clock {
            // Read before the wall clock, so that no age by it is longer than it was.
            boottime,
            lived: boottime,
            monotonic: seconds(ClockId::Monotonic),
            wall: Time::now(),
            boot_id: boot_id.to_owned(),
        }
    }

    /// This instant as a stamp.
    pub fn stamp(&self) -> Stamp {
        Stamp { boot_id: self.boot_id.clone(), boottime: self.boottime, lived: self.lived }
    }

    /// Whether `stamp` is of this boot.
    pub fn is_boot_of(&self, stamp: &Stamp) -> bool {
        !self.boot_id.is_empty() && stamp.boot_id == self.boot_id
    }

    /// Seconds since `stamp`, never too many: what was stamped in an earlier boot is at least as old as this one.
    pub fn since(&self, stamp: &Stamp) -> f64 {
        match self.is_boot_of(stamp) {
            true => (self.boottime - stamp.boottime).max(0.0),
            false => self.boottime.max(self.lived - stamp.lived),
        }
    }

    /// How far the wall clock is ahead of the machine's own; it changes when the clock is set.
    pub fn wall_offset(&self) -> f64 {
        unix_seconds(self.wall) - self.boottime
    }

    /// How long the machine has been asleep since it booted, seconds.
    pub fn asleep(&self) -> f64 {
        self.boottime - self.monotonic
    }
}

/// What tells this boot from any other; empty where the kernel does not say.
pub fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(boot_id: &str, boottime: f64) -> Clock {
        Clock { wall: Time::UNIX_EPOCH, boottime, monotonic: boottime, lived: boottime, boot_id: boot_id.into() }
    }

    #[test]
    fn the_clocks_of_this_machine_agree() {
        let id = boot_id();
        assert_eq!(id.len(), 36, "{id}");
        let (one, two) = (Clock::now(&id), Clock::now(&id));
        assert!(one.boottime > 0.0 && two.boottime >= one.boottime && one.asleep() >= -1e-3);
        assert!((one.wall_offset() - two.wall_offset()).abs() < 1.0);
        assert!((0.0..10.0).contains(&two.since(&one.stamp())));
    }

    #[test]
    fn a_stamp_of_another_boot_is_as_old_as_this_one() {
        let stamp = clock("a", 5000.0).stamp();
        assert_eq!(clock("a", 5030.0).since(&stamp), 30.0);
        assert_eq!(clock("b", 12.0).since(&stamp), 12.0);
        assert_eq!(
            Clock { lived: 5100.0, ..clock("b", 12.0) }.since(&stamp),
            100.0,
            "up for 88 s more before the boot"
        );
        assert_eq!(clock("a", 4000.0).since(&stamp), 0.0, "a clock cannot go back, and a forged file cannot make it");
        assert_eq!(clock("", 7.0).since(&clock("", 3.0).stamp()), 7.0, "unknown boots are never the same");
    }
}
