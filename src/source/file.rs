//! Files that somebody else writes: opened without hanging, read within a bound, parsed again only when changed.
//!
//! Invariant: whatever stands at the path (a FIFO, a directory, an endless device, a file that grows while it is
//! read), opening and reading end soon and take bounded memory.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::observation::{Failure, FailureKind, Reading, Time};

/// What tells whether a file is still the one that was read: device, inode, size and modification time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Identity {
    /// The identity that `metadata` shows.
    pub fn of(metadata: &Metadata) -> Self {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// The modification time in `metadata`; `None` where it is outside the range of times.
pub fn modified_at(metadata: &Metadata) -> Option<Time> {
    Time::new(metadata.mtime(), i32::try_from(metadata.mtime_nsec()).ok()?).ok()
}

/// Opens the regular file at `path` for reading, following symbolic links, without waiting on a FIFO.
/// [`Reading::Missing`] when there is nothing; `what` names the file in messages, such as `heartbeat`.
pub fn open_regular(what: &str, path: &Path) -> Reading<(File, Metadata)> {
    let unreadable = |why: String| {
        Reading::Failed(Failure::new(FailureKind::Unreadable, format!("{what} {}: {why}", path.display())))
    };
    // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Reading::Missing(format!("no {what} at {}", path.display()));
        }
        Err(error) => return unreadable(format!("{error}; check its owner and mode")),
    };
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Reading::Observed((file, metadata)),
        Ok(metadata) if metadata.is_dir() => unreadable("is a directory where a file belongs; move it away".into()),
        Ok(_) => unreadable("is not a regular file (a FIFO, socket or device); replace it by a file".into()),
        Err(error) => unreadable(error.to_string()),
    }
}

/// Reads a whole regular file of at most `max` bytes.
pub fn read_bounded(what: &str, path: &Path, max: u64) -> Reading<(Vec<u8>, Metadata)> {
    let (file, metadata) = match open_regular(what, path) {
        Reading::Observed(opened) => opened,
        Reading::Missing(what) => return Reading::Missing(what),
        Reading::Failed(failure) => return Reading::Failed(failure),
    };
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(max)).unwrap_or(0));
    let failed = |why: String| {
        Reading::Failed(Failure::new(FailureKind::Unreadable, format!("{what} {}: {why}", path.display())))
    };
    match file.take(max + 1).read_to_end(&mut bytes) {
        Err(error) => failed(error.to_string()),
        Ok(_) if bytes.len() as u64 > max => failed(format!("larger than the {max} bytes that are read at most")),
        Ok(_) => Reading::Observed((bytes, metadata)),
    }
}

/// A small file whose parsed content is kept until its identity changes.
#[derive(Debug)]
pub struct Cached<T> {
    what: &'static str,
    path: PathBuf,
    max: u64,
    known: Option<(Identity, Reading<T>)>,
    parses: u64,
}

impl<T: Clone> Cached<T> {
    /// Nothing read yet. `what` names the file in messages; more than `max` bytes are refused.
    pub fn new(what: &'static str, path: PathBuf, max: u64) -> Self {
        Cached { what, path, max, known: None, parses: 0 }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How often the file was parsed.
    pub fn parses(&self) -> u64 {
        self.parses
    }

    /// The file's content. `parse` is called only when the file is not the one that was parsed last.
    pub fn read(&mut self, parse: impl FnOnce(&[u8], &Metadata) -> Result<T, String>) -> Reading<T> {
        if let (Some((identity, reading)), Ok(metadata)) = (&self.known, std::fs::metadata(&self.path))
            && metadata.is_file()
            && *identity == Identity::of(&metadata)
        {
            return reading.clone();
        }
        match read_bounded(self.what, &self.path, self.max) {
            Reading::Observed((bytes, metadata)) => {
                self.parses += 1;
                let reading = match parse(&bytes, &metadata) {
                    Ok(value) => Reading::Observed(value),
                    Err(why) => Reading::Failed(Failure::new(
                        FailureKind::Malformed,
                        format!("{} {}: {why}", self.what, self.path.display()),
                    )),
                };
                self.known = Some((Identity::of(&metadata), reading.clone()));
                reading
            }
            Reading::Missing(what) => {
                self.known = None;
                Reading::Missing(what)
            }
            Reading::Failed(failure) => {
                self.known = None;
                Reading::Failed(failure)
            }
        }
    }
}

/// `path` with a leading `~/` replaced by the home directory and, when relative, taken from `base`.
pub fn resolve(base: &Path, path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => base.join(path),
    }
}
