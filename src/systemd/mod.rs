//! systemd: the state of one unit of the user's or the system's manager, and a restart that cannot hurt.
//!
//! Invariant: every call has a time limit, and none stays connected: what was true of a connection half a minute ago
//! says nothing.

mod bus;
mod manager;
pub mod notify;
mod systemctl;
mod unit;

pub use bus::address;
pub use manager::{Asked, Manager, Refused, Told};
pub use unit::{Active, Details, Unit};
