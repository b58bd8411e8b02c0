//! The one-shot report for people: an assessment as aligned lines of text.
//!
//! Invariant: pure. Every check has a line, the worst first; no text from a file reaches the terminal with control
//! characters in it.

mod lines;

use anstyle::{AnsiColor, Style};

use self::lines::{Line, lines};
use super::figures::Figures;
use crate::assessment::{Assessment, CheckResult, Finding, Presence, Severity};
use crate::state::State;
use crate::words::clean;

/// The report of `assessment`, whose values are `state`'s. With `color` it holds ANSI sequences.
pub fn text(state: &State, assessment: &Assessment, color: bool) -> String {
    let mut report = Report { color, text: String::new() };
    report.head(assessment);
    let mut checks: Vec<&CheckResult> = assessment.checks.iter().collect();
    checks.sort_by_key(|check| (std::cmp::Reverse(check.severity), check.presence != Presence::Judged));
    checks.into_iter().for_each(|check| report.check(check));
    let lines = lines(&Figures::of(state, assessment.at), assessment.at);
    if !lines.is_empty() {
        report.text.push('\n');
        lines.iter().for_each(|line| report.line(line));
    }
    report.text
}

/// Width of the column that names checks and figures: the longest name, `subagents` or `sub-agents`, and two spaces.
const NAME: usize = 12;
/// Width of the column of severities.
const WORD: usize = 6;

const PLAIN: Style = Style::new();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

const fn style_of(severity: Severity) -> Style {
    match severity {
        Severity::Ok => AnsiColor::Green.on_default(),
        Severity::Warn => AnsiColor::Yellow.on_default().bold(),
        Severity::Crit => AnsiColor::Red.on_default().bold(),
    }
}

struct Report {
    color: bool,
    text: String,
}

impl Report {
    fn head(&mut self, assessment: &Assessment) {
        let count = |severity| assessment.checks.iter().filter(|check| check.severity == severity).count();
        let judged = assessment.checks.iter().filter(|check| check.presence == Presence::Judged).count();
        self.put(style_of(assessment.severity), assessment.severity.name());
        let at = assessment.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let (crit, warn) = (count(Severity::Crit), count(Severity::Warn));
        self.put(BOLD, &format!("  {crit} critical, {warn} warning, {judged} judged"));
        self.put(DIM, &format!("  {at}"));
        self.text.push_str("\n\n");
    }

    fn check(&mut self, check: &CheckResult) {
        let judged = check.presence == Presence::Judged;
        let word = if judged { check.severity.name() } else { "-" };
        self.put(if judged { style_of(check.severity) } else { DIM }, &format!("{word:WORD$}"));
        self.put(if judged { BOLD } else { DIM }, &format!("{:NAME$}", check.check));
        self.put(if judged { PLAIN } else { DIM }, &clean(&check.summary));
        self.text.push('\n');
        check.findings.iter().for_each(|finding| self.finding(finding));
    }

    fn finding(&mut self, finding: &Finding) {
        let indent = " ".repeat(WORD);
        self.put(style_of(finding.severity), &format!("{indent}{:WORD$}", finding.severity.name()));
        self.put(PLAIN, &clean(&finding.reason));
        self.put(DIM, &format!(" [{}]", finding.code));
        self.text.push('\n');
        self.put(DIM, &format!("{indent}{:WORD$}{}", "", clean(&finding.hint)));
        self.text.push('\n');
    }

    fn line(&mut self, line: &Line) {
        self.put(DIM, &format!("{:NAME$}", line.label));
        self.put(PLAIN, &format!("{}\n", clean(&line.text)));
    }

    fn put(&mut self, style: Style, text: &str) {
        self.text += &match self.color && style != PLAIN {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::Liveness;
    use crate::check::{example_now, example_state};

    fn check(id: &'static str, presence: Presence, summary: &str, findings: Vec<Finding>) -> CheckResult {
        let severity = findings.first().map_or(Severity::Ok, |finding| finding.severity);
        CheckResult { check: id, presence, severity, summary: summary.into(), findings }
    }

    fn assessment() -> Assessment {
        let finding =
            |severity, code, reason: &str| Finding { severity, code, reason: reason.into(), hint: "look".into() };
        let checks = vec![
            check("loop", Presence::Judged, "heartbeat 4 s old", Vec::new()),
            check("site", Presence::NotPresent, "no site", Vec::new()),
            check("gpu", Presence::Judged, "88 °C", vec![finding(Severity::Warn, "hot", "88 °C, limit 85")]),
            check("vllm", Presence::Judged, "stalled", vec![finding(Severity::Crit, "stalled", "evil \u{1b}[2J\n")]),
        ];
        let liveness = Liveness { must_restart: false, reason: String::new() };
        Assessment { at: example_now(), severity: Severity::Crit, checks, liveness }
    }

    #[test]
    fn the_worst_comes_first_and_every_check_is_listed() {
        let expected = "\
CRIT  1 critical, 1 warning, 3 judged  2026-11-22 12:00:00 UTC

CRIT  vllm        stalled
      CRIT  evil \u{fffd}[2J\u{fffd} [stalled]
            look
WARN  gpu         88 °C
      WARN  88 °C, limit 85 [hot]
            look
OK    loop        heartbeat 4 s old
-     site        no site
";
        assert_eq!(text(&example_state(Vec::new()), &assessment(), false), expected);
    }

    #[test]
    fn colours_only_add_sequences() {
        let state = example_state(Vec::new());
        let colored = text(&state, &assessment(), true);
        assert!(colored.contains("\u{1b}[1m\u{1b}[31mCRIT"), "{colored:?}");
        let mut plain = String::new();
        for (index, piece) in colored.split('\u{1b}').enumerate() {
            plain += if index == 0 { piece } else { piece.split_once('m').expect("a sequence").1 };
        }
        assert_eq!(plain, text(&state, &assessment(), false));
    }
}
