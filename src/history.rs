//! What a person wants to see of the last hours: rings of points for sparklines, and when each check changed.
//!
//! Invariant: memory is bounded (two rings of buckets, 64 events, together about 40 kB), no clock is read, and a value
//! that was not observed leaves a gap, never a 0.

pub mod past;

use std::collections::VecDeque;

use crate::assessment::{Assessment, Presence, Severity};
use crate::observation::{Field, Time, seconds_since};
use crate::state::State;

/// The last quarter of an hour, for a program that has just started: 180 buckets of 5 s, or the last 3 min.
const FINE: Span = Span { step: 5, buckets: 180, shown: &[36] };
/// The last six hours: 360 buckets of a minute, or the last one or two.
const COARSE: Span = Span { step: 60, buckets: 360, shown: &[60, 120] };
/// Changes of severity that are kept.
const EVENTS: usize = 64;
/// Reasons in events are cut here, so that a hostile file cannot swell the history. Characters.
const REASON: usize = 200;

/// A value whose course is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Series {
    /// Tokens generated per second; a bucket shows the mean.
    TokensPerSecond,
    /// Mean utilization of all GPUs, 0 to 1; a bucket shows the mean.
    GpuUtilization,
    /// Power of all GPUs together, watts; a bucket shows the mean.
    GpuPower,
    /// Age of the heartbeat, seconds; a bucket shows the greatest.
    HeartbeatAge,
    /// Green parity cells; a bucket shows the last.
    GreenCells,
}

const SERIES: usize = 5;

/// The values at one instant. What was not observed is absent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The instant.
    pub at: Time,
    /// The worst severity.
    pub severity: Severity,
    /// By [`Series`], in its order.
    pub values: [Option<f64>; SERIES],
}

/// A check, or the whole, changed its severity.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it was seen.
    pub at: Time,
    /// The check's id.
    pub check: &'static str,
    /// The severity before; `None` when the check was judged for the first time.
    pub from: Option<Severity>,
    /// The severity since.
    pub to: Severity,
    /// The worst finding's reason, or the check's summary where it found nothing.
    pub reason: String,
}

/// The course of one value over a span of equal steps that ends now.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend<T> {
    /// Length of one step, seconds.
    pub step: i64,
    /// One value a step, oldest first; `None` where nothing was observed.
    pub values: Vec<Option<T>>,
}

impl<T> Trend<T> {
    /// Length of the whole span, seconds.
    pub fn seconds(&self) -> f64 {
        (self.step as f64) * (self.values.len() as f64)
    }
}

/// The last hours.
#[derive(Debug, Clone)]
pub struct History {
    fine: Ring,
    coarse: Ring,
    overall: Option<Since>,
    checks: Vec<(&'static str, Since)>,
    events: VecDeque<Event>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Since {
    severity: Severity,
    at: Time,
}

impl Default for History {
    fn default() -> Self {
        History {
            fine: Ring::new(FINE),
            coarse: Ring::new(COARSE),
            overall: None,
            checks: Vec::new(),
            events: VecDeque::new(),
        }
    }
}

impl History {
    /// Takes in what is known at `assessment.at`.
    pub fn note(&mut self, state: &State, assessment: &Assessment) {
        self.push_point(&Point::of(state, assessment));
        self.note_checks(assessment);
    }

    /// Puts the points of an earlier run, in the order of time, before what was taken in so far.
    pub fn preload(&mut self, past: &[Point]) {
        self.fine.prepend(past);
        self.coarse.prepend(past);
    }

    /// Takes in one point. Points come in the order of time; when the clock went back, what lay ahead of it is
    /// forgotten.
    pub fn push_point(&mut self, point: &Point) {
        self.fine.push(point);
        self.coarse.push(point);
    }

    /// Since when `check` has had its present severity; `None` when it was never assessed.
    pub fn since(&self, check: &str) -> Option<Time> {
        self.checks.iter().find(|(id, _)| *id == check).map(|(_, since)| since.at)
    }

    /// Since when the worst severity has been what it is.
    pub fn severity_since(&self) -> Option<Time> {
        self.overall.map(|since| since.at)
    }

    /// The latest changes, newest first, at most 64.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().rev()
    }

    /// The course of `series` up to `now`: the last six hours, or less where no more is known.
    pub fn trend(&self, series: Series, now: Time) -> Trend<f64> {
        self.ring().trend(now, |bucket| bucket.values[series as usize].get())
    }

    /// The course of the worst severity, over the same span as [`History::trend`].
    pub fn severities(&self, now: Time) -> Trend<Severity> {
        self.ring().trend(now, |bucket| Some(bucket.severity))
    }

    fn ring(&self) -> &Ring {
        if self.coarse.seconds() > FINE.step * FINE.buckets { &self.coarse } else { &self.fine }
    }

    fn note_checks(&mut self, assessment: &Assessment) {
        let at = assessment.at;
        if self.overall.is_none_or(|since| since.severity != assessment.severity) {
            self.overall = Some(Since { severity: assessment.severity, at });
        }
        for check in &assessment.checks {
            let to = check.severity;
            let known = self.checks.iter_mut().find(|(id, _)| *id == check.check);
            let from = known.as_ref().map(|(_, since)| since.severity);
            match known {
                Some((_, since)) if since.severity == to => continue,
                Some((_, since)) => *since = Since { severity: to, at },
                None => self.checks.push((check.check, Since { severity: to, at })),
            }
            // Nobody wants to read that a check which never found anything began with nothing found.
            if from.is_some() || to > Severity::Ok {
                let reason = check.findings.first().map_or(&check.summary, |finding| &finding.reason);
                let reason = match check.presence {
                    Presence::Judged => reason.chars().take(REASON).collect(),
                    _ => format!("no longer judged: {}", reason.chars().take(REASON).collect::<String>()),
                };
                self.push_event(Event { at, check: check.check, from, to, reason });
            }
        }
    }

    fn push_event(&mut self, event: Event) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}

impl Point {
    /// The same values at another instant.
    fn at(mut self, at: Time) -> Self {
        self.at = at;
        self
    }

    /// The point that `state` and `assessment` show.
    pub fn of(state: &State, assessment: &Assessment) -> Self {
        let now = assessment.at;
        let gpus = state.gpu.current(now).map_or(&[][..], |reading| &reading.gpus);
        let (utilization, known) = sum(gpus.iter().map(|gpu| gpu.utilization));
        let (power, powered) = sum(gpus.iter().map(|gpu| gpu.power));
        let heartbeat = state.last_heartbeat.as_ref().and_then(|heartbeat| heartbeat.value.at);
        let values = [
            state.vllm.current(now).and_then(|_| state.vllm_window.generation_tokens_per_second()),
            (known > 0).then(|| utilization / known as f64),
            (powered > 0).then_some(power),
            // A heartbeat ahead of this machine's clock is the check's business; its age is none.
            heartbeat.map(|at| seconds_since(now, at).max(0.0)),
            state.parity.current(now).map(|parity| parity.green as f64),
        ];
        Point { at: now, severity: assessment.severity, values }
    }
}

fn sum(fields: impl Iterator<Item = Field<f64>>) -> (f64, usize) {
    fields.filter_map(Field::get).fold((0.0, 0), |(sum, count), value| (sum + value, count + 1))
}

#[derive(Debug, Clone, Copy)]
struct Span {
    step: i64,
    buckets: i64,
    /// Numbers of buckets that are shown while no more are known, so that a chart is never nearly empty.
    shown: &'static [i64],
}

impl Span {
    /// Number of the step that `point` lies in, since the Unix epoch.
    fn step_of(self, point: &Point) -> i64 {
        point.at.as_second().div_euclid(self.step)
    }
}

#[derive(Debug, Clone)]
struct Ring {
    span: Span,
    buckets: VecDeque<Bucket>,
}

/// All points within one step.
#[derive(Debug, Clone)]
struct Bucket {
    /// Number of the step since the Unix epoch.
    step: i64,
    severity: Severity,
    values: [Mean; SERIES],
}

/// Single precision: a sparkline has some forty pixels of height.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    value: f32,
    count: u16,
}

impl Ring {
    fn new(span: Span) -> Self {
        Ring { span, buckets: VecDeque::new() }
    }

    /// From the first bucket to the last.
    fn seconds(&self) -> i64 {
        match (self.buckets.front(), self.buckets.back()) {
            (Some(first), Some(last)) => (last.step - first.step) * self.span.step,
            _ => 0,
        }
    }

    /// Points in a step of which something is known already say nothing new.
    fn prepend(&mut self, past: &[Point]) {
        let known = std::mem::take(&mut self.buckets);
        let first = known.front().map_or(i64::MAX, |bucket| bucket.step);
        let span = self.span;
        past.iter().filter(|point| span.step_of(point) < first).for_each(|point| self.push(point));
        self.buckets.extend(known);
        self.forget(self.buckets.back().map_or(0, |bucket| bucket.step));
    }

    /// Drops what lies too far before `step`.
    fn forget(&mut self, step: i64) {
        while self.buckets.front().is_some_and(|bucket| bucket.step <= step - self.span.buckets) {
            self.buckets.pop_front();
        }
    }

    fn push(&mut self, point: &Point) {
        let step = self.span.step_of(point);
        while self.buckets.back().is_some_and(|bucket| bucket.step > step) {
            self.buckets.pop_back();
        }
        self.forget(step);
        match self.buckets.back_mut() {
            Some(bucket) if bucket.step == step => bucket.merge(point),
            _ => {
                let mut bucket = Bucket { step, severity: point.severity, values: Default::default() };
                bucket.merge(point);
                self.buckets.push_back(bucket);
            }
        }
    }

    fn trend<T: Clone>(&self, now: Time, value: impl Fn(&Bucket) -> Option<T>) -> Trend<T> {
        let end = now.as_second().div_euclid(self.span.step) + 1;
        let known = self.buckets.front().map_or(0, |first| end - first.step);
        let shown = self.span.shown.iter().copied().find(|shown| *shown >= known).unwrap_or(self.span.buckets);
        let first = end - shown;
        let mut values = vec![None; usize::try_from(shown).unwrap_or(0)];
        for bucket in &self.buckets {
            let slot = usize::try_from(bucket.step - first).ok().and_then(|index| values.get_mut(index));
            if let Some(slot) = slot {
                *slot = value(bucket);
            }
        }
        Trend { step: self.span.step, values }
    }
}

impl Bucket {
    fn merge(&mut self, point: &Point) {
        self.severity = self.severity.max(point.severity);
        let [tokens, utilization, power, heartbeat, green] = &mut self.values;
        let [tokens_now, utilization_now, power_now, heartbeat_now, green_now] = point.values;
        tokens.add(tokens_now);
        utilization.add(utilization_now);
        power.add(power_now);
        heartbeat.keep(heartbeat_now, f32::max);
        green.keep(green_now, |_, latest| latest);
    }
}

impl Mean {
    fn get(self) -> Option<f64> {
        (self.count > 0).then_some(f64::from(self.value))
    }

    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.count = self.count.saturating_add(1);
            self.value += (value as f32 - self.value) / f32::from(self.count);
        }
    }

    fn keep(&mut self, value: Option<f64>, choose: impl Fn(f32, f32) -> f32) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.value = if self.count == 0 { value as f32 } else { choose(self.value, value as f32) };
            self.count = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::{CheckResult, Finding, Liveness};
    use crate::check::example_now;
    use jiff::SignedDuration;

    fn at(seconds: i64) -> Time {
        example_now() + SignedDuration::from_secs(seconds)
    }

    fn point(seconds: i64, tokens: Option<f64>) -> Point {
        Point { at: at(seconds), severity: Severity::Ok, values: [tokens, None, None, tokens, tokens] }
    }

    fn assessment(seconds: i64, severity: Severity) -> Assessment {
        let finding = Finding { severity, code: "x", reason: "y".repeat(1000), hint: String::new() };
        let check = CheckResult {
            check: "loop",
            presence: Presence::Judged,
            severity,
            summary: "fine".into(),
            findings: if severity == Severity::Ok { vec![] } else { vec![finding] },
        };
        let liveness = Liveness { must_restart: false, reason: String::new() };
        Assessment { at: at(seconds), severity, checks: vec![check], liveness }
    }

    #[test]
    fn a_bucket_holds_the_mean_the_greatest_and_the_last() {
        let mut history = History::default();
        history.push_point(&point(0, Some(10.0)));
        history.push_point(&point(1, Some(40.0)));
        history.push_point(&point(2, Some(10.0)));
        let last = |series| *history.trend(series, at(4)).values.last().unwrap();
        assert_eq!(last(Series::TokensPerSecond), Some(20.0));
        assert_eq!(last(Series::HeartbeatAge), Some(40.0));
        assert_eq!(last(Series::GreenCells), Some(10.0));
        assert_eq!(last(Series::GpuPower), None);
    }

    #[test]
    fn what_was_not_observed_is_a_gap_and_not_zero() {
        let mut history = History::default();
        history.push_point(&point(0, Some(1.0)));
        history.push_point(&point(5, None));
        history.push_point(&point(15, Some(f64::NAN)));
        history.push_point(&point(20, Some(2.0)));
        let trend = history.trend(Series::TokensPerSecond, at(20));
        assert_eq!(trend.values[trend.values.len() - 5..], [Some(1.0), None, None, None, Some(2.0)]);
        assert_eq!(trend.seconds(), 180.0);
    }

    #[test]
    fn the_span_grows_with_what_is_known() {
        let mut history = History::default();
        let mut spans = Vec::new();
        for seconds in (0..30_000).step_by(5) {
            history.push_point(&point(seconds, Some(1.0)));
            spans.push(history.severities(at(seconds)).seconds());
        }
        assert!(spans.is_sorted());
        spans.dedup();
        assert_eq!(spans, [180.0, 900.0, 3600.0, 7200.0, 21_600.0]);
    }

    #[test]
    fn the_span_grows_to_six_hours_and_stays_bounded() {
        let mut history = History::default();
        for seconds in (0..100_000).step_by(5) {
            history.push_point(&point(seconds, Some(1.0)));
        }
        assert_eq!(history.trend(Series::GreenCells, at(99_995)).seconds(), 21_600.0);
        assert!(history.trend(Series::GreenCells, at(99_995)).values.iter().all(Option::is_some));
        assert_eq!((history.fine.buckets.len(), history.coarse.buckets.len()), (180, 360));
    }

    #[test]
    fn a_clock_that_goes_back_forgets_what_lay_ahead() {
        let mut history = History::default();
        history.push_point(&point(0, Some(1.0)));
        history.push_point(&point(600, Some(9.0)));
        history.push_point(&point(10, Some(2.0)));
        let trend = history.trend(Series::TokensPerSecond, at(10));
        assert_eq!(trend.values[trend.values.len() - 3..], [Some(1.0), None, Some(2.0)]);
        assert_eq!(history.fine.buckets.len(), 2);
    }

    #[test]
    fn an_earlier_run_comes_before_what_is_known_and_replaces_none_of_it() {
        let mut history = History::default();
        history.push_point(&point(0, Some(5.0)));
        history.push_point(&point(60, Some(6.0)));
        let past: Vec<Point> = (-40_000..=30).step_by(60).map(|seconds| point(seconds, Some(1.0))).collect();
        history.preload(&past);
        let trend = history.trend(Series::TokensPerSecond, at(60));
        assert_eq!(trend.values[trend.values.len() - 3..], [Some(1.0), Some(5.0), Some(6.0)]);
        assert_eq!((trend.seconds(), history.coarse.buckets.len()), (21_600.0, 360));
        assert!(trend.values.iter().all(Option::is_some));
    }

    #[test]
    fn changes_are_events_with_their_time() {
        let mut history = History::default();
        for (seconds, severity) in [(0, Severity::Ok), (5, Severity::Ok), (10, Severity::Crit), (20, Severity::Crit)] {
            history.note_checks(&assessment(seconds, severity));
        }
        assert_eq!((history.since("loop"), history.severity_since()), (Some(at(10)), Some(at(10))));
        assert_eq!(history.since("other"), None);
        let events: Vec<_> = history.events().collect();
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].from, events[0].to, events[0].at), (Some(Severity::Ok), Severity::Crit, at(10)));
        assert_eq!(events[0].reason.len(), REASON);
    }

    #[test]
    fn a_first_finding_is_an_event_and_events_are_bounded() {
        let mut history = History::default();
        history.note_checks(&assessment(0, Severity::Warn));
        assert_eq!(history.events().next().unwrap().from, None);
        for seconds in 1..1000 {
            history.note_checks(&assessment(seconds, if seconds % 2 == 0 { Severity::Ok } else { Severity::Crit }));
        }
        assert_eq!(history.events().count(), EVENTS);
        assert_eq!(history.events().next().unwrap().at, at(999));
    }
}
