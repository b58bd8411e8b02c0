//! One run at a time for one state directory.
//!
//! Invariant: the lock is the kernel's and ends with its holder; what the file says is only for people.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Progress;
use crate::lock_file::{self, Lock};

/// The lock's file in the state directory.
pub(super) const FILE: &str = "journey.lock";

/// How often a held lock is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another run has it.
    #[error("another run is at work ({holder}, {path}); it was left to it: try later, or wait for it with --wait")]
    Held {
        /// The file.
        path: String,
        /// What the holder wrote of itself.
        holder: String,
    },
    /// The file cannot be opened, locked or written.
    #[error("{path}: {cause}; let this user write to journey.state_dir")]
    Unusable {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
}

/// Takes the lock in `directory`, waiting up to `patience` for another run to end; `told` hears of it.
///
/// # Errors
/// When another run has it still, or it cannot be had.
pub(super) fn take(directory: &Path, patience: Duration, told: super::Told<'_>) -> Result<Lock, Error> {
    let path = directory.join(FILE);
    let start = Instant::now();
    loop {
        let shown = || path.display().to_string();
        let holder = match lock_file::take(&path) {
            Ok(Ok(lock)) => return Ok(lock),
            Ok(Err(holder)) => holder,
            Err(cause) => return Err(Error::Unusable { path: shown(), cause }),
        };
        if start.elapsed() >= patience {
            return Err(Error::Held { path: shown(), holder });
        }
        told(Progress::Waiting { holder: &holder });
        std::thread::sleep(AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it_and_may_wait() {
        let directory = tempfile::tempdir().unwrap();
        let held = take(directory.path(), Duration::ZERO, &|_| {}).unwrap();
        let error = take(directory.path(), Duration::ZERO, &|_| {}).unwrap_err();
        let expected = format!("pid {}, since 2", std::process::id());
        assert!(matches!(&error, Error::Held { holder, .. } if holder.starts_with(&expected)), "{error}");
        let (heard, held) = (std::sync::Mutex::new(Vec::new()), std::sync::Mutex::new(Some(held)));
        let told = |progress: Progress<'_>| {
            let Progress::Waiting { holder } = progress else { panic!("it waits") };
            heard.lock().unwrap().push(holder.to_owned());
            held.lock().unwrap().take();
        };
        take(directory.path(), Duration::from_secs(60), &told).unwrap();
        assert!(heard.lock().unwrap()[0].starts_with(&expected));
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = take(Path::new("/nowhere/at/all"), Duration::ZERO, &|_| {}).unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all/journey.lock: No such file"), "{error}");
    }
}
