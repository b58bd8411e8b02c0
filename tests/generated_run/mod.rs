//! A large run of the loop, made up: for tests, benchmarks, pictures, and people who want to try the journey.
//!
//! Everything that the journey reads, in the real formats, telling one consistent story: a loop that rebuilds a small
//! database module by module, gets better at it, hangs now and then, and is restarted. Where the program has a writer
//! of a format (the watchdog's trail, the time series), that one writes.
//!
//! Invariant: the same plan in the same directory gives the same bytes. Nothing in it is of anybody's real run.

mod chance;
mod events;
mod repository;
mod series;
mod sessions;
mod story;
mod text;
mod transcript;
mod traps;
mod words;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use autoswe_exporter::observation::Time;

pub(crate) use traps::Trap;

use chance::Chance;
use sessions::Sessions;
use story::Story;
use traps::Traps;

/// What is to be made.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Finished iterations of the loop.
    pub(crate) iterations: u64,
    /// Bytes of transcripts, about.
    pub(crate) transcripts: u64,
    /// Commits of the repository at most.
    pub(crate) commits: u64,
    /// Another number, another run.
    pub(crate) seed: u64,
    /// Plant fake secrets of known formats.
    pub(crate) secrets: bool,
    /// Plant this text in one place of every input file.
    pub(crate) plant: Option<String>,
}

/// What was made.
#[derive(Debug)]
pub(crate) struct Made {
    /// A configuration that reads it.
    pub(crate) config: PathBuf,
    /// What was planted, and where.
    pub(crate) traps: Vec<Trap>,
    /// Transcripts, their bytes and the answers in them, each once.
    pub(crate) transcripts: (u64, u64, u64),
}

/// Makes the run that `plan` describes in `directory`, which is made where it is missing.
pub(crate) fn generate(directory: &Path, plan: &Plan) -> io::Result<Made> {
    let directory = &made(directory)?;
    let repository = made(&directory.join("repo"))?;
    let runtime = made(&directory.join("runtime"))?;
    let mut chance = Chance::new(plan.seed);
    let mut traps = Traps::new(plan);
    let mut story = Story::new(plan.iterations, &mut chance.fork());
    repository::write(&repository, &mut story, plan.commits, &mut traps)?;
    let projects = made(&directory.join("projects"))?;
    let mut sessions = Sessions::new(&projects, &repository, plan, &mut chance)?;
    sessions.write(&mut story, &mut traps)?;
    events::write(&runtime, &story, &mut traps, &mut chance.fork())?;
    series::write(&runtime, &repository, &story, &mut traps)?;
    let config = directory.join("config.yaml");
    fs::write(&config, settings(directory).to_string())?;
    Ok(Made { config, traps: traps.sprung(), transcripts: sessions.size() })
}

/// Settings as JSON, which is YAML too.
fn settings(directory: &Path) -> serde_json::Value {
    json!({
        "runtime_dir": directory.join("runtime"),
        "repo_root": directory.join("repo"),
        "journey": {
            "transcripts": [directory.join("projects/*/*.jsonl")],
            "output_dir": directory.join("site"),
            "free_text": true,
        },
    })
}

/// Makes a directory and tells its real path.
fn made(directory: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(directory)?;
    fs::canonicalize(directory)
}

/// When the made-up run begins.
fn beginning() -> Time {
    // 2026-05-01T06:00:00Z
    Time::from_second(1_777_615_200).unwrap_or_default()
}
