//! What the site server tells of itself, on its own page.

use std::time::Duration;

use super::exporter::{OwnProcess, build, process};
use super::{Samples, metrics};
use crate::observation::Time;

metrics! {
    /// The version, revision, operating system and architecture of the site server that runs.
    BUILD_INFO = Info autoswe_journey_server_build_info { version, revision, os, arch };
    /// HTTP requests that the site server answered, by method and status. `other` stands for every method but GET, HEAD and
    /// POST, and for a status that it does not give by itself.
    REQUESTS = Counter autoswe_journey_server_requests_total { method, code };
    /// Length of the answers' bodies. A client that went away may have had less.
    ANSWERS = Counter autoswe_journey_server_answer_bytes_total;
    /// Connections that are open.
    CONNECTIONS = Gauge autoswe_journey_server_connections;
    /// Connections that were refused because there were too many.
    CONNECTIONS_REFUSED = Counter autoswe_journey_server_connections_refused_total;
    /// The release that is shown, by the hash of its content. Absent before the first one.
    RELEASE_INFO = Info autoswe_journey_server_release_info { hash };
    /// When a file of the release that is shown last became another one, or was first shown.
    RELEASE_AT = Gauge autoswe_journey_server_release_timestamp_seconds;
    /// Snapshots that are shown.
    SNAPSHOTS = Gauge autoswe_journey_server_snapshots;
    /// Files that are held in memory, those of snapshots and leaving assets too.
    FILES = Gauge autoswe_journey_server_files;
    /// Memory that the files take. What several releases share counts once.
    HELD = Gauge autoswe_journey_server_held_bytes;
    /// Releases and snapshots that lie there and are refused, so that what was shown before is shown still. 1 as well
    /// while the output directory cannot be looked at.
    REFUSED = Gauge autoswe_journey_server_refused;
    /// Releases and snapshots that were refused. One that stays refused counts each time that it is tried again.
    REFUSALS = Counter autoswe_journey_server_refusals_total;
    /// When a release or a snapshot was last taken up. Absent before the first time.
    TAKEN_UP_AT = Gauge autoswe_journey_server_last_take_up_timestamp_seconds;
    /// How long the last taking up took: reading and checking every file that was not known.
    TAKE_UP = Gauge autoswe_journey_server_last_take_up_duration_seconds;
    /// Lines of the access log that were dropped because standard output did not take them. Absent where the log is off.
    LOG_DROPPED = Counter autoswe_journey_server_access_log_dropped_total;
    /// Requests for the debug surfaces that were refused: no token or a wrong one, a foreign host, another site's page.
    DEBUG_REFUSED = Counter autoswe_journey_server_debug_refused_total;
}

/// What the site server knows of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SiteServer {
    /// Requests answered, by method and status; both are words of closed lists.
    pub requests: Vec<(&'static str, &'static str, u64)>,
    /// Length of the answers' bodies together, bytes.
    pub answer_bytes: u64,
    /// Connections; `None` where nobody counts them.
    pub connections: Option<Connections>,
    /// What is shown.
    pub shown: Shown,
    /// Releases and snapshots that are refused at present.
    pub refused: u64,
    /// Releases and snapshots that were refused since the start.
    pub refusals: u64,
    /// When something was last taken up, and how long that took.
    pub taken_up: Option<(Time, Duration)>,
    /// Lines of the access log that were dropped; `None` where it is off.
    pub log_dropped: Option<u64>,
    /// Requests for the debug surfaces that were refused.
    pub debug_refused: u64,
    /// What the process costs; `None` where `/proc` does not tell.
    pub process: Option<OwnProcess>,
}

/// Connections of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connections {
    /// Open now.
    pub open: u64,
    /// Refused since the start.
    pub refused: u64,
}

/// What a site server shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// The release's content hash; `None` before the first one.
    pub release: Option<String>,
    /// When a file of it last became another one.
    pub since: Option<Time>,
    /// Names of the snapshots.
    pub snapshots: Vec<String>,
    /// Files that are held.
    pub files: u64,
    /// Their bytes; what is shared counts once.
    pub bytes: u64,
}

/// The page of a site server.
pub fn site_server(server: &SiteServer) -> Samples {
    let mut out = Samples::default();
    out.set(BUILD_INFO, &build(), true);
    for (method, code, count) in &server.requests {
        out.set(REQUESTS, &[method, code], *count);
    }
    out.set(ANSWERS, &[], server.answer_bytes);
    out.set(CONNECTIONS, &[], server.connections.map(|connections| connections.open));
    out.set(CONNECTIONS_REFUSED, &[], server.connections.map(|connections| connections.refused));
    shown(&server.shown, &mut out);
    out.set(REFUSED, &[], server.refused);
    out.set(REFUSALS, &[], server.refusals);
    out.set(TAKEN_UP_AT, &[], server.taken_up.map(|(at, _)| at));
    out.set(TAKE_UP, &[], server.taken_up.map(|(_, took)| took));
    out.set(LOG_DROPPED, &[], server.log_dropped);
    out.set(DEBUG_REFUSED, &[], server.debug_refused);
    if let Some(own) = &server.process {
        process(own, &mut out);
    }
    out
}

fn shown(shown: &Shown, out: &mut Samples) {
    if let Some(hash) = &shown.release {
        out.set(RELEASE_INFO, &[hash], true);
    }
    out.set(RELEASE_AT, &[], shown.since);
    out.set(SNAPSHOTS, &[], shown.snapshots.len());
    out.set(FILES, &[], shown.files);
    out.set(HELD, &[], shown.bytes);
}
