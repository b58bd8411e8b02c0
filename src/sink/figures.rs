//! The key figures of each source, picked from the state: what the status page and `/api/v1/state` show.
//!
//! Invariant: every group says how fresh it is; a figure that was not read is absent and never 0.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::observation::{
    Engine, GoodReview, Gpu, LoopReading, Parity, SourceId, Subagents, THROTTLE_REASONS, Time, Verdict, seconds_since,
};
use crate::state::{Dated, Slot, State, View};

/// How a source's latest reading went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// The configuration turned the source off.
    Disabled,
    /// No reading was made yet.
    Pending,
    /// The latest reading succeeded.
    Current,
    /// The latest reading succeeded, but none was made for too long.
    Stale,
    /// There is nothing to read.
    Missing,
    /// The latest reading failed.
    Failed,
}

/// The figures of one source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group<T> {
    /// How the latest reading went.
    pub freshness: Freshness,
    /// When the figures were read.
    pub read_at: Option<Time>,
    /// Why there are none, or no newer ones.
    pub reason: Option<String>,
    /// The last figures read, however old.
    pub figures: Option<T>,
}

impl<T> Group<T> {
    /// True when there is something to show or something that should be there.
    pub fn is_present(&self) -> bool {
        self.figures.is_some() || matches!(self.freshness, Freshness::Pending | Freshness::Failed)
    }

    fn of<S>(slot: &Slot<S>, now: Time, pick: impl FnOnce(&Dated<S>) -> T) -> Self {
        let view = slot.view(now);
        let (freshness, reason) = match &view {
            View::Disabled => (Freshness::Disabled, None),
            View::Pending => (Freshness::Pending, None),
            View::Observed(_) => (Freshness::Current, None),
            View::Stale(_) => (Freshness::Stale, None),
            View::Missing { what, .. } => (Freshness::Missing, Some((*what).to_owned())),
            View::Failed { failure, .. } => (Freshness::Failed, Some(failure.message.clone())),
        };
        let last = view.last();
        Group { freshness, read_at: last.map(|last| last.at), reason, figures: last.map(pick) }
    }
}

/// The key figures of every source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The loop.
    #[serde(rename = "loop")]
    pub loop_: Group<LoopFigures>,
    /// Sub-agents by phase.
    pub subagents: Group<BTreeMap<String, u64>>,
    /// The model server.
    pub vllm: Group<VllmFigures>,
    /// The GPUs.
    pub gpu: Group<Vec<GpuFigures>>,
    /// The parity matrix.
    pub parity: Group<ParityFigures>,
    /// The last verdicts, oldest first.
    pub verdicts: Group<Vec<VerdictFigures>>,
    /// The site.
    pub site: Group<SiteFigures>,
    /// The latest review.
    pub review: Group<Option<ReviewFigures>>,
    /// The watchdog.
    pub watchdog: Group<WatchdogFigures>,
    /// This machine.
    pub host: Group<HostFigures>,
}

/// The loop.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct LoopFigures {
    /// The last sign of life.
    pub heartbeat_at: Option<Time>,
    /// Its age, seconds; negative when it lies ahead of this machine's clock.
    pub heartbeat_age_seconds: Option<f64>,
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

/// The model server.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct VllmFigures {
    /// Names of the models served.
    pub models: Vec<String>,
    /// Tokens generated per second.
    pub generation_tokens_per_second: Option<f64>,
    /// Prompt tokens processed per second.
    pub prompt_tokens_per_second: Option<f64>,
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
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct GpuFigures {
    /// NVML's index.
    pub index: u32,
    /// Product name.
    pub name: String,
    /// 0 to 1.
    pub utilization: Option<f64>,
    /// Watts.
    pub power: Option<f64>,
    /// Degrees Celsius.
    pub temperature: Option<f64>,
    /// Hertz.
    pub sm_clock: Option<f64>,
    /// Hertz.
    pub sm_clock_max: Option<f64>,
    /// Harmful throttle reasons that hold.
    pub throttled: Vec<&'static str>,
}

/// Parity cells by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ParityFigures {
    /// Cells that pass.
    pub green: u64,
    /// Cells that fail.
    pub red: u64,
    /// Cells a person judges.
    pub manual: u64,
    /// Cells that do not apply.
    pub not_applicable: u64,
    /// Cells with any other status.
    pub unknown: u64,
}

/// One verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictFigures {
    /// When it was given.
    pub at: Option<Time>,
    /// The round judged.
    pub iteration: Option<u64>,
    /// The module judged.
    pub module: Option<String>,
    /// `ACCEPT`, `REVERT`, `WEDGED_NO_VERDICT`, or whatever was written.
    pub verdict: String,
    /// The judge's score.
    pub score: Option<f64>,
}

/// The site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteFigures {
    /// When `index.html` was written.
    pub built_at: Time,
    /// When the data it shows was written.
    pub data_at: Option<Time>,
}

/// The latest review with a score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReviewFigures {
    /// When it was given.
    pub at: Time,
    /// 0 to 100.
    pub health_score: f64,
    /// The reviewer's verdict.
    pub verdict: Option<String>,
    /// The reviewer's summary.
    pub summary: Option<String>,
}

/// The watchdog.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WatchdogFigures {
    /// When it last finished an evaluation.
    pub last_evaluation_at: Option<Time>,
    /// Restarts it may still make.
    pub budget_remaining: Option<u64>,
    /// When it last restarted the loop.
    pub last_restart_at: Option<Time>,
}

/// This machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostFigures {
    /// Share of the memory that is available, 0 to 1.
    pub memory_available_ratio: Option<f64>,
    /// Bytes.
    pub memory_available: Option<u64>,
    /// Share of the runtime directory's file system that is free, 0 to 1.
    pub disk_available_ratio: Option<f64>,
    /// Bytes.
    pub disk_available: Option<u64>,
}

impl Figures {
    /// The key figures that `state` shows at `now`.
    pub fn of(state: &State, now: Time) -> Self {
        Figures {
            loop_: Group::of(&state.loop_, now, |reading| loop_figures(state, &reading.value, now)),
            subagents: Group::of(&state.subagents, now, |agents| by_phase(&agents.value)),
            vllm: Group::of(&state.vllm, now, |sample| vllm(state, &sample.value.engines)),
            gpu: Group::of(&state.gpu, now, |reading| reading.value.gpus.iter().map(gpu).collect()),
            parity: Group::of(&state.parity, now, |parity| parity_figures(&parity.value)),
            verdicts: Group::of(&state.verdicts, now, |verdicts| verdicts.value.recent.iter().map(verdict).collect()),
            site: Group::of(&state.site, now, |site| SiteFigures {
                built_at: site.value.built_at,
                data_at: site.value.data_at,
            }),
            review: Group::of(&state.review, now, |review| review.value.last_good.as_ref().map(review_figures)),
            watchdog: Group::of(&state.watchdog, now, |reading| WatchdogFigures {
                last_evaluation_at: reading.value.last_evaluation_at,
                budget_remaining: reading.value.budget_remaining,
                last_restart_at: reading.value.last_restart.as_ref().map(|restart| restart.at),
            }),
            host: Group::of(&state.host, now, |host| HostFigures {
                memory_available_ratio: ratio(host.value.memory_available, host.value.memory_total),
                memory_available: host.value.memory_available,
                disk_available_ratio: ratio(host.value.disk_available, host.value.disk_total),
                disk_available: host.value.disk_available,
            }),
        }
    }
}

impl Figures {
    fn freshness(&self, source: SourceId) -> Freshness {
        match source {
            SourceId::Loop => self.loop_.freshness,
            SourceId::Subagents => self.subagents.freshness,
            SourceId::Vllm => self.vllm.freshness,
            SourceId::Gpu => self.gpu.freshness,
            SourceId::Parity => self.parity.freshness,
            SourceId::Verdicts => self.verdicts.freshness,
            SourceId::Site => self.site.freshness,
            SourceId::Review => self.review.freshness,
            SourceId::Watchdog => self.watchdog.freshness,
            SourceId::Host => self.host.freshness,
        }
    }
}

/// The heartbeat is newer than the state, so its word counts where both have one.
fn loop_figures(state: &State, reading: &LoopReading, now: Time) -> LoopFigures {
    let heartbeat = state.last_heartbeat.as_ref().map(|heartbeat| heartbeat.value.clone()).unwrap_or_default();
    let durable = reading.state.observed().cloned().unwrap_or_default();
    let pause = reading.pause.observed().copied().unwrap_or_default();
    LoopFigures {
        heartbeat_at: heartbeat.at,
        heartbeat_age_seconds: heartbeat.at.map(|at| seconds_since(now, at)),
        epoch: heartbeat.epoch.or(durable.epoch),
        iteration: heartbeat.iteration.or(durable.iteration),
        vertex: heartbeat.vertex.or(durable.vertex),
        phase: heartbeat.phase.or(durable.phase),
        phase_started_at: heartbeat.phase_started_at,
        module: durable.module,
        paused: pause.hard.map(|_| "hard").or(pause.soft.map(|_| "soft")),
        paused_since: pause.since(),
    }
}

fn by_phase(agents: &Subagents) -> BTreeMap<String, u64> {
    let mut phases = BTreeMap::new();
    agents.agents.iter().for_each(|agent| *phases.entry(agent.phase.clone()).or_default() += 1);
    phases
}

fn parity_figures(parity: &Parity) -> ParityFigures {
    let Parity { green, red, manual, not_applicable, unknown, .. } = *parity;
    ParityFigures { green, red, manual, not_applicable, unknown }
}

fn vllm(state: &State, engines: &[Engine]) -> VllmFigures {
    let mut models: Vec<String> = engines.iter().map(|engine| engine.model_name.clone()).collect();
    models.dedup();
    VllmFigures {
        models,
        generation_tokens_per_second: state.vllm_window.generation_tokens_per_second(),
        prompt_tokens_per_second: state.vllm_window.prompt_tokens_per_second(),
        running: fold(engines, |engine| engine.running, |a, b| a + b),
        waiting: fold(engines, |engine| engine.waiting, |a, b| a + b),
        kv_cache_usage: fold(engines, |engine| engine.kv_cache_usage, f64::max),
        stalled_since: state.vllm_window.stall().map(|stall| stall.since),
    }
}

fn fold(engines: &[Engine], value: fn(&Engine) -> Option<f64>, join: fn(f64, f64) -> f64) -> Option<f64> {
    engines.iter().filter_map(value).reduce(join)
}

fn gpu(gpu: &Gpu) -> GpuFigures {
    let bits = gpu.throttle_reasons.get().unwrap_or(0);
    let throttled = THROTTLE_REASONS.iter().filter(|reason| reason.harmful && bits & reason.bit != 0);
    GpuFigures {
        index: gpu.index,
        name: gpu.name.clone(),
        utilization: gpu.utilization.get(),
        power: gpu.power.get(),
        temperature: gpu.temperature.get(),
        sm_clock: gpu.sm_clock.get(),
        sm_clock_max: gpu.sm_clock_max.get(),
        throttled: throttled.map(|reason| reason.name).collect(),
    }
}

fn verdict(verdict: &Verdict) -> VerdictFigures {
    VerdictFigures {
        at: verdict.at,
        iteration: verdict.iteration,
        module: verdict.module.clone(),
        verdict: verdict.verdict.clone(),
        score: verdict.score,
    }
}

fn review_figures(review: &GoodReview) -> ReviewFigures {
    ReviewFigures {
        at: review.at,
        health_score: review.health_score,
        verdict: review.verdict.clone(),
        summary: review.summary.clone(),
    }
}

fn ratio(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let whole = whole.filter(|whole| *whole > 0)?;
    Some(part? as f64 / whole as f64)
}

/// How reading one source went so far, for people and scripts.
#[derive(Debug, Clone, PartialEq, Serialize)]
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

/// How reading each source went so far; `figures` are those of the same instant.
pub fn sources(state: &State, figures: &Figures) -> Vec<SourceFigures> {
    let of = |source: SourceId| {
        let stats = state.sources[source.index()];
        SourceFigures {
            source: source.name(),
            freshness: figures.freshness(source),
            success: stats.success,
            attempts: stats.attempts,
            failures: stats.failures,
            took_seconds: stats.took.as_secs_f64(),
            last_success_at: stats.last_success_at,
        }
    };
    SourceId::ALL.into_iter().map(of).collect()
}
