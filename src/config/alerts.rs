//! When a finding becomes an alert, whoever sends it: Prometheus by the shipped rules, or this program itself.

use super::section::section;
use super::value::{Path, Seconds};

section! {
    /// When a finding becomes an alert. The shipped Prometheus rules (`alerts/autoswe.rules.yml`) are written with the
    /// defaults, `autoswe-exporter print-rules` writes them with these.
    pub struct AlertsConfig {
        /// A warning that is found for this long becomes an alert.
        warn_for: Seconds = Seconds(300.0),
        /// A critical finding that is found for this long becomes an alert.
        crit_for: Seconds = Seconds(60.0),
        /// An alert goes on firing until its finding has been gone for this long, so that a finding that comes and goes
        /// is one alert.
        keep_firing_for: Seconds = Seconds(120.0),
        /// Where the pages of `docs/runbooks/` can be read; alerts link to them.
        runbooks: String = "https://github.com/autoswe/autoswe-exporter/blob/main/docs/runbooks".into(),
        /// What is remembered of the alerts that are pushed, so that a restart of this program tells nothing twice.
        state: Path = "alerts-state.json".into(),
    }
}
