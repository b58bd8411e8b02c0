//! How many attempts a file of reviews holds, by what came of them.
//!
//! Invariant: each whole line counts once, and what is told is a property of the file as it stands. So a restarted program
//! tells the same numbers, and a file that is rotated away, cut or written anew is counted from its beginning, which
//! Prometheus takes for a counter that began again. A reading takes bounded time and memory; until the end of the
//! file was reached nothing is told.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::outcome;
use crate::jsonl::trim;
use crate::observation::{Attempts, Reading, ReviewOutcome};
use crate::source::file::{Identity, open_regular};
use crate::source::lines::object;

/// Bytes that one reading counts at most: a year of reviews takes a few readings.
const PART: u64 = 16 << 20;
/// A longer line counts as it is, unread. As at the end of the file ([`crate::jsonl::Limits`]).
const LINE: usize = 1 << 20;
/// Bytes of a block.
const BLOCK: usize = 64 << 10;
/// Bytes before the place that was reached, by which a file that was written anew in place is known.
const MARK: usize = 64;

/// Counts the lines of one file as they come.
#[derive(Debug)]
pub(super) struct Counter {
    path: PathBuf,
    so_far: SoFar,
    part: u64,
}

/// How far a file was counted.
#[derive(Debug, Default)]
struct SoFar {
    identity: Identity,
    /// Where the next line begins, or goes on where it is too long.
    place: u64,
    /// What stands before it.
    mark: Vec<u8>,
    in_long_line: bool,
    counts: Attempts,
}

impl Counter {
    /// Nothing counted yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Counter { path, so_far: SoFar::default(), part: PART }
    }

    /// The attempts in the file; `None` where it cannot be read, or not yet to its end.
    pub(super) fn read(&mut self) -> Option<Attempts> {
        let Reading::Observed((file, metadata)) = open_regular("reviews", &self.path) else { return None };
        let identity = Identity::of(&metadata);
        if !self.so_far.is_of(&file, &identity) {
            self.so_far = SoFar::default();
        }
        self.so_far.identity = identity;
        let whole = self.so_far.go_on(&file, self.part).ok()?;
        whole.then_some(self.so_far.counts)
    }
}

impl SoFar {
    /// Whether `file` is the one that was counted, with more lines behind those at most.
    fn is_of(&self, file: &File, identity: &Identity) -> bool {
        let mut mark = vec![0; self.mark.len()];
        let begin = self.place - self.mark.len() as u64;
        self.identity.is_same_file(identity) && file.read_exact_at(&mut mark, begin).is_ok() && mark == self.mark
    }

    /// Counts on, at most `part` bytes; whether the end was reached.
    fn go_on(&mut self, file: &File, part: u64) -> io::Result<bool> {
        let mut block = vec![0; BLOCK];
        // What was read behind the place.
        let mut pending = Vec::new();
        let (start, mut whole) = (self.place, false);
        while self.place - start < part {
            let read = file.read_at(&mut block, self.place + pending.len() as u64)?;
            if read == 0 {
                whole = true;
                break;
            }
            pending.extend_from_slice(&block[..read]);
            let taken = self.take(&pending);
            pending.drain(..taken);
            self.place += taken as u64;
        }
        self.mark.resize(usize::try_from(self.place).map_or(MARK, |place| place.min(MARK)), 0);
        let mark_begin = self.place - self.mark.len() as u64;
        file.read_exact_at(&mut self.mark, mark_begin)?;
        Ok(whole)
    }

    /// Counts the lines that end in `bytes`; how many bytes are done with.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(end) = memchr::memchr(b'\n', &bytes[taken..]) {
            let line = &bytes[taken..taken + end];
            if std::mem::take(&mut self.in_long_line) || line.len() > LINE {
                self.counts.add(ReviewOutcome::Other);
            } else if !trim(line).is_empty() {
                self.counts.add(outcome(object(trim(line)).as_ref()));
            }
            taken += end + 1;
        }
        if self.in_long_line || bytes.len() - taken > LINE {
            self.in_long_line = true;
            taken = bytes.len();
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::path::Path;

    use super::*;

    const GOOD: &str = "{\"ts\": 1, \"health_score\": 50}\n";
    const LATE: &str = "{\"ts\": 1, \"error\": \"timed-out\"}\n";

    fn append(path: &Path, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Good ones, timed-out ones, and others.
    fn told(counter: &mut Counter) -> Option<[u64; 3]> {
        let counts = counter.read()?;
        let of = |wanted| counts.by_outcome().find(|(outcome, _)| *outcome == wanted).unwrap().1;
        assert_eq!(counts.by_outcome().count(), ReviewOutcome::ALL.len());
        Some([ReviewOutcome::Reviewed, ReviewOutcome::TimedOut, ReviewOutcome::Other].map(of))
    }

    struct World {
        directory: tempfile::TempDir,
        counter: Counter,
    }

    impl World {
        fn new(text: &str) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let world = World { counter: Counter::new(directory.path().join("reviews")), directory };
            append(&world.path(), text);
            world
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("reviews")
        }

        fn told(&mut self) -> Option<[u64; 3]> {
            // Whoever begins anew tells the same.
            let told = told(&mut self.counter);
            assert_eq!(told, self::told(&mut Counter::new(self.path())));
            told
        }
    }

    #[test]
    fn lines_count_once_and_a_restart_tells_the_same() {
        let mut world = World::new(&[GOOD, "\n", GOOD, LATE, "spoilt\n", "\0\0\n"].concat());
        assert_eq!(world.told(), Some([2, 1, 1]));
        assert_eq!(world.told(), Some([2, 1, 1]), "nothing is new");
        append(&world.path(), &[LATE, GOOD].concat());
        assert_eq!(world.told(), Some([3, 2, 1]));
        // A line counts when it is whole.
        let (begin, end) = GOOD.split_at(9);
        append(&world.path(), begin);
        assert_eq!(world.told(), Some([3, 2, 1]));
        append(&world.path(), end);
        assert_eq!(world.told(), Some([4, 2, 1]));
    }

    #[test]
    fn a_file_that_is_begun_anew_is_counted_anew() {
        let mut world = World::new(&GOOD.repeat(5));
        assert_eq!(world.told(), Some([5, 0, 0]));
        fs::rename(world.path(), world.directory.path().join("reviews.1")).unwrap();
        assert_eq!(world.told(), None, "nothing there is not nothing counted");
        append(&world.path(), LATE);
        assert_eq!(world.told(), Some([0, 1, 0]), "rotated");
        OpenOptions::new().write(true).open(world.path()).unwrap().set_len(0).unwrap();
        assert_eq!(world.told(), Some([0, 0, 0]), "cut");
        append(&world.path(), &LATE.repeat(3));
        assert_eq!(world.told(), Some([0, 3, 0]));
        // Cut and grown beyond where it was before it is looked at again.
        fs::write(world.path(), GOOD.repeat(20)).unwrap();
        assert_eq!(world.told(), Some([20, 0, 0]), "written anew in place");
    }

    #[test]
    fn nothing_is_told_before_the_end_was_reached() {
        let mut world = World::new(&GOOD.repeat(10_000));
        world.counter.part = 100_000;
        let tries = std::iter::repeat_with(|| told(&mut world.counter)).take_while(Option::is_none).take(10).count();
        assert!((1..10).contains(&tries), "{tries}");
        assert_eq!(told(&mut world.counter), Some([10_000, 0, 0]));
    }

    #[test]
    fn a_line_without_an_end_takes_bounded_memory_and_counts_once() {
        let mut world = World::new(&[GOOD, &"x".repeat(3 << 20)].concat());
        assert_eq!(world.told(), Some([1, 0, 0]));
        append(&world.path(), &"x".repeat(2 << 20));
        append(&world.path(), &["\n", GOOD].concat());
        assert_eq!(world.told(), Some([2, 0, 1]));
    }
}
