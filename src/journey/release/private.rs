//! The state directory: what a run leaves to the next one, and what must not be shown.
//!
//! Invariant: nobody but its owner may enter it or read a file in it; each file is replaced as a whole.

use std::io::{Read, Write};
use std::path::Path;

use super::error::{Error, disk, disk_io};
use super::place::{Directory, PRIVATE_DIRECTORY};
use super::record::{HEAD, decode, encode, rules};
use super::staging::{fresh_name, tidy};
use super::tree::Tree;
use crate::journey::digest::Digest;

/// A file that only its owner may read.
const PRIVATE_FILE: u32 = 0o600;
/// How the names of files begin that are not in their place yet.
const PREFIX: &str = ".new-";
/// Largest private file that is read, bytes: a record of a million files has 200 MB.
const LARGEST: u64 = 1 << 30;

/// The state directory.
#[derive(Debug)]
pub struct Private {
    root: Directory,
    records: Directory,
    /// Releases that new rules do not let pass.
    pub(super) withdrawn: Directory,
}

impl Private {
    /// Opens the state directory at `path`, making what is missing.
    ///
    /// # Errors
    /// When it cannot be made or written to.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let root = Directory::make(path, PRIVATE_DIRECTORY)?;
        let part = |name: &str| {
            let refused = disk("open or make the directory", &path.join(name));
            root.open_or_make(name, PRIVATE_DIRECTORY).map_err(refused)
        };
        let (records, withdrawn) = (part("records")?, part("withdrawn")?);
        Ok(Private { root, records, withdrawn })
    }

    /// Removes what a run that was killed left behind. The caller's run is the only one.
    pub(super) fn tidy(&self) -> Result<(), Error> {
        tidy(&self.root, PREFIX).and_then(|()| tidy(&self.records, PREFIX))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Replaces the file `name` by one with `bytes`, on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        put(&self.root, name, bytes, true)?;
        self.root.sync().map_err(disk("flush", self.root.path()))
    }

    /// The content of the file `name`; nothing where there is none, or it cannot be read.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        get(&self.root, name, LARGEST)
    }

    /// Takes the file `name` away; it is fine when it is not there.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        self.root.remove(name).map_err(disk("remove", &self.root.path().join(name)))
    }

    /// The record of the tree called `name`; nothing where there is none that can be trusted.
    pub(super) fn tree(&self, name: &str) -> Option<Tree> {
        decode(&get(&self.records, name, LARGEST)?)
    }

    /// The rules that the tree called `name` was last found clean by.
    pub(super) fn rules(&self, name: &str) -> Option<Digest> {
        rules(&get(&self.records, name, HEAD as u64)?)
    }

    /// Keeps the record of the tree called `name`. It is not flushed: a torn one is none.
    pub(super) fn record(&self, name: &str, tree: &Tree) -> Result<(), Error> {
        put(&self.records, name, &encode(tree), false)
    }

    /// Forgets the records of trees that `is_there` does not know.
    pub(super) fn forget(&self, is_there: impl Fn(&str) -> bool) -> Result<(), Error> {
        let refused = || disk("remove an old record in", self.records.path());
        for name in self.records.names().map_err(refused())? {
            if !name.to_str().is_ok_and(&is_there) {
                self.records.remove(name.as_c_str()).map_err(refused())?;
            }
        }
        Ok(())
    }
}

fn put(directory: &Directory, name: &str, bytes: &[u8], flush: bool) -> Result<(), Error> {
    let place = directory.path().join(name);
    let fresh = fresh_name(PREFIX);
    let mut file = directory.create(&fresh, PRIVATE_FILE).map_err(disk("write", &place))?;
    let written = file.write_all(bytes).and_then(|()| if flush { file.sync_all() } else { Ok(()) });
    let placed = written.and_then(|()| Ok(directory.rename(&fresh, directory, name)?));
    placed.map_err(|cause| {
        // It is removed by the next run otherwise.
        directory.unlink(fresh.as_str()).ok();
        disk_io("write", &place)(cause)
    })
}

/// The first `most` bytes of the file `name`.
fn get(directory: &Directory, name: &str, most: u64) -> Option<Vec<u8>> {
    let file = directory.read(name).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
