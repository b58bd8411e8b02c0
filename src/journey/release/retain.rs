//! Which releases stay, and which go.
//!
//! Invariant: what is shown never goes, nor what was just made.

use super::Store;
use super::error::{Error, disk, disk_io};
use super::shelf::by_age;
use super::steps::{Step, Watch};
use super::tree::Tree;

impl Store {
    /// Every release, the oldest first: by when it was made or last shown.
    pub(super) fn by_age(&self) -> Result<Vec<String>, Error> {
        by_age(&self.releases)
    }

    /// The oldest release, where it goes once the one called `new` is there, and what is known of its files.
    pub(super) fn recyclable(&self, keep: usize, new: &str) -> Result<Option<(String, Tree)>, Error> {
        let (releases, current) = (self.by_age()?, self.current()?);
        if releases.len() <= keep {
            return Ok(None);
        }
        let oldest = releases.into_iter().find(|name| name != new && current.as_ref() != Some(name));
        Ok(oldest.and_then(|name| self.private.tree(&name).map(|tree| (name, tree))))
    }

    /// Removes the oldest releases but for `keep` beside the one that is shown and the one called `new`, and forgets
    /// what was known of them.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn prune(&self, keep: usize, new: &str, watch: Watch<'_>) -> Result<(), Error> {
        let current = self.current()?;
        let mut others = self.by_age()?;
        others.retain(|name| name != new && current.as_ref() != Some(name));
        // One that was made and is not shown counts among those that are kept.
        let unshown = usize::from(current.as_deref() != Some(new));
        others.truncate(others.len().saturating_sub(keep.saturating_sub(unshown)));
        for name in &others {
            let refused = disk("remove the old release", &self.releases.path().join(name));
            self.releases.remove(name.as_str()).map_err(refused)?;
        }
        let (releases, snapshots) = (self.by_age()?, self.snapshot_names()?);
        self.private.forget(|record| {
            let is_snapshot = |id: &str| snapshots.iter().any(|known| known == id);
            record.strip_prefix(super::snapshot::RECORD).is_some_and(is_snapshot)
                || releases.iter().any(|known| known == record)
        })?;
        watch(Step::Pruned).map_err(disk_io("remove an old release in", self.releases.path()))
    }
}
