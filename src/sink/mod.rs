//! Sinks: what consumes an assessment.
//!
//! Invariant: a sink maps and decides nothing, and its failure delays no other.

pub mod system_state;
//! What consumes an assessment: each a pure mapping and, where it needs one, a thin sender.
//!
//! Invariant: a sink decides nothing, and its failure delays no other.

pub mod openmetrics;
pub mod prometheus;
mod figures;
pub mod report;
mod state_json;
pub mod system_state;

pub use state_json::state_json;
//! What consumes an assessment: each sink is a pure mapping and, where it sends, a thin sender.
//!
//! Invariant: a sink maps and decides nothing; one sink's failure never delays another.

pub mod api;
pub mod figures;
pub mod moment;
pub mod page;
