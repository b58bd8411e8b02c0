//! The files that a restart rests on, looked at and tried without changing them.
//!
//! Invariant: what is opened for writing is not written to, and what is created is a file of its own that is taken
//! away again.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::config::Config;
use crate::observation::{Data, Heartbeat, LoopReading, Pause, Reading, Room, Time};
use crate::source::Source as _;
use crate::source::file::{read_bounded, stat_regular, with_mend};
use crate::source::host::HostSource;
use crate::source::lines::Lines;
use crate::source::loop_::LoopSource;
use crate::watchdog::clock::{Clock, boot_id};
use crate::watchdog::decide::Spent;
use crate::watchdog::lock;
use crate::watchdog::memory::Memory;
use crate::watchdog::saved::Saved;
use crate::watchdog::trail::{LINES, Trail};

/// What the files are like.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// The runtime directory.
    pub(super) runtime: Directory,
    /// The heartbeat.
    pub(super) heartbeat: Reading<Heartbeat>,
    /// The operator's sentinels.
    pub(super) pause: Reading<Pause>,
    /// Whether the audit trail can be appended to, or created.
    pub(super) trail: Result<(), String>,
    /// The restarts in it.
    pub(super) spent: Result<Spent, String>,
    /// The watchdog's last evaluation.
    pub(super) saved: Result<Saved, String>,
    /// Whether the state file can be replaced.
    pub(super) state: Result<(), String>,
    /// The directory of diagnostics; `None` where there is none yet.
    pub(super) diagnostics: Option<Directory>,
    /// The lock.
    pub(super) lock: Lock,
    /// The disk that the runtime directory is on.
    pub(super) disk: Option<Room>,
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directory {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its owner and its permissions, or why it is none.
    pub(super) found: Result<(u32, u32), String>,
    /// Whether this user can make a file in it.
    pub(super) writable: Result<(), String>,
}

/// The watchdog's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lock {
    /// Nobody holds it.
    Free,
    /// Somebody does; what it says of itself.
    Held(String),
    /// It could not be had.
    Unusable(String),
}

/// Looks at all of them, at `now`.
pub(super) fn look(config: &Config, now: Time) -> Files {
    let place = |path: &Path| config.in_runtime_dir(path);
    let (trail, state) = (place(&config.watchdog.restarts), place(&config.watchdog.state));
    let LoopReading { heartbeat, pause, .. } = read_loop(config, now);
    let saved = Saved::read(&state);
    let host = HostSource::new(config).read(now);
    Files {
        runtime: directory(&config.runtime()),
        heartbeat,
        pause,
        spent: spent(config, &trail, saved.as_ref().ok()),
        trail: appendable("audit trail", &trail),
        state: replaceable(&state),
        saved,
        diagnostics: Some(place(&config.restart.diagnostics))
            .filter(|path| std::fs::symlink_metadata(path).is_ok())
            .map(|path| directory(&path)),
        lock: lock_of(&place(Path::new(lock::FILE))),
        disk: match host {
            Reading::Observed(Data::Host(host)) => host.disk(),
            _ => None,
        },
    }
}

fn read_loop(config: &Config, now: Time) -> LoopReading {
    let mut config = config.clone();
    // The durable state may be large, and no restart rests on it.
    config.loop_.state = None;
    match LoopSource::new(&config).read(now) {
        Reading::Observed(Data::Loop(reading)) => reading,
        Reading::Failed(failure) => LoopReading {
            heartbeat: Reading::Failed(failure.clone()),
            pause: Reading::Failed(failure.clone()),
            state: Reading::Failed(failure),
        },
        _ => {
            let none = || "not looked at".to_owned();
            LoopReading {
                heartbeat: Reading::Missing(none()),
                pause: Reading::Missing(none()),
                state: Reading::Missing(none()),
            }
        }
    }
}

fn spent(config: &Config, path: &Path, saved: Option<&Saved>) -> Result<Spent, String> {
    let trail = match Lines::new("restarts", path.to_owned(), LINES).read(Trail::parse) {
        Reading::Observed(trail) => trail,
        Reading::Missing(_) => Trail::default(),
        Reading::Failed(failure) => return Err(failure.message),
    };
    let mut clock = Clock::now(&boot_id());
    saved.map(|saved| &saved.memory).unwrap_or(&Memory::default()).set_lived(&mut clock, trail.latest_stamp());
    trail.spent(&clock, &config.restart).map_err(|why| format!("{}: {why}", path.display()))
}

/// A directory with its owner and permissions; a file of its own is made in it and taken away.
fn directory(path: &Path) -> Directory {
    let found = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok((metadata.uid(), metadata.mode() & 0o7777)),
        Ok(_) => Err(format!("{} is no directory", path.display())),
        Err(error) => Err(format!("{}: {error}", path.display())),
    };
    let writable = found.clone().map(drop).and_then(|()| writable(path));
    Directory { path: path.to_owned(), found, writable }
}

fn writable(directory: &Path) -> Result<(), String> {
    let file = tempfile::Builder::new().prefix(".autoswe-doctor-").tempfile_in(directory);
    // The error names the file that it tried, too; the directory says enough.
    let plain = |error: std::io::Error| error.to_string().split(" at path ").next().unwrap_or_default().to_owned();
    let closed = file.and_then(tempfile::NamedTempFile::close);
    closed.map_err(|error| format!("no file can be made in {}: {}", directory.display(), plain(error)))
}

/// Whether lines can be appended to the file, or it can be made.
fn appendable(what: &str, path: &Path) -> Result<(), String> {
    match stat_regular(what, path) {
        Reading::Missing(_) => replaceable(path).map_err(|why| format!("{what} {}: {why}", path.display())),
        Reading::Failed(failure) => Err(failure.message),
        Reading::Observed(_) => {
            let opened = options().append(true).open(path);
            opened.map(drop).map_err(|error| format!("{what} {}: {}", path.display(), with_mend(&error)))
        }
    }
}

/// Whether a file at `path` can be replaced by another by renaming.
fn replaceable(path: &Path) -> Result<(), String> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(format!("{} is a directory where a file belongs", path.display())),
        _ => writable(path.parent().unwrap_or(path)),
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    // Whatever stands there, opening it does not wait.
    options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    options
}

/// Who holds the lock at `path`. It is not tried: a watchdog that starts in that very moment would be turned away.
fn lock_of(path: &Path) -> Lock {
    let unusable = |error: &std::io::Error| Lock::Unusable(format!("{}: {}", path.display(), with_mend(error)));
    match options().write(true).open(path) {
        Ok(file) => match file.metadata() {
            Ok(metadata) if !metadata.is_file() => Lock::Unusable(format!("{} is no regular file", path.display())),
            Ok(metadata) if is_locked(metadata.ino()) => Lock::Held(holder(path)),
            Ok(_) => Lock::Free,
            Err(error) => unusable(&error),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Lock::Free,
        Err(error) => unusable(&error),
    }
}

fn holder(path: &Path) -> String {
    match read_bounded("lock", path, 1000) {
        Reading::Observed((bytes, _)) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        _ => "a process that does not say who it is".into(),
    }
}

/// Whether somebody has a lock on a file with this inode.
fn is_locked(inode: u64) -> bool {
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    held(&locks, inode)
}

/// `1: FLOCK  ADVISORY  WRITE 8601 fe:00:5505695 0 EOF`
fn held(locks: &str, inode: u64) -> bool {
    locks.lines().any(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let is_flock = words.next() == Some("FLOCK");
        let file = words.nth(3).and_then(|file| file.rsplit_once(':')?.1.parse::<u64>().ok());
        is_flock && file == Some(inode)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_tried_and_left_as_it_was() {
        let place = tempfile::tempdir().unwrap();
        let found = directory(place.path());
        assert!(found.found.is_ok() && found.writable.is_ok());
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
        let file = place.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(directory(&file).found.unwrap_err().contains("is no directory"));
        assert!(directory(&file.join("below")).writable.unwrap_err().contains("Not a directory"));
        assert!(writable(&file).unwrap_err().contains("file: Not a directory"));
    }

    #[test]
    fn files_are_tried_and_left_as_they_were() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("trail");
        assert_eq!(appendable("trail", &path), Ok(()));
        assert!(!path.exists());
        std::fs::write(&path, "line\n").unwrap();
        assert_eq!((appendable("trail", &path), replaceable(&path)), (Ok(()), Ok(())));
        assert_eq!(std::fs::read(&path).unwrap(), b"line\n");
        assert!(appendable("trail", place.path()).unwrap_err().contains("is a directory"));
        assert!(replaceable(place.path()).unwrap_err().contains("is a directory"));
        assert!(appendable("trail", &path.join("below")).unwrap_err().contains("Not a directory"));
    }

    #[test]
    fn the_lock_is_seen_and_not_touched() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(lock::FILE);
        assert_eq!(lock_of(&path), Lock::Free);
        let held = lock::take(place.path(), "daemon").unwrap();
        assert!(matches!(lock_of(&path), Lock::Held(who) if who.starts_with("pid ")), "{:?}", lock_of(&path));
        drop(held);
        assert_eq!(lock_of(&path), Lock::Free);
        assert!(matches!(lock_of(place.path()), Lock::Unusable(_)));
        assert!(matches!(lock_of(&path.join("below")), Lock::Unusable(_)));
    }

    #[test]
    fn a_line_of_locks_is_understood() {
        let line = "1: FLOCK  ADVISORY  WRITE 8601 fe:00:77 0 EOF\n2: POSIX  ADVISORY  WRITE 1 fe:00:78 0 EOF\nx\n";
        assert_eq!([held(line, 77), held(line, 78), held(line, 7)], [true, false, false]);
    }
}
