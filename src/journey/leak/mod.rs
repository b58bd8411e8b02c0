//! The leak gate: finds what must not be shown, in the final bytes of whatever is to be shown.
//!
//! ```text
//! reader -> container   -> stream     -> look                                       -> finding
//!           (opened, or    (windows      (escapes undone, folds joined, encodings      (rule, place,
//!            an error)      that lap)     decoded, each piece given to the rules)       fingerprint)
//! ```
//!
//! Invariants: an error means "could not be scanned" and is never "clean"; a finding never holds the value that it
//! found, only rule, place and fingerprint; the gate knows nothing of the loop and needs nothing of the rest of the
//! program. Memory is bounded for input of any size, and time grows with the input's length alone.

mod canary;
mod container;
mod encoded;
mod escapes;
pub mod exact;
mod finding;
mod folds;
pub mod identity;
mod imported;
mod look;
pub mod machine;
mod markup;
mod patch;
mod percent;
pub mod rules;
mod scanner;
mod stream;
#[cfg(test)]
mod tests;
mod view;
mod wide;

pub use canary::Canary;
pub use exact::Exact;
pub use finding::{Finding, Layer};
pub use imported::{ImportError, Imported};
pub use scanner::{Examined, Options, RuleSet, Scanner, random_key};
