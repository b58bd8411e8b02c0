//! The private directory in which a judge finds what it gets by file: a prompt may hold the loop's own words.
//!
//! It is made in the directory for temporary files, where anybody may write, and goes with this. A program that is killed
//! leaves it behind; the next one removes it.
//!
//! Invariants: a directory with a lock's file in it is that of a judge, who has locked it since before it had this name
//! and to its end; so what has one that is free is nobody's. Private bytes come after the lock and go before it. No link
//! is followed, and nothing that another user owns or may write to is touched.

use std::ffi::CStr;
use std::fs::Permissions;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fstat, openat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::journey::release::Directory;
use crate::lock_file;

/// How the names of the directories begin.
const PREFIX: &str = "autoswe-judge-";
/// The lock's file in one.
const LOCK: &str = "judge.lock";
/// Its name until it is locked.
const UNLOCKED: &str = "judge.lock.new";

/// The directory; it goes with all in it when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    root: Directory,
    _lock: lock_file::Lock,
}

impl Place {
    /// A new one in `parent`.
    ///
    /// # Errors
    /// When it cannot be made or locked.
    pub(super) fn new(parent: &Path) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        let made = builder.prefix(PREFIX).permissions(Permissions::from_mode(0o700)).tempdir_in(parent)?;
        let root = Directory::at(made.path())?;
        let lock = lock_file::take(&made.path().join(UNLOCKED))?.map_err(io::Error::other)?;
        // Whoever finds it under this name finds it locked.
        root.rename(UNLOCKED, &root, LOCK)?;
        Ok(Place { path: made.keep(), root, _lock: lock })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed now is tried again by the next judge.
        if clear(&self.root).is_ok() {
            std::fs::remove_dir(&self.path).ok();
        }
    }
}

/// Removes the directories in `parent` of this user's judges that are gone.
pub(super) fn tidy(parent: &Path) {
    let told = |name: &CStr, error: Errno| {
        let path = parent.join(name.to_string_lossy().as_ref());
        tracing::warn!(path = %path.display(), %error, "a judge that was killed left this, and it cannot be removed");
    };
    // Where it cannot be read there is nothing to be made either; that is told by whoever tries.
    let Ok(held) = Directory::at(parent) else { return };
    for name in held.names().unwrap_or_default() {
        if name.to_bytes().starts_with(PREFIX.as_bytes()) {
            remove_if_left(&held, &name).unwrap_or_else(|error| told(&name, error));
        }
    }
}

/// Removes the directory `name` in `parent` if a judge that is gone has left it there.
fn remove_if_left(parent: &Directory, name: &CStr) -> Result<(), Errno> {
    // A link, a file, another user's: none of ours.
    let Ok(root) = parent.open(name) else { return Ok(()) };
    if !is_private(&root) {
        return Ok(());
    }
    // For writing: some file systems lock nothing else.
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let Ok(lock) = openat(&root, LOCK, flags, Mode::empty()) else { return Ok(()) };
    // Held until all is gone, so that of two who find it one removes it.
    if !is_private(&lock) || flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(());
    }
    clear(&root)?;
    // Only an empty directory: what has taken its name meanwhile is not this one.
    match unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(other) => Err(other),
    }
}

/// Whether this user owns it, and no other may open it.
fn is_private(file: impl AsFd) -> bool {
    fstat(file).is_ok_and(|stat| stat.st_uid == geteuid().as_raw() && stat.st_mode & 0o077 == 0)
}

/// Removes what is in it, as much as can be, and then the lock: what is left stays marked as a judge's.
fn clear(root: &Directory) -> Result<(), Errno> {
    let names = root.names()?;
    let others = names.iter().filter(|name| name.to_bytes() != LOCK.as_bytes());
    let removed: Vec<Result<(), Errno>> = others.map(|name| root.remove(name.as_c_str())).collect();
    removed.into_iter().collect::<Result<(), Errno>>()?;
    root.remove(LOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_tidied_beside_others_stays_whole() {
        let parent = tempfile::tempdir().unwrap();
        let ask = || {
            for _ in 0..200 {
                let place = Place::new(parent.path()).unwrap();
                let prompt = place.path().join("prompt");
                std::fs::write(&prompt, "hello").unwrap();
                tidy(parent.path());
                assert_eq!(std::fs::read_to_string(prompt).unwrap(), "hello");
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(ask))));
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
