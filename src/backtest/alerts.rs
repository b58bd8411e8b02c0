//! Which alerts episodes would have sent: an alert fires once its finding has lasted, and goes on for a while after it.
//!
//! Invariant: pure, and the same rule for what was recorded and what is judged.

use jiff::SignedDuration;

use super::episodes::Episode;
use super::found::FindingCode;
use crate::assessment::Severity;
use crate::config::AlertsConfig;
use crate::observation::Time;

/// One alert from its first notification to the one that resolves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// What was found.
    pub code: FindingCode,
    /// WARN or CRIT: a finding that turns critical gives a second alert.
    pub severity: Severity,
    /// When it fires.
    pub from: Time,
    /// When it is resolved; `None` while it fires at the end.
    pub to: Option<Time>,
}

/// The alerts of `episodes`, which are in order of time.
pub fn alerts(episodes: &[Episode], config: &AlertsConfig) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for code in FindingCode::all().filter(|code| *code != FindingCode::RESTART) {
        let of_code = || episodes.iter().filter(|episode| episode.code == code);
        let found = of_code().map(|episode| Span { from: episode.from, to: episode.to, open: episode.open });
        fire(&mut alerts, (code, Severity::Warn), (config.warn_for.0, config.keep_firing_for.0), found);
        let crits = of_code().flat_map(|episode| {
            episode.crits.iter().map(|(from, to)| Span {
                from: *from,
                to: *to,
                open: episode.open && *to == episode.to,
            })
        });
        fire(&mut alerts, (code, Severity::Crit), (config.crit_for.0, config.keep_firing_for.0), crits);
    }
    alerts.sort_by_key(|alert| (alert.from, alert.code, alert.severity));
    alerts
}

/// An unbroken time in which something was found.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Time,
    to: Time,
    open: bool,
}

fn fire(
    alerts: &mut Vec<Alert>,
    (code, severity): (FindingCode, Severity),
    (wait, keep): (f64, f64),
    spans: impl Iterator<Item = Span>,
) {
    let mut firing: Option<Alert> = None;
    for span in spans {
        // It was found again before the alert was resolved: it goes on, without waiting anew.
        let goes_on = firing.as_ref().is_some_and(|alert| alert.to.is_none_or(|to| span.from <= to));
        if !goes_on {
            alerts.extend(firing.take());
            let from = later(span.from, wait);
            firing = (from < span.to).then_some(Alert { code, severity, from, to: None });
        }
        if let Some(alert) = &mut firing {
            alert.to = (!span.open).then(|| later(span.to, keep));
        }
    }
    alerts.extend(firing);
}

fn later(time: Time, seconds: f64) -> Time {
    SignedDuration::try_from_secs_f64(seconds).ok().and_then(|more| time.checked_add(more).ok()).unwrap_or(Time::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::example_now;

    fn at(second: i64) -> Time {
        example_now() + SignedDuration::from_secs(second)
    }

    fn episode(from: i64, to: i64, crits: &[(i64, i64)]) -> Episode {
        Episode {
            code: FindingCode::of("loop", "heartbeat_old").unwrap(),
            from: at(from),
            to: at(to),
            open: false,
            seconds: 0.0,
            crit_seconds: 0.0,
            crits: crits.iter().map(|(from, to)| (at(*from), at(*to))).collect(),
            slack: 0.0,
            text: String::new(),
        }
    }

    fn told(episodes: &[Episode]) -> Vec<(Severity, i64, Option<i64>)> {
        let seconds = |time: Time| time.duration_since(example_now()).as_secs();
        let alerts = alerts(episodes, &AlertsConfig::default());
        alerts.iter().map(|a| (a.severity, seconds(a.from), a.to.map(seconds))).collect()
    }

    #[test]
    fn a_finding_that_lasts_fires_and_one_that_does_not_is_silent() {
        assert_eq!(told(&[episode(0, 299, &[])]), []);
        assert_eq!(told(&[episode(0, 300, &[])]), [], "it was gone when it would have fired");
        assert_eq!(told(&[episode(0, 301, &[])]), [(Severity::Warn, 300, Some(421))]);
    }

    #[test]
    fn a_critical_finding_is_an_alert_of_its_own() {
        let expected = [(Severity::Crit, 160, Some(620)), (Severity::Warn, 300, Some(720))];
        assert_eq!(told(&[episode(0, 600, &[(100, 500)])]), expected);
    }

    #[test]
    fn a_finding_that_comes_and_goes_is_one_alert() {
        let twice = [episode(0, 400, &[]), episode(510, 530, &[]), episode(900, 1000, &[])];
        assert_eq!(told(&twice), [(Severity::Warn, 300, Some(650))], "the last is short and comes late");
        let waiting = [episode(0, 200, &[]), episode(210, 400, &[])];
        assert_eq!(told(&waiting), [], "waiting begins anew");
    }

    #[test]
    fn what_is_found_at_the_end_still_fires() {
        let open = Episode { open: true, ..episode(0, 400, &[(50, 400)]) };
        assert_eq!(told(&[open]), [(Severity::Crit, 110, None), (Severity::Warn, 300, None)]);
    }
}
