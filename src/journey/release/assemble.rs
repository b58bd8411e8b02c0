//! Puts a release together: new files, and those that stay as they were.
//!
//! Writing or linking twenty thousand files for one that changed would take most of the time there is. So the oldest
//! release, which is to go anyway, is the ground of the new one, and only what differs is done. A file is never written
//! in place, because older releases may share it.
//!
//! Invariant: every file of the tree that comes out was looked at after the last change to it, and is as its entry says.

use std::collections::BTreeSet;

use super::codec::Codec;
use super::error::{Error, disk};
use super::intake::{Intake, Piece, read_back};
use super::place::{Cursor, Directory, Look, PUBLIC_DIRECTORY, PUBLIC_FILE};
use super::survey::{Survey, survey};
use super::sync::Flush;
use super::tree::{Entry, InOrder, MANIFEST, Tree, parents};
use crate::journey::digest::Digest;

/// A release that is to be put together.
pub(super) struct Assembly<'a> {
    /// Its files in the order of their paths. The identity of those that stay is set on the way.
    pub(super) entries: Vec<Entry>,
    /// Where each of them comes from.
    pub(super) origins: Vec<Origin>,
    /// What they are made of, should one that stays turn out to be altered.
    pub(super) pieces: &'a [Piece<'a>],
    /// The release that those that stay are in.
    pub(super) base: Option<&'a (Directory, Tree)>,
    /// What was changed on the disk to get there.
    pub(super) touched: Touched,
}

/// Where a file of a release comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// Whether it is new and lies in the staging directory.
    pub(super) is_fresh: bool,
    /// The piece that makes it, by its place among them.
    pub(super) piece: usize,
    /// The form that it has as a sidecar of that piece's file.
    pub(super) codec: Option<Codec>,
}

/// The directories in which something was changed, and how new files were flushed.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Paths of directories; the root is the empty one.
    pub(super) directories: BTreeSet<String>,
    /// How files that were made are flushed. What stays, under whatever name, is on the disk since it was made.
    pub(super) flush: Flush,
}

impl Touched {
    /// Notes a change of the file at `path`.
    pub(super) fn note(&mut self, path: &str) {
        let within = path.rsplit_once('/').map_or("", |(within, _)| within);
        if !self.directories.contains(within) {
            // A directory on the way may be new as well.
            self.directories.extend(parents(path).chain([""]).map(str::to_owned));
        }
    }

    /// Has all that was changed below `root` on the disk.
    pub(super) fn finish(&self, root: &Directory) -> Result<(), Error> {
        self.flush.and(Flush::of(self.directories.len())).finish(root, &self.directories)
    }
}

impl Assembly<'_> {
    /// Brings what stays into `root`, where the new files are, as second names of the base's files.
    pub(super) fn link(&mut self, root: &Directory) {
        let mut cursors = Cursors::new(self.base, root);
        for (at, entry) in self.entries.iter_mut().enumerate() {
            self.touched.note(&entry.path);
            if !self.origins[at].is_fresh {
                cursors.link(entry);
            }
        }
    }

    /// Turns `old`, a release whose files are in `ground`, into this one; the new files are taken from `fresh`.
    pub(super) fn recycle(&mut self, ground: &Directory, old: &Tree, fresh: &Directory) -> Result<(), Error> {
        remove_other(ground, old, &self.entries, &mut self.touched);
        let mut cursors = Cursors::new(self.base, ground);
        let (mut source, mut known) = (Cursor::new(fresh), InOrder::new(&old.entries));
        for (at, entry) in self.entries.iter_mut().enumerate() {
            if let Some(same) = known.find(&entry.path).filter(|known| known.sha256 == entry.sha256) {
                entry.identity = same.identity;
                continue;
            }
            self.touched.note(&entry.path);
            match self.origins[at].is_fresh {
                true => cursors.take_over(&mut source, entry),
                false => cursors.link(entry),
            }
        }
        ground.remove(MANIFEST).map_err(disk("remove the old manifest in", ground.path()))
    }

    /// Looks at all that is in `root` and mends what is not as its entry says: what was altered since it was written,
    /// what could not be linked, what somebody put there. Says how much it had to mend.
    pub(super) fn mend(&mut self, root: &Directory, intake: &Intake<'_>) -> Result<usize, Error> {
        let Survey { changed, foreign, closed, .. } = survey(root, &self.entries)?;
        for path in &closed {
            let refused = || disk("let everybody read", root.path());
            let mut cursor = Cursor::new(root);
            let (directory, name) = cursor.enter(path).map_err(refused())?;
            directory.open(name).and_then(|open| open.allow(PUBLIC_DIRECTORY)).map_err(refused())?;
        }
        for (within, name) in &foreign {
            let mut cursor = Cursor::new(root);
            let refused = || disk("remove what does not belong in", root.path());
            let (directory, _) = cursor.enter(within).map_err(refused())?;
            directory.remove(name.as_c_str()).map_err(refused())?;
        }
        let (mut cursor, mut buffer) = (Cursor::making(root), Vec::new());
        for (within, _) in &foreign {
            self.touched.note(within);
        }
        for at in &changed {
            self.touched.note(&self.entries[*at].path);
            self.mend_one(*at, &mut cursor, intake, &mut buffer)?;
        }
        Ok(changed.len() + foreign.len() + closed.len())
    }

    /// A file that only looks otherwise (it was copied, or restored from a backup) is kept; another is made again.
    fn mend_one(
        &mut self,
        at: usize,
        cursor: &mut Cursor<'_>,
        intake: &Intake<'_>,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let (entry, Origin { piece, codec, .. }) = (&mut self.entries[at], self.origins[at]);
        let place = intake.staging.path().join(&entry.path);
        let (directory, name) = cursor.enter(&entry.path).map_err(disk("make the directory of", &place))?;
        if let Some(look) = same_content(directory, name, &entry.sha256, buffer) {
            entry.identity = look.identity;
            return Ok(());
        }
        directory.remove(name).map_err(disk("remove", &place))?;
        let piece = &self.pieces[piece];
        let taken = match codec {
            None => Some(intake.take(cursor, piece, buffer)?),
            // Its file stands before it in the order of the paths, and is as it was written by now.
            Some(codec) => intake.pack(cursor, &piece.path, codec, buffer)?,
        };
        let same = taken.filter(|taken| taken.sha256 == entry.sha256 && taken.verdict.is_clean());
        let other = || Error::Unfit(format!("{} was made twice, and is not the same; report it as a bug", entry.path));
        entry.identity = same.ok_or_else(other)?.identity;
        Ok(())
    }
}

/// The regular file `name`, when it holds what `expected` is the hash of; it is readable by everybody then.
fn same_content(directory: &Directory, name: &str, expected: &Digest, buffer: &mut Vec<u8>) -> Option<Look> {
    let mut file = directory.read(name).ok()?;
    let look = Look::at(&file).ok()?;
    let is_file = look.kind == rustix::fs::FileType::RegularFile;
    if !is_file || read_back(&mut file, buffer).ok()? != *expected {
        return None;
    }
    rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(PUBLIC_FILE)).ok()?;
    Some(look)
}

/// Takes away from `ground` the files of `old` that `entries` do not have, or have with another content.
fn remove_other(ground: &Directory, old: &Tree, entries: &[Entry], touched: &mut Touched) {
    let (mut cursor, mut wanted) = (Cursor::new(ground), InOrder::new(entries));
    for known in &old.entries {
        if wanted.find(&known.path).is_some_and(|entry| entry.sha256 == known.sha256) {
            continue;
        }
        // What is gone already, or is no file any more, is found when all is looked at.
        if let Ok((directory, name)) = cursor.enter(&known.path) {
            directory.unlink(name).ok();
        }
        touched.note(&known.path);
    }
}

/// From where and to where files are brought.
struct Cursors<'a> {
    base: Option<(Cursor<'a>, &'a Tree)>,
    to: Cursor<'a>,
}

impl<'a> Cursors<'a> {
    fn new(base: Option<&'a (Directory, Tree)>, root: &'a Directory) -> Self {
        let base = base.map(|(directory, tree)| (Cursor::new(directory), tree));
        Cursors { base, to: Cursor::making(root) }
    }

    /// Gives the base's file of `entry` a second name. Where that fails (it is gone, has too many names, the file system
    /// has none, something stands in the way), the file is missing afterwards and is made again.
    fn link(&mut self, entry: &mut Entry) {
        let Some((from, tree)) = &mut self.base else { return };
        if let Some(known) = tree.find(&entry.path) {
            entry.identity = known.identity;
        }
        let Ok((to, name)) = self.to.enter(&entry.path) else { return };
        if let Ok((from, _)) = from.enter(&entry.path) {
            from.link(name, to).ok();
        }
    }

    /// Moves the new file of `entry` to its place. Where that fails it is missing afterwards and is made again.
    fn take_over(&mut self, fresh: &mut Cursor<'_>, entry: &Entry) {
        let Ok((to, name)) = self.to.enter(&entry.path) else { return };
        if let Ok((from, _)) = fresh.enter(&entry.path) {
            from.rename(name, to, name).ok();
        }
    }
}
