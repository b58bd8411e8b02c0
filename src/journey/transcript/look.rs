//! Looks at one transcript: is it the one that was read, does it go on, was it written anew?
//!
//! Invariant: only what was read whole is taken in; a file that changes its length or its place while it is read is
//! left as it was known, and said.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::atomic::AtomicU64;

use super::answer::short_digest;
use super::files::{FrozenFile, Unreadable};
use super::lines::Buffer;
use super::part::{self, Passed};
use super::state::{Entry, Found, How, Print};
use crate::observation::Reading;
use crate::source::file::Identity;
use crate::source::file::{open_regular, with_mend};

/// Bytes at each end of the read part by which its continuation is told: more than the envelope of a line, so that ids
/// and times of the first line and of the last are among them.
const ENDS: u64 = 4096;

/// Bytes of the beginning by which a transcript that was written anew is known again: its first line's ids.
const OPENING: u64 = 256;

/// Reads what is new in `file`; `known` is what earlier runs have read of it.
pub(super) fn look(
    file: &FrozenFile,
    known: Option<&Entry>,
    (buffer, done): (&mut Buffer, &AtomicU64),
) -> Result<Found, Unreadable> {
    let why = |kind, why| Unreadable { kind, path: file.path.clone(), why };
    let opened = match open_regular("transcript", &file.path) {
        Reading::Observed((opened, metadata)) if Identity::of(&metadata).is_same_file(&file.identity) => opened,
        Reading::Failed(failure) => return Err(why("unreadable", failure.message)),
        // Something else stands there since the lengths were frozen: the next run looks at it.
        Reading::Observed(_) | Reading::Missing(_) => return Err(why("changed", MOVED.into())),
    };
    read(&opened, file, known, (buffer, done)).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => why("changed", SHRANK.into()),
        _ => why("unreadable", with_mend(&error)),
    })
}

const MOVED: &str = "was moved or deleted while the run was under way; the next run looks again";
const SHRANK: &str = "became shorter while it was read; the next run looks again";

fn read(
    opened: &File,
    file: &FrozenFile,
    known: Option<&Entry>,
    reading: (&mut Buffer, &AtomicU64),
) -> io::Result<Found> {
    let how = how(opened, file, known)?;
    let from = known.filter(|_| how == How::More).map_or(0, |entry| entry.read);
    let session = file.path.file_stem().unwrap_or_default().to_string_lossy();
    let part = part::read(opened, from..file.identity.size, &session, reading)?;
    let print = print(opened, part.read)?;
    let none = Passed::default();
    let FrozenFile { path, identity } = file.clone();
    let entry = Entry { path, identity, read: part.read, print, gone: false, malformed: none, untimed: none };
    Ok(Found { how, entry, part })
}

fn how(opened: &File, file: &FrozenFile, known: Option<&Entry>) -> io::Result<How> {
    let Some(known) = known else { return Ok(How::New) };
    let (before, after) = (&known.identity, &file.identity);
    let same_file = before.is_same_file(after);
    // Written to and no longer than before: that was no append.
    let overwritten = same_file && before.size == after.size && before.modified != after.modified;
    let whole = after.size >= known.read;
    let opening = known.read.min(OPENING);
    let same_transcript = after.size >= opening && hash(opened, 0, opening)? == known.print.opening;
    let goes_on = whole && !overwritten && print(opened, known.read)? == known.print;
    Ok(match () {
        () if goes_on => How::More,
        () if same_file || same_transcript => How::Rewritten,
        () => How::New,
    })
}

/// What the first `read` bytes look like.
fn print(opened: &File, read: u64) -> io::Result<Print> {
    let ends = read.min(ENDS);
    Ok(Print {
        opening: hash(opened, 0, read.min(OPENING))?,
        head: hash(opened, 0, ends)?,
        tail: hash(opened, read - ends, ends)?,
    })
}

fn hash(opened: &File, offset: u64, length: u64) -> io::Result<u64> {
    let mut bytes = vec![0; usize::try_from(length.min(ENDS)).unwrap_or(0)];
    opened.read_exact_at(&mut bytes, offset)?;
    let [a, b, c, d, e, f, g, h, ..] = short_digest(&bytes);
    Ok(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
}
