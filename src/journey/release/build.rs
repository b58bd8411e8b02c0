//! Makes a release: what changed is made and scanned, what did not stays, and the whole takes its place at once.
//!
//! Invariant: the order of the steps is what makes a kill harmless. Everything new is scanned before a release is
//! touched; everything is on the disk before it is put in its place; it is in its place before anything points to it.

use std::collections::HashSet;
use std::path::PathBuf;

use super::assemble::{Assembly, Origin, Touched};
use super::canary;
use super::error::{Error, disk, disk_io};
use super::gate::Gate;
use super::intake::{Intake, Piece, Taken, judge_manifest};
use super::manifest;
use super::place::{Cursor, Directory, Identity, PUBLIC_DIRECTORY};
use super::refusal::Refusal;
use super::sidecar::{self, Order, Wanted};
use super::staging::Staging;
use super::steps::{Step, Watch};
use super::sync::Flush;
use super::tree::{Entry, MANIFEST, Tree, check_paths, content_hash};
use super::{Store, survey};
use crate::journey::digest::hex;
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
    base: Option<(Directory, Tree)>,
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
        Making { store: self, pieces: &pieces, sidecars, terms, gate, base }.make()
    }

    /// The release that is shown, when its files were found clean by the rules of `gate`.
    fn base(&self, gate: &dyn Gate) -> Result<Option<(Directory, Tree)>, Error> {
        let Some(hash) = self.current()? else { return Ok(None) };
        let tree = self.private.tree(&hash).filter(|tree| tree.rules == gate.rules_hash());
        Ok(self.find(&hash)?.zip(tree))
    }
}

impl Making<'_> {
    fn make(&self) -> Result<Built, Error> {
        let wanted: Vec<usize> = (0..self.pieces.len()).filter(|at| self.kept(*at).is_none()).collect();
        let staging = Staging::new(&self.store.releases)?;
        let sidecars = wanted.iter().map(|at| self.sidecars[*at].count()).sum::<usize>();
        let intake = self.intake(&staging.root, Flush::of(wanted.len() + sidecars));
        canary::plant(&intake)?;
        let taken = intake.take_all(self.pieces, &wanted)?;
        let (mut files, mut refusal) = self.gather(&wanted, taken);
        if refusal.is_empty() {
            self.pack(&intake, &mut files, &mut refusal)?;
        }
        if !refusal.is_empty() {
            return Ok(Built::Refused(refusal));
        }
        self.tell(Step::Made)?;
        // They are in order but for the sidecars that are new: a sort that makes use of that.
        files.sort_by(|(one, _), (other, _)| one.path.cmp(&other.path));
        let fresh = files.iter().filter(|(_, origin)| origin.is_fresh).count();
        let (entries, origins) = files.into_iter().unzip();
        let touched = Touched { fresh, ..Touched::default() };
        let assembly = Assembly { entries, origins, pieces: self.pieces, base: self.base.as_ref(), touched };
        match self.there_already(&assembly.entries)? {
            Some(built) => Ok(built),
            None => self.put_in_place(assembly, staging),
        }
    }

    /// What stays of the base for the piece at `at`: its file is made of the same.
    fn kept(&self, at: usize) -> Option<&Entry> {
        let piece = &self.pieces[at];
        let (_, tree) = self.base.as_ref()?;
        tree.find(&piece.path).filter(|entry| entry.source == piece.source)
    }

    fn intake<'b>(&'b self, root: &'b Directory, flush: Flush) -> Intake<'b> {
        let known = self.base.iter().flat_map(|(_, tree)| &tree.entries);
        let clean: HashSet<_> = known.map(|entry| entry.sha256).collect();
        let (base, flush) = (self.base.as_ref(), flush == Flush::OneByOne);
        Intake { staging: root, gate: self.gate, base, clean, flush, watch: self.terms.watch }
    }

    fn tell(&self, step: Step) -> Result<(), Error> {
        (self.terms.watch)(step).map_err(disk_io("write below", self.store.releases.path()))
    }

    /// All files in the order of their paths, without sidecars that are to be made, and what the gate said of new ones.
    fn gather(&self, wanted: &[usize], taken: Vec<Taken>) -> (Vec<(Entry, Origin)>, Refusal) {
        let (mut files, mut refusal) = (Vec::with_capacity(self.pieces.len()), Refusal::default());
        let mut fresh = wanted.iter().zip(taken).peekable();
        for (at, piece) in self.pieces.iter().enumerate() {
            let origin = Origin { is_fresh: false, piece: at, codec: None };
            let Some((_, taken)) = fresh.next_if(|(index, _)| **index == at) else {
                files.extend(self.kept(at).map(|entry| (entry.clone(), origin)));
                files.extend(self.kept_sidecars(at));
                continue;
            };
            let Taken { sha256, identity, verdict } = taken;
            refusal.note(verdict);
            let entry = Entry { path: piece.path.clone(), source: piece.source, sha256, identity };
            files.push((entry, Origin { is_fresh: true, ..origin }));
        }
        (files, refusal)
    }

    /// Whether the file is large enough to have sidecars.
    fn is_large(&self, entry: &Entry) -> bool {
        entry.identity.size >= sidecar::smallest(self.pieces.len())
    }

    /// The base's sidecars of the file that stays of the base for the piece at `at`.
    fn kept_sidecars(&self, at: usize) -> impl Iterator<Item = (Entry, Origin)> {
        let original = self.kept(at).filter(|entry| self.is_large(entry));
        let codecs = original.into_iter().flat_map(move |_| self.sidecars[at].codecs());
        codecs.filter_map(move |codec| {
            let piece = &self.pieces[at];
            let entry = self.base.as_ref()?.1.find(&sidecar::beside(&piece.path, codec))?;
            let origin = Origin { is_fresh: false, piece: at, codec: Some(codec) };
            (entry.source == piece.source).then(|| (entry.clone(), origin))
        })
    }

    /// Makes the sidecars of the new ones among `files`, and adds them.
    fn pack(&self, intake: &Intake<'_>, files: &mut Vec<(Entry, Origin)>, refusal: &mut Refusal) -> Result<(), Error> {
        let large = files.iter().filter(|(entry, origin)| origin.is_fresh && self.is_large(entry));
        let each = large
            .flat_map(|(entry, origin)| self.sidecars[origin.piece].codecs().map(move |codec| (entry, origin, codec)));
        let (orders, origins): (Vec<_>, Vec<_>) = each
            .map(|(entry, origin, codec)| {
                let order = Order { path: &self.pieces[origin.piece].path, size: entry.identity.size, codec };
                (order, Origin { codec: Some(codec), ..*origin })
            })
            .unzip();
        for ((order, origin), taken) in orders.iter().zip(origins).zip(intake.pack_all(&orders)?) {
            let Some(Taken { sha256, identity, verdict }) = taken else { continue };
            refusal.note(verdict);
            let path = sidecar::beside(order.path, order.codec);
            files.push((Entry { path, source: self.pieces[origin.piece].source, sha256, identity }, origin));
        }
        Ok(())
    }

    /// The release with the content of `entries`, when there is one and it is as it was written. What its files are
    /// made of now is remembered.
    fn there_already(&self, entries: &[Entry]) -> Result<Option<Built>, Error> {
        let hash = hex(&content_hash(entries));
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

    fn put_in_place(&self, mut assembly: Assembly<'_>, staging: Staging<'_>) -> Result<Built, Error> {
        let content = content_hash(&assembly.entries);
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
        Flush::of(touched.fresh.max(touched.directories.len())).finish(&ground.root, &touched.directories)?;
        self.tell(Step::Synced)?;
        self.store.private.record(hash, tree)?;
        ground.close(hash)?;
        releases.sync().map_err(disk("flush", releases.path()))?;
        self.tell(Step::Closed)
    }
}
