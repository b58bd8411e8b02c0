//! The key figures of each source, picked from the state: what the status page and the report show.
//!
//! Invariant: every group says how fresh it is; a figure that was not read is absent and never 0.

use std::collections::BTreeMap;

use crate::observation::{
    Gpu, Host, LoopReading, Parity, Review, Site, SourceId, Subagents, Time, Verdict, VllmSample, WatchdogReading,
};
use crate::state::{Freshness, Slot, State};

/// The figures of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<T> {
    /// How the latest reading went.
    pub freshness: Freshness,
    /// When the figures were read.
    pub read_at: Option<Time>,
    /// The last figures read, however old.
    pub figures: Option<T>,
}

impl<T> Group<T> {
    /// True when there is something to show or something that should be there.
    pub fn is_present(&self) -> bool {
        self.figures.is_some() || matches!(self.freshness, Freshness::Pending | Freshness::Failed)
    }

    fn of<S>(slot: &Slot<S>, now: Time, pick: impl FnOnce(&S) -> T) -> Self {
        let view = slot.view(now);
        let last = view.last();
        Group {
            freshness: view.freshness(),
            read_at: last.map(|last| last.at),
            figures: last.map(|last| pick(&last.value)),
        }
    }
}

/// The key figures of every source.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The loop.
    pub loop_: Group<LoopFigures>,
    /// Sub-agents by phase.
    pub subagents: Group<BTreeMap<String, PhaseFigures>>,
    /// The model server.
    pub vllm: Group<VllmFigures>,
    /// The GPUs.
    pub gpu: Group<Vec<GpuFigures>>,
    /// The parity matrix.
    pub parity: Group<Parity>,
    /// The last verdicts, oldest first.
    pub verdicts: Group<Vec<Verdict>>,
    /// The site.
    pub site: Group<Site>,
    /// The latest reviews.
    pub review: Group<Review>,
    /// The watchdog.
    pub watchdog: Group<WatchdogReading>,
    /// This machine.
    pub host: Group<Host>,
}

/// The loop.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoopFigures {
    /// The last sign of life.
    pub heartbeat_at: Option<Time>,
    /// The loop's run number.
    pub epoch: Option<u64>,
    /// The round within the run.
    pub iteration: Option<u64>,
    /// The step within the round.
    pub vertex: Option<String>,
    /// The phase.
    pub phase: Option<String>,
    /// When the phase began.
    pub phase_started_at: Option<Time>,
    /// The module being worked on.
    pub module: Option<String>,
    /// `soft` or `hard` while the operator pauses the loop.
    pub paused: Option<&'static str>,
    /// Since when it is paused.
    pub paused_since: Option<Time>,
}

/// The sub-agents of one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhaseFigures {
    /// How many run.
    pub count: u64,
    /// When the oldest was started.
    pub oldest_started_at: Time,
}

/// The model server.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VllmFigures {
    /// Names of the models served.
    pub models: Vec<String>,
    /// Tokens generated per second.
    pub generation_tokens_per_second: Option<f64>,
    /// Requests in execution.
    pub running: Option<f64>,
    /// Requests waiting.
    pub waiting: Option<f64>,
    /// KV-cache use of the fullest engine, 0 to 1.
    pub kv_cache_usage: Option<f64>,
    /// When something last moved, while it is stalled.
    pub stalled_since: Option<Time>,
}

/// One GPU.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GpuFigures {
    /// NVML's index.
    pub index: u32,
    /// Product name.
    pub name: String,
    /// 0 to 1.
    pub utilization: Option<f64>,
    /// Watts.
    pub power: Option<f64>,
    /// Of the chip, degrees Celsius.
    pub temperature: Option<f64>,
    /// Of the memory, degrees Celsius.
    pub memory_temperature: Option<f64>,
    /// Hertz.
    pub sm_clock: Option<f64>,
    /// Hertz.
    pub sm_clock_max: Option<f64>,
    /// Memory in use and in all, bytes.
    pub memory: Option<(u64, u64)>,
    /// Harmful throttle reasons that hold.
    pub throttled: Vec<&'static str>,
}

impl Figures {
    /// The key figures that `state` shows at `now`.
    pub fn of(state: &State, now: Time) -> Self {
        Figures {
            loop_: Group::of(&state.loop_, now, |reading| loop_figures(state, reading)),
            subagents: Group::of(&state.subagents, now, by_phase),
            vllm: Group::of(&state.vllm, now, |sample| vllm(state, sample)),
            gpu: Group::of(&state.gpu, now, |reading| reading.gpus.iter().map(gpu).collect()),
            parity: Group::of(&state.parity, now, |parity| *parity),
            verdicts: Group::of(&state.verdicts, now, |verdicts| verdicts.recent.clone()),
            site: Group::of(&state.site, now, Site::clone),
            review: Group::of(&state.review, now, Review::clone),
            watchdog: Group::of(&state.watchdog, now, WatchdogReading::clone),
            host: Group::of(&state.host, now, |host| *host),
        }
    }
}

fn loop_figures(state: &State, reading: &LoopReading) -> LoopFigures {
    let pause = reading.pause.observed().copied().unwrap_or_default();
    LoopFigures {
        heartbeat_at: state.last_heartbeat.as_ref().and_then(|heartbeat| heartbeat.value.at),
        epoch: reading.epoch(),
        iteration: reading.iteration(),
        vertex: reading.vertex().map(str::to_owned),
        phase: reading.phase().map(str::to_owned),
        phase_started_at: reading.heartbeat.observed().and_then(|heartbeat| heartbeat.phase_started_at),
        module: reading.state.observed().and_then(|state| state.module.clone()),
        paused: pause.hard.map(|_| "hard").or(pause.soft.map(|_| "soft")),
        paused_since: pause.since(),
    }
}

fn by_phase(found: &Subagents) -> BTreeMap<String, PhaseFigures> {
    let mut phases = BTreeMap::new();
    for agent in &found.agents {
        let new = || PhaseFigures { count: 0, oldest_started_at: agent.started_at };
        let phase: &mut PhaseFigures = phases.entry(agent.phase.clone()).or_insert_with(new);
        phase.count += 1;
        phase.oldest_started_at = phase.oldest_started_at.min(agent.started_at);
    }
    phases
}

fn vllm(state: &State, sample: &VllmSample) -> VllmFigures {
    let mut models: Vec<String> = sample.engines.iter().map(|engine| engine.model_name.clone()).collect();
    models.dedup();
    VllmFigures {
        models,
        generation_tokens_per_second: state.vllm_window.generation_tokens_per_second(),
        running: sample.total(|engine| engine.running),
        waiting: sample.total(|engine| engine.waiting),
        kv_cache_usage: sample.fullest_cache(),
        stalled_since: state.vllm_window.stall().map(|stall| stall.since),
    }
}

fn gpu(gpu: &Gpu) -> GpuFigures {
    GpuFigures {
        index: gpu.index,
        name: gpu.name.clone(),
        utilization: gpu.utilization.get(),
        power: gpu.power.get(),
        temperature: gpu.temperature.get(),
        memory_temperature: gpu.memory_temperature.get(),
        sm_clock: gpu.sm_clock.get(),
        sm_clock_max: gpu.sm_clock_max.get(),
        memory: gpu.memory_used.get().zip(gpu.memory_total.get()),
        throttled: gpu.harmful_throttling().unwrap_or_default(),
    }
}

/// How reading one source went so far, for people and scripts.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFigures {
    /// Its name.
    pub source: &'static str,
    /// How the latest reading went.
    pub freshness: Freshness,
    /// Whether the latest reading succeeded; absent before the first.
    pub success: Option<bool>,
    /// Readings made.
    pub attempts: u64,
    /// Readings that failed.
    pub failures: u64,
    /// How long the latest reading took, seconds.
    pub took_seconds: f64,
    /// When the latest reading that succeeded was made.
    pub last_success_at: Option<Time>,
}

/// How reading each source went so far, as known at `now`.
pub fn sources(state: &State, now: Time) -> Vec<SourceFigures> {
    let of = |source: SourceId| {
        let stats = state.sources[source.index()];
        SourceFigures {
            source: source.name(),
            freshness: state.slot(source).freshness(now),
            success: stats.success,
            attempts: stats.attempts,
            failures: stats.failures,
            took_seconds: stats.took.as_secs_f64(),
            last_success_at: stats.last_success_at,
        }
    };
    SourceId::ALL.into_iter().map(of).collect()
}
