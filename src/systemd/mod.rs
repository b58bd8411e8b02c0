//! Speaking with systemd.
//!
//! Invariant: nothing here decides what to do, and every call is bounded in time.

pub mod notify;
