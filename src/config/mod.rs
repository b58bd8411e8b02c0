//! The configuration: one section per file, every field with its default, unit and description.
//!
//! Invariant: a setting is declared once, by `section!`; no other place holds a default.

pub mod section;
pub mod value;

mod alerts;
mod checked;
mod error;
mod journey;
mod judge;
mod labels;
mod layer;
mod limits;
mod load;
mod phases;
mod print;
mod push;
#[cfg(test)]
mod reference;
mod restart;
mod sources;
pub(crate) mod suggest;
pub(crate) mod text;
pub(crate) mod tree;
mod validate;

pub use alerts::AlertsConfig;
pub use checked::{AccessLog, AnswerFrom, HeartbeatFormat, Pattern, Pointer, UnitManager};
pub use error::{ConfigError, ConfigErrors};
pub use journey::{BuildConfig, JourneyConfig, ServerConfig};
pub use judge::{JudgeConfig, JudgeEntry, JudgeReviewConfig, Judges};
pub use labels::Labels;
pub use layer::FlagSetting;
pub use limits::*;
pub use load::{Inputs, Loaded, Origin, environment_name, load, load_over};
pub use phases::*;
pub use print::print;
pub use push::*;
pub use restart::RestartConfig;
use std::path::PathBuf;

use crate::observation::SourceId;
use crate::source::file::resolve;
use section::section;
pub use sources::*;
use value::{Path, Seconds};

section! {
    /// The configuration of autoswe-exporter.
    pub struct Config {
        /// Directory in which the loop leaves its heartbeat, state and verdicts. Relative paths of the sections
        /// below are taken from here unless they say otherwise.
        runtime_dir: Path = "~/.autoswe/rebuild/runtime".into(),
        /// Root of the repository the loop works on. Relative paths of `parity` and `site` are taken from here.
        /// The default is the working directory.
        repo_root: Path = ".".into(),
        /// The loop's heartbeat, state and pause sentinels.
        loop_: LoopConfig = LoopConfig::default(),
        /// The loop's sub-agents.
        subagents: SubagentsConfig = SubagentsConfig::default(),
        /// The model server.
        vllm: VllmConfig = VllmConfig::default(),
        /// The GPUs.
        gpu: GpuConfig = GpuConfig::default(),
        /// The parity matrix.
        parity: ParityConfig = ParityConfig::default(),
        /// The judge's verdicts.
        verdicts: VerdictsConfig = VerdictsConfig::default(),
        /// The published site.
        site: SiteConfig = SiteConfig::default(),
        /// The reviews of the loop's behaviour.
        review: ReviewConfig = ReviewConfig::default(),
        /// The watchdog's state and audit trail.
        watchdog: WatchdogConfig = WatchdogConfig::default(),
        /// This machine.
        host: HostConfig = HostConfig::default(),
        /// When and how `autoswe-watchdog` restarts the loop.
        restart: RestartConfig = RestartConfig::default(),
        /// The time series `system-state.jsonl`.
        system_state: SystemStateConfig = SystemStateConfig::default(),
        /// The HTTP server.
        web: WebConfig = WebConfig::default(),
        /// When a finding becomes an alert.
        alerts: AlertsConfig = AlertsConfig::default(),
        /// Alertmanager, told by this program itself.
        alertmanager: AlertmanagerConfig = AlertmanagerConfig::default(),
        /// A webhook that is told of alerts.
        webhook: WebhookConfig = WebhookConfig::default(),
        /// The journey: the web site of what the loop did.
        journey: JourneyConfig = JourneyConfig::default(),
        /// The judge: who answers a rubric prompt, and who reviews the loop.
        judge: JudgeConfig = JudgeConfig::default(),
        /// The limits of the checks.
        checks: Limits = Limits::default(),
    }
}

section! {
    /// The time series that this program appends to.
    pub struct SystemStateConfig {
        /// Whether the series is written.
        enabled: bool = true,
        /// The file.
        file: Path = "system-state.jsonl".into(),
        /// One record each interval, and one at every change of severity.
        interval: Seconds = Seconds(180.0),
        /// When the file would grow past this size it is rotated and compressed.
        rotate_size: value::Bytes = value::Bytes(64 << 20),
        /// Rotated files that are kept.
        rotate_keep: u64 = 8,
    }
}

section! {
    /// The HTTP server.
    pub struct WebConfig {
        /// Addresses to listen on, `host:port`; `:9765` is every address of the machine.
        listen_addresses: Vec<String> = vec![":9765".into()],
        /// A file that turns on TLS and logins, in the format of the Prometheus exporter toolkit (docs/web-config.md).
        /// A relative one is taken from the working directory.
        config_file: Option<String> = None,
        /// Path of the metrics page.
        telemetry_path: String = "/metrics".into(),
        /// Connections served at once; one more gets 503.
        max_connections: u64 = 256,
        /// A client that has not sent its request's head by then is cut off.
        header_timeout: Seconds = Seconds(10.0),
    }
}

impl SystemStateConfig {
    /// A record stands for the time up to the next one, when that is this close, seconds: two intervals, 400 at least,
    /// which is two default ones and some for the moment at which the exporter judges. A longer hole is a time in which
    /// nobody watched.
    pub fn hold(&self) -> f64 {
        f64::max(400.0, 2.0 * self.interval.0)
    }
}

impl Config {
    /// The runtime directory as the file system knows it: `~/` expanded.
    pub fn runtime(&self) -> PathBuf {
        expanded(&self.runtime_dir)
    }

    /// `path` as the file system knows it: `~/` expanded, and relative paths taken from `runtime_dir`.
    pub fn in_runtime_dir(&self, path: &std::path::Path) -> PathBuf {
        resolve(&self.runtime(), path)
    }

    /// The repository root as the file system knows it: `~/` expanded.
    pub fn repo(&self) -> PathBuf {
        expanded(&self.repo_root)
    }

    /// `path` as the file system knows it: `~/` expanded, and relative paths taken from `repo_root`.
    pub fn in_repo(&self, path: &std::path::Path) -> PathBuf {
        resolve(&self.repo(), path)
    }

    /// The journey's trigger file as the file system knows it.
    pub fn journey_trigger(&self) -> PathBuf {
        self.in_runtime_dir(&self.journey.trigger)
    }

    /// The same with no other source turned on than `sources`.
    pub fn only(&self, sources: &[SourceId]) -> Self {
        let mut config = self.clone();
        for (source, enabled) in [
            (SourceId::Loop, &mut config.loop_.enabled),
            (SourceId::Subagents, &mut config.subagents.enabled),
            (SourceId::Vllm, &mut config.vllm.enabled),
            (SourceId::Gpu, &mut config.gpu.enabled),
            (SourceId::Parity, &mut config.parity.enabled),
            (SourceId::Verdicts, &mut config.verdicts.enabled),
            (SourceId::Site, &mut config.site.enabled),
            (SourceId::Review, &mut config.review.enabled),
            (SourceId::Watchdog, &mut config.watchdog.enabled),
            (SourceId::Host, &mut config.host.enabled),
        ] {
            *enabled &= sources.contains(&source);
        }
        config
    }

    /// Shows every setting to `visitor`.
    pub fn accept(&mut self, visitor: &mut dyn section::Visitor) {
        section::Node::accept(self, "", "", visitor);
    }
}

/// `directory` with `~/` expanded; a relative one is taken from the working directory.
fn expanded(directory: &std::path::Path) -> PathBuf {
    resolve(std::path::Path::new(""), directory)
}
