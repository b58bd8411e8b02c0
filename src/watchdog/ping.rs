//! The dead man's switch: a URL that is fetched after each evaluation, so that somebody outside notices when no
//! evaluation is made any more.
//!
//! The request is made by a child (`autoswe-exporter ping`). Invariant: it delays no evaluation, and nothing shows the
//! URL, which is a secret: it stays in the environment.

use std::time::Duration;

use tokio::task::JoinSet;
use tracing::warn;

use super::exporter::Exporter;
use crate::config::RestartConfig;
use crate::process;

/// How much longer than the request the child may take.
const START: Duration = Duration::from_secs(1);
/// Bytes of what the child says that are kept.
const MOST: usize = 4096;

/// The switch.
#[derive(Debug)]
pub(super) struct Ping {
    exporter: Exporter,
    deadline: Duration,
    under_way: JoinSet<Result<(), String>>,
    failing: bool,
}

impl Ping {
    /// The switch that `settings` name; `None` where the variable is not set.
    pub(super) fn new(settings: &RestartConfig, exporter: &Exporter) -> Option<Self> {
        std::env::var_os(&settings.ping_url_env).filter(|url| !url.is_empty())?;
        let deadline = settings.ping_timeout.duration() + START;
        Some(Ping { exporter: exporter.clone(), deadline, under_way: JoinSet::new(), failing: false })
    }

    /// Fetches the URL in the background; not while an earlier request is under way.
    pub(super) fn send(&mut self) {
        while let Some(sent) = self.under_way.try_join_next() {
            self.note(sent.unwrap_or_else(|error| Err(error.to_string())));
        }
        if !self.under_way.is_empty() {
            return;
        }
        let (mut command, deadline) = (self.exporter.command("ping"), self.deadline);
        self.under_way.spawn(async move {
            match process::run(&mut command, deadline, MOST).await {
                Ok(output) if output.status.success() => Ok(()),
                Ok(output) => {
                    let said = String::from_utf8_lossy(&output.stderr);
                    Err(said.trim().trim_start_matches("autoswe-exporter: ").to_owned())
                }
                Err(error) => Err(error.to_string()),
            }
        });
    }

    /// Waits for the request under way; its own time-out bounds that.
    pub(super) async fn finish(&mut self) {
        while let Some(sent) = self.under_way.join_next().await {
            self.note(sent.unwrap_or_else(|error| Err(error.to_string())));
        }
    }

    /// Logs a failure once, until it succeeds again.
    fn note(&mut self, sent: Result<(), String>) {
        match sent {
            Ok(()) => self.failing = false,
            Err(why) if !self.failing => {
                self.failing = true;
                warn!("the dead man's switch could not be reached: {why}");
            }
            Err(_) => {}
        }
    }
}
