//! What consumes an assessment: each sink is a pure mapping and, where it sends, a thin sender.
//!
//! Invariant: a sink maps and decides nothing; one sink's failure never delays another.

pub mod alertmanager;
pub mod api;
pub mod figures;
pub mod moment;
pub mod openmetrics;
pub mod page;
pub mod prometheus;
pub mod push;
pub mod report;
mod state_json;
pub mod system_state;
pub mod webhook;

pub use state_json::state_json;
