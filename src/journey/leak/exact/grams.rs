//! Finds many strings at once by four bytes of them at a time.
//!
//! Invariant: of each string every four bytes that may fall on a place that is looked at are known, so that only every
//! [`STRIDE`]th place is looked at and none is missed. Whatever is told is to be checked: four bytes are not a string.

use super::Form;

/// A shorter string is not found.
pub(super) const SHORTEST: usize = 8;
/// Bytes that are looked at together.
const GRAM: usize = 4;
/// From one place that is looked at to the next: in a string of [`SHORTEST`] bytes as many grams begin.
const STRIDE: usize = SHORTEST - GRAM + 1;
/// Bits of the hash of a gram. 16 KiB of marks lie in the nearest cache beside the text.
const BITS: u32 = 17;

/// The grams of some strings.
pub(super) struct Grams {
    /// A bit for each hash.
    marks: Box<[u64]>,
    /// Hash, string and the gram's place in it, sorted.
    known: Vec<(u32, u32, u32)>,
}

impl Grams {
    /// Of those `forms` that are long enough.
    pub(super) fn new(forms: &[Form]) -> Self {
        let mut marks = vec![0; (1 << BITS) / 64].into_boxed_slice();
        let mut known = Vec::new();
        for (index, form) in (0..).zip(forms).filter(|(_, form)| form.bytes.len() >= SHORTEST) {
            for (offset, gram) in (0..).zip(form.bytes.windows(GRAM).take(STRIDE)) {
                let hash = hash([gram[0], gram[1], gram[2], gram[3]]);
                marks[hash as usize / 64] |= 1 << (hash % 64);
                known.push((hash, index, offset));
            }
        }
        known.sort_unstable();
        Grams { marks, known }
    }

    /// Calls `check` with each string that may stand in `text`, and where.
    #[inline]
    pub(super) fn find(&self, text: &[u8], check: &mut impl FnMut(usize, usize)) {
        if self.known.is_empty() {
            return;
        }
        for (index, window) in text.chunks(STRIDE).enumerate() {
            let at = index * STRIDE;
            let Some(gram) = window.first_chunk().or_else(|| text[at..].first_chunk()) else { return };
            let hash = hash(*gram);
            if self.marks[hash as usize / 64] >> (hash % 64) & 1 == 1 {
                self.tell(hash, at, check);
            }
        }
    }

    #[cold]
    fn tell(&self, hash: u32, at: usize, check: &mut impl FnMut(usize, usize)) {
        let first = self.known.partition_point(|known| known.0 < hash);
        for &(_, index, offset) in self.known[first..].iter().take_while(|known| known.0 == hash) {
            if let Some(start) = at.checked_sub(offset as usize) {
                check(index as usize, start);
            }
        }
    }
}

/// Multiplicative hashing; letters count in either case.
#[inline(always)]
fn hash(gram: [u8; GRAM]) -> u32 {
    (u32::from_le_bytes(gram) | 0x2020_2020).wrapping_mul(0x9e37_79b1) >> (32 - BITS)
}
