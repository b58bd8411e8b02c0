//! What the last synthesis of the journey did.

use std::collections::BTreeMap;

use super::{Inputs, OTHER, Samples, metrics};
use crate::journey::last_run::{LastRun, Outcome};

metrics! {
    /// When the last synthesis of the journey ended, however it did.
    RUN = Gauge autoswe_journey_last_run_timestamp_seconds;
    /// How long the last synthesis of the journey took.
    DURATION = Gauge autoswe_journey_last_run_duration_seconds;
    /// How the last synthesis of the journey ended. `other` stands for an outcome that this version does not know.
    OUTCOME = StateSet autoswe_journey_last_run_outcome { outcome };
    /// What the leak gate found in the last synthesis, by rule. A rule that found nothing has no series; `other` stands
    /// for the rules beyond a hundred and for names that are none.
    FINDINGS = Gauge autoswe_journey_findings { rule };
    /// Iterations that the last synthesis read that came so far.
    ITERATIONS = Gauge autoswe_journey_iterations;
    /// Size of the release that is shown, all its files together.
    RELEASE_SIZE = Gauge autoswe_journey_release_size_bytes;
    /// Files of the release that is shown.
    RELEASE_FILES = Gauge autoswe_journey_release_files;
    /// When a synthesis last published, or found that what is shown is up to date.
    SUCCESS = Gauge autoswe_journey_last_success_timestamp_seconds;
    /// When a release was last made the one that is shown.
    PUBLISHED = Gauge autoswe_journey_last_published_timestamp_seconds;
}

/// Rules that have a series of their own; each is known from the configuration or the program, and this is its bound.
const MOST_RULES: usize = 100;

pub(super) fn samples(inputs: &Inputs<'_>, out: &mut Samples) {
    let (site, now) = (&inputs.state.site, inputs.now());
    let view = site.view(now);
    let Some(last) = view.last().and_then(|dated| dated.value.synthesis.as_ref()) else { return };
    out.set(RUN, &[], last.ended_at);
    out.set(SUCCESS, &[], last.last_success_at);
    out.set(PUBLISHED, &[], last.last_published_at);
    if let Some(run) = site.current(now).and_then(|site| site.synthesis.as_ref()) {
        current(run, out);
    }
}

fn current(run: &LastRun, out: &mut Samples) {
    out.set(DURATION, &[], run.duration_seconds);
    out.set_states(OUTCOME, &[], Outcome::ALL.map(|outcome| (outcome.name(), outcome == run.outcome)));
    for (rule, count) in by_rule(&run.findings) {
        out.set(FINDINGS, &[rule], count);
    }
    out.set(ITERATIONS, &[], run.iterations);
    out.set(RELEASE_SIZE, &[], run.release.as_ref().map(|release| release.bytes));
    out.set(RELEASE_FILES, &[], run.release.as_ref().map(|release| release.files));
}

fn by_rule(findings: &BTreeMap<String, u64>) -> BTreeMap<&str, u64> {
    let mut rules = BTreeMap::new();
    for (rule, count) in findings.iter().filter(|(_, count)| **count > 0) {
        let known = is_name(rule) && rules.len() < MOST_RULES;
        let total: &mut u64 = rules.entry(if known { rule.as_str() } else { OTHER }).or_default();
        *total = total.saturating_add(*count);
    }
    rules
}

/// As the rules of this program and of gitleaks are called.
fn is_name(rule: &str) -> bool {
    (1..=64).contains(&rule.len()) && rule.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_makes_up_no_series() {
        let rules = (0..150).map(|index| (format!("rule-{index:03}"), 1));
        let odd = [("a\nb".to_owned(), 2), ("x".repeat(65), 3), ("quiet".to_owned(), 0)];
        let findings: BTreeMap<String, u64> = rules.chain(odd).collect();
        let by_rule = by_rule(&findings);
        assert!(by_rule.len() <= MOST_RULES + 1 && !by_rule.contains_key("quiet"), "{by_rule:?}");
        assert_eq!(by_rule.values().sum::<u64>(), 155);
        assert!(by_rule.keys().all(|rule| is_name(rule)));
    }
}
