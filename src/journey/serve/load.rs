//! From what lies on the shelf to the site that is shown.
//!
//! Invariant: a release is taken up as a whole, every byte of it checked, or not at all; then what was shown of it stays.
//! What is known already is not read again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use autoswe_site::{Coded, Content, Resource, Site, Volume};
use glob::Pattern;

use crate::journey::digest::{Digest, hex};
use crate::journey::release::{Error, OnShelf, Opened, Pointed, Reader, Shelf, Sight};

/// How long assets of a release that is no longer shown can still be asked for.
const ASSETS_STAY: Duration = Duration::from_secs(3600);
/// When what was refused is tried again though nothing seems to have changed: a file that was altered may be mended.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// A name holds a hash of its content where so many hexadecimal digits of it stand there.
const DIGITS: usize = 8;

/// What limits a site.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The bytes that all files together may have.
    pub most_bytes: u64,
    /// Paths whose names are known to hold a hash of their content, though it is not the one of the manifest.
    pub immutable: Vec<Pattern>,
}

/// Keeps the site that is shown.
#[derive(Debug)]
pub struct Loader {
    shelf: Shelf,
    terms: Terms,
    site: Arc<Site>,
    /// What lay there at the last look.
    sight: Option<Sight>,
    /// When what was refused is tried again.
    again: Option<SystemTime>,
    /// Whether the shelf could not be looked at last time.
    is_blind: bool,
    leaving: Vec<Leaving>,
}

/// An asset that is not in the release that is shown any more.
#[derive(Debug)]
struct Leaving {
    path: Box<str>,
    /// The release that it was in.
    release: Arc<str>,
    /// Since when it is not shown.
    at: SystemTime,
}

/// What a look at the shelf came to.
#[derive(Debug, Default)]
pub struct Change {
    /// The site, where it is another one now.
    pub site: Option<Arc<Site>>,
    /// What could not be taken up: what was shown of it is shown still.
    pub refused: Vec<Error>,
}

impl Loader {
    /// Shows nothing yet.
    pub fn new(shelf: Shelf, terms: Terms) -> Self {
        let (sight, again, leaving) = (None, None, Vec::new());
        Loader { shelf, terms, site: Arc::default(), sight, again, is_blind: false, leaving }
    }

    /// Looks at the shelf, and takes up what has changed since the last look.
    pub fn look(&mut self, now: SystemTime) -> Change {
        let sight = match self.shelf.look() {
            Ok(sight) => sight,
            Err(error) => {
                // Told once: a look comes every second.
                let is_news = !std::mem::replace(&mut self.is_blind, true);
                return Change { site: None, refused: Vec::from_iter(is_news.then_some(error)) };
            }
        };
        self.is_blind = false;
        let is_due =
            self.again.is_some_and(|again| again <= now) || self.leaving.iter().any(|asset| asset.is_over(now));
        if self.sight.as_ref() == Some(&sight) && !is_due {
            return Change::default();
        }
        let (site, refused) = self.take_up(&sight, now);
        self.again = (!refused.is_empty()).then_some(now + TRY_AGAIN);
        self.sight = Some(sight);
        self.site = Arc::new(site);
        Change { site: Some(Arc::clone(&self.site)), refused }
    }

    /// Whether the shelf could not be looked at last time.
    pub fn is_blind(&self) -> bool {
        self.is_blind
    }

    fn take_up(&mut self, sight: &Sight, now: SystemTime) -> (Site, Vec<Error>) {
        let (before, mut refused) = (Arc::clone(&self.site), Vec::new());
        let mut taking = Taking { shelf: &self.shelf, terms: &self.terms, before: &before, new: None, bytes: 0 };
        let current = match sight.current.as_ref().map(|pointed| taking.current(pointed, now)) {
            Some(Ok(current)) => current,
            Some(Err(error)) => {
                refused.push(error);
                taking.last_good(&sight.kept, now)
            }
            // Nothing is pointed to: what was shown was withdrawn, and must not be seen a moment longer.
            None => Arc::default(),
        };
        taking.new = Some(&current);
        let mut snapshots = BTreeMap::new();
        for (id, seen) in &sight.snapshots {
            let is_same = self.sight.as_ref().is_some_and(|last| last.snapshots.contains(&(id.clone(), *seen)));
            let volume = match (before.snapshots.get(id.as_str()), is_same) {
                (Some(known), true) => taking.stays(known),
                (known, _) => taking.snapshot(id, known, now),
            };
            let volume = volume.map_err(|error| refused.push(error)).ok();
            let volume = volume.or_else(|| before.snapshots.get(id.as_str()).map(Arc::clone));
            snapshots.extend(volume.map(|volume| (id.as_str().into(), volume)));
        }
        let earlier = self.earlier(&current, sight, now);
        (Site { current, snapshots, earlier }, refused)
    }

    /// Assets of earlier releases that can still be asked for. One whose release is not kept any more may have been
    /// withdrawn, and goes with it.
    fn earlier(&mut self, current: &Volume, sight: &Sight, now: SystemTime) -> HashMap<Box<str>, Resource> {
        let before = Arc::clone(&self.site);
        if let Some(release) = before.current.release.as_deref().filter(|_| before.current.release != current.release) {
            let release: Arc<str> = release.into();
            let assets = before.current.files.iter().filter(|(_, resource)| resource.is_immutable);
            let leaving = |path: &str| Leaving { path: path.into(), release: Arc::clone(&release), at: now };
            self.leaving.extend(assets.map(|(path, _)| leaving(path)));
        }
        let is_kept = |release: &str| sight.kept.iter().any(|kept| kept == release);
        let stays = |asset: &Leaving| !asset.is_over(now) && is_kept(&asset.release);
        self.leaving.retain(|asset| !current.files.contains_key(&asset.path) && stays(asset));
        let was = |path: &str| before.current.get(path).or_else(|| before.earlier.get(path));
        self.leaving.iter().filter_map(|asset| Some((asset.path.clone(), was(&asset.path)?.clone()))).collect()
    }
}

impl Leaving {
    fn is_over(&self, now: SystemTime) -> bool {
        // A clock that was set back says nothing of how long it has been.
        now.duration_since(self.at).map_or(true, |age| age >= ASSETS_STAY)
    }
}

/// One taking up.
struct Taking<'a> {
    shelf: &'a Shelf,
    terms: &'a Terms,
    before: &'a Site,
    /// The release that is shown from now on.
    new: Option<&'a Volume>,
    bytes: u64,
}

impl Taking<'_> {
    fn current(&mut self, pointed: &Pointed, now: SystemTime) -> Result<Arc<Volume>, Error> {
        let before = &self.before.current;
        if before.release.as_deref() == Some(&pointed.hash) {
            return self.stays(before);
        }
        // A page that was looked at in the future would never be looked at again.
        let since = pointed.since.min(now);
        self.volume(&self.shelf.release(&pointed.hash)?, Some(before), since).map(Arc::new)
    }

    /// What is shown in place of a release that was refused: what was shown before it. A server that has just started
    /// takes the newest release of those that are `kept`, the oldest first, and are whole.
    fn last_good(&mut self, kept: &[String], now: SystemTime) -> Arc<Volume> {
        if self.before.current.release.is_some() {
            return Arc::clone(&self.before.current);
        }
        let mut releases = kept.iter().rev().filter_map(|hash| self.shelf.release(hash).ok());
        releases.find_map(|opened| self.volume(&opened, None, now).ok()).map(Arc::new).unwrap_or_default()
    }

    fn snapshot(&mut self, id: &str, before: Option<&Arc<Volume>>, now: SystemTime) -> Result<Arc<Volume>, Error> {
        let opened = self.shelf.snapshot(id)?;
        match before.filter(|before| before.release.as_ref() == Some(&opened.hash)) {
            Some(same) => self.stays(same),
            None => self.volume(&opened, before.map(|volume| &**volume), now).map(Arc::new),
        }
    }

    fn stays(&mut self, volume: &Arc<Volume>) -> Result<Arc<Volume>, Error> {
        for (path, resource) in &volume.files {
            self.count(path, &resource.plain)?;
        }
        Ok(Arc::clone(volume))
    }

    /// Reads a release. `before` is what was shown in its place.
    fn volume(&mut self, opened: &Opened, before: Option<&Volume>, since: SystemTime) -> Result<Volume, Error> {
        let mut contents = Vec::with_capacity(opened.files.len());
        let mut reader = opened.reader();
        for file in &opened.files {
            contents.push(self.content(&mut reader, file)?);
        }
        let mut files = HashMap::with_capacity(opened.files.len());
        for (file, plain) in opened.files.iter().zip(&contents) {
            let same = before.and_then(|before| before.get(&file.path)).filter(|same| same.plain.sha256 == file.sha256);
            let resource = Resource {
                plain: plain.clone(),
                coded: coded(&opened.files, &contents, &file.path),
                media_type: file.media_type(),
                is_immutable: is_named_after(&file.path, &file.sha256) || self.is_immutable(&file.path),
                shown_since: same.map_or(since, |same| same.shown_since),
            };
            files.insert(file.path.as_str().into(), resource);
        }
        Ok(Volume { release: Some(opened.hash.clone()), files })
    }

    fn content(&mut self, reader: &mut Reader<'_>, file: &OnShelf) -> Result<Content, Error> {
        let content = match self.known(&file.path, &file.sha256) {
            Some(known) => known.clone(),
            None => {
                self.room(file.size)?;
                Content { bytes: reader.read(file)?, sha256: file.sha256 }
            }
        };
        self.count(&file.path, &content)?;
        Ok(content)
    }

    fn is_immutable(&self, path: &str) -> bool {
        self.terms.immutable.iter().any(|pattern| pattern.matches(path))
    }

    /// What is held already of the same content under the same path.
    fn known(&self, path: &str, sha256: &Digest) -> Option<&Content> {
        let volumes = self.new.into_iter().chain([&*self.before.current]);
        let volumes = volumes.chain(self.before.snapshots.values().map(|volume| &**volume));
        let mut found = volumes.filter_map(|volume| volume.get(path)).chain(self.before.earlier.get(path));
        found.find(|resource| resource.plain.sha256 == *sha256).map(|resource| &resource.plain)
    }

    /// Counts the bytes of what is to be shown at `path`, unless it is shown in the release as well.
    fn count(&mut self, path: &str, content: &Content) -> Result<(), Error> {
        let is_shared = self.new.and_then(|new| new.get(path)).is_some_and(|same| same.plain.sha256 == content.sha256);
        let bytes = if is_shared { 0 } else { content.bytes.len() as u64 };
        self.room(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Refuses more bytes than there is room for.
    fn room(&self, bytes: u64) -> Result<(), Error> {
        let (most, path) = (self.terms.most_bytes, self.shelf.path().display());
        if self.bytes.saturating_add(bytes) <= most {
            return Ok(());
        }
        Err(Error::Unfit(format!(
            "{path}: what is to be shown has more than {most} bytes; raise journey.server.max_bytes, or remove snapshots"
        )))
    }
}

/// The other forms of the file at `path`: the files beside it. `files` are sorted by path.
fn coded(files: &[OnShelf], contents: &[Content], path: &str) -> Option<Box<Coded>> {
    let beside = |ending: &str| {
        let name = format!("{path}.{ending}");
        files.binary_search_by(|file| file.path.as_str().cmp(&name)).ok().map(|at| contents[at].clone())
    };
    let coded = Coded { brotli: beside("br"), zstd: beside("zst"), gzip: beside("gz") };
    let is_any = coded.brotli.is_some() || coded.zstd.is_some() || coded.gzip.is_some();
    is_any.then(|| Box::new(coded))
}

/// Whether the file's name holds its content's hash, so that other content would have another name: `style-1f2e3d4c.css`.
fn is_named_after(path: &str, sha256: &Digest) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let hash = hex(sha256);
    let parts = name.split(|c: char| !c.is_ascii_hexdigit());
    parts.into_iter().any(|part| part.len() >= DIGITS && hash.starts_with(part))
}
