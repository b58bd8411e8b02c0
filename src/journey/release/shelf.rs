//! The releases as whoever shows them sees them: read, never written.
//!
//! Invariant: a release is opened only when its manifest lists what its hash says, and a file's bytes are given out only
//! when they have the hash that is listed. Below the output directory no symbolic link is followed; the pointer's text
//! alone is read, and names a release or nothing.

use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use autoswe_transport::Holder;
use bytes::Bytes;
use rustix::fs::FileType;
use rustix::io::Errno;

use super::error::{Error, disk, disk_io};
use super::manifest::Manifest;
use super::place::{Cursor, Directory, Identity, Look};
use super::tree::{Entry, MANIFEST};
use super::{RELEASES, SNAPSHOTS, check_id, media, pointer};
use crate::journey::digest::{Digest, hex, sha256_of, unhex};

/// A manifest of a million files has some 230 MB.
const LARGEST_MANIFEST: u64 = 256 << 20;

/// An output directory that somebody else writes to.
#[derive(Debug, Clone)]
pub struct Shelf(PathBuf);

/// What lies on a shelf: equal sights hold equal releases.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sight {
    /// The release that is pointed to.
    pub current: Option<Pointed>,
    /// The hashes of all releases that are kept, the oldest first: by when they were made or last shown.
    pub kept: Vec<String>,
    /// The snapshots' names, sorted.
    pub snapshots: Vec<(String, Seen)>,
}

/// The release that is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointed {
    /// Its hash.
    pub hash: String,
    /// Since when it is pointed to, in whole seconds.
    pub since: SystemTime,
    /// Its manifest.
    pub seen: Seen,
}

/// What a release's manifest was when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen(Option<Identity>);

/// A release that is open.
#[derive(Debug)]
pub struct Opened {
    root: Directory,
    /// Its hash.
    pub hash: String,
    /// Its files, sorted by path.
    pub files: Vec<OnShelf>,
}

/// A file of a release that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnShelf {
    /// Where it stands in the release.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

impl OnShelf {
    /// What it is, by its name: the manifest's hash does not vouch for what the manifest says of it.
    pub fn media_type(&self) -> &'static str {
        media::media_type(&self.path)
    }
}

impl Shelf {
    /// The output directory at `path`, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Shelf(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What lies there now; nothing where there is no directory.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn look(&self) -> Result<Sight, Error> {
        let Some(output) = self.open_directory()? else { return Ok(Sight::default()) };
        let releases = part(&output, RELEASES)?;
        let target = output.target(pointer::CURRENT).map_err(disk("read the links of", &self.0))?;
        let current = match target.as_deref().and_then(pointer::named) {
            Some(hash) => Some(self.pointed(&output, releases.as_ref(), hash)?),
            None => None,
        };
        let kept = match &releases {
            Some(releases) => by_age(releases)?,
            None => Vec::new(),
        };
        let snapshots = match part(&output, SNAPSHOTS)? {
            Some(snapshots) => {
                let names = named(&snapshots, |name| check_id(name).is_ok())?;
                names.into_iter().map(|id| (seen(&snapshots, &id), id)).map(|(seen, id)| (id, seen)).collect()
            }
            None => Vec::new(),
        };
        Ok(Sight { current, kept, snapshots })
    }

    /// Opens the release called `hash`.
    ///
    /// # Errors
    /// When it is not there, or its manifest does not list what its name says.
    pub fn release(&self, hash: &str) -> Result<Opened, Error> {
        let opened = self.open(RELEASES, hash)?;
        if opened.hash != hash {
            return Err(Error::Unfit(format!("the release {hash} has the manifest of {}", opened.hash)));
        }
        Ok(opened)
    }

    /// Opens the snapshot called `id`.
    ///
    /// # Errors
    /// As [`Shelf::release`].
    pub fn snapshot(&self, id: &str) -> Result<Opened, Error> {
        self.open(SNAPSHOTS, id)
    }

    fn pointed(&self, output: &Directory, releases: Option<&Directory>, hash: &str) -> Result<Pointed, Error> {
        let refused = || disk("look at", &self.0.join(pointer::CURRENT));
        // The link is made anew each time another release is shown.
        let link = output.look(pointer::CURRENT).map_err(refused())?;
        let seconds = link.map_or(0, |link| link.identity.modified.0);
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        let seen = releases.map_or(Seen(None), |releases| seen(releases, hash));
        Ok(Pointed { hash: hash.to_owned(), since, seen })
    }

    fn open(&self, kind: &'static str, name: &str) -> Result<Opened, Error> {
        let place = self.0.join(kind).join(name);
        let missing = || Error::Unfit(format!("there is no {}", place.display()));
        let parent = self.open_directory()?.map(|output| part(&output, kind)).transpose()?.flatten();
        let root = match parent.ok_or_else(missing)?.open(name) {
            Ok(root) => root,
            Err(Errno::NOENT) => return Err(missing()),
            Err(other) => return Err(disk("open the directory", &place)(other)),
        };
        let manifest = root.read(MANIFEST).map_err(disk("open", &place.join(MANIFEST)))?;
        let wrong = |reason: String| Error::Unfit(format!("{}: {reason}", place.join(MANIFEST).display()));
        let tree = Manifest::listed(BufReader::new(manifest.take(LARGEST_MANIFEST))).map_err(wrong)?;
        let file = |entry: Entry| OnShelf { path: entry.path, size: entry.identity.size, sha256: entry.sha256 };
        Ok(Opened { root, hash: hex(&tree.content), files: tree.entries.into_iter().map(file).collect() })
    }

    fn open_directory(&self) -> Result<Option<Directory>, Error> {
        match Directory::at(&self.0) {
            Ok(output) => Ok(Some(output)),
            Err(Errno::NOENT) => Ok(None),
            Err(other) => Err(disk("open the directory", &self.0)(other)),
        }
    }
}

impl Opened {
    /// Where it lies, for messages.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Reads files one after the other, each whole and as it is listed. Going by the order of paths is fastest.
    pub fn reader(&self) -> Reader<'_> {
        Reader(Cursor::new(&self.root), self.root.path())
    }
}

/// Reads the files of a release.
#[derive(Debug)]
pub struct Reader<'a>(Cursor<'a>, &'a Path);

impl Reader<'_> {
    /// The bytes of `file`.
    ///
    /// # Errors
    /// When it cannot be read or held, or is not as it is listed.
    pub fn read(&mut self, file: &OnShelf) -> Result<Bytes, Error> {
        let place = self.1.join(&file.path);
        let refused = || disk("open", &place);
        let (directory, name) = self.0.enter(&file.path).map_err(refused())?;
        let open = directory.read(name).map_err(refused())?;
        let look = Look::at(&open).map_err(refused())?;
        let altered = || Error::Unfit(format!("{} is not as it was released", place.display()));
        if look.kind != FileType::RegularFile || look.identity.size != file.size {
            return Err(altered());
        }
        let mut holder = Holder::of(usize::try_from(file.size).map_err(|_| altered())?);
        let hash = sha256_of(&mut Held { from: open.take(file.size), holder: &mut holder });
        if hash.map_err(disk_io("read", &place))? != file.sha256 {
            return Err(altered());
        }
        holder.finish().map_err(disk_io("hold", &place))
    }
}

/// What is read, and held as well.
struct Held<'a, R> {
    from: R,
    holder: &'a mut Holder,
}

impl<R: Read> Read for Held<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.holder.write_all(&buffer[..count])?;
        Ok(count)
    }
}

fn part(output: &Directory, name: &str) -> Result<Option<Directory>, Error> {
    match output.open(name) {
        Ok(part) => Ok(Some(part)),
        Err(Errno::NOENT) => Ok(None),
        Err(other) => Err(disk("open the directory", &output.path().join(name))(other)),
    }
}

/// The names in `directory` that fit, sorted.
fn named(directory: &Directory, fits: impl Fn(&str) -> bool) -> Result<Vec<String>, Error> {
    let names = directory.names().map_err(disk("read the directory", directory.path()))?;
    let mut names: Vec<_> = names.into_iter().filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| fits(name));
    names.sort_unstable();
    Ok(names)
}

/// The releases in `directory`, the oldest first. Each is touched when it is shown.
pub(super) fn by_age(directory: &Directory) -> Result<Vec<String>, Error> {
    let age = |name: String| {
        let look = directory.look(name.as_str()).map_err(disk("look at", directory.path()))?;
        let look = look.filter(|look| look.kind == FileType::Directory);
        Ok(look.map(|look| (look.identity.modified, name)))
    };
    let names = named(directory, |name| unhex(name).is_some())?;
    let mut releases = names.into_iter().filter_map(|name| age(name).transpose()).collect::<Result<Vec<_>, _>>()?;
    releases.sort_unstable();
    Ok(releases.into_iter().map(|(_, name)| name).collect())
}

/// What the manifest of the release `name` in `parent` is now.
fn seen(parent: &Directory, name: &str) -> Seen {
    let look = parent.open(name).and_then(|root| root.look(MANIFEST));
    Seen(look.ok().flatten().map(|look| look.identity))
}
