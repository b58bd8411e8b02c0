//! All sources that the configuration enables, each with its schedule.
//!
//! Invariant: [`Reader::read`] returns within the source's deadline, whatever the source does.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::Source;
use super::gpu::GpuSource;
use super::host::HostSource;
use super::loop_::LoopSource;
use super::parity::ParitySource;
use super::review::ReviewSource;
use super::site::SiteSource;
use super::subagents::SubagentsSource;
use super::verdicts::VerdictsSource;
use super::vllm::VllmSource;
use super::watchdog::WatchdogSource;
use super::worker::Worker;
use crate::config::Config;
use crate::observation::{Observation, SourceId, Time};

/// One enabled source.
pub struct Reader {
    /// Which source it is.
    pub id: SourceId,
    /// Time between the starts of two readings.
    pub interval: Duration,
    deadline: Duration,
    kind: Kind,
}

enum Kind {
    Blocking(Worker),
    Vllm(Box<VllmSource>),
}

impl Reader {
    /// Reads once.
    pub async fn read(&mut self) -> Observation {
        let started = Instant::now();
        let reading = match &mut self.kind {
            Kind::Blocking(worker) => worker.read(Time::now(), self.deadline).await,
            Kind::Vllm(source) => source.read(Time::now()).await,
        };
        Observation { source: self.id, at: Time::now(), took: started.elapsed(), reading }
    }
}

/// The readers of every source that `config` enables, in the order of [`SourceId::ALL`].
///
/// # Errors
/// When the operating system gives no thread for one of them.
pub fn readers(config: &Config) -> std::io::Result<Vec<Reader>> {
    let mut readers = Vec::new();
    macro_rules! add {
        ($id:ident, $section:ident, $kind:expr) => {
            if config.$section.enabled {
                readers.push(Reader {
                    id: SourceId::$id,
                    interval: config.$section.interval.duration(),
                    deadline: config.$section.deadline.duration(),
                    kind: $kind,
                });
            }
        };
    }
    macro_rules! add_blocking {
        ($id:ident, $section:ident, $source:expr) => {
            let worker = |source: Box<dyn Source>| Worker::spawn(SourceId::$id, source);
            add!($id, $section, Kind::Blocking(worker(Box::new($source))?));
        };
    }
    add_blocking!(Loop, loop_, LoopSource::new(config));
    add_blocking!(Subagents, subagents, SubagentsSource::new(config));
    add!(Vllm, vllm, Kind::Vllm(Box::new(VllmSource::new(&config.vllm))));
    add_blocking!(Gpu, gpu, GpuSource::new(&config.gpu));
    add_blocking!(Parity, parity, ParitySource::new(config));
    add_blocking!(Verdicts, verdicts, VerdictsSource::new(config));
    add_blocking!(Site, site, SiteSource::new(config));
    add_blocking!(Review, review, ReviewSource::new(config));
    add_blocking!(Watchdog, watchdog, WatchdogSource::new(config));
    add_blocking!(Host, host, HostSource::new(config));
    Ok(readers)
}

/// Reads every one of `readers` once, at the same time. They come back with their observations, in their order.
pub async fn read_all(readers: Vec<Reader>) -> (Vec<Reader>, Vec<Observation>) {
    let mut tasks = JoinSet::new();
    for mut reader in readers {
        tasks.spawn(async move {
            let observation = reader.read().await;
            (reader, observation)
        });
    }
    let mut read = tasks.join_all().await;
    read.sort_by_key(|(reader, _)| reader.id);
    read.into_iter().unzip()
}
