//! Which pieces are of the same answer: a hash table of chains.
//!
//! Invariant: every piece is in exactly one chain, and two are in the same one when their keys are equal.

use super::super::piece::Piece;

/// No piece.
const NONE: u32 = u32::MAX;

/// The pieces of each answer. The table is our own because the keys are hashes already and lie in the pieces: it takes
/// 8 to 16 bytes a piece while it is made.
pub(super) struct Chains {
    /// Of each piece the next one of its answer.
    next: Vec<u32>,
    kinds: Vec<Kind>,
}

/// What a piece is among those of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The only one.
    Alone,
    /// The first of several.
    First,
    /// Another of several.
    Further,
}

impl Chains {
    /// Puts `pieces` in chains.
    pub(super) fn of(pieces: &[Piece]) -> Self {
        let mut chains = Chains { next: vec![NONE; pieces.len()], kinds: vec![Kind::Alone; pieces.len()] };
        let size = (pieces.len() * 2).next_power_of_two();
        let mut table = vec![NONE; size];
        for (piece, number) in pieces.iter().zip(0_u32..) {
            let [a, b, c, d, ..] = piece.key;
            let mut slot = u32::from_le_bytes([a, b, c, d]) as usize & (size - 1);
            loop {
                match table[slot] {
                    NONE => {
                        table[slot] = number;
                        break;
                    }
                    first if pieces[first as usize].key == piece.key => {
                        chains.next[number as usize] = chains.next[first as usize];
                        chains.next[first as usize] = number;
                        chains.kinds[first as usize] = Kind::First;
                        chains.kinds[number as usize] = Kind::Further;
                        break;
                    }
                    _ => slot = (slot + 1) & (size - 1),
                }
            }
        }
        chains
    }

    /// What the piece `at` is.
    #[inline(always)]
    pub(super) fn kind(&self, at: usize) -> Kind {
        self.kinds[at]
    }

    /// The first piece of each answer that has several.
    pub(super) fn several(&self) -> impl Iterator<Item = usize> {
        self.kinds.iter().enumerate().filter(|(_, kind)| **kind == Kind::First).map(|(at, _)| at)
    }

    /// The pieces of the answer whose first is `first`, that one included.
    pub(super) fn from(&self, first: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(first), |at| match self.next[*at] {
            NONE => None,
            next => Some(next as usize),
        })
    }
}
