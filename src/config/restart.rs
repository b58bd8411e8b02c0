//! When and how autoswe-watchdog restarts the loop.

use super::section::section;
use super::value::{Path, Seconds};

section! {
    /// When and how `autoswe-watchdog` restarts the loop. The ages that it acts on are `checks.loop.warn` and `crit`.
    pub struct RestartConfig {
        /// Time between the starts of two evaluations.
        interval: Seconds = Seconds(30.0),
        /// How long the service manager may take to answer one call.
        bus_timeout: Seconds = Seconds(5.0),
        /// Evaluations in a row that must call for a restart of the same run of the unit ...
        confirmations: u64 = 2,
        /// ... each at least this long after the one before.
        confirm_after: Seconds = Seconds(30.0),
        /// No restart for this long after one; it doubles with each further restart within `budget_window`.
        backoff: Seconds = Seconds(900.0),
        /// After this many restarts within `budget_window` the watchdog gives up until the oldest of them leaves it.
        budget: u64 = 3,
        /// The window of `budget`.
        budget_window: Seconds = Seconds(21_600.0),
        /// After this many restarts within `latch_window` it gives up until `autoswe-watchdog reset`.
        latch: u64 = 6,
        /// The window of `latch`.
        latch_window: Seconds = Seconds(86_400.0),
        /// A phase may be silent for this many of its budgets (`subagents.phases`) ...
        phase_budgets: f64 = 1.25,
        /// ... and this much longer ...
        phase_slack: Seconds = Seconds(60.0),
        /// ... but for no longer than this.
        phase_longest: Seconds = Seconds(1800.0),
        /// A unit that is starting, stopping or has a job for longer than this is a warning.
        busy_warn: Seconds = Seconds(300.0),
        /// A unit that is still stopping this long after its TimeoutStopSec is critical.
        stop_slack: Seconds = Seconds(60.0),
        /// A unit that somebody stopped for longer than this is a warning.
        stopped_warn: Seconds = Seconds(600.0),
        /// How long the restart's job is waited for before the next evaluation looks on.
        job_wait: Seconds = Seconds(60.0),
        /// A restart took when the unit runs anew with a fresh heartbeat within this time.
        verify: Seconds = Seconds(300.0),
        /// How long capturing diagnostics before a restart may take, all together.
        diagnose: Seconds = Seconds(10.0),
        /// Where diagnostics are kept, one directory for each restart.
        diagnostics: Path = "watchdog-diagnostics".into(),
        /// The newest directories of diagnostics that are kept.
        keep: u64 = 20,
        /// Environment variable that holds a URL which is fetched after each evaluation: a dead man's switch such as
        /// healthchecks.io, which calls when the requests stop. Who knows the URL can keep the switch quiet.
        ping_url_env: String = "WATCHDOG_PING_URL".into(),
        /// How long one such request may take. It delays no evaluation.
        ping_timeout: Seconds = Seconds(10.0),
    }
}

impl RestartConfig {
    /// How long a phase with this budget may be silent, seconds.
    pub fn phase_may_last(&self, budget: Seconds) -> f64 {
        (self.phase_budgets * budget.0 + self.phase_slack.0).min(self.phase_longest.0)
    }
}
