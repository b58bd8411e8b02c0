//! Appends lines to a file that several processes may append to and that may be rotated at any time.
//!
//! Invariant: each line is one `write` on an `O_APPEND` handle, made under an advisory lock on the file itself
//! while the path still leads to that file. A line that a crash or a full disk cut short stays as it is, and the
//! next one begins on a line of its own.
//!
//! Nothing is flushed to the disk unless [`Appender::sync`] is called: a crash of the program loses nothing, a
//! crash of the machine loses what the kernel had not written yet (some 30 seconds).

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::rotate::{self, Rotation};
use crate::observation::Time;

/// How often the lock is asked for. Appenders hold it for the time of one `write`. Who holds it for longer than these
/// 50 ms either compresses the file, which is then no longer at the path, or was stopped; the line is then appended
/// without the lock: `O_APPEND` still keeps lines apart.
const LOCK_ATTEMPTS: usize = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(1);
/// How often the file is opened anew because somebody rotated it in that very moment. Who waits for the lock may lose
/// several such races in a row to busier programs (5 attempts failed once in 200 runs of the test that races four).
const OPEN_ATTEMPTS: usize = 100;

/// Appends lines to one file.
#[derive(Debug)]
pub struct Appender {
    path: PathBuf,
    rotation: Option<Rotation>,
    handle: Option<Handle>,
}

/// An open file and where it really is, behind symbolic links.
#[derive(Debug)]
struct Handle {
    file: File,
    real: PathBuf,
    lock: Lock,
}

#[derive(Debug)]
enum Lock {
    /// Not asked for, or held by another program throughout.
    None,
    Held,
    /// The file system has no locks.
    Refused,
}

/// What happened beside the line's being appended.
#[derive(Debug, Default)]
pub struct Appended {
    /// The file was rotated first; [`super::tidy`] should be called to compress what was rotated.
    pub rotated: bool,
    /// The file is due for rotation and could not be rotated; the line was appended to it nevertheless.
    pub rotation_failure: Option<io::Error>,
}

impl Appender {
    /// An appender to `path`, which is opened, and created, by the first line.
    pub fn new(path: PathBuf, rotation: Option<Rotation>) -> Self {
        Appender { path, rotation, handle: None }
    }

    /// Where the lines go.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `line`, which has no line ending. `now` names the rotated file, if the file is rotated first.
    ///
    /// # Errors
    /// Those of opening and writing, such as a full disk; `InvalidInput` when `line` holds a line ending or the
    /// path leads to something that lines cannot be appended to. Part of the line may then stand in the file.
    pub fn append(&mut self, line: &[u8], now: Time) -> io::Result<Appended> {
        if line.contains(&b'\n') {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a line must not hold a line ending"));
        }
        let mut appended = Appended::default();
        let mut handle = self.lock_current()?;
        if self.rotation.is_some_and(|rotation| rotation.is_due(&handle.file, line.len())) {
            match handle.rotate(now) {
                Ok(rotated) => appended.rotated = rotated,
                Err(error) => appended.rotation_failure = Some(error),
            }
            if appended.rotated {
                // The old file is complete only once nobody holds it; its lock goes with it.
                drop(handle);
                handle = self.lock_current()?;
            }
        }
        let written = handle.write_line(line);
        handle.unlock();
        self.handle = Some(handle);
        written.map(|()| appended)
    }

    /// Makes what was appended survive a crash of the machine.
    ///
    /// # Errors
    /// Those of `fsync` on the file and its directory.
    pub fn sync(&self) -> io::Result<()> {
        let Some(handle) = &self.handle else { return Ok(()) };
        handle.file.sync_data()?;
        rotate::sync_directory(&handle.real)
    }

    /// The file that the path leads to now, locked where possible.
    fn lock_current(&mut self) -> io::Result<Handle> {
        for _ in 0..OPEN_ATTEMPTS {
            let mut handle = match self.handle.take() {
                Some(handle) => handle,
                None => Handle::open(&self.path)?,
            };
            handle.lock();
            // Whoever rotates holds the lock, so from here on the path cannot lead elsewhere.
            if handle.is_at(&self.path) {
                return Ok(handle);
            }
        }
        Err(io::Error::other("the file is replaced again and again; only one program may rotate it"))
    }
}

impl Handle {
    fn open(path: &Path) -> io::Result<Self> {
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        // O_NONBLOCK: opening and writing to a FIFO must not wait for a reader.
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&real)?;
        let kind = file.metadata()?.file_type();
        // A character device such as /dev/null may stand for "nowhere".
        if kind.is_file() || kind.is_char_device() {
            Ok(Handle { file, real, lock: Lock::None })
        } else {
            Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file (a FIFO or socket); replace it by a file"))
        }
    }

    /// Whether `path` leads to this very file.
    fn is_at(&self, path: &Path) -> bool {
        let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
        match (self.file.metadata(), std::fs::metadata(path)) {
            (Ok(open), Ok(there)) => id(open) == id(there),
            _ => false,
        }
    }

    fn lock(&mut self) {
        self.lock = Lock::None;
        for _ in 0..LOCK_ATTEMPTS {
            match self.file.try_lock() {
                Ok(()) => return self.lock = Lock::Held,
                Err(TryLockError::Error(_)) => return self.lock = Lock::Refused,
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            }
        }
    }

    fn unlock(&mut self) {
        if matches!(self.lock, Lock::Held) {
            // It cannot fail on a lock that is held, and closing the file gives it back in any case.
            drop(self.file.unlock());
        }
    }

    /// Renames the file; `false` when another program holds it at the moment.
    fn rotate(&self, now: Time) -> io::Result<bool> {
        match self.lock {
            Lock::Held => rotate::rename_away(&self.real, now).map(|()| true),
            Lock::None => Ok(false),
            Lock::Refused => Err(io::Error::other("the file system has no locks, so the file cannot be rotated")),
        }
    }

    /// One `write`, unless the operating system cuts it short: then a second one tells why.
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(line.len() + 2);
        if self.ends_torn()? {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
        (&self.file).write_all(&bytes)
    }

    /// Whether the last line has no line ending: a crash or a full disk cut it short.
    fn ends_torn(&self) -> io::Result<bool> {
        let Some(last) = self.file.metadata()?.len().checked_sub(1) else { return Ok(false) };
        let mut byte = [0];
        match self.file.read_exact_at(&mut byte, last) {
            Ok(()) => Ok(byte != *b"\n"),
            // Somebody emptied the file just now.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
