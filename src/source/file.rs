//! Files that somebody else writes: opened without hanging, read within a bound, parsed again only when changed.
//!
//! Invariant: whatever stands at the path (a FIFO, a directory, an endless device, a file that grows while it is
//! read), opening and reading end soon and take bounded memory.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{Error, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::observation::{Failure, FailureKind, Reading, Time};

/// A file changed less than this long ago may change again without its times showing it, because the kernel stamps
/// in steps of some milliseconds and some file systems in steps of 2 s. What was read of it is not kept.
const UNSETTLED_SECONDS: f64 = 2.0;

/// How long a malformed file is left alone before it is read once more: its writer may be half-way through.
const TORN_PAUSE: Duration = Duration::from_millis(20);

/// What tells whether a file is still the one that was read: device, inode, size, modification and change time.
/// The change time is there because no program can set it: `cp -p` and `rsync -t` forge the modification time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    /// Seconds and nanoseconds.
    pub(crate) modified: (i64, i64),
    /// Likewise.
    pub(crate) changed: (i64, i64),
}

impl Identity {
    /// The identity that `metadata` shows.
    pub fn of(metadata: &Metadata) -> Self {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether both are one file, which may have grown or been cut in between.
    pub fn is_same_file(&self, other: &Identity) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Whether a later change is bound to show, judged at `now`. A time far ahead counts as settled: the clock was
    /// set back, and parsing the file at every reading until it catches up would help nobody.
    pub(crate) fn settled(&self, now: Time) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "seconds and nanoseconds of a clock, compared with 2 s")]
        let changed = self.changed.0 as f64 + self.changed.1 as f64 / 1e9;
        (now.as_duration().as_secs_f64() - changed).abs() >= UNSETTLED_SECONDS
    }
}

/// The modification time in `metadata`; `None` where it is outside the range of times.
pub fn modified_at(metadata: &Metadata) -> Option<Time> {
    Time::new(metadata.mtime(), i32::try_from(metadata.mtime_nsec()).ok()?).ok()
}

/// Looks at the regular file at `path` without opening it, following symbolic links.
/// [`Reading::Missing`] when there is nothing; `what` names the file in messages, such as `heartbeat`.
pub fn stat_regular(what: &str, path: &Path) -> Reading<Metadata> {
    regular(what, path, std::fs::metadata(path))
}

/// Opens the regular file at `path` for reading, following symbolic links, without waiting on a FIFO.
/// [`Reading::Missing`] when there is nothing; `what` names the file in messages, such as `heartbeat`.
pub fn open_regular(what: &str, path: &Path) -> Reading<(File, Metadata)> {
    // Opening some devices has effects of its own (a tape rewinds, a watchdog starts): look before opening.
    stat_regular(what, path).and_then(|_| {
        // NONBLOCK: something else may stand there by now, and opening a FIFO without a writer would wait for ever.
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
        match opened.and_then(|file| file.metadata().map(|metadata| (file, metadata))) {
            Ok((file, metadata)) => regular(what, path, Ok(metadata)).map(|metadata| (file, metadata)),
            Err(error) => not_there(what, path, &error),
        }
    })
}

fn regular(what: &str, path: &Path, looked: std::io::Result<Metadata>) -> Reading<Metadata> {
    let metadata = match looked {
        Ok(metadata) if metadata.is_file() => return Reading::Observed(metadata),
        Ok(metadata) => metadata,
        Err(error) => return not_there(what, path, &error),
    };
    let kind = metadata.file_type();
    let name = match () {
        () if kind.is_dir() => "directory",
        () if kind.is_fifo() => "FIFO",
        () if kind.is_socket() => "socket",
        () => "device",
    };
    unreadable(what, path, &format!("is a {name} where a regular file belongs; move it away"))
}

fn not_there<T>(what: &str, path: &Path, error: &Error) -> Reading<T> {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Reading::Missing(format!("no {what} at {}", path.display())),
        _ => unreadable(what, path, &with_mend(error)),
    }
}

fn unreadable<T>(what: &str, path: &Path, why: &str) -> Reading<T> {
    Reading::Failed(Failure::new(FailureKind::Unreadable, format!("{what} {}: {why}", path.display())))
}

/// The operating system's words on `error`, with the mend where there is one.
pub fn with_mend(error: &Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::ACCESS | Errno::PERM) => format!("{error}; let this program's user read it (chmod, chown)"),
        Some(Errno::LOOP) => format!("{error}; the symbolic link leads back to itself, replace it"),
        Some(Errno::AGAIN) => "gives nothing to read now and is not an ordinary file; replace it by one".into(),
        _ => error.to_string(),
    }
}

/// A file that yields at most so many bytes, and remembers why it ended before its end.
#[derive(Debug)]
pub struct Bounded {
    file: File,
    max: u64,
    position: u64,
    fault: Option<String>,
}

impl Bounded {
    fn new(file: File, max: u64) -> Self {
        Bounded { file, max, position: 0, fault: None }
    }

    /// Refuses a file that is too large by its own word, before any of it is read.
    fn checked(self, metadata: &Metadata) -> Result<Self, String> {
        if metadata.len() > self.max { Err(self.too_large()) } else { Ok(self) }
    }

    fn too_large(&self) -> String {
        format!("larger than the {} bytes that are read at most", self.max)
    }

    fn fail(&mut self, error: Error, why: String) -> Error {
        self.fault = Some(why);
        error
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.file.read(buffer) {
            Ok(count) if self.position.saturating_add(count as u64) > self.max => {
                let why = self.too_large();
                Err(self.fail(ErrorKind::FileTooLarge.into(), why))
            }
            Ok(count) => {
                self.position += count as u64;
                Ok(count)
            }
            Err(error) => {
                let why = with_mend(&error);
                Err(self.fail(error, why))
            }
        }
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.position = self.file.seek(to)?;
        Ok(self.position)
    }
}

/// Reads a whole regular file of at most `max` bytes.
pub fn read_bounded(what: &str, path: &Path, max: u64) -> Reading<(Vec<u8>, Metadata)> {
    open_regular(what, path).and_then(|(file, metadata)| {
        let mut file = match Bounded::new(file, max).checked(&metadata) {
            Ok(file) => file,
            Err(why) => return unreadable(what, path, &why),
        };
        let mut bytes = Vec::new();
        match (file.read_to_end(&mut bytes), file.fault) {
            (Ok(_), _) => Reading::Observed((bytes, metadata)),
            (Err(error), fault) => unreadable(what, path, &fault.unwrap_or_else(|| error.to_string())),
        }
    })
}

/// A file whose parsed content is kept until the file's identity changes.
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

    /// The file's content. `parse` is called only when the file is not the one that was parsed last, and once more
    /// after a moment when it finds the file malformed, because the writer may be half-way through.
    pub fn read(&mut self, mut parse: impl FnMut(&[u8], &Metadata) -> Result<T, String>) -> Reading<T> {
        self.read_stream(Time::now(), |file, metadata| {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
            parse(&bytes, metadata)
        })
    }

    /// As [`Cached::read`], without the whole file in memory. `now` tells whether the file has settled.
    pub fn read_stream<F>(&mut self, now: Time, mut parse: F) -> Reading<T>
    where
        F: FnMut(&mut Bounded, &Metadata) -> Result<T, String>,
    {
        if let (Some((identity, reading)), Ok(metadata)) = (&self.known, std::fs::metadata(&self.path))
            && metadata.is_file()
            && *identity == Identity::of(&metadata)
        {
            return reading.clone();
        }
        match self.attempt(now, &mut parse) {
            Reading::Failed(Failure { kind: FailureKind::Malformed, .. }) => {
                std::thread::sleep(TORN_PAUSE);
                self.attempt(now, &mut parse)
            }
            reading => reading,
        }
    }

    fn attempt<F>(&mut self, now: Time, parse: &mut F) -> Reading<T>
    where
        F: FnMut(&mut Bounded, &Metadata) -> Result<T, String>,
    {
        self.known = None;
        open_regular(self.what, &self.path).and_then(|(file, metadata)| self.parse(now, file, &metadata, parse))
    }

    fn parse<F>(&mut self, now: Time, file: File, metadata: &Metadata, parse: &mut F) -> Reading<T>
    where
        F: FnMut(&mut Bounded, &Metadata) -> Result<T, String>,
    {
        let mut file = match Bounded::new(file, self.max).checked(metadata) {
            Ok(file) => file,
            Err(why) => return unreadable(self.what, &self.path, &why),
        };
        self.parses += 1;
        let reading = match (parse(&mut file, metadata), file.fault) {
            // What was made of the part before the fault is not the file's content.
            (_, Some(fault)) => return unreadable(self.what, &self.path, &fault),
            (Ok(value), None) => Reading::Observed(value),
            (Err(why), None) => {
                let message = format!("{} {}: {why}", self.what, self.path.display());
                Reading::Failed(Failure::new(FailureKind::Malformed, message))
            }
        };
        let identity = Identity::of(metadata);
        let unchanged = file.file.metadata().is_ok_and(|after| Identity::of(&after) == identity);
        if unchanged && identity.settled(now) {
            self.known = Some((identity, reading.clone()));
        }
        reading
    }
}

/// `path` with a leading `~/` replaced by the home directory and, when relative, taken from `base`.
pub fn resolve(base: &Path, path: &Path) -> PathBuf {
    resolve_in(std::env::var_os("HOME").as_deref(), base, path)
}

fn resolve_in(home: Option<&OsStr>, base: &Path, path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), home.filter(|home| !home.is_empty())) {
        (Ok(rest), Some(home)) => Path::new(home).join(rest),
        _ => base.join(path),
    }
}

#[cfg(test)]
mod tests;
