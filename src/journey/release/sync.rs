//! Has a release on the disk before it is shown.
//!
//! A few files are flushed one by one when they are written, and then the directories that changed, the deepest first:
//! 0.1 to 0.3 ms each (ext4). Thousands are flushed together by `syncfs`, which waits for all that was written to the
//! file system before: 5 ms for 800 small files, where 256 one by one took 30 to 60 ms. It is as safe: it returns once
//! data, inodes and directory entries are written, and since Linux 5.8 it reports a write that failed since the
//! directory was opened. Its price is that it also waits for what others wrote.
//!
//! Invariant: when [`Flush::finish`] returns, a loss of power takes nothing away from the release.

use std::collections::BTreeSet;

use super::error::{Error, disk};
use super::place::{Cursor, Directory};

/// More new files than this, without their sidecars, are flushed together.
const ONE_BY_ONE: usize = 64;

/// How a release is flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Flush {
    /// Each new file when it is written, then the directories that changed.
    OneByOne,
    /// Everything at the end.
    #[default]
    Together,
}

impl Flush {
    /// For `files` that are to be made, with the few sidecars that each has, or directories that were changed.
    pub(super) fn of(files: usize) -> Self {
        if files <= ONE_BY_ONE { Flush::OneByOne } else { Flush::Together }
    }

    /// Both: one by one only where nothing is left to the end by either.
    pub(super) fn and(self, other: Flush) -> Self {
        if self == other { self } else { Flush::Together }
    }

    /// Flushes what is not flushed yet of `root`, where the `directories` were changed.
    pub(super) fn finish(self, root: &Directory, directories: &BTreeSet<String>) -> Result<(), Error> {
        let refused = || disk("flush", root.path());
        if self == Flush::Together {
            return root.sync_file_system().map_err(refused());
        }
        let mut cursor = Cursor::new(root);
        // In their order a directory stands before what is in it.
        for directory in directories.iter().rev().filter(|directory| !directory.is_empty()) {
            // One that is gone needs no flush but that of the directory it was in.
            if let Ok((open, _)) = cursor.enter(&format!("{directory}/.")) {
                open.sync().map_err(refused())?;
            }
        }
        root.sync().map_err(refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_to_the_end_is_flushed_there_however_few_directories_there_are() {
        let (few, many) = (Flush::of(ONE_BY_ONE), Flush::of(ONE_BY_ONE + 1));
        assert_eq!((few, many), (Flush::OneByOne, Flush::Together));
        assert_eq!([few.and(few), few.and(many), many.and(few), many.and(many)], [few, many, many, many]);
    }
}
