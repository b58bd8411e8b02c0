//! What earlier runs have read: each transcript as far as it was read, and the pieces of its answers.
//!
//! Invariant: a transcript that is still there counts as it stands now; one that is gone (deleted, or another took its
//! name) goes on counting as it stood last, because coding agents delete old transcripts and what was done stays done.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::codec::{Put, Take};
use super::files::Frozen;
use super::part::{Part, Passed, Place, number};
use super::piece::Piece;
use crate::source::file::Identity;

/// A transcript, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    /// As it was frozen when it was last looked at.
    pub(super) identity: Identity,
    /// Behind the last line that was read.
    pub(super) read: u64,
    pub(super) print: Print,
    /// It is not there any more.
    pub(super) gone: bool,
    pub(super) malformed: Passed,
    pub(super) untimed: Passed,
}

/// What the read part of a file looks like: hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Print {
    /// Of its very beginning.
    pub(super) opening: u64,
    /// Of a longer beginning.
    pub(super) head: u64,
    /// Of its end.
    pub(super) tail: u64,
}

/// All that earlier runs have read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    pub(super) files: Vec<Entry>,
    pub(super) places: Vec<Place>,
    pub(super) models: Vec<String>,
    pub(super) pieces: Vec<Piece>,
    /// Pieces were taken away: what was saved of them cannot be appended to.
    pub(super) rewritten: bool,
    /// Something else than pieces changed.
    pub(super) touched: bool,
}

/// What was found at one transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) how: How,
    pub(super) entry: Entry,
    pub(super) part: Part,
}

/// How it goes with what was known of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It was not known, or another file took the name of one that was.
    New,
    /// It goes on where it was read to.
    More,
    /// It was written anew, and read anew from its beginning.
    Rewritten,
}

impl State {
    /// Marks the transcripts that are not there any more, and forgets those that the globs do not mean any more. What
    /// is known of each that is there, in the order of `frozen`: of several of one path the one that is there, else the
    /// one that went last.
    pub(super) fn compare(&mut self, frozen: &Frozen) -> Vec<Option<usize>> {
        let mut there = vec![false; self.files.len()];
        let by_path = self.by_path();
        for path in frozen.unreadable_paths() {
            by_path.get(path.as_os_str()).into_iter().for_each(|at| there[*at] = true);
        }
        let known = frozen.files.iter().map(|file| by_path.get(file.path.as_os_str()).copied());
        let mut known: Vec<Option<usize>> = known.collect();
        drop(by_path);
        known.iter().flatten().for_each(|at| there[*at] = true);
        let mut forgotten = vec![false; self.files.len()];
        for (at, entry) in self.files.iter_mut().enumerate() {
            if entry.gone || !there[at] {
                self.touched |= !entry.gone;
                entry.gone = true;
                forgotten[at] = !frozen.means(&entry.path);
            }
        }
        if forgotten.contains(&true) {
            let numbers = self.forget(&forgotten);
            known.iter_mut().for_each(|known| *known = known.and_then(|at| numbers[at]));
        }
        known
    }

    fn by_path(&self) -> HashMap<&OsStr, usize> {
        let mut by_path = HashMap::with_capacity(self.files.len());
        let numbered = || self.files.iter().enumerate();
        let (gone, there) = (numbered().filter(|(_, entry)| entry.gone), numbered().filter(|(_, entry)| !entry.gone));
        by_path.extend(gone.chain(there).map(|(at, entry)| (entry.path.as_os_str(), at)));
        by_path
    }

    /// Takes in what was found; `known` is the number of the entry that was known of it.
    pub(super) fn take(&mut self, known: Option<usize>, found: Found, names: &mut Names) {
        self.touched = true;
        let at = self.slot(known, &found);
        self.add(at, found.part, names);
    }

    /// The numbers of its places and models.
    pub(super) fn names(&self) -> Names {
        Names {
            places: self.places.iter().cloned().zip(0..).collect(),
            models: self.models.iter().cloned().zip(0..).collect(),
        }
    }

    /// The number of the entry that `found` goes to, made as it says.
    fn slot(&mut self, known: Option<usize>, found: &Found) -> usize {
        match (known, found.how) {
            (Some(at), How::More) => {
                let Entry { malformed, untimed, .. } = self.files[at];
                self.files[at] = Entry { malformed, untimed, ..found.entry.clone() };
                at
            }
            (Some(at), How::Rewritten) => {
                let before = self.pieces.len();
                self.pieces.retain(|piece| piece.file as usize != at);
                self.rewritten |= self.pieces.len() < before;
                self.files[at] = found.entry.clone();
                at
            }
            (known, _) => {
                if let Some(known) = known {
                    self.files[known].gone = true;
                }
                self.files.push(found.entry.clone());
                self.files.len() - 1
            }
        }
    }

    fn add(&mut self, at: usize, part: Part, names: &mut Names) {
        let entry = &mut self.files[at];
        entry.malformed.merge(part.malformed);
        entry.untimed.merge(part.untimed);
        let places: Vec<_> =
            part.places.into_iter().map(|place| number(&mut names.places, &mut self.places, place)).collect();
        let models: Vec<_> =
            part.models.into_iter().map(|model| number(&mut names.models, &mut self.models, model)).collect();
        let Ok(file) = u32::try_from(at) else { return };
        for mut piece in part.pieces {
            // None: more models in all than anybody has.
            let (Some(place), Some(model)) = (places[piece.place as usize], models[usize::from(piece.model)]) else {
                self.files[at].malformed.add(piece.offset);
                continue;
            };
            (piece.file, piece.place, piece.model) = (file, place, model);
            self.pieces.push(piece);
        }
    }

    /// Forgets the entries that `forgotten` marks, and their pieces. The new number of each entry.
    fn forget(&mut self, forgotten: &[bool]) -> Vec<Option<usize>> {
        let mut kept = 0..;
        let numbers: Vec<Option<usize>> =
            forgotten.iter().map(|forgotten| if *forgotten { None } else { kept.next() }).collect();
        let mut marks = forgotten.iter();
        self.files.retain(|_| marks.next() == Some(&false));
        self.pieces.retain_mut(|piece| {
            let number = numbers[piece.file as usize].and_then(|number| u32::try_from(number).ok());
            piece.file = number.unwrap_or(piece.file);
            number.is_some()
        });
        (self.touched, self.rewritten) = (true, true);
        numbers
    }

    /// Everything but the pieces, as bytes.
    pub(super) fn encode(&self, put: &mut Put) {
        put.list(&self.models, |put, model| put.bytes(model.as_bytes()));
        put.list(&self.places, |put, place| {
            put.bytes(place.session.as_bytes());
            put.bytes(place.cwd.as_bytes());
        });
        put.list(&self.files, |put, entry| entry.encode(put));
    }

    /// What was written so, with `pieces`; `None` where it is not, or where a number of a piece leads nowhere.
    pub(super) fn decode(take: &mut Take<'_>, pieces: Vec<Piece>) -> Option<Self> {
        let models = take.list(Take::text)?;
        let places = take.list(|take| Some(Place { session: take.text()?, cwd: take.text()? }))?;
        let files = take.list(Entry::decode)?;
        let sound = |piece: &Piece| {
            (piece.file as usize) < files.len()
                && (piece.place as usize) < places.len()
                && usize::from(piece.model) < models.len()
        };
        pieces.iter().all(sound).then_some(State { files, places, models, pieces, rewritten: false, touched: false })
    }
}

/// Numbers of places and models.
pub(super) struct Names {
    places: HashMap<Place, u32>,
    models: HashMap<String, u16>,
}

impl Entry {
    fn encode(&self, put: &mut Put) {
        put.bytes(self.path.as_os_str().as_bytes());
        let Identity { device, inode, size, modified, changed } = self.identity;
        [device, inode, size].into_iter().for_each(|number| put.u64(number));
        [modified.0, modified.1, changed.0, changed.1].into_iter().for_each(|number| put.i64(number));
        let Print { opening, head, tail } = self.print;
        [self.read, opening, head, tail, u64::from(self.gone)].into_iter().for_each(|number| put.u64(number));
        for passed in [self.malformed, self.untimed] {
            put.u64(passed.count);
            put.u64(passed.first);
        }
    }

    fn decode(take: &mut Take<'_>) -> Option<Self> {
        let path = PathBuf::from(OsString::from_vec(take.bytes()?.to_vec()));
        let (device, inode, size) = (take.u64()?, take.u64()?, take.u64()?);
        let (modified, changed) = ((take.i64()?, take.i64()?), (take.i64()?, take.i64()?));
        let read = take.u64()?;
        let print = Print { opening: take.u64()?, head: take.u64()?, tail: take.u64()? };
        let gone = take.u64()? != 0;
        let mut passed = || Some(Passed { count: take.u64()?, first: take.u64()? });
        let (malformed, untimed) = (passed()?, passed()?);
        let identity = Identity { device, inode, size, modified, changed };
        Some(Entry { path, identity, read, print, gone, malformed, untimed })
    }
}
