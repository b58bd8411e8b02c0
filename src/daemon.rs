//! The event loop. A placeholder with the real one's interface, until the real one is merged.

use std::net::SocketAddr;

use crate::config::{ConfigErrors, Loaded};

/// Loads the configuration anew.
pub type Reload = Box<dyn Fn() -> Result<Loaded, ConfigErrors> + Send + Sync>;

/// Called once with the addresses that are listened on.
pub type OnListen = Box<dyn FnOnce(&[SocketAddr]) + Send>;

/// What the daemon needs.
pub struct Options {
    /// The configuration to begin with.
    pub loaded: Loaded,
    /// Loads it anew at SIGHUP.
    pub reload: Reload,
    /// Told once the server listens.
    pub on_listen: Option<OnListen>,
}

/// Serves until it is told to end.
///
/// # Errors
/// When it cannot start.
pub fn run(options: Options) -> anyhow::Result<()> {
    let Options { loaded: _, reload: _, on_listen: _ } = options;
    anyhow::bail!("the daemon is not part of this build")
}
