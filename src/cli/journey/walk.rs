//! The files that `scan` is to look at.
//!
//! Invariant: each path is told once, in the order of the names within a directory; what cannot be opened, or is no file,
//! is told as such and never passed over. No more than one directory's names on each level are held.

use std::ffi::OsStr;
use std::fs::{File, FileType, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use glob::Pattern;
use rustix::fs::OFlags;

/// One thing to look at.
pub(super) enum Entry {
    /// A file, or standard input.
    File {
        /// What it is called in messages: as it was named, or below what was named.
        shown: String,
        /// What of that is looked at: its name, and the directories below the one that was named.
        name: String,
        /// Its bytes, or why there are none.
        file: io::Result<Box<dyn Read + Send>>,
    },
    /// A symbolic link, of which the target's name is looked at.
    Link {
        /// As of a file.
        shown: String,
        /// As of a file.
        name: String,
        /// What it says.
        target: Vec<u8>,
    },
    /// An empty directory.
    Empty {
        /// As of a file.
        shown: String,
        /// As of a file.
        name: String,
    },
    /// What cannot be looked at.
    Unreadable {
        /// As of a file.
        shown: String,
        /// Why.
        error: io::Error,
    },
    /// What a pattern names.
    Excluded,
}

/// Goes through files and directories.
pub(super) struct Walk<'a> {
    exclude: &'a [Pattern],
    /// What is still to be told on each level, the next at the end.
    levels: Vec<Vec<Place>>,
}

struct Place {
    path: PathBuf,
    /// The part of the path that is looked at.
    name: PathBuf,
    /// Whether the user named it: then links are followed.
    named: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(paths: &[PathBuf], exclude: &'a [Pattern]) -> Self {
        let place = |path: &PathBuf| {
            let name = path.file_name().map(PathBuf::from).unwrap_or_default();
            Place { path: path.clone(), name, named: true }
        };
        Walk { exclude, levels: vec![paths.iter().rev().map(place).collect()] }
    }

    fn entry(&mut self, place: Place) -> Option<Entry> {
        let shown = place.path.to_string_lossy().into_owned();
        if place.named && place.path.as_os_str() == OsStr::new("-") {
            let file: io::Result<Box<dyn Read + Send>> = Ok(Box::new(io::stdin()));
            return Some(Entry::File { shown: "(standard input)".into(), name: String::new(), file });
        }
        if self.exclude.iter().any(|pattern| pattern.matches_path(&place.path)) {
            return Some(Entry::Excluded);
        }
        let metadata = if place.named { place.path.metadata() } else { place.path.symlink_metadata() };
        match metadata.map(|metadata| metadata.file_type()) {
            Err(error) => Some(Entry::Unreadable { shown, error }),
            Ok(kind) if kind.is_dir() => self.descend(place, shown),
            Ok(kind) if kind.is_symlink() => Some(link(&place, shown)),
            Ok(_) => {
                let name = place.name.to_string_lossy().into_owned();
                Some(Entry::File { shown, name, file: open(&place) })
            }
        }
    }

    /// Goes into a directory. An empty one has a name all the same.
    fn descend(&mut self, place: Place, shown: String) -> Option<Entry> {
        let root = if place.named { PathBuf::new() } else { place.name };
        match names(&place.path) {
            Err(error) => Some(Entry::Unreadable { shown, error }),
            Ok(names) if names.is_empty() => {
                let name = root.to_string_lossy().into_owned();
                Some(Entry::Empty { shown, name }).filter(|_| !place.named)
            }
            Ok(names) => {
                let below = |name| Place { path: place.path.join(&name), name: root.join(&name), named: false };
                self.levels.push(names.into_iter().rev().map(below).collect());
                None
            }
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let level = self.levels.last_mut()?;
            let Some(place) = level.pop() else {
                self.levels.pop();
                continue;
            };
            if let Some(entry) = self.entry(place) {
                return Some(entry);
            }
        }
    }
}

/// The names in a directory, sorted.
fn names(directory: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let entries = directory.read_dir()?.map(|entry| Ok(entry?.file_name()));
    let mut names = entries.collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

fn link(place: &Place, shown: String) -> Entry {
    match place.path.read_link() {
        Ok(target) => {
            let name = place.name.to_string_lossy().into_owned();
            let target = if is_pointer(&target) { Vec::new() } else { target.into_os_string().into_vec() };
            Entry::Link { shown, name, target }
        }
        Err(error) => Entry::Unreadable { shown, error },
    }
}

/// Whether `target` is where the pointer of a release leads to: the hash of public content, which looks drawn at random.
fn is_pointer(target: &Path) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let hash = target.to_str().and_then(|target| target.strip_prefix("releases/"));
    hash.is_some_and(|hash| hash.len() == 64 && hash.bytes().all(digit))
}

/// Opens a file, without waiting where it has become a pipe since.
fn open(place: &Place) -> io::Result<Box<dyn Read + Send>> {
    let follow = if place.named { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | follow;
    let before = place.path.metadata()?;
    is_file(&before)?;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = File::options().read(true).custom_flags(flags).open(&place.path)?;
    is_file(&file.metadata()?)?;
    Ok(Box::new(file))
}

fn is_file(metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    if kind.is_file() { Ok(()) } else { Err(io::Error::other(format!("it is {}, which is not read", what(kind)))) }
}

fn what(kind: FileType) -> &'static str {
    match () {
        () if kind.is_fifo() => "a pipe (give its content to `scan -`)",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () => "no file",
    }
}
