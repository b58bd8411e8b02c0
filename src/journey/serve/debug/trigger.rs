//! Asks for a synthesis by the trigger file.
//!
//! Invariant: the file comes into being at once and whole, and nothing is ever replaced: of all who ask before a synthesis
//! begins, one makes it, and the others find it.

use std::fs::FileType;
use std::io::{Error, ErrorKind, Write as _};
use std::path::Path;

use crate::observation::Time;
use crate::source::file::modified_at;

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A synthesis is asked for now.
    Now,
    /// It was asked for before, and has not begun.
    Before,
}

/// Makes the trigger file at `path`.
///
/// # Errors
/// When it cannot be made; the text says what to do.
pub(super) fn ask(path: &Path, now: Time) -> Result<Asked, String> {
    if let Some(kind) = stands(path)? {
        return if kind.is_dir() { Err(in_the_way(path)) } else { Ok(Asked::Before) };
    }
    match make(path, now) {
        Ok(()) => Ok(Asked::Now),
        // Somebody else was quicker.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Asked::Before),
        Err(error) => Err(explained(path, &error)),
    }
}

/// Since when a synthesis has been asked for that has not begun.
pub(super) fn pending_since(path: &Path) -> Option<Time> {
    std::fs::symlink_metadata(path)
        .ok()
        .filter(|metadata| !metadata.is_dir())
        .and_then(|metadata| modified_at(&metadata))
}

fn stands(path: &Path) -> Result<Option<FileType>, String> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata.file_type())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(explained(path, &error)),
    }
}

fn make(path: &Path, now: Time) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".synth-trigger-").tempfile_in(directory)?;
    writeln!(file, "asked for at {now:.0} by the site server")?;
    file.persist_noclobber(path).map(drop).map_err(|refused| refused.error)
}

fn in_the_way(path: &Path) -> String {
    format!("{} is a directory, and the trigger file belongs there; move it away", path.display())
}

fn explained(path: &Path, error: &Error) -> String {
    let directory = path.parent().unwrap_or(path).display();
    let mend = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            format!("make the directory {directory}, or set journey.trigger")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("let this server's user write to {directory} (chown, and ReadWritePaths= of its unit)")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some space".to_owned(),
        _ => "look at journey.trigger".to_owned(),
    };
    // Its own words name the file that would have been renamed into its place, which says nothing to anybody.
    format!("the trigger file {} cannot be made: {}; {mend}", path.display(), error.kind())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::Barrier;

    use super::*;

    fn ask_now(path: &Path) -> Result<Asked, String> {
        ask(path, Time::from_second(1_795_348_800).unwrap())
    }

    #[test]
    fn the_first_one_asks_and_the_others_find_that_it_is_asked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trigger");
        assert_eq!(pending_since(&path), None);
        assert_eq!(ask_now(&path), Ok(Asked::Now));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "asked for at 2026-11-22T12:00:00Z by the site server\n");
        assert!(pending_since(&path).is_some());
        assert_eq!(ask_now(&path), Ok(Asked::Before));
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "nothing else is left");
        // The bridge takes it away before it begins.
        std::fs::remove_file(&path).unwrap();
        assert_eq!(ask_now(&path), Ok(Asked::Now));
    }

    #[test]
    fn of_many_at_once_exactly_one_asks() {
        let directory = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let path = directory.path().join(format!("trigger-{round}"));
            let start = Barrier::new(8);
            let asked: Vec<Asked> = std::thread::scope(|scope| {
                let one = || {
                    start.wait();
                    ask_now(&path).unwrap()
                };
                let all: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
                all.into_iter().map(|one| one.join().unwrap()).collect()
            });
            assert_eq!(asked.iter().filter(|asked| **asked == Asked::Now).count(), 1, "{asked:?}");
        }
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 20);
    }

    #[test]
    fn what_stands_there_is_never_replaced_nor_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, target) = (directory.path().join("trigger"), directory.path().join("target"));
        symlink(&target, &path).unwrap();
        assert_eq!(ask_now(&path), Ok(Asked::Before));
        assert!(!target.exists());
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(ask_now(&path).unwrap_err().contains("is a directory"));
        assert_eq!(pending_since(&path), None);
    }

    #[test]
    fn what_keeps_it_from_being_made_is_told_with_the_mend() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing/trigger");
        let why = ask_now(&missing).unwrap_err();
        assert!(
            why.contains("make the directory") && why.contains("journey.trigger") && !why.contains(".synth"),
            "{why}"
        );
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(ask_now(&file.join("trigger")).unwrap_err().contains("make the directory"));
        // Root may write where nobody may, so a directory of the kernel stands for one that may not be written to.
        let why = ask_now(Path::new("/proc/self/trigger")).unwrap_err();
        assert!(why.contains("cannot be made"), "{why}");
        for (kind, mend) in [
            (ErrorKind::PermissionDenied, "ReadWritePaths="),
            (ErrorKind::ReadOnlyFilesystem, "chown"),
            (ErrorKind::StorageFull, "free some space"),
        ] {
            assert!(explained(&missing, &kind.into()).contains(mend));
        }
    }
}
