//! Findings over time: what was found at each instant becomes episodes with a beginning, an end and a length.
//!
//! Invariant: pure. Time in which nobody watched belongs to no episode. A finding that is there before and after such a
//! hole is one episode; one that is not there any more ended when the watching did.

use jiff::SignedDuration;

use super::found::{Codes, FindingCode, Found};
use crate::assessment::Severity;
use crate::observation::Time;

/// What is known of one instant, where it differs from the instant before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    /// The instant.
    pub at: Time,
    /// What was found then, as recorded.
    pub recorded: Found,
    /// What the checks find now.
    pub judged: Found,
    /// Codes of which nothing was known then, as recorded and as judged: what was found before them stands.
    pub pending: [Codes; 2],
    /// Nobody watched from the point before to this one.
    pub hole: bool,
    /// How late a beginning may be known, as recorded and as judged, seconds.
    pub slack: [f64; 2],
    /// What was said of the codes that are new here, as recorded and as judged.
    pub texts: [Vec<(FindingCode, Severity, String)>; 2],
}

/// One code from the instant at which it was found to the one at which it was not.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// What was found.
    pub code: FindingCode,
    /// The first instant.
    pub from: Time,
    /// The first instant without it, or the last known.
    pub to: Time,
    /// It was still found at the end.
    pub open: bool,
    /// How long it was found while somebody watched, seconds.
    pub seconds: f64,
    /// How long of that it was critical, seconds.
    pub crit_seconds: f64,
    /// When it was critical.
    pub crits: Vec<(Time, Time)>,
    /// How much later than the cause its beginning may lie, seconds.
    pub slack: f64,
    /// What was said of it at its worst, for the first time.
    pub text: String,
}

impl Episode {
    /// Its worst.
    pub fn severity(&self) -> Severity {
        if self.crits.is_empty() { Severity::Warn } else { Severity::Crit }
    }
}

/// Turns points into episodes.
#[derive(Debug, Clone, Default)]
pub struct Track {
    open: Vec<Open>,
    /// Those that ended.
    pub episodes: Vec<Episode>,
    /// Time in OK, WARN and CRIT. Whole nanoseconds add up to the same, however they are grouped.
    times: [SignedDuration; 3],
    found: Found,
    last: Option<Time>,
    watched: SignedDuration,
}

#[derive(Debug, Clone)]
struct Open {
    episode: Episode,
    /// The clock of watched seconds at its beginning.
    watched: SignedDuration,
    crit: Option<(Time, SignedDuration)>,
}

/// One point as one track sees it.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The instant.
    pub at: Time,
    /// What is found.
    pub found: Found,
    /// What nothing is known of.
    pub pending: Codes,
    /// Nobody watched since the step before.
    pub hole: bool,
    /// How late a beginning may be known, seconds.
    pub slack: f64,
    /// What was said of the codes that are new here.
    pub texts: &'a [(FindingCode, Severity, String)],
}

impl Track {
    /// Takes in the next point.
    pub fn step(&mut self, step: &Step<'_>) {
        let before = self.last.unwrap_or(step.at);
        if !step.hole {
            let passed = step.at.duration_since(before).max(SignedDuration::ZERO);
            self.watched += passed;
            self.times[usize::from(self.found.severity().level())] += passed;
        }
        let found = step.found.taking(step.pending, self.found);
        let ended_at = if step.hole { before } else { step.at };
        self.end_crits(found, ended_at);
        self.end(found, ended_at);
        self.begin(found, step);
        (self.found, self.last) = (found, Some(step.at));
    }

    /// Seconds in `severity`.
    pub fn seconds(&self, severity: Severity) -> f64 {
        self.times[usize::from(severity.level())].as_secs_f64()
    }

    /// What is found since the last point.
    pub fn found(&self) -> Found {
        self.found
    }

    /// Ends what is still open, and sorts by time.
    pub fn finish(&mut self) {
        let at = self.last.unwrap_or_default();
        self.end_crits(Found::default(), at);
        for mut open in std::mem::take(&mut self.open) {
            open.episode.open = true;
            self.close(open, at);
        }
        self.episodes.sort_by_key(|episode| (episode.from, episode.code));
    }

    fn end_crits(&mut self, found: Found, at: Time) {
        for open in self.open.iter_mut().filter(|open| !found.crit.has(open.episode.code)) {
            if let Some((from, watched)) = open.crit.take() {
                open.episode.crits.push((from, at));
                open.episode.crit_seconds += (self.watched - watched).as_secs_f64();
            }
        }
    }

    fn end(&mut self, found: Found, at: Time) {
        let (on, ended): (_, Vec<Open>) =
            std::mem::take(&mut self.open).into_iter().partition(|open| found.warn.has(open.episode.code));
        self.open = on;
        ended.into_iter().for_each(|open| self.close(open, at));
    }

    fn close(&mut self, open: Open, at: Time) {
        let seconds = (self.watched - open.watched).as_secs_f64();
        self.episodes.push(Episode { to: at, seconds, ..open.episode });
    }

    fn begin(&mut self, found: Found, step: &Step<'_>) {
        let said = |code: FindingCode, at_least: Severity| {
            let mut said = step.texts.iter().filter(|(of, severity, _)| *of == code && *severity >= at_least);
            said.next().map(|(_, _, text)| text.clone())
        };
        for code in found.warn.without(self.found.warn).iter() {
            let text = said(code, Severity::Warn).unwrap_or_default();
            let episode = Episode {
                code,
                from: step.at,
                to: step.at,
                open: false,
                seconds: 0.0,
                crit_seconds: 0.0,
                crits: Vec::new(),
                slack: step.slack,
                text,
            };
            self.open.push(Open { episode, watched: self.watched, crit: None });
        }
        let watched = self.watched;
        let newly = |open: &&mut Open| found.crit.has(open.episode.code) && open.crit.is_none();
        for open in self.open.iter_mut().filter(newly) {
            open.crit = Some((step.at, watched));
            if let Some(text) = said(open.episode.code, Severity::Crit).filter(|_| open.episode.crits.is_empty()) {
                open.episode.text = text;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::example_now;

    fn at(second: i64) -> Time {
        example_now() + SignedDuration::from_secs(second)
    }

    fn code() -> FindingCode {
        FindingCode::of("loop", "heartbeat_old").unwrap()
    }

    fn found(severity: Severity) -> Found {
        let mut found = Found::default();
        found.add(code(), severity);
        found
    }

    fn track(steps: &[(i64, Severity, bool)]) -> Track {
        let mut track = Track::default();
        for (second, severity, hole) in steps {
            let found = found(*severity);
            let text = [(code(), *severity, format!("{severity}"))];
            let step =
                Step { at: at(*second), found, pending: Codes::default(), hole: *hole, slack: 1.0, texts: &text };
            track.step(&step);
        }
        track.finish();
        track
    }

    use Severity::{Crit, Ok, Warn};

    #[test]
    fn an_episode_lasts_from_the_finding_to_its_absence() {
        let track = track(&[(0, Ok, false), (10, Warn, false), (30, Crit, false), (70, Ok, false), (100, Ok, false)]);
        let [episode] = &track.episodes[..] else { panic!("{:?}", track.episodes) };
        assert_eq!((episode.from, episode.to, episode.open), (at(10), at(70), false));
        assert_eq!((episode.seconds, episode.crit_seconds), (60.0, 40.0));
        assert_eq!((&episode.crits[..], episode.text.as_str()), (&[(at(30), at(70))][..], "CRIT"));
        assert_eq!([Ok, Warn, Crit].map(|severity| track.seconds(severity)), [40.0, 20.0, 40.0]);
    }

    #[test]
    fn a_hole_is_nobodys_time_and_ends_only_what_is_gone_after_it() {
        let on = track(&[(0, Warn, false), (10, Warn, false), (1000, Warn, true), (1010, Ok, false)]);
        assert_eq!(on.episodes.len(), 1);
        assert_eq!((on.episodes[0].to, on.episodes[0].seconds), (at(1010), 20.0));
        let gone = track(&[(0, Warn, false), (10, Warn, false), (1000, Ok, true)]);
        assert_eq!((gone.episodes[0].to, gone.episodes[0].seconds), (at(10), 10.0));
        assert_eq!([Ok, Warn, Crit].map(|severity| gone.seconds(severity)), [0.0, 10.0, 0.0]);
    }

    #[test]
    fn what_is_pending_stands_and_what_is_left_is_open() {
        let mut track = Track::default();
        let pending = Codes::default().with(code());
        let step = |second, severity, pending| Step {
            at: at(second),
            found: found(severity),
            pending,
            hole: false,
            slack: 0.0,
            texts: &[],
        };
        track.step(&step(0, Crit, Codes::default()));
        track.step(&step(10, Ok, pending));
        track.step(&step(20, Ok, Codes::default()));
        track.step(&step(30, Warn, Codes::default()));
        track.step(&step(40, Warn, Codes::default()));
        track.finish();
        let told: Vec<_> = track.episodes.iter().map(|e| (e.from, e.to, e.open)).collect();
        assert_eq!(told, [(at(0), at(20), false), (at(30), at(40), true)]);
    }

    proptest! {
        #[test]
        fn episodes_of_one_code_never_touch_and_time_adds_up(
            steps in proptest::collection::vec((1_i64..100, 0_u8..3, any::<bool>()), 1..40)
        ) {
            let mut second = 0;
            let steps: Vec<_> = steps.into_iter().map(|(gap, severity, hole)| {
                second += gap;
                (second, [Ok, Warn, Crit][usize::from(severity)], hole)
            }).collect();
            let track = track(&steps);
            prop_assert!(track.episodes.windows(2).all(|pair| pair[0].to <= pair[1].from));
            let (found, crit) = track.episodes.iter().fold((0.0, 0.0), |sum, e| (sum.0 + e.seconds, sum.1 + e.crit_seconds));
            prop_assert!((found - track.seconds(Warn) - track.seconds(Crit)).abs() < 1e-6);
            prop_assert!((crit - track.seconds(Crit)).abs() < 1e-6);
        }
    }
}
