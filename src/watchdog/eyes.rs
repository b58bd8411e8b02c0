//! The loop's files and its sub-agents, read on one thread of their own.
//!
//! Invariant: sub-agents are told and never a reason, so looking at them must not keep anybody from looking at the
//! loop: when that hangs (the kernel holds up whoever reads the command line of some processes in state D), the thread
//! is given up and the loop goes on to be read on another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracing::warn;

use crate::config::Config;
use crate::observation::{Data, Failure, FailureKind, LoopReading, Observation, Pause, Reading, SourceId, Time};
use crate::source::Source;
use crate::source::loop_::LoopSource;
use crate::source::subagents::SubagentsSource;
use crate::source::worker::Worker;

/// Reads the loop and its sub-agents.
pub(super) struct Eyes {
    worker: Worker,
    /// The next reading is of the sub-agents.
    agents: Arc<AtomicBool>,
    sees_agents: bool,
}

/// Both sources. One thread for two, because a thread costs memory even while it waits.
struct Both {
    loop_: Box<dyn Source>,
    subagents: Box<dyn Source>,
    agents: Arc<AtomicBool>,
}

impl Source for Both {
    fn read(&mut self, now: Time) -> Reading<Data> {
        if self.agents.load(Ordering::Relaxed) { self.subagents.read(now) } else { self.loop_.read(now) }
    }
}

impl Eyes {
    /// Nothing read yet.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub(super) fn new(config: &Config) -> std::io::Result<Self> {
        let loop_ = Box::new(LoopSource::new(config));
        match config.subagents.enabled {
            true => Self::of(loop_, Box::new(SubagentsSource::new(config))),
            false => {
                Ok(Eyes { worker: Worker::spawn(SourceId::Loop, loop_)?, agents: Arc::default(), sees_agents: false })
            }
        }
    }

    /// The same with these sources.
    fn of(loop_: Box<dyn Source>, subagents: Box<dyn Source>) -> std::io::Result<Self> {
        let agents = Arc::new(AtomicBool::new(false));
        let both = Both { loop_, subagents, agents: Arc::clone(&agents) };
        Ok(Eyes { worker: Worker::spawn(SourceId::Loop, Box::new(both))?, agents, sees_agents: true })
    }

    /// Reads the heartbeat and the pause; a reading that gave neither says so of both.
    pub(super) async fn read_loop(&mut self, config: &Config) -> LoopReading {
        match self.worker.read(Time::now(), config.loop_.deadline.duration()).await {
            Reading::Observed(Data::Loop(reading)) => reading,
            Reading::Failed(failure) => nothing(failure),
            _ => nothing(Failure::new(FailureKind::Unreadable, "the loop's files were not looked at")),
        }
    }

    /// Reads the sub-agents; `None` where they are not looked at, or cannot be any more.
    pub(super) async fn read_subagents(&mut self, config: &Config) -> Option<Observation> {
        if !self.sees_agents {
            return None;
        }
        self.agents.store(true, Ordering::Relaxed);
        let read = self.worker.read(Time::now(), config.subagents.deadline.duration()).await;
        self.agents.store(false, Ordering::Relaxed);
        if let Reading::Failed(Failure { kind: FailureKind::TimedOut, message }) = &read {
            warn!("sub-agents are not looked at any more: {message}");
            // Without a thread the loop cannot be read either, and nothing is restarted.
            if let Ok(worker) = Worker::spawn(SourceId::Loop, Box::new(LoopSource::new(config))) {
                (self.worker, self.sees_agents) = (worker, false);
            }
        }
        Some(observation(SourceId::Subagents, read))
    }
}

/// `reading` as it was made just now.
pub(super) fn observation(source: SourceId, reading: Reading<Data>) -> Observation {
    Observation { source, at: Time::now(), took: Duration::ZERO, reading }
}

/// A reading of a loop whose files could not be looked at.
fn nothing(failure: Failure) -> LoopReading {
    let (heartbeat, pause) = (Reading::Failed(failure.clone()), Reading::<Pause>::Failed(failure.clone()));
    LoopReading { heartbeat, pause, state: Reading::Failed(failure) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_loop_is_read_before_and_after_its_sub_agents() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("state-heartbeat.json"), "{\"ts\": 1795348800}").unwrap();
        let mut config = Config { runtime_dir: directory.path().into(), ..Config::default() };
        config.subagents.outside = "autoswe-nobody-is-called-so".into();
        let mut eyes = Eyes::new(&config).unwrap();
        for _ in 0..2 {
            assert!(eyes.read_loop(&config).await.heartbeat.observed().is_some());
            let agents = eyes.read_subagents(&config).await.unwrap();
            assert!(matches!(agents.reading, Reading::Observed(Data::Subagents(_))), "{agents:?}");
        }
        config.subagents.enabled = false;
        let mut eyes = Eyes::new(&config).unwrap();
        assert!(eyes.read_subagents(&config).await.is_none());
        assert!(eyes.read_loop(&config).await.heartbeat.observed().is_some());
    }

    /// Hangs until its other end is dropped.
    struct Hangs(std::sync::mpsc::Receiver<()>);

    impl Source for Hangs {
        fn read(&mut self, _now: Time) -> Reading<Data> {
            Reading::Missing(format!("hung until {:?}", self.0.recv()))
        }
    }

    #[tokio::test]
    async fn sub_agents_that_cannot_be_looked_at_in_time_do_not_hide_the_loop() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("state-heartbeat.json"), "{\"ts\": 1795348800}").unwrap();
        let mut config = Config { runtime_dir: directory.path().into(), ..Config::default() };
        config.subagents.deadline = crate::config::value::Seconds(0.05);
        let (_held, hangs) = std::sync::mpsc::channel();
        let mut eyes = Eyes::of(Box::new(LoopSource::new(&config)), Box::new(Hangs(hangs))).unwrap();
        let late = eyes.read_subagents(&config).await.unwrap();
        assert!(matches!(late.reading, Reading::Failed(Failure { kind: FailureKind::TimedOut, .. })), "{late:?}");
        assert!(eyes.read_loop(&config).await.heartbeat.observed().is_some());
        assert!(eyes.read_subagents(&config).await.is_none());
    }
}
