//! One reading of all GPUs. Serializable, because a recording of it can stand in for NVML.

use serde::{Deserialize, Serialize};

use super::Field;

/// All GPUs of the machine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GpuReading {
    /// Version of the loaded driver.
    pub driver_version: String,
    /// The GPUs in NVML's order.
    pub gpus: Vec<Gpu>,
    /// GPUs that NVML lists and cannot open any more, by index, with NVML's own words.
    pub lost: Vec<(u32, String)>,
}

/// One GPU. Base units: hertz, watts, joules, bytes, degrees Celsius, ratios.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Gpu {
    /// NVML's index; the `gpu` label.
    pub index: u32,
    /// Universally unique id.
    pub uuid: String,
    /// Product name.
    pub name: String,
    /// PCI address.
    pub pci_bus_id: String,
    /// Share of the last sampling window in which a kernel ran, 0 to 1.
    pub utilization: Field<f64>,
    /// Share of the last sampling window in which memory was read or written, 0 to 1.
    pub memory_utilization: Field<f64>,
    /// SM clock, hertz.
    pub sm_clock: Field<f64>,
    /// Highest SM clock, hertz.
    pub sm_clock_max: Field<f64>,
    /// Memory clock, hertz.
    pub memory_clock: Field<f64>,
    /// Highest memory clock, hertz.
    pub memory_clock_max: Field<f64>,
    /// Power drawn, watts.
    pub power: Field<f64>,
    /// Enforced power limit, watts.
    pub power_limit: Field<f64>,
    /// Energy since the driver was loaded, joules; up to half a minute older than the rest.
    pub energy: Field<f64>,
    /// Temperature of the chip, degrees Celsius.
    pub temperature: Field<f64>,
    /// Temperature at which the hardware slows down.
    pub temperature_slowdown: Field<f64>,
    /// Temperature at which the hardware shuts down.
    pub temperature_shutdown: Field<f64>,
    /// Temperature of the memory, degrees Celsius; cards whose memory is not HBM seldom tell it.
    pub memory_temperature: Field<f64>,
    /// Temperature of the memory from which on the driver slows the GPU down.
    pub memory_temperature_slowdown: Field<f64>,
    /// Clock event (throttle) reasons, the raw bits of `nvmlDeviceGetCurrentClocksEventReasons`.
    pub throttle_reasons: Field<u64>,
    /// Memory in use, bytes; absent where GPU and host share one memory.
    pub memory_used: Field<u64>,
    /// Memory in all, bytes.
    pub memory_total: Field<u64>,
    /// ECC errors since the driver was loaded that were corrected.
    pub ecc_corrected: Field<u64>,
    /// ECC errors since the driver was loaded that were not.
    pub ecc_uncorrected: Field<u64>,
    /// Memory rows remapped because of uncorrectable errors.
    pub remapped_rows: Field<u64>,
    /// True when remapping a row failed.
    pub remap_failed: Field<bool>,
    /// XID events since this program's start, by code, sorted by code.
    pub xids: Vec<XidCount>,
    /// Compute processes, by process id.
    pub processes: Field<Vec<GpuProcess>>,
}

impl Gpu {
    /// What stays the same when NVML numbers its GPUs anew: the UUID, or the index where none is told.
    pub fn identity(&self) -> String {
        if self.uuid.is_empty() { format!("index {}", self.index) } else { self.uuid.clone() }
    }

    /// True when the GPU told one of the values by which its health is judged. On some boards (Jetson) NVML starts,
    /// lists a GPU, and answers nearly every question with "not supported".
    pub fn tells_anything(&self) -> bool {
        let told = [self.utilization, self.sm_clock, self.power, self.temperature];
        told.iter().any(|field| field.get().is_some()) || self.memory_used.get().is_some()
    }

    /// The labels of the harmful throttle reasons that hold; `None` where the GPU does not tell its reasons.
    pub fn harmful_throttling(&self) -> Option<Vec<&'static str>> {
        Some(harmful_reasons(self.throttle_reasons.get()?))
    }

    /// The compute processes that it told; none where it told none or did not tell.
    pub fn known_processes(&self) -> &[GpuProcess] {
        match &self.processes {
            Field::Value(processes) => processes,
            Field::Unsupported => &[],
        }
    }

    /// The processes that are known not to be vLLM's.
    pub fn contending(&self) -> impl Iterator<Item = &GpuProcess> {
        self.known_processes().iter().filter(|process| process.contends())
    }
}

/// XID events of one code.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct XidCount {
    /// The XID code; 999 where the driver did not tell it.
    pub xid: u64,
    /// Events since this program's start.
    pub count: u64,
    /// When the last one arrived here, Unix seconds (NVML's events carry no time).
    pub last_at: f64,
}

/// One compute process on a GPU.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GpuProcess {
    /// Process id.
    pub pid: u32,
    /// The command's name, at most 15 bytes; empty when /proc does not show the process (another PID namespace).
    pub command: String,
    /// GPU memory it holds, bytes.
    pub memory: Field<u64>,
    /// True when it belongs to vLLM, so that the others are contending with it.
    pub vllm: bool,
}

impl GpuProcess {
    /// True when the process is known and is not vLLM's. One that /proc does not show may well be vLLM's.
    pub fn contends(&self) -> bool {
        !self.vllm && !self.command.is_empty()
    }
}

/// Throttle reasons: bit, label and whether it does harm. From NVML's `nvmlClocksEventReason*` constants.
pub const THROTTLE_REASONS: [ThrottleReason; 9] = [
    ThrottleReason { bit: 0x1, name: "gpu_idle", harmful: false },
    ThrottleReason { bit: 0x2, name: "applications_clocks_setting", harmful: false },
    ThrottleReason { bit: 0x4, name: "sw_power_cap", harmful: false },
    ThrottleReason { bit: 0x8, name: "hw_slowdown", harmful: true },
    ThrottleReason { bit: 0x10, name: "sync_boost", harmful: false },
    ThrottleReason { bit: 0x20, name: "sw_thermal_slowdown", harmful: true },
    ThrottleReason { bit: 0x40, name: "hw_thermal_slowdown", harmful: true },
    ThrottleReason { bit: 0x80, name: "hw_power_brake_slowdown", harmful: true },
    ThrottleReason { bit: 0x100, name: "display_clock_setting", harmful: false },
];

/// The labels of the harmful reasons in NVML's mask.
pub fn harmful_reasons(bits: u64) -> Vec<&'static str> {
    let harmful = THROTTLE_REASONS.iter().filter(|reason| reason.harmful && bits & reason.bit != 0);
    harmful.map(|reason| reason.name).collect()
}

/// One clock event reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleReason {
    /// The bit in NVML's mask.
    pub bit: u64,
    /// The `reason` label.
    pub name: &'static str,
    /// True when it slows work down for a cause that an operator should look at.
    pub harmful: bool,
}
