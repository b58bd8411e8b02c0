//! The inputs as they stood when the run began: each held open, with its identity and its length.
//!
//! Invariant: two frozen sets with equal digests read alike, as far as a file system can tell.

use std::fs::{File, Metadata};
use std::path::PathBuf;

use ring::digest::{Context, SHA256};

use super::git::{self, Repository};
use super::places::{self, Input};
use crate::config::{Config, FieldsConfig};
use crate::observation::{Reading, Time};
use crate::source::file::{Identity, modified_at, open_regular};

/// Part of the digest: raised when the same files are read in another way.
const VERSION: u8 = 1;

/// All inputs.
#[derive(Debug)]
pub struct Frozen {
    pub(super) files: Vec<FrozenFile>,
    pub(super) repository: Result<Option<Repository>, String>,
    pub(super) fields: FieldsConfig,
    /// A longer line is passed over, bytes.
    pub(super) max_line: usize,
}

/// One file.
#[derive(Debug)]
pub(super) struct FrozenFile {
    pub(super) input: Input,
    pub(super) path: PathBuf,
    pub(super) found: Found,
}

/// What stood at its path.
#[derive(Debug)]
pub(super) enum Found {
    /// A file.
    Open(Open),
    /// Nothing.
    Missing,
    /// Something that cannot be read; the message says what and the mend.
    Failed(String),
}

/// A file that is held open.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) file: File,
    pub(super) identity: Identity,
    /// Bytes that are read at most.
    pub(super) length: u64,
    pub(super) modified: Option<Time>,
}

/// Opens every input that `config` names and notes its length. Costs a few system calls a file and starts no child.
pub fn freeze(config: &Config) -> Frozen {
    let files = places::files(config).into_iter().map(|(input, path)| FrozenFile {
        found: match open_regular(input.name(), &path) {
            Reading::Observed((file, metadata)) => Found::Open(Open::of(file, &metadata)),
            Reading::Missing(_) => Found::Missing,
            Reading::Failed(failure) => Found::Failed(failure.message),
        },
        input,
        path,
    });
    Frozen {
        files: files.collect(),
        repository: places::repository(config).map_or(Ok(None), |path| git::look(&path).map(Some)),
        fields: config.loop_.fields.clone(),
        max_line: usize::try_from(config.journey.max_line.0).unwrap_or(usize::MAX),
    }
}

impl Open {
    fn of(file: File, metadata: &Metadata) -> Self {
        let (identity, modified) = (Identity::of(metadata), modified_at(metadata));
        Open { file, identity, length: metadata.len(), modified }
    }
}

impl FrozenFile {
    /// The open file, when there is one.
    pub(super) fn open(&self) -> Option<&Open> {
        match &self.found {
            Found::Open(open) => Some(open),
            Found::Missing | Found::Failed(_) => None,
        }
    }
}

impl Frozen {
    /// SHA-256 of what the inputs are known by: paths, identities (device, inode, length, times), the repository's tip,
    /// and the settings that reading depends on.
    ///
    /// A later set with the same digest holds nothing new, so that nothing of it need be read. A file that was changed
    /// within the clock's granule of the earlier look, and kept its length, is the one thing that it cannot tell; files
    /// of the loop grow or are replaced.
    pub fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let mut take = |text: String| {
            context.update(&(text.len() as u64).to_le_bytes());
            context.update(text.as_bytes());
        };
        take(format!("{VERSION} {} {:?}", self.max_line, self.fields));
        for file in &self.files {
            let found = match &file.found {
                Found::Open(open) => format!("{:?}", open.identity),
                Found::Missing => "missing".into(),
                Found::Failed(why) => why.clone(),
            };
            take(format!("{:?} {:?} {found}", file.input, file.path));
        }
        take(match &self.repository {
            Ok(repository) => format!("{repository:?}"),
            Err(why) => why.clone(),
        });
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }

    /// Whether something is new since the frozen set whose digest is `earlier`.
    pub fn is_news_since(&self, earlier: &[u8; 32]) -> bool {
        self.digest() != *earlier
    }
}
