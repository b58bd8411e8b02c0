//! The demo as a newcomer starts it: its whole story over HTTP and in a browser, and its end.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Home, LOOK, Lines, PATIENCE, client};
use crate::page::{chromium, text};

/// More than two rounds at the highest speed.
pub(super) const TWO_ROUNDS: Duration = Duration::from_secs(60);

/// A running demo; it is killed when this is dropped.
pub(super) struct Demo {
    child: Child,
    pub(super) said: Lines,
    log: Lines,
    pub(super) page: String,
}

impl Demo {
    /// Starts it and waits until it says where to look.
    pub(super) async fn start(home: &Home, arguments: &[&str]) -> Self {
        let mut command: Command = home.bare_command();
        command.args(["demo", "--speed", "4"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, log) = (Lines::of(child.stdout.take().unwrap()), Lines::of(child.stderr.take().unwrap()));
        let line = said.until("status page").await;
        let page = line.split_whitespace().last().unwrap().to_owned();
        Demo { child, said, log, page }
    }

    async fn state(&self) -> Value {
        let answer = client().get(format!("{}api/v1/state", self.page)).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    /// Ends it as Ctrl-C does; its exit code.
    async fn interrupt(&mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "it did not end\n{}", self.log.all());
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The directories of demos in this home.
fn leftovers(home: &Home) -> Vec<String> {
    let names = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("autoswe-demo-")).collect()
}

/// What the story tells: the check that turns, and what to.
const STORY: [(&str, &str); 8] = [
    ("loop", "WARN"),
    ("loop", "CRIT"),
    ("loop", "OK"),
    ("vllm", "WARN"),
    ("vllm", "CRIT"),
    ("vllm", "OK"),
    ("gpu", "WARN"),
    ("gpu", "OK"),
];

/// How much of the story was told in its order. A machine too slow for the highest speed may add turns of its own.
fn told(state: &Value) -> usize {
    let mut events: Vec<&Value> = state["events"].as_array().unwrap().iter().collect();
    events.sort_by_key(|event| event["at"].as_str());
    let turns = events.into_iter().map(|event| (event["check"].as_str().unwrap(), event["to"].as_str().unwrap()));
    turns.fold(0, |told, turn| told + usize::from(STORY.get(told) == Some(&turn)))
}

#[tokio::test]
async fn the_story_is_told_over_http_and_leaves_nothing() {
    let home = Home::new();
    let mut demo = Demo::start(&home, &["--web.listen-address", "127.0.0.1:0"]).await;
    assert_eq!(leftovers(&home).len(), 1);
    let start = Instant::now();
    let mut severities = BTreeSet::new();
    loop {
        let state = demo.state().await;
        severities.insert(state["severity"].as_str().unwrap().to_owned());
        if told(&state) == STORY.len() {
            break;
        }
        assert!(start.elapsed() < TWO_ROUNDS, "{:#}\n{}", state["events"], demo.said.all());
        tokio::time::sleep(LOOK).await;
    }
    assert_eq!(severities.into_iter().collect::<Vec<_>>(), ["CRIT", "OK", "WARN"]);
    for chapter in ["A healthy loop", "The heartbeat stops", "vLLM stalls", "The GPU throttles", "Recovery"] {
        assert!(!demo.said.with(&format!("  {chapter}: ")).is_empty(), "{}", demo.said.all());
    }
    assert_eq!(demo.interrupt().await, Some(0));
    assert_eq!((leftovers(&home), demo.log.all()), (vec![], String::new()));
}

/// What the page says in words beside each severity.
const SHOWN: [(&str, &[&str]); 3] = [
    ("OK", &["All is well", "qwen3-coder", "NVIDIA GB10 (demo)"]),
    ("WARN", &["Worth a look, not urgent"]),
    ("CRIT", &["Needs somebody now"]),
];
/// Findings that the story is about, as the page words them.
const FINDINGS: [(&str, &str); 3] = [("loop", "heartbeat"), ("vllm", "stalled for"), ("gpu", "GPU 0 is slowed down")];

#[tokio::test]
async fn a_browser_sees_every_severity_with_its_finding() {
    let home = Home::new();
    let demo = Demo::start(&home, &["--web.listen-address", "127.0.0.1:0"]).await;
    let start = Instant::now();
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::<&str>::new());
    while seen.len() < SHOWN.len() || found.is_empty() {
        let html = chromium(&demo.page, &["--dump-dom"]).await;
        let severity = html.split_once("<title>").unwrap().1.split_once(' ').unwrap().0.to_owned();
        let text = text(&html);
        let (_, words) = SHOWN.iter().find(|(name, _)| *name == severity).unwrap();
        assert!(words.iter().all(|word| text.contains(word)), "{severity}: {words:?} in {text}");
        let tells = |(id, words): &&(&str, &str)| text.contains(&format!("{id} ")) && text.contains(words);
        let told: Vec<&str> = FINDINGS.iter().filter(tells).map(|(id, _)| *id).collect();
        assert!(severity == "OK" || !told.is_empty(), "{severity} without a finding: {text}");
        found.extend(told);
        seen.insert(severity);
        assert!(start.elapsed() < TWO_ROUNDS, "only {seen:?} with {found:?}");
    }
}

/// The usual port belongs to this test, or to another program on this machine: either way it is taken.
#[tokio::test]
async fn two_demos_live_beside_an_exporter_on_the_usual_port() {
    let taken = loop_until_taken().await;
    let home = Home::new();
    let mut demos = Vec::new();
    for _ in 0..2 {
        let demo = Demo::start(&home, &[]).await;
        assert_eq!(demo.said.with("127.0.0.1:9765 is taken by another program; a free port will do.").len(), 1);
        assert!(demo.state().await["severity"].is_string());
        demos.push(demo);
    }
    assert_ne!(demos[0].page, demos[1].page);
    assert_eq!(leftovers(&home).len(), 2);
    for demo in &mut demos {
        assert_eq!(demo.interrupt().await, Some(0));
    }
    assert!(leftovers(&home).is_empty());
    drop(taken);
}

async fn loop_until_taken() -> Option<TcpListener> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE / 4 {
        if let Ok(listener) = TcpListener::bind("127.0.0.1:9765") {
            return Some(listener);
        }
        tokio::time::sleep(LOOK).await;
    }
    None
}
