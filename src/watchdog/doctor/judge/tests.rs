//! Tables: a machine on which all is well, one thing changed, and what is found of it.

use std::path::PathBuf;

use jiff::SignedDuration;

use super::*;
use crate::check::example_now;
use crate::observation::{Failure, FailureKind, Heartbeat, Pause, Reading, Room};
use crate::systemd::{Condition, Shown, Ways};
use crate::watchdog::decide::Spent;
use crate::watchdog::dependencies::Found as Look;
use crate::watchdog::doctor::files::{Directory, Files, Lock};
use crate::watchdog::doctor::linger::Linger;
use crate::watchdog::saved::Saved;
use crate::watchdog::senders::Senders;

const UNIT: [(&str, &str); 17] = [
    ("LoadState", "loaded"),
    ("ActiveState", "active"),
    ("SubState", "running"),
    ("UnitFileState", "enabled"),
    ("InvocationID", "ab12"),
    ("Type", "notify"),
    ("Restart", "always"),
    ("RestartUSec", "30s"),
    ("TimeoutStartUSec", "1min 30s"),
    ("TimeoutStopUSec", "90000000"),
    ("KillMode", "control-group"),
    ("SendSIGKILL", "yes"),
    ("RefuseManualStart", "no"),
    ("RefuseManualStop", "no"),
    ("NeedDaemonReload", "no"),
    ("StartLimitIntervalUSec", "1h"),
    ("StartLimitBurst", "8"),
];

/// The unit with some properties changed.
fn unit(changes: &[(&str, &str)]) -> Shown {
    let all: Vec<_> = UNIT.iter().chain(changes).copied().collect();
    Shown::of(&all)
}

fn daemon(changes: &[(&str, &str)]) -> Shown {
    let all: Vec<_> = UNIT.iter().chain(&[("WatchdogUSec", "3min")]).chain(changes).copied().collect();
    Shown::of(&all)
}

fn absent() -> Shown {
    Shown::of(&[("LoadState", "not-found"), ("ActiveState", "inactive")])
}

/// All is well.
fn well() -> Facts {
    let now = example_now();
    let directory = Directory { path: PathBuf::from("/run/autoswe"), found: Ok((1000, 0o755)), writable: Ok(()) };
    let heartbeat = Heartbeat {
        at: Some(now - SignedDuration::from_secs(4)),
        invocation_id: Some("ab12".into()),
        phase: Some("writer".into()),
        ..Heartbeat::default()
    };
    let files = Files {
        runtime: directory.clone(),
        heartbeat: Reading::Observed(heartbeat),
        pause: Reading::Observed(Pause::default()),
        trail: Ok(()),
        spent: Ok(Spent { in_window: 0, latched: false, last: None }),
        saved: Ok(Saved { last_evaluation_ts: Some(now - SignedDuration::from_secs(9)), ..Saved::default() }),
        state: Ok(()),
        diagnostics: Some(Directory { found: Ok((1000, 0o700)), ..directory }),
        lock: Lock::Held("pid 7, daemon, since 2026-11-22T11:00:00Z".into()),
        disk: Some(Room { available: 50 << 30, total: 100 << 30 }),
    };
    Facts {
        now,
        uid: 1000,
        runtime_dir_is_set: true,
        ways: Ways { bus: Ok(0.002), systemctl: Ok(0.02) },
        linger: Linger::On,
        unit: Ok(unit(&[])),
        is_elsewhere: false,
        own: [Ok(daemon(&[])), Ok(absent()), Ok(absent())],
        synchronized: Ok(true),
        has_boot_id: true,
        built: Some(now - SignedDuration::from_hours(100)),
        files: Ok(files),
        ping: Ok(true),
        dependencies: Some(Ok(Look { vllm_seen: true, gpu_seen: true, ..Look::default() })),
        senders: None,
    }
}

/// What is found that is neither as it must be nor only told, as `GRADE check: text`.
fn troubles(facts: &Facts, config: &Config) -> Vec<String> {
    let report = judge(facts, config);
    for finding in &report.findings {
        let needs_mend = finding.grade >= Grade::Warn;
        assert!(!needs_mend || !finding.hint.is_empty(), "no mend: {finding:?}");
        assert!(!finding.text.is_empty() && !finding.text.contains('\n'), "{finding:?}");
    }
    let bad = report.findings.iter().filter(|finding| finding.grade >= Grade::Warn);
    bad.map(|finding| format!("{} {}: {}", finding.grade.name(), finding.check, finding.text)).collect()
}

/// With one change there is one trouble, which holds these words.
fn one(change: impl FnOnce(&mut Facts), expected: &str, words: &str) {
    let mut facts = well();
    change(&mut facts);
    let found = troubles(&facts, &Config::default());
    assert!(
        found.len() == 1 && found[0].starts_with(expected) && found[0].contains(words),
        "{expected} {words}: {found:#?}"
    );
}

fn files(facts: &mut Facts) -> &mut Files {
    facts.files.as_mut().unwrap()
}

/// The texts of what is only told.
fn notes(facts: &Facts) -> Vec<String> {
    let report = judge(facts, &Config::default());
    let notes = report.findings.into_iter().filter(|finding| finding.grade == Grade::Note);
    notes.map(|finding| format!("{}: {}", finding.check, finding.text)).collect()
}

#[test]
fn where_all_is_well_every_check_says_so() {
    let report = judge(&well(), &Config::default());
    let checks: Vec<_> = report.findings.iter().map(|finding| (finding.check, finding.grade)).collect();
    let expected = [
        "bus",
        "linger",
        "unit",
        "stop",
        "start",
        "start-limit",
        "files",
        "heartbeat",
        "pause",
        "history",
        "clock",
        "watchdog",
        "settings",
        "alerts",
        "dependencies",
    ];
    assert_eq!(checks, expected.map(|check| (check, Grade::Ok)), "{report:#?}");
    assert_eq!(report.subject, "autoswe.service of the user manager");
}

#[test]
fn each_way_to_the_manager_counts() {
    one(|facts| facts.ways.bus = Err("the bus x: refused".into()), "WARN bus", "answers in its place");
    one(|facts| facts.ways.systemctl = Err("no program".into()), "WARN bus", "no program");
    let mut facts = well();
    facts.ways = Ways { bus: Err("refused".into()), systemctl: Err("neither".into()) };
    facts.unit = Err("refused".into());
    facts.own = [Err(String::new()), Err(String::new()), Err(String::new())];
    facts.runtime_dir_is_set = false;
    let report = judge(&facts, &Config::default());
    let crit: Vec<_> = report.findings.iter().filter(|finding| finding.grade >= Grade::Warn).collect();
    assert!(crit.len() == 1 && crit[0].check == "bus" && crit[0].hint.contains("XDG_RUNTIME_DIR"), "{crit:#?}");
    assert!(notes(&facts).iter().any(|note| note == "unit: not looked at: the manager does not answer"));
}

#[test]
fn a_manager_that_ends_with_the_login_is_told() {
    one(|facts| facts.linger = Linger::Off("ann".into()), "WARN linger", "ann does not linger");
    let mut facts = well();
    facts.linger = Linger::Unknown("no logind".into());
    assert!(troubles(&facts, &Config::default()).is_empty());
    assert!(notes(&facts)[0].contains("not known") && notes(&facts)[0].contains("no logind"));
    facts.linger = Linger::NotApplicable;
    assert!(notes(&facts)[0].contains("not needed"));
}

#[test]
fn a_unit_that_is_not_there_is_one_trouble() {
    for (load, words) in [("not-found", "has no autoswe.service"), ("masked", "masked"), ("bad-setting", "not loaded")]
    {
        one(|facts| facts.unit = Ok(unit(&[("LoadState", load)])), "CRIT unit", words);
    }
    let elsewhere = |facts: &mut Facts| {
        facts.unit = Ok(absent());
        facts.is_elsewhere = true;
    };
    one(elsewhere, "CRIT unit", "the system manager has");
    one(|facts| facts.unit = Err("Unit name x is not valid.".into()), "CRIT unit", "not valid");
}

#[test]
fn each_property_of_the_unit_that_stands_in_the_way_is_found() {
    let table: [(&str, &str, &str, &str); 24] = [
        ("ActiveState", "inactive", "WARN unit", "does not run"),
        ("ActiveState", "failed", "CRIT unit", "has failed"),
        ("UnitFileState", "masked-runtime", "CRIT unit", "masked since"),
        ("NeedDaemonReload", "yes", "WARN unit", "changed since it was loaded"),
        ("RefuseManualStop", "yes", "CRIT unit", "RefuseManualStop"),
        ("RefuseManualStart", "yes", "CRIT unit", "RefuseManualStart"),
        ("Type", "oneshot", "CRIT unit", "activating"),
        ("Restart", "no", "WARN unit", "nobody's"),
        ("Restart", "on-abnormal", "WARN unit", "Restart=on-abnormal"),
        ("KillMode", "none", "CRIT unit", "second copy"),
        ("KillMode", "process", "WARN unit", "sub-agents"),
        ("SendSIGKILL", "no", "WARN unit", "never killed"),
        ("TimeoutStopUSec", "infinity", "CRIT stop", "never ends"),
        ("TimeoutStopUSec", "18446744073709551615", "CRIT stop", "never ends"),
        ("TimeoutStopUSec", "5min", "WARN stop", "no shorter than restart.verify"),
        ("TimeoutStartUSec", "infinity", "CRIT start", "never ends"),
        ("TimeoutStartUSec", "10min", "WARN start", "no shorter than restart.verify"),
        ("StartLimitBurst", "0", "WARN start-limit", "there is none"),
        ("StartLimitIntervalUSec", "0", "WARN start-limit", "there is none"),
        ("StartLimitIntervalUSec", "10s", "WARN start-limit", "never reached with RestartSec=30"),
        ("InvocationID", "", "", ""),
        ("KillMode", "mixed", "", ""),
        ("UnitFileState", "disabled", "", ""),
        ("StartLimitIntervalUSec", "infinity", "", ""),
    ];
    for (name, value, expected, words) in table {
        let mut facts = well();
        facts.unit = Ok(unit(&[(name, value)]));
        let found = troubles(&facts, &Config::default());
        match expected {
            "" => assert_eq!(found, [""; 0], "{name}={value}"),
            _ => assert!(
                found.len() == 1 && found[0].starts_with(expected) && found[0].contains(words),
                "{name}={value}: {found:#?}"
            ),
        }
    }
}

#[test]
fn a_start_has_no_limit_to_judge_where_it_takes_no_time() {
    let mut facts = well();
    facts.unit = Ok(unit(&[("Type", "simple"), ("TimeoutStartUSec", "infinity")]));
    assert!(judge(&facts, &Config::default()).findings.iter().all(|finding| finding.check != "start"));
}

fn conditioned(name: &str, negated: bool, parameter: &str) -> Shown {
    let condition = Condition { name: name.into(), negated, parameter: parameter.into() };
    let mut shown = unit(&[]);
    shown.conditions = Some(vec![condition]);
    shown
}

#[test]
fn a_condition_that_skips_the_start_while_paused_is_found() {
    for path in ["/elsewhere/PAUSE", "/elsewhere/PAUSE_HARD"] {
        let shown = conditioned("ConditionPathExists", true, path);
        one(|facts| facts.unit = Ok(shown.clone()), "WARN unit", "never tries again");
        let paused = |facts: &mut Facts| {
            let since = facts.now - SignedDuration::from_secs(60);
            files(facts).pause = Reading::Observed(Pause { soft: Some(since), hard: None });
            facts.unit = Ok(shown);
        };
        one(paused, "CRIT unit", "it is paused now");
    }
    let mut facts = well();
    facts.unit = Ok(conditioned("ConditionPathExists", false, "/data/model"));
    assert!(notes(&facts).iter().any(|note| note.contains("ConditionPathExists=/data/model")));
    facts.unit.as_mut().unwrap().conditions = None;
    assert!(notes(&facts).iter().any(|note| note.contains("not known")));
    assert!(troubles(&facts, &Config::default()).is_empty());
}

#[test]
fn each_clock_that_is_off_is_found() {
    one(|facts| facts.synchronized = Ok(false), "WARN clock", "no time server");
    one(|facts| facts.has_boot_id = false, "WARN clock", "boot id");
    one(|facts| facts.built = Some(facts.now + SignedDuration::from_hours(48)), "WARN clock", "this program is of");
    let mut facts = well();
    facts.now = crate::observation::Time::from_second(3600).unwrap();
    assert!(troubles(&facts, &Config::default())[0].contains("it shows 1970-01-01T01:00:00Z"));
    let ahead = |facts: &mut Facts| {
        let at = Some(facts.now + SignedDuration::from_secs(3600));
        files(facts).heartbeat = Reading::Observed(Heartbeat { at, ..Heartbeat::default() });
    };
    one(ahead, "WARN clock", "60 min ahead");
    let mut facts = well();
    facts.synchronized = Err("no such name".into());
    assert!(notes(&facts).iter().any(|note| note.contains("not known") && note.contains("no such name")));
}

fn failed<T>(message: &str) -> Reading<T> {
    Reading::Failed(Failure::new(FailureKind::Unreadable, message))
}

#[test]
fn each_file_that_cannot_be_used_is_found() {
    let no_directory = |facts: &mut Facts| {
        files(facts).runtime.found = Err("/x: No such file".into());
        files(facts).runtime.writable = Err("/x: No such file".into());
    };
    one(no_directory, "CRIT files", "No such file");
    let no_writing = |facts: &mut Facts| {
        files(facts).runtime.writable = Err("no file can be made in /run/autoswe".into());
        files(facts).state = Err("no file can be made in /run/autoswe".into());
    };
    one(no_writing, "CRIT files", "no restart can be written down");
    one(|facts| files(facts).runtime.found = Ok((0, 0o755)), "WARN files", "belongs to uid 0");
    one(|facts| files(facts).runtime.found = Ok((1000, 0o777)), "WARN files", "everybody may write");
    one(|facts| files(facts).state = Err("is a directory".into()), "WARN files", "state file");
    one(|facts| files(facts).disk = Some(Room { available: 9, total: 100 }), "WARN files", "(9 %)");
    one(|facts| files(facts).disk = Some(Room { available: 1, total: 100 }), "CRIT files", "(1 %)");
    let diagnostics = |facts: &mut Facts| files(facts).diagnostics.as_mut().unwrap().found = Ok((1000, 0o755));
    one(diagnostics, "WARN files", "mode 0755");
    let file = |facts: &mut Facts| files(facts).diagnostics.as_mut().unwrap().found = Err("is no directory".into());
    one(file, "WARN files", "diagnostics: is no directory");
    one(|facts| files(facts).trail = Err("audit trail: no".into()), "CRIT history", "audit trail");
    one(|facts| files(facts).spent = Err("its last line".into()), "CRIT history", "cannot be counted");
    one(|facts| files(facts).saved = Err("spoilt".into()), "WARN history", "spoilt");
    one(|facts| files(facts).spent.as_mut().unwrap().in_window = 3, "CRIT history", "budget of 3 restarts");
    one(|facts| files(facts).spent.as_mut().unwrap().latched = true, "CRIT history", "until a person looks");
    one(|facts| files(facts).lock = Lock::Unusable("x is no regular file".into()), "CRIT watchdog", "no regular file");
    one(|facts| facts.files = Err("within 10 s".into()), "CRIT files", "within 10 s");
}

#[test]
fn a_heartbeat_that_says_nothing_is_worse_while_the_loop_runs() {
    one(|facts| files(facts).heartbeat = Reading::Missing("no heartbeat at x".into()), "CRIT heartbeat", "restarted");
    one(|facts| files(facts).heartbeat = failed("it is a FIFO"), "CRIT heartbeat", "FIFO");
    let mut facts = well();
    facts.unit = Ok(unit(&[("ActiveState", "inactive")]));
    files(&mut facts).heartbeat = Reading::Missing("no heartbeat at x".into());
    assert_eq!(troubles(&facts, &Config::default()).len(), 2, "both only warnings");
    assert_eq!(judge(&facts, &Config::default()).worst(), Grade::Warn);
    let old = |facts: &mut Facts| {
        let at = Some(facts.now - SignedDuration::from_secs(700));
        files(facts).heartbeat = Reading::Observed(Heartbeat { at, ..Heartbeat::default() });
    };
    one(old, "WARN heartbeat", "12 min old");
}

#[test]
fn what_a_heartbeat_lacks_is_only_told() {
    let mut facts = well();
    let at = Some(facts.now);
    let beat = Heartbeat { at, phase: Some("dreamer".into()), ..Heartbeat::default() };
    files(&mut facts).heartbeat = Reading::Observed(beat);
    let report = judge(&facts, &Config::default());
    assert!(report.findings.iter().any(|finding| finding.text.contains("without an invocation_id")));
    assert!(notes(&facts)[0].contains("dreamer has no budget"), "{:?}", notes(&facts));
    let beat = Heartbeat { at, invocation_id: Some("another".into()), ..Heartbeat::default() };
    files(&mut facts).heartbeat = Reading::Observed(beat);
    assert!(notes(&facts)[0].contains("not that of the present run"));
}

#[test]
fn a_pause_is_told_and_one_that_cannot_be_seen_is_critical() {
    let mut facts = well();
    let since = |seconds| {
        Reading::Observed(Pause { soft: Some(example_now() - SignedDuration::from_secs(seconds)), hard: None })
    };
    files(&mut facts).pause = since(60);
    assert_eq!(notes(&facts), ["pause: paused 60 s ago: nothing is restarted"]);
    one(|facts| files(facts).pause = since(90_000), "WARN pause", "25.0 h ago");
    one(|facts| files(facts).pause = failed("loop of links"), "CRIT pause", "loop of links");
}

#[test]
fn the_watchdog_itself_is_looked_at() {
    let table: [(Option<Shown>, Option<Shown>, &str); 8] = [
        (None, None, "nobody restarts the loop"),
        (Some(daemon(&[("ActiveState", "inactive")])), None, "nobody restarts the loop: autoswe-watchdog.service"),
        (None, Some(daemon(&[("ActiveState", "failed")])), "autoswe-watchdog-once.timer is failed"),
        (Some(daemon(&[])), Some(daemon(&[("SubState", "waiting")])), "both active"),
        (Some(daemon(&[("WatchdogUSec", "0")])), None, "WatchdogSec is not set"),
        (Some(daemon(&[("WatchdogUSec", "20s")])), None, "is short"),
        (Some(daemon(&[("UnitFileState", "disabled")])), None, "is not enabled"),
        (Some(daemon(&[("Restart", "no")])), None, "nobody starts it again"),
    ];
    for (service, timer, words) in table {
        let change = |facts: &mut Facts| {
            files(facts).lock = Lock::Free;
            facts.own = [service, timer, Some(daemon(&[]))].map(|unit| Ok(unit.unwrap_or_else(absent)));
        };
        one(change, "WARN watchdog", words);
    }
    one(|facts| facts.own = [Ok(absent()), Ok(absent()), Ok(absent())], "WARN watchdog", "not as a unit");
    let late = |facts: &mut Facts| {
        files(facts).saved.as_mut().unwrap().last_evaluation_ts = Some(example_now() - SignedDuration::from_secs(400));
    };
    one(late, "WARN watchdog", "last evaluation was 7 min ago, though");
    let elsewhere = |facts: &mut Facts| {
        files(facts).lock = Lock::Free;
        files(facts).saved = Ok(Saved::default());
    };
    one(elsewhere, "WARN watchdog", "not at work in /run/autoswe: no evaluation is known");
}

#[test]
fn a_timer_without_a_next_run_is_found() {
    let by_timer = |timer: Shown, once: Shown| {
        move |facts: &mut Facts| {
            facts.own = [Ok(absent()), Ok(timer), Ok(once)];
            files(facts).lock = Lock::Free;
        }
    };
    let waiting = || daemon(&[("SubState", "waiting")]);
    one(by_timer(daemon(&[("SubState", "elapsed")]), daemon(&[])), "WARN watchdog", "no next run");
    one(by_timer(waiting(), daemon(&[("TimeoutStartUSec", "infinity")])), "WARN watchdog", "hangs is the last");
    one(by_timer(waiting(), absent()), "WARN watchdog", "is not there");
    let mut facts = well();
    by_timer(waiting(), daemon(&[]))(&mut facts);
    files(&mut facts).saved.as_mut().unwrap().last_evaluation_ts = Some(example_now() - SignedDuration::from_secs(310));
    assert_eq!(troubles(&facts, &Config::default()), [""; 0], "a timer comes every five minutes");
}

#[test]
fn settings_that_do_not_go_together_are_found() {
    let with = |change: fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        troubles(&well(), &config)
    };
    let seconds = crate::config::value::Seconds;
    assert_eq!(with(|_| ()), [""; 0]);
    assert!(with(|config| config.loop_.enabled = false)[0].starts_with("CRIT settings: loop.enabled"));
    let mut config = Config::default();
    config.restart.phase_longest = seconds(800.0);
    let found = troubles(&well(), &config);
    assert!(found.len() == 1 && found[0].contains("phase writer may take 15 min"), "{found:#?}");
    config.restart.phase_longest = seconds(900.0);
    let report = judge(&well(), &config);
    assert!(
        report.findings.iter().any(|finding| finding.grade == Grade::Note && finding.text.contains("1.25 x 15 min"))
    );
    one(|facts| facts.ping = Err("WATCHDOG_PING_URL: expected a URL".into()), "WARN settings", "WATCHDOG_PING_URL");
}

#[test]
fn what_a_restart_would_not_cure_is_told_and_no_trouble() {
    let mut facts = well();
    facts.dependencies =
        Some(Ok(Look { down: Some("a restart would not cure vllm: unreachable".into()), ..Look::default() }));
    assert_eq!(troubles(&facts, &Config::default()), [""; 0]);
    assert!(notes(&facts)[0].contains("would not cure vllm: unreachable"));
    facts.dependencies = None;
    assert_eq!(notes(&facts), ["dependencies: neither vLLM nor GPUs are watched"]);
    facts.dependencies = Some(Ok(Look::default()));
    assert!(notes(&facts)[0].contains("ever seen"));
    one(|facts| facts.dependencies = Some(Err("it hangs".into())), "CRIT dependencies", "it hangs");
}

#[test]
fn two_senders_of_the_same_alerts_are_refused() {
    let senders = |clashes: &[&str], failures: &[&str]| {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let receivers = vec!["http://am:9093".into(), "webhook".into()];
        Some(Ok(Senders { receivers, clashes: texts(clashes), failures: texts(failures) }))
    };
    one(|facts| facts.senders = senders(&["a.yml defines it; take it out"], &[]), "CRIT alerts", "a.yml defines it");
    one(|facts| facts.senders = senders(&[], &["http://am is not reached"]), "WARN alerts", "is not reached");
    one(|facts| facts.senders = Some(Err("it hangs".into())), "WARN alerts", "not known whether");
    let fine = Facts { senders: senders(&[], &[]), ..well() };
    let report = judge(&fine, &Config::default());
    let alerts = report.findings.iter().find(|finding| finding.check == "alerts").unwrap();
    assert_eq!(
        (alerts.grade, alerts.text.as_str()),
        (Grade::Ok, "pushed to http://am:9093 and webhook, and nobody else sends them")
    );
}
