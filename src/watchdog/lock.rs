//! One watchdog at a time for one runtime directory.
//!
//! Invariant: the lock is the kernel's and ends with its holder; what the file says is only for people.

use std::fs::{File, TryLockError};
use std::path::Path;

use rustix::fs::OFlags;

use crate::lock_file;

/// The lock's file in the runtime directory.
pub const FILE: &str = "watchdog.lock";

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another instance has it.
    #[error("another instance holds {path}: {holder}; stop it first (`systemctl --user stop autoswe-watchdog`)")]
    Held {
        /// The file.
        path: String,
        /// What the holder wrote of itself.
        holder: String,
    },
    /// The file cannot be opened, locked or written.
    #[error("{path}: {cause}; is the runtime directory (runtime_dir) there, and may this user write to it?")]
    Unusable {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
}

/// Takes the lock in `directory`; it is given back when the file is dropped. `mode` says what this instance does.
///
/// # Errors
/// When another instance has it, or it cannot be had.
pub fn take(directory: &Path, mode: &str) -> Result<File, Error> {
    let place = directory.join(FILE);
    let path = place.display().to_string();
    let unusable = |cause| Error::Unusable { path: path.clone(), cause };
    let file = lock_file::open(&place, 0o644, OFlags::empty()).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Error::Held { path, holder: lock_file::holder(&file) }),
        Err(TryLockError::Error(cause)) => return Err(unusable(cause)),
    }
    lock_file::sign(&file, Some(mode)).map_err(unusable)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let held = take(directory.path(), "daemon").unwrap();
        let error = take(directory.path(), "once").unwrap_err();
        let expected = format!("pid {}, daemon, since 2", std::process::id());
        assert!(matches!(&error, Error::Held { holder, .. } if holder.starts_with(&expected)), "{error}");
        assert!(error.to_string().contains("watchdog.lock: pid "), "{error}");
        drop(held);
        take(directory.path(), "once").unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = take(Path::new("/nowhere/at/all"), "daemon").unwrap_err().to_string();
        assert!(
            error.contains("/nowhere/at/all/watchdog.lock: No such file") && error.contains("runtime_dir"),
            "{error}"
        );
    }
}
