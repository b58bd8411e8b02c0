//! The state of the alerts on a disk that may hang, read and written by a thread of its own.
//!
//! Invariant: nobody waits for the disk but that thread. It writes the newest state, and only one that differs from
//! what it wrote last.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::saved::Saved;

/// Time between two attempts to write what could not be written.
const AGAIN: Duration = Duration::from_secs(30);

/// The near end of the thread. It ends when this is dropped and its last write is done.
#[derive(Debug)]
pub struct Store(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    slot: Mutex<Slot>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Slot {
    /// What is not on the disk yet.
    wanted: Option<Saved>,
    /// A write is under way.
    writing: bool,
    /// Since when something waits to be written.
    since: Option<Instant>,
    /// How the last write went; `None` before the first.
    success: Option<bool>,
    closed: bool,
}

impl Slot {
    /// No write is under way any more.
    fn rest(&mut self) {
        self.writing = false;
        if self.wanted.is_none() {
            self.since = None;
        }
    }
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Starts the thread, which first reads the file at `path` and hands what it holds to `on_read`.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(path: PathBuf, on_read: impl FnOnce(Saved) + Send + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let far = Arc::clone(&shared);
        std::thread::Builder::new().name("alerts".into()).spawn(move || {
            let saved = Saved::read(&path).unwrap_or_else(|why| {
                tracing::error!("{why}");
                Saved::default()
            });
            let known = saved.clone();
            on_read(saved);
            write_all(&far, &path, known);
        })?;
        Ok(Store(shared))
    }

    /// Has `saved` written, in place of what waits.
    pub fn put(&self, saved: Saved) {
        let mut slot = self.0.slot();
        slot.wanted = Some(saved);
        slot.since.get_or_insert_with(Instant::now);
        drop(slot);
        self.0.moved.notify_all();
    }

    /// Whether the last write succeeded, and no other has been under way for long; `None` before the first.
    pub fn success(&self) -> Option<bool> {
        let slot = self.0.slot();
        let hangs = slot.since.is_some_and(|since| since.elapsed() > AGAIN);
        if hangs { Some(false) } else { slot.success }
    }

    /// Waits until all is written, for `patience` at most; blocks.
    pub fn finish(&self, patience: Duration) {
        let end = Instant::now() + patience;
        let mut slot = self.0.slot();
        while slot.wanted.is_some() || slot.writing {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || (slot.success == Some(false) && !slot.writing) {
                return;
            }
            slot = self.0.moved.wait_timeout(slot, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.0.slot().closed = true;
        self.0.moved.notify_all();
    }
}

/// Writes what is wanted until the near end is gone. `known` is what the file holds.
fn write_all(shared: &Shared, path: &std::path::Path, mut known: Saved) {
    let mut failure = None;
    while let Some(saved) = next(shared) {
        if saved == known && failure.is_none() {
            shared.slot().rest();
            shared.moved.notify_all();
            continue;
        }
        let written = saved.write(path);
        let mut slot = shared.slot();
        slot.rest();
        slot.success = Some(written.is_ok());
        if let Err(why) = &written {
            // Tried again, unless something newer came meanwhile.
            slot.wanted.get_or_insert(saved.clone());
            if failure.as_ref() != Some(why) {
                tracing::warn!("the state of the alerts is not saved, so that a restart forgets it: {why}");
            }
        } else if failure.is_some() {
            tracing::info!(path = %path.display(), "the state of the alerts is saved again");
        }
        drop(slot);
        shared.moved.notify_all();
        if written.is_ok() {
            known = saved;
        }
        failure = written.err();
    }
}

/// What is to be written next; `None` when nobody wants anything any more. After a failure it waits a while.
fn next(shared: &Shared) -> Option<Saved> {
    let mut slot = shared.slot();
    if slot.success == Some(false) && !slot.closed {
        slot =
            shared.moved.wait_timeout_while(slot, AGAIN, |slot| !slot.closed).unwrap_or_else(PoisonError::into_inner).0;
    }
    loop {
        if slot.closed && slot.success == Some(false) {
            return None;
        }
        if let Some(saved) = slot.wanted.take() {
            slot.writing = true;
            return Some(saved);
        }
        if slot.closed {
            return None;
        }
        slot = shared.moved.wait(slot).unwrap_or_else(PoisonError::into_inner);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::alert::active::Active;
    use crate::alert::saved::Told;
    use crate::check::example_now;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn started(path: PathBuf) -> (Store, Saved) {
        let (sender, read) = mpsc::channel();
        let store = Store::start(path, move |saved| sender.send(saved).unwrap()).unwrap();
        (store, read.recv_timeout(PATIENCE).unwrap())
    }

    fn some() -> Saved {
        Saved::new(&Active::restore(Some(example_now()), Vec::new()), &Told::default())
    }

    #[test]
    fn the_newest_state_is_there_at_the_next_start() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        let (store, read) = started(path.clone());
        assert_eq!(read, Saved::default());
        store.put(Saved::default());
        store.put(some());
        store.finish(PATIENCE);
        assert_eq!(store.success(), Some(true));
        assert_eq!(started(path).1, some());
    }

    #[test]
    fn what_is_there_already_is_not_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        let (store, read) = started(path.clone());
        store.put(read);
        store.finish(PATIENCE);
        assert_eq!(store.success(), None);
        assert!(!path.exists());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_and_holds_nothing_up() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = started(directory.path().join("gone/state.json"));
        store.put(some());
        store.finish(PATIENCE);
        assert_eq!(store.success(), Some(false));
    }
}
