//! The verdict as metrics: severity, findings, and the limits they were judged by.

use std::collections::BTreeMap;

use super::{Inputs, Samples, metrics};
use crate::assessment::{CheckResult, Presence, Severity};
use crate::config::Limits;
use crate::config::section::{Node, Setting, Visitor};
use crate::config::value::Seconds;

metrics! {
    /// The worst severity of all checks: 0 OK, 1 WARN, 2 CRIT.
    SEVERITY = Gauge autoswe_severity;
    /// When what the page shows was assessed.
    ASSESSED = Gauge autoswe_assessment_timestamp_seconds;
    /// The severity of each check: 0 OK, 1 WARN, 2 CRIT. Absent while the check has nothing to judge.
    CHECK_SEVERITY = Gauge autoswe_check_severity { check };
    /// Whether each check had anything to judge: judged, not_present (neither configured nor found on this machine),
    /// pending (not read yet) or disabled.
    CHECK_PRESENCE = StateSet autoswe_check_presence { check, presence };
    /// What the checks found that is not OK: number of findings by check, code and severity (WARN or CRIT). Absent
    /// where nothing was found.
    FINDINGS = Gauge autoswe_findings { check, code, severity };
    /// The limits in force, by check and setting, in the base unit of what they limit.
    CHECK_THRESHOLD = Gauge autoswe_check_threshold { check, limit };
    /// 1 when the loop must be restarted; /livez answers 503 only then.
    LOOP_MUST_RESTART = Gauge autoswe_loop_must_restart;
}

pub(super) fn samples(inputs: &Inputs<'_>, out: &mut Samples) {
    let assessment = inputs.assessment;
    out.set(SEVERITY, &[], u64::from(assessment.severity.level()));
    out.set(ASSESSED, &[], assessment.at);
    out.set(LOOP_MUST_RESTART, &[], assessment.liveness.must_restart);
    for result in &assessment.checks {
        check(result, out);
    }
    for ((check, limit), number) in limits(&inputs.thresholds.limits) {
        out.set(CHECK_THRESHOLD, &[&check, &limit], number);
    }
}

fn check(result: &CheckResult, out: &mut Samples) {
    // "Not present" is not "OK": only a judgement has a severity.
    if result.presence == Presence::Judged || result.severity > Severity::Ok {
        out.set(CHECK_SEVERITY, &[result.check], u64::from(result.severity.level()));
    }
    let states = [
        ("judged", Presence::Judged),
        ("not_present", Presence::NotPresent),
        ("pending", Presence::Pending),
        ("disabled", Presence::Disabled),
    ];
    out.set_states(CHECK_PRESENCE, &[result.check], states.map(|(name, state)| (name, state == result.presence)));
    let mut findings: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for finding in &result.findings {
        *findings.entry((finding.code, finding.severity.name())).or_default() += 1;
    }
    for ((code, severity), number) in findings {
        out.set(FINDINGS, &[result.check, code, severity], number);
    }
}

/// Every limit that is a number, by check and setting.
pub(crate) fn limits(limits: &Limits) -> BTreeMap<(String, String), f64> {
    struct Numbers(BTreeMap<(String, String), f64>);
    impl Visitor for Numbers {
        fn enter(&mut self, _path: &str, _doc: &'static str) {}
        fn setting(&mut self, path: &str, _doc: &'static str, setting: &mut dyn Setting) {
            let value = setting.get();
            let number = value.as_f64().or_else(|| Some(value.as_str()?.parse::<Seconds>().ok()?.0));
            if let (Some((check, limit)), Some(number)) = (path.split_once('.'), number) {
                self.0.insert((check.to_owned(), limit.to_owned()), number);
            }
        }
    }
    let mut numbers = Numbers(BTreeMap::new());
    limits.clone().accept("", "", &mut numbers);
    numbers.0
}
