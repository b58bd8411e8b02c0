//! Readings of this machine and of the processes on it.

use super::Time;

/// Memory, pressure and disk. Bytes and ratios; a value the kernel does not tell is absent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Host {
    /// `MemTotal`, bytes.
    pub memory_total: Option<u64>,
    /// `MemAvailable`, bytes.
    pub memory_available: Option<u64>,
    /// `SwapTotal`, bytes.
    pub swap_total: Option<u64>,
    /// `SwapFree`, bytes.
    pub swap_free: Option<u64>,
    /// Share of the last 10 s in which some task waited for memory, 0 to 1 (PSI `some avg10`).
    pub memory_pressure_some: Option<f64>,
    /// Share of the last 10 s in which all tasks waited for memory, 0 to 1 (PSI `full avg10`).
    pub memory_pressure_full: Option<f64>,
    /// Size of the file system of the runtime directory, bytes.
    pub disk_total: Option<u64>,
    /// Bytes of it that an ordinary user may still write.
    pub disk_available: Option<u64>,
    /// When the machine booted.
    pub booted_at: Option<Time>,
}

impl Host {
    /// What is left of the memory.
    pub fn memory(self) -> Option<Room> {
        Room::of(self.memory_available, self.memory_total)
    }

    /// What is left of the file system of the runtime directory.
    pub fn disk(self) -> Option<Room> {
        Room::of(self.disk_available, self.disk_total)
    }
}

/// What is left of something, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Free.
    pub available: u64,
    /// In all; never 0.
    pub total: u64,
}

impl Room {
    fn of(available: Option<u64>, total: Option<u64>) -> Option<Self> {
        Some(Room { available: available?, total: total.filter(|total| *total > 0)? })
    }

    /// The share that is free, 0 to 1.
    pub fn ratio(self) -> f64 {
        self.available as f64 / self.total as f64
    }
}

/// The loop's sub-agents.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Subagents {
    /// Every sub-agent found, oldest first.
    pub agents: Vec<Subagent>,
    /// The loop unit's cgroup below `/sys/fs/cgroup`, where it was found.
    pub cgroup: Option<String>,
    /// Processes looked at.
    pub processes: u64,
    /// Processes of the cgroup that /proc does not show (`hidepid`, or another PID namespace).
    pub hidden: u64,
}

/// One sub-agent process.
#[derive(Debug, Clone, PartialEq)]
pub struct Subagent {
    /// Process id.
    pub pid: i32,
    /// The phase whose pattern its command line matches.
    pub phase: String,
    /// When the process started.
    pub started_at: Time,
    /// The command's name (at most 15 bytes, from /proc); never its arguments, which may hold secrets.
    pub command: String,
}
