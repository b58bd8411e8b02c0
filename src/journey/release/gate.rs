//! The seam to the leak gate: what a release asks of whatever scans it.
//!
//! Invariant: an error means "could not be scanned" and is never "clean"; a finding never holds the value found.

use std::io::{self, Read};

use crate::journey::digest::Digest;
pub use crate::journey::leak::Finding;

/// Scans the final bytes of files.
pub trait Gate: Sync {
    /// What is wrong with the file `name`, whose content is `bytes`, and with its name; nothing when both are clean.
    ///
    /// # Errors
    /// When it could not be scanned, which is a refusal.
    fn scan(&self, name: &str, bytes: &[u8]) -> io::Result<Vec<Finding>>;
    /// The same of a large file, as a stream.
    ///
    /// # Errors
    /// As [`Gate::scan`], and when `content` cannot be read.
    fn scan_stream(&self, name: &str, content: &mut dyn Read) -> io::Result<Vec<Finding>>;
    /// The same of a file of which `earlier` is another version, which a gate with the same [`Gate::rules_hash`] found
    /// clean under the same name. What it says is what [`Gate::scan_stream`] would say; it may say so sooner.
    ///
    /// # Errors
    /// As [`Gate::scan_stream`].
    fn scan_since(&self, name: &str, earlier: &[u8], content: &mut dyn Read) -> io::Result<Vec<Finding>> {
        let _ = earlier;
        self.scan_stream(name, content)
    }
    /// Digest of all that a verdict depends on: with another one, every file is scanned again.
    fn rules_hash(&self) -> Digest;
    /// Files with planted secrets, names and contents, other ones at each run. They are scanned as all others are.
    ///
    /// # Errors
    /// When they cannot be made.
    fn canaries(&self) -> io::Result<Vec<(String, Vec<u8>)>>;
    /// Whether `findings` in the planted file `name` tell of all that was planted in it.
    ///
    /// # Errors
    /// Says what was missed.
    fn is_caught(&self, name: &str, findings: &[Finding]) -> Result<(), String>;
}
