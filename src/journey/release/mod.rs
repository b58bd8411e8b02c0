//! The releases: whole trees of scanned files, one of which `current` points to.
//!
//! ```text
//! output directory                      state directory (private)
//!   current -> releases/HASH              records/HASH        what each file was when it was written
//!   releases/HASH/manifest.json, ...      withdrawn/HASH-...  what new rules do not let pass
//!   snapshots/ID/manifest.json, ...       leak-report.json    why the last run was refused
//!   dist -> current
//!   site-data.json -> current/site-data.json
//! ```
//!
//! Invariants:
//!
//! 1. Killed at any instant, `current` points to a whole release, the old one or the new one; what was half-made is
//!    removed by the next run.
//! 2. What the gate has not found clean, by the present rules, never leaves the staging directory, which nobody else may
//!    enter.
//! 3. A release is never changed but by taking its place at once, or by going away; only the manifest's rules hash
//!    follows the rules.
//! 4. The same content has the same hash, and making it again writes nothing.
//! 5. No symbolic link below the output directory is followed.

mod assemble;
mod build;
mod canary;
mod codec;
mod error;
mod gate;
mod intake;
mod manifest;
mod media;
mod place;
mod pointer;
mod private;
mod record;
mod refusal;
mod rescan;
mod retain;
mod shelf;
mod sidecar;
mod snapshot;
mod staging;
mod steps;
mod survey;
mod sync;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub use build::{Built, Release, Terms};
pub use error::Error;
pub use gate::{Finding, Gate};
pub use intake::{Fill, Piece};
pub use manifest::{Listed, Manifest, VERSION};
pub(crate) use place::Directory;
pub use pointer::Note;
pub use private::Private;
pub use refusal::{Refusal, Unscanned};
pub use rescan::Withdrawn;
pub use shelf::{OnShelf, Opened, Pointed, Reader, Seen, Shelf, Sight};
pub use snapshot::check_id;
pub use steps::{Step, UNWATCHED, Watch};
pub use tree::MANIFEST;

use error::disk;
use place::PUBLIC_DIRECTORY;
use tree::Tree;

/// The releases' directory in the output directory.
const RELEASES: &str = "releases";
/// The snapshots' directory in the output directory.
const SNAPSHOTS: &str = "snapshots";

/// The output directory, held by this run alone.
#[derive(Debug)]
pub struct Store {
    output: Directory,
    releases: Directory,
    snapshots: Directory,
    private: Arc<Private>,
    /// The record of what is shown, with its name, from where its rules were looked at to where a release is made.
    shown: Mutex<Option<(String, Tree)>>,
}

impl Store {
    /// Takes the output directory at `output`, making what is missing in it, and removes what a run that was killed
    /// left behind. `private` is the state directory, which no other run may use meanwhile.
    ///
    /// # Errors
    /// When another run holds it, something stands in the way, or it cannot be written to.
    pub fn open(output: &Path, private: impl Into<Arc<Private>>) -> Result<Self, Error> {
        let private = private.into();
        let output = Directory::make(output, PUBLIC_DIRECTORY)?;
        let part = |name: &str| {
            let refused = disk("open or make the directory", &output.path().join(name));
            output.open_or_make(name, PUBLIC_DIRECTORY).map_err(refused)
        };
        let (releases, snapshots) = (part(RELEASES)?, part(SNAPSHOTS)?);
        if !releases.lock().map_err(disk("lock", releases.path()))? {
            return Err(Error::Held(output.path().display().to_string()));
        }
        let store = Store { output, releases, snapshots, private, shown: Mutex::default() };
        store.check_pointer()?;
        store.private.tidy()?;
        staging::tidy(&store.releases, staging::PREFIX)?;
        staging::tidy(&store.snapshots, staging::PREFIX)?;
        staging::tidy(&store.output, pointer::PREFIX)?;
        Ok(store)
    }

    /// The hash of the release that is shown, when `current` points to one.
    ///
    /// # Errors
    /// When the output directory cannot be read.
    pub fn current(&self) -> Result<Option<String>, Error> {
        let target = self.output.target(pointer::CURRENT).map_err(disk("read", self.output.path()))?;
        Ok(target.and_then(|target| pointer::named(&target).map(str::to_owned)))
    }

    /// What is shown, when it lies there exactly as it was written: every file was looked at, and nothing else is there.
    ///
    /// # Errors
    /// When the output directory cannot be read.
    pub fn intact(&self) -> Result<Option<Release>, Error> {
        let Some(hash) = self.current()? else { return Ok(None) };
        let (Some(tree), Some(root)) = (self.shown(&hash), self.find(&hash)?) else { return Ok(None) };
        Ok(survey::is_intact(&root, &tree)?.then(|| self.release(&hash, &tree, false)))
    }

    /// Whether what is shown has a file at `path`.
    ///
    /// # Errors
    /// When the output directory cannot be read.
    pub fn shows(&self, path: &str) -> Result<bool, Error> {
        let Some(root) = self.current()?.map(|hash| self.find(&hash)).transpose()?.flatten() else { return Ok(false) };
        Ok(root.look(path).map_err(disk("look at", root.path()))?.is_some())
    }

    /// The directory of the release called `hash`, when there is one.
    fn find(&self, hash: &str) -> Result<Option<Directory>, Error> {
        match self.releases.open(hash) {
            Ok(root) => Ok(Some(root)),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(other) => Err(disk("open the directory", &self.releases.path().join(hash))(other)),
        }
    }

    /// Keeps the record of what is shown until [`Store::shown`] asks for it: of a large release it takes a while to read.
    fn keep_shown(&self, name: &str, tree: Tree) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some((name.to_owned(), tree));
    }

    /// The record of the release called `hash`, which is shown: what was kept of it, else what is read now.
    fn shown(&self, hash: &str) -> Option<Tree> {
        let kept = self.shown.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.filter(|(name, _)| name == hash).map(|(_, tree)| tree).or_else(|| self.private.tree(hash))
    }

    fn release(&self, hash: &str, tree: &Tree, is_new: bool) -> Release {
        let path: PathBuf = self.releases.path().join(hash);
        Release { hash: hash.to_owned(), path, bytes: tree.bytes(), files: tree.entries.len() as u64, is_new }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Not left to the closing of the directory: a child that is being started has it open for a moment longer.
        self.releases.unlock().ok();
    }
}
