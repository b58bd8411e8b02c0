//! The answers of the model, each once, from all that was read.
//!
//! Invariant: the same transcripts give the same ledger, in whatever order they were listed and however many runs read
//! them: it depends on the set of pieces alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files::{Frozen, Unreadable};
use super::part::{Passed, Place};
use super::piece::Piece;
use super::state::{Entry, State};
use super::{Ledger, Session, Turn, told};
use crate::journey::run::{LeftOut, Origin, Tokens};
use crate::observation::Time;

mod chains;

use chains::{Chains, Kind};

impl Ledger {
    /// The ledger of `state`; `unreadable` are the transcripts of `frozen` that could not be read.
    pub(super) fn of(mut state: State, frozen: &Frozen, unreadable: &[Unreadable]) -> Self {
        let files = Files::of(&state.files);
        let mut turns = turns(std::mem::take(&mut state.pieces), &files);
        turns.sort_unstable_by_key(|turn| (turn.at_ms, turn.file, turn.offset));
        let sessions = sessions(&mut turns, &state.places);
        let models = models(&mut turns, &state.models);
        let left_out = told::left_out(&files, &state.files, frozen, unreadable);
        Ledger { files: files.paths, sessions, models, turns, left_out }
    }

    /// What belongs to the run of the loop that began at `started_at`, on the repository at `repo_root` (its real
    /// path): without sessions that ended before, which are an earlier run's, and without those of another project,
    /// whose directory is neither the repository nor below it. A session of which the directory is not known stays.
    pub fn of_run(mut self, started_at: Option<Time>, repo_root: &Path) -> Self {
        let started_at = started_at.map(Time::as_millisecond);
        let fate = |session: &Session| match &session.cwd {
            Some(cwd) if !cwd.starts_with(repo_root) => Some("other_project"),
            _ if started_at.is_some_and(|start| session.last_at.as_millisecond() < start) => Some("earlier_run"),
            _ => None,
        };
        let fates: Vec<_> = self.sessions.iter().map(fate).collect();
        let mut gone: BTreeMap<&'static str, LeftOut> = BTreeMap::new();
        let mut counted = vec![false; fates.len()];
        for turn in &self.turns {
            let session = turn.session as usize;
            if let Some(kind) = fates[session]
                && !std::mem::replace(&mut counted[session], true)
            {
                gone.entry(kind).or_insert_with(|| told::session(kind, turn.origin())).count += 1;
            }
        }
        self.left_out.extend(gone.into_values());
        self.keep(&fates);
        self
    }

    /// Keeps the sessions without a fate, and their turns.
    fn keep(&mut self, fates: &[Option<&str>]) {
        let numbers: Vec<u32> = ranks_of(fates.iter().map(Option::is_none)).collect();
        self.turns.retain_mut(|turn| {
            let session = turn.session as usize;
            turn.session = numbers[session];
            fates[session].is_none()
        });
        let mut marks = fates.iter();
        self.sessions.retain(|_| marks.next().is_some_and(Option::is_none));
    }
}

impl Turn {
    /// Where its first line stands.
    pub fn origin(&self) -> Origin {
        Origin { file: self.file, offset: self.offset, lines: 1 }
    }
}

/// The transcripts in the order of paths.
pub(super) struct Files {
    pub(super) paths: Vec<PathBuf>,
    /// Of each entry of the state: its place in that order.
    pub(super) ranks: Vec<u32>,
}

impl Files {
    fn of(entries: &[Entry]) -> Self {
        let (order, ranks) = ranks(entries, |entry| entry.path.as_os_str());
        Files { paths: order.iter().map(|at| entries[*at].path.clone()).collect(), ranks }
    }
}

/// The order of `list` by `key`, and the rank of each element; equal ones keep their order.
fn ranks<T, K: Ord + ?Sized>(list: &[T], key: impl Fn(&T) -> &K) -> (Vec<usize>, Vec<u32>) {
    let mut order: Vec<usize> = (0..list.len()).collect();
    order.sort_by(|a, b| key(&list[*a]).cmp(key(&list[*b])));
    let mut ranks = vec![0; list.len()];
    order.iter().zip(0..).for_each(|(at, rank)| ranks[*at] = rank);
    (order, ranks)
}

/// The turns that `pieces` are of. The session of each is the number of its place, and its model that of the state,
/// until all turns are known.
fn turns(pieces: Vec<Piece>, files: &Files) -> Vec<Turn> {
    let chains = Chains::of(&pieces);
    let mut answer = Vec::new();
    // Most answers are one piece; these are not.
    let mut several = Vec::new();
    for first in chains.several() {
        answer.clear();
        answer.extend(chains.from(first).map(|at| &pieces[at]));
        several.push(turn(&mut answer, files));
    }
    let mut several = several.into_iter();
    // A turn is as large as a piece, and takes its place in memory.
    let turns = pieces.into_iter().enumerate().filter_map(|(at, piece)| match chains.kind(at) {
        Kind::Alone => Some(alone(&piece, files)),
        Kind::First => several.next(),
        Kind::Further => None,
    });
    turns.collect()
}

fn alone(piece: &Piece, files: &Files) -> Turn {
    Turn {
        at_ms: piece.at_ms,
        session: piece.place,
        model: piece.model,
        sidechain: piece.sidechain,
        tokens: tokens_of(piece.tokens),
        tool_calls: u16::try_from(piece.marks().count()).unwrap_or(u16::MAX),
        file: files.ranks[piece.file as usize],
        offset: piece.offset,
    }
}

/// The turn of an answer of several pieces.
fn turn(pieces: &mut [&Piece], files: &Files) -> Turn {
    let rank = |piece: &Piece| files.ranks[piece.file as usize];
    pieces.sort_by_key(|piece| (rank(piece), piece.offset));
    let copies = || pieces.chunk_by(|a, b| a.file == b.file);
    // Resumed and forked sessions copy earlier lines with their times. The answer belongs to its earliest line; between
    // copies to the first file.
    let owner = copies().map(|copy| copy[0]).min_by_key(|first| (first.at_ms, rank(first))).unwrap_or(pieces[0]);
    // A fork may have copied half an answer: the most complete copy tells the tokens.
    let last = copies().map(|copy| copy[copy.len() - 1].tokens);
    let tokens = last.max_by_key(|[input, output, read, creation]| (*output, *input, *read, *creation));
    Turn {
        tokens: tokens_of(tokens.unwrap_or(owner.tokens)),
        tool_calls: copies().map(calls).max().unwrap_or_default(),
        ..alone(owner, files)
    }
}

fn tokens_of([input, output, cache_read, cache_creation]: super::piece::Counts) -> Tokens {
    Tokens {
        input: input.into(),
        output: output.into(),
        cache_read: cache_read.into(),
        cache_creation: cache_creation.into(),
    }
}

/// Calls of tools in one copy of an answer, each once, although a file may hold a line twice.
fn calls(copy: &[&Piece]) -> u16 {
    let mut marks: Vec<_> = copy.iter().flat_map(|piece| piece.marks()).collect();
    marks.sort_unstable();
    marks.dedup();
    u16::try_from(marks.len()).unwrap_or(u16::MAX)
}

/// The sessions that own a turn, by id; each turn gets the number of its own.
fn sessions(turns: &mut [Turn], places: &[Place]) -> Vec<Session> {
    // Sessions are few, turns many: numbers first, names last.
    let (order, _) = ranks(places, |place| &place.session);
    let mut numbers = vec![0_u32; places.len()];
    let mut count = 0;
    for same in order.chunk_by(|a, b| places[*a].session == places[*b].session) {
        same.iter().for_each(|at| numbers[*at] = count);
        count += 1;
    }
    let mut spans: Vec<Option<Span>> = vec![None; count as usize];
    for turn in turns.iter_mut() {
        let number = numbers[turn.session as usize];
        let span = spans[number as usize].get_or_insert(Span { first: *turn, last_ms: turn.at_ms, at_cwd: None });
        span.last_ms = turn.at_ms;
        if span.at_cwd.is_none() && !places[turn.session as usize].cwd.is_empty() {
            span.at_cwd = Some(turn.session);
        }
        turn.session = number;
    }
    let ranks: Vec<u32> = ranks_of(spans.iter().map(Option::is_some)).collect();
    turns.iter_mut().for_each(|turn| turn.session = ranks[turn.session as usize]);
    spans.into_iter().flatten().map(|span| span.session(places)).collect()
}

/// What turns tell of their session.
#[derive(Clone, Copy)]
struct Span {
    /// With the number of its place.
    first: Turn,
    last_ms: i64,
    /// The place of the first turn that tells a directory.
    at_cwd: Option<u32>,
}

impl Span {
    fn session(&self, places: &[Place]) -> Session {
        let time = |ms| Time::from_millisecond(ms).unwrap_or_default();
        Session {
            id: places[self.first.session as usize].session.clone(),
            cwd: self.at_cwd.map(|at| PathBuf::from(&places[at as usize].cwd)),
            first_at: time(self.first.at_ms),
            last_at: time(self.last_ms),
        }
    }
}

/// The models that a turn is of, by name; each turn gets the number of its own.
fn models(turns: &mut [Turn], names: &[String]) -> Vec<String> {
    let mut used = vec![false; names.len()];
    turns.iter().for_each(|turn| used[usize::from(turn.model)] = true);
    let (order, _) = ranks(names, |name| name);
    let order: Vec<usize> = order.into_iter().filter(|at| used[*at]).collect();
    let mut numbers = vec![0_u16; names.len()];
    order.iter().zip(0..).for_each(|(at, number)| numbers[*at] = number);
    turns.iter_mut().for_each(|turn| turn.model = numbers[usize::from(turn.model)]);
    order.into_iter().map(|at| names[at].clone()).collect()
}

/// Of each element, how many before it are kept: its number among them, where it is.
fn ranks_of(kept: impl Iterator<Item = bool>) -> impl Iterator<Item = u32> {
    kept.scan(0, |before, kept| {
        let rank = *before;
        *before += u32::from(kept);
        Some(rank)
    })
}

/// Lines passed over in one file.
pub(super) fn passed(entry: &Entry) -> [(&'static str, Passed); 2] {
    [("malformed", entry.malformed), ("untimed", entry.untimed)]
}
