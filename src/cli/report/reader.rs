//! Reading every source once, and vLLM twice.
//!
//! Invariant: all sources are read at the same time; the wait between the two samples of vLLM is only made when
//! the first one answered.

use std::time::Duration;

use super::progress::Progress;
use crate::config::Config;
use crate::observation::{Observation, Time};
use crate::source::set::Sources;
use crate::state::State;

/// The sources and what they said.
pub(super) struct Reader {
    /// Every source but vLLM.
    others: Sources,
    /// vLLM alone, which is read twice.
    vllm: Sources,
    state: State,
}

impl Reader {
    /// Nothing read yet.
    pub(super) fn new(config: &Config, now: Time) -> Self {
        let mut others = config.clone();
        others.vllm.enabled = false;
        Reader { others: Sources::new(&others), vllm: Sources::new(&only_vllm(config)), state: State::new(config, now) }
    }

    /// What was read so far.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Reads everything; then vLLM once more after `sample`, for what only two samples tell.
    pub(super) async fn read(&mut self, sample: Duration, progress: &Progress) {
        let (others, vllm) = progress
            .during(|_| "reading all sources".into(), async {
                tokio::join!(self.others.read_all(Time::now), self.vllm.read_all(Time::now))
            })
            .await;
        others.into_iter().chain(vllm).for_each(|observation| self.state.apply(observation));
        if sample.is_zero() || self.state.vllm.current(Time::now()).is_none() {
            return;
        }
        let again = async {
            tokio::time::sleep(sample).await;
            self.vllm.read_all(Time::now).await
        };
        let left =
            |passed: Duration| format!("sampling vLLM, {:.0} s left", sample.saturating_sub(passed).as_secs_f64());
        let again: Vec<Observation> = progress.during(left, again).await;
        again.into_iter().for_each(|observation| self.state.apply(observation));
    }
}

/// `config` with every source off but vLLM.
fn only_vllm(config: &Config) -> Config {
    let mut only = config.clone();
    for enabled in [
        &mut only.loop_.enabled,
        &mut only.subagents.enabled,
        &mut only.gpu.enabled,
        &mut only.parity.enabled,
        &mut only.verdicts.enabled,
        &mut only.site.enabled,
        &mut only.review.enabled,
        &mut only.watchdog.enabled,
        &mut only.host.enabled,
    ] {
        *enabled = false;
    }
    only
}
