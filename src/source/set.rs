//! All enabled sources. A placeholder with the real one's interface, until the real one is merged.

use std::time::Duration;

use crate::config::Config;
use crate::observation::{Observation, Reading, SourceId, Time};

/// The enabled sources.
pub struct Sources(Vec<SourceId>);

impl Sources {
    /// The sources that `config` enables.
    pub fn new(config: &Config) -> Self {
        let enabled = [
            config.loop_.enabled,
            config.subagents.enabled,
            config.vllm.enabled,
            config.gpu.enabled,
            config.parity.enabled,
            config.verdicts.enabled,
            config.site.enabled,
            config.review.enabled,
            config.watchdog.enabled,
            config.host.enabled,
        ];
        Sources(SourceId::ALL.into_iter().filter(|source| enabled[source.index()]).collect())
    }

    /// Reads each once, at the same time, each under its own deadline.
    pub async fn read_all(&mut self, now: fn() -> Time) -> Vec<Observation> {
        let missing = |source: &SourceId| Observation {
            source: *source,
            at: now(),
            took: Duration::ZERO,
            reading: Reading::Missing(format!("{source} is not part of this build")),
        };
        self.0.iter().map(missing).collect()
    }
}
