//! The rules as the file that Prometheus loads.
//!
//! Invariant: the text depends on the configuration and the job's name alone, and is written to be read by people too.

use std::fmt::{Result, Write};

use super::definition::{Alert, of_check, of_watchers};
use super::recorded::{RECORDED, Recorded, quoted};
use crate::check::CHECKS;
use crate::config::AlertsConfig;
use crate::config::value::Seconds;

/// The job that Prometheus scrapes the exporters as, unless it is told otherwise.
pub const JOB: &str = "autoswe";

/// Columns of a comment, and of prose.
const WIDTH: usize = 110;

const HEAD: &str = "\
Rules for autoswe-exporter: what every check finds as alerts, and alerts that watch the watchers.

Written by `autoswe-exporter print-rules`; do not edit. The program writes them with other times, runbooks or another \
job's name: see `alerts` in the configuration and `--job`. Needs Prometheus 2.42 or later.

Severity is `critical` (wake somebody up) or `warning` (look at it in the morning). A warning stays true while the \
same code is found critical, so that none is reported resolved because it got worse: let Alertmanager inhibit the \
warnings of a machine under its critical alerts. Each description says the value, the limit and the mend, as far as \
they are known when the alert is evaluated.";

const OF_FINDINGS: &str = "\
What the checks find. One group, so that an alert sees what was recorded at the same instant. Each alert is one code \
of one check at one severity; docs/generated/checks.md says when it is found.";

const OF_WATCHERS: &str = "\
What no check can tell, because the exporter does not tell it, or does not know it itself. The dead man's switch always \
fires; its severity is `none`, so that it calls nobody and inhibits nothing.";

/// The rules with the settings of `config`, for the exporters that are scraped as `job`.
pub fn print(config: &AlertsConfig, job: &str) -> String {
    let mut text = String::new();
    write_all(&mut text, config, job).unwrap_or_default();
    text
}

fn write_all(text: &mut String, config: &AlertsConfig, job: &str) -> Result {
    comment(text, "", HEAD)?;
    writeln!(text, "\ngroups:")?;
    comment(text, "  ", OF_FINDINGS)?;
    writeln!(text, "  - name: autoswe-findings\n    rules:")?;
    for recorded in RECORDED {
        record(text, recorded, job)?;
    }
    for check in CHECKS {
        writeln!(text, "\n      # ---- {}: {}", check.id, check.summary)?;
        of_check(check, config, job).iter().try_for_each(|one| alert(text, one))?;
    }
    writeln!(text)?;
    comment(text, "  ", OF_WATCHERS)?;
    writeln!(text, "  - name: autoswe-watchers\n    rules:")?;
    of_watchers(config, job).iter().try_for_each(|one| alert(text, one))
}

fn record(text: &mut String, recorded: &Recorded, job: &str) -> Result {
    comment(text, "      ", recorded.comment)?;
    writeln!(text, "      - record: {}", recorded.name)?;
    block(text, "expr: |-", recorded.expression.replace("$job", &quoted(job)).lines())
}

fn alert(text: &mut String, alert: &Alert) -> Result {
    writeln!(text, "\n      - alert: {}", alert.name)?;
    block(text, "expr: |-", alert.expression.lines())?;
    for (key, time) in [("for", alert.fires_after), ("keep_firing_for", alert.keeps_firing)] {
        if let Some(time) = time {
            writeln!(text, "        {key}: {}", duration(time))?;
        }
    }
    writeln!(text, "        labels:\n          severity: {}\n        annotations:", alert.severity)?;
    writeln!(text, "          summary: '{}'", alert.summary.replace('\'', "''"))?;
    writeln!(text, "          description: >-")?;
    for line in &alert.description {
        wrapped(text, "           ", line)?;
    }
    writeln!(text, "          runbook_url: '{}'", alert.runbook_url.replace('\'', "''"))
}

fn block<'a>(text: &mut String, key: &str, lines: impl Iterator<Item = &'a str>) -> Result {
    writeln!(text, "        {key}")?;
    for line in lines {
        writeln!(text, "          {line}")?;
    }
    Ok(())
}

/// Comments in lines of a readable length.
fn comment(text: &mut String, indent: &str, words: &str) -> Result {
    words.lines().try_for_each(|paragraph| wrapped(text, &format!("{indent}#"), paragraph))
}

/// `words` in lines of a readable length that begin with `margin`. An action of a template stays in one line.
fn wrapped(text: &mut String, margin: &str, words: &str) -> Result {
    if words.contains("{{") {
        return writeln!(text, "{margin} {words}");
    }
    let mut line = margin.to_owned();
    for word in words.split(' ') {
        if line.len() + 1 + word.len() > WIDTH && line.len() > margin.len() {
            writeln!(text, "{line}")?;
            line.clear();
            line += margin;
        }
        line += &format!(" {word}");
    }
    writeln!(text, "{}", line.trim_end())
}

/// As Prometheus writes lengths of time; it knows no fractions.
fn duration(time: Seconds) -> String {
    if time.0.fract() == 0.0 { time.to_string() } else { format!("{:.0}ms", time.0 * 1000.0) }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
