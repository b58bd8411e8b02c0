//! How runs end, what they tell, and what they leave to the next one.

use std::sync::atomic::Ordering;
use std::time::Duration;

use autoswe_exporter::journey::last_run::Outcome;
use autoswe_exporter::journey::synthesis::{LockError, Progress, REPORT};

use super::stage::{Stage, mode};
use crate::release::stage::{names, stamps, whole};

#[test]
fn what_is_new_is_published_and_what_is_not_is_not_even_read() {
    let stage = Stage::new();
    let first = stage.run(Outcome::Published).last_run;
    let release = first.release.unwrap();
    assert_eq!((first.iterations, release.files), (Some(2), 3));
    assert_eq!(first.last_published_at, Some(first.ended_at));
    let before = stamps(&stage.path("web"));
    let second = stage.run(Outcome::Unchanged).last_run;
    assert_eq!((second.iterations, second.release.as_ref()), (Some(2), Some(&release)));
    assert_eq!(second.last_published_at, first.last_published_at);
    assert_eq!((stage.reads.load(Ordering::SeqCst), stamps(&stage.path("web"))), (1, before));
    stage.write("one\ntwo\nthree\n");
    let third = stage.run(Outcome::Published).last_run;
    assert_eq!((third.iterations, third.release.unwrap().files), (Some(3), 4));
    assert_eq!(stage.shown().unwrap()["iterations/2.md"], "three");
}

#[test]
fn input_that_makes_the_same_content_is_read_and_changes_nothing() {
    let stage = Stage::new();
    stage.run(Outcome::Published);
    stage.write("one\ntwo");
    let before = stamps(&stage.path("web"));
    stage.run(Outcome::Unchanged);
    stage.run(Outcome::Unchanged);
    assert_eq!((stage.reads.load(Ordering::SeqCst), stamps(&stage.path("web"))), (2, before));
}

#[test]
fn what_was_tampered_with_is_mended_though_nothing_is_new() {
    let stage = Stage::new();
    stage.run(Outcome::Published);
    std::fs::write(stage.path("web/current/planted.html"), "planted").unwrap();
    std::fs::write(stage.path("web/current/site-data.json"), "altered").unwrap();
    stage.run(Outcome::Published);
    assert_eq!(stage.shown().unwrap().len(), 3);
    stage.run(Outcome::Unchanged);
}

#[test]
fn a_leak_is_refused_with_a_private_report_and_the_old_release_stays() {
    let mut stage = Stage::new();
    stage.words = vec!["hunter2"];
    stage.run(Outcome::Published);
    let shown = stage.shown();
    stage.write("one\nhunter2\n");
    for _ in 0..2 {
        let report = stage.run(Outcome::Refused);
        assert_eq!(report.last_run.findings["word"], 2, "{report:?}");
        assert_eq!((stage.shown(), report.last_run.iterations), (shown.clone(), Some(2)));
        let text = std::fs::read_to_string(stage.path("state").join(REPORT)).unwrap();
        assert_eq!(mode(&stage.path("state").join(REPORT)), 0o600);
        assert!(text.contains("\"rule\": \"word\"") && !text.contains("hunter2"), "{text}");
    }
    stage.write("one\nUNREADABLE\n");
    let report = stage.run(Outcome::Refused);
    assert_eq!(report.last_run.findings["could-not-scan"], 2);
    stage.write("one\ntwo\nthree\n");
    stage.run(Outcome::Published);
    assert!(!stage.path("state").join(REPORT).exists(), "it would tell of what is no more");
}

#[test]
fn a_run_that_fails_says_why_and_leaves_what_is_shown() {
    let stage = Stage::new();
    stage.run(Outcome::Published);
    let shown = stage.shown();
    std::fs::write(stage.path("input.txt"), b"\xff\n").unwrap();
    let report = stage.run(Outcome::Failed);
    assert!(report.error.unwrap().to_string().contains("utf-8"));
    assert_eq!((stage.shown(), report.last_run.release.map(|release| release.files)), (shown, Some(3)));
    std::fs::remove_file(stage.path("input.txt")).unwrap();
    stage.run(Outcome::Failed);
    stage.write("one\ntwo\n");
    stage.run(Outcome::Unchanged);
}

#[test]
fn pages_come_with_the_flag_and_stay_without_it() {
    let mut stage = Stage::new();
    stage.run(Outcome::Published);
    assert!(!stage.shown().unwrap().contains_key("index.html"));
    stage.request.rebuild_site = true;
    stage.run(Outcome::Published);
    assert!(stage.shown().unwrap().contains_key("index.html"));
    stage.request.rebuild_site = false;
    stage.run(Outcome::Unchanged);
    stage.write("one\ntwo\nthree\n");
    stage.run(Outcome::Published);
    assert_eq!(stage.shown().unwrap()["index.html"], "<p>3 iterations</p>");
    // Also after what had them was withdrawn.
    (stage.version, stage.words) = (2, vec!["two"]);
    stage.run(Outcome::Refused);
    assert_eq!(stage.shown(), None);
    stage.write("one\n");
    stage.run(Outcome::Published);
    assert!(stage.shown().unwrap().contains_key("index.html"));
}

#[test]
fn without_publishing_the_release_is_made_and_the_pointer_stays() {
    let mut stage = Stage::new();
    stage.run(Outcome::Published);
    let shown = stage.shown();
    stage.write("one\ntwo\nthree\n");
    stage.request.publish = false;
    let report = stage.run(Outcome::Unchanged);
    let (_, site) = whole(&report.release.unwrap().path);
    assert_eq!((site.len(), stage.shown(), report.last_run.iterations), (4, shown, Some(2)));
    stage.request.publish = true;
    stage.run(Outcome::Published);
    assert_eq!(stage.shown(), Some(site));
}

#[test]
fn a_snapshot_is_kept_also_when_nothing_is_new() {
    let mut stage = Stage::new();
    stage.request.snapshot = Some("first".into());
    stage.run(Outcome::Published);
    stage.request.snapshot = Some("again".into());
    stage.run(Outcome::Unchanged);
    for id in ["first", "again"] {
        assert_eq!(whole(&stage.path("web/snapshots").join(id)).1, stage.shown().unwrap());
    }
    stage.request.snapshot = Some("../up".into());
    stage.run(Outcome::Failed);
}

#[test]
fn new_rules_withdraw_what_they_do_not_let_pass_and_say_so() {
    let mut stage = Stage::new();
    stage.request.snapshot = Some("first".into());
    stage.run(Outcome::Published);
    stage.request.snapshot = None;
    (stage.version, stage.words) = (2, vec!["two"]);
    let report = stage.run(Outcome::Refused);
    assert_eq!((report.withdrawn.len(), stage.shown()), (2, None));
    assert_eq!((report.last_run.release, report.last_run.iterations), (None, None));
    assert_eq!(report.last_run.findings["word"], 6, "in the release, in the snapshot, and in the new one");
    let reports = names(&stage.path("state"));
    assert_eq!(reports.iter().filter(|name| name.starts_with("withdrawn-report-")).count(), 2, "{reports:?}");
    stage.write("one\nthree\n");
    assert!(stage.run(Outcome::Published).withdrawn.is_empty());
    // Rules that let everything pass change no bytes.
    stage.version = 3;
    stage.run(Outcome::Unchanged);
}

#[test]
fn of_two_runs_at_once_one_leaves_or_waits_and_says_so() {
    let mut stage = Stage::new();
    std::fs::create_dir(stage.path("state")).unwrap();
    let lock = std::fs::File::create(stage.path("state/journey.lock")).unwrap();
    lock.lock().unwrap();
    std::fs::write(stage.path("state/journey.lock"), "pid 1234, since then\n").unwrap();
    let error = stage.try_run().unwrap_err();
    assert!(error.downcast_ref::<LockError>().is_some(), "{error}");
    assert!(error.to_string().contains("another run is at work (pid 1234, since then"), "{error}");
    assert!(!stage.path("state/last-run.json").exists(), "it is the other's to write");
    stage.request.patience = Duration::from_secs(60);
    let heard = std::sync::Mutex::new(0);
    let told = |progress: Progress<'_>| {
        if progress == (Progress::Waiting { holder: "pid 1234, since then" }) {
            *heard.lock().unwrap() += 1;
            lock.unlock().unwrap();
        }
    };
    autoswe_exporter::journey::synthesis::run(&stage, &stage.request, &told).unwrap();
    assert_eq!(*heard.lock().unwrap(), 1);
    assert_eq!(stage.shown().unwrap().len(), 3);
}

#[test]
fn another_state_directory_does_not_help_a_second_run_into_the_same_output_directory() {
    let mut stage = Stage::new();
    stage.run(Outcome::Published);
    let held = std::fs::File::open(stage.path("web/releases")).unwrap();
    held.lock().unwrap();
    stage.request.state = stage.path("other");
    let report = stage.try_run().unwrap();
    assert!(report.error.unwrap().to_string().contains("another run writes to"));
}
