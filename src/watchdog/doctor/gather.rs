//! Everything that is looked at, at once.
//!
//! Invariant: no answer is waited for without a limit, and one that fails leaves the others alone.

use std::time::Duration;

use super::files::{self, Files};
use super::linger::{self, Linger};
use crate::config::{Config, Loaded, UnitManager};
use crate::observation::Time;
use crate::systemd::{Manager, Shown, Ways, clock_is_synchronized};
use crate::watchdog::clock::boot_id;
use crate::watchdog::dependencies::{self, Found, Known};
use crate::watchdog::exporter::Exporter;
use crate::watchdog::saved::Saved;
use crate::watchdog::senders::{self, Senders};

/// The watchdog's own units, as `deploy/systemd` has them.
pub(super) const UNITS: [&str; 3] =
    ["autoswe-watchdog.service", "autoswe-watchdog-once.timer", "autoswe-watchdog-once.service"];
/// How long the files may take; on a disk that does not answer they take for ever.
const FILES: Duration = Duration::from_secs(10);

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) now: Time,
    /// The user that this is.
    pub(super) uid: u32,
    /// `XDG_RUNTIME_DIR` is set.
    pub(super) runtime_dir_is_set: bool,
    pub(super) ways: Ways,
    pub(super) linger: Linger,
    /// The loop's unit.
    pub(super) unit: Result<Shown, String>,
    /// The other manager has a unit of this name, and this one has none.
    pub(super) is_elsewhere: bool,
    /// [`UNITS`].
    pub(super) own: [Result<Shown, String>; 3],
    /// Whether the clock follows a time server.
    pub(super) synchronized: Result<bool, String>,
    pub(super) has_boot_id: bool,
    /// When this program was put on the disk.
    pub(super) built: Option<Time>,
    pub(super) files: Result<Files, String>,
    /// Whether there is a dead man's switch in this environment.
    pub(super) ping: Result<bool, String>,
    /// `None` where there is nothing to look at.
    pub(super) dependencies: Option<Result<Found, String>>,
    /// Who is told of alerts; `None` where nobody is.
    pub(super) senders: Option<Result<Senders, String>>,
}

/// Looks at everything.
pub(super) async fn gather(loaded: &Loaded, exporter: &Exporter) -> Facts {
    let config = &loaded.config;
    let timeout = config.restart.bus_timeout.duration();
    let manager = Manager { kind: config.loop_.unit_manager, timeout };
    let (ways, (unit, is_elsewhere), own, linger, synchronized, files, dependencies, senders) = tokio::join!(
        manager.ways(),
        unit(&manager, &config.loop_.unit),
        own(&manager),
        linger_of(manager.kind, timeout),
        synchronized(timeout),
        files_of(config),
        dependencies_of(config, exporter),
        senders_of(config, exporter),
    );
    Facts {
        now: Time::now(),
        uid: rustix::process::getuid().as_raw(),
        runtime_dir_is_set: std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|value| !value.is_empty()),
        ways,
        linger,
        unit,
        is_elsewhere,
        own,
        synchronized,
        has_boot_id: !boot_id().is_empty(),
        built: std::fs::metadata("/proc/self/exe").ok().and_then(|program| crate::source::file::modified_at(&program)),
        files,
        ping: ping(&config.restart.ping_url_env),
        dependencies,
        senders,
    }
}

/// The loop's unit, and whether it is the other manager that has it.
async fn unit(manager: &Manager, name: &str) -> (Result<Shown, String>, bool) {
    let shown = manager.properties(name).await;
    if !shown.as_ref().is_ok_and(|unit| unit.text("LoadState") == "not-found") {
        return (shown, false);
    }
    let kind = match manager.kind {
        UnitManager::User => UnitManager::System,
        UnitManager::System => UnitManager::User,
    };
    let other = Manager { kind, timeout: manager.timeout }.properties(name).await;
    (shown, other.is_ok_and(|unit| unit.text("LoadState") == "loaded"))
}

async fn own(manager: &Manager) -> [Result<Shown, String>; 3] {
    let [service, timer, once] = UNITS.map(|name| manager.properties(name));
    tokio::join!(service, timer, once).into()
}

async fn linger_of(kind: UnitManager, timeout: Duration) -> Linger {
    match kind {
        UnitManager::User => linger::look(timeout).await,
        UnitManager::System => Linger::NotApplicable,
    }
}

/// Whether `variable` holds a URL, which nobody must see.
fn ping(variable: &str) -> Result<bool, String> {
    crate::http::secret_url(variable).map(|url| url.is_some())
}

/// As systemd-timedated tells it; where that is not there, a file that systemd-timesyncd leaves says yes, and its
/// absence says nothing.
async fn synchronized(timeout: Duration) -> Result<bool, String> {
    let told = clock_is_synchronized(timeout).await;
    told.or_else(|why| match std::path::Path::new("/run/systemd/timesync/synchronized").exists() {
        true => Ok(true),
        false => Err(why),
    })
}

async fn files_of(config: &Config) -> Result<Files, String> {
    let (owned, now) = (config.clone(), Time::now());
    let looked = tokio::task::spawn_blocking(move || files::look(&owned, now));
    match tokio::time::timeout(FILES, looked).await {
        Ok(Ok(files)) => Ok(files),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!(
            "{}: its files could not be looked at within {:.0} s",
            config.runtime().display(),
            FILES.as_secs_f64()
        )),
    }
}

async fn dependencies_of(config: &Config, exporter: &Exporter) -> Option<Result<Found, String>> {
    if !dependencies::any(config) {
        return None;
    }
    let state = config.in_runtime_dir(&config.watchdog.state);
    let saved = tokio::task::spawn_blocking(move || Saved::read(&state).unwrap_or_default());
    // Without what was known before, a server that is away is not missed: told as "none is there".
    let memory = tokio::time::timeout(FILES, saved).await.ok().and_then(Result::ok).unwrap_or_default().memory;
    let known = Known { vllm: memory.vllm_seen, gpu: memory.gpu_seen };
    Some(dependencies::ask(exporter, known).await)
}

async fn senders_of(config: &Config, exporter: &Exporter) -> Option<Result<Senders, String>> {
    if senders::any(config) { Some(senders::ask(exporter).await) } else { None }
}
