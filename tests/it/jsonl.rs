//! The files of JSON lines, through the sources and the sink that use them: every bad input in the place of each file.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use autoswe_exporter::assessment::{Severity, Thresholds, assess};
use autoswe_exporter::check::{example_now, example_state};
use autoswe_exporter::config::{Config, SystemStateConfig};
use autoswe_exporter::jsonl::{Appender, Limits, Line, Rotation, last_lines, rotated_files, tidy};
use autoswe_exporter::observation::{Data, FailureKind, Reading, RestartOutcome, Review, Verdicts, WatchdogReading};
use autoswe_exporter::sink::system_state::{Record, SystemState, record};
use autoswe_exporter::source::Source;
use autoswe_exporter::source::review::ReviewSource;
use autoswe_exporter::source::verdicts::VerdictsSource;
use autoswe_exporter::source::watchdog::WatchdogSource;
use rustix::process::{Resource, Rlimit};

/// A runtime directory of one test.
struct Runtime {
    dir: tempfile::TempDir,
    config: Config,
}

impl Runtime {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { runtime_dir: dir.path().to_owned(), ..Config::default() };
        Runtime { dir, config }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn append(&self, name: &str, bytes: &str) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(bytes.as_bytes()).unwrap();
    }

    /// The three sources over files of JSON lines, each with its file.
    fn sources(&self) -> [(&'static str, Box<dyn Source>); 3] {
        [
            ("verdicts.jsonl", Box::new(VerdictsSource::new(&self.config))),
            ("meta-judge.jsonl", Box::new(ReviewSource::new(&self.config))),
            ("liveness-restarts.jsonl", Box::new(WatchdogSource::new(&self.config))),
        ]
    }
}

fn read(source: &mut dyn Source) -> Reading<Data> {
    source.read(example_now())
}

fn verdicts(source: &mut dyn Source) -> Verdicts {
    match read(source) {
        Reading::Observed(Data::Verdicts(verdicts)) => verdicts,
        other => panic!("{other:?}"),
    }
}

fn review(source: &mut dyn Source) -> Review {
    match read(source) {
        Reading::Observed(Data::Review(review)) => review,
        other => panic!("{other:?}"),
    }
}

fn watchdog(source: &mut dyn Source) -> WatchdogReading {
    match read(source) {
        Reading::Observed(Data::Watchdog(reading)) => reading,
        other => panic!("{other:?}"),
    }
}

fn words(verdicts: &Verdicts) -> Vec<&str> {
    verdicts.recent.iter().map(|one| one.verdict.as_str()).collect()
}

#[test]
fn nothing_there_is_missing_and_an_empty_file_is_not() {
    let runtime = Runtime::new();
    for (file, mut source) in runtime.sources() {
        let Reading::Missing(what) = read(&mut *source) else { panic!("{file}") };
        assert!(what.contains(file), "{what}");
        runtime.write(file, "");
        assert!(matches!(read(&mut *source), Reading::Observed(_)), "{file}");
        fs::remove_file(runtime.path(file)).unwrap();
        assert!(matches!(read(&mut *source), Reading::Missing(_)), "{file}");
    }
}

#[test]
fn what_is_no_file_fails_at_once_and_says_how_to_mend_it() {
    for (file, _) in Runtime::new().sources() {
        let replacements: [fn(&Path); 4] = [
            |path| fs::create_dir(path).unwrap(),
            |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
            |path| std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
            |path| std::os::unix::fs::symlink(path, path).unwrap(),
        ];
        for replace in replacements {
            let runtime = Runtime::new();
            replace(&runtime.path(file));
            let (_, mut source) = runtime.sources().into_iter().find(|(name, _)| *name == file).unwrap();
            let Reading::Failed(failure) = read(&mut *source) else { panic!("{file}") };
            assert_eq!(failure.kind, FailureKind::Unreadable);
            assert!(failure.message.contains(file) && !failure.message.contains('\n'), "{}", failure.message);
        }
    }
}

#[test]
fn a_verdict_that_is_being_written_waits_for_the_next_reading() {
    let runtime = Runtime::new();
    let mut source = VerdictsSource::new(&runtime.config);
    runtime.append("verdicts.jsonl", "{\"verdict\": \"ACCEPT\"}\n{\"verdict\": \"REV");
    assert_eq!(verdicts(&mut source), verdicts(&mut source));
    assert_eq!((words(&verdicts(&mut source)), verdicts(&mut source).malformed_lines), (vec!["ACCEPT"], 0));
    runtime.append("verdicts.jsonl", "ERT\"}");
    assert_eq!(words(&verdicts(&mut source)), ["ACCEPT", "REVERT"], "it counts before its line ending came");
    runtime.append("verdicts.jsonl", "\n");
    assert_eq!(words(&verdicts(&mut source)), ["ACCEPT", "REVERT"]);
}

#[test]
fn verdicts_survive_truncation_at_every_byte() {
    let runtime = Runtime::new();
    let whole = "{\"verdict\": \"ACCEPT\", \"ts\": 1}\n{\"verdict\": \"REVERT\", \"reason\": \"\u{e9}\"}\r\n";
    for cut in 0..=whole.len() {
        runtime.write("verdicts.jsonl", &whole.as_bytes()[..cut]);
        let verdicts = verdicts(&mut VerdictsSource::new(&runtime.config));
        assert_eq!(verdicts.malformed_lines, 0, "{cut}");
        assert_eq!(words(&verdicts), ["ACCEPT", "REVERT"][..verdicts.recent.len()], "{cut}");
        let expected = [30, whole.len() - 2].iter().filter(|end| cut >= **end).count();
        assert_eq!(verdicts.recent.len(), expected, "{cut}");
    }
}

#[test]
fn every_source_survives_hostile_bytes() {
    let long =
        [b"{\"verdict\": \"ACCEPT\"}\n".to_vec(), vec![b'['; 3 << 20], b"\n{\"verdict\": \"REVERT\"}\n".to_vec()];
    let hostile: [Vec<u8>; 5] = [
        b"\xff\xfe\x00{\"verdict\": \"\xc3\"}\n\x00\x00\n".to_vec(),
        vec![0; 100_000],
        b"\n".repeat(100_000),
        long.concat(),
        [b"[".repeat(10_000), b"\n{\"ts\": 1e400, \"health_score\": 1e400}\n".to_vec()].concat(),
    ];
    for bytes in hostile {
        let runtime = Runtime::new();
        for (file, mut source) in runtime.sources() {
            runtime.write(file, &bytes);
            assert!(matches!(read(&mut *source), Reading::Observed(_)), "{file}");
        }
    }
    let runtime = Runtime::new();
    runtime.write("verdicts.jsonl", long.concat());
    let verdicts = verdicts(&mut VerdictsSource::new(&runtime.config));
    assert_eq!((words(&verdicts), verdicts.malformed_lines), (vec!["ACCEPT", "REVERT"], 1));
}

#[test]
fn a_line_of_100_mb_is_passed_over_in_bounded_memory() {
    let runtime = Runtime::new();
    let file = File::create(runtime.path("verdicts.jsonl")).unwrap();
    let block = vec![b'x'; 1 << 20];
    (0..100).for_each(|_| (&file).write_all(&block).unwrap());
    let tail = last_lines(&File::open(runtime.path("verdicts.jsonl")).unwrap(), 5, Limits::default()).unwrap();
    assert_eq!((tail.lines, tail.torn, tail.cut), (vec![], Some(Line::TooLong), true));
    (&file).write_all(b"\n{\"verdict\": \"ACCEPT\"}\n").unwrap();
    assert_eq!(words(&verdicts(&mut VerdictsSource::new(&runtime.config))), ["ACCEPT"]);
}

#[test]
fn a_file_that_shrinks_or_is_replaced_is_read_anew() {
    let runtime = Runtime::new();
    let mut source = VerdictsSource::new(&runtime.config);
    runtime.write("verdicts.jsonl", "{\"verdict\": \"ACCEPT\"}\n{\"verdict\": \"REVERT\"}\n");
    assert_eq!(words(&verdicts(&mut source)), ["ACCEPT", "REVERT"]);
    OpenOptions::new().write(true).open(runtime.path("verdicts.jsonl")).unwrap().set_len(22).unwrap();
    assert_eq!(words(&verdicts(&mut source)), ["ACCEPT"]);
    runtime.write("new", "{\"verdict\": \"REVERT\"}\n");
    fs::rename(runtime.path("new"), runtime.path("verdicts.jsonl")).unwrap();
    assert_eq!(words(&verdicts(&mut source)), ["REVERT"]);
}

#[test]
fn reviews_keep_the_last_good_one_apart_from_failed_attempts() {
    let runtime = Runtime::new();
    let mut source = ReviewSource::new(&runtime.config);
    runtime.append("meta-judge.jsonl", "{\"ts\": \"2026-11-22T10:00:00Z\", \"health_score\": \"71.5\"}\n");
    runtime.append("meta-judge.jsonl", "{\"ts\": \"2026-11-22T11:00:00Z\", \"error\": \"no answer\"}\n");
    let review = review(&mut source);
    assert_eq!((review.last_good.unwrap().health_score, review.failed_since), (71.5, 1));
    assert_eq!(review.last_attempt_at, Some("2026-11-22T11:00:00Z".parse().unwrap()));
}

#[test]
fn a_long_row_of_failed_attempts_names_the_last_good_review() {
    let runtime = Runtime::new();
    let failed = "{\"ts\": 200, \"error\": \"failed\", \"last_good\": {\"ts\": 100, \"health_score\": 64, \"verdict\": \"degraded\"}}\n";
    runtime.append("meta-judge.jsonl", "{\"ts\": 100, \"health_score\": 64, \"summary\": \"so so\"}\n");
    let mut reader = ReviewSource::new(&runtime.config);
    assert_eq!(review(&mut reader).last_good.unwrap().summary.as_deref(), Some("so so"));
    runtime.append("meta-judge.jsonl", &failed.repeat(100));
    assert_eq!(review(&mut reader).last_good.unwrap().summary.as_deref(), Some("so so"), "as it was read");
    let good = review(&mut ReviewSource::new(&runtime.config)).last_good.unwrap();
    assert_eq!((good.health_score, good.verdict.as_deref(), good.summary), (64.0, Some("degraded"), None));
}

#[test]
fn spoilt_lines_never_push_out_what_was_known() {
    let runtime = Runtime::new();
    let (mut judge, mut reviewer) = (VerdictsSource::new(&runtime.config), ReviewSource::new(&runtime.config));
    runtime.append("verdicts.jsonl", "{\"verdict\": \"REVERT\"}\n");
    runtime.append("meta-judge.jsonl", "{\"ts\": 100, \"health_score\": 20}\n");
    assert_eq!((words(&verdicts(&mut judge)).len(), review(&mut reviewer).failed_since), (1, 0));
    runtime.append("verdicts.jsonl", &"spoilt\n".repeat(100));
    runtime.append("meta-judge.jsonl", &"{\"ts\": 200}\n".repeat(100));
    let (verdicts_now, review_now) = (verdicts(&mut judge), review(&mut reviewer));
    assert_eq!((words(&verdicts_now), verdicts_now.malformed_lines), (vec!["REVERT"], 25));
    assert_eq!((review_now.last_good.map(|good| good.health_score), review_now.failed_since), (Some(20.0), 50));
    runtime.write("verdicts.jsonl", "");
    assert_eq!(verdicts(&mut judge), Verdicts::default(), "a file that was begun anew is no spoilt one");
}

#[test]
fn one_file_of_the_watchdog_does_not_hide_the_other() {
    let runtime = Runtime::new();
    let mut source = WatchdogSource::new(&runtime.config);
    runtime.append("liveness-restarts.jsonl", "{\"ts\": 100, \"event\": \"intent\", \"id\": \"a\"}\n");
    let reading = watchdog(&mut source);
    assert_eq!((reading.last_evaluation_at, reading.problems), (None, vec![]), "a trail alone is nothing to report");

    runtime.write("watchdog-state.json", "{\"last_evaluation_ts\": 200, \"budget_remaining\": 0}");
    assert_eq!(watchdog(&mut source).budget_remaining, Some(0));

    runtime.write("watchdog-state.json", "{\"last_evalu");
    runtime.append(
        "liveness-restarts.jsonl",
        "spoilt\n{\"ts\": 300, \"event\": \"outcome\", \"id\": \"a\", \"outcome\": \"did_not_take\"}\n",
    );
    let reading = watchdog(&mut source);
    assert_eq!(reading.budget_remaining, Some(0), "what was known before is kept");
    assert_eq!(reading.last_restart.unwrap().outcome, RestartOutcome::DidNotTake);
    assert_eq!(reading.problems.len(), 2, "{:?}", reading.problems);

    fs::remove_file(runtime.path("watchdog-state.json")).unwrap();
    let reading = watchdog(&mut source);
    assert!(reading.budget_remaining == Some(0) && reading.problems[0].contains("it was there before"));
}

#[test]
fn a_file_without_permission_is_told_apart_from_a_missing_one() {
    let runtime = Runtime::new();
    runtime.write("verdicts.jsonl", "{}\n");
    fs::set_permissions(runtime.path("verdicts.jsonl"), fs::Permissions::from_mode(0o000)).unwrap();
    let reading = read(&mut VerdictsSource::new(&runtime.config));
    // Root reads everything.
    if rustix::process::geteuid().is_root() {
        assert!(matches!(reading, Reading::Observed(_)));
    } else {
        assert!(matches!(reading, Reading::Failed(failure) if failure.kind == FailureKind::Unreadable));
    }
}

const FULL_DIR: &str = "AUTOSWE_TEST_FULL_DIR";

/// Writes records until a limit on the size of files stops it, has the limit raised, and writes on. Run only as the
/// child of the next test: the limit is the process's own.
#[test]
#[ignore = "a child process of `a_disk_that_fills_up_loses_only_what_did_not_fit_and_recovers`"]
fn writes_until_the_disk_is_full() {
    let dir = std::env::var_os(FULL_DIR).expect("run by the test that is named above");
    let record = empty_record();
    let mut sink = SystemState::new(&SystemStateConfig::default(), Path::new(&dir));
    let fitted = (0..100).take_while(|_| sink.write(&record)).count();
    assert!((1..100).contains(&fitted), "{fitted}");
    assert!(!sink.write(&record), "still full");
    assert_eq!((sink.counts().written, sink.counts().failed), (fitted as u64, 2));

    let limit = rustix::process::getrlimit(Resource::Fsize);
    rustix::process::setrlimit(Resource::Fsize, Rlimit { current: limit.maximum, ..limit }).unwrap();
    assert!(sink.write(&record));
    sink.finish();
    fs::write(Path::new(&dir).join("fitted"), fitted.to_string()).unwrap();
}

fn empty_record() -> Record {
    let state = example_state(vec![]);
    let assessment = assess(&state, &Thresholds::new(&Config::default(), false), example_now());
    record(&state, &assessment, example_now())
}

/// A limit on the size of files stands in for a small disk: it cuts a `write` short in the same way, without root.
#[test]
fn a_disk_that_fills_up_loses_only_what_did_not_fit_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    // 32 blocks of 512 bytes; who ignores the signal gets an error instead.
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ && ulimit -S -f 32 && exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "jsonl::writes_until_the_disk_is_full", "--ignored", "--nocapture"])
        .env(FULL_DIR, dir.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    let fitted: usize = fs::read_to_string(dir.path().join("fitted")).unwrap().parse().unwrap();
    let text = fs::read_to_string(dir.path().join(SystemStateConfig::default().file)).unwrap();
    let whole = text.lines().filter(|line| *line == serde_json::to_string(&empty_record()).unwrap()).count();
    assert_eq!(whole, fitted + 1, "every record that was said to be written is there, whole");
    assert_eq!(text.lines().count(), fitted + 2, "the one that was cut short stands alone");
}

#[test]
fn a_severity_that_changes_is_recorded_at_once() {
    let runtime = Runtime::new();
    let mut source = VerdictsSource::new(&runtime.config);
    runtime.write("verdicts.jsonl", "{\"verdict\": \"WEDGED_NO_VERDICT\"}\n".repeat(5));
    let now = example_now();
    let observe = |reading| autoswe_exporter::observation::Observation {
        source: autoswe_exporter::observation::SourceId::Verdicts,
        at: now,
        took: std::time::Duration::ZERO,
        reading,
    };
    let thresholds = Thresholds::new(&runtime.config, false);
    let mut sink = SystemState::new(&runtime.config.system_state, runtime.dir.path());
    for (state, severity) in
        [(example_state(vec![]), Severity::Ok), (example_state(vec![observe(read(&mut source))]), Severity::Crit)]
    {
        let assessment = assess(&state, &thresholds, now);
        assert_eq!(assessment.severity, severity);
        assert!(sink.due(now, assessment.severity));
        assert!(sink.write(&record(&state, &assessment, now)));
        assert!(!sink.due(now, assessment.severity));
    }
    let file = File::open(runtime.path("system-state.jsonl")).unwrap();
    let parse = |line: &[u8]| serde_json::from_slice::<serde_json::Value>(line).ok();
    let records = last_lines(&file, 9, Limits::default()).unwrap().parsed(parse);
    let severities: Vec<_> = records.into_iter().map(|record| record.unwrap()["severity"].clone()).collect();
    assert_eq!(severities, ["OK", "CRIT"]);
}

const KILLED_DIR: &str = "AUTOSWE_TEST_KILLED_DIR";

/// Appends and rotates for ever, telling each line that it appended. Run only as the child of the next test.
#[test]
#[ignore = "a child process of `a_writer_that_is_killed_loses_and_joins_nothing`"]
fn writes_until_killed() {
    let dir = std::env::var_os(KILLED_DIR).expect("run by the test that is named above");
    let path = Path::new(&dir).join("a.jsonl");
    let mut appender = Appender::new(path.clone(), Some(Rotation { size: 4000 }));
    for line in 0_u64.. {
        let text = format!("{} {line} {}", std::process::id(), "x".repeat(500));
        let appended = appender.append(text.as_bytes(), example_now()).unwrap();
        writeln!(std::io::stdout(), "appended {}", &text[..text.len() - 501]).unwrap();
        if appended.rotated {
            tidy(&path, usize::MAX).unwrap();
        }
    }
}

/// Lets a child append until it told `count` lines, kills it wherever it is, and returns what it told.
fn appended_until_killed(dir: &Path, count: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "jsonl::writes_until_killed", "--ignored", "--nocapture"])
        .env(KILLED_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let appended = |line: String| line.split_once("appended ").map(|(_, text)| text.to_owned());
    let mut lines: Vec<String> = told.by_ref().filter_map(appended).take(count).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    lines.extend(told.filter_map(appended));
    lines
}

/// Every line in the file and in what was rotated from it.
fn all_lines(path: &Path) -> Vec<String> {
    // A kill between the renaming and the next line leaves no file at the path.
    let present = path.exists().then(|| path.to_owned());
    let files = rotated_files(path).unwrap().into_iter().chain(present);
    let text = |file: PathBuf| {
        let bytes = fs::read(&file).unwrap();
        let packed = file.extension().is_some_and(|extension| extension == "zst");
        String::from_utf8(if packed { zstd::decode_all(&*bytes).unwrap() } else { bytes }).unwrap()
    };
    files.flat_map(|file| text(file).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn a_writer_that_is_killed_loses_and_joins_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let mut told = BTreeSet::new();
    for round in 0..12 {
        told.extend(appended_until_killed(dir.path(), 20 + round));
        // The next start finishes what the kill interrupted.
        tidy(&path, usize::MAX).unwrap();
        let mut seen = BTreeSet::new();
        for line in all_lines(&path) {
            let end = line.trim_end_matches('x');
            assert!(!end.contains('x'), "two lines were joined: {line}");
            // A line that the kill cut short was not told; it stays as it is.
            if line.len() == end.len() + 500 {
                assert!(seen.insert(end.trim_end().to_owned()), "{end} stands there twice");
            }
        }
        assert!(told.is_subset(&seen), "lost: {:?}", told.difference(&seen));
    }
    assert!(rotated_files(&path).unwrap().len() > 12);
}
