//! The series in blocks of whole lines: files, compressed or not, one after the other, or standard input.
//!
//! Invariant: each line is handed out once and whole, in order; no more than one block is held, however long the file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use memchr::{memchr, memrchr};

/// Bytes in one block, about 300 records.
pub(super) const BLOCK: usize = 1 << 20;
/// A line longer than this is no record; it is dropped piece by piece.
const LONGEST: usize = 4 << 20;
/// What a compressed file begins with.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Where records come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::File(path) => path.display().fmt(f),
            Place::Stdin => f.write_str("standard input"),
        }
    }
}

/// Hands out blocks.
pub(super) struct Blocks {
    places: VecDeque<Place>,
    reading: Option<(Place, Box<dyn Read + Send>)>,
    /// The beginning of a line that the last block cut.
    tail: Vec<u8>,
    /// Bytes in a block at least.
    size: usize,
    /// The rest of a line that is too long is being dropped.
    dropping: bool,
    /// Lines that were too long.
    pub(super) too_long: u64,
    /// Bytes handed out.
    pub(super) bytes: u64,
    /// What could not be read to its end, and why.
    pub(super) failures: Vec<String>,
}

impl Blocks {
    /// The lines at `places`, in this order.
    pub(super) fn new(places: impl IntoIterator<Item = Place>, size: usize) -> Self {
        Blocks {
            places: places.into_iter().collect(),
            reading: None,
            tail: Vec::new(),
            size,
            dropping: false,
            too_long: 0,
            bytes: 0,
            failures: Vec::new(),
        }
    }

    /// Fills `block` with whole lines; false when there are no more.
    pub(super) fn next(&mut self, block: &mut Vec<u8>) -> bool {
        block.clear();
        block.append(&mut self.tail);
        loop {
            let more = self.read(block);
            if !more && block.last().is_some_and(|last| *last != b'\n') {
                // A line that nobody ended; the next file begins a line of its own.
                block.push(b'\n');
            }
            match memrchr(b'\n', block) {
                Some(end) => {
                    self.tail.extend_from_slice(&block[end + 1..]);
                    block.truncate(end + 1);
                }
                None if block.len() > LONGEST => {
                    self.too_long += u64::from(!self.dropping);
                    self.dropping = true;
                    block.clear();
                }
                None => {}
            }
            if self.dropping
                && let Some(end) = memchr(b'\n', block)
            {
                block.drain(..=end);
                self.dropping = false;
            }
            let ended = !more && self.places.is_empty() && self.reading.is_none();
            if block.last() == Some(&b'\n') || ended {
                self.bytes += block.len() as u64;
                return !block.is_empty();
            }
            block.append(&mut self.tail);
        }
    }

    /// Reads on; false at the end of a file.
    fn read(&mut self, block: &mut Vec<u8>) -> bool {
        if self.reading.is_none() {
            let Some(place) = self.places.pop_front() else { return false };
            match open(&place) {
                Ok(reader) => self.reading = Some((place, reader)),
                Err(error) => {
                    self.failures.push(format!("{place}: {error}"));
                    return false;
                }
            }
        }
        let Some((place, reader)) = &mut self.reading else { return false };
        let want = self.size as u64;
        match reader.take(want).read_to_end(block) {
            Ok(got) if got as u64 == want => true,
            Ok(_) => {
                self.reading = None;
                false
            }
            Err(error) => {
                self.failures.push(format!("{place}: {error}; what was read before counts"));
                self.reading = None;
                false
            }
        }
    }
}

/// The bytes at `place`, decompressed.
pub(super) fn open(place: &Place) -> io::Result<Box<dyn Read + Send>> {
    let Place::File(path) = place else { return Ok(Box::new(io::stdin())) };
    let mut file = regular(path)?;
    let mut head = [0; 4];
    let compressed = file.read(&mut head)? == head.len() && head == ZSTD;
    io::Seek::rewind(&mut file)?;
    if compressed {
        return Ok(Box::new(zstd::stream::read::Decoder::new(file)?));
    }
    Ok(Box::new(file))
}

/// A FIFO would wait for ever, and a directory has no lines.
fn regular(path: &Path) -> io::Result<File> {
    let kind = std::fs::metadata(path)?;
    if !kind.is_file() {
        return Err(io::Error::other("not a regular file; pipe it to `--log -`"));
    }
    File::open(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jsonl::scan::lines;

    fn place(directory: &Path, name: &str, bytes: &[u8]) -> Place {
        let path = directory.join(name);
        std::fs::write(&path, bytes).unwrap();
        Place::File(path)
    }

    fn all(places: Vec<Place>, size: usize) -> Vec<Vec<u8>> {
        let (mut blocks, mut block, mut all) = (Blocks::new(places, size), Vec::new(), Vec::new());
        while blocks.next(&mut block) {
            all.extend(lines(&block).map(<[u8]>::to_vec));
        }
        assert_eq!(blocks.failures, Vec::<String>::new());
        all
    }

    proptest! {
        #[test]
        fn every_line_comes_once_and_whole(
            files in proptest::collection::vec("([a-z]{0,9}\n){0,6}[a-z]{0,5}", 1..4),
            size in 1_usize..40,
        ) {
            let directory = tempfile::tempdir().unwrap();
            let named = files.iter().enumerate();
            let places = named.map(|(name, text)| place(directory.path(), &name.to_string(), text.as_bytes())).collect();
            let expected: Vec<Vec<u8>> = files.iter().flat_map(|text| text.lines()).map(|line| line.into()).collect();
            prop_assert_eq!(all(places, size), expected);
        }
    }

    #[test]
    fn compressed_files_are_read_and_a_broken_one_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let packed = zstd::encode_all(&b"one\ntwo\n"[..], 3).unwrap();
        let whole = place(directory.path(), "a.zst", &packed);
        assert_eq!(
            all(vec![whole.clone(), place(directory.path(), "b", b"three")], BLOCK),
            [&b"one"[..], b"two", b"three"]
        );
        let broken = place(directory.path(), "c.zst", &packed[..packed.len() - 3]);
        let (mut blocks, mut block) = (Blocks::new([broken, whole], BLOCK), Vec::new());
        let mut count = 0;
        while blocks.next(&mut block) {
            count += lines(&block).count();
        }
        assert!(count >= 2 && blocks.failures.len() == 1, "{count} {:?}", blocks.failures);
    }

    #[test]
    fn a_line_without_end_is_dropped_and_what_follows_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let long = "x".repeat(LONGEST + BLOCK);
        let places = vec![place(directory.path(), "a", format!("one\n{long}\ntwo\n").as_bytes())];
        assert_eq!(all(places, BLOCK), [&b"one"[..], b"two"]);
    }
}
