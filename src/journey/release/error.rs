//! Why a release could not be made, in words that say what, where and the mend.

use std::io;
use std::path::Path;

use rustix::io::Errno;

/// Why a release could not be made. What was shown before is shown still.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another run writes to the same output directory.
    #[error("another run writes to {0}; wait until it has ended, or give this one another --outdir")]
    Held(String),
    /// The file system refused.
    #[error("{what} {path}: {cause}{}", mend(cause))]
    Disk {
        /// What was to be done.
        what: &'static str,
        /// To what.
        path: String,
        /// Why not.
        cause: io::Error,
    },
    /// Something stands where a part of the output directory belongs.
    #[error("{0}")]
    InTheWay(String),
    /// A planted secret went through the gate unseen.
    #[error("the leak gate let a planted secret pass ({0}); nothing is published until it catches it again")]
    Canary(String),
    /// A file could not be made.
    #[error("{path} cannot be made: {cause:#}")]
    Render {
        /// The file's path in the release.
        path: String,
        /// Why.
        cause: anyhow::Error,
    },
    /// What was to be released makes no tree of files.
    #[error("{0}")]
    Unfit(String),
}

/// Makes an error of the file system one of ours: `what` was to be done to `path`.
pub(super) fn disk(what: &'static str, path: &Path) -> impl FnOnce(Errno) -> Error + use<> {
    let path = path.display().to_string();
    move |cause| Error::Disk { what, path, cause: cause.into() }
}

/// The same of an error of the standard library.
pub(super) fn disk_io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.display().to_string();
    move |cause| Error::Disk { what, path, cause }
}

fn mend(cause: &io::Error) -> &'static str {
    match Errno::from_io_error(cause) {
        Some(Errno::NOSPC | Errno::DQUOT) => "; free some space, the next run goes on",
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
            "; let this user write to journey.output_dir and journey.state_dir"
        }
        Some(Errno::NOTDIR | Errno::LOOP) => "; a directory belongs there, move what stands in its place away",
        _ => "",
    }
}
