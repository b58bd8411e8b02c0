//! Values that are known and must not be shown: of this machine, of its users, of its environment.
//!
//! Invariant: no log and no report shows a value.

use super::rules::Rule;

/// A value, and the rule that it is found by.
#[derive(Clone, PartialEq, Eq)]
pub struct Exact {
    /// The rule.
    pub rule: &'static Rule,
    /// The value. Its letters are found in either case.
    pub value: Vec<u8>,
}

/// The value is nobody's business, not even a log's.
impl std::fmt::Debug for Exact {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Exact").field("rule", &self.rule.name).finish_non_exhaustive()
    }
}
