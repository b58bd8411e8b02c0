//! What a dry run tells: the decision, and the table's rows as far as they were looked at.

use crate::config::Config;
use crate::watchdog::decide::Decision;
use crate::watchdog::reason::Action;
use crate::words;

/// The decision for people.
pub(super) fn text(decision: &Decision, config: &Config) -> String {
    let Decision { action, reason, severity, text, hint, findings, effective_age, .. } = decision;
    let what = match action {
        Action::Ok | Action::Warn | Action::Hold => "it would do nothing",
        Action::Wait => "it would wait",
        Action::Restart => "it would restart the loop",
        Action::GiveUp => "it would do nothing any more until a person looks",
    };
    let mut out = format!("{severity}  {what} ({}: {})\n", action.name(), reason.name());
    out += &format!("      {text}\n");
    if !hint.is_empty() {
        out += &format!("      mend: {hint}\n");
    }
    for finding in findings {
        out += &format!("{}  {}: {}\n      mend: {}\n", finding.severity, finding.code, finding.reason, finding.hint);
    }
    let limits = &config.checks.loop_;
    out += &format!(
        "unit {}: a warning after {} of silence, a restart after {}",
        config.loop_.unit,
        words::length(limits.warn.0),
        words::length(limits.crit.0)
    );
    out += &effective_age.map(|age| format!("; {} without an excuse so far", words::length(age))).unwrap_or_default();
    out.push('\n');
    out
}
