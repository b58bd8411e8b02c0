//! Series that the rules record before they alert: what is known of the findings although a scrape was missed, or the
//! exporter has just been restarted.
//!
//! Invariant: while a scrape succeeds and a check judges, they are exactly what the exporter says.

/// The findings, held: what alerts ask.
pub(super) const FINDINGS: &str = "instance_check_code_severity:autoswe_findings:held";
/// 1 for each check that cannot be judged at the moment and could within the hour.
pub(super) const HELD: &str = "instance_check:autoswe_check_presence:held";
/// The worst severity of each machine.
pub(super) const SEVERITY: &str = "instance:autoswe_severity:held";

/// A series that a rule records.
pub(super) struct Recorded {
    pub(super) name: &'static str,
    /// Why, for the reader of the file.
    pub(super) comment: &'static str,
    /// In PromQL; `$job` stands for the job's name in quotes.
    pub(super) expression: &'static str,
    /// Its labels beside those of targets.
    #[cfg(test)]
    pub(super) labels: &'static [&'static str],
}

/// In the order in which they must be evaluated.
pub(super) const RECORDED: &[Recorded] = &[
    Recorded {
        name: HELD,
        comment: "The checks of which nothing is known right now: the scrape failed, or the exporter was restarted and \
                  has not read that source yet, or does not find any more what it found before the restart. A check \
                  that says not_present without a restart means it. It ends an hour after the last judgement.",
        expression: r#"max without (presence) (
  max_over_time(autoswe_check_presence{job=$job, presence="judged"}[1h]) == 1
)
and on (instance, job) up{job=$job}
unless on (instance, job, check)
  autoswe_check_presence{job=$job, presence=~"judged|disabled"} == 1
unless on (instance, job, check) (
  autoswe_check_presence{job=$job, presence="not_present"} == 1
  unless on (instance, job)
    changes(process_start_time_seconds{job=$job}[1h]) > 0
)"#,
        #[cfg(test)]
        labels: &["check"],
    },
    Recorded {
        name: FINDINGS,
        comment: "The findings, held: what the exporter says now, or, of a check that cannot be judged at the moment, \
                  what was known at the evaluation before. A finding is gone only when its check judged and did not \
                  find it.",
        expression: r#"autoswe_findings{job=$job}
or (
  instance_check_code_severity:autoswe_findings:held{job=$job}
  and on (instance, job, check)
    instance_check:autoswe_check_presence:held{job=$job}
)"#,
        #[cfg(test)]
        labels: &["check", "code", "severity"],
    },
    Recorded {
        name: SEVERITY,
        comment: "How bad it is, for dashboards and questions of your own: 0 OK, 1 WARN, 2 CRIT.",
        expression: r#"max without (check, code, severity) (
  2 * clamp_max(instance_check_code_severity:autoswe_findings:held{job=$job, severity="CRIT"}, 1)
  or
  clamp_max(instance_check_code_severity:autoswe_findings:held{job=$job, severity="WARN"}, 1)
  or
  autoswe_severity{job=$job}
)"#,
        #[cfg(test)]
        labels: &[],
    },
];

/// `text` as a string of PromQL.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#))
}
