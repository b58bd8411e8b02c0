//! Which iteration a line belongs to.
//!
//! Invariant: what a line names counts before when it was written; where more than one answer is possible there is none.

use std::collections::BTreeMap;

use super::Work;
use super::windows::{Owner, Windows};
use crate::journey::run::Key;
use crate::observation::Time;

/// What a line says about where it belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) epoch: Option<u64>,
    pub(super) iter: Option<u64>,
    pub(super) at: Option<Time>,
    pub(super) ids: &'a [String],
}

/// Finds iterations.
pub(super) struct Finder<'a> {
    windows: &'a Windows,
    /// The epochs that have an iteration of this number, before any was made for a line that speaks of it.
    epochs: BTreeMap<u64, Vec<u64>>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(work: &Work, windows: &'a Windows) -> Self {
        let mut epochs: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for key in work.by_key.keys() {
            epochs.entry(key.iter).or_default().push(key.epoch);
        }
        Finder { windows, epochs }
    }

    /// The iteration, which may be one that the history lacks.
    pub(super) fn find(&self, work: &Work, said: Said<'_>) -> Option<Key> {
        match (said.epoch, said.iter) {
            (Some(epoch), Some(iter)) => Some(Key { epoch, iter }),
            (None, Some(iter)) => self.epoch_of(work, iter, said.at).map(|epoch| Key { epoch, iter }),
            (epoch, None) => {
                let place = by_id(work, said.ids).or_else(|| self.by_time(said.at?))?;
                Some(work.iterations[place].key).filter(|key| epoch.is_none_or(|epoch| epoch == key.epoch))
            }
        }
    }

    fn by_time(&self, at: Time) -> Option<usize> {
        match self.windows.at(at.as_millisecond()) {
            Owner::One(place) => Some(place),
            Owner::Nobody | Owner::Several => None,
        }
    }

    /// The epoch of an iteration of which only the number is told: the one whose iteration held the time; else the epoch
    /// that ran then; without a time the only one that has this number.
    fn epoch_of(&self, work: &Work, iter: u64, at: Option<Time>) -> Option<u64> {
        let known = self.epochs.get(&iter).map_or(&[][..], Vec::as_slice);
        let only = match known {
            [only] => Some(*only),
            _ => None,
        };
        let Some(at) = at.map(Time::as_millisecond) else { return only };
        let held = |epoch: &&u64| {
            let place = work.by_key.get(&Key { epoch: **epoch, iter });
            place.and_then(|place| self.windows.holds(*place, at, 0)).unwrap_or(false)
        };
        let mut holding = known.iter().filter(held);
        match (holding.next(), holding.next()) {
            (Some(epoch), None) => Some(*epoch),
            (Some(_), Some(_)) => None,
            (None, _) => self.windows.epoch_at(at).or(only),
        }
    }
}

/// The iteration that names one of `ids` as its own.
fn by_id(work: &Work, ids: &[String]) -> Option<usize> {
    ids.iter().find_map(|id| work.by_id.get(id).copied().flatten())
}
