//! What one reading saw of one answer in one file, in 64 bytes of memory and of the state's file.
//!
//! Invariant: an answer is what its pieces tell together, however many readings its lines were spread over: pieces are
//! told apart by nothing but file and offset.

/// Bytes of a piece in the state's file.
pub(super) const SIZE: usize = 64;

/// Calls of tools that one piece holds; an answer with more has more pieces.
pub(super) const TOOLS: usize = 3;

/// Input, output, read from the cache, put into the cache.
pub(super) type Counts = [u32; 4];

/// Part of an answer. Numbers of files, places and models are those of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Which answer.
    pub(super) key: [u8; 12],
    /// Unix milliseconds of its first line.
    pub(super) at_ms: i64,
    /// Where its first line begins.
    pub(super) offset: u64,
    /// As its last line tells them.
    pub(super) tokens: Counts,
    /// Session and working directory.
    pub(super) place: u32,
    /// The transcript.
    pub(super) file: u32,
    pub(super) model: u16,
    pub(super) sidechain: bool,
    /// Marks of the calls of tools in it, 24 bits each, as many as there are and then zeros.
    pub(super) tools: [[u8; 3]; TOOLS],
}

impl Piece {
    /// As it stands in the file: little-endian, without gaps.
    pub(super) fn encode(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        put(&self.key);
        put(&self.at_ms.to_le_bytes());
        put(&self.offset.to_le_bytes());
        self.tokens.iter().for_each(|count| put(&count.to_le_bytes()));
        put(&self.place.to_le_bytes());
        put(&self.file.to_le_bytes());
        put(&self.model.to_le_bytes());
        put(&[u8::from(self.sidechain)]);
        self.tools.iter().for_each(|mark| put(mark));
        bytes
    }

    /// The piece that stands in `bytes`.
    pub(super) fn decode(bytes: &[u8; SIZE]) -> Self {
        Piece {
            key: part(bytes, 0),
            at_ms: i64::from_le_bytes(part(bytes, 12)),
            offset: u64::from_le_bytes(part(bytes, 20)),
            tokens: [28, 32, 36, 40].map(|at| u32::from_le_bytes(part(bytes, at))),
            place: u32::from_le_bytes(part(bytes, 44)),
            file: u32::from_le_bytes(part(bytes, 48)),
            model: u16::from_le_bytes(part(bytes, 52)),
            sidechain: bytes[54] != 0,
            tools: [55, 58, 61].map(|at| part(bytes, at)),
        }
    }

    /// The marks of the calls of tools in it.
    pub(super) fn marks(&self) -> impl Iterator<Item = [u8; 3]> {
        self.tools.into_iter().take_while(|mark| *mark != [0; 3])
    }

    /// Adds the calls of `marks` that it does not have yet; false, and nothing added, where there is no room.
    pub(super) fn call(&mut self, marks: &[[u8; 3]]) -> bool {
        let mut tools = self.tools;
        for mark in marks {
            match tools.iter_mut().find(|known| *known == mark || **known == [0; 3]) {
                Some(slot) => *slot = *mark,
                None => return false,
            }
        }
        self.tools = tools;
        true
    }
}

#[inline(always)]
fn part<const N: usize>(bytes: &[u8; SIZE], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[at..at + N]);
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_read_as_it_was_written() {
        let piece = Piece {
            key: *b"twelve bytes",
            at_ms: -1_795_348_800_123,
            offset: u64::MAX - 7,
            tokens: [1, 2, 3, u32::MAX],
            place: 77,
            file: 1 << 31,
            model: 513,
            sidechain: true,
            tools: [[1, 2, 3], [4, 5, 6], [0; 3]],
        };
        assert_eq!(Piece::decode(&piece.encode()), piece);
        assert_eq!(piece.marks().count(), 2);
    }

    #[test]
    fn a_call_counts_once_and_what_finds_no_room_is_not_half_added() {
        let mut piece = Piece::decode(&[0; SIZE]);
        assert!(piece.call(&[[1; 3], [2; 3]]));
        assert!(piece.call(&[[2; 3]]));
        assert!(!piece.call(&[[3; 3], [4; 3]]));
        assert_eq!(piece.marks().collect::<Vec<_>>(), [[1; 3], [2; 3]]);
        assert!(piece.call(&[[3; 3]]));
    }
}
