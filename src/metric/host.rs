//! This machine: memory, pressure, disk.

use super::{Inputs, Samples, metrics};

metrics! {
    /// Memory of this machine (MemTotal).
    MEMORY_TOTAL = Gauge autoswe_host_memory_total_bytes;
    /// Memory that new work can get without swapping (MemAvailable).
    MEMORY_AVAILABLE = Gauge autoswe_host_memory_available_bytes;
    /// Swap space (SwapTotal).
    SWAP_TOTAL = Gauge autoswe_host_swap_total_bytes;
    /// Unused swap space (SwapFree).
    SWAP_FREE = Gauge autoswe_host_swap_free_bytes;
    /// Share of the last 10 s in which some or all (full) tasks waited for memory (PSI avg10).
    MEMORY_PRESSURE = Gauge autoswe_host_memory_pressure_ratio { tasks };
    /// Size of the file system that holds the runtime directory.
    DISK_TOTAL = Gauge autoswe_host_disk_total_bytes;
    /// Bytes that an ordinary user may still write to that file system.
    DISK_AVAILABLE = Gauge autoswe_host_disk_available_bytes;
    /// When this machine booted.
    BOOTED = Gauge autoswe_host_boot_timestamp_seconds;
}

pub(super) fn samples(inputs: &Inputs<'_>, out: &mut Samples) {
    let Some(host) = inputs.state.host.current(inputs.now()) else { return };
    out.set(MEMORY_TOTAL, &[], host.memory_total);
    out.set(MEMORY_AVAILABLE, &[], host.memory_available);
    out.set(SWAP_TOTAL, &[], host.swap_total);
    out.set(SWAP_FREE, &[], host.swap_free);
    out.set(MEMORY_PRESSURE, &["some"], host.memory_pressure_some);
    out.set(MEMORY_PRESSURE, &["full"], host.memory_pressure_full);
    out.set(DISK_TOTAL, &[], host.disk_total);
    out.set(DISK_AVAILABLE, &[], host.disk_available);
    out.set(BOOTED, &[], host.booted_at);
}
