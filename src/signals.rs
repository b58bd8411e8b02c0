//! Being told to stop: SIGTERM or SIGINT once to end in order, twice to end at once; or, for who has one thing to end
//! first, the next signal that would end the program.
//!
//! Invariant: a second signal is heard whatever the program is busy with, as long as its runtime turns.

use tokio::signal::unix::{Signal, SignalKind, signal};
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

/// SIGINT, SIGTERM and SIGHUP: what a person, a service manager and a terminal that is closed send.
#[derive(Debug)]
pub(crate) struct Signals([(i32, Signal); 3]);

impl Signals {
    /// From now on none of them ends the program by itself. Call it within a tokio runtime.
    ///
    /// # Errors
    /// When the operating system refuses a signal handler.
    pub(crate) fn new() -> std::io::Result<Self> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(|kind| signal(kind).map(|signal| (kind.as_raw_value(), signal)));
        Ok(Signals([interrupt?, terminate?, hangup?]))
    }

    /// Waits for the next one: its number.
    pub(crate) async fn next(&mut self) -> i32 {
        let Signals([one, two, three]) = self;
        tokio::select! {
            _ = one.1.recv() => one.0,
            _ = two.1.recv() => two.0,
            _ = three.1.recv() => three.0,
        }
    }
}
