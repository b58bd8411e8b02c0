//! What happens when the rules change: every release that is kept, and every snapshot, is scanned again, and one that is
//! no longer clean is withdrawn.
//!
//! Invariant: what is withdrawn is moved, never deleted, to where only its owner can see it; what could not be scanned,
//! or is not as it was written, is withdrawn too; when that was shown, the newest release that is clean is shown
//! instead, or nothing.

use std::collections::HashSet;
use std::io::BufReader;

use serde::Serialize;

use super::error::{Error, disk, disk_io};
use super::gate::Gate;
use super::intake::{Verdict, judge, judge_manifest, judge_name, read_back};
use super::manifest::{self, Manifest};
use super::place::{Cursor, Directory, Identity, Look, PRIVATE_DIRECTORY, PUBLIC_FILE};
use super::refusal::{Refusal, Unscanned};
use super::staging::{PREFIX, fresh_name};
use super::steps::UNWATCHED;
use super::survey::{Survey, survey};
use super::tree::{Entry, MANIFEST, Tree, content_hash};
use super::{RELEASES, SNAPSHOTS, Store, snapshot};
use crate::journey::digest::Digest;
use crate::journey::threads::in_parts;

/// Files that a thread scans, at least.
const PART: usize = 16;

/// A release or snapshot that was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Withdrawn {
    /// Where it was: `releases/HASH` or `snapshots/ID`.
    pub place: String,
    /// Its name in the directory `withdrawn`.
    pub now: String,
    /// Whether it was the one that was shown.
    pub was_shown: bool,
    /// Why.
    pub refusal: Refusal,
}

impl Store {
    /// Scans every release and snapshot that the rules of `gate` have not passed yet, and withdraws those that fail.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn rescan(&self, gate: &dyn Gate) -> Result<Vec<Withdrawn>, Error> {
        let mut rescan = Rescan { store: self, gate, known: HashSet::new(), withdrawn: Vec::new() };
        // The newest first: it is the one that is shown.
        for name in self.by_age()?.iter().rev() {
            rescan.look_at(&self.releases, name, name)?;
        }
        for id in self.snapshot_names()? {
            rescan.look_at(&self.snapshots, &id, &format!("{}{id}", snapshot::RECORD))?;
        }
        Ok(rescan.withdrawn)
    }

    /// Replaces the manifest of the release whose record is called `record`, and the record. `tree` is what it holds.
    pub(super) fn renew_manifest(&self, record: &str, root: &Directory, tree: &mut Tree) -> Result<(), Error> {
        let place = root.path().join(MANIFEST);
        let refused = || disk("replace", &place);
        // It comes to be beside the releases, so that a kill leaves nothing in one that does not belong there.
        let fresh = fresh_name(PREFIX);
        let mut file = self.releases.create(&fresh, PUBLIC_FILE).map_err(refused())?;
        let written = std::io::Write::write_all(&mut file, &manifest::write(tree)).and_then(|()| file.sync_all());
        written.map_err(disk_io("replace", &place))?;
        tree.manifest = Look::at(&file).map_err(refused())?.identity;
        self.releases.rename(&fresh, root, MANIFEST).map_err(refused())?;
        root.sync().map_err(refused())?;
        self.private.record(record, tree)
    }
}

struct Rescan<'a> {
    store: &'a Store,
    gate: &'a dyn Gate,
    /// Contents that were found clean just now.
    known: HashSet<Digest>,
    withdrawn: Vec<Withdrawn>,
}

/// What is said of `file`, which is not what was released.
fn altered(file: &str) -> Verdict {
    Verdict {
        unscanned: Some(Unscanned { file: file.to_owned(), error: "it is not as it was released".into() }),
        ..Verdict::default()
    }
}

impl Rescan<'_> {
    fn look_at(&mut self, parent: &Directory, name: &str, record: &str) -> Result<(), Error> {
        if self.has_passed(record)? {
            return Ok(());
        }
        let root = parent.open(name).map_err(disk("open the directory", &parent.path().join(name)))?;
        let (tree, refusal) = self.scan(&root, record)?;
        match tree.filter(|_| refusal.is_empty()) {
            Some(mut tree) => self.store.renew_manifest(record, &root, &mut tree),
            None => self.withdraw(parent, name, refusal),
        }
    }

    /// Whether the record called `record` says so; that of what is shown is looked at as a whole.
    fn has_passed(&self, record: &str) -> Result<bool, Error> {
        let rules = self.gate.rules_hash();
        if self.store.current()?.as_deref() != Some(record) {
            return Ok(self.store.private.rules(record) == Some(rules));
        }
        let tree = self.store.private.tree(record).filter(|tree| tree.rules == rules);
        Ok(tree.map(|tree| self.store.keep_shown(record, tree)).is_some())
    }

    /// Reads and scans every file of a release; the tree is as it was found.
    fn scan(&mut self, root: &Directory, record: &str) -> Result<(Option<Tree>, Refusal), Error> {
        let mut refusal = Refusal::default();
        let Some(mut tree) = self.store.private.tree(record).or_else(|| listed(root)) else {
            refusal.note(altered(MANIFEST));
            return Ok((None, refusal));
        };
        tree.rules = self.gate.rules_hash();
        let Survey { foreign, .. } = survey(root, &tree.entries)?;
        if !foreign.is_empty() || content_hash(&tree.entries) != tree.content {
            refusal.note(altered("a file that does not belong there"));
        }
        let parts = in_parts(&tree.entries, PART, |entries| self.scan_part(root, entries));
        for (entry, scanned) in tree.entries.iter_mut().zip(parts.into_iter().flatten()) {
            let Some((identity, verdict)) = scanned else {
                refusal.note(altered(&entry.path));
                continue;
            };
            entry.identity = identity;
            if verdict.is_clean() {
                self.known.insert(entry.sha256);
            }
            refusal.note(verdict);
        }
        refusal.note(judge_manifest(self.gate, &tree));
        Ok((Some(tree), refusal))
    }

    fn scan_part(&self, root: &Directory, entries: &[Entry]) -> Vec<Option<(Identity, Verdict)>> {
        let (mut cursor, mut buffer) = (Cursor::new(root), Vec::new());
        entries.iter().map(|entry| self.scan_one(&mut cursor, entry, &mut buffer)).collect()
    }

    /// What a file is and what the gate says of it; nothing when it is not what was released.
    fn scan_one(&self, cursor: &mut Cursor<'_>, entry: &Entry, buffer: &mut Vec<u8>) -> Option<(Identity, Verdict)> {
        let (directory, name) = cursor.enter(&entry.path).ok()?;
        let mut file = directory.read(name).ok()?;
        let look = Look::at(&file).ok()?;
        if look.kind != rustix::fs::FileType::RegularFile || read_back(&mut file, buffer).ok()? != entry.sha256 {
            return None;
        }
        let verdict = match self.known.contains(&entry.sha256) {
            true => judge_name(self.gate, &entry.path),
            false => judge(self.gate, &entry.path, &mut file, buffer),
        };
        Some((look.identity, verdict))
    }

    fn withdraw(&mut self, parent: &Directory, name: &str, refusal: Refusal) -> Result<(), Error> {
        let store = self.store;
        let was_shown = std::ptr::eq(parent, &store.releases) && store.current()?.as_deref() == Some(name);
        if was_shown {
            self.show_another(name)?;
        }
        let now = fresh_name(&format!("{name}-"));
        move_away(parent, name, &store.private.withdrawn, &now)?;
        let kind = if std::ptr::eq(parent, &store.releases) { RELEASES } else { SNAPSHOTS };
        let withdrawn = Withdrawn { place: format!("{kind}/{name}"), now, was_shown, refusal };
        self.withdrawn.push(withdrawn);
        Ok(())
    }

    /// Shows the newest release that is clean in the place of the one called `bad`, or nothing.
    fn show_another(&mut self, bad: &str) -> Result<(), Error> {
        // At once: whatever the others are, this one must not be seen.
        self.store.show_nothing()?;
        for name in self.store.by_age()?.iter().rev().filter(|name| *name != bad) {
            let root = self.store.find(name)?;
            let Some(root) = root else { continue };
            if self.scan(&root, name)?.1.is_empty() {
                return self.store.flip(name, UNWATCHED).map(|_| ());
            }
        }
        Ok(())
    }
}

/// What the manifest in `root` lists, when it is one that lists what its hash says.
fn listed(root: &Directory) -> Option<Tree> {
    Manifest::listed(BufReader::new(root.read(MANIFEST).ok()?)).ok()
}

/// Moves the directory `name` of `from` to `new` in `to`, which may lie on another file system. It is closed to others
/// first, and no more under its name.
fn move_away(from: &Directory, name: &str, to: &Directory, new: &str) -> Result<(), Error> {
    let place = from.path().join(name);
    let refused = || disk("withdraw", &place);
    let aside = fresh_name(PREFIX);
    from.rename(name, from, &aside).map_err(refused())?;
    let root = from.open(aside.as_str()).map_err(refused())?;
    root.allow(PRIVATE_DIRECTORY).map_err(refused())?;
    match from.rename(&aside, to, new) {
        Err(rustix::io::Errno::XDEV) => {
            let copy = to.make_new(new, PRIVATE_DIRECTORY).map_err(refused())?;
            copy_all(&root, &copy)?;
            from.remove(aside.as_str()).map_err(refused())?;
        }
        other => other.map_err(refused())?,
    }
    to.sync().and_then(|()| from.sync()).map_err(refused())
}

/// Copies all files and directories; what is neither is left behind.
fn copy_all(from: &Directory, to: &Directory) -> Result<(), Error> {
    let refused = || disk("copy what is withdrawn from", from.path());
    for name in from.names().map_err(refused())? {
        let Ok(name) = name.into_string() else { continue };
        match from.look(name.as_str()).map_err(refused())?.map(|look| look.kind) {
            Some(rustix::fs::FileType::Directory) => {
                let inner = from.open(name.as_str()).map_err(refused())?;
                copy_all(&inner, &to.make_new(&name, PRIVATE_DIRECTORY).map_err(refused())?)?;
            }
            Some(rustix::fs::FileType::RegularFile) => {
                let mut file = from.read(&name).map_err(refused())?;
                let mut copy = to.create(&name, PUBLIC_FILE).map_err(refused())?;
                std::io::copy(&mut file, &mut copy).map_err(disk_io("copy what is withdrawn to", to.path()))?;
            }
            _ => {}
        }
    }
    to.sync().map_err(refused())
}
