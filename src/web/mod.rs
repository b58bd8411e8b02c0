//! The HTTP side: a small server for ready-made answers, and this program's routes on it.
//!
//! Invariant: no request makes the program read a source, wait for one, or judge. An answer is looked up in the
//! latest [`Snapshot`], which is replaced as a whole; the [transport](autoswe_transport) knows nothing of what it serves.

mod counters;
pub mod health;
mod negotiate;
mod pages;
mod routes;
pub mod secure;
mod snapshot;

pub use autoswe_transport::{App, BindError, Body, Limits, Payload, Peer, Refused, Reply, Server, Tls};
pub use counters::{Handler, RequestCount};
pub use pages::{Page, Pages, Probe, Snapshot};
pub use routes::{PROBES, ROUTES, router};
pub(crate) use routes::{metrics_page, not_here, probe_page};
pub use secure::Secure;

use std::path::Path;

use crate::config::{ConfigErrors, WebConfig};

/// TLS and logins of the exporter, as `config` says.
///
/// # Errors
/// Everything that is wrong in the file that it names.
pub fn secure(config: &WebConfig) -> Result<Secure, ConfigErrors> {
    match &config.config_file {
        Some(file) => Secure::open(Path::new(file), &PROBES),
        None => Ok(Secure::default()),
    }
}

/// What clients of the exporter may take up, as `config` says.
pub fn limits(config: &WebConfig) -> Limits {
    let connections = usize::try_from(config.max_connections).unwrap_or(usize::MAX);
    Limits { connections, head: config.header_timeout.duration(), ..Limits::default() }
}
