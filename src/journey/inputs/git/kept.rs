//! The commits that were read before, kept under `state_dir/inputs/commits.json`.
//!
//! Invariant: what is kept belongs to one repository, one beginning of the run and one end of a shallow clone; where any
//! of them is another, nothing is taken from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::gathered::RepoCommit;
use super::super::kept;
use super::refs::Repository;
use crate::observation::Time;

/// The version of what is kept.
const VERSION: u32 = 1;

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    version: u32,
    directory: PathBuf,
    shallow: Vec<String>,
    /// No commit before this was asked for.
    pub(super) since: Option<Time>,
    /// The tip's key; empty when not all commits could be read.
    pub(super) tip: String,
    /// The commit that the tip was.
    tip_hash: Option<String>,
    /// Walking from parent to parent meets every commit: none is hidden behind one with an earlier date than the run's.
    pub(super) connected: bool,
    /// What the tip leads to.
    pub(super) commits: Vec<RepoCommit>,
    /// What only the history names.
    pub(super) named: Vec<RepoCommit>,
    /// What the history names and the repository had not when the tip was this one.
    pub(super) absent: BTreeSet<String>,
}

impl Kept {
    /// Nothing of `repository` yet.
    pub(super) fn new(repository: &Repository, since: Option<Time>) -> Self {
        let (directory, shallow) = (repository.directory.clone(), repository.shallow.clone());
        Kept { version: VERSION, directory, shallow, since, ..Kept::default() }
    }

    /// What `path` keeps, when it is of use.
    pub(super) fn load(path: &Path, repository: &Repository, since: Option<Time>) -> Option<Self> {
        let is_of_use = |kept: &Kept| {
            let reaches = match (kept.since, since) {
                (None, _) => true,
                (Some(kept), Some(wanted)) => kept <= wanted,
                (Some(_), None) => false,
            };
            kept.version == VERSION
                && reaches
                && kept.directory == repository.directory
                && kept.shallow == repository.shallow
        };
        kept::load(path).filter(is_of_use)
    }

    /// Keeps it.
    pub(super) fn store(&self, path: &Path) {
        if let Err(error) = kept::store(path, self) {
            tracing::warn!(path = %path.display(), %error, "the commits that were read cannot be kept");
        }
    }

    /// The commit that the kept tip was.
    pub(super) fn last_hash(&self) -> Option<&str> {
        self.tip_hash.as_deref()
    }

    /// Takes everything that `revision` leads to, newest first as git has it.
    pub(super) fn take(&mut self, commits: Vec<RepoCommit>, revision: &str) {
        let first = commits.first().map(|commit| commit.hash.clone());
        self.tip_hash = Some(revision.to_owned()).filter(|revision| revision != "HEAD").or(first);
        let all = commits.len();
        self.commits = commits;
        let tip = self.tip_hash.clone().unwrap_or_default();
        self.connected = self.led_to(&tip, &[]).len() == all;
    }

    /// Goes to `tip`, given what is new on the way to it; false when the way to it is not known.
    pub(super) fn walk(&mut self, tip: &str, news: Vec<RepoCommit>) -> bool {
        let reached = self.led_to(tip, &news);
        let is_new = |commit: &RepoCommit| reached.contains(commit.hash.as_str());
        // Each of the new ones is on the way, or one with an early date hides it.
        if !news.iter().all(is_new) || reached.is_empty() {
            return false;
        }
        let reached: BTreeSet<String> = reached.into_iter().map(str::to_owned).collect();
        self.commits.extend(news);
        self.commits.retain(|commit| reached.contains(&commit.hash));
        self.commits.sort_by(|one, other| (other.at, &other.hash).cmp(&(one.at, &one.hash)));
        self.tip_hash = Some(tip.to_owned());
        true
    }

    /// The known commits that `tip` leads to.
    fn led_to<'a>(&'a self, tip: &str, news: &'a [RepoCommit]) -> BTreeSet<&'a str> {
        let known: BTreeMap<&str, &RepoCommit> =
            self.commits.iter().chain(news).map(|commit| (commit.hash.as_str(), commit)).collect();
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = known.get_key_value(tip).map(|(hash, _)| *hash).into_iter().collect();
        while let Some(hash) = open.pop() {
            if reached.insert(hash) {
                let parents = known.get(hash).map_or(&[][..], |commit| &commit.parents);
                open.extend(
                    parents.iter().filter_map(|parent| known.get_key_value(parent.as_str())).map(|(hash, _)| *hash),
                );
            }
        }
        reached
    }
}
