//! Rotation by size: the full file is renamed to `<name>.<UTC time>Z`, compressed to `<name>.<UTC time>Z.zst`, and
//! the oldest are deleted.
//!
//! Invariant: at every instant each line is whole in at least one file. The steps are: rename; write
//! `.zst.tmp` and flush it to the disk; rename it to `.zst`; delete the uncompressed file. A crash after any of them
//! leaves what [`tidy`] takes up again. Only names of exactly this form are ever deleted.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::observation::Time;

const COMPRESSED: &str = ".zst";
const PARTIAL: &str = ".zst.tmp";
/// zstd's own default: 64 MiB of records take about 0.3 s and become some 3 MiB.
const LEVEL: i32 = 3;

/// When a file is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// The file is rotated before a line would make it larger than this, bytes.
    pub size: u64,
}

/// What [`tidy`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tidied {
    /// Rotated files that were compressed.
    pub compressed: u64,
    /// Rotated files that were deleted because they are more than are kept.
    pub deleted: u64,
}

impl Rotation {
    /// Whether a line of `bytes` makes `file` too large. A file without a line is never rotated.
    pub(super) fn is_due(self, file: &File, bytes: usize) -> bool {
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        size > 0 && size.saturating_add(bytes as u64 + 1) > self.size
    }
}

/// Renames the file at `path` to a free name that tells `now`.
pub(super) fn rename_away(path: &Path, now: Time) -> io::Result<()> {
    let mut at = now;
    // Whoever rotates holds the lock on the file that `path` leads to, so a name that is free stays free.
    let free = loop {
        let name = with_suffix(path, &format!(".{}", at.strftime("%Y%m%dT%H%M%S%.3fZ")));
        if !name.try_exists()? && !with_suffix(&name, COMPRESSED).try_exists()? {
            break name;
        }
        at += jiff::SignedDuration::from_millis(1);
    };
    fs::rename(path, free)
}

/// The rotated files of `path`, oldest first, compressed or not.
///
/// # Errors
/// Those of listing the directory.
pub fn rotated_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let path = real(path);
    let mut files = Vec::new();
    for entry in fs::read_dir(directory(&path))? {
        let file = entry?.path();
        if rotated_at(&path, &file).is_some_and(|(_, suffix)| suffix != PARTIAL) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Deletes all but the newest `keep` rotated files of `path` and compresses those that are not compressed yet.
///
/// It may take seconds and may run beside appenders and beside itself. It also finishes what a crash interrupted.
///
/// # Errors
/// The first of reading, writing or deleting; what else could be done is done, and nothing is lost.
pub fn tidy(path: &Path, keep: usize) -> io::Result<Tidied> {
    let path = real(path);
    let files = rotated_files(&path)?;
    let mut times: Vec<String> = files.iter().filter_map(|file| Some(rotated_at(&path, file)?.0)).collect();
    // A crash may have left both forms of one file.
    times.dedup();
    let newest = times.split_off(times.len().saturating_sub(keep));
    let mut tidied = Tidied::default();
    let mut failure = None;
    // Deleting comes first: it makes room for what compressing writes.
    for time in times {
        match delete(&with_suffix(&path, &format!(".{time}"))) {
            Ok(()) => tidied.deleted += 1,
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    for time in newest {
        match compress(&with_suffix(&path, &format!(".{time}"))) {
            Ok(compressed) => tidied.compressed += u64::from(compressed),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(tidied), Err)
}

/// Deletes the file at `plain` and its compressed forms.
fn delete(plain: &Path) -> io::Result<()> {
    ["", COMPRESSED, PARTIAL].iter().try_for_each(|suffix| remove_if_there(&with_suffix(plain, suffix)))
}

/// Replaces the file at `plain` by its compressed form; `false` when it is gone or another program is at it.
fn compress(plain: &Path) -> io::Result<bool> {
    let source = match File::open(plain) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match source.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Another program may have finished between the opening and the lock.
    if !plain.try_exists()? {
        return Ok(false);
    }
    let partial = with_suffix(plain, PARTIAL);
    let written = write_compressed(&source, &partial);
    if written.is_err() {
        // The disk is full, most likely: give the room back. The next call begins anew in any case.
        drop(fs::remove_file(&partial));
    }
    written?;
    fs::rename(&partial, with_suffix(plain, COMPRESSED))?;
    sync_directory(plain)?;
    fs::remove_file(plain)?;
    Ok(true)
}

fn write_compressed(mut source: &File, partial: &Path) -> io::Result<()> {
    remove_if_there(partial)?;
    let target = OpenOptions::new().write(true).create_new(true).open(partial)?;
    target.set_permissions(source.metadata()?.permissions())?;
    let mut encoder = zstd::Encoder::new(target, LEVEL)?;
    encoder.include_checksum(true)?;
    io::copy(&mut source, &mut encoder)?;
    encoder.finish()?.sync_all()
}

/// Makes creations, renames and deletions beside `file` survive a crash of the machine.
pub(super) fn sync_directory(file: &Path) -> io::Result<()> {
    File::open(directory(file))?.sync_all()
}

/// The time and the suffix in the name of `file`, when it is a rotated form of `path`.
fn rotated_at(path: &Path, file: &Path) -> Option<(String, &'static str)> {
    let name = file.file_name()?.to_str()?.strip_prefix(path.file_name()?.to_str()?)?.strip_prefix('.')?;
    let suffix = [PARTIAL, COMPRESSED].into_iter().find(|suffix| name.ends_with(suffix)).unwrap_or("");
    let time = name.strip_suffix(suffix)?;
    // 20261122T120000.123Z
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    (shape == "00000000T000000.000Z").then(|| (time.to_owned(), suffix))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// `path` behind symbolic links, where it leads to something.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn directory(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
