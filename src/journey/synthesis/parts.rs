//! What the pipeline is put together from, and how far it has come.
//!
//! Invariant: the pipeline knows the order of its parts and nothing of what they do.

use crate::journey::draft::{Digest, Draft};
use crate::journey::release::{Gate, Note};
use crate::journey::site_data::SiteData;

/// The parts of the pipeline between the loop's files and the release.
pub trait Parts {
    /// The inputs as they stand at one instant.
    type Frozen;

    /// Looks at all inputs, and reads none.
    ///
    /// # Errors
    /// When a setting makes no sense.
    fn freeze(&self) -> anyhow::Result<Self::Frozen>;

    /// Digest of all that a release is made of but for the rules and this program: the inputs and the settings.
    fn digest(&self, frozen: &Self::Frozen) -> Digest;

    /// Reads the inputs, correlates them, and takes out what must not be shown.
    ///
    /// # Errors
    /// When nothing can be made of them.
    fn read(&self, frozen: Self::Frozen, told: Told<'_>) -> anyhow::Result<SiteData>;

    /// Waits until all that [`Parts::read`] leaves beside the data is written: a release is not shown before. What an
    /// operator should know of the reading, told once.
    ///
    /// # Errors
    /// When it cannot be written.
    fn settle(&self) -> anyhow::Result<Vec<Note>> {
        Ok(Vec::new())
    }

    /// The leak gate.
    ///
    /// # Errors
    /// When there is none that works, such as for a file of rules that cannot be read.
    fn gate(&self) -> anyhow::Result<Box<dyn Gate>>;

    /// The files to be: data and Markdown, and with `with_site` the pages.
    fn drafts<'a>(&'a self, data: &'a SiteData, with_site: bool) -> Vec<Draft<'a>>;
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Another run is at work.
    Waiting {
        /// What it wrote of itself.
        holder: &'a str,
    },
    /// The inputs are read.
    Reading {
        /// Bytes read.
        done: u64,
        /// Bytes to be read.
        of: u64,
    },
    /// The builder that the operator has configured is at work.
    Building,
    /// What was published earlier is scanned by new rules.
    Rescanning,
    /// Files are made and scanned.
    Making {
        /// Files made.
        done: usize,
        /// Files to be made.
        of: usize,
    },
    /// The release is put together and shown.
    Releasing,
}

/// Who is told.
pub type Told<'a> = &'a (dyn Fn(Progress<'_>) + Sync);
