//! The leak gate: finds what must not be shown, in the final bytes of whatever is to be shown.
//!
//! Invariants: an error means "could not be scanned" and is never "clean"; a finding never holds the value that it
//! found, only rule, place and fingerprint; the gate knows nothing of the loop and needs nothing of the rest of the
//! program.

pub mod exact;
pub mod identity;
pub mod machine;
pub mod rules;
