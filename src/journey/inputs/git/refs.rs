//! Where the repository's data lies and what its tip is, read from its files.
//!
//! Invariant: starts no child; whatever stands there, looking ends soon and reads bounded files. Only this directory is
//! looked at, none above it: a repository that happens to hold the home directory is not the loop's.

use std::path::{Path, PathBuf};

use crate::journey::digest::{hex, sha256};
use crate::observation::Reading;
use crate::source::file::read_bounded;

/// Largest of the small files (HEAD, a ref, `.git`) that is read, bytes.
const SMALL: u64 = 64 << 10;
/// Largest list of packed refs that is read, bytes.
const PACKED: u64 = 64 << 20;
/// A ref may lead to a ref so many times; git itself stops at five.
const DEEPEST: usize = 5;

/// A repository as it stood when the run began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Where it was looked for.
    pub path: PathBuf,
    /// Its data: `.git`, what a `.git` file leads to, or the directory itself.
    pub directory: PathBuf,
    /// What HEAD leads to.
    pub tip: Tip,
    /// The commits at which a shallow clone ends.
    pub shallow: Vec<String>,
}

/// What HEAD leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tip {
    /// A commit.
    Hash(String),
    /// A branch without a commit.
    Unborn,
    /// Something that only git can read; the text changes when it does.
    Unknown(String),
}

impl Tip {
    /// What git calls it.
    pub(super) fn revision(&self) -> &str {
        match self {
            Tip::Hash(hash) => hash,
            Tip::Unborn | Tip::Unknown(_) => "HEAD",
        }
    }

    /// A text that is another when the tip is another.
    pub(super) fn key(&self) -> String {
        match self {
            Tip::Hash(hash) => hash.clone(),
            Tip::Unborn => "unborn".into(),
            Tip::Unknown(key) => key.clone(),
        }
    }
}

/// Looks at the repository at `path`.
///
/// # Errors
/// A sentence that says why there are no commits, and the mend.
pub fn look(path: &Path) -> Result<Repository, String> {
    let mend = "set journey.repository to the loop's repository, or to \"\" where there is none";
    let directory = directory(path).ok_or_else(|| format!("no git repository at {}; {mend}", path.display()))?;
    let common = common(&directory);
    let head = small(&directory.join("HEAD"))
        .ok_or_else(|| format!("{} has no HEAD that can be read; {mend}", directory.display()))?;
    let shallow = small_lines(&common.join("shallow"));
    let tip = tip(&directory, &common, head.trim());
    Ok(Repository { path: path.to_owned(), directory, tip, shallow })
}

/// Where the data of the repository at `path` lies.
fn directory(path: &Path) -> Option<PathBuf> {
    let inner = path.join(".git");
    if inner.is_dir() {
        return Some(inner);
    }
    // A worktree's or a submodule's `.git` is a file that names a directory.
    if let Some(text) = small(&inner) {
        let named = text.strip_prefix("gitdir:")?.trim();
        return Some(path.join(named)).filter(|directory| directory.is_dir());
    }
    let is_bare = path.join("objects").is_dir() && path.join("HEAD").is_file();
    is_bare.then(|| path.to_owned())
}

/// Where what all worktrees share lies.
fn common(directory: &Path) -> PathBuf {
    let named = small(&directory.join("commondir"));
    named.map_or(directory.to_owned(), |named| directory.join(named.trim()))
}

fn tip(directory: &Path, common: &Path, head: &str) -> Tip {
    let mut value = head.to_owned();
    for _ in 0..DEEPEST {
        let Some(name) = value.strip_prefix("ref:") else {
            return if is_hash(&value) { Tip::Hash(value) } else { unknown(directory, common, head) };
        };
        let name = name.trim().to_owned();
        // A name that leads out of the repository, or that stands for refs kept in another way.
        let is_plain = name.starts_with("refs/") && !name.contains("..") && !name.contains(".invalid");
        if !is_plain || common.join("reftable").is_dir() {
            return unknown(directory, common, head);
        }
        let loose = small(&directory.join(&name)).or_else(|| small(&common.join(&name)));
        match loose.or_else(|| packed(common, &name)) {
            Some(next) => value = next.trim().to_owned(),
            None => return Tip::Unborn,
        }
    }
    unknown(directory, common, head)
}

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The tip of refs that are kept in tables: their list changes with every change of a ref.
fn unknown(directory: &Path, common: &Path, head: &str) -> Tip {
    let mut text = head.as_bytes().to_vec();
    for place in [directory, common] {
        if let Reading::Observed((bytes, _)) = read_bounded("refs", &place.join("reftable/tables.list"), SMALL) {
            text.extend_from_slice(&bytes);
        }
    }
    Tip::Unknown(format!("refs {}", hex(&sha256(&text))))
}

/// The hash of `name` in the list of packed refs.
fn packed(common: &Path, name: &str) -> Option<String> {
    let Reading::Observed((bytes, _)) = read_bounded("packed refs", &common.join("packed-refs"), PACKED) else {
        return None;
    };
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let found = lines.find_map(|line| line.strip_suffix(name.as_bytes())?.strip_suffix(b" "));
    String::from_utf8(found?.to_vec()).ok()
}

fn small(path: &Path) -> Option<String> {
    match read_bounded("git", path, SMALL) {
        Reading::Observed((bytes, _)) => String::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn small_lines(path: &Path) -> Vec<String> {
    let Reading::Observed((bytes, _)) = read_bounded("git", path, PACKED) else { return Vec::new() };
    let mut lines: Vec<String> = String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
