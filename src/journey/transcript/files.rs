//! Which transcripts there are, and how long each is at the start.
//!
//! Invariant: everything later asks these lengths: what is written while the run is under way waits for the next one. A
//! file that two names lead to is read once, by the first name in the order of paths.

use std::collections::HashSet;
use std::fs::{DirEntry, FileType, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use glob::Pattern;
use ring::digest::{Context, SHA256};

use super::Error;
use crate::journey::digest::{Digest, done};
use crate::journey::threads::in_parts;
use crate::source::file::{Identity, with_mend};

/// Files of a directory that a thread looks at, at least.
const PART: usize = 1000;

/// A transcript as it stood at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FrozenFile {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
}

/// Something that cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// `unreadable`, or another word of [`super::Ledger::left_out`].
    pub(super) kind: &'static str,
    pub(super) path: PathBuf,
    pub(super) why: String,
}

/// The transcripts as they stood at the start.
#[derive(Debug, Default)]
pub struct Frozen {
    /// By path, each file once.
    pub(super) files: Vec<FrozenFile>,
    pub(super) unreadable: Vec<Unreadable>,
    patterns: Vec<Pattern>,
}

impl Frozen {
    /// Looks which files match `globs` and how long each is. A glob that matches nothing is none the worse for it.
    ///
    /// # Errors
    /// When one of `globs` is none.
    pub fn look(globs: &[PathBuf]) -> Result<Self, Error> {
        let mut frozen = Frozen::default();
        for glob in globs {
            let text = glob.to_str().ok_or_else(|| Error::glob(glob, "is not UTF-8"))?;
            frozen.patterns.push(Pattern::new(text).map_err(|error| Error::glob(glob, &error.to_string()))?);
            frozen.walk(text).map_err(|error| Error::glob(glob, &error.to_string()))?;
        }
        // By bytes: comparing the components of two paths takes ten times as long, for another order of no use.
        frozen.files.sort_unstable_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        frozen.unreadable.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        let mut seen = HashSet::with_capacity(frozen.files.len());
        frozen.files.retain(|file| seen.insert((file.identity.device, file.identity.inode)));
        frozen.unreadable.dedup_by(|a, b| a.path == b.path);
        Ok(frozen)
    }

    /// Digest of the names, identities and lengths: equal where nothing of what is read has changed.
    pub fn digest(&self) -> Digest {
        let mut context = Context::new(&SHA256);
        for FrozenFile { path, identity } in &self.files {
            let Identity { device, inode, size, modified, changed } = identity;
            context.update(path.as_os_str().as_bytes());
            context.update(&[0]);
            [*device, *inode, *size].iter().for_each(|number| context.update(&number.to_le_bytes()));
            let times = [modified.0, modified.1, changed.0, changed.1];
            times.iter().for_each(|number| context.update(&number.to_le_bytes()));
        }
        for unreadable in &self.unreadable {
            context.update(format!("{unreadable:?}").as_bytes());
        }
        done(context)
    }

    /// How many files there are, and their bytes.
    pub fn size(&self) -> (usize, u64) {
        (self.files.len(), self.files.iter().map(|file| file.identity.size).sum())
    }

    /// The paths at which something is that cannot be read.
    pub(super) fn unreadable_paths(&self) -> impl Iterator<Item = &Path> {
        self.unreadable.iter().map(|unreadable| unreadable.path.as_path())
    }

    /// Whether `path` is one that the globs mean, whether it is there or not.
    pub(super) fn means(&self, path: &Path) -> bool {
        let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
        self.patterns.iter().any(|pattern| pattern.matches_path_with(path, options))
    }

    /// Walks the directories of `pattern`. The last name is compared here, because one reading of a directory tells of
    /// each of its files whether it is one, and `glob` would look at each again.
    fn walk(&mut self, pattern: &str) -> Result<(), glob::PatternError> {
        let (directories, name) = pattern.rsplit_once('/').unwrap_or((".", pattern));
        if name.contains("**") {
            for found in glob::glob(pattern)? {
                self.found(found);
            }
            return Ok(());
        }
        let name = Pattern::new(name)?;
        for directory in glob::glob(if directories.is_empty() { "/" } else { directories })? {
            match directory {
                Ok(directory) => self.directory(&directory, &name),
                Err(error) => self.cannot("unreadable", error.path(), &with_mend(error.error())),
            }
        }
        Ok(())
    }

    fn found(&mut self, found: glob::GlobResult) {
        match found {
            Ok(path) => self.behind_link(path),
            Err(error) => self.cannot("unreadable", error.path(), &with_mend(error.error())),
        }
    }

    fn directory(&mut self, directory: &Path, name: &Pattern) {
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::NotFound) => return,
            Err(error) => return self.cannot("unreadable", directory, &with_mend(&error)),
        };
        let mut matching = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) if name.matches(&entry.file_name().to_string_lossy()) => matching.push(entry),
                Ok(_) => {}
                Err(error) => return self.cannot("unreadable", directory, &with_mend(&error)),
            }
        }
        self.entries(&matching);
    }

    /// Looks at each of `entries`: a call of the kernel each, so that many are looked at in parts.
    fn entries(&mut self, entries: &[DirEntry]) {
        let parts = in_parts(entries, PART, |entries| {
            let mut part = Frozen::default();
            entries.iter().for_each(|entry| part.entry(entry));
            part
        });
        for part in parts {
            self.files.extend(part.files);
            self.unreadable.extend(part.unreadable);
        }
    }

    fn entry(&mut self, entry: &DirEntry) {
        // The look by the directory costs half of that by the path, but does not follow links.
        match entry.file_type().as_ref().map(FileType::is_file) {
            Ok(true) => self.looked(entry.path(), entry.metadata()),
            _ => self.behind_link(entry.path()),
        }
    }

    fn behind_link(&mut self, path: PathBuf) {
        let metadata = std::fs::metadata(&path);
        self.looked(path, metadata);
    }

    fn looked(&mut self, path: PathBuf, metadata: io::Result<Metadata>) {
        match metadata {
            Ok(metadata) if metadata.is_file() => {
                self.files.push(FrozenFile { path, identity: Identity::of(&metadata) });
            }
            Ok(_) => self.cannot("not_a_file", &path, "is no regular file; move it away"),
            // It was deleted since the directory was read.
            Err(error) if error.kind() == ErrorKind::NotFound && std::fs::symlink_metadata(&path).is_err() => {}
            Err(error) => self.cannot("unreadable", &path, &with_mend(&error)),
        }
    }

    fn cannot(&mut self, kind: &'static str, path: &Path, why: &str) {
        self.unreadable.push(Unreadable { kind, path: path.to_owned(), why: why.to_owned() });
    }
}
