//! What is looked for in plain bytes: each rule with its name, kind and description.
//!
//! Invariant: [`find`] is pure and looks at the bytes it is given; whoever reads, decodes and unfolds calls it on what
//! comes out.

use std::ops::Range;

/// What a rule protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A credential: a token, a key, a password.
    Secret,
    /// Who and where: a home path, a host name, an address, a person.
    Identity,
}

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// A stable name in lower case with hyphens, such as `github-token`.
    pub name: &'static str,
    /// What it protects.
    pub kind: Kind,
    /// What it finds, a sentence without a full stop.
    pub description: &'static str,
}

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The rule.
    pub rule: &'static Rule,
    /// The bytes of the value itself, without the words around it: what redaction masks.
    pub span: Range<usize>,
}
