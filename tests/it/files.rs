//! The whole-file sources (loop, parity, site) against real files, good and bad, through the `Source` trait.

use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use autoswe_exporter::assessment::{Severity, Thresholds, assess};
use autoswe_exporter::config::{Config, HeartbeatFormat};
use autoswe_exporter::journey::last_run::{LastRun, Outcome};
use autoswe_exporter::observation::*;
use autoswe_exporter::source::Source;
use autoswe_exporter::source::loop_::LoopSource;
use autoswe_exporter::source::parity::ParitySource;
use autoswe_exporter::source::site::SiteSource;
use autoswe_exporter::state::State;
use jiff::SignedDuration;

const HEARTBEAT: &str = r#"{"ts": "2026-11-22T11:59:56Z", "pid": 42, "epoch": 3, "iter": 117, "phase": "writer"}"#;
const STATE: &str = r#"{"epoch": 3, "iter": 117, "history": [{"outcome": "ACCEPT"}, {"outcome": "REVERT"}]}"#;
const MATRIX: &str = "cells:\n  - {id: a, status: green}\n  - {id: b, status: red}\n";

/// A runtime directory and a repository with every file in good order.
struct Place {
    dir: tempfile::TempDir,
    config: Config,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config =
            Config { runtime_dir: dir.path().join("runtime"), repo_root: dir.path().join("repo"), ..Config::default() };
        let place = Place { dir, config };
        place.write("runtime/state-heartbeat.json", HEARTBEAT);
        place.write("runtime/state.json", STATE);
        place.write("repo/acceptance/parity-matrix.yaml", MATRIX);
        place.write("repo/journey-web/dist/index.html", "<p>journey");
        place.write("repo/journey-web/site-data.json", "{}");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn read_loop(&self) -> LoopReading {
        loop_reading(&mut LoopSource::new(&self.config))
    }

    fn read_parity(&self) -> Reading<Parity> {
        parity_reading(&mut ParitySource::new(&self.config), Time::now())
    }

    fn read_site(&self) -> Reading<Site> {
        SiteSource::new(&self.config).read(Time::now()).map(|data| match data {
            Data::Site(site) => site,
            other => panic!("{other:?}"),
        })
    }
}

fn loop_reading(source: &mut LoopSource) -> LoopReading {
    match source.read(Time::now()) {
        Reading::Observed(Data::Loop(reading)) => reading,
        other => panic!("{other:?}"),
    }
}

fn parity_reading(source: &mut ParitySource, now: Time) -> Reading<Parity> {
    source.read(now).map(|data| match data {
        Data::Parity(parity) => parity,
        other => panic!("{other:?}"),
    })
}

/// A file that is not what it should be, and a part of what must be said of it.
type Spoiler = (&'static str, fn(&Path), &'static str);

/// What no reader of whole files can read, whatever the file is for.
const UNREADABLE: [Spoiler; 5] = [
    ("FIFO", |path| rustix::fs::mkfifoat(rustix::fs::CWD, path, 0o600.into()).unwrap(), "is a FIFO"),
    ("directory", |path| fs::create_dir(path).unwrap(), "is a directory"),
    ("endless device", |path| symlink("/dev/zero", path).unwrap(), "is a device"),
    ("link loop", |path| symlink(path, path).unwrap(), "leads back to itself"),
    ("endless file", |path| File::create(path).unwrap().set_len(1 << 40).unwrap(), "that are read at most"),
];

/// What can be read and is malformed, as JSON and as YAML.
const MALFORMED: [Spoiler; 5] = [
    ("empty", |path| fs::write(path, "").unwrap(), "its writer was interrupted"),
    ("not UTF-8", |path| fs::write(path, b"{\"phase\": \"\xff\xfe\"}").unwrap(), "line 1"),
    ("zeros after a crash", |path| fs::write(path, [0; 512]).unwrap(), "line 1"),
    ("half-written", |path| fs::write(path, "{\"ts\": [1, 2").unwrap(), "line "),
    ("deeply nested", |path| fs::write(path, "{\"a\":[".repeat(50_000)).unwrap(), "line 1"),
];

/// Spoils the file `name` in every way of `spoilers` and checks what `read` says of it.
fn spoil<T: std::fmt::Debug>(name: &str, spoilers: &[Spoiler], kind: FailureKind, read: impl Fn(&Place) -> Reading<T>) {
    for (way, spoil, said) in spoilers {
        let place = Place::new();
        let path = place.path(name);
        fs::remove_file(&path).unwrap();
        spoil(&path);
        let reading = read(&place);
        let Reading::Failed(failure) = reading else { panic!("{way} in place of {name}: {reading:?}") };
        assert_eq!(failure.kind, kind, "{way}: {failure}");
        assert!(failure.message.contains(said), "{way}: {failure}");
        assert!(failure.message.contains(&path.display().to_string()), "{way}: {failure}");
        assert!(failure.message.len() < 400 && !failure.message.contains('\n'), "{way}: {failure}");
    }
}

#[test]
fn everything_in_good_order_is_observed() {
    let place = Place::new();
    let reading = place.read_loop();
    assert_eq!(reading.heartbeat.observed().unwrap().iteration, Some(117));
    assert_eq!(reading.state.observed().unwrap().iterations_finished, Some(2));
    assert_eq!(reading.pause, Reading::Observed(Pause::default()));
    assert_eq!(place.read_parity().observed().unwrap().cells(), 2);
    assert!(place.read_site().observed().unwrap().data_at.is_some());
}

#[test]
fn nothing_there_is_missing_and_names_the_place() {
    let place = Place::new();
    fs::remove_dir_all(place.path("runtime")).unwrap();
    fs::remove_dir_all(place.path("repo")).unwrap();
    let LoopReading { heartbeat, state, pause } = place.read_loop();
    assert!(matches!(&heartbeat, Reading::Missing(what) if what.ends_with("runtime/state-heartbeat.json")));
    assert!(matches!(&state, Reading::Missing(what) if what.ends_with("runtime/state.json")));
    assert_eq!(pause, Reading::Observed(Pause::default()));
    assert!(matches!(place.read_parity(), Reading::Missing(what) if what.ends_with("acceptance/parity-matrix.yaml")));
    assert!(matches!(place.read_site(), Reading::Missing(what) if what.ends_with("dist/index.html")));
}

#[test]
fn a_bad_heartbeat_is_told_and_hides_nothing_else() {
    let read = |place: &Place| {
        let LoopReading { heartbeat, state, pause } = place.read_loop();
        assert!(state.observed().is_some() && pause.observed().is_some());
        heartbeat
    };
    spoil("runtime/state-heartbeat.json", &UNREADABLE, FailureKind::Unreadable, read);
    spoil("runtime/state-heartbeat.json", &MALFORMED, FailureKind::Malformed, read);
}

#[test]
fn a_bad_state_is_told_and_hides_nothing_else() {
    let read = |place: &Place| {
        let LoopReading { heartbeat, state, pause } = place.read_loop();
        assert!(heartbeat.observed().is_some() && pause.observed().is_some());
        state
    };
    spoil("runtime/state.json", &UNREADABLE, FailureKind::Unreadable, read);
    spoil("runtime/state.json", &MALFORMED, FailureKind::Malformed, read);
}

#[test]
fn a_bad_matrix_is_told() {
    spoil("repo/acceptance/parity-matrix.yaml", &UNREADABLE, FailureKind::Unreadable, Place::read_parity);
    spoil("repo/acceptance/parity-matrix.yaml", &MALFORMED, FailureKind::Malformed, Place::read_parity);
}

#[test]
fn a_matrix_beyond_its_largest_size_is_refused() {
    let mut place = Place::new();
    place.config.parity.max_size.0 = MATRIX.len() as u64;
    assert!(place.read_parity().observed().is_some());
    place.config.parity.max_size.0 = 58;
    let Reading::Failed(failure) = place.read_parity() else { panic!("read") };
    assert!(failure.message.ends_with("larger than the 58 bytes that are read at most"), "{failure}");
}

#[test]
fn a_bad_site_is_told_without_being_opened() {
    spoil("repo/journey-web/dist/index.html", &UNREADABLE[..4], FailureKind::Unreadable, Place::read_site);
    spoil("repo/journey-web/site-data.json", &UNREADABLE[..4], FailureKind::Unreadable, Place::read_site);
    let place = Place::new();
    fs::remove_file(place.path("repo/journey-web/site-data.json")).unwrap();
    assert_eq!(place.read_site().observed().unwrap().data_at, None);
}

#[test]
fn the_sites_times_are_those_of_its_files_through_links() {
    let place = Place::new();
    let index = place.path("repo/journey-web/dist/index.html");
    let release = place.path("repo/journey-web/release.html");
    fs::rename(&index, &release).unwrap();
    symlink(&release, &index).unwrap();
    let built = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    File::options().write(true).open(&release).unwrap().set_modified(built).unwrap();
    assert_eq!(place.read_site().observed().unwrap().built_at, Some(Time::from_second(1_795_000_000).unwrap()));
}

/// When the last synthesis ended that these tests know of, and what it left.
const ENDED: i64 = 1_795_000_000;

fn last_run(outcome: Outcome) -> LastRun {
    LastRun::new(Time::from_second(ENDED).unwrap(), outcome)
}

impl Place {
    /// A release that is shown, as a synthesis leaves it.
    fn release(&self) {
        self.write("repo/journey-web/releases/ab12/manifest.json", "{}");
        symlink("releases/ab12", self.path("repo/journey-web/current")).unwrap();
    }

    fn save(&self, run: &LastRun) {
        self.write("runtime/journey/last-run.json", serde_json::to_string(run).unwrap());
    }
}

#[test]
fn a_release_is_as_old_as_the_last_synthesis_that_succeeded() {
    let place = Place::new();
    place.release();
    let site = place.read_site().observed().unwrap().clone();
    let age = Time::now().duration_since(site.built_at.unwrap());
    assert!(age.as_secs().abs() < 3600 && site.data_at.is_none() && site.synthesis.is_none(), "{site:?}");
    let unchanged = last_run(Outcome::Unchanged);
    let refused = LastRun::new(Time::from_second(ENDED + 900).unwrap(), Outcome::Refused).after(Some(&unchanged));
    for run in [unchanged, refused] {
        place.save(&run);
        let built_at = Some(Time::from_second(ENDED).unwrap());
        let expected = Site { built_at, data_at: None, synthesis: Some(run) };
        assert_eq!(place.read_site(), Reading::Observed(expected));
    }
}

#[test]
fn without_a_release_the_site_is_that_of_another_builder() {
    let place = Place::new();
    let before = place.read_site().observed().unwrap().clone();
    place.save(&last_run(Outcome::Refused));
    let site = place.read_site().observed().unwrap().clone();
    assert_eq!((site.built_at, site.data_at), (before.built_at, before.data_at));
    assert_eq!(site.synthesis, Some(last_run(Outcome::Refused)));
    // A first synthesis that was refused is seen, though there is no site.
    fs::remove_dir_all(place.path("repo/journey-web")).unwrap();
    let site = place.read_site().observed().unwrap().clone();
    assert_eq!((site.built_at, site.synthesis.map(|run| run.outcome)), (None, Some(Outcome::Refused)));
}

#[test]
fn a_bad_record_of_the_last_synthesis_is_told() {
    for (way, spoil, said) in UNREADABLE.iter().chain(&MALFORMED[1..]) {
        let place = Place::new();
        place.release();
        fs::create_dir_all(place.path("runtime/journey")).unwrap();
        spoil(&place.path("runtime/journey/last-run.json"));
        let Reading::Failed(failure) = place.read_site() else { panic!("{way}") };
        assert!(failure.message.contains(said) && failure.message.contains("last-run.json"), "{way}: {failure}");
    }
}

#[test]
fn a_heartbeat_without_a_time_has_its_files() {
    let place = Place::new();
    place.write("runtime/state-heartbeat.json", r#"{"iter": 7}"#);
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let file = File::options().write(true).open(place.path("runtime/state-heartbeat.json")).unwrap();
    file.set_modified(modified).unwrap();
    let heartbeat = place.read_loop().heartbeat;
    assert_eq!(heartbeat.observed().unwrap().at, Some(Time::from_second(1_795_000_000).unwrap()));
}

#[test]
fn a_heartbeat_may_be_the_newest_file_of_a_glob() {
    let mut place = Place::new();
    place.config.loop_.heartbeat = place.path("projects/*/*.jsonl");
    place.config.loop_.heartbeat_format = HeartbeatFormat::Mtime;
    let mut source = LoopSource::new(&place.config);
    assert!(matches!(loop_reading(&mut source).heartbeat, Reading::Missing(_)));
    for (name, seconds) in [("projects/a/1.jsonl", 1_795_000_000), ("projects/b/2.jsonl", 1_795_000_100)] {
        place.write(name, "not JSON at all");
        let file = File::options().write(true).open(place.path(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }
    let heartbeat = loop_reading(&mut source).heartbeat;
    let heartbeat = heartbeat.observed().unwrap();
    assert_eq!(heartbeat.at, Some(Time::from_second(1_795_000_100).unwrap()));
    assert_eq!(heartbeat.file, Some(place.path("projects/b/2.jsonl")));
}

#[test]
fn a_loop_without_a_state_file_has_none() {
    let mut place = Place::new();
    for state in [None, Some(String::new())] {
        place.config.loop_.state = state;
        assert_eq!(place.read_loop().state, Reading::Missing("no state file is configured".into()));
    }
}

#[test]
fn pause_sentinels_are_seen_come_and_go() {
    let place = Place::new();
    let mut source = LoopSource::new(&place.config);
    let mut paused = || loop_reading(&mut source).pause.observed().unwrap().since().is_some();
    assert!(!paused());
    place.write("runtime/PAUSE", "");
    assert!(paused());
    fs::remove_file(place.path("runtime/PAUSE")).unwrap();
    symlink("nowhere", place.path("runtime/PAUSE_HARD")).unwrap();
    assert!(paused());
    fs::remove_file(place.path("runtime/PAUSE_HARD")).unwrap();
    assert!(!paused());
}

/// Tells the writer to end, also where an assertion fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Rewrites `path` from one thread while it is read from another, and says how many
/// readings were whole, malformed and torn.
fn read_while_written(place: &Place, write: impl Fn(u64) + Sync) -> (u64, u64, u64) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| {
            for round in 0.. {
                write(round);
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let mut source = LoopSource::new(&place.config);
        let (mut good, mut bad, mut torn) = (0, 0, 0);
        for _ in 0..100 {
            match loop_reading(&mut source).heartbeat {
                // Both numbers were written together: one without the other is a torn reading.
                Reading::Observed(heartbeat) if heartbeat.epoch == heartbeat.iteration => good += 1,
                Reading::Observed(_) => torn += 1,
                Reading::Failed(failure) => {
                    assert_eq!(failure.kind, FailureKind::Malformed, "{failure}");
                    bad += 1;
                }
                Reading::Missing(what) => panic!("{what}"),
            }
        }
        (good, bad, torn)
    })
}

fn numbered(round: u64) -> String {
    let padding = "x".repeat(usize::try_from(round % 5).unwrap() * 3000);
    format!(r#"{{"ts": 1795348800, "epoch": {round}, "padding": "{padding}", "iter": {round}}}"#)
}

#[test]
fn a_heartbeat_replaced_by_rename_is_always_whole() {
    let place = Place::new();
    place.write("runtime/state-heartbeat.json", numbered(0));
    let counts = read_while_written(&place, |round| {
        place.write("runtime/fresh", numbered(round));
        fs::rename(place.path("runtime/fresh"), place.path("runtime/state-heartbeat.json")).unwrap();
    });
    assert_eq!(counts, (100, 0, 0));
}

#[test]
fn a_heartbeat_rewritten_in_place_never_ends_the_reading() {
    let place = Place::new();
    place.write("runtime/state-heartbeat.json", numbered(0));
    let (whole, malformed, torn) =
        read_while_written(&place, |round| place.write("runtime/state-heartbeat.json", numbered(round)));
    // Nothing protects a reader from a writer that does not rename; it must only go on.
    assert_eq!(whole + malformed + torn, 100);
}

fn later(seconds: i64) -> Time {
    Time::now() + SignedDuration::from_secs(seconds)
}

#[test]
fn a_matrix_of_ten_megabytes_is_counted_once() {
    let place = Place::new();
    let mut matrix = String::from("modules:\n");
    for cell in 0..100_000_u64 {
        let status = ["green", "red", "manual", "n/a", "done"][usize::try_from(cell % 5).unwrap()];
        let name = "a name that says in some words what this cell is about and why";
        write!(matrix, "  - id: cell-{cell:06}\n    name: {name}\n    status: {status}\n").unwrap();
    }
    assert!(matrix.len() > 10_000_000);
    place.write("repo/acceptance/parity-matrix.yaml", matrix);
    let mut source = ParitySource::new(&place.config);
    let first = *parity_reading(&mut source, later(10)).observed().unwrap();
    assert_eq!(first.by_state().map(|(_, count)| count), [20_000; 5]);
    assert_eq!(first.first_unknown_line, Some(16));
    for _ in 0..3 {
        assert_eq!(parity_reading(&mut source, later(10)), Reading::Observed(first));
    }
    assert_eq!(source.parses(), 1);
    place.write("repo/acceptance/parity-matrix.yaml", MATRIX);
    assert_eq!(parity_reading(&mut source, later(10)).observed().unwrap().cells(), 2);
    assert_eq!(source.parses(), 2);
}

#[test]
fn a_state_of_many_megabytes_is_counted() {
    let place = Place::new();
    let iteration = format!(r#"{{"outcome": "ACCEPT", "files": ["{}"]}}"#, "x".repeat(5_000));
    let history = vec![iteration.as_str(); 1000].join(",");
    place.write("runtime/state.json", format!(r#"{{"history": [{history}], "iter": 1000}}"#));
    let state = place.read_loop().state;
    let state = state.observed().unwrap();
    assert_eq!((state.iteration, state.iterations_finished), (Some(1000), Some(1000)));
    assert_eq!(state.outcomes, [("ACCEPT".into(), 1000)]);
}

#[test]
fn deleting_the_heartbeat_of_a_stalled_loop_resolves_nothing() {
    let place = Place::new();
    let now = Time::now();
    let stalled = now - SignedDuration::from_secs(1000);
    place.write("runtime/state-heartbeat.json", format!(r#"{{"ts": "{stalled}"}}"#));
    let mut source = LoopSource::new(&place.config);
    let mut state = State::new(&place.config, now);
    let thresholds = Thresholds::new(&place.config, false);
    for (step, delete) in [(0, false), (5, true), (10, false)] {
        let now = now + SignedDuration::from_secs(step);
        if delete {
            fs::remove_file(place.path("runtime/state-heartbeat.json")).unwrap();
        }
        let reading = source.read(now);
        state.apply(Observation { source: SourceId::Loop, at: now, took: Duration::ZERO, reading });
        let assessment = assess(&state, &thresholds, now);
        assert_eq!(assessment.check("loop").unwrap().severity, Severity::Crit, "{step}");
        assert!(assessment.liveness.must_restart, "{}", assessment.liveness.reason);
    }
}
