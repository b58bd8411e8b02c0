//! The report for people, in the form of `autoswe-exporter report`, and for scripts.
//!
//! Invariant: pure; no text from a file or from another program reaches the terminal with control characters in it.

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::{Finding, Grade, Report};
use crate::words::clean;

/// Width of the column of grades.
const WORD: usize = 6;
/// Width of the column that names the checks: the longest, `dependencies`, and two spaces.
const NAME: usize = 14;

const PLAIN: Style = Style::new();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

const fn style_of(grade: Grade) -> Style {
    match grade {
        Grade::Note => DIM,
        Grade::Ok => AnsiColor::Green.on_default(),
        Grade::Warn => AnsiColor::Yellow.on_default().bold(),
        Grade::Crit => AnsiColor::Red.on_default().bold(),
    }
}

/// The report for people, the worst first. With `color` it holds ANSI sequences.
pub fn text(report: &Report, color: bool) -> String {
    let painted = |style: Style, text: &str| match color && style != PLAIN {
        true => format!("{style}{text}{style:#}"),
        false => text.to_owned(),
    };
    let worst = report.worst();
    let counts = format!(
        "  {} critical, {} warning, {} in order",
        report.count(Grade::Crit),
        report.count(Grade::Warn),
        report.count(Grade::Ok)
    );
    let mut out = painted(style_of(worst), worst.name()) + &painted(BOLD, &counts);
    out += &painted(DIM, &format!("  {}", clean(&report.subject)));
    out += "\n\n";
    for finding in by_grade(&report.findings) {
        let word = if finding.grade == Grade::Note { "-" } else { finding.grade.name() };
        let dim = if finding.grade == Grade::Note { DIM } else { PLAIN };
        out += &painted(style_of(finding.grade), &format!("{word:WORD$}"));
        out += &painted(if finding.grade == Grade::Note { DIM } else { BOLD }, &format!("{:NAME$}", finding.check));
        out += &painted(dim, &clean(&finding.text));
        out.push('\n');
        if !finding.hint.is_empty() {
            let hint = format!("{:indent$}mend: {}", "", clean(&finding.hint), indent = WORD + NAME);
            out += &painted(DIM, &hint);
            out.push('\n');
        }
    }
    out
}

/// The worst first, and what is only told last; the order of the checks within.
fn by_grade(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    let grades = [Grade::Crit, Grade::Warn, Grade::Ok, Grade::Note];
    grades.into_iter().flat_map(move |grade| findings.iter().filter(move |finding| finding.grade == grade))
}

/// The report for scripts, in the order of the checks.
pub fn json(report: &Report) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "check": finding.check, "severity": finding.grade.name(), "text": finding.text, "hint": finding.hint,
        })
    };
    json!({
        "severity": report.worst().name(),
        "subject": report.subject,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let finding =
            |check, grade, text: &str, hint: &str| Finding { check, grade, text: text.into(), hint: hint.into() };
        let findings = vec![
            finding("bus", Grade::Ok, "it answers", ""),
            finding("linger", Grade::Note, "not known", ""),
            finding("unit", Grade::Warn, "evil \u{1b}[2J", "do this"),
            finding("stop", Grade::Crit, "never ends", "do that"),
        ];
        Report { subject: "a.service of the user manager".into(), findings }
    }

    #[test]
    fn the_worst_comes_first_and_the_mend_below() {
        let expected = "\
CRIT  1 critical, 1 warning, 1 in order  a.service of the user manager

CRIT  stop          never ends
                    mend: do that
WARN  unit          evil \u{fffd}[2J
                    mend: do this
OK    bus           it answers
-     linger        not known
";
        assert_eq!(text(&report(), false), expected);
        let colored = text(&report(), true);
        assert!(colored.contains("\u{1b}[1m\u{1b}[31mCRIT"), "{colored:?}");
    }

    #[test]
    fn scripts_get_the_order_of_the_checks_and_the_worst() {
        let json = json(&report());
        assert_eq!((json["severity"].as_str(), json["findings"][1]["severity"].as_str()), (Some("CRIT"), Some("NOTE")));
        assert_eq!(json["findings"][3]["hint"], "do that");
        let none = Report { subject: String::new(), findings: Vec::new() };
        assert_eq!(none.worst(), Grade::Ok);
    }
}
