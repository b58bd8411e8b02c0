//! The HTTP side: a small server for ready-made answers, and this program's routes on it.
//!
//! Invariant: no request makes the program read a source, wait for one, or judge. An answer is looked up in the
//! latest [`Snapshot`], which is replaced as a whole; [`server`] knows nothing of what it serves.

mod connection;
mod counters;
pub mod health;
mod listen;
pub(crate) mod negotiate;
mod pages;
mod routes;
pub mod server;
mod snapshot;

pub use counters::{Handler, RequestCount};
pub use listen::BindError;
pub use pages::{Page, Pages, Probe, Snapshot};
pub use routes::{ROUTES, router};
pub use server::{Limits, Server};

use crate::config::WebConfig;

impl From<&WebConfig> for Limits {
    fn from(config: &WebConfig) -> Self {
        let connections = usize::try_from(config.max_connections).unwrap_or(usize::MAX);
        Limits { connections, head: config.header_timeout.duration(), ..Limits::default() }
    }
}
