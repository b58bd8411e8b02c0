//! A small real loop for the watchdog's tests: it writes a heartbeat and does as it is told.
//!
//! `loop_double DIRECTORY MILLISECONDS` writes `state-heartbeat.json` in the directory that often, by atomic rename,
//! and appends its invocation id and process id to `starts` first. Before each beat it reads `commands`: one line for
//! each of its runs, the last line for all that follow, so that a run after a restart can behave unlike the one
//! before. The words of a line, of which several may stand together:
//!
//! | word | what it does |
//! | --- | --- |
//! | `beat` | nothing but beat, as it does without a line |
//! | `hang` | live on without a beat |
//! | `beats=N` | hang after so many beats |
//! | `crash`, `exit` | end with code 1, with code 0 |
//! | `start=MS` | not beat for so long after the start |
//! | `garbage`, `truncated`, `empty` | write that in place of a heartbeat |
//! | `ahead=S` | be so many seconds ahead of the clock |
//! | `phase=NAME` | be in that phase, which began when the word was first read |
//! | `phase_age=S` | say that the phase began so many seconds ago |
//!
//! It ends upon SIGTERM because it does nothing about it; a shell before it (`trap '' TERM; exec ...`) makes it deaf.
//! Invariant: a command that it does not know ends it with code 2, so that a misspelt test does not pass.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One run of the loop.
struct Loop {
    directory: PathBuf,
    invocation: String,
    /// Which run this is, from 0.
    run: usize,
    started: f64,
    beats: u64,
    phase: String,
    phase_started: f64,
}

/// What its line tells it to do now.
struct Orders {
    text: Text,
    ahead: f64,
    phase: String,
    phase_age: Option<f64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Text {
    Whole,
    Truncated,
    Garbage,
    Empty,
    None,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, directory, period] = arguments.as_slice() else { exit(2) };
    let period = Duration::from_millis(period.parse().expect("milliseconds"));
    let mut this = Loop::begin(Path::new(directory));
    loop {
        this.beat();
        std::thread::sleep(period);
    }
}

impl Loop {
    fn begin(directory: &Path) -> Loop {
        let invocation = std::env::var("INVOCATION_ID").unwrap_or_default();
        let starts = directory.join("starts");
        let run = fs::read_to_string(&starts).unwrap_or_default().lines().count();
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&starts).expect("the file of starts");
        writeln!(file, "{invocation} {}", std::process::id()).expect("a line in the file of starts");
        let started = now();
        let directory = directory.to_owned();
        Loop { directory, invocation, run, started, beats: 0, phase: "idle".into(), phase_started: started }
    }

    fn beat(&mut self) {
        let orders = self.orders();
        if orders.phase != self.phase {
            (self.phase, self.phase_started) = (orders.phase.clone(), now());
        }
        let whole = self.heartbeat(&orders);
        let text = match orders.text {
            Text::Whole => whole.as_str(),
            Text::Truncated => &whole[..whole.len() / 2],
            Text::Garbage => "\0\u{1}[[[not a heartbeat",
            Text::Empty => "",
            Text::None => return,
        };
        self.beats += 1;
        let fresh = self.directory.join("state-heartbeat.json.new");
        fs::write(&fresh, text).expect("the heartbeat is written");
        let place = self.directory.join("state-heartbeat.json");
        if place.is_dir() {
            fs::remove_dir(&place).expect("what stands in its place is removed");
        }
        fs::rename(&fresh, place).expect("the heartbeat is renamed");
    }

    fn heartbeat(&self, orders: &Orders) -> String {
        let began = orders.phase_age.map_or(self.phase_started, |age| now() - age);
        format!(
            r#"{{"ts": {:.3}, "pid": {}, "epoch": 1, "iter": {}, "vertex": "v", "phase": "{}", "phase_started_at": {began:.3}, "invocation_id": "{}"}}"#,
            now() + orders.ahead,
            std::process::id(),
            self.beats,
            self.phase,
            self.invocation
        )
    }

    fn orders(&self) -> Orders {
        let commands = fs::read_to_string(self.directory.join("commands")).unwrap_or_default();
        let lines: Vec<&str> = commands.lines().collect();
        let line = lines.get(self.run).or(lines.last()).copied().unwrap_or("beat");
        let mut orders = Orders { text: Text::Whole, ahead: 0.0, phase: "idle".into(), phase_age: None };
        line.split_whitespace().for_each(|word| self.obey(word, &mut orders));
        orders
    }

    fn obey(&self, word: &str, orders: &mut Orders) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let number = || value.parse::<f64>().unwrap_or_else(|_| exit(2));
        match name {
            "beat" => {}
            "hang" => orders.text = Text::None,
            "beats" if self.beats < value.parse().unwrap_or_else(|_| exit(2)) => {}
            "beats" => orders.text = Text::None,
            "crash" => exit(1),
            "exit" => exit(0),
            "start" if now() - self.started < number() / 1000.0 => orders.text = Text::None,
            "start" => {}
            "garbage" => orders.text = Text::Garbage,
            "truncated" => orders.text = Text::Truncated,
            "empty" => orders.text = Text::Empty,
            "ahead" => orders.ahead = number(),
            "phase" => value.clone_into(&mut orders.phase),
            "phase_age" => orders.phase_age = Some(number()),
            _ => exit(2),
        }
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs_f64()
}
