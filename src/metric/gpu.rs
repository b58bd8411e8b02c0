//! The GPUs. A value that the device does not support has no sample.

use std::collections::BTreeMap;

use super::{Inputs, Samples, metrics};
use crate::observation::{Field, Gpu, GpuProcess, GpuReading, SourceId, THROTTLE_REASONS, critical_xid};
use crate::state::GpuWindow;

metrics! {
    /// GPUs that the driver shows and that answer.
    GPUS = Gauge autoswe_gpus;
    /// The GPU and its driver.
    INFO = Info autoswe_gpu_info { gpu, uuid, name, driver_version };
    /// Whether the GPU is lost: the driver lists it and it does not answer, or it was there and is no longer listed. The
    /// uuid is empty where it was never told.
    LOST = Gauge autoswe_gpu_lost { gpu, uuid };
    /// Share of the last sampling window in which a kernel ran.
    UTILIZATION = Gauge autoswe_gpu_utilization_ratio { gpu };
    /// Share of the last sampling window in which memory was read or written.
    MEMORY_UTILIZATION = Gauge autoswe_gpu_memory_utilization_ratio { gpu };
    /// SM clock.
    SM_CLOCK = Gauge autoswe_gpu_sm_clock_hertz { gpu };
    /// Highest SM clock.
    SM_CLOCK_MAX = Gauge autoswe_gpu_sm_clock_max_hertz { gpu };
    /// Memory clock.
    MEMORY_CLOCK = Gauge autoswe_gpu_memory_clock_hertz { gpu };
    /// Highest memory clock.
    MEMORY_CLOCK_MAX = Gauge autoswe_gpu_memory_clock_max_hertz { gpu };
    /// Power drawn.
    POWER = Gauge autoswe_gpu_power_watts { gpu };
    /// Enforced power limit.
    POWER_LIMIT = Gauge autoswe_gpu_power_limit_watts { gpu };
    /// Energy drawn since the driver was loaded. Telling it takes NVML long, so it is asked for twice a minute and
    /// may be half a minute older than the rest.
    ENERGY = Counter autoswe_gpu_energy_joules_total { gpu };
    /// Temperature of the chip.
    TEMPERATURE = Gauge autoswe_gpu_temperature_celsius { gpu };
    /// Temperature at which the hardware slows down (slowdown) or shuts down (shutdown), and that of the memory from
    /// which on the driver slows the GPU down (memory_slowdown).
    TEMPERATURE_THRESHOLD = Gauge autoswe_gpu_temperature_threshold_celsius { gpu, threshold };
    /// Temperature of the memory. Absent where the GPU does not tell it: cards whose memory is not HBM seldom do.
    MEMORY_TEMPERATURE = Gauge autoswe_gpu_memory_temperature_celsius { gpu };
    /// Why the clocks are below what they could be. `unknown` stands for bits that this version does not know.
    THROTTLED = StateSet autoswe_gpu_throttled { gpu, reason };
    /// Memory in use. Absent where GPU and host share one memory: the host's memory stands for it.
    MEMORY_USED = Gauge autoswe_gpu_memory_used_bytes { gpu };
    /// Memory of the GPU. Absent where GPU and host share one memory.
    MEMORY_TOTAL = Gauge autoswe_gpu_memory_total_bytes { gpu };
    /// ECC errors since the driver was loaded: corrected or uncorrected.
    ECC_ERRORS = Counter autoswe_gpu_ecc_errors_total { gpu, kind };
    /// Memory rows remapped because of uncorrectable errors.
    REMAPPED_ROWS = Gauge autoswe_gpu_remapped_rows { gpu };
    /// Whether remapping a memory row failed.
    REMAP_FAILED = Gauge autoswe_gpu_row_remap_failed { gpu };
    /// XID events since the exporter's start, by code. `critical` is true for codes after which the GPU must be reset or
    /// the machine restarted (NVIDIA's Xid catalog). XID 999 stands for events whose code the driver did not tell.
    XIDS = Counter autoswe_gpu_xid_events_total { gpu, xid, critical };
    /// When the last XID event of the code arrived; `critical` as in autoswe_gpu_xid_events_total.
    XID_LAST = Gauge autoswe_gpu_xid_last_timestamp_seconds { gpu, xid, critical };
    /// Compute processes on the GPU: of vllm, or other, which contend with it. `unknown` stands for those that /proc
    /// does not show, as from another PID namespace: they may well be of vLLM. Absent where the driver
    /// does not tell them.
    PROCESSES = Gauge autoswe_gpu_processes { gpu, owner };
    /// GPU memory that compute processes hold, by owner as in autoswe_gpu_processes. Absent where the driver does not tell it for one.
    PROCESS_MEMORY = Gauge autoswe_gpu_process_memory_bytes { gpu, owner };
}

pub(super) fn samples(inputs: &Inputs<'_>, out: &mut Samples) {
    if inputs.state.slot(SourceId::Gpu).is_enabled() {
        xids(&inputs.state.gpu_window, out);
    }
    let Some(reading) = inputs.state.gpu.current(inputs.now()) else { return };
    lost(&inputs.state.gpu_window, reading, out);
    out.set(GPUS, &[], reading.gpus.len());
    for gpu in &reading.gpus {
        let index = &gpu.index.to_string();
        out.set(INFO, &[index, &gpu.uuid, &gpu.name, &reading.driver_version], true);
        speed(gpu, index, out);
        power(gpu, index, out);
        memory(gpu, index, out);
        throttling(gpu, index, out);
        processes(gpu, index, out);
    }
}

fn lost(window: &GpuWindow, reading: &GpuReading, out: &mut Samples) {
    for gpu in &reading.gpus {
        out.set(LOST, &[&gpu.index.to_string(), &gpu.uuid], false);
    }
    let named = reading.lost.iter().map(|(index, _)| (*index, window.uuid_at(*index).unwrap_or_default()));
    let vanished = window.vanished(reading).map(|(uuid, index)| (index, uuid));
    for (index, uuid) in named.chain(vanished) {
        out.set(LOST, &[&index.to_string(), uuid], true);
    }
}

/// Events outlive the readings that told them, so that an alert does not end when the GPU falls silent. A board that
/// was replaced and its successor may share an index.
fn xids(window: &GpuWindow, out: &mut Samples) {
    let mut events: BTreeMap<(u32, u64), (u64, f64)> = BTreeMap::new();
    for (history, told) in window.histories().flat_map(|history| history.xids.values().map(move |told| (history, told)))
    {
        let (count, last_at) = events.entry((history.index, told.xid)).or_default();
        *count += told.count;
        *last_at = last_at.max(told.last_at);
    }
    for ((index, xid), (count, last_at)) in events {
        let critical = critical_xid(xid).is_some().to_string();
        let labels = &[&*index.to_string(), &*xid.to_string(), &critical];
        out.set(XIDS, labels, count);
        out.set(XID_LAST, labels, last_at);
    }
}

fn speed(gpu: &Gpu, index: &str, out: &mut Samples) {
    out.set(UTILIZATION, &[index], gpu.utilization);
    out.set(MEMORY_UTILIZATION, &[index], gpu.memory_utilization);
    out.set(SM_CLOCK, &[index], gpu.sm_clock);
    out.set(SM_CLOCK_MAX, &[index], gpu.sm_clock_max);
    out.set(MEMORY_CLOCK, &[index], gpu.memory_clock);
    out.set(MEMORY_CLOCK_MAX, &[index], gpu.memory_clock_max);
}

fn power(gpu: &Gpu, index: &str, out: &mut Samples) {
    out.set(POWER, &[index], gpu.power);
    out.set(POWER_LIMIT, &[index], gpu.power_limit);
    out.set(ENERGY, &[index], gpu.energy);
    out.set(TEMPERATURE, &[index], gpu.temperature);
    out.set(TEMPERATURE_THRESHOLD, &[index, "slowdown"], gpu.temperature_slowdown);
    out.set(TEMPERATURE_THRESHOLD, &[index, "shutdown"], gpu.temperature_shutdown);
    out.set(TEMPERATURE_THRESHOLD, &[index, "memory_slowdown"], gpu.memory_temperature_slowdown);
    out.set(MEMORY_TEMPERATURE, &[index], gpu.memory_temperature);
}

fn memory(gpu: &Gpu, index: &str, out: &mut Samples) {
    out.set(MEMORY_USED, &[index], gpu.memory_used);
    out.set(MEMORY_TOTAL, &[index], gpu.memory_total);
    out.set(ECC_ERRORS, &[index, "corrected"], gpu.ecc_corrected);
    out.set(ECC_ERRORS, &[index, "uncorrected"], gpu.ecc_uncorrected);
    out.set(REMAPPED_ROWS, &[index], gpu.remapped_rows);
    out.set(REMAP_FAILED, &[index], gpu.remap_failed);
}

fn throttling(gpu: &Gpu, index: &str, out: &mut Samples) {
    let Some(bits) = gpu.throttle_reasons.get() else { return };
    let known = THROTTLE_REASONS.iter().map(|reason| (reason.name, bits & reason.bit != 0));
    let mask = THROTTLE_REASONS.iter().fold(0, |mask, reason| mask | reason.bit);
    out.set_states(THROTTLED, &[index], known.chain([("unknown", bits & !mask != 0)]));
}

fn processes(gpu: &Gpu, index: &str, out: &mut Samples) {
    let Field::Value(all) = &gpu.processes else { return };
    for owner in ["vllm", "other", "unknown"] {
        let owned: Vec<&GpuProcess> = all.iter().filter(|process| self::owner(process) == owner).collect();
        out.set(PROCESSES, &[index, owner], owned.len());
        // A sum with an unknown part is unknown.
        let memory: Option<u64> = owned.iter().map(|process| process.memory.get()).sum();
        out.set(PROCESS_MEMORY, &[index, owner], memory);
    }
}

fn owner(process: &GpuProcess) -> &'static str {
    match process {
        GpuProcess { vllm: true, .. } => "vllm",
        process if process.contends() => "other",
        _ => "unknown",
    }
}
