//! Counts cells from the events of a YAML or JSON parser.
//!
//! Invariant: memory grows with nesting, with the keys of the mappings that are open and with the anchors, each of
//! them bounded; never with the cells.

use std::hash::{BuildHasher, RandomState};

use crate::observation::Parity;

/// Deepest nesting. A real matrix has fewer than ten levels; JSON's parser has the same bound.
const MAX_DEPTH: usize = 127;

/// Most anchors. Each costs some hundred bytes, here and in the parser.
const MAX_ANCHORS: usize = 65_536;

/// Most cells that one alias may stand for. A matrix has 100,000; aliases of aliases reach any number.
const MAX_ALIASED: u64 = 10_000_000;

/// Keys of open mappings that are compared with each other, 16 bytes each; of those beyond, none is found twice.
const MAX_KEYS: usize = 1 << 20;

/// The two kinds of node that hold others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    Mapping,
    List,
}

/// Status of a cell, in the order of [`Parity::by_state`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Green,
    Red,
    Manual,
    NotApplicable,
    Unknown,
}

/// The four words, compared without regard to case.
const WORDS: [(&str, Status); 4] =
    [("green", Status::Green), ("red", Status::Red), ("manual", Status::Manual), ("n/a", Status::NotApplicable)];

/// Cells by [`Status`].
type Counts = [u64; 5];

/// What a node adds to the one that holds it.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    /// Plain values that are cells unless the mapping they belong to has a status of its own.
    plain: Counts,
    /// Cells that are mappings.
    cells: Counts,
}

/// What an anchor stands for.
#[derive(Debug, Clone, Copy)]
enum Anchored {
    Scalar(Status),
    Collection(Share),
}

/// What a node is to the one that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Root,
    Item,
    Key,
    Value(Key),
}

/// The kinds of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Status,
    Merge,
    Other,
}

#[derive(Debug)]
struct Open {
    kind: Collection,
    role: Role,
    anchor: usize,
    /// In a mapping, the key whose value comes next; `None` when a key comes next.
    key: Option<Key>,
    first_key: usize,
    status: Option<Status>,
    share: Share,
}

/// Takes in events and counts cells.
#[derive(Debug, Default)]
pub(super) struct Counter {
    open: Vec<Open>,
    anchors: Vec<Option<Anchored>>,
    keys: Vec<(u64, usize)>,
    hasher: RandomState,
    counts: Counts,
    duplicate_keys: u64,
    first_unknown: Option<usize>,
    first_duplicate: Option<usize>,
    any_collection: bool,
}

impl Counter {
    /// A scalar at `line` (0: not known); `anchor` 0 is none.
    pub(super) fn scalar(&mut self, text: &str, anchor: usize, line: usize) -> Result<(), String> {
        let status = status(text);
        self.anchor(anchor, Anchored::Scalar(status))?;
        match self.next_role() {
            Role::Key => self.key(text, line),
            role => self.value(role, status, line),
        }
        Ok(())
    }

    /// A mapping or list begins.
    pub(super) fn open(&mut self, kind: Collection, anchor: usize) -> Result<(), String> {
        if self.open.len() == MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        self.reserve(anchor)?;
        self.any_collection = true;
        let role = self.next_role();
        let (first_key, share) = (self.keys.len(), Share::default());
        self.open.push(Open { kind, role, anchor, key: None, first_key, status: None, share });
        Ok(())
    }

    /// The innermost mapping or list ends.
    pub(super) fn close(&mut self) {
        let Some(closed) = self.open.pop() else { return };
        self.count_duplicates(closed.first_key);
        let share = closed.share();
        if let Some(place) = self.anchors.get_mut(closed.anchor) {
            *place = Some(Anchored::Collection(share));
        }
        self.give(closed.role, share);
    }

    /// An alias of `anchor`.
    pub(super) fn alias(&mut self, anchor: usize) -> Result<(), String> {
        let anchored = *self.anchors.get(anchor).unwrap_or(&None);
        let role = self.next_role();
        match anchored {
            Some(Anchored::Scalar(_)) if role == Role::Key => {}
            Some(Anchored::Scalar(status)) => self.value(role, status, 0),
            Some(Anchored::Collection(share)) if share.all().into_iter().fold(0, u64::saturating_add) > MAX_ALIASED => {
                return Err(format!("aliases of aliases stand for over {MAX_ALIASED} cells; write them out"));
            }
            Some(Anchored::Collection(share)) => self.give(role, share),
            None => return Err("an alias stands within the very mapping or list that it stands for".into()),
        }
        Ok(())
    }

    /// All documents have ended.
    pub(super) fn finish(self) -> Result<Parity, String> {
        if !self.any_collection {
            return Err("holds no mapping and no list; its writer was interrupted, or it is not a matrix".into());
        }
        let [green, red, manual, not_applicable, unknown] = self.counts;
        let line = |line: Option<usize>| line.filter(|line| *line > 0).map(|line| line as u64);
        Ok(Parity {
            green,
            red,
            manual,
            not_applicable,
            unknown,
            duplicate_keys: self.duplicate_keys,
            first_unknown_line: line(self.first_unknown).filter(|_| unknown > 0),
            first_duplicate_line: line(self.first_duplicate),
        })
    }

    /// What the next node is; the innermost mapping moves on from key to value and back.
    fn next_role(&mut self) -> Role {
        match self.open.last_mut() {
            None => Role::Root,
            Some(Open { kind: Collection::List, .. }) => Role::Item,
            Some(mapping) => match mapping.key.take() {
                Some(key) => Role::Value(key),
                None => {
                    mapping.key = Some(Key::Other);
                    Role::Key
                }
            },
        }
    }

    fn key(&mut self, text: &str, line: usize) {
        let key = match text {
            "status" => Key::Status,
            "<<" => Key::Merge,
            _ => Key::Other,
        };
        if key != Key::Merge && self.keys.len() < MAX_KEYS {
            self.keys.push((self.hasher.hash_one(text), line));
        }
        if let Some(mapping) = self.open.last_mut() {
            mapping.key = Some(key);
        }
    }

    fn value(&mut self, role: Role, status: Status, line: usize) {
        let Some(open) = self.open.last_mut() else { return };
        if role == Role::Value(Key::Status) {
            open.status = Some(status);
            if status == Status::Unknown {
                self.first_unknown.get_or_insert(line);
            }
        } else if status != Status::Unknown {
            add(&mut open.share.plain, &one(status));
        }
    }

    fn give(&mut self, role: Role, share: Share) {
        match (role, self.open.last_mut()) {
            // What a key holds describes the key.
            (Role::Key, _) => {}
            (_, None) => add(&mut self.counts, &share.all()),
            // A status of the mapping's own overrides the one that is merged into it.
            (Role::Value(Key::Merge), Some(open)) => add(&mut open.share.plain, &share.all()),
            (_, Some(open)) => {
                add(&mut open.share.plain, &share.plain);
                add(&mut open.share.cells, &share.cells);
            }
        }
    }

    fn anchor(&mut self, anchor: usize, anchored: Anchored) -> Result<(), String> {
        self.reserve(anchor)?;
        if anchor > 0 {
            self.anchors[anchor] = Some(anchored);
        }
        Ok(())
    }

    fn reserve(&mut self, anchor: usize) -> Result<(), String> {
        if anchor > MAX_ANCHORS {
            return Err(format!("more than {MAX_ANCHORS} anchors"));
        }
        if anchor >= self.anchors.len() && anchor > 0 {
            self.anchors.resize(anchor + 1, None);
        }
        Ok(())
    }

    fn count_duplicates(&mut self, first_key: usize) {
        let keys = &mut self.keys[first_key..];
        keys.sort_unstable();
        for pair in keys.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            self.duplicate_keys += 1;
            let line = pair[1].1;
            self.first_duplicate = Some(self.first_duplicate.map_or(line, |first| first.min(line)));
        }
        self.keys.truncate(first_key);
    }
}

impl Open {
    fn share(&self) -> Share {
        if self.kind == Collection::List {
            return self.share;
        }
        let mut cells = self.share.cells;
        add(&mut cells, &self.status.map_or(self.share.plain, one));
        Share { plain: Counts::default(), cells }
    }
}

impl Share {
    fn all(&self) -> Counts {
        let mut all = self.plain;
        add(&mut all, &self.cells);
        all
    }
}

fn add(counts: &mut Counts, more: &Counts) {
    counts.iter_mut().zip(more).for_each(|(count, more)| *count = count.saturating_add(*more));
}

fn one(status: Status) -> Counts {
    let mut counts = Counts::default();
    counts[status as usize] = 1;
    counts
}

fn status(text: &str) -> Status {
    let text = text.trim();
    WORDS.iter().find(|(word, _)| text.eq_ignore_ascii_case(word)).map_or(Status::Unknown, |(_, status)| *status)
}
