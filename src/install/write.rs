//! Writing and removing one file, with an eye on what is there.
//!
//! Invariant: what a person made is moved aside (`--force`) or left; a symbolic link is always left, because a mask
//! (a link to /dev/null) is an operator's word.

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Planned;
use super::stamp::{self, Owner};

/// No unit file is longer, bytes; a longer one is not ours.
const LONGEST: u64 = 1 << 20;
/// Everybody may read a unit file, as `systemctl` of any user does.
const MODE: u32 = 0o644;

/// How to install.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Replace what a person made or changed, and keep that as a `.bak`.
    pub force: bool,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installed {
    /// There was none.
    Written,
    /// There was one of ours.
    Updated,
    /// It was as it should be.
    Unchanged,
    /// There was a person's; it is now here.
    Replaced(PathBuf),
    /// A person changed it since it was written.
    KeptChanged,
    /// A person wrote it.
    KeptForeign,
    /// It is a symbolic link to this, or no regular file at all.
    KeptOdd(String),
    /// An example that is not wanted: there is one at this path.
    NotWanted(PathBuf),
    /// It could not be done.
    Failed(String),
}

/// What became of a file that was to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Gone,
    /// There was none.
    Absent,
    /// A person changed it since it was written.
    KeptChanged,
    /// It was not written here.
    NotOurs,
    /// It could not be removed.
    Failed(String),
}

enum Found {
    Nothing,
    File(Owner, Vec<u8>),
    Odd(String),
}

pub(super) fn install(file: &Planned, options: Options) -> Installed {
    match try_install(file, options) {
        Ok(installed) => installed,
        Err(error) => Installed::Failed(error.to_string()),
    }
}

fn try_install(file: &Planned, options: Options) -> io::Result<Installed> {
    let path = &file.path;
    let found = look(path)?;
    let is_example = !file.elsewhere.is_empty();
    match &found {
        Found::File(_, bytes) if bytes == file.text.as_bytes() => return Ok(Installed::Unchanged),
        Found::File(..) | Found::Odd(_) if is_example => return Ok(Installed::NotWanted(path.clone())),
        _ => {}
    }
    if let Some(other) = file.elsewhere.iter().find(|other| other.symlink_metadata().is_ok()) {
        return Ok(Installed::NotWanted(other.clone()));
    }
    let done = match found {
        Found::Nothing => Installed::Written,
        Found::Odd(what) => return Ok(Installed::KeptOdd(what)),
        Found::File(Owner::Ours, _) => Installed::Updated,
        Found::File(_, _) if options.force => Installed::Replaced(aside(path)),
        Found::File(Owner::Changed, _) => return Ok(Installed::KeptChanged),
        Found::File(Owner::Foreign, _) => return Ok(Installed::KeptForeign),
    };
    if !options.dry_run {
        if let Installed::Replaced(aside) = &done {
            keep(path, aside)?;
        }
        write(path, file.text.as_bytes())?;
    }
    Ok(done)
}

pub(super) fn remove(path: &Path, dry_run: bool) -> Removed {
    match look(path) {
        Ok(Found::Nothing) => Removed::Absent,
        Ok(Found::File(Owner::Ours, _)) if dry_run => Removed::Gone,
        Ok(Found::File(Owner::Ours, _)) => match fs::remove_file(path) {
            Ok(()) => Removed::Gone,
            Err(error) => Removed::Failed(error.to_string()),
        },
        Ok(Found::File(Owner::Changed, _)) => Removed::KeptChanged,
        Ok(Found::File(Owner::Foreign, _) | Found::Odd(_)) => Removed::NotOurs,
        Err(error) => Removed::Failed(error.to_string()),
    }
}

fn look(path: &Path) -> io::Result<Found> {
    let about = match path.symlink_metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    if about.is_symlink() {
        let target = fs::read_link(path)?;
        let mask = if target == Path::new("/dev/null") { ": the unit is masked" } else { "" };
        return Ok(Found::Odd(format!("a symbolic link to {}{mask}", target.display())));
    }
    if !about.is_file() {
        return Ok(Found::Odd("no regular file".into()));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(Found::File(stamp::owner(&bytes), bytes))
}

/// The first name with `.bak` after `path` that is free: an earlier one is not lost either.
fn aside(path: &Path) -> PathBuf {
    let named = |suffix: String| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let further = (2..).map(|number| format!(".bak{number}"));
    let mut names = std::iter::once(".bak".to_owned()).chain(further).map(named);
    names.find(|name| name.symlink_metadata().is_err()).unwrap_or_else(|| named(".bak".into()))
}

/// Keeps the old file under a second name, so that there is always one under the first.
fn keep(path: &Path, aside: &Path) -> io::Result<()> {
    // Not every file system has hard links.
    fs::hard_link(path, aside).or_else(|_| fs::copy(path, aside).map(drop))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory)?;
    // systemd does not take a file with this beginning for a unit, should this be the end of it.
    let mut file = tempfile::Builder::new().prefix(".autoswe-").tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(MODE))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(directory: &tempfile::TempDir, text: &str) -> Planned {
        let path = directory.path().join("made/x.service");
        Planned { path, text: stamp::stamped("#", text), elsewhere: Vec::new() }
    }

    fn force() -> Options {
        Options { force: true, ..Options::default() }
    }

    #[test]
    fn a_file_is_written_once_and_updated() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = planned(&directory, "a\n");
        let dry = Options { dry_run: true, ..Options::default() };
        assert_eq!(install(&file, dry), Installed::Written);
        assert!(!file.path.exists() && !directory.path().join("made").exists());
        assert_eq!(install(&file, Options::default()), Installed::Written);
        assert_eq!(fs::metadata(&file.path).expect("there").permissions().mode() & 0o7777, MODE);
        assert_eq!(install(&file, Options::default()), Installed::Unchanged);
        let newer = planned(&directory, "b\n");
        assert_eq!(install(&newer, Options::default()), Installed::Updated);
        assert_eq!(fs::read_to_string(&file.path).expect("text"), newer.text);
        assert_eq!(remove(&file.path, true), Removed::Gone);
        assert_eq!(remove(&file.path, false), Removed::Gone);
        assert_eq!(remove(&file.path, false), Removed::Absent);
    }

    #[test]
    fn what_a_person_made_is_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = planned(&directory, "a\n");
        install(&file, Options::default());
        fs::write(&file.path, format!("{}more\n", file.text)).expect("write");
        assert_eq!(install(&file, Options::default()), Installed::KeptChanged);
        assert_eq!(remove(&file.path, false), Removed::KeptChanged);
        fs::write(&file.path, "mine\n").expect("write");
        assert_eq!(install(&file, Options::default()), Installed::KeptForeign);
        assert_eq!(remove(&file.path, false), Removed::NotOurs);
        let bak = directory.path().join("made/x.service.bak");
        assert_eq!(install(&file, force()), Installed::Replaced(bak.clone()));
        assert_eq!(fs::read_to_string(&bak).expect("kept"), "mine\n");
        fs::write(&file.path, "mine again\n").expect("write");
        let second = directory.path().join("made/x.service.bak2");
        assert_eq!(install(&file, force()), Installed::Replaced(second));
        assert_eq!(fs::read_to_string(&bak).expect("kept"), "mine\n", "the first is not lost");
    }

    #[test]
    fn links_and_odd_things_are_left_even_by_force() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = planned(&directory, "a\n");
        fs::create_dir(directory.path().join("made")).expect("mkdir");
        std::os::unix::fs::symlink("/dev/null", &file.path).expect("symlink");
        assert!(matches!(install(&file, force()), Installed::KeptOdd(what) if what.contains("masked")));
        assert_eq!(remove(&file.path, false), Removed::NotOurs);
        fs::remove_file(&file.path).expect("unlink");
        fs::create_dir(&file.path).expect("mkdir");
        assert!(matches!(install(&file, force()), Installed::KeptOdd(_)));
    }

    #[test]
    fn an_example_gives_way_to_any_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let other = directory.path().join("vendor.service");
        let mut file = planned(&directory, "a\n");
        file.elsewhere = vec![other.clone()];
        fs::write(&other, "").expect("write");
        assert_eq!(install(&file, force()), Installed::NotWanted(other.clone()));
        fs::remove_file(&other).expect("unlink");
        assert_eq!(install(&file, force()), Installed::Written);
        assert_eq!(install(&file, force()), Installed::Unchanged);
        let newer = Planned { elsewhere: vec![other], ..planned(&directory, "b\n") };
        assert_eq!(install(&newer, force()), Installed::NotWanted(file.path.clone()));
    }
}
