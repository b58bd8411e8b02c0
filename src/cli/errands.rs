//! What the watchdog has this program do for it: `dependencies`, `senders` and `ping`.
//!
//! Invariant: an errand ends by itself, and what it found goes to standard output or, when it failed, in one line to
//! standard error.

use std::process::ExitCode;

use super::arguments::DependenciesArguments;
use super::output;
use crate::config::{Loaded, RestartConfig};
use crate::http::{deepest_cause, secret_url};
use crate::watchdog::dependencies::{Known, look};
use crate::watchdog::senders;

/// Looks at vLLM and the GPUs, and prints what was found as JSON.
pub(super) fn dependencies(arguments: &DependenciesArguments, loaded: &Loaded) -> ExitCode {
    let known = Known { vllm: arguments.vllm_seen, gpu: arguments.gpu_seen };
    run(async {
        let found = look(&loaded.config, &loaded.thresholds(), known).await;
        let found = found.map_err(|error| format!("the threads of the sources cannot start: {error}"))?;
        tell(&found)
    })
}

/// Looks at who is told of alerts, and who else tells them, and prints what was found as JSON.
pub(super) fn senders(loaded: &Loaded) -> ExitCode {
    run(async { tell(&senders::look(&loaded.config).await) })
}

/// Prints what was found as JSON, in a line.
fn tell(found: &impl serde::Serialize) -> Result<(), String> {
    let json = serde_json::to_string(found).map_err(|error| error.to_string())?;
    output::print(&format!("{json}\n")).map(drop)
}

/// Fetches the URL of the dead man's switch.
pub(super) fn ping(loaded: &Loaded) -> ExitCode {
    run(fetch(&loaded.config.restart))
}

fn run(errand: impl Future<Output = Result<(), String>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(1, &format!("the asynchronous runtime cannot start: {error}")),
    };
    let result = runtime.block_on(errand);
    // A reading that hangs in the kernel must not keep the program.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => output::fail(1, &message),
    }
}

/// The URL is a secret: no message shows it.
async fn fetch(settings: &RestartConfig) -> Result<(), String> {
    let variable = settings.ping_url_env.as_str();
    let url = secret_url(variable)?.ok_or_else(|| format!("environment variable {variable}: not set"))?;
    let builder = reqwest::Client::builder().user_agent(concat!("autoswe-watchdog/", env!("CARGO_PKG_VERSION")));
    let builder = if url.scheme() == "https" { builder } else { builder.tls_certs_only([]) };
    let client = builder.timeout(settings.ping_timeout.duration()).build();
    let client = client.map_err(|error| format!("no HTTP client ({error}); are CA certificates installed?"))?;
    let answer = client.get(url).send().await.map_err(|error| cause(error, settings.ping_timeout.0))?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("it answers HTTP {status}")),
    }
}

/// What the operating system or the other side did.
fn cause(error: reqwest::Error, timeout: f64) -> String {
    if error.is_timeout() {
        return format!("no answer within {timeout:.0} s (restart.ping_timeout)");
    }
    deepest_cause(&error.without_url())
}
