//! Reading every source once, and vLLM twice.
//!
//! Invariant: all sources are read at the same time; the wait between the two samples of vLLM is only made when
//! the first one answered.

use std::time::Duration;

use super::progress::Progress;
use crate::config::Config;
use crate::observation::{SourceId, Time};
use crate::source::set;
use crate::state::State;

/// The sources and what they said.
pub(super) struct Reader {
    sources: Vec<set::Reader>,
    state: State,
}

impl Reader {
    /// Nothing read yet.
    ///
    /// # Errors
    /// When the operating system gives no thread for a source.
    pub(super) fn new(config: &Config, now: Time) -> std::io::Result<Self> {
        Ok(Reader { sources: set::readers(config)?, state: State::new(config, now) })
    }

    /// What was read so far.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Reads everything; then vLLM once more after `sample`, for what only two samples tell.
    pub(super) async fn read(&mut self, sample: Duration, progress: &Progress) {
        let all = set::read_all(std::mem::take(&mut self.sources));
        let (sources, observations) = progress.during(|_| "reading all sources".into(), all).await;
        self.sources = sources;
        observations.into_iter().for_each(|observation| self.state.apply(observation));
        if sample.is_zero() || self.state.vllm.current(Time::now()).is_none() {
            return;
        }
        let Some(vllm) = self.sources.iter_mut().find(|source| source.id == SourceId::Vllm) else { return };
        let again = async {
            tokio::time::sleep(sample).await;
            vllm.read().await
        };
        let left =
            |passed: Duration| format!("sampling vLLM, {:.0} s left", sample.saturating_sub(passed).as_secs_f64());
        self.state.apply(progress.during(left, again).await);
    }
}
