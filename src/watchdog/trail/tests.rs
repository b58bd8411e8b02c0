use proptest::prelude::*;

use super::*;
use crate::config::Config;

const HOUR: f64 = 3600.0;

fn rules() -> RestartConfig {
    Config::default().restart
}

/// An instant of the boot `boot`, `boottime` seconds after it, when the machine is known to have been up for `lived`.
fn clock(boot: &str, boottime: f64, lived: f64) -> Clock {
    let wall = Time::from_second(1_795_000_000).unwrap() + jiff::SignedDuration::from_secs_f64(lived);
    Clock { wall, boottime, monotonic: boottime, lived, boot_id: boot.into() }
}

fn at(seconds: f64) -> Clock {
    clock("a", seconds, seconds)
}

fn asked(clock: &Clock, id: &str) -> String {
    intent(clock, id, "heartbeat 901 s old", "autoswe.service", "run")
}

fn ended(clock: &Clock, id: &str, result: RestartOutcome) -> String {
    outcome(clock, id, result, "as seen", Some("next"))
}

fn parse(lines: &[String]) -> Trail {
    let lines = lines.iter().map(|line| Line::Text(line.as_bytes().to_vec())).collect();
    Trail::parse(&Tail { lines, ..Tail::default() })
}

fn spent(lines: &[String], now: &Clock) -> Spent {
    parse(lines).spent(now, &rules()).unwrap()
}

#[test]
fn what_is_written_is_read_back() {
    let trail = parse(&[asked(&at(100.0), "x"), ended(&at(130.5), "x", RestartOutcome::Took), reset(&at(140.0))]);
    let [one, two, three] = &trail.entries[..] else { panic!("{trail:?}") };
    assert_eq!((one.event, one.id.as_deref(), one.invocation.as_deref()), (Event::Intent, Some("x"), Some("run")));
    assert_eq!(one.reason.as_deref(), Some("heartbeat 901 s old"));
    assert_eq!(two.event, Event::Outcome(RestartOutcome::Took));
    assert_eq!(two.stamp, Some(at(130.5).stamp()));
    assert_eq!((three.event, trail.malformed, trail.ends_malformed), (Event::Reset, 0, false));
}

#[test]
fn restarts_count_until_they_leave_the_window() {
    let lines = [asked(&at(0.0), "x"), asked(&at(HOUR), "y"), ended(&at(HOUR + 60.0), "y", RestartOutcome::DidNotTake)];
    let expected = |in_window, last| Spent { in_window, latched: false, last: Some(last) };
    assert_eq!(spent(&lines, &at(2.0 * HOUR)), expected(2, HOUR));
    assert_eq!(spent(&lines, &at(6.0 * HOUR - 1.0)), expected(2, 5.0 * HOUR - 1.0));
    assert_eq!(spent(&lines, &at(6.0 * HOUR)), expected(1, 5.0 * HOUR));
    assert_eq!(spent(&lines, &at(7.0 * HOUR)), expected(0, 6.0 * HOUR));
    assert_eq!(spent(&[], &at(5.0)), Spent::default());
}

#[test]
fn an_intent_without_outcome_counts_and_one_that_was_called_off_does_not() {
    let lines = [asked(&at(10.0), "x"), asked(&at(20.0), "y"), ended(&at(21.0), "y", RestartOutcome::CalledOff)];
    assert_eq!(spent(&lines, &at(30.0)), Spent { in_window: 1, latched: false, last: Some(20.0) });
    assert_eq!(parse(&lines[..1]).pending().unwrap().id, "x");
    assert_eq!(parse(&lines).pending(), None);
}

#[test]
fn a_reset_forgets_what_came_before() {
    let mut lines: Vec<String> = (0..6).map(|n| asked(&at(f64::from(n) * HOUR), &n.to_string())).collect();
    assert!(spent(&lines, &at(6.0 * HOUR)).latched);
    lines.push(reset(&at(6.0 * HOUR)));
    assert_eq!(spent(&lines, &at(6.0 * HOUR)), Spent::default());
    assert_eq!((parse(&lines).pending(), parse(&lines).last_restart()), (None, None));
    lines.push(asked(&at(7.0 * HOUR), "new"));
    assert_eq!(spent(&lines, &at(7.0 * HOUR)).in_window, 1);
}

#[test]
fn six_within_a_day_latch_for_good() {
    let every = |hours: f64| -> Vec<String> {
        (0..6).map(|n| asked(&at(f64::from(n) * hours * HOUR), &n.to_string())).collect()
    };
    assert!(spent(&every(4.8), &at(1e7)).latched, "24 h from the first to the sixth");
    assert!(!spent(&every(4.81), &at(1e7)).latched);
    assert!(!spent(&every(4.0)[..5], &at(1e7)).latched);
    // A seventh long after does not open it.
    let mut lines = every(1.0);
    lines.push(asked(&at(1e6), "late"));
    assert!(spent(&lines, &at(1e7)).latched);
}

#[test]
fn a_step_of_the_wall_clock_ages_no_restart() {
    let lines = [asked(&at(100.0), "x")];
    for wall in ["2001-01-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
        let now = Clock { wall: wall.parse().unwrap(), ..at(200.0) };
        assert_eq!(spent(&lines, &now).last, Some(100.0), "{wall}");
    }
}

#[test]
fn a_restart_before_the_boot_is_as_old_as_the_machine_is_known_to_have_been_up() {
    let lines = [asked(&clock("a", 1000.0, 1000.0), "x")];
    // The machine was up for 500 s more, off for no matter how long, and is up for 60 s.
    let now = clock("b", 60.0, 1560.0);
    assert_eq!(spent(&lines, &now).last, Some(560.0));
    assert_eq!(spent(&lines, &clock("b", 7.0 * HOUR, 1560.0)).in_window, 0);
    // A lost count of the time lived does not make it older than this boot.
    assert_eq!(spent(&lines, &clock("b", 60.0, 60.0)).last, Some(60.0));
    assert_eq!(parse(&lines).latest_stamp(), Some(&clock("a", 1000.0, 1000.0).stamp()));
}

#[test]
fn a_line_that_nobody_understands_counts_as_a_restart() {
    let lines = ["garbage".to_owned(), "{}".into(), asked(&at(100.0), "x")];
    let trail = parse(&lines);
    assert_eq!(trail.malformed, 2);
    assert_eq!(trail.spent(&at(150.0), &rules()).unwrap(), Spent { in_window: 3, latched: false, last: Some(50.0) });
    // At the end there is no telling when it was.
    let trail = parse(&[asked(&at(100.0), "x"), "garbage".into()]);
    assert!(trail.spent(&at(150.0), &rules()).unwrap_err().contains("its last line"));
    assert_eq!(parse(&["garbage".into(), reset(&at(1.0))]).spent(&at(2.0), &rules()), Ok(Spent::default()));
    let too_long = Tail { lines: vec![Line::TooLong], ..Tail::default() };
    assert!(Trail::parse(&too_long).spent(&at(1.0), &rules()).is_err());
}

#[test]
fn a_torn_last_line_is_no_restart_unless_it_is_whole() {
    let whole = asked(&at(100.0), "x");
    let torn = |text: &str| Trail::parse(&Tail { torn: Some(Line::Text(text.into())), ..Tail::default() });
    assert_eq!(torn(&whole).spent(&at(150.0), &rules()).unwrap().in_window, 1);
    for end in 0..whole.len() {
        assert_eq!(torn(&whole[..end]).spent(&at(150.0), &rules()), Ok(Spent::default()), "{end}");
    }
}

#[test]
fn more_lines_than_are_read_within_a_day_cannot_be_counted() {
    let lines: Vec<String> = (0..LINES).map(|n| ended(&at(n as f64), "x", RestartOutcome::Took)).collect();
    let trail = parse(&lines);
    assert!(trail.cut);
    assert!(trail.spent(&at(LINES as f64), &rules()).unwrap_err().contains("more than 200 lines"));
    assert!(trail.spent(&at(25.0 * HOUR), &rules()).is_ok());
}

#[test]
fn a_restart_by_another_program_counts_by_its_time() {
    let now = at(10_000.0);
    let line = |seconds: i64| json!({ "ts": now.wall - jiff::SignedDuration::from_secs(seconds) }).to_string();
    assert_eq!(spent(&[line(60)], &now), Spent { in_window: 1, latched: false, last: Some(60.0) });
    assert_eq!(spent(&[line(-600)], &now).last, Some(0.0));
    assert_eq!(spent(&[line(30_000)], &now).in_window, 0);
}

#[test]
fn a_forged_stamp_is_young_at_the_most() {
    let mut forged: Value = serde_json::from_str(&asked(&at(100.0), "x")).unwrap();
    for (field, value) in [("boottime", json!(1e12)), ("boottime", json!(-5)), ("lived", json!(-1e9))] {
        forged[field] = value;
        let age = spent(&[forged.to_string()], &at(150.0)).last.unwrap();
        assert!((0.0..=150.0).contains(&age), "{field}: {age}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20)) {
        let lines = lines.into_iter().map(Line::Text).collect();
        let trail = Trail::parse(&Tail { lines, ..Tail::default() });
        drop(trail.spent(&at(1000.0), &rules()));
        drop((trail.pending(), trail.last_restart(), trail.latest_stamp().cloned()));
    }
}
