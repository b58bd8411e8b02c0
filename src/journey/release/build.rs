//! Makes a release: what changed is made and scanned, what did not stays, and the whole takes its place at once.
//!
//! Invariant: the order of the steps is what makes a kill harmless. Everything new is scanned before a release is
//! touched; everything is on the disk before it is put in its place; it is in its place before anything points to it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::assemble::{Assembly, Origin, Touched};
use super::canary;
use super::codec::{Codec, LARGE};
use super::error::{Error, disk, disk_io};
use super::gate::Gate;
use super::intake::{Intake, Piece, Taken, judge_manifest};
use super::manifest;
use super::place::{Cursor, Directory, Identity, PUBLIC_DIRECTORY};
use super::refusal::Refusal;
use super::sidecar::{self, Wanted};
use super::staging::Staging;
use super::steps::{Step, Watch};
use super::sync::Flush;
use super::tree::{Entry, InOrder, MANIFEST, Tree, check_paths, content_hash};
use super::{Store, survey};
use crate::journey::digest::{Digest, hex};
use crate::observation::Time;

/// What a release is made under.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// The newest time that the inputs told.
    pub as_of: Option<Time>,
    /// Releases that are kept beside the one that is shown.
    pub keep: usize,
    /// Whether files that compress well get compressed forms beside them.
    pub sidecars: bool,
    /// Who is told how far it has come.
    pub watch: Watch<'a>,
}

/// What came of it.
#[derive(Debug)]
pub enum Built {
    /// A release that is clean, in its place.
    Clean(Release),
    /// The gate found something. Nothing was published.
    Refused(Refusal),
}

/// A release that lies in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its content's hash, 64 hexadecimal digits.
    pub hash: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Bytes of its files, without the manifest.
    pub bytes: u64,
    /// Its files, without the manifest.
    pub files: u64,
    /// Whether it was made just now; otherwise it was there already.
    pub is_new: bool,
}

/// A release in the making.
struct Making<'a> {
    store: &'a Store,
    pieces: &'a [Piece<'a>],
    /// The sidecars of each piece's file.
    sidecars: Vec<Wanted>,
    terms: Terms<'a>,
    gate: &'a dyn Gate,
    base: Option<&'a (Directory, Tree)>,
    /// What stays of the base for each piece: its file is made of the same.
    kept: Vec<Option<&'a Entry>>,
    /// Contents of the base.
    clean: HashSet<Digest>,
}

/// What was made of a piece.
struct Made {
    file: Taken,
    /// Sidecars of a file that is not [`LARGE`].
    sidecars: Vec<(Codec, Taken)>,
}

impl Store {
    /// Makes a release of `pieces`, which may come in any order. It is not shown yet: see [`Store::flip`].
    ///
    /// # Errors
    /// When the gate let a planted secret pass, a piece cannot be made, or the file system refuses. Then, as when it is
    /// refused, what is shown stays as it is.
    pub fn build(&self, mut pieces: Vec<Piece<'_>>, gate: &dyn Gate, terms: Terms<'_>) -> Result<Built, Error> {
        pieces.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        check_paths(pieces.iter().map(|piece| piece.path.as_str()))?;
        let base = self.base(gate)?;
        let sidecars = if terms.sidecars { sidecar::plan(&mut pieces) } else { vec![Wanted::default(); pieces.len()] };
        let base = base.as_ref();
        let entries = base.map_or(&[][..], |(_, tree)| &tree.entries);
        let mut known = InOrder::new(entries);
        let kept = |piece: &Piece<'_>| known.find(&piece.path).filter(|entry| entry.source == piece.source);
        let kept = pieces.iter().map(kept).collect();
        let clean = entries.iter().map(|entry| entry.sha256).collect();
        Making { store: self, pieces: &pieces, sidecars, terms, gate, base, kept, clean }.make()
    }

    /// The release that is shown, when its files were found clean by the rules of `gate`.
    fn base(&self, gate: &dyn Gate) -> Result<Option<(Directory, Tree)>, Error> {
        let Some(hash) = self.current()? else { return Ok(None) };
        let tree = self.shown(&hash).filter(|tree| tree.rules == gate.rules_hash());
        Ok(self.find(&hash)?.zip(tree))
    }
}

impl Making<'_> {
    fn make(&self) -> Result<Built, Error> {
        let wanted: Vec<usize> = (0..self.pieces.len()).filter(|at| self.kept[*at].is_none()).collect();
        let staging = Staging::new(&self.store.releases)?;
        // Decided once, for sidecars too: what is not flushed here is flushed when the release is closed.
        let flush = Flush::of(wanted.len());
        let intake = self.intake(&staging.root, flush);
        canary::plant(&intake)?;
        let made = self.make_all(&intake, &wanted)?;
        let (mut files, mut refusal) = self.gather(&wanted, made);
        if refusal.is_empty() {
            self.pack_large(&intake, &mut files, &mut refusal)?;
        }
        if !refusal.is_empty() {
            return Ok(Built::Refused(refusal));
        }
        self.tell(Step::Made)?;
        // They are in order but for the sidecars that are new: a sort that makes use of that.
        files.sort_by(|(one, _), (other, _)| one.path.cmp(&other.path));
        let (entries, origins) = files.into_iter().unzip();
        let touched = Touched { flush, ..Touched::default() };
        let assembly = Assembly { entries, origins, pieces: self.pieces, base: self.base, touched };
        let content = content_hash(&assembly.entries);
        match self.there_already(&content, &assembly.entries)? {
            Some(built) => Ok(built),
            None => self.put_in_place(content, assembly, staging),
        }
    }

    fn intake<'b>(&'b self, root: &'b Directory, flush: Flush) -> Intake<'b> {
        let Making { gate, base, clean, terms, .. } = self;
        Intake { staging: root, gate: *gate, base: *base, clean, flush: flush == Flush::OneByOne, watch: terms.watch }
    }

    fn tell(&self, step: Step) -> Result<(), Error> {
        (self.terms.watch)(step).map_err(disk_io("write below", self.store.releases.path()))
    }

    /// Makes and scans the pieces whose indices are `wanted`, and what they come to in the same order.
    fn make_all(&self, intake: &Intake<'_>, wanted: &[usize]) -> Result<Vec<Made>, Error> {
        let was_large = |piece: usize| {
            let known = self.base.and_then(|(_, tree)| tree.find(&self.pieces[piece].path));
            known.is_some_and(|entry| entry.identity.size > LARGE)
        };
        let mut queue: Vec<usize> = (0..wanted.len()).collect();
        // The large ones first: whoever came to one last would keep the others waiting.
        queue.sort_by_key(|at| !was_large(wanted[*at]));
        let done = AtomicUsize::new(0);
        intake.each(&queue, |at, cursor, buffer| {
            intake.told(Step::Making { done: done.fetch_add(1, Ordering::Relaxed), of: wanted.len() })?;
            self.make_one(intake, wanted[at], cursor, buffer)
        })
    }

    /// Makes and scans the piece at `at`, and its sidecars while it is at hand. Those of a large file take so long that
    /// each is made on a thread of its own, afterwards.
    fn make_one(
        &self,
        intake: &Intake<'_>,
        at: usize,
        cursor: &mut Cursor<'_>,
        buffer: &mut Vec<u8>,
    ) -> Result<Made, Error> {
        let piece = &self.pieces[at];
        let file = intake.take(cursor, piece, buffer)?;
        let mut sidecars = Vec::new();
        if file.verdict.is_clean() && self.has_sidecars(&file.identity) && file.identity.size <= LARGE {
            for codec in self.sidecars[at].codecs() {
                intake.told(Step::Packing)?;
                sidecars.extend(intake.pack(cursor, &piece.path, codec, buffer)?.map(|taken| (codec, taken)));
            }
        }
        Ok(Made { file, sidecars })
    }

    /// All files in the order of their paths, without sidecars that are to be made, and what the gate said of new ones.
    fn gather(&self, wanted: &[usize], made: Vec<Made>) -> (Vec<(Entry, Origin)>, Refusal) {
        let (mut files, mut refusal) = (Vec::with_capacity(self.pieces.len()), Refusal::default());
        let mut fresh = wanted.iter().zip(made).peekable();
        for at in 0..self.pieces.len() {
            let origin = Origin { is_fresh: false, piece: at, codec: None };
            let Some((_, made)) = fresh.next_if(|(index, _)| **index == at) else {
                files.extend(self.kept[at].map(|entry| (entry.clone(), origin)));
                files.extend(self.kept_sidecars(at));
                continue;
            };
            files.push(self.fresh(at, None, made.file, &mut refusal));
            let sidecars = made.sidecars.into_iter();
            files.extend(sidecars.map(|(codec, taken)| self.fresh(at, Some(codec), taken, &mut refusal)));
        }
        (files, refusal)
    }

    /// The new file of the piece at `at`, or its sidecar. What the gate said of it is noted in `refusal`.
    fn fresh(&self, at: usize, codec: Option<Codec>, taken: Taken, refusal: &mut Refusal) -> (Entry, Origin) {
        let Taken { sha256, identity, verdict } = taken;
        refusal.note(verdict);
        let Piece { path, source, .. } = &self.pieces[at];
        let path = codec.map_or_else(|| path.clone(), |codec| sidecar::beside(path, codec));
        (Entry { path, source: *source, sha256, identity }, Origin { is_fresh: true, piece: at, codec })
    }

    /// Whether a file is large enough to have sidecars.
    fn has_sidecars(&self, file: &Identity) -> bool {
        file.size >= sidecar::smallest(self.pieces.len())
    }

    /// The base's sidecars of the file that stays of the base for the piece at `at`.
    fn kept_sidecars(&self, at: usize) -> impl Iterator<Item = (Entry, Origin)> {
        let original = self.kept[at].filter(|entry| self.has_sidecars(&entry.identity));
        let codecs = original.into_iter().flat_map(move |_| self.sidecars[at].codecs());
        codecs.filter_map(move |codec| {
            let piece = &self.pieces[at];
            let entry = self.base?.1.find(&sidecar::beside(&piece.path, codec))?;
            let origin = Origin { is_fresh: false, piece: at, codec: Some(codec) };
            (entry.source == piece.source).then(|| (entry.clone(), origin))
        })
    }

    /// Makes the sidecars of the large ones among the new `files`, and adds them.
    fn pack_large(
        &self,
        intake: &Intake<'_>,
        files: &mut Vec<(Entry, Origin)>,
        refusal: &mut Refusal,
    ) -> Result<(), Error> {
        let large = files.iter().filter(|(entry, origin)| origin.is_fresh && entry.identity.size > LARGE);
        let pieces = large.filter(|(_, origin)| origin.codec.is_none()).map(|(_, origin)| origin.piece);
        let orders: Vec<(usize, Codec)> =
            pieces.flat_map(|at| self.sidecars[at].codecs().map(move |codec| (at, codec))).collect();
        let queue: Vec<usize> = (0..orders.len()).collect();
        let packed = intake.each(&queue, |at, cursor, buffer| {
            let (piece, codec) = orders[at];
            intake.told(Step::Packing)?;
            intake.pack(cursor, &self.pieces[piece].path, codec, buffer)
        })?;
        for ((piece, codec), taken) in orders.iter().zip(packed) {
            files.extend(taken.map(|taken| self.fresh(*piece, Some(*codec), taken, refusal)));
        }
        Ok(())
    }

    /// The release with the content of `entries`, when there is one and it is as it was written. What its files are
    /// made of now is remembered.
    fn there_already(&self, content: &Digest, entries: &[Entry]) -> Result<Option<Built>, Error> {
        let hash = hex(content);
        let (Some(root), Some(mut tree)) = (self.store.find(&hash)?, self.store.private.tree(&hash)) else {
            return Ok(None);
        };
        if tree.rules != self.gate.rules_hash() || !survey::is_intact(&root, &tree)? {
            return Ok(None);
        }
        let is_same = tree.entries.iter().zip(entries).all(|(known, entry)| known.source == entry.source);
        if !is_same || tree.as_of != self.terms.as_of {
            for (known, entry) in tree.entries.iter_mut().zip(entries) {
                known.source = entry.source;
            }
            tree.as_of = self.terms.as_of;
            let verdict = judge_manifest(self.gate, &tree);
            if !verdict.is_clean() {
                let mut refusal = Refusal::default();
                refusal.note(verdict);
                return Ok(Some(Built::Refused(refusal)));
            }
            self.store.renew_manifest(&hash, &root, &mut tree)?;
        }
        Ok(Some(Built::Clean(self.store.release(&hash, &tree, false))))
    }

    fn put_in_place(&self, content: Digest, mut assembly: Assembly<'_>, staging: Staging<'_>) -> Result<Built, Error> {
        let hash = hex(&content);
        let ground = match self.store.recyclable(self.terms.keep, &hash)? {
            Some((name, old)) => {
                let ground = Staging::of(&self.store.releases, &name)?;
                self.tell(Step::Recycled)?;
                assembly.recycle(&ground.root, &old, &staging.root)?;
                ground
            }
            None => {
                assembly.link(&staging.root);
                staging
            }
        };
        assembly.mend(&ground.root, &self.intake(&ground.root, Flush::OneByOne))?;
        self.tell(Step::Assembled)?;
        let Assembly { entries, touched, .. } = assembly;
        let (rules, as_of) = (self.gate.rules_hash(), self.terms.as_of);
        let mut tree = Tree { rules, content, as_of, manifest: Identity::default(), entries };
        if let Some(refusal) = self.list(&ground.root, &mut tree)? {
            return Ok(Built::Refused(refusal));
        }
        self.close(ground, &hash, &tree, &touched)?;
        Ok(Built::Clean(self.store.release(&hash, &tree, true)))
    }

    /// Writes the manifest of `tree` into `root`, through the gate.
    fn list(&self, root: &Directory, tree: &mut Tree) -> Result<Option<Refusal>, Error> {
        let bytes = manifest::write(tree);
        let fill = Box::new(move |file: &mut dyn std::io::Write| Ok(file.write_all(&bytes)?));
        let piece = Piece { path: MANIFEST.into(), source: [0; 32], fill };
        let intake = self.intake(root, Flush::OneByOne);
        let taken = intake.take(&mut Cursor::new(root), &piece, &mut Vec::new())?;
        tree.manifest = taken.identity;
        self.tell(Step::Listed)?;
        let mut refusal = Refusal::default();
        refusal.note(taken.verdict);
        Ok((!refusal.is_empty()).then_some(refusal))
    }

    fn close(&self, ground: Staging<'_>, hash: &str, tree: &Tree, touched: &Touched) -> Result<(), Error> {
        let releases = &self.store.releases;
        ground.root.allow(PUBLIC_DIRECTORY).map_err(disk("let everybody read", ground.root.path()))?;
        ground.root.touch().map_err(disk("set the time of", ground.root.path()))?;
        touched.finish(&ground.root)?;
        self.tell(Step::Synced)?;
        self.store.private.record(hash, tree)?;
        ground.close(hash)?;
        releases.sync().map_err(disk("flush", releases.path()))?;
        self.tell(Step::Closed)
    }
}
