//! How far the making of a release has come.
//!
//! Invariant: whoever watches may stop the work at each step by an error; what is shown stays as it was then.

use std::io;

/// A step that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A file is about to be made and scanned.
    Making {
        /// Files that were made before it.
        done: usize,
        /// Files that are to be made.
        of: usize,
    },
    /// A sidecar is about to be made.
    Packing,
    /// A planted secret is in the staging directory.
    CanaryPlanted,
    /// Every new file was made and is clean, and so were their sidecars; those that stay come to them.
    Made,
    /// The oldest release was taken as the ground of the new one.
    Recycled,
    /// The tree is whole, but for its manifest.
    Assembled,
    /// The manifest is written.
    Listed,
    /// All is on the disk.
    Synced,
    /// The release lies in its place; it is not shown yet.
    Closed,
    /// The new pointer is made, and not in its place yet.
    PointerMade,
    /// The release is shown.
    Flipped,
    /// Old releases are gone.
    Pruned,
}

/// Who is told of the steps.
pub type Watch<'a> = &'a (dyn Fn(Step) -> io::Result<()> + Sync);

/// Nobody is told.
pub const UNWATCHED: Watch<'static> = &|_| Ok(());
