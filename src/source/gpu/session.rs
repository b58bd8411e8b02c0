//! NVML from its initialisation to its end.
//!
//! Invariant: nothing of a session outlives it; the library is shut down and unloaded when the session and its
//! watcher are gone, so that the next one starts from the library and driver that are there then.

use std::ffi::OsStr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use super::device;
use super::energy::{Energy, Turns};
use super::failure::{Reach, failure, no_gpu, reach, unopened};
use super::process::Processes;
use super::xid::{XidCounts, XidWatcher};
use crate::observation::{Failure, FailureKind, Gpu, GpuReading, Reading, XidCount};

/// A live NVML.
#[derive(Debug)]
pub(super) struct Session {
    driver_version: String,
    gpus: Vec<Known>,
    watcher: Option<XidWatcher>,
    nvml: Arc<Nvml>,
    turns: Turns,
}

/// What is known of the GPU at one index.
#[derive(Debug, Clone, Default)]
struct Known {
    fixed: Gpu,
    complete: bool,
    energy: Energy,
}

impl Session {
    /// Loads the library, initialises it, and asks what stays the same. Energy will be asked for once in `energy_pace`.
    pub(super) fn open(library: &str, counts: &XidCounts, energy_pace: Duration) -> Result<Self, Reading<GpuReading>> {
        let nvml = Nvml::builder().lib_path(OsStr::new(library)).init().map_err(|error| unopened(library, &error))?;
        let count = nvml.device_count().map_err(|error| Reading::Failed(failure("counting GPUs", &error)))?;
        let mut session = Session {
            driver_version: nvml.sys_driver_version().unwrap_or_default(),
            gpus: (0..count).map(|index| Known::ask(&nvml, index).unwrap_or_else(|_| Known::nothing(index))).collect(),
            watcher: None,
            nvml: Arc::new(nvml),
            turns: Turns::begin(energy_pace, count),
        };
        let identities = session.gpus.iter().map(|known| known.fixed.identity()).collect();
        session.watcher = XidWatcher::start(Arc::clone(&session.nvml), identities, counts.clone());
        Ok(session)
    }

    /// Ends the session; NVML is shut down when the thread handed out, if any, has ended.
    pub(super) fn close(mut self) -> Option<JoinHandle<()>> {
        self.watcher.take().and_then(XidWatcher::stop)
    }

    /// Reads all GPUs. A failure means that the session is of no more use.
    pub(super) fn read(&mut self, processes: &Processes, counts: &XidCounts) -> Result<GpuReading, Failure> {
        self.check_count()?;
        let mut reading = GpuReading { driver_version: self.driver_version.clone(), ..GpuReading::default() };
        let mut first_failure: Option<Failure> = None;
        for at in 0..self.gpus.len() {
            let error = match self.read_one(at, processes) {
                Ok(gpu) => {
                    reading.gpus.push(Gpu { xids: counts.of(&gpu.identity()), ..gpu });
                    continue;
                }
                Err(error) => error,
            };
            let Gpu { index, .. } = self.gpus[at].fixed;
            let xids = last_words(&counts.of(&self.gpus[at].fixed.identity()));
            let failure = failure(&format!("reading GPU {index}{xids}"), &error);
            match error {
                error if reach(&error) == Reach::Driver => return Err(failure),
                // A GPU that this user may not open is another's, not lost.
                NvmlError::NoPermission => tracing::debug!(gpu = index, %error, "left out"),
                error => reading.lost.push((index, format!("{error}{xids}"))),
            }
            first_failure.get_or_insert(failure);
        }
        first_failure.filter(|_| reading.gpus.is_empty()).map_or(Ok(reading), Err)
    }

    fn read_one(&mut self, at: usize, processes: &Processes) -> Result<Gpu, NvmlError> {
        let known = &mut self.gpus[at];
        let index = known.fixed.index;
        if !known.complete {
            *known = Known { energy: known.energy, ..Known::ask(&self.nvml, index)? };
        }
        known.energy.enter(self.turns.of(index));
        let device = self.nvml.device_by_index(index)?;
        let mut gpu = device::live(&self.nvml, &device, &known.fixed, &mut known.energy)?;
        gpu.processes = device::processes(&device, index, processes);
        Ok(gpu)
    }

    /// NVML counts its GPUs when it is initialised. Another number means that indices may mean other GPUs now.
    fn check_count(&self) -> Result<(), Failure> {
        match self.nvml.device_count() {
            Ok(0) => Err(no_gpu()),
            Ok(count) if count as usize == self.gpus.len() => Ok(()),
            Ok(count) => {
                let message = format!("NVML listed {} GPUs and now {count}; looking anew", self.gpus.len());
                Err(Failure::new(FailureKind::DriverError, message))
            }
            Err(error) => Err(failure("counting GPUs", &error)),
        }
    }
}

impl Known {
    fn nothing(index: u32) -> Self {
        Known { fixed: Gpu { index, ..Gpu::default() }, ..Known::default() }
    }

    fn ask(nvml: &Nvml, index: u32) -> Result<Self, NvmlError> {
        let device = nvml.device_by_index(index)?;
        let (fixed, complete) = device::fixed(&device, index)?;
        Ok(Known { fixed, complete, ..Known::default() })
    }
}

/// The XIDs that a GPU told before it was lost, as ` (XID 79)`; they say why.
fn last_words(xids: &[XidCount]) -> String {
    let codes: Vec<String> = xids.iter().map(|count| count.xid.to_string()).collect();
    if codes.is_empty() { String::new() } else { format!(" (XID {})", codes.join(", ")) }
}
