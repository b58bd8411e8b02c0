//! `manifest.json`: which files a release has, for whoever serves or checks it.
//!
//! Invariant: the same tree gives the same bytes; one line a file, sorted by path.

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::media;
use super::place::Identity;
use super::tree::{Entry, Tree, check_paths, content_hash};
use crate::journey::digest::{hex, unhex};
use crate::observation::Time;

/// The version of the format: a reader refuses one that it does not know.
pub const VERSION: u32 = 1;

/// What a release holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// SHA-256 of the release's content, 64 hexadecimal digits: its name.
    pub content_hash: String,
    /// Digest of the rules that its files were last found clean by, 64 hexadecimal digits.
    pub rules_hash: String,
    /// The newest time that the inputs told: the release is as of then.
    #[serde(default)]
    pub as_of: Option<Time>,
    /// Every file but the manifest, sorted by path.
    pub files: Vec<Listed>,
}

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Listed {
    /// Where it stands: relative, `/` between names.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its bytes, 64 hexadecimal digits.
    pub sha256: String,
    /// What it is, as a `Content-Type`.
    pub media_type: String,
}

impl Manifest {
    /// Understands a manifest.
    ///
    /// # Errors
    /// When `bytes` are none, or one of a version that is not known.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| format!("no manifest: {error}"))?;
        manifest.of_known_version()
    }

    /// The tree that a manifest lists, which is read from `content`. Of its files no more is known than the manifest says:
    /// their `identity` is a size; and by which rules they were found clean is not taken from it.
    ///
    /// # Errors
    /// When it is none, or lists something else than its own hash says.
    pub(super) fn listed(content: impl Read) -> Result<Tree, String> {
        let manifest: Manifest = serde_json::from_reader(content).map_err(|error| format!("no manifest: {error}"))?;
        let manifest = manifest.of_known_version()?;
        let entries = manifest.files.into_iter().map(Listed::entry).collect::<Option<Vec<_>>>();
        let entries = entries.ok_or("a hash in it is none")?;
        if !entries.is_sorted_by(|one, other| one.path < other.path) {
            return Err("its files are not sorted by path".into());
        }
        check_paths(entries.iter().map(|entry| entry.path.as_str())).map_err(|error| error.to_string())?;
        let content = content_hash(&entries);
        if hex(&content) != manifest.content_hash {
            return Err("it lists other files than its content_hash says".into());
        }
        Ok(Tree { rules: [0; 32], content, as_of: manifest.as_of, manifest: Identity::default(), entries })
    }

    fn of_known_version(self) -> Result<Self, String> {
        match self.version {
            VERSION => Ok(self),
            other => Err(format!("a manifest of version {other}, and only {VERSION} is known; update this program")),
        }
    }
}

impl Listed {
    fn entry(self) -> Option<Entry> {
        let identity = Identity { size: self.size, ..Identity::default() };
        Some(Entry { path: self.path, source: [0; 32], sha256: unhex(&self.sha256)?, identity })
    }
}

/// The manifest of `tree`.
pub(super) fn write(tree: &Tree) -> Vec<u8> {
    let as_of = tree.as_of.map_or("null".to_owned(), |time| format!("\"{time}\""));
    let mut text = String::with_capacity(300 + 220 * tree.entries.len());
    text.push_str(&format!(
        "{{\"version\": {VERSION},\n\"content_hash\": \"{}\",\n\"rules_hash\": \"{}\",\n\"as_of\": {as_of},\n\"files\": [",
        hex(&tree.content),
        hex(&tree.rules)
    ));
    for (index, entry) in tree.entries.iter().enumerate() {
        // No character that JSON escapes can stand in a path.
        text.push_str(if index == 0 { "\n{\"path\": \"" } else { ",\n{\"path\": \"" });
        text.push_str(&entry.path);
        text.push_str("\", \"size\": ");
        text.push_str(&entry.identity.size.to_string());
        text.push_str(", \"sha256\": \"");
        text.push_str(&hex(&entry.sha256));
        text.push_str("\", \"media_type\": \"");
        text.push_str(media::media_type(&entry.path));
        text.push_str("\"}");
    }
    text.push_str("\n]}\n");
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::place::Identity;
    use super::super::tree::Entry;
    use super::*;
    use crate::journey::digest::sha256;

    fn tree(paths: &[&str]) -> Tree {
        let entry = |path: &&str| Entry {
            path: (*path).into(),
            source: [0; 32],
            sha256: sha256(path.as_bytes()),
            identity: Identity { size: 3, ..Identity::default() },
        };
        let entries = paths.iter().map(entry).collect();
        Tree { rules: [1; 32], content: [2; 32], as_of: None, manifest: Identity::default(), entries }
    }

    #[test]
    fn a_manifest_is_json_that_is_read_back() {
        let mut tree = tree(&["a.html", "b/[c](1)~,=@+.md"]);
        tree.as_of = Time::from_second(1_795_348_800).ok();
        let manifest = Manifest::parse(&write(&tree)).unwrap();
        assert_eq!(manifest.content_hash, "02".repeat(32));
        assert_eq!(manifest.rules_hash, "01".repeat(32));
        assert_eq!(manifest.as_of, tree.as_of);
        let expected = Listed {
            path: "a.html".into(),
            size: 3,
            sha256: hex(&sha256(b"a.html")),
            media_type: "text/html; charset=utf-8".into(),
        };
        assert_eq!((&manifest.files[0], manifest.files.len()), (&expected, 2));
        assert_eq!(manifest.files[1].path, "b/[c](1)~,=@+.md");
    }

    #[test]
    fn an_empty_manifest_is_json_too_and_another_version_is_refused() {
        let bytes = write(&tree(&[]));
        assert_eq!(Manifest::parse(&bytes).unwrap().files, []);
        let newer = String::from_utf8(bytes).unwrap().replace("\"version\": 1", "\"version\": 2");
        assert!(Manifest::parse(newer.as_bytes()).unwrap_err().contains("version 2"));
        assert!(Manifest::parse(b"{").unwrap_err().contains("no manifest"));
    }
}
