//! One review at a time: each costs a judge's time and money.
//!
//! Invariant: the lock is the kernel's and ends with its holder.

use std::path::Path;

use crate::config::Config;
use crate::judge::Failure;
use crate::lock_file;

/// The lock's file in the directory that this program keeps for the review.
const FILE: &str = "review.lock";

/// The lock, given back when this is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "it is held, not read")] lock_file::Lock);

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`Failure::Busy`] where another review has it, [`Failure::Evidence`] where it cannot be had.
    pub fn take(config: &Config) -> Result<Self, Failure> {
        let directory = super::evidence::kept(config);
        let path = directory.join(FILE);
        let unusable = |error: std::io::Error| {
            Failure::Evidence(format!("{}: {error}; let this user write to journey.state_dir", path.display()))
        };
        create(&directory).map_err(unusable)?;
        match lock_file::take(&path).map_err(unusable)? {
            Ok(lock) => Ok(Lock(lock)),
            Err(holder) => Err(Failure::Busy(format!("another review is at work ({holder}, {})", path.display()))),
        }
    }
}

fn create(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}
