//! XID events: a thread that waits for them and counts them by GPU and code.
//!
//! Invariant: counts never go down while the source lives, whatever becomes of the driver; no event is lost without a
//! line in the log; the thread ends within [`WAIT`] once its watcher is stopped or dropped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::event::EventData;
use nvml_wrapper::{EventSet, Nvml};

use super::raw;
use crate::observation::{Time, XidCount, unix_seconds};

/// Longest wait for an event. The thread wakes this often for nothing, and a re-initialisation waits this long for it.
const WAIT: Duration = Duration::from_millis(500);

/// The code that NVML tells where it does not know the event's own. An event that tells none counts under it too.
const UNKNOWN_XID: u64 = 999;

/// Events counted so far, by a GPU's identity and code; shared by the source and its watchers.
#[derive(Debug, Clone, Default)]
pub(super) struct XidCounts(Arc<Mutex<BTreeMap<(String, u64), XidCount>>>);

impl XidCounts {
    /// The events of the GPU called `identity`, sorted by code.
    pub(super) fn of(&self, identity: &str) -> Vec<XidCount> {
        self.lock().iter().filter(|((gpu, _), _)| gpu == identity).map(|(_, count)| *count).collect()
    }

    /// Counts an event of the GPU called `identity` that arrived at `at`.
    fn add(&self, identity: &str, xid: u64, at: Time) {
        let mut counts = self.lock();
        let count = counts.entry((identity.to_owned(), xid)).or_insert(XidCount { xid, count: 0, last_at: 0.0 });
        count.count += 1;
        count.last_at = unix_seconds(at);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, u64), XidCount>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The near end of the thread that waits.
#[derive(Debug)]
pub(super) struct XidWatcher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl XidWatcher {
    /// Registers for the events of all GPUs of `nvml`, in order of index with their `identities`, and returns once
    /// that is done, so that no later event is missed. `None` where no GPU supports events.
    pub(super) fn start(nvml: Arc<Nvml>, identities: Vec<String>, counts: XidCounts) -> Option<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (ready, registered) = mpsc::sync_channel(1);
        let stopped = Arc::clone(&stop);
        let run = move || match register(&nvml, &identities) {
            Some(watched) if ready.send(()).is_ok() => watched.watch(&counts, &stopped),
            _ => drop(ready),
        };
        let thread = std::thread::Builder::new().name("gpu-xid".into()).stack_size(256 << 10).spawn(run);
        let thread = thread.inspect_err(|error| tracing::warn!(%error, "no thread for XID events")).ok()?;
        registered.recv().ok()?;
        Some(XidWatcher { stop, thread: Some(thread) })
    }

    /// Tells the thread to end and hands it out: NVML is shut down only when the thread has let go of it.
    pub(super) fn stop(mut self) -> Option<JoinHandle<()>> {
        self.thread.take()
    }
}

impl Drop for XidWatcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// An event set with the GPUs registered in it.
struct Watched<'nvml> {
    set: EventSet<'nvml>,
    /// By handle: an event brings the one that the index gave (so on an H200 with driver 580).
    gpus: Vec<(usize, String)>,
}

/// Registers every GPU that can tell XIDs.
fn register<'nvml>(nvml: &'nvml Nvml, identities: &[String]) -> Option<Watched<'nvml>> {
    let mut able: Vec<_> = identities
        .iter()
        .zip(0..)
        .filter_map(|(identity, index)| Some((nvml.device_by_index(index).ok()?, identity.clone())))
        .filter(|(gpu, _)| gpu.supported_event_types().is_ok_and(|t| t.contains(EventTypes::CRITICAL_XID_ERROR)))
        .collect();
    // A GPU that refuses takes the whole set with it: begin again without that GPU.
    while !able.is_empty() {
        let set = nvml.create_event_set().inspect_err(|error| tracing::debug!(%error, "no XID events")).ok()?;
        let mut refused = None;
        let registered = able.iter().enumerate().try_fold(set, |set, (position, (gpu, _))| {
            gpu.register_events(EventTypes::CRITICAL_XID_ERROR, set).inspect_err(|_| refused = Some(position))
        });
        match (registered, refused) {
            (Ok(set), _) => {
                let gpus = able.into_iter().map(|(gpu, identity)| (raw::key(&gpu), identity)).collect();
                return Some(Watched { set, gpus });
            }
            (Err(error), position) => {
                tracing::debug!(%error, "a GPU refuses to tell XID events");
                able.remove(position.unwrap_or(0));
            }
        }
    }
    None
}

impl Watched<'_> {
    /// Counts events until `stop` is set.
    fn watch(self, counts: &XidCounts, stop: &AtomicBool) {
        let mut failure = None;
        while !stop.load(Ordering::Relaxed) {
            match self.set.wait(u32::try_from(WAIT.as_millis()).unwrap_or(u32::MAX)) {
                Ok(event) => {
                    clear(&mut failure);
                    self.count(counts, &event);
                }
                Err(NvmlError::Timeout) => clear(&mut failure),
                Err(
                    error @ (NvmlError::Uninitialized | NvmlError::FailedToLoadSymbol(_) | NvmlError::NotSupported),
                ) => {
                    return tracing::warn!(%error, "XID events cannot be waited for: none is told or counted");
                }
                // Such as a lost GPU. It answers at once, and goes on doing so: do not spin on it.
                Err(error) => {
                    note(&mut failure, &error);
                    std::thread::sleep(WAIT);
                }
            }
        }
    }

    fn count(&self, counts: &XidCounts, event: &EventData<'_>) {
        let xid = code(event);
        let Some(identity) = self.identity(event) else {
            return tracing::warn!(
                xid,
                "an XID event of a GPU that is not known is not counted; see `dmesg | grep -i xid`"
            );
        };
        match xid {
            UNKNOWN_XID => tracing::warn!(
                gpu = %identity,
                xid,
                "the driver reports an XID event and does not tell its code; see `dmesg | grep -i xid`"
            ),
            xid => tracing::warn!(gpu = %identity, xid, "the driver reports an XID event"),
        }
        counts.add(identity, xid, Time::now());
    }

    /// Whose event it is. Should a driver bring another handle than the index gave, the UUID tells.
    fn identity(&self, event: &EventData<'_>) -> Option<&str> {
        let key = raw::key(&event.device);
        let known = self.gpus.iter().find(|(known, _)| *known == key).or_else(|| {
            let uuid = event.device.uuid().ok()?;
            self.gpus.iter().find(|(_, identity)| *identity == uuid)
        });
        known.map(|(_, identity)| identity.as_str())
    }
}

/// The code of `event`. Nothing but XIDs was asked for, so an event without data, or not marked as one, is one all the
/// same, and there is no XID 0.
fn code(event: &EventData<'_>) -> u64 {
    match event.event_data {
        Some(XidError::Value(xid)) if xid != 0 => xid,
        _ => UNKNOWN_XID,
    }
}

/// Tells of an error once, until it is another or none.
fn note(failure: &mut Option<String>, error: &NvmlError) {
    let now = error.to_string();
    if failure.as_ref() != Some(&now) {
        tracing::warn!(%error, "XID events are not told for now; trying again until they are");
    }
    *failure = Some(now);
}

/// Tells that an error is over.
fn clear(failure: &mut Option<String>) {
    if failure.take().is_some() {
        tracing::info!("XID events are told again");
    }
}
