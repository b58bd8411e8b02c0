//! The dead man's switch: a URL that is fetched after each evaluation, so that somebody outside notices when no
//! evaluation is made any more.
//!
//! Invariant: it delays no evaluation, and no message shows the URL, which is a secret.

use std::time::Duration;

use reqwest::Client;
use tokio::task::JoinSet;
use tracing::warn;

use crate::config::RestartConfig;

/// The switch.
#[derive(Debug)]
pub(super) struct Ping {
    url: reqwest::Url,
    timeout: Duration,
    client: Client,
    under_way: JoinSet<Result<(), String>>,
    failing: bool,
}

impl Ping {
    /// The switch that `settings` name; `None` where the variable is not set.
    ///
    /// # Errors
    /// When what it holds is no URL, or there is no client for it.
    pub(super) fn new(settings: &RestartConfig) -> Result<Option<Self>, String> {
        let variable = settings.ping_url_env.as_str();
        let Some(text) = std::env::var(variable).ok().filter(|text| !text.trim().is_empty()) else { return Ok(None) };
        let url = reqwest::Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| format!("environment variable {variable}: expected an http or https URL"))?;
        let builder = Client::builder().user_agent(concat!("autoswe-watchdog/", env!("CARGO_PKG_VERSION")));
        let builder = if url.scheme() == "https" { builder } else { builder.tls_certs_only([]) };
        let client = builder
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| format!("{variable}: no HTTP client ({error}); are CA certificates installed?"))?;
        let timeout = settings.ping_timeout.duration();
        Ok(Some(Ping { url, timeout, client, under_way: JoinSet::new(), failing: false }))
    }

    /// Fetches the URL in the background; not while an earlier request is under way.
    pub(super) fn send(&mut self) {
        self.collect();
        if !self.under_way.is_empty() {
            return;
        }
        let request = self.client.get(self.url.clone()).timeout(self.timeout);
        self.under_way.spawn(async move {
            match request.send().await {
                Ok(answer) if answer.status().is_success() => Ok(()),
                Ok(answer) => Err(format!("it answers HTTP {}", answer.status())),
                Err(error) => Err(error.without_url().to_string()),
            }
        });
    }

    /// Waits for the request under way; its own time-out bounds that.
    pub(super) async fn finish(&mut self) {
        while let Some(sent) = self.under_way.join_next().await {
            self.note(sent.unwrap_or_else(|error| Err(error.to_string())));
        }
    }

    fn collect(&mut self) {
        while let Some(sent) = self.under_way.try_join_next() {
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
