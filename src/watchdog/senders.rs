//! Who is told of alerts, and whether somebody else tells them the same: for `doctor`.
//!
//! A child process (`autoswe-exporter senders`) asks, so that the watchdog itself needs no network. Invariant: what
//! could not be asked is told as such, never as fine.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::exporter::Exporter;
use crate::alert::beside;
use crate::config::Config;
use crate::observation::Time;
use crate::process;
use crate::sink::alertmanager::others;
use crate::sink::push::{About, Endpoint};

/// How long one Alertmanager may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long the child may take.
const DEADLINE: Duration = Duration::from_secs(25);
/// Bytes of the child's answer that are kept.
const MOST: usize = 1 << 20;

/// What was found. Nobody sees the webhook's address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Senders {
    /// Who is told: addresses, and the word `webhook`.
    pub receivers: Vec<String>,
    /// Who else sends the same, each in a line with both ways out.
    pub clashes: Vec<String>,
    /// What could not be asked or looked into, each in a line.
    pub failures: Vec<String>,
}

/// Whether anybody is to be told, as far as this environment tells.
pub fn any(config: &Config) -> bool {
    !Endpoint::all(config).is_empty()
}

/// Has the exporter's program look.
///
/// # Errors
/// Why nothing is known.
pub async fn ask(exporter: &Exporter) -> Result<Senders, String> {
    let mut command = exporter.command("senders");
    let output = process::run(&mut command, DEADLINE, MOST).await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!("`autoswe-exporter senders` ended with {} and no answer: {}", output.status, said.trim())
    })
}

/// Looks at the rule files, and asks every Alertmanager.
pub async fn look(config: &Config) -> Senders {
    let push = config.alertmanager.clone();
    let files = tokio::task::spawn_blocking(move || beside::look(&push)).await.unwrap_or_default();
    let mut found = Senders { clashes: files.clashes, failures: files.notes, ..Senders::default() };
    let mut asked = JoinSet::new();
    let about = Arc::new(About::here(config, Time::now()));
    for endpoint in Endpoint::all(config) {
        match endpoint {
            Ok(mut endpoint) if endpoint.is_alertmanager() => {
                found.receivers.push(endpoint.name().to_owned());
                let (about, labels) = (Arc::clone(&about), config.alertmanager.labels.0.clone());
                let look = async move { others::look(&mut endpoint, &about, &labels).await };
                asked.spawn(tokio::time::timeout(ANSWER, look));
            }
            Ok(endpoint) => found.receivers.push(endpoint.name().to_owned()),
            Err(why) => found.failures.push(why),
        }
    }
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok(Ok(Ok(clash))) => found.clashes.extend(clash),
            Ok(Ok(Err(why))) => found.failures.push(why),
            Ok(Err(_)) => found.failures.push(format!("an Alertmanager does not answer within {} s", ANSWER.as_secs())),
            Err(error) => found.failures.push(error.to_string()),
        }
    }
    found
}
