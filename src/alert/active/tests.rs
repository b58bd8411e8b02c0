//! What becomes of alerts, by example and over random histories.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::alert::saved::{Saved, Told};
use crate::assessment::{CheckResult, Finding, Liveness, Presence};
use crate::check::{CHECKS, example_now};
use crate::config::value::Seconds;

const LOOP: (&str, &str) = ("loop", "heartbeat_old");
const HOST: (&str, &str) = ("host", "disk_low");

/// What one check says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Says {
    Nothing,
    Found(Severity),
    /// It has nothing new to judge.
    Blind,
    Is(Presence),
}

use Says::{Blind, Found, Is, Nothing};

const WARN: Says = Found(Severity::Warn);
const CRIT: Says = Found(Severity::Crit);

fn config() -> AlertsConfig {
    let [warn_for, crit_for, keep_firing_for] = [300.0, 60.0, 120.0].map(Seconds);
    AlertsConfig { warn_for, crit_for, keep_firing_for, ..AlertsConfig::default() }
}

fn after(seconds: f64) -> Time {
    moved(example_now(), seconds)
}

fn assessment(at: Time, says: &[(&str, &str, Says)]) -> Assessment {
    let finding =
        |severity, code| Finding { severity, code, reason: format!("{code} at {at}"), hint: "mend it".into() };
    let checks = CHECKS.iter().map(|check| {
        let of = says.iter().find(|(id, ..)| *id == check.id);
        let code = |code: &str| check.codes.iter().map(|known| known.word).find(|known| *known == code).unwrap();
        let (presence, findings) = match of.map(|(_, code, says)| (*code, *says)) {
            Some((it, Found(severity))) => (Presence::Judged, vec![finding(severity, code(it))]),
            Some((_, Blind)) => (Presence::Judged, vec![finding(Severity::Warn, code("unread"))]),
            Some((_, Is(presence))) => (presence, Vec::new()),
            Some((_, Nothing)) | None => (Presence::Judged, Vec::new()),
        };
        CheckResult { check: check.id, presence, severity: Severity::Ok, summary: String::new(), findings }
    });
    let liveness = Liveness { must_restart: false, reason: String::new() };
    Assessment { at, severity: Severity::Ok, checks: checks.collect(), liveness }
}

fn key((check, code): (&str, &str), severity: Severity) -> Key {
    Key { check: check.into(), code: code.into(), severity }
}

/// The alerts of one finding, in seconds after the example's instant.
struct Course {
    active: Active,
    of: (&'static str, &'static str),
}

impl Course {
    fn of(of: (&'static str, &'static str)) -> Self {
        Course { active: Active::default(), of }
    }

    fn at(&mut self, seconds: f64, says: Says) -> Change {
        self.active.apply(&assessment(after(seconds), &[(self.of.0, self.of.1, says)]), &config())
    }

    /// The same from `from` on to `to`, every 5 s; what fired and resolved, with when.
    fn during(&mut self, (from, to): (u32, u32), says: Says) -> Vec<(u32, &'static str, Severity)> {
        let mut told = Vec::new();
        for second in (from..=to).step_by(5) {
            let change = self.at(f64::from(second), says);
            told.extend(change.fired.into_iter().map(|key| (second, "fires", key.severity)));
            told.extend(change.resolved.into_iter().map(|key| (second, "resolved", key.severity)));
        }
        told
    }
}

#[test]
fn a_finding_fires_once_it_was_found_for_long_enough_and_resolves_when_it_was_gone_for_long_enough() {
    let mut course = Course::of(LOOP);
    assert_eq!(course.during((0, 400), WARN), [(300, "fires", Severity::Warn)]);
    let alert = course.active.firing().next().unwrap();
    assert_eq!(alert.starts_at, after(0.0), "since it was first found");
    assert_eq!(alert.reason, format!("heartbeat_old at {}", after(400.0)), "in the newest words");
    assert_eq!(course.during((405, 600), Nothing), [(525, "resolved", Severity::Warn)]);
    assert_eq!(course.active.resolved().next().unwrap().ends_at, Some(after(525.0)));
    assert_eq!(course.during((605, 1425), Nothing), []);
    assert_eq!(course.active.resolved().count(), 1);
    course.at(1426.0, Nothing);
    assert_eq!(course.active.all().count(), 0, "forgotten after 15 min");
}

#[test]
fn the_next_change_is_known_before() {
    let mut course = Course::of(LOOP);
    let left = |course: &Course| course.active.next_change(&config());
    assert_eq!(left(&course), None);
    course.at(0.0, CRIT);
    assert_eq!(left(&course), Some(60.0));
    course.during((5, 100), CRIT);
    assert_eq!(left(&course), Some(200.0), "the warning");
    course.at(102.0, Is(Presence::Pending));
    course.during((105, 400), Is(Presence::Pending));
    assert_eq!(left(&course), None, "overdue, and nobody can tell");
    course.at(402.0, CRIT);
    course.at(405.0, Nothing);
    assert_eq!(left(&course), Some(120.0));
    course.during((410, 500), Nothing);
    assert_eq!(left(&course), Some(25.0));
    course.at(502.0, Is(Presence::Pending));
    assert_eq!(left(&course), None);
}

#[test]
fn what_comes_and_goes_is_no_alert_or_one() {
    let mut course = Course::of(LOOP);
    assert_eq!(course.during((0, 295), WARN), []);
    course.at(296.0, Nothing);
    assert_eq!(course.active.all().count(), 0, "pending begins anew");
    assert_eq!(course.during((300, 600), WARN), [(600, "fires", Severity::Warn)]);
    for round in 0..20 {
        let from = 605 + round * 120;
        assert_eq!(course.during((from, from + 110), Nothing), []);
        assert_eq!(course.during((from + 115, from + 115), WARN), []);
    }
}

#[test]
fn what_is_critical_is_a_warning_too() {
    let mut course = Course::of(LOOP);
    let told = course.during((0, 400), CRIT);
    assert_eq!(told, [(60, "fires", Severity::Crit), (300, "fires", Severity::Warn)]);
    assert_eq!(course.during((405, 600), WARN), [(525, "resolved", Severity::Crit)]);
    assert_eq!(course.during((605, 800), Nothing), [(725, "resolved", Severity::Warn)]);
    let mut course = Course::of(("verdicts", "wedged"));
    assert_eq!(course.during((0, 900), CRIT), [(60, "fires", Severity::Crit)], "never found as a warning");
}

#[test]
fn absence_resolves_nothing_and_a_source_that_is_turned_off_does() {
    for absent in [Blind, Is(Presence::Pending), Is(Presence::NotPresent)] {
        let mut course = Course::of(HOST);
        course.during((0, 400), WARN);
        for second in (405..5000).step_by(5) {
            assert_eq!(course.at(f64::from(second), absent).resolved, [], "{absent:?}");
        }
        assert_eq!(course.active.firing().filter(|alert| alert.key.code == HOST.1).count(), 1, "{absent:?}");
        assert!(course.at(5005.0, Is(Presence::Disabled)).resolved.contains(&key(HOST, Severity::Warn)));
    }
}

#[test]
fn the_time_in_which_nobody_can_tell_does_not_count_as_gone() {
    let mut course = Course::of(HOST);
    course.during((0, 400), WARN);
    assert_eq!(course.during((405, 465), Nothing), []);
    assert_eq!(course.during((470, 4000), Is(Presence::Pending)), []);
    assert_eq!(course.during((4005, 4060), Nothing), []);
    assert_eq!(course.during((4065, 4065), Nothing), [(4065, "resolved", Severity::Warn)]);
}

#[test]
fn what_went_away_on_purpose_is_over_when_the_check_says_not_present() {
    let mut course = Course::of(("parity", "vanished"));
    course.during((0, 400), WARN);
    let told = course.during((405, 700), Is(Presence::NotPresent));
    assert_eq!(told, [(525, "resolved", Severity::Warn)]);
}

#[test]
fn a_code_that_no_check_knows_resolves_at_once() {
    let mut course = Course::of(LOOP);
    course.during((0, 400), WARN);
    let mut alerts: Vec<Alert> = course.active.all().cloned().collect();
    for (check, code) in [("loop", "of_old"), ("of_old", "heartbeat_old")] {
        alerts.push(Alert { key: key((check, code), Severity::Crit), ..alerts[0].clone() });
    }
    alerts.push(Alert { key: key(("verdicts", "wedged"), Severity::Warn), ..alerts[0].clone() });
    course.active = Active::restore(course.active.at(), alerts);
    assert_eq!(course.at(405.0, WARN).resolved.len(), 3);
    assert_eq!(course.active.firing().count(), 1);
}

#[test]
fn nothing_is_told_of_the_future() {
    let mut course = Course::of(LOOP);
    course.during((0, 400), WARN);
    course.at(-86_400.0, WARN);
    assert_eq!(course.active.firing().next().unwrap().starts_at, after(-86_400.0));
    course.during((0, 0), Nothing);
    for far in [Time::MIN, Time::MAX, Time::MIN] {
        course.active.apply(&assessment(far, &[(LOOP.0, LOOP.1, WARN)]), &config());
    }
    assert_eq!(course.active.firing().count(), 1);
}

/// One step of a history: how long after the one before, and what the two checks say.
type Event = (f64, Says, Says);

fn says() -> impl Strategy<Value = Says> {
    prop_oneof![
        4 => Just(Nothing), 4 => Just(WARN), 4 => Just(CRIT), 1 => Just(Blind),
        1 => Just(Is(Presence::Pending)), 1 => Just(Is(Presence::NotPresent)),
    ]
}

/// Histories in which what is said mostly lasts a while.
fn history() -> impl Strategy<Value = Vec<Event>> {
    let stretch = (says(), says(), prop::collection::vec(1_u32..=60, 1..12));
    let stretches = prop::collection::vec(stretch, 1..24);
    stretches.prop_map(|stretches| {
        let events = stretches
            .into_iter()
            .flat_map(|(one, other, steps)| steps.into_iter().map(move |step| (f64::from(step), one, other)));
        events.collect()
    })
}

/// What is told step by step: what fires, and what just resolved. `between` is done after each step.
fn told(history: &[Event], mut between: impl FnMut(Active) -> Active) -> Vec<(Change, BTreeSet<Key>)> {
    let (mut active, mut at) = (Active::default(), example_now());
    let steps = history.iter().map(|(step, one, other)| {
        at = moved(at, *step);
        let says = [(LOOP.0, LOOP.1, *one), (HOST.0, HOST.1, *other)];
        let change = active.apply(&assessment(at, &says), &config());
        active = between(std::mem::take(&mut active));
        (change, active.firing().map(|alert| alert.key.clone()).collect())
    });
    steps.collect()
}

/// The seconds, up to the step `at`, in which `holds` was true at both ends without a break by `breaks`.
fn lasted(
    history: &[Says],
    steps: &[f64],
    (at, holds): (usize, fn(Says, Severity) -> bool),
    severity: Severity,
) -> f64 {
    let mut sum = 0.0;
    for index in (1..=at).rev() {
        match (holds(history[index - 1], severity), holds(history[index], severity)) {
            (true, true) => sum += steps[index],
            _ => break,
        }
    }
    sum
}

fn is_found(says: Says, severity: Severity) -> bool {
    matches!(says, Found(found) if found >= severity)
}

fn is_gone(says: Says, severity: Severity) -> bool {
    says == Nothing || matches!(says, Found(found) if found < severity)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn alerts_begin_and_end_as_promised(history in history()) {
        let told = told(&history, |active| active);
        let (steps, said): (Vec<f64>, Vec<Says>) = history.iter().map(|(step, one, _)| (*step, *one)).unzip();
        let rules = config();
        for severity in [Severity::Warn, Severity::Crit] {
            let key = key(LOOP, severity);
            for (index, (change, firing)) in told.iter().enumerate() {
                let found_for = lasted(&said, &steps, (index, is_found), severity);
                let gone_for = lasted(&said, &steps, (index, is_gone), severity);
                if change.resolved.contains(&key) {
                    prop_assert!(is_gone(said[index], severity), "{index}: absence resolved it");
                    let last_found = said[..index].iter().rposition(|says| is_found(*says, severity)).unwrap();
                    let gone: f64 = steps[last_found + 2..=index].iter().sum();
                    prop_assert!(gone >= rules.keep_firing_for.0, "{index}: gone for {gone} s only");
                }
                if gone_for >= rules.keep_firing_for.0 {
                    prop_assert!(!firing.contains(&key), "{index}: it goes on for ever");
                }
                if found_for >= rules.fires_after(severity).0 {
                    prop_assert!(firing.contains(&key), "{index}: found for {found_for} s");
                }
                if change.fired.contains(&key) {
                    prop_assert!(is_found(said[index], severity));
                    let last_gone = said[..index].iter().rposition(|says| is_gone(*says, severity));
                    let since = last_gone.map_or(1, |gone| gone + 2);
                    let found: f64 = steps.get(since..=index).map_or(0.0, |steps| steps.iter().sum());
                    prop_assert!(found >= rules.fires_after(severity).0, "{index}: found for {found} s only");
                }
            }
        }
    }

    #[test]
    fn a_restart_after_every_step_changes_nothing(history in history()) {
        let restarted = |active: Active| {
            let json = serde_json::to_vec(&Saved::new(&active, &Told::default())).unwrap();
            serde_json::from_slice::<Saved>(&json).unwrap().restore().0
        };
        prop_assert_eq!(told(&history, restarted), told(&history, |active| active));
    }

    #[test]
    fn a_step_of_the_clock_tells_nothing(history in history(), jumps in prop::collection::vec((0_usize..200, -90_000_i32..90_000), 0..4)) {
        let (mut stepped, mut steady) = (history.clone(), history);
        for (index, jump) in jumps {
            let index = index % stepped.len();
            stepped[index].0 = f64::from(jump);
            steady[index].0 = f64::from(jump).clamp(0.0, MOST_BETWEEN);
        }
        let news = |history: &[Event]| {
            let told = told(history, |active| active).into_iter();
            told.map(|(change, firing)| (change.fired, change.resolved, firing)).collect::<Vec<_>>()
        };
        prop_assert_eq!(news(&stepped), news(&steady));
    }

    #[test]
    fn what_is_saved_only_when_it_changed_is_enough(
        history in history(), kills in prop::collection::vec(any::<bool>(), 300),
    ) {
        // While nobody can tell, a restart may let an alert fire for longer, and nothing else.
        let seen = |says| if matches!(says, Blind | Is(_)) { Nothing } else { says };
        let history: Vec<Event> = history.into_iter().map(|(step, one, other)| (step, seen(one), seen(other))).collect();
        let (mut active, mut at, mut disk) = (Active::default(), example_now(), Active::default());
        let steady = told(&history, |active| active);
        for (((step, one, other), kill), (expected, firing)) in history.iter().zip(kills.iter().cycle()).zip(steady) {
            at = moved(at, *step);
            let says = [(LOOP.0, LOOP.1, *one), (HOST.0, HOST.1, *other)];
            let change = active.apply(&assessment(at, &says), &config());
            prop_assert_eq!((&change.fired, &change.resolved), (&expected.fired, &expected.resolved));
            if change.lasting {
                disk = active.clone();
            }
            if *kill {
                active = Active::restore(disk.at(), disk.all().cloned().collect());
            }
            prop_assert_eq!(active.firing().map(|alert| alert.key.clone()).collect::<BTreeSet<_>>(), firing);
        }
    }
}
