//! Which parts of a file a request asks for (RFC 9110, 14).
//!
//! Invariant: the parts that come out lie within the file, share no byte, and are few: an answer is never much longer than
//! the file.

use std::num::NonZeroUsize;
use std::ops::Range;

use http::HeaderMap;
use http::header;
use http_range_header::{RangeUnsatisfiableError, parse_range_header_with_max_ranges};

use crate::precondition::only;

/// More ranges than these in one request are ignored, and the whole file is sent; so are more than two that overlap.
/// RFC 9110, 14.2 and 17.15 let a server do so, lest a short request should make it send a file many times over. Readers
/// of documents ask for some ten at a time.
pub const MAX_RANGES: NonZeroUsize = NonZeroUsize::new(32).unwrap();

/// What a request for a file comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it.
    Whole,
    /// Parts, in the order in which they were asked for; at least one, and none of them empty.
    Parts(Vec<Range<usize>>),
    /// Only what it does not have.
    Nothing,
}

/// Reads `Range` for a file of `length` bytes. What is no range of bytes is ignored.
pub fn wanted(headers: &HeaderMap, length: usize) -> Wanted {
    let Some(text) = only(headers, header::RANGE).and_then(|value| value.to_str().ok()) else { return Wanted::Whole };
    let parsed = parse_range_header_with_max_ranges(text, MAX_RANGES);
    match parsed.and_then(|ranges| ranges.validate(length as u64)) {
        Ok(ranges) => {
            let ranges = ranges.into_iter().map(|range| usize_of(*range.start())..usize_of(*range.end()) + 1);
            let parts = ranges.fold(Vec::with_capacity(1), joined);
            // Only of an empty file: a part of it cannot be named in `Content-Range`.
            if parts.is_empty() { Wanted::Whole } else { Wanted::Parts(parts) }
        }
        Err(RangeUnsatisfiableError::Unsatisfiable) => Wanted::Nothing,
        Err(_) => Wanted::Whole,
    }
}

/// A place in a file that is in memory.
#[expect(clippy::cast_possible_truncation, reason = "no further than the file's length, which is a usize")]
fn usize_of(place: u64) -> usize {
    place as usize
}

/// `parts` with `new`, which takes in those that it touches: RFC 9110, 15.3.7.2 lets a server join them. What it came to
/// stands where the first of them stood.
fn joined(mut parts: Vec<Range<usize>>, new: Range<usize>) -> Vec<Range<usize>> {
    let (mut whole, mut place, mut index) = (new, parts.len(), 0);
    while let Some(part) = parts.get(index) {
        // No two parts touch, so what is taken in brings no other one within reach.
        if part.start <= whole.end && whole.start <= part.end {
            whole = whole.start.min(part.start)..whole.end.max(part.end);
            parts.remove(index);
            place = place.min(index);
        } else {
            index += 1;
        }
    }
    parts.insert(place, whole);
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::headers;

    fn of(range: &str, length: usize) -> Wanted {
        wanted(&headers(&[("range", range)]), length)
    }

    #[test]
    fn ranges_of_ten_bytes() {
        for (range, parts) in [
            ("bytes=0-0", &[(0, 1)][..]),
            ("bytes=0-9", &[(0, 10)]),
            ("bytes=2-5", &[(2, 6)]),
            ("BYTES=2-5", &[(2, 6)]),
            ("bytes= 2-5", &[(2, 6)]),
            ("bytes=002-0005", &[(2, 6)]),
            ("bytes=9-", &[(9, 10)]),
            ("bytes=0-", &[(0, 10)]),
            ("bytes=5-99", &[(5, 10)]),
            ("bytes=5-99999999999999999999999", &[(5, 10)]),
            ("bytes=-3", &[(7, 10)]),
            ("bytes=-10", &[(0, 10)]),
            ("bytes=-11", &[(0, 10)]),
            ("bytes=-99999999999999999999999", &[(0, 10)]),
            ("bytes=0-0,-1", &[(0, 1), (9, 10)]),
            ("bytes=7-8,0-1,4-5", &[(7, 9), (0, 2), (4, 6)]),
            ("bytes=0-1 ,\t4-5", &[(0, 2), (4, 6)]),
            ("bytes=,0-1,,4-5,", &[(0, 2), (4, 6)]),
            // What it does not have is left out where there is something else.
            ("bytes=10-,0-1,-0", &[(0, 2)]),
            // What touches is joined.
            ("bytes=0-4,2-6", &[(0, 7)]),
            ("bytes=0-1,2-3", &[(0, 4)]),
            ("bytes=2-3,0-1", &[(0, 4)]),
            ("bytes=8-9,0-1,2-3", &[(8, 10), (0, 4)]),
            ("bytes=0-1,6-7,2-5", &[(0, 8)]),
            ("bytes=4-5,4-5", &[(4, 6)]),
            ("bytes=-5,0-", &[(0, 10)]),
        ] {
            let parts = parts.iter().map(|(start, end)| *start..*end).collect();
            assert_eq!(of(range, 10), Wanted::Parts(parts), "{range}");
        }
    }

    #[test]
    fn what_the_file_does_not_have() {
        for range in ["bytes=10-", "bytes=10-10", "bytes=-0", "bytes=10-,-0,11-20", "bytes=99999999999999999999-"] {
            assert_eq!(of(range, 10), Wanted::Nothing, "{range}");
        }
    }

    #[test]
    fn what_is_no_range_of_bytes_is_ignored() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5",
            "bytes=a-b",
            "bytes=5-2",
            "bytes=0-1,5-2",
            "bytes=0-1,x",
            "bytes=0-1,-",
            "bytes=+0-1",
            "bytes=0-+1",
            "bytes=-1-2",
            "bytes=--1",
            "bytes=0x0-1",
            "bytes=0-1;q=1",
            "bytes 0-1",
            "bytes =0-1",
            "bytes:0-1",
            "items=0-1",
            "none",
            "seconds=0-1",
            "bytes=0-1-2",
            "bytes=0 -1",
            "bytes=é-1",
        ] {
            assert_eq!(of(range, 10), Wanted::Whole, "{range}");
        }
        assert_eq!(wanted(&HeaderMap::new(), 10), Wanted::Whole);
        assert_eq!(wanted(&headers(&[("range", "bytes=0-1"), ("range", "bytes=4-5")]), 10), Wanted::Whole);
    }

    #[test]
    fn an_empty_file_has_no_part() {
        assert_eq!(of("bytes=0-", 0), Wanted::Nothing);
        assert_eq!(of("bytes=0-0", 0), Wanted::Nothing);
        assert_eq!(of("bytes=-0", 0), Wanted::Nothing);
        // A last part of it there is, but no way to name it.
        assert_eq!(of("bytes=-1", 0), Wanted::Whole);
        assert_eq!(of("bytes=0-,-1", 0), Wanted::Whole);
    }

    #[test]
    fn many_ranges_are_ignored() {
        let apart = |count: usize| {
            let ranges: Vec<String> = (0..count).map(|i| format!("{}-{}", 3 * i, 3 * i)).collect();
            format!("bytes={}", ranges.join(","))
        };
        let Wanted::Parts(parts) = of(&apart(MAX_RANGES.get()), 1000) else { panic!("as many as may be") };
        assert_eq!(parts.len(), MAX_RANGES.get());
        assert_eq!(of(&apart(MAX_RANGES.get() + 1), 1000), Wanted::Whole);
        assert_eq!(of("bytes=0-,0-,0-", 1000), Wanted::Whole);
        assert_eq!(of("bytes=0-,1-,2-,3-,4-", 1000), Wanted::Whole);
    }

    proptest! {
        /// Every byte that was asked for is in one part, and no other byte is in any.
        #[test]
        fn parts_hold_what_was_asked_for_and_nothing_else(
            length in 1..60_usize,
            ranges in prop::collection::vec((0..70_usize, 0..20_usize), 1..12),
        ) {
            let text: Vec<String> = ranges.iter().map(|(start, more)| format!("{start}-{}", start + more)).collect();
            let asked: Vec<bool> =
                (0..length).map(|at| ranges.iter().any(|(start, more)| (*start..=start + more).contains(&at))).collect();
            match of(&format!("bytes={}", text.join(",")), length) {
                Wanted::Nothing => prop_assert!(!asked.contains(&true)),
                // More than two of them overlap.
                Wanted::Whole => prop_assert!(ranges.len() > 2),
                Wanted::Parts(parts) => {
                    for (at, asked) in asked.into_iter().enumerate() {
                        let holding = parts.iter().filter(|part| part.contains(&at)).count();
                        prop_assert_eq!(holding, usize::from(asked), "byte {}", at);
                    }
                    prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
                }
            }
        }

        #[test]
        fn any_text_is_read(text in "(bytes=)?[-0-9, a\t]{0,40}", length in 0..50_usize) {
            if let Wanted::Parts(parts) = of(&text, length) {
                prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
            }
        }
    }
}
