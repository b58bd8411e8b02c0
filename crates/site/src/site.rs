//! What is shown at one instant: files by their paths, in memory.
//!
//! Invariant: immutable. All bytes were checked against the hash under which their release lists them. Equal contents at
//! equal paths are held once, also across releases and snapshots.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

/// Where snapshots are shown: `/snapshots/ID/`.
const SNAPSHOTS: &str = "snapshots/";
/// The page that tells that there is nothing.
const NOT_FOUND: &str = "404.html";
/// What a path that ends in a slash stands for.
const INDEX: &str = "index.html";

/// Everything that can be asked for.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// The release that is shown.
    pub current: Arc<Volume>,
    /// Releases that were given a name, by that name.
    pub snapshots: BTreeMap<Box<str>, Arc<Volume>>,
    /// Assets of earlier releases that are named after their content: they stay for a while, so that a page that was
    /// sent before finds them.
    pub earlier: HashMap<Box<str>, Resource>,
}

/// The files of one release.
#[derive(Debug, Clone, Default)]
pub struct Volume {
    /// The release's content hash, 64 hexadecimal digits; `None` before the first one.
    pub release: Option<String>,
    /// Its files by their paths, without a slash in front.
    pub files: HashMap<Box<str>, Resource>,
}

/// One file, in every form in which it can be sent.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its bytes.
    pub plain: Content,
    /// The same in other codings, where the release has them.
    pub coded: Option<Box<Coded>>,
    /// Its `Content-Type`.
    pub media_type: &'static str,
    /// Its name holds a hash of its content: it never changes.
    pub is_immutable: bool,
    /// Since when this path has shown these bytes, as far as is known: never earlier than the last change of them. Whole
    /// seconds.
    pub shown_since: SystemTime,
}

/// A file's bytes under other content codings: the files beside it with the endings `.br`, `.zst`, `.gz`.
#[derive(Debug, Clone, Default)]
pub struct Coded {
    /// Brotli (RFC 7932).
    pub brotli: Option<Content>,
    /// Zstandard (RFC 8878), with a window of at most 8 MiB (RFC 9659).
    pub zstd: Option<Content>,
    /// gzip (RFC 1952).
    pub gzip: Option<Content>,
}

/// Bytes, and what tells them from others.
#[derive(Debug, Clone)]
pub struct Content {
    /// The bytes.
    pub bytes: Bytes,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

/// What a path of a request stands for.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// This file.
    Resource(&'a Resource),
    /// A directory that was asked for without its slash.
    Directory,
    /// Nothing.
    Nothing,
}

impl Site {
    /// What stands at `path`: decoded, with its slash in front. Exactly as it is listed: nothing is taken away from it,
    /// and nothing is resolved.
    pub fn find(&self, path: &str) -> Found<'_> {
        let Some(key) = path.strip_prefix('/') else { return Found::Nothing };
        match key.strip_prefix(SNAPSHOTS).map(|rest| rest.split_once('/').ok_or(rest)) {
            Some(Ok((id, key))) => self.snapshots.get(id).map_or(Found::Nothing, |volume| volume.find(key)),
            Some(Err(id)) if self.snapshots.get(id).is_some_and(|volume| volume.get(INDEX).is_some()) => {
                Found::Directory
            }
            Some(Err(_)) => Found::Nothing,
            None => match self.current.find(key) {
                Found::Nothing => self.earlier.get(key).map_or(Found::Nothing, Found::Resource),
                found => found,
            },
        }
    }

    /// The release's own page for what is not found.
    pub fn not_found(&self) -> Option<&Resource> {
        self.current.get(NOT_FOUND)
    }
}

impl Volume {
    /// The file at `path`.
    pub fn get(&self, path: &str) -> Option<&Resource> {
        self.files.get(path)
    }

    fn find(&self, key: &str) -> Found<'_> {
        let index = |directory: &str| self.get(&format!("{directory}{INDEX}"));
        if key.is_empty() || key.ends_with('/') {
            return index(key).map_or(Found::Nothing, Found::Resource);
        }
        match self.get(key) {
            Some(resource) => Found::Resource(resource),
            None if index(&format!("{key}/")).is_some() => Found::Directory,
            None => Found::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::content;

    fn resource(text: &'static str) -> Resource {
        let plain = content(text);
        let media_type = "text/html; charset=utf-8";
        Resource { plain, coded: None, media_type, is_immutable: false, shown_since: SystemTime::UNIX_EPOCH }
    }

    fn volume<const N: usize>(files: [(&str, &'static str); N]) -> Arc<Volume> {
        let files = files.into_iter().map(|(path, text)| (path.into(), resource(text))).collect();
        Arc::new(Volume { release: None, files })
    }

    fn shows(site: &Site, path: &str) -> Option<String> {
        match site.find(path) {
            Found::Resource(resource) => Some(String::from_utf8_lossy(&resource.plain.bytes).into_owned()),
            Found::Directory => Some("a directory".into()),
            Found::Nothing => None,
        }
    }

    #[test]
    fn a_path_stands_for_what_is_listed_and_for_nothing_else() {
        let current =
            volume([("index.html", "front"), ("a/index.html", "a"), ("a/b.html", "b"), ("404.html", "nothing")]);
        let snapshots = [
            ("first".into(), volume([("index.html", "then"), ("c.html", "c")])),
            ("data".into(), volume([("site-data.json", "{}")])),
        ];
        let earlier = [("assets/old.css".into(), resource("old"))];
        let site = Site { current, snapshots: snapshots.into(), earlier: earlier.into() };
        for (path, shown) in [
            ("/", Some("front")),
            ("/index.html", Some("front")),
            ("/a/", Some("a")),
            ("/a", Some("a directory")),
            ("/a/b.html", Some("b")),
            ("/a/b.html/", None),
            ("//", None),
            ("//a/", None),
            ("/a//b.html", None),
            ("/./a/b.html", None),
            ("/a/../index.html", None),
            ("/A/", None),
            ("", None),
            ("a/", None),
            ("/index.html/index.html", None),
            ("/assets/old.css", Some("old")),
            ("/assets/", None),
            ("/snapshots/first/", Some("then")),
            ("/snapshots/first/index.html", Some("then")),
            ("/snapshots/first/c.html", Some("c")),
            ("/snapshots/first", Some("a directory")),
            ("/snapshots/data/site-data.json", Some("{}")),
            ("/snapshots/data", None),
            ("/snapshots/data/", None),
            ("/snapshots/none/", None),
            ("/snapshots/", None),
            ("/snapshots", None),
            ("/snapshots/first/../data/site-data.json", None),
        ] {
            assert_eq!(shows(&site, path).as_deref(), shown, "{path}");
        }
        assert!(site.not_found().is_some());
    }
}
