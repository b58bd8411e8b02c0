//! systemd: the state of one unit of the user's or the system's manager, and a restart that cannot hurt.
//!
//! Invariant: every call has a time limit, and none stays connected: what was true of a connection half a minute ago
//! says nothing.

mod bus;
mod manager;
pub mod notify;
mod shown;
mod systemctl;
mod unit;

pub use bus::address;
pub use bus::clock_is_synchronized;
pub use manager::{Asked, Manager, Refused, Told, Ways};
pub use shown::{Condition, Shown, Span};
pub(crate) use systemctl::systemctl;
pub use unit::{Active, Details, Unit};
