//! Commits find their iterations: those that the history names, then the others by time.
//!
//! Invariant: a hash in an iteration is a full one; a commit that only its time assigns says so (`by_id`).

use std::collections::BTreeMap;

use super::super::inputs::{Commits, Gathered, RepoCommit};
use super::windows::{Owner, Windows};
use super::{Work, kinds};
use crate::journey::run::{Commit, Key, Origin};

/// What the repository says of a name.
enum Found<'a> {
    One(&'a RepoCommit),
    None,
    Several,
}

/// Takes all commits.
pub(super) fn take(work: &mut Work, windows: &Windows, gathered: &Gathered) {
    let none = Commits::default();
    let commits = gathered.commits.as_ref().unwrap_or(&none);
    let known: BTreeMap<&str, &RepoCommit> = commits.list.iter().map(|commit| (commit.hash.as_str(), commit)).collect();
    let notes = std::mem::take(&mut work.notes);
    let mut claimed: BTreeMap<String, Vec<(Key, Origin)>> = BTreeMap::new();
    for (place, note) in &notes {
        for name in &note.commits {
            let found = find(&known, name);
            let Some(commit) = named(work, *place, (name, note.from), &found, commits.whole) else { continue };
            let owners = claimed.entry(commit.hash.clone()).or_default();
            let key = work.iterations[*place].key;
            if owners.last().is_none_or(|(last, _)| *last != key) {
                owners.push((key, note.from));
                work.iterations[*place].commits.push(commit);
            }
        }
    }
    work.notes = notes;
    for (hash, owners) in claimed.iter().filter(|(_, owners)| owners.len() > 1) {
        let keys: Vec<String> = owners.iter().map(|(key, _)| key.to_string()).collect();
        let text = format!("{} name commit {hash}", keys.join(" and "));
        let from = owners.iter().map(|(_, from)| *from).collect();
        work.report.disagree(kinds::COMMIT_SHARED, Some(owners[0].0), text, from);
    }
    by_time(work, windows, commits, &claimed);
    for iteration in &mut work.iterations {
        iteration.commits.sort_by(|one, other| (one.at, &one.hash).cmp(&(other.at, &other.hash)));
    }
}

fn find<'a>(known: &BTreeMap<&str, &'a RepoCommit>, name: &str) -> Found<'a> {
    let mut found = known.range(name..).take_while(|(hash, _)| hash.starts_with(name));
    match (found.next(), found.next()) {
        (Some((_, commit)), None) => Found::One(commit),
        (Some(_), Some(_)) => Found::Several,
        (None, _) => Found::None,
    }
}

/// The commit that the history of iteration `place` names; `None` where only an abbreviation is known.
fn named(
    work: &mut Work,
    place: usize,
    (name, from): (&str, Origin),
    found: &Found<'_>,
    whole: bool,
) -> Option<Commit> {
    let key = work.iterations[place].key;
    if let Found::One(commit) = found {
        return Some(of(commit, from, true));
    }
    if whole {
        let why =
            if matches!(found, Found::Several) { "the repository has several such" } else { "the repository has not" };
        work.report.disagree(
            kinds::COMMIT_MISSING,
            Some(key),
            format!("{key} names commit {name}, which {why}"),
            vec![from],
        );
    }
    if name.len() != 40 && name.len() != 64 {
        if !whole {
            work.report.pass(&kinds::ABBREVIATED, from);
        }
        return None;
    }
    Some(Commit { hash: name.to_owned(), at: None, subject: None, changed: None, by_id: true, from })
}

fn of(commit: &RepoCommit, from: Origin, by_id: bool) -> Commit {
    let subject = Some(commit.subject.clone()).filter(|subject| !subject.is_empty());
    Commit { hash: commit.hash.clone(), at: commit.at, subject, changed: commit.changed, by_id, from }
}

/// Assigns what nobody names to the one iteration that ran when it was committed.
fn by_time(work: &mut Work, windows: &Windows, commits: &Commits, claimed: &BTreeMap<String, Vec<(Key, Origin)>>) {
    let from = Origin::of(commits.file, 0);
    for commit in commits.list.iter().filter(|commit| commit.reachable && !claimed.contains_key(&commit.hash)) {
        match commit.at.map_or(Owner::Nobody, |at| windows.at(at.as_millisecond())) {
            Owner::One(place) => work.iterations[place].commits.push(of(commit, from, false)),
            Owner::Nobody | Owner::Several => work.report.pass(&kinds::UNASSIGNED_COMMITS, from),
        }
    }
}
