//! Numbers that look random, the same for the same seed (SplitMix64).

/// A stream of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Chance(seed)
    }

    /// A stream of its own, so that one part's appetite does not change the others.
    pub(crate) fn fork(&mut self) -> Self {
        Chance(self.next())
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to `below`.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.next() % below.max(1)
    }

    /// From `least` to `most`, both included.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True with this many chances in 100.
    pub(crate) fn percent(&mut self, chances: u64) -> bool {
        self.below(100) < chances
    }

    /// One of `list`.
    pub(crate) fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let at = self.below(list.len() as u64);
        &list[usize::try_from(at).unwrap_or(0)]
    }

    /// `length` characters of `alphabet`, which is ASCII.
    pub(crate) fn text(&mut self, alphabet: &str, length: usize) -> String {
        (0..length).map(|_| char::from(*self.one(alphabet.as_bytes()))).collect()
    }

    /// An id in the form of a UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        let (high, low) = (a & 0xffff_ffff_ffff_0fff | 0x4000, b & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000);
        let hex = format!("{high:016x}{low:016x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}
