//! Where a release comes to be: a directory of its own beside the releases, which nobody else may enter.
//!
//! Invariant: what is in it is gone when the work ends without a release, and at the next run when it was killed.

use ring::rand::{SecureRandom, SystemRandom};
use rustix::io::Errno;

use super::error::{Error, disk};
use super::place::{Directory, PRIVATE_DIRECTORY};
use crate::journey::digest::hex;

/// How the names of staging directories begin.
pub(super) const PREFIX: &str = ".staging-";

/// A staging directory, which is removed with this.
#[derive(Debug)]
pub(super) struct Staging<'a> {
    parent: &'a Directory,
    name: String,
    /// The directory.
    pub(super) root: Directory,
    is_kept: bool,
}

impl<'a> Staging<'a> {
    /// An empty one in `parent`.
    pub(super) fn new(parent: &'a Directory) -> Result<Self, Error> {
        let name = fresh_name(PREFIX);
        let refused = || disk("make a staging directory in", parent.path());
        let root = parent.make_new(&name, PRIVATE_DIRECTORY).map_err(refused())?;
        Ok(Staging { parent, name, root, is_kept: false })
    }

    /// One made of the directory `old` in `parent`, which is no more under that name.
    pub(super) fn of(parent: &'a Directory, old: &str) -> Result<Self, Error> {
        let name = fresh_name(PREFIX);
        let refused = || disk("take as a staging directory", parent.path());
        parent.rename(old, parent, &name).map_err(refused())?;
        let root = parent.open(name.as_str()).map_err(refused())?;
        let staging = Staging { parent, name, root, is_kept: false };
        staging.root.allow(PRIVATE_DIRECTORY).map_err(refused())?;
        Ok(staging)
    }

    /// Puts it in its place, `name` in the same directory; what stands there is exchanged for it and removed.
    pub(super) fn close(mut self, name: &str) -> Result<(), Error> {
        let refused = || disk("put in place", self.root.path());
        if self.parent.look(name).map_err(refused())?.is_none() {
            self.parent.rename(&self.name, self.parent, name).map_err(refused())?;
            self.is_kept = true;
            return Ok(());
        }
        match self.parent.exchange(&self.name, name) {
            // What was exchanged for it is under the staging name now, and goes with this.
            Ok(()) => Ok(()),
            // A file system without exchange (NFS): for an instant nothing stands there.
            Err(Errno::INVAL | Errno::NOSYS) => {
                let aside = fresh_name(PREFIX);
                self.parent.rename(name, self.parent, &aside).map_err(refused())?;
                self.parent.rename(&self.name, self.parent, name).map_err(refused())?;
                self.name = aside;
                Ok(())
            }
            Err(other) => Err(refused()(other)),
        }
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed now is removed by the next run.
            self.parent.remove(self.name.as_str()).ok();
        }
    }
}

/// A name that nobody can foresee, which begins with `prefix`.
pub(super) fn fresh_name(prefix: &str) -> String {
    let mut chance = [0; 32];
    // Without random bytes the name is taken, or free; what stands there is never followed.
    SystemRandom::new().fill(&mut chance).ok();
    format!("{prefix}{}-{}", std::process::id(), &hex(&chance)[..16])
}

/// Removes what earlier runs left in `parent`.
pub(super) fn tidy(parent: &Directory, prefix: &str) -> Result<(), Error> {
    let refused = || disk("remove what an earlier run left in", parent.path());
    for name in parent.names().map_err(refused())? {
        if name.to_bytes().starts_with(prefix.as_bytes()) {
            parent.remove(name.as_c_str()).map_err(refused())?;
        }
    }
    Ok(())
}
