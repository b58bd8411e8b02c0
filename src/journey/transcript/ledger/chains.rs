//! Which pieces are of the same answer: a hash table of chains.
//!
//! Invariant: every piece is in exactly one chain, and two are in the same one when their keys are equal.

use super::super::piece::Piece;

/// No piece.
const NONE: u32 = u32::MAX;

/// The pieces of each answer. The table is our own because the keys are hashes already and lie in the pieces: it takes
/// 4 to 8 bytes a piece.
pub(super) struct Chains {
    /// Of each piece the next one of its answer.
    next: Vec<u32>,
    /// The first piece of an answer.
    first: Vec<bool>,
}

impl Chains {
    /// Puts `pieces` in chains.
    pub(super) fn of(pieces: &[Piece]) -> Self {
        let mut chains = Chains { next: vec![NONE; pieces.len()], first: vec![false; pieces.len()] };
        let size = (pieces.len() * 2).next_power_of_two();
        let mut table = vec![NONE; size];
        for (piece, number) in pieces.iter().zip(0_u32..) {
            let [a, b, c, d, ..] = piece.key;
            let mut slot = u32::from_le_bytes([a, b, c, d]) as usize & (size - 1);
            loop {
                match table[slot] {
                    NONE => {
                        table[slot] = number;
                        chains.first[number as usize] = true;
                        break;
                    }
                    first if pieces[first as usize].key == piece.key => {
                        chains.next[number as usize] = chains.next[first as usize];
                        chains.next[first as usize] = number;
                        break;
                    }
                    _ => slot = (slot + 1) & (size - 1),
                }
            }
        }
        chains
    }

    /// The first piece of each answer.
    pub(super) fn firsts(&self) -> impl Iterator<Item = usize> {
        self.first.iter().enumerate().filter(|(_, first)| **first).map(|(at, _)| at)
    }

    /// The pieces of the answer whose first is `first`, that one included.
    pub(super) fn from(&self, first: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(first), |at| match self.next[*at] {
            NONE => None,
            next => Some(next as usize),
        })
    }
}
