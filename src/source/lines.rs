//! The end of a file of JSON lines, read again only when the file changed.
//!
//! Invariant: as in [`super::file`]: whatever stands at the path, reading ends soon and takes bounded memory.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::file::{Identity, open_regular};
use crate::jsonl::{Limits, Tail, last_lines};
use crate::observation::{Failure, FailureKind, Reading};

/// The last lines of one file, kept as parsed until the file's identity changes.
#[derive(Debug)]
pub struct Lines<T> {
    what: &'static str,
    path: PathBuf,
    want: usize,
    known: Option<(Identity, T)>,
}

impl<T: Clone> Lines<T> {
    /// Nothing read yet. `what` names the file in messages; the last `want` lines are read.
    pub fn new(what: &'static str, path: PathBuf, want: usize) -> Self {
        Lines { what, path, want, known: None }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `parse` makes of the last lines; it is called only when the file is not the one that was read last.
    pub fn read(&mut self, parse: impl FnOnce(&Tail) -> T) -> Reading<T> {
        if let (Some((identity, value)), Ok(metadata)) = (&self.known, std::fs::metadata(&self.path))
            && metadata.is_file()
            && *identity == Identity::of(&metadata)
        {
            return Reading::Observed(value.clone());
        }
        self.known = None;
        let (file, metadata) = match open_regular(self.what, &self.path) {
            Reading::Observed(opened) => opened,
            Reading::Missing(what) => return Reading::Missing(what),
            Reading::Failed(failure) => return Reading::Failed(failure),
        };
        match last_lines(&file, self.want, Limits::default()) {
            Ok(tail) => {
                let value = parse(&tail);
                // The identity from before the reading: a line that came meanwhile makes the next reading differ.
                self.known = Some((Identity::of(&metadata), value.clone()));
                Reading::Observed(value)
            }
            Err(error) => {
                let message =
                    format!("{} {}: {error}; check the disk and who rewrites it", self.what, self.path.display());
                Reading::Failed(Failure::new(FailureKind::Unreadable, message))
            }
        }
    }
}

/// The JSON object that a line holds; `None` for anything else.
pub(super) fn object(line: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(line).ok()
}
