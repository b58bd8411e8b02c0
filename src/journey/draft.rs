//! A file of a release that is to be: its path, what it is made of, and how to make it.
//!
//! Invariant: equal sources make equal bytes. A file whose source is that of the last release is neither made nor
//! scanned again.

pub use super::digest::Digest;

/// Makes a file's bytes.
pub type Render<'a> = Box<dyn Fn() -> anyhow::Result<Vec<u8>> + Send + Sync + 'a>;

/// One file that is to be.
pub struct Draft<'a> {
    /// Where it stands in the release: relative, `/` between names, each name of `a-z A-Z 0-9 . _ -`, none that begins
    /// with a dot.
    pub path: String,
    /// SHA-256 of all that its bytes depend on, the program's templates too.
    pub source: Digest,
    /// Makes its bytes.
    pub render: Render<'a>,
}
