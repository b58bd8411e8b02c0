//! Snapshots: releases that a person has given a name, which no retention takes away.
//!
//! Invariant: a snapshot holds the bytes of the release it was made of; one that is there is never replaced.

use rustix::fs::FileType;

use super::Store;
use super::assemble::{Assembly, Origin, Touched};
use super::error::{Error, disk};
use super::place::PUBLIC_DIRECTORY;
use super::staging::Staging;
use super::tree::MANIFEST;
use crate::journey::digest::unhex;

/// How the name of a snapshot's record begins.
pub(super) const RECORD: &str = "snapshot-";

impl Store {
    /// Keeps the release called `hash` as the snapshot `id`; `false` when it is kept so already.
    ///
    /// # Errors
    /// When `id` is no plain name, another release has it, or the file system refuses.
    pub fn snapshot(&self, id: &str, hash: &str) -> Result<bool, Error> {
        check_id(id)?;
        let (record, missing) = (format!("{RECORD}{id}"), || Error::Unfit(format!("there is no release {hash}")));
        let base = self.find(hash)?.zip(self.private.tree(hash)).ok_or_else(missing)?;
        let refused = || disk("keep the snapshot", &self.snapshots.path().join(id));
        if self.snapshots.look(id).map_err(refused())?.is_some() {
            let is_same = self.private.tree(&record).is_some_and(|tree| tree.content == base.1.content);
            let other =
                || Error::Unfit(format!("there is a snapshot {id} already, of another release; name it otherwise"));
            return is_same.then_some(false).ok_or_else(other);
        }
        let staging = Staging::new(&self.snapshots)?;
        let entries = base.1.entries.clone();
        let origins = vec![Origin { is_fresh: false, piece: 0, codec: None }; entries.len()];
        let mut assembly = Assembly { entries, origins, pieces: &[], base: Some(&base), touched: Touched::default() };
        assembly.link(&staging.root);
        base.0.link(MANIFEST, &staging.root).map_err(refused())?;
        staging.root.allow(PUBLIC_DIRECTORY).map_err(refused())?;
        if !super::survey::is_intact(&staging.root, &base.1)? {
            return Err(Error::Unfit(format!("release {hash} is not as it was written; run again to have it mended")));
        }
        staging.root.sync_file_system().map_err(refused())?;
        self.private.record(&record, &base.1)?;
        staging.close(id)?;
        self.snapshots.sync().map_err(refused())?;
        Ok(true)
    }

    /// The names of all snapshots.
    pub(super) fn snapshot_names(&self) -> Result<Vec<String>, Error> {
        let refused = || disk("read the directory", self.snapshots.path());
        let mut names = Vec::new();
        for name in self.snapshots.names().map_err(refused())? {
            let is_directory = self.snapshots.look(name.as_c_str()).map_err(refused())?;
            if is_directory.is_some_and(|look| look.kind == FileType::Directory)
                && let Ok(name) = name.into_string()
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// Refuses what cannot be a snapshot's name.
///
/// # Errors
/// Says which names can.
pub fn check_id(id: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    // 64 hexadecimal digits would be taken for a release.
    let is_plain = !id.starts_with('.') && (1..=64).contains(&id.len()) && id.chars().all(fits) && unhex(id).is_none();
    let expected = "a snapshot's name has 1 to 64 of the characters A-Z a-z 0-9 . _ - and does not begin with a dot";
    is_plain.then_some(()).ok_or_else(|| Error::Unfit(expected.into()))
}
