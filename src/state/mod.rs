//! What is remembered between readings: the latest of each source, and the windows that rates need.
//!
//! Invariant: [`State::apply`] is the only way in, and it uses no clock but the observation's own time.

mod gpu;
mod heartbeat;
mod parity;
mod slot;
mod vllm;

use std::time::Duration;

use crate::config::Config;
use crate::observation::*;
pub use gpu::{GpuHistory, GpuWindow, Growth, Row};
pub use heartbeat::HeartbeatTrack;
pub use parity::{Fall, ParityTrend};
pub use slot::{AnySlot, Dated, Freshness, Slot, View};
pub use vllm::{Outage, Stall, StallClock, VllmWindow};

/// The latest observations and the windows over them.
#[derive(Debug, Clone)]
pub struct State {
    /// When watching began.
    pub started_at: Time,
    /// The loop.
    pub loop_: Slot<LoopReading>,
    /// The latest heartbeat that could be read, kept when later readings of it fail.
    pub last_heartbeat: Option<Dated<Heartbeat>>,
    /// When the loop's durable state was last there, readable or not.
    pub loop_state_seen_at: Option<Time>,
    /// When the heartbeat last changed, and when its silence was last excused.
    pub heartbeat_track: HeartbeatTrack,
    /// The loop's sub-agents.
    pub subagents: Slot<Subagents>,
    /// The model server.
    pub vllm: Slot<VllmSample>,
    /// The GPUs.
    pub gpu: Slot<GpuReading>,
    /// The parity matrix.
    pub parity: Slot<Parity>,
    /// The judge's verdicts.
    pub verdicts: Slot<Verdicts>,
    /// The published site.
    pub site: Slot<Site>,
    /// The reviews.
    pub review: Slot<Review>,
    /// The watchdog.
    pub watchdog: Slot<WatchdogReading>,
    /// This machine.
    pub host: Slot<Host>,
    /// Rates and stall of vLLM.
    pub vllm_window: VllmWindow,
    /// How long each GPU has been in a condition that only counts when it lasts.
    pub gpu_window: GpuWindow,
    /// How the green count moved.
    pub parity_trend: ParityTrend,
    /// How reading went, by [`SourceId::index`].
    pub sources: [SourceStats; SourceId::ALL.len()],
}

/// How reading one source went so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SourceStats {
    /// Readings made.
    pub attempts: u64,
    /// Readings that failed.
    pub failures: u64,
    /// Whether the latest reading succeeded ([`Reading::Missing`] is a success: it was looked for and is not there).
    pub success: Option<bool>,
    /// How long the latest reading took.
    pub took: Duration,
    /// When the latest reading that succeeded was made.
    pub last_success_at: Option<Time>,
}

/// The slot of a source, borrowed as asked.
macro_rules! slot_of {
    ($state:expr, $source:expr, $($borrow:tt)+) => {
        match $source {
            SourceId::Loop => $($borrow)+ $state.loop_,
            SourceId::Subagents => $($borrow)+ $state.subagents,
            SourceId::Vllm => $($borrow)+ $state.vllm,
            SourceId::Gpu => $($borrow)+ $state.gpu,
            SourceId::Parity => $($borrow)+ $state.parity,
            SourceId::Verdicts => $($borrow)+ $state.verdicts,
            SourceId::Site => $($borrow)+ $state.site,
            SourceId::Review => $($borrow)+ $state.review,
            SourceId::Watchdog => $($borrow)+ $state.watchdog,
            SourceId::Host => $($borrow)+ $state.host,
        }
    };
}

impl State {
    /// An empty state; sources that `config` disables stay [`View::Disabled`].
    pub fn new(config: &Config, started_at: Time) -> Self {
        macro_rules! slot {
            ($section:ident) => {
                Slot::new(config.$section.enabled, 3.0 * config.$section.interval.0 + 2.0 * config.$section.deadline.0)
            };
        }
        State {
            started_at,
            loop_: slot!(loop_),
            last_heartbeat: None,
            loop_state_seen_at: None,
            heartbeat_track: HeartbeatTrack::default(),
            subagents: slot!(subagents),
            vllm: slot!(vllm),
            gpu: slot!(gpu),
            parity: slot!(parity),
            verdicts: slot!(verdicts),
            site: slot!(site),
            review: slot!(review),
            watchdog: slot!(watchdog),
            host: slot!(host),
            vllm_window: VllmWindow::new(config.checks.vllm.stall_warn.0),
            gpu_window: GpuWindow::default(),
            parity_trend: ParityTrend::default(),
            sources: Default::default(),
        }
    }

    /// Follows a changed configuration; what was observed stays. Another state file, or none, has not vanished.
    pub fn reconfigure(&mut self, config: &Config) {
        self.loop_state_seen_at = None;
        self.vllm_window.set_stall_after(config.checks.vllm.stall_warn.0);
        let fresh = State::new(config, self.started_at);
        macro_rules! follow {
            ($($slot:ident),+) => { $( self.$slot.follow(&fresh.$slot); )+ };
        }
        follow!(loop_, subagents, vllm, gpu, parity, verdicts, site, review, watchdog, host);
    }

    /// Whether vLLM answers: true also when it answers without any `vllm:*` series, because `--disable-log-stats` takes
    /// them away from a server that is up; `None` where nothing is known of it now.
    pub fn vllm_up(&self, now: Time) -> Option<bool> {
        match self.vllm.view(now) {
            View::Observed(_) => Some(true),
            View::Failed { failure, .. } => Some(failure.kind == FailureKind::NoVllmSeries),
            View::Disabled | View::Pending | View::Stale(_) | View::Missing { .. } => None,
        }
    }

    /// Takes in one observation.
    pub fn apply(&mut self, observation: Observation) {
        let Observation { source, at, took, reading } = observation;
        self.note_attempt(source, at, took, &reading);
        self.note_excuse(source, at, &reading);
        match reading {
            Reading::Observed(data) => self.apply_data(at, data),
            Reading::Missing(what) => self.slot_mut(source).missing(what),
            Reading::Failed(failure) => {
                if source == SourceId::Vllm {
                    self.vllm_window.failed(at, failure.kind);
                }
                self.slot_mut(source).failed(at, failure);
            }
        }
    }

    /// The slot of `source`, for what does not depend on its type.
    pub fn slot(&self, source: SourceId) -> &dyn AnySlot {
        slot_of!(self, source, &)
    }

    fn slot_mut(&mut self, source: SourceId) -> &mut dyn AnySlot {
        slot_of!(self, source, &mut)
    }

    fn apply_data(&mut self, at: Time, data: Data) {
        match data {
            Data::Loop(reading) => {
                if let Reading::Observed(heartbeat) = &reading.heartbeat {
                    self.note_heartbeat(at, heartbeat);
                }
                if !matches!(reading.state, Reading::Missing(_)) {
                    self.loop_state_seen_at = Some(at);
                }
                self.loop_.observed(at, reading);
            }
            Data::Subagents(agents) => self.subagents.observed(at, agents),
            Data::Vllm(sample) => {
                self.vllm_window.push(at, &sample);
                self.gpu_window.note_requests(at, &sample);
                self.vllm.observed(at, sample);
            }
            Data::Gpu(reading) => {
                self.gpu_window.push(at, &reading);
                self.gpu.observed(at, reading);
            }
            Data::Parity(parity) => {
                self.parity_trend.push(at, &parity);
                self.parity.observed(at, parity);
            }
            Data::Verdicts(verdicts) => self.verdicts.observed(at, verdicts),
            Data::Site(site) => self.site.observed(at, site),
            Data::Review(review) => self.review.observed(at, review),
            Data::Watchdog(reading) => self.watchdog.observed(at, reading),
            Data::Host(host) => self.host.observed(at, host),
        }
    }

    fn note_attempt(&mut self, source: SourceId, at: Time, took: Duration, reading: &Reading<Data>) {
        let success = match reading {
            Reading::Observed(Data::Loop(reading)) => !matches!(reading.heartbeat, Reading::Failed(_)),
            Reading::Failed(_) => false,
            _ => true,
        };
        let stats = &mut self.sources[source.index()];
        stats.attempts += 1;
        stats.failures += u64::from(!success);
        stats.success = Some(success);
        stats.took = took;
        if success {
            stats.last_success_at = Some(at);
        }
    }
}
