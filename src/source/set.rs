//! All sources that the configuration enables, each with its schedule.
//!
//! Invariant: [`Reader::read`] returns within the source's deadline, whatever the source does.

use std::time::{Duration, Instant};

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
    Worker(Worker),
    Vllm(Box<VllmSource>),
}

impl Reader {
    /// Reads once.
    pub async fn read(&mut self) -> Observation {
        let started = Instant::now();
        let reading = match &mut self.kind {
            Kind::Worker(worker) => worker.read(Time::now(), self.deadline).await,
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
    let worker = |id, source: Box<dyn Source>| Worker::spawn(id, source).map(Kind::Worker);
    add!(Loop, loop_, worker(SourceId::Loop, Box::new(LoopSource::new(config)))?);
    add!(Subagents, subagents, worker(SourceId::Subagents, Box::new(SubagentsSource::new(config)))?);
    add!(Vllm, vllm, Kind::Vllm(Box::new(VllmSource::new(&config.vllm))));
    add!(Gpu, gpu, worker(SourceId::Gpu, Box::new(GpuSource::new(&config.gpu)))?);
    add!(Parity, parity, worker(SourceId::Parity, Box::new(ParitySource::new(config)))?);
    add!(Verdicts, verdicts, worker(SourceId::Verdicts, Box::new(VerdictsSource::new(config)))?);
    add!(Site, site, worker(SourceId::Site, Box::new(SiteSource::new(config)))?);
    add!(Review, review, worker(SourceId::Review, Box::new(ReviewSource::new(config)))?);
    add!(Watchdog, watchdog, worker(SourceId::Watchdog, Box::new(WatchdogSource::new(config)))?);
    add!(Host, host, worker(SourceId::Host, Box::new(HostSource::new(config)))?);
    Ok(readers)
}
