//! `site`: whether the published site is kept up to date with its data.
//!
//! Invariant: a site that vanished or cannot be looked at goes on ageing.

use super::{Check, Verdict, example_now, human_seconds};
use crate::assessment::{Severity, Thresholds};
use crate::config::SiteLimits;
use crate::observation::*;
use crate::state::{State, View};

pub(crate) const CHECK: Check = Check {
    id: "site",
    summary: "The published site was built lately, from the data that is there now.",
    warn: "The site is older than `warn`, or older than its data by more than `sync`; it vanished or cannot be looked at.",
    crit: "The site is older than `crit`.",
    runbook: "site.md",
    metrics: &["autoswe_site_built_timestamp_seconds", "autoswe_site_in_sync"],
    assess,
    fires: || vec![observed(50 * 60, Some(300))],
    quiet: || vec![observed(300, Some(310))],
};

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    let view = state.site.view(now);
    if let Some(verdict) = Verdict::without_reading(&view) {
        return verdict;
    }
    let limits = &thresholds.limits.site;
    let mut verdict = match (view.last(), &view) {
        (Some(last), _) => judge(last.value, limits, now),
        (None, View::Missing { what, .. }) => return Verdict::not_present(*what),
        (None, _) => Verdict::ok("never looked at"),
    };
    unread(&mut verdict, &view, now);
    verdict
}

fn unread(verdict: &mut Verdict, view: &View<'_, Site>, now: Time) {
    let (code, reason, hint) = match view {
        View::Missing { what, .. } => {
            ("vanished", (*what).to_owned(), "build and publish the site anew; see the site builder's log")
        }
        View::Failed { failure, .. } => ("unreadable", failure.message.clone(), "mend the path it names"),
        View::Stale(last) => {
            let reason = format!("last looked at {} ago", human_seconds(seconds_since(now, last.at)));
            ("stale", reason, "see the exporter's log and restart it")
        }
        _ => return,
    };
    verdict.add(Severity::Warn, code, reason, hint);
}

fn judge(site: Site, limits: &SiteLimits, now: Time) -> Verdict {
    let age = seconds_since(now, site.built_at).max(0.0);
    let without = if site.data_at.is_none() { ", no site data to compare with" } else { "" };
    let mut verdict = Verdict::ok(format!("built {} ago{without}", human_seconds(age)));
    let beyond = [(Severity::Crit, limits.crit), (Severity::Warn, limits.warn)].into_iter().find(|(_, l)| age > l.0);
    if let Some((severity, limit)) = beyond {
        let reason = format!("built {} ago, over the limit of {}", human_seconds(age), human_seconds(limit.0));
        verdict.add(severity, "site_old", reason, "see whether the site builder's timer runs and its log");
    }
    if let Some(behind) = site.behind().filter(|behind| *behind > limits.sync.0) {
        let reason = format!("built {} before its data was written", human_seconds(behind));
        verdict.add(Severity::Warn, "out_of_sync", reason, "build the site anew; the last build failed or was skipped");
    }
    verdict
}

/// A reading at the examples' instant of a site and its data, so many seconds old.
fn observed(age: i64, data_age: Option<i64>) -> Observation {
    let now = example_now();
    let ago = |seconds| now - jiff::SignedDuration::from_secs(seconds);
    let site = Site { built_at: ago(age), data_at: data_age.map(ago) };
    Observation {
        source: SourceId::Site,
        at: now,
        took: std::time::Duration::ZERO,
        reading: Reading::Observed(Data::Site(site)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::{CheckResult, Presence};
    use crate::check::example_state;
    use crate::config::Config;

    fn judged(observations: Vec<Observation>) -> CheckResult {
        let thresholds = Thresholds::new(&Config::default(), false);
        CHECK.run(&example_state(observations), &thresholds, example_now())
    }

    fn codes(observations: Vec<Observation>) -> Vec<(Severity, &'static str)> {
        judged(observations).findings.iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    fn reading(reading: Reading<Data>) -> Observation {
        Observation { reading, ..observed(0, None) }
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
        let result = judged(vec![reading(Reading::Missing("no site at /s".into()))]);
        assert_eq!((result.presence, result.severity), (Presence::NotPresent, Severity::Ok));
        assert_eq!(result.summary, "no site at /s");
    }

    #[test]
    fn a_site_that_vanished_or_cannot_be_looked_at_goes_on_ageing() {
        let failed = || Reading::Failed(Failure::new(FailureKind::Unreadable, "site /s: is a directory"));
        let old = [(Severity::Warn, "site_old")];
        let vanished = reading(Reading::Missing("no site at /s".into()));
        assert_eq!(codes(vec![observed(3000, None), vanished]), [old[0], (Severity::Warn, "vanished")]);
        assert_eq!(codes(vec![observed(3000, None), reading(failed())]), [old[0], (Severity::Warn, "unreadable")]);
        assert_eq!(codes(vec![reading(failed())]), [(Severity::Warn, "unreadable")]);
    }

    #[test]
    fn readings_that_ceased_are_a_warning() {
        let at = example_now() - jiff::SignedDuration::from_secs(600);
        assert_eq!(codes(vec![Observation { at, ..observed(0, None) }]), [(Severity::Warn, "stale")]);
    }
}
