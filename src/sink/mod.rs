//! Sinks: what consumes an assessment.
//!
//! Invariant: a sink maps and decides nothing, and its failure delays no other.

pub mod system_state;
