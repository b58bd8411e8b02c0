//! The commits of the loop's repository.
//!
//! ```text
//! look (HEAD and refs, no child)  ->  kept, when the tip is known  ->  commits
//!                                     log (one child, streamed)
//! ```
//!
//! Invariants: looking starts no child; `git` is asked from the tip that was frozen, with a deadline; nothing that a
//! hostile repository configures is run (`log.rs` says why); what is kept only saves time.

mod kept;
pub(super) mod log;
mod refs;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub use refs::{Repository, Tip, look};

use super::gathered::{Commits, RepoCommit};
use crate::observation::Time;
use kept::Kept;

/// Hashes that the history names and the tip does not lead to that are asked for in one run.
const NAMED: usize = 1000;

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// No commit before this; `None`: all.
    pub since: Option<Time>,
    /// Hashes, whole or abbreviated, that the history names.
    pub named: BTreeSet<String>,
}

/// The commits of `repository` since then, and those that are named wherever they are; with them or in their place why
/// not all could be read. `state_dir` keeps what saves the next run time.
pub fn commits(repository: &Repository, question: &Question, state_dir: &Path) -> (Option<Commits>, Option<String>) {
    if repository.tip == Tip::Unborn {
        return (Some(Commits { whole: true, ..Commits::default() }), None);
    }
    let path = state_dir.join("inputs/commits.json");
    let known = Kept::load(&path, repository, question.since);
    let mut kept = known.clone().unwrap_or_default();
    if let Err(why) = kept.follow(repository, question.since).and_then(|()| kept.ask_for(repository, &question.named)) {
        let partly = (!kept.commits.is_empty()).then(|| list(&kept, question, false));
        return (partly, Some(why));
    }
    if known.as_ref() != Some(&kept) {
        kept.store(&path);
    }
    (Some(list(&kept, question, true)), None)
}

fn list(kept: &Kept, question: &Question, whole: bool) -> Commits {
    let in_time = |commit: &&RepoCommit| question.since.is_none_or(|since| commit.at.is_none_or(|at| at >= since));
    let reachable = kept.commits.iter().filter(in_time);
    let wanted = |commit: &&RepoCommit| question.named.iter().any(|name| commit.hash.starts_with(name.as_str()));
    let mut list: Vec<RepoCommit> = reachable.chain(kept.named.iter().filter(wanted)).cloned().collect();
    list.sort_by(|one, other| (one.at, &one.hash).cmp(&(other.at, &other.hash)));
    list.dedup_by(|later, earlier| later.hash == earlier.hash);
    Commits { file: 0, list, whole }
}

impl Kept {
    /// Goes to the repository's tip: by what is new since the kept one, or from the start.
    fn follow(&mut self, repository: &Repository, since: Option<Time>) -> Result<(), String> {
        if self.tip == repository.tip.key() {
            return Ok(());
        }
        let known = self.index();
        if let Tip::Hash(tip) = &repository.tip
            && self.connected
        {
            let news = match known.contains_key(tip.as_str()) {
                true => Ok(Vec::new()),
                false => log::since(repository, tip, self.last_hash(), self.since),
            };
            // An old tip that is no longer there, and whatever else went wrong, is what reading anew is for.
            if let Ok(news) = news
                && self.walk(tip, news)
            {
                self.tip = repository.tip.key();
                self.absent.clear();
                return Ok(());
            }
        }
        let mut anew = Kept::new(repository, since);
        let read = log::since(repository, repository.tip.revision(), None, since);
        let (commits, failure) = match read {
            Ok(commits) => (commits, None),
            Err(log::Failure { partly, why, .. }) => (partly, Some(why)),
        };
        anew.take(commits, repository.tip.revision());
        *self = anew;
        if let Some(why) = failure {
            return Err(why);
        }
        self.tip = repository.tip.key();
        Ok(())
    }

    /// Looks for what the history names and the tip does not lead to: a change that was taken back is such a commit.
    fn ask_for(&mut self, repository: &Repository, names: &BTreeSet<String>) -> Result<(), String> {
        let known = self.index();
        let is_known = |name: &&String| {
            let next = known.range(name.as_str()..).next();
            next.is_some_and(|(hash, _)| hash.starts_with(name.as_str())) || self.absent.contains(*name)
        };
        let is_whole = |name: &&String| name.len() == 40 || name.len() == 64;
        let asked: Vec<String> =
            names.iter().filter(is_whole).filter(|name| !is_known(name)).take(NAMED).cloned().collect();
        if asked.is_empty() {
            return Ok(());
        }
        let found = log::named(repository, &asked).map_err(|failure| failure.why)?;
        let hashes: BTreeSet<&str> = found.iter().map(|commit| commit.hash.as_str()).collect();
        self.absent.extend(asked.iter().filter(|name| !hashes.contains(name.as_str())).cloned());
        self.named.extend(found.into_iter().map(|commit| RepoCommit { reachable: false, ..commit }));
        self.named.sort_by(|one, other| one.hash.cmp(&other.hash));
        Ok(())
    }

    /// Every commit by its hash.
    fn index(&self) -> BTreeMap<&str, &RepoCommit> {
        self.commits.iter().chain(&self.named).map(|commit| (commit.hash.as_str(), commit)).collect()
    }
}
