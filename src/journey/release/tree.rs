//! The files of a release: what each is made of, what it holds, and what tells that it was not touched since.
//!
//! Invariant: entries are sorted by path, and the content hash is a function of paths and contents alone.

use std::collections::BTreeSet;

use ring::digest::{Context, SHA256};

use super::error::Error;
use super::place::Identity;
use crate::journey::digest::{Digest, done, hex};
use crate::observation::Time;

/// The manifest's name in a release: it lists the others, and not itself.
pub const MANIFEST: &str = "manifest.json";

/// Longest path, bytes, and longest name in it: what every file system takes, a suffix included.
const LONGEST_PATH: usize = 1000;
const LONGEST_NAME: usize = 240;

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where it stands in the release.
    pub(super) path: String,
    /// SHA-256 of all that its bytes depend on; zeros where that is not known.
    pub(super) source: Digest,
    /// SHA-256 of its bytes.
    pub(super) sha256: Digest,
    /// What it was when it was written.
    pub(super) identity: Identity,
}

/// All files of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    /// The rules that its files were last found clean by.
    pub(super) rules: Digest,
    /// Hash of its content.
    pub(super) content: Digest,
    /// The newest time that the inputs told.
    pub(super) as_of: Option<Time>,
    /// The manifest's own file.
    pub(super) manifest: Identity,
    /// Its files, without the manifest.
    pub(super) entries: Vec<Entry>,
}

impl Tree {
    /// Bytes of all files, without the manifest.
    pub(super) fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.identity.size).sum()
    }

    /// The file at `path`.
    pub(super) fn find(&self, path: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        self.entries.get(at)
    }
}

/// Finds files by paths that are asked for in ascending order: all of them in one walk, where each search for one would
/// go to and fro in memory.
pub(super) struct InOrder<'a>(&'a [Entry]);

impl<'a> InOrder<'a> {
    /// Begins with the first of `entries`, which are sorted by path.
    pub(super) fn new(entries: &'a [Entry]) -> Self {
        InOrder(entries)
    }

    /// The file at `path`, which stands behind all that were asked for before.
    pub(super) fn find(&mut self, path: &str) -> Option<&'a Entry> {
        while let Some((first, rest)) = self.0.split_first()
            && first.path.as_str() < path
        {
            self.0 = rest;
        }
        self.0.first().filter(|entry| entry.path == path)
    }
}

/// The hash of a release's content: SHA-256 over what `sha256sum` prints of its files in the order of their paths,
/// `HASH  PATH` a line. Anybody can check it with that program.
pub(super) fn content_hash(entries: &[Entry]) -> Digest {
    let mut context = Context::new(&SHA256);
    for entry in entries {
        context.update(hex(&entry.sha256).as_bytes());
        context.update(b"  ");
        context.update(entry.path.as_bytes());
        context.update(b"\n");
    }
    done(context)
}

/// Looks at the sorted `paths` of a release that is to be.
///
/// # Errors
/// When one of them cannot be the path of a file of a release: characters that a URL, a terminal or another file
/// system would take for something else, hidden names, the manifest's name, one path twice, a file where a directory
/// must be. The path is shown only where it is harmless.
pub(super) fn check_paths<'a>(paths: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let (mut directories, mut files, mut before) = (BTreeSet::new(), Vec::new(), None);
    for path in paths {
        check_path(path)?;
        if before == Some(path) {
            return Err(Error::Unfit(format!("two files of the release are called {path}")));
        }
        before = Some(path);
        files.push(path);
        if let Some((directory, _)) = path.rsplit_once('/')
            && !directories.contains(directory)
        {
            directories.extend(parents(path));
        }
    }
    match files.into_iter().find(|path| directories.contains(path)) {
        Some(path) => Err(Error::Unfit(format!("{path} is to be a file and a directory of the release"))),
        None => Ok(()),
    }
}

/// Every directory that leads to `path`, the outermost first.
pub(super) fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn check_path(path: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-~+@=,()[]".contains(c);
    let is_name = |name: &str| !name.is_empty() && !name.starts_with('.') && name.len() <= LONGEST_NAME;
    if !path.chars().all(|c| c == '/' || fits(c)) {
        return Err(Error::Unfit(
            "a file of the release has a name with a character that is none of A-Z a-z 0-9 . _ - ~ + @ = , ( ) [ ]; \
             rename it"
                .into(),
        ));
    }
    if path == MANIFEST {
        return Err(Error::Unfit(format!("{MANIFEST} is the release's own; name that file otherwise")));
    }
    if path.len() > LONGEST_PATH || !path.split('/').all(is_name) {
        return Err(Error::Unfit(format!(
            "a file of the release has a name that is empty, hidden (begins with a dot) or longer than {LONGEST_NAME} \
             bytes; rename it"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order_the_same_is_found_as_one_by_one() {
        let entry =
            |path: &str| Entry { path: path.into(), source: [0; 32], sha256: [0; 32], identity: Identity::default() };
        let entries = ["a", "a.b", "b/c", "b/d", "z"].map(entry);
        let mut found = InOrder::new(&entries);
        for path in ["", "a", "a", "a.a", "a.b", "b", "b/d", "c", "z", "zz"] {
            let expected = entries.iter().find(|entry| entry.path == path);
            assert_eq!(found.find(path), expected, "{path}");
        }
    }

    #[test]
    fn only_harmless_paths_make_a_release() {
        assert!(check_paths(["a.html", "b/c.md", "b/d/e-1_~.svg"].into_iter()).is_ok());
        let bad =
            ["", "/a", "a/", "a//b", ".a", "a/.b", "..", "a/../b", "manifest.json", "a b", "a\n", "é", "a<b", "a%"];
        for path in bad {
            assert!(check_paths([path].into_iter()).is_err(), "{path:?}");
        }
        assert!(check_paths(["b/manifest.json"].into_iter()).is_ok(), "only the release's own is reserved");
        assert!(check_paths(["a", "a"].into_iter()).is_err());
        assert!(check_paths(["a", "a.b", "a/b"].into_iter()).is_err(), "a file and a directory");
        assert!(check_paths([&*"a".repeat(241)].into_iter()).is_err());
    }
}
