//! What tells who and where; to be replaced by the real rules.

use super::rules::{Hit, Rule};

/// What is looked for.
pub const RULES: &[&Rule] = &[];

/// Finds identities in plain bytes.
pub fn find(_text: &[u8], _hits: &mut Vec<Hit>) {}
