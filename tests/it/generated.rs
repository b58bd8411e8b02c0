//! The made-up run of `generate-run` is one that every reader of the program understands.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use autoswe_exporter::config::{Config, Inputs, load};
use autoswe_exporter::journey::transcript::{Ledger, Options, freeze, read};
use autoswe_exporter::jsonl::{Limits, last_lines};
use autoswe_exporter::source::{parity, review, verdicts};
use autoswe_exporter::watchdog::trail::{Event, Trail};
use serde_json::Value;

use crate::generated_run::{Made, Plan, generate};

const ITERATIONS: u64 = 60;

fn plan() -> Plan {
    Plan { iterations: ITERATIONS, transcripts: 3_000_000, commits: 1000, seed: 5, secrets: false, plant: None }
}

fn made(directory: &Path, plan: &Plan) -> (Made, Config) {
    let made = generate(directory, plan).unwrap();
    let inputs = Inputs { file: Some(made.config.clone()), ..Inputs::default() };
    let config = load(&inputs).unwrap_or_else(|errors| panic!("{errors:?}")).config;
    (made, config)
}

fn ledger(config: &Config, state: &Path) -> Ledger {
    let options = Options { state_dir: state.to_owned(), ..Options::of(config) };
    read(&freeze(config).unwrap(), &options, &mut |_, _| {})
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn lines(path: PathBuf) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_transcripts_tell_the_tokens_that_the_state_tells() {
    let directory = tempfile::tempdir().unwrap();
    let (made, config) = made(directory.path(), &plan());
    let state = json(config.in_runtime_dir(Path::new("state.json")));
    let started_at = state["started_at"].as_str().unwrap().parse().unwrap();
    let repository = fs::canonicalize(directory.path().join("repo")).unwrap();
    let ledger = ledger(&config, &directory.path().join("read")).of_run(Some(started_at), &repository);
    let left_out: Vec<(&str, u64)> = ledger.left_out.iter().map(|l| (l.kind.as_str(), l.count)).collect();
    assert_eq!(left_out, [("earlier_run", 1), ("other_project", 1)]);
    assert_eq!(ledger.turns.len() as u64, made.transcripts.2);
    assert!(ledger.turns.iter().any(|turn| turn.sidechain) && ledger.turns.iter().any(|turn| turn.tool_calls > 1));
    let history = state["history"].as_array().unwrap();
    assert_eq!(history.len() as u64, ITERATIONS);
    for iteration in history {
        let time = |name: &str| iteration[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let (start, end) = (time("started_at"), time("ended_at"));
        let mut tokens: BTreeMap<&str, u64> = BTreeMap::new();
        for turn in ledger.turns.iter().filter(|turn| (start..end).contains(&turn.at_ms)) {
            *tokens.entry(&ledger.models[usize::from(turn.model)]).or_default() += turn.tokens.total();
        }
        assert_eq!(serde_json::to_value(tokens).unwrap(), iteration["tokens"], "{}", iteration["iter"]);
    }
}

#[test]
fn the_repository_has_the_commits_that_the_state_names() {
    let directory = tempfile::tempdir().unwrap();
    let (_, config) = made(directory.path(), &plan());
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(directory.path().join("repo")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let log = git(&["log", "--format=%H %ct", "main"]);
    let state = json(config.in_runtime_dir(Path::new("state.json")));
    let named: Vec<String> = state["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|iteration| {
            let hash = iteration["commits"][0].as_str()?;
            let ended: jiff::Timestamp = iteration["ended_at"].as_str().unwrap().parse().unwrap();
            Some(format!("{hash} {}", ended.as_second()))
        })
        .collect();
    assert!(named.len() > 20, "{named:?}");
    assert!(named.iter().all(|commit| log.contains(commit)));
    assert_eq!(log.lines().count(), named.len() + 1);
    git(&["fsck", "--strict"]);
}

#[test]
fn the_files_of_the_runtime_directory_are_in_the_formats_of_their_readers() {
    let directory = tempfile::tempdir().unwrap();
    let (_, config) = made(directory.path(), &plan());
    let path = |name: &str| config.in_runtime_dir(Path::new(name));
    let tail = |name: &str| last_lines(&fs::File::open(path(name)).unwrap(), 200, Limits::default()).unwrap();
    let trail = Trail::parse(&tail("liveness-restarts.jsonl"));
    assert_eq!(trail.malformed, 0);
    assert!(trail.entries.iter().any(|entry| entry.event == Event::Intent));
    assert_eq!(verdicts::parse(&tail("verdicts.jsonl")).malformed_lines, 0);
    assert_eq!(review::parse(&tail("meta-judge.jsonl")).failed_since, 0);
    for (name, fields) in [
        ("wedge-events.jsonl", ["ts", "iter", "kind"]),
        ("wedge-lessons.jsonl", ["ts", "iter", "lesson"]),
        ("rule-refinements.jsonl", ["ts", "iter", "rule"]),
        ("orchestrator-bypass-attempts.jsonl", ["ts", "iter", "command"]),
    ] {
        let lines = lines(path(name));
        assert!(!lines.is_empty(), "{name}");
        assert!(lines.iter().all(|line| fields.iter().all(|field| !line[field].is_null())), "{name}");
    }
    let matrix = fs::read(directory.path().join("repo/acceptance/parity-matrix.yaml")).unwrap();
    let parity = parity::parse(&mut Cursor::new(matrix)).unwrap();
    let records = lines(path("system-state.jsonl"));
    assert_eq!(records.len() as u64, ITERATIONS);
    assert_eq!(records.last().unwrap()["parity_green"], parity.green);
    assert!(records[0]["parity_green"].as_u64().unwrap() < parity.green / 2 && parity.unknown == 0);
}

#[test]
fn the_same_plan_gives_the_same_bytes_and_another_seed_others() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    let made = |seed| {
        generate(&run, &Plan { seed, secrets: true, iterations: 8, transcripts: 300_000, ..plan() }).unwrap();
        let content = content(&run);
        fs::remove_dir_all(&run).unwrap();
        content
    };
    let first = made(5);
    assert_eq!(made(5), first);
    assert_ne!(made(6), first);
}

/// Every file below `directory` but those of git.
fn content(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            files.insert(path.clone(), fs::read(&path).unwrap());
        } else if !path.ends_with(".git") {
            files.extend(content(&path));
        }
    }
    files
}

#[test]
fn what_is_planted_stands_in_every_input_and_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let canary = "canary-5ca1ab1e";
    let plan = Plan { iterations: 40, transcripts: 2_000_000, secrets: true, plant: Some(canary.into()), ..plan() };
    let (made, _) = made(directory.path(), &plan);
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let files = content(directory.path());
    let inputs = files.iter().filter(|(path, _)| {
        let path = path.display().to_string();
        ["/runtime/", "/projects/", "parity-matrix"].iter().any(|part| path.contains(part))
    });
    for (path, bytes) in inputs {
        assert!(holds(bytes, canary), "{} has no canary", path.display());
    }
    for trap in made.traps.iter().filter(|trap| trap.file != "repo" && !trap.value.contains('\n')) {
        let bytes = files.iter().find(|(path, _)| path.ends_with(&trap.file)).map(|(_, bytes)| bytes);
        let place = bytes.unwrap_or_else(|| panic!("{} is no file", trap.file));
        assert!(holds(place, &trap.value), "{trap:?}");
    }
    let log = Command::new("git").arg("-C").arg(directory.path().join("repo")).args(["log", "--format=%s"]).output();
    assert!(holds(&log.unwrap().stdout, canary));
}
