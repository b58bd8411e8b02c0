//! The record's keys that come from the machine: sub-agents, vLLM, GPUs, host.
//!
//! Invariant: these are momentary values, so only the latest reading counts: without a fresh one they are `null`.
//! Only a stall and an outage of vLLM go on.
//!
//! Several engines or GPUs become one value each, in the way that an operator would worry about: work and power are
//! summed, heat, use and throttle reasons are those of the worst, clocks those of the slowest, which the others wait
//! for.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::record::{age, highest, lowest, mean, reading, rounded, sum};
use crate::observation::{
    Canary, Engine, Field, Gpu, GpuProcess, GpuReading, Time, VllmSample, XidCount, unix_seconds,
};
use crate::state::{State, View};

/// At most this many names are listed, so that a hostile machine cannot swell the record.
const NAMES: usize = 10;

/// The sub-agents; two keys for each phase that has one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct SubagentsPart {
    subagents_reading: &'static str,
    subagents: Option<u64>,
    subagents_oldest_seconds: Option<f64>,
    subagents_hidden: Option<u64>,
    #[serde(flatten)]
    number_by_phase: BTreeMap<String, u64>,
    #[serde(flatten)]
    oldest_by_phase: BTreeMap<String, f64>,
}

impl SubagentsPart {
    pub(super) fn of(state: &State, now: Time) -> Self {
        let view = state.subagents.view(now);
        let agents = view.current().map(|found| found.agents.as_slice());
        let mut part = SubagentsPart {
            subagents_reading: reading(&view),
            subagents: agents.map(|agents| agents.len() as u64),
            subagents_oldest_seconds: None,
            subagents_hidden: view.current().map(|found| found.hidden),
            number_by_phase: BTreeMap::new(),
            oldest_by_phase: BTreeMap::new(),
        };
        agents.into_iter().flatten().for_each(|agent| part.add(&agent.phase, age(now, agent.started_at)));
        part
    }

    fn add(&mut self, phase: &str, seconds: f64) {
        let older = |known: Option<f64>| known.map_or(seconds, |known| known.max(seconds));
        let phase = format!("subagents_of_{phase}");
        let oldest = format!("{phase}_oldest_seconds");
        self.subagents_oldest_seconds = Some(older(self.subagents_oldest_seconds));
        self.oldest_by_phase.insert(oldest.clone(), older(self.oldest_by_phase.get(&oldest).copied()));
        *self.number_by_phase.entry(phase).or_default() += 1;
    }
}

/// The model server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct VllmPart {
    vllm_reading: &'static str,
    vllm_up: Option<bool>,
    vllm_failing_seconds: Option<f64>,
    vllm_outage_seconds: Option<f64>,
    vllm_answer_seconds: Option<f64>,
    vllm_generation_tokens_per_second: Option<f64>,
    vllm_prompt_tokens_per_second: Option<f64>,
    vllm_requests_running: Option<f64>,
    vllm_requests_waiting: Option<f64>,
    vllm_kv_cache_usage_ratio: Option<f64>,
    vllm_preemptions: Option<f64>,
    vllm_asleep: Option<bool>,
    vllm_stalled_seconds: Option<f64>,
    vllm_standstill_seconds: Option<f64>,
    vllm_standstill_seen_seconds: Option<f64>,
    vllm_gauges_stale: Option<bool>,
    vllm_canary: Option<&'static str>,
}

impl VllmPart {
    pub(super) fn of(state: &State, now: Time) -> Self {
        let view = state.vllm.view(now);
        let sample = view.current();
        let window = sample.map(|_| &state.vllm_window);
        let total = |of: fn(&Engine) -> Option<f64>| sample.and_then(|sample| sample.total(of));
        let asleep = sample.into_iter().flat_map(|sample| &sample.engines).filter_map(|engine| engine.asleep);
        // A stall outlives readings that fail: a server that hangs soon does not answer at all.
        let (stall, still) = (state.vllm_window.stall(), state.vllm_window.standstill());
        VllmPart {
            vllm_reading: reading(&view),
            vllm_up: state.vllm_up(now),
            vllm_failing_seconds: match view {
                View::Failed { since, .. } => Some(age(now, since)),
                _ => None,
            },
            vllm_outage_seconds: state.vllm_window.outage().map(|outage| age(now, outage.since)),
            vllm_answer_seconds: sample.map(|sample| rounded(sample.answered_in.as_secs_f64())),
            vllm_generation_tokens_per_second: window.and_then(|w| w.generation_tokens_per_second()).map(rounded),
            vllm_prompt_tokens_per_second: window.and_then(|w| w.prompt_tokens_per_second()).map(rounded),
            vllm_requests_running: total(|engine| engine.running),
            vllm_requests_waiting: total(|engine| engine.waiting),
            vllm_kv_cache_usage_ratio: sample.and_then(VllmSample::fullest_cache).map(rounded),
            vllm_preemptions: total(|engine| engine.preemptions),
            vllm_asleep: asleep.reduce(|one, other| one && other),
            vllm_stalled_seconds: stall.map(|stall| age(now, stall.since)),
            vllm_standstill_seconds: still.map(|still| age(now, still.since)),
            vllm_standstill_seen_seconds: still.map(|still| age(now, still.seen_at)),
            vllm_gauges_stale: window.map(|window| window.gauges_are_stale()),
            vllm_canary: stall.and_then(|stall| stall.canary).map(Canary::name),
        }
    }
}

/// The GPUs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct GpuPart {
    gpu_reading: &'static str,
    gpu_failing_seconds: Option<f64>,
    gpus: Option<u64>,
    gpus_lost: Option<u64>,
    gpu_utilization_ratio: Option<f64>,
    gpu_utilization_mean_ratio: Option<f64>,
    gpu_sm_clock_hertz: Option<f64>,
    gpu_sm_clock_ratio: Option<f64>,
    gpu_memory_clock_hertz: Option<f64>,
    gpu_power_watts: Option<f64>,
    gpu_power_limit_watts: Option<f64>,
    gpu_temperature_celsius: Option<f64>,
    gpu_slowdown_margin_celsius: Option<f64>,
    gpu_memory_temperature_celsius: Option<f64>,
    gpu_throttle_reasons: Option<u64>,
    gpu_memory_used_bytes: Option<u64>,
    gpu_memory_total_bytes: Option<u64>,
    gpu_ecc_uncorrected: Option<u64>,
    gpu_ecc_grown_seconds: Option<f64>,
    gpu_remap_failed: Option<bool>,
    gpu_xids: Option<Vec<u64>>,
    gpu_xid_ages_seconds: Option<Vec<f64>>,
    gpu_contenders: Option<u64>,
    gpu_contender_names: Option<Vec<String>>,
}

impl GpuPart {
    pub(super) fn of(state: &State, now: Time) -> Self {
        let view = state.gpu.view(now);
        let found = view.current();
        let grown = state.gpu_window.histories().filter_map(|gpu| gpu.uncorrected).map(|grown| grown.at);
        let gpus = || found.into_iter().flat_map(|found| &found.gpus);
        let share = |gpu: &Gpu| Some(gpu.sm_clock.get()? / gpu.sm_clock_max.get().filter(|max| *max > 0.0)?);
        let margin = |gpu: &Gpu| Some(gpu.temperature_slowdown.get()? - gpu.temperature.get()?);
        GpuPart {
            gpu_reading: reading(&view),
            gpu_failing_seconds: match view {
                View::Failed { since, .. } => Some(age(now, since)),
                _ => None,
            },
            gpus: found.map(|found| found.gpus.len() as u64),
            gpus_lost: found.map(|found| found.lost.len() as u64),
            gpu_utilization_ratio: highest(gpus().map(|gpu| gpu.utilization.get())).map(rounded),
            gpu_utilization_mean_ratio: mean(gpus().map(|gpu| gpu.utilization.get())).map(rounded),
            gpu_sm_clock_hertz: lowest(gpus().map(|gpu| gpu.sm_clock.get())),
            gpu_sm_clock_ratio: lowest(gpus().map(share)).map(rounded),
            gpu_memory_clock_hertz: lowest(gpus().map(|gpu| gpu.memory_clock.get())),
            gpu_power_watts: sum(gpus().map(|gpu| gpu.power.get())).map(rounded),
            gpu_power_limit_watts: sum(gpus().map(|gpu| gpu.power_limit.get())).map(rounded),
            gpu_temperature_celsius: highest(gpus().map(|gpu| gpu.temperature.get())),
            gpu_slowdown_margin_celsius: lowest(gpus().map(margin)),
            gpu_memory_temperature_celsius: highest(gpus().map(|gpu| gpu.memory_temperature.get())),
            gpu_throttle_reasons: gpus().filter_map(|gpu| gpu.throttle_reasons.get()).reduce(|all, bits| all | bits),
            gpu_memory_used_bytes: sum(gpus().map(|gpu| gpu.memory_used.get())),
            gpu_memory_total_bytes: sum(gpus().map(|gpu| gpu.memory_total.get())),
            gpu_ecc_uncorrected: sum(gpus().map(|gpu| gpu.ecc_uncorrected.get())),
            gpu_ecc_grown_seconds: grown.max().map(|at| age(now, at)),
            gpu_remap_failed: gpus().filter_map(|gpu| gpu.remap_failed.get()).reduce(|one, other| one || other),
            gpu_xids: found.map(|found| xids(found, |event| event.xid)),
            gpu_xid_ages_seconds: found.map(|found| xids(found, |event| rounded(unix_seconds(now) - event.last_at))),
            gpu_contenders: found.and_then(contenders).map(|all| all.len() as u64),
            gpu_contender_names: found.and_then(contenders).map(names),
        }
    }
}

fn xids<T>(found: &GpuReading, of: impl Fn(&XidCount) -> T) -> Vec<T> {
    found.gpus.iter().flat_map(|gpu| &gpu.xids).map(of).collect()
}

/// The processes that contend, of the GPUs that told theirs; `None` where none did.
fn contenders(found: &GpuReading) -> Option<Vec<&GpuProcess>> {
    let mut told = found.gpus.iter().filter(|gpu| gpu.processes != Field::Unsupported).peekable();
    told.peek()?;
    Some(told.flat_map(Gpu::contending).collect())
}

fn names(processes: Vec<&GpuProcess>) -> Vec<String> {
    let names: BTreeSet<&str> = processes.into_iter().map(|process| process.command.as_str()).collect();
    names.into_iter().take(NAMES).map(str::to_owned).collect()
}

/// This machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct HostPart {
    host_reading: &'static str,
    host_memory_total_bytes: Option<u64>,
    host_memory_available_bytes: Option<u64>,
    host_swap_total_bytes: Option<u64>,
    host_swap_free_bytes: Option<u64>,
    host_memory_pressure_some_ratio: Option<f64>,
    host_memory_pressure_full_ratio: Option<f64>,
    host_disk_total_bytes: Option<u64>,
    host_disk_available_bytes: Option<u64>,
    host_uptime_seconds: Option<f64>,
}

impl HostPart {
    pub(super) fn of(state: &State, now: Time) -> Self {
        let view = state.host.view(now);
        let host = view.current().cloned().unwrap_or_default();
        HostPart {
            host_reading: reading(&view),
            host_memory_total_bytes: host.memory_total,
            host_memory_available_bytes: host.memory_available,
            host_swap_total_bytes: host.swap_total,
            host_swap_free_bytes: host.swap_free,
            host_memory_pressure_some_ratio: host.memory_pressure_some,
            host_memory_pressure_full_ratio: host.memory_pressure_full,
            host_disk_total_bytes: host.disk_total,
            host_disk_available_bytes: host.disk_available,
            host_uptime_seconds: host.booted_at.map(|at| age(now, at)),
        }
    }
}
