//! `backtest`, through the library over the demo's story and through the built program over made-up days.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use autoswe_exporter::assessment::Severity;
use autoswe_exporter::backtest::{Difference, Place, Question, backtest};
use autoswe_exporter::observation::Time;
use autoswe_exporter::sink::system_state::record;
use serde_json::Value;

use crate::story::{STEP, Show};

#[path = "../year/mod.rs"]
mod year;

struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs `backtest` in `home` with nothing of ours in its environment.
fn run(home: &Path, arguments: &[&str]) -> Run {
    run_with(home, arguments, b"")
}

fn run_with(home: &Path, arguments: &[&str], input: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_autoswe-exporter"))
        .arg("backtest")
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("TZ", "UTC")
        .current_dir(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // The program may end before it has read everything.
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &input).is_ok());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn end() -> Time {
    Time::from_second(1_795_348_800).unwrap()
}

/// Some days of records.
fn days(days: i64) -> Vec<u8> {
    let mut lines = Vec::new();
    year::write(&mut lines, days, 7, end()).unwrap();
    lines
}

fn home_with(lines: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("system-state.jsonl");
    std::fs::write(&path, lines).unwrap();
    (home, path)
}

fn json(run: &Run) -> Value {
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    serde_json::from_str(&run.stdout).unwrap()
}

/// One write of the story is read, recorded at every step, and judged again: nothing may differ.
#[tokio::test]
async fn the_story_is_judged_again_as_it_was_judged() {
    let mut show = Show::open(1.0).await;
    let story = *show.demo.story();
    let length: Duration = story.chapters().iter().map(|chapter| story.length(chapter)).sum();
    let (mut text, mut elapsed) = (String::new(), Duration::ZERO);
    while elapsed < length {
        let assessment = show.step(elapsed).await;
        let record = record(&show.state, &assessment, show.begun + elapsed);
        text += &(serde_json::to_string(&record).unwrap() + "\n");
        elapsed += STEP.div_f64(story.speed());
    }
    let (_home, path) = home_with(text.as_bytes());
    let question = Question {
        places: vec![Place::File(path)],
        config: show.demo.config(),
        thresholds: show.thresholds.clone(),
        since: None,
        until: None,
        threads: 2,
        block: 0,
    };
    let outcome = backtest(&question);
    let codes: std::collections::BTreeSet<_> = outcome.recorded.episodes.iter().map(|episode| episode.code).collect();
    assert!(codes.len() >= 5, "the story shows much: {codes:?}");
    let differing: Vec<_> = outcome.rows.iter().filter(|row| row.difference != Difference::Same).collect();
    assert!(differing.is_empty(), "{differing:#?}");
    assert!(outcome.unknown.iter().all(|code| ["gpu.silent_cap", "gpu.idle"].contains(&code.name().as_str())));
    for severity in [Severity::Ok, Severity::Warn, Severity::Crit] {
        let (then, now) = (outcome.recorded.seconds(severity), outcome.judged.seconds(severity));
        assert!((then - now).abs() < 2.0, "{severity}: {then} {now}");
    }
}

#[test]
fn the_limits_that_recorded_find_what_was_recorded() {
    let (home, _) = home_with(&days(10));
    let told = json(&run(home.path(), &["--log", ".", "--json"]));
    assert!(told["records"].as_u64().unwrap() > 4_700, "{}", told["records"]);
    assert_eq!(told["left_out"], serde_json::json!({"spoilt": 0, "newer": 0, "outside": 0, "foreign_findings": 0}));
    assert_eq!(told["not_judged_again"]["in_some_records"], serde_json::json!(["gpu.idle"]));
    let counts = &told["differences"];
    let same = counts["same"].as_u64().unwrap();
    let other: u64 = counts.as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>() - same;
    assert!(same > 20 && other * 20 <= same, "{counts}");
    let restarts = &told["restarts"];
    let count = |side: &str| restarts[side].as_array().unwrap().len();
    assert!(count("made") > 0 && count("recorded") == count("judged"), "{restarts}");
}

#[test]
fn other_limits_find_more_or_less() {
    let (home, path) = home_with(&days(10));
    let log = path.to_str().unwrap();
    std::fs::write(
        home.path().join("new.yaml"),
        "checks: {loop: {warn: 8m, crit: 10m}, gpu: {hot: 99, slowdown: 100}}",
    )
    .unwrap();
    let told = json(&run(home.path(), &["--log", log, "--config", "new.yaml", "--json"]));
    assert_eq!(told["limits"], "the limits of new.yaml");
    let of = |check: &str, code: &str| {
        let findings = told["findings"].as_array().unwrap();
        findings.iter().find(|row| row["check"] == check && row["code"] == code).unwrap().clone()
    };
    let hot = of("gpu", "hot");
    assert!(hot["recorded"]["episodes"].as_u64() > Some(0) && hot["judged"]["episodes"] == 0, "{hot}");
    let old = of("loop", "heartbeat_old");
    assert!(old["judged"]["crit_seconds"].as_f64() > old["recorded"]["crit_seconds"].as_f64(), "{old}");
    let restarts = |side: &str| -> f64 {
        told["restarts"][side].as_array().unwrap().iter().filter_map(|restart| restart["seconds"].as_f64()).sum()
    };
    assert!(restarts("judged") > restarts("recorded"), "{}", told["restarts"]);
    // The flag of every command does the same.
    let again = json(&run(home.path(), &["--log", log, "--config.file", "new.yaml", "--json"]));
    assert_eq!(again, told);
}

#[test]
fn a_terminal_gets_lines_of_80_columns_and_no_colour_unless_asked() {
    let (home, _) = home_with(&days(8));
    std::fs::write(home.path().join("new.yaml"), "checks: {loop: {warn: 8m, crit: 10m}}").unwrap();
    let plain = run(home.path(), &["--log", ".", "--config", "new.yaml", "--all"]);
    assert_eq!(plain.code, Some(0), "{}", plain.stderr);
    for word in [
        "judged by the limits of new.yaml",
        "recorded",
        "Restarts that would have been called for",
        "Timeline:",
        "note:",
    ] {
        assert!(plain.stdout.contains(word), "{word}: {}", plain.stdout);
    }
    assert!(!plain.stdout.contains('\u{1b}'));
    let longest = plain.stdout.lines().max_by_key(|line| line.chars().count()).unwrap();
    assert!(longest.chars().count() <= 80, "{longest}");
    let coloured = run(home.path(), &["--log", ".", "--color", "always"]);
    assert!(coloured.stdout.contains('\u{1b}'));
}

#[test]
fn rotated_files_come_along_in_order_and_standard_input_does_too() {
    let lines = days(4);
    let cut = |share: usize| lines.len() * share / 3 + memchr(&lines[lines.len() * share / 3..]);
    let (first, second) = (cut(1), cut(2));
    let (home, path) = home_with(&lines[second..]);
    let packed = zstd::encode_all(&lines[..first], 3).unwrap();
    std::fs::write(home.path().join("system-state.jsonl.20261119T120000.000Z.zst"), packed).unwrap();
    std::fs::write(home.path().join("system-state.jsonl.20261121T120000.000Z"), &lines[first..second]).unwrap();
    let rotated = json(&run(home.path(), &["--log", path.to_str().unwrap(), "--json"]));
    let whole = json(&Run { ..run_with(home.path(), &["--log", "-", "--json"], &lines) });
    for (key, value) in whole.as_object().unwrap() {
        assert_eq!(&rotated[key], value, "{key}");
    }
    assert_eq!(rotated["holes"]["clock_steps_back"], 0);
    let since =
        json(&run(home.path(), &["--log", ".", "--json", "--since", "2026-11-21T00:00:00Z", "--until", "2026-11-22"]));
    assert!(
        since["from"].as_str() >= Some("2026-11-21T00:00:00") && since["to"].as_str() <= Some("2026-11-22T00:00:00Z")
    );
    assert_eq!(
        since["records"].as_u64().unwrap() + since["left_out"]["outside"].as_u64().unwrap(),
        whole["records"].as_u64().unwrap()
    );
}

/// The place after the next line's end.
fn memchr(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1
}

#[test]
fn mistakes_say_what_where_and_the_mend() {
    let (home, _) = home_with(&days(1));
    let file = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    file("empty", "");
    file("foreign", "one\n{\"two\": 2}\n");
    file("newer", "{\"ts\": 1795348800, \"severity\": \"OK\", \"version\": 2}\n");
    file("bad.yaml", "checks: {loop: {warm: 5m}}");
    for (arguments, words) in [
        (&["--log", "none"][..], "none is not there, nor any rotated file of it"),
        (&["--log", "empty"], "empty: empty; the exporter writes a record every"),
        (&["--log", "foreign"], "none of 2 lines is a record of system-state.jsonl"),
        (&["--log", "newer"], "written by a later version"),
        (&["--log", "/dev/null"], "/dev/null cannot be read: not a regular file; pipe it to `--log -`"),
        (&["--log", ".", "--since", "soon"], "--since soon: expected a time such as"),
        (&["--log", ".", "--since", "2030-01-01"], "lies in that time; widen --since and --until"),
        (&["--log", ".", "--since", "1h", "--until", "2h"], "--since lies after --until"),
        (&["--log", ".", "--config", "bad.yaml"], "warm"),
        (&["--log", ".", "--html", "no/such/page.html"], "no/such/page.html cannot be written"),
        (&[], "system-state.jsonl is not there"),
    ] {
        let run = run(home.path(), arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn the_page_is_whole_and_needs_nothing_else() {
    let mut lines = days(8);
    // Text from a record is text, whatever it looks like.
    lines.extend_from_slice(
        b"{\"ts\":\"2026-11-22T12:03:00Z\",\"version\":1,\"severity\":\"WARN\",\"crit\":[],\
          \"warn\":[\"site: <script>alert(1)</script>\"],\"findings\":[\"site.site_old\"]}\n",
    );
    let (home, _) = home_with(&lines);
    std::fs::write(home.path().join("new.yaml"), "checks: {loop: {warn: 8m, crit: 10m}}").unwrap();
    let before: Vec<_> = files(home.path());
    let written = run(home.path(), &["--log", ".", "--config", "new.yaml", "--html", "page.html"]);
    assert_eq!((written.code, written.stdout.as_str(), written.stderr.as_str()), (Some(0), "", ""));
    let after = files(home.path());
    assert_eq!(after.len(), before.len() + 1, "nothing but the page: {after:?}");
    let page = std::fs::read_to_string(home.path().join("page.html")).unwrap();
    let printed = run(home.path(), &["--log", ".", "--config", "new.yaml", "--html", "-"]);
    assert_eq!(printed.stdout, page);
    for outside in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for inside in
        ["prefers-color-scheme:dark", "<title>loop, now: CRIT", "role=\"img\"", "lang=\"en\"", "Restarts that would"]
    {
        assert!(page.contains(inside), "{inside}");
    }
    assert_eq!(balance(&page), Vec::<String>::new());
}

fn files(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Elements of `page` that are not closed, or closed and not open.
fn balance(page: &str) -> Vec<String> {
    const VOID: [&str; 4] = ["!doctype", "meta", "link", "br"];
    let (mut open, mut wrong) = (Vec::new(), Vec::new());
    for tag in page.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap().to_lowercase();
        if tag.ends_with('/') || VOID.contains(&name.as_str()) {
            continue;
        }
        if !tag.starts_with('/') {
            open.push(name);
        } else if open.pop().as_ref() != Some(&name) {
            wrong.push(name);
        }
    }
    wrong.extend(open);
    wrong
}
