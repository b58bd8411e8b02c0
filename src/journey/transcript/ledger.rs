//! The answers of the model, each once, from all that was read.
//!
//! Invariant: the same transcripts give the same ledger, in whatever order they were listed and however many runs read
//! them: it depends on the set of pieces alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files::{Frozen, Unreadable};
use super::part::Passed;
use super::piece::Piece;
use super::state::{Entry, State};
use super::{Ledger, Session, Turn, told};
use crate::journey::run::{LeftOut, Origin, Tokens};
use crate::observation::Time;

mod chains;

use chains::Chains;

impl Ledger {
    /// The ledger of `state`; `unreadable` are the transcripts of `frozen` that could not be read.
    pub(super) fn of(state: &State, frozen: &Frozen, unreadable: &[Unreadable]) -> Self {
        let files = Files::of(&state.files);
        let mut turns = Vec::with_capacity(state.pieces.len());
        let chains = Chains::of(&state.pieces);
        let mut answer = Vec::new();
        for first in chains.firsts() {
            answer.clear();
            answer.extend(chains.from(first).map(|at| &state.pieces[at]));
            turns.push(turn(&mut answer, &files));
        }
        drop(chains);
        turns.sort_by_key(|turn| (turn.at_ms, turn.file, turn.offset));
        let sessions = sessions(&mut turns, state);
        let models = models(&mut turns, &state.models);
        let left_out = told::left_out(&files, state, frozen, unreadable);
        Ledger { files: files.paths, sessions, models, turns, left_out }
    }

    /// What belongs to the run of the loop that began at `started_at`, on the repository at `repo_root` (its real path):
    /// without sessions that ended before, which are an earlier run's, and without those of another project, whose
    /// directory is neither the repository nor below it. A session of which the directory is not known stays.
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
        let (order, ranks) = ranks(entries, |entry| &entry.path);
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

/// The turn that `pieces` are of. Its session is the number of its place, and its model that of the state, until all
/// turns are known.
fn turn(pieces: &mut [&Piece], files: &Files) -> Turn {
    let rank = |piece: &Piece| files.ranks[piece.file as usize];
    pieces.sort_by_key(|piece| (rank(piece), piece.offset));
    let copies = || pieces.chunk_by(|a, b| a.file == b.file);
    // Resumed and forked sessions copy earlier lines with their times. The answer belongs to its earliest line; between
    // copies to the first file.
    let owner = copies().map(|copy| copy[0]).min_by_key(|first| (first.at_ms, rank(first)));
    // A fork may have copied half an answer: the most complete copy tells the tokens.
    let complete = |copy: &&[&Piece]| {
        let [input, output, read, creation] = copy[copy.len() - 1].tokens;
        (output, input, read, creation)
    };
    let tokens = copies().map(|copy| copy[copy.len() - 1].tokens);
    let tokens = copies().zip(tokens).max_by_key(|(copy, _)| complete(copy)).map(|(_, tokens)| tokens);
    let calls = copies().map(calls).max();
    let owner = owner.unwrap_or(pieces[0]);
    Turn {
        at_ms: owner.at_ms,
        session: owner.place,
        model: owner.model,
        sidechain: owner.sidechain,
        tokens: tokens_of(tokens.unwrap_or_default()),
        tool_calls: calls.unwrap_or_default(),
        file: rank(owner),
        offset: owner.offset,
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
    if copy.len() > 1 {
        marks.sort_unstable();
        marks.dedup();
    }
    u16::try_from(marks.len()).unwrap_or(u16::MAX)
}

/// The sessions that own a turn, by id; each turn gets the number of its own.
fn sessions(turns: &mut [Turn], state: &State) -> Vec<Session> {
    let mut by_id: BTreeMap<&str, Option<Session>> = BTreeMap::new();
    for place in &state.places {
        by_id.insert(&place.session, None);
    }
    let numbers: BTreeMap<&str, usize> = by_id.keys().copied().zip(0..).collect();
    let of_place: Vec<usize> = state.places.iter().map(|place| numbers[place.session.as_str()]).collect();
    let mut sessions: Vec<Option<Session>> = vec![None; by_id.len()];
    for turn in turns.iter_mut() {
        let place = &state.places[turn.session as usize];
        let number = of_place[turn.session as usize];
        let at = Time::from_millisecond(turn.at_ms).unwrap_or_default();
        let session = sessions[number].get_or_insert_with(|| Session {
            id: place.session.clone(),
            cwd: None,
            first_at: at,
            last_at: at,
        });
        session.last_at = at;
        if session.cwd.is_none() && !place.cwd.is_empty() {
            session.cwd = Some(PathBuf::from(&place.cwd));
        }
        turn.session = u32::try_from(number).unwrap_or(u32::MAX);
    }
    let ranks: Vec<u32> = ranks_of(sessions.iter().map(Option::is_some)).collect();
    turns.iter_mut().for_each(|turn| turn.session = ranks[turn.session as usize]);
    sessions.into_iter().flatten().collect()
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
