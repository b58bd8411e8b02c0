//! Compares a release as it lies on the disk with what was written.
//!
//! Invariant: nothing is taken on trust that a look at each name can tell: a file that was altered, replaced, taken
//! away or put there is found, and so is one that not everybody may read.

use std::collections::{HashMap, HashSet};
use std::ffi::CString;

use rustix::fs::FileType;

use super::error::{Error, disk};
use super::place::{Directory, Identity, Look, PUBLIC_DIRECTORY, PUBLIC_FILE};
use super::tree::{Entry, MANIFEST, Tree, parents};
use crate::journey::threads::in_parts;

/// Names of a directory that a thread looks at, at least.
const PART: usize = 1000;

/// What differs.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Entries whose file is not there, or is not as it was written.
    pub(super) changed: Vec<usize>,
    /// What does not belong there: the path of its directory and its name.
    pub(super) foreign: Vec<(String, CString)>,
    /// Directories that not everybody may read, or that others may write to.
    pub(super) closed: Vec<String>,
    /// The manifest, where there is one.
    pub(super) manifest: Option<Look>,
}

impl Survey {
    /// Whether all is as it was written, the manifest too.
    pub(super) fn is_intact(&self, manifest: &Identity) -> bool {
        let listed = self.manifest.is_some_and(|look| is_as_written(&look, manifest));
        listed && self.changed.is_empty() && self.foreign.is_empty() && self.closed.is_empty()
    }
}

/// Whether `tree` lies in `root` as it was written.
pub(super) fn is_intact(root: &Directory, tree: &Tree) -> Result<bool, Error> {
    let is_open = root.look_at_itself().map_err(disk("look at", root.path()))?.mode == PUBLIC_DIRECTORY;
    Ok(is_open && survey(root, &tree.entries)?.is_intact(&tree.manifest))
}

/// Looks at everything below `root`, where `entries` belong.
pub(super) fn survey(root: &Directory, entries: &[Entry]) -> Result<Survey, Error> {
    let mut walk = Walk {
        index: entries.iter().enumerate().map(|(at, entry)| (entry.path.as_str(), at)).collect(),
        directories: directories(entries),
        entries,
        is_good: vec![false; entries.len()],
        found: Survey::default(),
        path: String::new(),
    };
    walk.walk(root)?;
    let Walk { is_good, mut found, .. } = walk;
    found.changed = is_good.iter().enumerate().filter(|(_, is_good)| !**is_good).map(|(at, _)| at).collect();
    Ok(found)
}

/// Every directory that `entries` lie in. Those of one directory mostly stand together.
fn directories(entries: &[Entry]) -> HashSet<&str> {
    let together = entries.chunk_by(|one, other| within(&one.path) == within(&other.path));
    together.flat_map(|entries| parents(&entries[0].path)).collect()
}

/// The directory of the file at `path`.
fn within(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(within, _)| within)
}

struct Walk<'a> {
    index: HashMap<&'a str, usize>,
    directories: HashSet<&'a str>,
    entries: &'a [Entry],
    is_good: Vec<bool>,
    found: Survey,
    /// Where the walk is: the path of a directory, with a `/` at its end, or nothing.
    path: String,
}

impl Walk<'_> {
    fn walk(&mut self, directory: &Directory) -> Result<(), Error> {
        let refused = || disk("read the directory", directory.path());
        let within = self.path.len();
        let names = directory.names().map_err(refused())?;
        let looks = in_parts(&names, PART, |names| {
            names.iter().map(|name| directory.look(name.as_c_str())).collect::<Vec<_>>()
        });
        for (name, look) in names.into_iter().zip(looks.into_iter().flatten()) {
            let Some(look) = look.map_err(refused())? else { continue };
            self.path.push_str(&name.to_string_lossy());
            self.meet(directory, name, &look, within)?;
            self.path.truncate(within);
        }
        Ok(())
    }

    fn meet(&mut self, directory: &Directory, name: CString, look: &Look, within: usize) -> Result<(), Error> {
        let path = self.path.as_str();
        if look.kind == FileType::RegularFile && path == MANIFEST {
            self.found.manifest = Some(*look);
        } else if look.kind == FileType::RegularFile
            && let Some(at) = self.index.get(path)
        {
            self.is_good[*at] = is_as_written(look, &self.entries[*at].identity);
        } else if look.kind == FileType::Directory && self.directories.contains(path) {
            if look.mode != PUBLIC_DIRECTORY {
                self.found.closed.push(path.to_owned());
            }
            let inner = directory.open(name.as_c_str()).map_err(disk("open the directory", directory.path()))?;
            self.path.push('/');
            self.walk(&inner)?;
        } else {
            self.found.foreign.push((self.path[..within].to_owned(), name));
        }
        Ok(())
    }
}

fn is_as_written(look: &Look, identity: &Identity) -> bool {
    look.kind == FileType::RegularFile && look.mode == PUBLIC_FILE && look.identity == *identity
}
