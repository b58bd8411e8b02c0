//! `site`: whether the published site is kept up to date with its data.
//!
//! Invariant: a site that vanished or cannot be looked at goes on ageing.

use std::cmp::Reverse;

use super::code::{UNREAD, UNREADABLE, VANISHED};
use super::frame::FRAME;
use super::{Check, Code, Shown, Verdict, example_now, example_reading};
use crate::assessment::Severity::{self, Crit, Warn};
use crate::assessment::Thresholds;
use crate::config::SiteLimits;
use crate::journey::last_run::{LastRun, Outcome};
use crate::observation::{Data, Observation, Site, Time, seconds_since};
use crate::state::State;
use crate::words;

/// Rules that a finding names.
const MOST_NAMED: usize = 3;

pub(crate) const CHECK: Check = Check {
    id: "site",
    summary: "The published site was built lately, from the data that is there now.",
    warn: "The site is older than `warn`, or older than its data by more than `sync`; the last synthesis of the journey \
           refused to publish or failed; the site vanished or cannot be looked at.",
    crit: "The site is older than `crit`.",
    runbook: "site.md",
    codes: CODES,
    metrics: &[
        "autoswe_site_built_timestamp_seconds",
        "autoswe_site_in_sync",
        "autoswe_journey_last_run_outcome",
        "autoswe_journey_last_run_timestamp_seconds",
        "autoswe_journey_findings",
    ],
    assess,
    fires: || vec![observed(50 * 60, Some(300))],
    quiet: || vec![observed(300, Some(310))],
};

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    FRAME.judge(&state.site.view(now), now, |site| judge(site, &thresholds.limits.site, now))
}

fn judge(site: &Site, limits: &SiteLimits, now: Time) -> Verdict {
    let mut verdict = match site.built_at {
        Some(at) => aged(site, seconds_since(now, at).max(0.0), limits),
        None => Verdict::ok("nothing was published yet"),
    };
    if let Some(behind) = site.behind().filter(|behind| *behind > limits.sync.0) {
        let reason = format!("built {} before its data was written", words::length(behind));
        verdict.add(Severity::Warn, "out_of_sync", reason);
    }
    if let Some(run) = &site.synthesis {
        synthesis(run, now, &mut verdict);
    }
    verdict
}

/// Whether it is old, at an age in seconds.
fn aged(site: &Site, age: f64, limits: &SiteLimits) -> Verdict {
    let alone = site.data_at.is_none() && site.synthesis.is_none();
    let without = if alone { ", no site data to compare with" } else { "" };
    let mut verdict = Verdict::ok(format!("built {} ago{without}", words::length(age)));
    let beyond = [(Severity::Crit, limits.crit), (Severity::Warn, limits.warn)].into_iter().find(|(_, l)| age > l.0);
    if let Some((severity, limit)) = beyond {
        let reason = format!("built {} ago, over the limit of {}", words::length(age), words::length(limit.0));
        verdict.add(severity, "site_old", reason);
    }
    verdict
}

/// A refusal holds up what is published until a person has looked, and the age makes it critical after a day.
fn synthesis(run: &LastRun, now: Time, verdict: &mut Verdict) {
    let ago = words::length(seconds_since(now, run.ended_at).max(0.0));
    match run.outcome {
        Outcome::Refused => {
            verdict.add(Severity::Warn, "synthesis_refused", format!("refused to publish {ago} ago{}", found(run)));
        }
        Outcome::Failed => {
            verdict.add(Severity::Warn, "synthesis_failed", format!("the last synthesis failed {ago} ago"));
        }
        Outcome::Published | Outcome::Unchanged | Outcome::Busy | Outcome::Other => {}
    }
}

/// The rules that found something, the most first. Empty where something could not be scanned.
fn found(run: &LastRun) -> String {
    let mut rules: Vec<(&String, &u64)> = run.findings.iter().collect();
    rules.sort_by_key(|(rule, count)| (Reverse(**count), *rule));
    let named: Vec<String> = rules.iter().take(MOST_NAMED).map(|(rule, count)| format!("{count} of {rule}")).collect();
    let more = rules.len().saturating_sub(MOST_NAMED);
    let rest = if more > 0 { format!(" and {more} more rules") } else { String::new() };
    if named.is_empty() { String::new() } else { format!(": {}{rest}", named.join(", ")) }
}

/// A reading at the examples' instant of a site and its data, so many seconds old.
fn observed(age: i64, data_age: Option<i64>) -> Observation {
    let ago = |seconds| example_now() - jiff::SignedDuration::from_secs(seconds);
    example_reading(0, Data::Site(Site { built_at: Some(ago(age)), data_at: data_age.map(ago), synthesis: None }))
}

/// What it may find.
const CODES: &[Code] = &[
    Code {
        word: "site_old",
        found: &[Warn, Crit],
        summary: "the published site is old",
        mend: "see whether the site builder's timer runs and its log",
        shows: &[Shown::length("It was built {} ago", "time() - autoswe_site_built_timestamp_seconds{$here}")
            .over(&[(Warn, "warn"), (Crit, "crit")])],
    },
    Code {
        word: "out_of_sync",
        found: &[Warn],
        summary: "the published site is older than its data",
        mend: "build the site anew; the last build failed or was skipped",
        shows: &[Shown::length(
            "It was built {} before its data was written",
            "autoswe_site_data_timestamp_seconds{$here} - autoswe_site_built_timestamp_seconds{$here}",
        )
        .over(&[(Warn, "sync")])],
    },
    Code {
        word: "synthesis_refused",
        found: &[Warn],
        summary: "the leak gate refused to publish the journey",
        mend: "read the private report in the journey's state_dir, and mend what leaks; what is shown stays as it was",
        shows: &[
            Shown::whole("The rule {rule} found {}", "sort_desc(autoswe_journey_findings{$here} > 0)"),
            Shown::length("It was refused {} ago", "time() - autoswe_journey_last_run_timestamp_seconds{$here}"),
        ],
    },
    Code {
        word: "synthesis_failed",
        found: &[Warn],
        summary: "the synthesis of the journey fails",
        mend: "see the log of autoswe-synth.service and run it by hand; what is shown stays as it was",
        shows: &[Shown::length("It failed {} ago", "time() - autoswe_journey_last_run_timestamp_seconds{$here}")],
    },
    Code {
        summary: "the published site was there and is gone",
        mend: "build and publish the site anew; see the site builder's log",
        ..VANISHED
    },
    Code { summary: "the published site cannot be looked at", mend: "mend the path it names", ..UNREADABLE },
    UNREAD,
];

#[cfg(test)]
mod tests {
    use super::super::frame::tests::{before, failed, given, observation};
    use super::*;
    use crate::assessment::{CheckResult, Presence};
    use crate::observation::{FailureKind, Reading, SourceId};

    fn judged(observations: Vec<Observation>) -> CheckResult {
        given(&CHECK, observations)
    }

    fn codes(observations: Vec<Observation>) -> Vec<(Severity, &'static str)> {
        super::super::frame::tests::codes(&CHECK, observations)
    }

    fn after(outcome: Outcome, findings: &[(&str, u64)]) -> CheckResult {
        let ago = |minutes| example_now() - jiff::SignedDuration::from_mins(minutes);
        let findings = findings.iter().map(|(rule, count)| ((*rule).to_owned(), *count)).collect();
        let run = LastRun { findings, ..LastRun::new(ago(2), outcome) };
        let site = Site { built_at: Some(ago(20)), data_at: None, synthesis: Some(run) };
        judged(vec![example_reading(0, Data::Site(site))])
    }

    #[test]
    fn a_refusal_is_a_warning_that_names_the_rules() {
        let result = after(Outcome::Refused, &[("a", 1), ("b", 1), ("github-token", 12), ("private-key", 2)]);
        assert_eq!((result.severity, result.findings[0].code), (Severity::Warn, "synthesis_refused"));
        let reason = "refused to publish 2 min ago: 12 of github-token, 2 of private-key, 1 of a and 1 more rules";
        assert_eq!((result.findings[0].reason.as_str(), result.summary.as_str()), (reason, "built 20 min ago"));
        assert_eq!(after(Outcome::Refused, &[]).findings[0].reason, "refused to publish 2 min ago");
    }

    #[test]
    fn a_failed_synthesis_is_a_warning_and_a_good_one_is_quiet() {
        let result = after(Outcome::Failed, &[]);
        assert_eq!((result.severity, result.findings[0].code), (Severity::Warn, "synthesis_failed"));
        for outcome in [Outcome::Published, Outcome::Unchanged, Outcome::Busy, Outcome::Other] {
            assert_eq!(after(outcome, &[]).findings, [], "{outcome:?}");
        }
    }

    #[test]
    fn what_was_never_published_is_not_old() {
        let site = |synthesis| example_reading(0, Data::Site(Site { built_at: None, data_at: None, synthesis }));
        let run = LastRun::new(example_now(), Outcome::Refused);
        let result = judged(vec![site(Some(run))]);
        assert_eq!((result.summary.as_str(), result.findings.len()), ("nothing was published yet", 1));
        assert_eq!(judged(vec![site(None)]).findings, []);
    }

    fn missing() -> Observation {
        observation(SourceId::Site, Reading::Missing("no site at /s".into()))
    }

    #[test]
    fn a_fresh_site_in_step_is_quiet() {
        let result = judged(vec![observed(300, Some(310))]);
        assert_eq!((result.severity, result.summary.as_str()), (Severity::Ok, "built 5 min ago"));
        assert_eq!(codes(vec![observed(300, Some(180))]), []);
        assert_eq!(judged(vec![observed(300, None)]).summary, "built 5 min ago, no site data to compare with");
        assert_eq!(codes(vec![observed(-30, Some(0))]), []);
    }

    #[test]
    fn the_age_is_judged_beyond_its_limits_and_not_at_them() {
        assert_eq!(codes(vec![observed(2700, None)]), []);
        assert_eq!(codes(vec![observed(2701, None)]), [(Severity::Warn, "site_old")]);
        assert_eq!(codes(vec![observed(86_400, None)]), [(Severity::Warn, "site_old")]);
        assert_eq!(codes(vec![observed(86_401, None)]), [(Severity::Crit, "site_old")]);
        let reason = &judged(vec![observed(3000, None)]).findings[0].reason;
        assert_eq!(reason, "built 50 min ago, over the limit of 45 min");
    }

    #[test]
    fn a_site_older_than_its_data_is_out_of_sync() {
        let result = judged(vec![observed(300, Some(179))]);
        assert_eq!(result.findings[0].code, "out_of_sync");
        assert_eq!(result.findings[0].reason, "built 2 min before its data was written");
    }

    #[test]
    fn no_site_is_not_present() {
        let result = judged(vec![missing()]);
        assert_eq!((result.presence, result.severity), (Presence::NotPresent, Severity::Ok));
        assert_eq!(result.summary, "no site at /s");
    }

    #[test]
    fn a_site_that_vanished_or_cannot_be_looked_at_goes_on_ageing() {
        let unreadable = || failed(SourceId::Site, FailureKind::Unreadable);
        let old = [(Severity::Warn, "site_old")];
        assert_eq!(codes(vec![observed(3000, None), missing()]), [old[0], (Severity::Warn, "vanished")]);
        assert_eq!(codes(vec![observed(3000, None), unreadable()]), [old[0], (Severity::Warn, "unreadable")]);
        assert_eq!(codes(vec![unreadable()]), [(Severity::Warn, "unreadable")]);
    }

    #[test]
    fn readings_that_ceased_are_a_warning() {
        assert_eq!(codes(vec![before(600, observed(0, None))]), [(Severity::Warn, "unread")]);
    }
}
