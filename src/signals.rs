//! Being told to stop: SIGTERM or SIGINT once to end in order, twice to end at once.
//!
//! Invariant: a second signal is heard whatever the program is busy with, as long as its runtime turns.

use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

/// Calls `told` with the signal's name at the first SIGTERM or SIGINT; at the second one the process ends with exit
/// code 1. Call it within a tokio runtime.
///
/// # Errors
/// When the operating system refuses a signal handler.
pub(crate) fn on_stop(told: impl FnOnce(&'static str) + Send + 'static) -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        let mut told = Some(told);
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            match told.take() {
                Some(told) => {
                    info!(signal = name, "stopping; a second signal aborts");
                    told(name);
                }
                None => {
                    error!(signal = name, "second signal: aborting");
                    std::process::exit(1);
                }
            }
        }
    });
    Ok(())
}
