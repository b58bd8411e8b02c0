//! The daemon, and one evaluation for a timer.
//!
//! Invariant: systemd is told that the watchdog is alive only after an evaluation that was finished.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::decide::Decision;
use super::ping::Ping;
use super::reason::{Action, Reason};
use super::watch::{Parts, Watchdog};
use crate::assessment::Severity;
use crate::systemd::notify;

/// How long an evaluation under way may still take when the watchdog is told to stop.
const STOPPING: Duration = Duration::from_secs(20);

/// Waits until `directory` is there, and tells systemd so meanwhile; false when told to stop. A runtime directory is
/// never made: it may be a file system that is not mounted yet.
///
/// # Errors
/// When signals cannot be listened to.
pub async fn wait_for(directory: &Path, interval: Duration) -> anyhow::Result<bool> {
    let mut stop = Stop::new()?;
    let mut warned = false;
    // Whatever else is wrong with it is told by who tries to use it.
    while std::fs::metadata(directory).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        let text = format!("waiting for the runtime directory {} (runtime_dir)", directory.display());
        if !std::mem::replace(&mut warned, true) {
            warn!("{text}");
        }
        notify::ready();
        notify::status(&text);
        // Looking for it was all that there was to evaluate.
        notify::watchdog();
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            _ = stop.told() => return Ok(false),
        }
    }
    Ok(true)
}

/// Evaluates again and again until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot begin.
pub async fn daemon(parts: Parts) -> anyhow::Result<()> {
    let mut stop = Stop::new()?;
    let mut ping = Ping::new(&parts.loaded.config.restart, &parts.exporter);
    let mut watchdog = Watchdog::new(parts)?;
    let interval = watchdog.config().restart.interval.duration();
    let mut log = Log::default();
    info!(unit = watchdog.config().loop_.unit, interval = ?interval, "watching");
    let mut ready = false;
    loop {
        let start = Instant::now();
        let Some(decision) = stop.unless(watchdog.evaluate()).await else { break };
        log.note(&decision);
        ready = ready || notify::ready();
        notify::watchdog();
        notify::status(&format!("{}: {}", decision.severity, decision.text));
        if let Some(ping) = &mut ping {
            ping.send();
        }
        tokio::select! {
            () = tokio::time::sleep_until(start + interval) => {}
            name = stop.told() => {
                info!(signal = name, "stopping");
                break;
            }
        }
    }
    notify::stopping();
    Ok(())
}

/// Evaluates once.
///
/// # Errors
/// When it cannot begin.
pub async fn once(parts: Parts) -> anyhow::Result<Decision> {
    let mut ping = Ping::new(&parts.loaded.config.restart, &parts.exporter);
    let mut watchdog = Watchdog::new(parts)?;
    let decision = watchdog.evaluate().await;
    Log::default().note(&decision);
    if let Some(ping) = &mut ping {
        ping.send();
        ping.finish().await;
    }
    Ok(decision)
}

/// The signals that stop.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> anyhow::Result<Self> {
        let handler = |kind| signal(kind).context("installing a signal handler");
        Ok(Stop { terminate: handler(SignalKind::terminate())?, interrupt: handler(SignalKind::interrupt())? })
    }

    async fn told(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// The result of `evaluation`; `None` when the watchdog was told to stop and it was not finished soon. An
    /// evaluation that is broken off is one that was killed: what it had written down counts.
    async fn unless<T>(&mut self, evaluation: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(evaluation);
        tokio::select! {
            result = &mut evaluation => return Some(result),
            name = self.told() => info!(signal = name, "stopping after this evaluation; a second signal aborts"),
        }
        tokio::select! {
            _ = &mut evaluation => {}
            _ = self.told() => warn!("second signal: aborting"),
            () = tokio::time::sleep(STOPPING) => warn!("the evaluation takes too long and is broken off"),
        }
        None
    }
}

/// Logs a decision when it differs from the one before.
#[derive(Debug, Default)]
struct Log {
    last: Option<(Reason, Severity, Vec<&'static str>)>,
}

impl Log {
    fn note(&mut self, decision: &Decision) {
        let codes = decision.findings.iter().map(|finding| finding.code).collect();
        let now = (decision.reason, decision.severity, codes);
        if self.last.as_ref() == Some(&now) && decision.action != Action::Restart {
            return;
        }
        self.last = Some(now);
        let (action, reason) = (decision.action.name(), decision.reason.name());
        match decision.severity {
            Severity::Ok => info!(decision = action, reason, "{}", decision.text),
            Severity::Warn => warn!(decision = action, reason, "{}", decision.text),
            Severity::Crit => error!(decision = action, reason, "{}", decision.text),
        }
        for finding in &decision.findings {
            warn!(code = finding.code, severity = %finding.severity, "{}", finding.reason);
        }
    }
}
