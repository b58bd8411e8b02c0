//! The alerts that watch the watchers: what no check of the exporter can tell, because the exporter does not tell it.
//!
//! Invariant: each is about a program of this project or what it writes, never about the loop.

use crate::assessment::Severity::{self, Crit, Warn};
use crate::check::Shown;

/// The page of the exporter in `docs/runbooks/`.
pub(super) const EXPORTER: &str = "exporter.md";
/// That of the site.
const SITE: &str = "site.md";

/// An alert on the exporter itself, or on the site server.
pub(super) struct Watcher {
    pub(super) name: &'static str,
    /// `None` for what nobody is called for.
    pub(super) severity: Option<Severity>,
    /// In PromQL; `$job` stands for the job's name in quotes.
    pub(super) expression: &'static str,
    /// How long it must be so.
    pub(super) after: After,
    /// The headline, a template.
    pub(super) summary: &'static str,
    /// The labels that say whose readings to show.
    pub(super) by: &'static [&'static str],
    /// What it means, in sentences.
    pub(super) why: &'static str,
    /// The readings that show it.
    pub(super) shows: &'static [Shown],
    /// What to do, in one line.
    pub(super) mend: &'static str,
    /// Its page in `docs/runbooks/`.
    pub(super) page: &'static str,
    /// The section of its page.
    pub(super) section: &'static str,
}

/// For how long something must be so before its alert fires.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum After {
    /// As long as a finding of this severity.
    Finding(Severity),
    /// As long as a warning, and five minutes at least: right after its own start Prometheus has scraped nothing yet.
    Targets,
    /// It fires at once and for ever.
    Always,
}

const MACHINE: &[&str] = &["instance", "job"];

/// Two minutes: the exporter judges at least every five seconds.
const ASSESSMENT: &[Shown] =
    &[Shown::length("What it tells was assessed {} ago", "time() - autoswe_assessment_timestamp_seconds{$here}")];

const SOURCE: &[Shown] = &[
    Shown::labels("The reason is {reason}", "autoswe_source_failure{$here} == 1"),
    Shown::length("It has been so for {}", "time() - autoswe_source_failure_start_timestamp_seconds{$here}"),
];

const RECORD: &[Shown] = &[
    Shown::length("One is due every {}", "autoswe_system_state_interval_seconds{$here}"),
    Shown::length(
        "The last one was written {} ago",
        "time() - autoswe_system_state_last_record_timestamp_seconds{$here}",
    ),
];

const CONFIGURATION: &[Shown] = &[Shown::length(
    "The configuration in force was loaded {} ago",
    "time() - autoswe_config_last_reload_success_timestamp_seconds{$here}",
)];

const PUSH: &[Shown] = &[Shown::length(
    "The last message that it accepted is {} old",
    "time() - autoswe_push_last_success_timestamp_seconds{$here}",
)];

const RELEASE: &[Shown] = &[Shown::length(
    "What is shown last changed {} ago",
    "time() - autoswe_journey_server_release_timestamp_seconds{$here}",
)];

pub(super) const WATCHERS: &[Watcher] = &[
    Watcher {
        name: "AutosweExporterDown",
        severity: Some(Crit),
        expression: "up{job=$job} == 0",
        // One or two missed scrapes are no outage, however short `for` of a critical finding is.
        after: After::Finding(Warn),
        summary: "{{ $labels.instance }}: the exporter does not answer",
        by: MACHINE,
        why: "Nothing is known of the machine any more; what was found before is held for an hour.",
        shows: &[],
        mend: "look whether the machine is up and reachable, then at `systemctl --user status autoswe-exporter` on it",
        page: EXPORTER,
        section: "down",
    },
    Watcher {
        name: "AutosweExporterAbsent",
        severity: Some(Crit),
        expression: "absent(up{job=$job})",
        after: After::Targets,
        summary: "No machine is watched: Prometheus has no target of the job {{ $labels.job }}",
        by: &["job"],
        why: "No other alert of this program can fire.",
        shows: &[],
        mend: "see Status > Targets of Prometheus; the job in its configuration and that of the rules must be the same",
        page: EXPORTER,
        section: "absent",
    },
    Watcher {
        name: "AutosweMachineGone",
        severity: Some(Warn),
        expression: "max_over_time(up{job=$job}[1d])\nunless on (instance, job) up{job=$job}",
        after: After::Targets,
        summary: "{{ $labels.instance }}: the machine is no longer among the targets",
        by: MACHINE,
        why: "It was watched within the last day, and nobody watches it now.",
        shows: &[],
        mend: "put it back into the configuration or the service discovery of Prometheus; a machine that was taken away \
               on purpose is forgotten after a day",
        page: EXPORTER,
        section: "machine_gone",
    },
    Watcher {
        name: "AutosweSourceFailing",
        severity: Some(Warn),
        expression: r#"min_over_time(autoswe_source_consecutive_failures{job=$job}[10m]) > 0
unless on (instance, job, source)
  label_replace(
    last_over_time(autoswe_check_presence{job=$job, presence="not_present"}[10m]) == 1,
    "source", "$1", "check", "(.*)"
  )"#,
        after: After::Finding(Warn),
        summary: "{{ $labels.instance }}: the source {{ $labels.source }} has failed for long",
        by: &["instance", "job", "source"],
        why: "No reading of it succeeded in the last ten minutes; its check judges what was read before.",
        shows: SOURCE,
        mend: "run `autoswe-exporter report` on the machine, which tells the whole error; a source that is not wanted is \
               turned off with --no-collector.NAME",
        page: EXPORTER,
        section: "source_failing",
    },
    Watcher {
        name: "AutosweAssessmentOld",
        severity: Some(Crit),
        expression: r#"time() - max_over_time(autoswe_assessment_timestamp_seconds{job=$job}[5m]) > 120
and on (instance, job) max_over_time(up{job=$job}[2m]) == 1"#,
        after: After::Finding(Crit),
        summary: "{{ $labels.instance }}: the exporter answers and does not judge any more",
        by: MACHINE,
        why: "Every other alert on this machine stands on old news.",
        shows: ASSESSMENT,
        mend: "compare the clocks of the machine and of Prometheus (`timedatectl`), then restart autoswe-exporter",
        page: EXPORTER,
        section: "assessment_old",
    },
    Watcher {
        name: "AutosweSystemStateNotWritten",
        severity: Some(Warn),
        expression: r#"time() - (
  max_over_time(autoswe_system_state_last_record_timestamp_seconds{job=$job}[5m])
  or max_over_time(process_start_time_seconds{job=$job}[5m])
) > on (instance, job) 3 * max_over_time(autoswe_system_state_interval_seconds{job=$job}[5m])
and on (instance, job) max_over_time(up{job=$job}[5m]) == 1"#,
        after: After::Finding(Warn),
        summary: "{{ $labels.instance }}: system-state.jsonl is not written",
        by: MACHINE,
        why: "The history of this time is lost to backtests and to the page.",
        shows: RECORD,
        mend: "the exporter's log says why: a full disk, a directory that is not there, or no permission",
        page: EXPORTER,
        section: "system_state_not_written",
    },
    Watcher {
        name: "AutosweConfigReloadRefused",
        severity: Some(Warn),
        expression: "max_over_time(autoswe_config_last_reload_successful{job=$job}[5m]) == 0",
        after: After::Finding(Warn),
        summary: "{{ $labels.instance }}: the exporter refused its new configuration",
        by: MACHINE,
        why: "The old one stays in force, and at the next restart the exporter will not start.",
        shows: CONFIGURATION,
        mend: "`autoswe-exporter check-config` names every mistake; mend them and reload (`systemctl --user reload \
               autoswe-exporter`)",
        page: EXPORTER,
        section: "reload_refused",
    },
    Watcher {
        name: "AutosweAlertsNotDelivered",
        severity: Some(Warn),
        expression: r#"increase(autoswe_push_failures_total{job=$job}[10m]) > 5
or sum without (reason) (increase(autoswe_push_dropped_alerts_total{job=$job}[10m])) > 0"#,
        after: After::Finding(Warn),
        summary: "{{ $labels.instance }}: alerts do not reach {{ $labels.receiver }}",
        by: &["instance", "job", "receiver"],
        why: "The exporter pushes alerts of its own, and this receiver does not answer or refuses them.",
        shows: PUSH,
        mend: "the exporter's log says why: an address, a credential, or a receiver that is down",
        page: EXPORTER,
        section: "alerts_not_delivered",
    },
    // The site server is scraped under a job of its own, whose name these rules do not know: its metrics are enough.
    Watcher {
        name: "AutosweSiteServerDown",
        severity: Some(Warn),
        expression: "up == 0\nand on (instance, job) max_over_time(autoswe_journey_server_files[1d])",
        after: After::Finding(Warn),
        summary: "{{ $labels.instance }}: the site server does not answer",
        by: MACHINE,
        why: "It was scraped within the last day; the site is probably not to be seen.",
        shows: &[],
        mend: "look at `systemctl --user status autoswe-journey-server` on the machine, and at its log",
        page: SITE,
        section: "server_down",
    },
    Watcher {
        name: "AutosweSiteReleaseRefused",
        severity: Some(Warn),
        expression: "min_over_time(autoswe_journey_server_refused[5m]) > 0",
        after: After::Finding(Warn),
        summary: "{{ $labels.instance }}: the site server refuses what it is to show",
        by: MACHINE,
        why: "A release or a snapshot does not verify, or the output directory cannot be read; what was shown before is \
              shown still.",
        shows: RELEASE,
        mend: "the server's log and its /status name each refused release and why; a new synthesis mends a damaged one",
        page: SITE,
        section: "server_refuses",
    },
    Watcher {
        name: "AutosweDeadMansSwitch",
        severity: None,
        expression: "vector(1)",
        after: After::Always,
        summary: "Alerting works, from Prometheus to the receiver of this alert",
        by: &[],
        why: "This alert always fires. Its receiver, outside of what is watched, calls somebody when it does not come.",
        shows: &[],
        mend: "nothing while it comes; when it stops, look at Prometheus, Alertmanager and the way between and behind",
        page: EXPORTER,
        section: "dead_mans_switch",
    },
];
