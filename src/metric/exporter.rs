//! What this program tells of itself.

use std::time::Duration;

use super::{Alerting, Samples, alerts, metrics};
use crate::observation::Time;
use crate::web::RequestCount;

metrics! {
    /// The version, revision, operating system and architecture of the exporter that runs.
    BUILD_INFO = Info autoswe_build_info { version, revision, os, arch };
    /// Whether the last attempt to load the configuration succeeded; after a failure the old one stays in force.
    RELOAD_OK = Gauge autoswe_config_last_reload_successful;
    /// When the configuration in force was loaded.
    RELOAD_AT = Gauge autoswe_config_last_reload_success_timestamp_seconds;
    /// Records written to system-state.jsonl since the exporter's start.
    RECORDS_WRITTEN = Counter autoswe_system_state_records_total;
    /// Records that could not be written to system-state.jsonl since the exporter's start, as with a full disk.
    RECORDS_FAILED = Counter autoswe_system_state_failures_total;
    /// When the last record was written to system-state.jsonl. Absent until one was written since the exporter's start.
    RECORD_LAST = Gauge autoswe_system_state_last_record_timestamp_seconds;
    /// A record is written to system-state.jsonl at least this often. Absent where the series is turned off.
    RECORD_INTERVAL = Gauge autoswe_system_state_interval_seconds;
    /// HTTP requests answered up to this page's making, by handler and status.
    HTTP_REQUESTS = Counter autoswe_http_requests_total { handler, code };
    /// CPU time that the process used, user and system together.
    CPU = Counter process_cpu_seconds_total;
    /// Memory that the process holds in RAM.
    RESIDENT = Gauge process_resident_memory_bytes;
    /// Address space of the process.
    VIRTUAL = Gauge process_virtual_memory_bytes;
    /// File descriptors that the process has open.
    OPEN_FDS = Gauge process_open_fds;
    /// File descriptors that the process may have open at once.
    MAX_FDS = Gauge process_max_fds;
    /// Threads of the process.
    THREADS = Gauge process_threads;
    /// When the process was started.
    START = Gauge process_start_time_seconds;
}

/// What this program knows of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exporter {
    /// How loading the configuration went.
    pub reload: Option<Reload>,
    /// What was appended to `system-state.jsonl`; `None` when it is turned off.
    pub system_state: Option<SystemStateCounts>,
    /// The alerts and who is told of them.
    pub alerting: Option<Alerting>,
    /// Requests answered; handlers come from a closed list, never from the request.
    pub http: Vec<RequestCount>,
    /// What the process costs; `None` where `/proc` does not tell.
    pub process: Option<OwnProcess>,
}

/// How loading the configuration went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reload {
    /// Whether the last attempt succeeded.
    pub successful: bool,
    /// When the configuration in force was loaded.
    pub loaded_at: Time,
}

/// Records of `system-state.jsonl` since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SystemStateCounts {
    /// Written.
    pub written: u64,
    /// Lost, because writing failed.
    pub failed: u64,
    /// When the last one was written.
    pub last_at: Option<Time>,
    /// One is due at least this often.
    pub interval: Duration,
}

/// What a program's own process costs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OwnProcess {
    /// CPU time, seconds.
    pub cpu_seconds: f64,
    /// Memory in RAM, bytes.
    pub resident_bytes: u64,
    /// Address space, bytes.
    pub virtual_bytes: u64,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// The limit of open file descriptors; `None` when there is none.
    pub max_fds: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// When the process was started, Unix seconds.
    pub start_time: f64,
}

pub(super) fn samples(exporter: &Exporter, out: &mut Samples) {
    out.set(BUILD_INFO, &build(), true);
    out.set(RELOAD_OK, &[], exporter.reload.map(|reload| reload.successful));
    out.set(RELOAD_AT, &[], exporter.reload.map(|reload| reload.loaded_at));
    out.set(RECORDS_WRITTEN, &[], exporter.system_state.map(|counts| counts.written));
    out.set(RECORDS_FAILED, &[], exporter.system_state.map(|counts| counts.failed));
    out.set(RECORD_LAST, &[], exporter.system_state.and_then(|counts| counts.last_at));
    out.set(RECORD_INTERVAL, &[], exporter.system_state.map(|counts| counts.interval));
    if let Some(alerting) = &exporter.alerting {
        alerts::samples(alerting, out);
    }
    for RequestCount { handler, code, count } in &exporter.http {
        out.set(HTTP_REQUESTS, &[handler, &code.to_string()], *count);
    }
    if let Some(own) = &exporter.process {
        process(own, out);
    }
}

/// Version, revision, operating system and architecture of the programs of this package.
pub(super) fn build() -> [&'static str; 4] {
    let revision = option_env!("AUTOSWE_REVISION").unwrap_or("unknown");
    [env!("CARGO_PKG_VERSION"), revision, std::env::consts::OS, std::env::consts::ARCH]
}

/// What a process tells of itself, whichever program it runs.
pub(super) fn process(own: &OwnProcess, out: &mut Samples) {
    out.set(CPU, &[], own.cpu_seconds);
    out.set(RESIDENT, &[], own.resident_bytes);
    out.set(VIRTUAL, &[], own.virtual_bytes);
    out.set(OPEN_FDS, &[], own.open_fds);
    out.set(MAX_FDS, &[], own.max_fds);
    out.set(THREADS, &[], own.threads);
    out.set(START, &[], own.start_time);
}
