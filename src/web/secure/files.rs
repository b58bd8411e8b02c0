//! The files that a web configuration is made of, and how to tell that one of them changed.
//!
//! Invariant: a file is known by what the file system said of it when it was read; one that changed so recently that
//! another change might not show is looked at again.

use std::path::{Path, PathBuf};

use ring::digest::{Context, Digest, SHA256};

use crate::config::text;
use crate::observation::{Reading, Time};
use crate::source::file::{self, Identity};

/// The largest file that is read, bytes. A bundle of all public CAs takes 220 kB.
const MAX_FILE: u64 = 1 << 20;

/// Files as they were read.
pub(super) struct Files {
    known: Vec<(PathBuf, Option<Identity>)>,
    content: Context,
}

impl Files {
    pub(super) fn new() -> Self {
        Files { known: Vec::new(), content: Context::new(&SHA256) }
    }

    /// The text of the configuration `file`.
    ///
    /// # Errors
    /// What is wrong with it and the mend.
    pub(super) fn configuration(&mut self, file: &Path) -> Result<String, String> {
        let read = text::read_with_metadata(file, MAX_FILE, "--web.config.file");
        self.note(file, read.as_ref().ok().map(|(text, metadata)| (text.as_bytes(), metadata)));
        read.map(|(text, _)| text)
    }

    /// The bytes of the PEM `file`.
    ///
    /// # Errors
    /// What is wrong with it and the mend.
    pub(super) fn pem(&mut self, file: &Path) -> Result<Vec<u8>, String> {
        let read = file::read_bounded("file", file, MAX_FILE);
        self.note(file, if let Reading::Observed((bytes, metadata)) = &read { Some((bytes, metadata)) } else { None });
        match read {
            Reading::Observed((bytes, _)) => Ok(bytes),
            Reading::Missing(_) => Err(format!("there is no file {}; name one that exists", file.display())),
            Reading::Failed(failure) => Err(failure.message),
        }
    }

    fn note(&mut self, file: &Path, read: Option<(&[u8], &std::fs::Metadata)>) {
        let identity = match read {
            Some((_, metadata)) => Some(Identity::of(metadata)).filter(|identity| identity.settled(Time::now())),
            None => None,
        };
        self.content.update(read.map_or(&[], |(bytes, _)| bytes));
        // The end of a file; no PEM and no configuration holds this byte.
        self.content.update(&[0]);
        self.known.push((file.to_owned(), identity));
    }

    /// Whether each file is still the one that was read. One that could not be read counts as changed.
    pub(super) fn are_unchanged(&self) -> bool {
        self.known.iter().all(|(file, identity)| {
            let now = std::fs::metadata(file).ok().map(|metadata| Identity::of(&metadata));
            now.is_some() && now == *identity
        })
    }

    /// Stands for all that was read.
    pub(super) fn digest(&self) -> Digest {
        self.content.clone().finish()
    }
}
