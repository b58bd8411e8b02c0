//! A process that is killed while it reads and saves.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;

/// Tells the process that is to be killed where to read; without it the test is an ordinary reading.
const HOME: &str = "AUTOSWE_TEST_TRANSCRIPTS";

/// How often one is killed.
const KILLS: u64 = 24;

/// Ends the process when it is dropped, whatever else fails.
struct Reading(Child);

impl Drop for Reading {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn globs(home: &Path) -> Vec<PathBuf> {
    vec![home.join("projects/*/*.jsonl")]
}

/// Reads again and again, with a transcript that grows and one that is written anew, until somebody ends it.
#[test]
fn the_reader_that_is_killed() {
    let Ok(home) = std::env::var(HOME) else {
        return assert_eq!(Home::new().read(), Ledger::default());
    };
    let home = Path::new(&home);
    let options = Options { state_dir: home.join("journey"), max_line: 1 << 20, threads: 2 };
    for round in 0..u32::MAX {
        let line = lines(&[answer(&format!("{} {round}", std::process::id()), round % 60, [1, round.into(), 1, 1])]);
        let append = |name: &str| {
            let path = home.join("projects/p").join(name);
            fs::OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(line.as_bytes()).unwrap();
        };
        append("grows.jsonl");
        if round % 3 == 0 {
            fs::write(home.join("projects/p/anew.jsonl"), &line).unwrap();
        }
        read(&Frozen::look(&globs(home)).unwrap(), &options, &mut |_, _| {});
    }
}

#[test]
fn killed_at_any_instant_the_state_is_the_old_one_or_the_new_one() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("projects/p")).unwrap();
    let state_dir = home.path().join("journey");
    let options = Options { state_dir: state_dir.clone(), max_line: 1 << 20, threads: 2 };
    let (_, module) = module_path!().split_once("::").unwrap();
    let name = format!("{module}::the_reader_that_is_killed");
    for kill in 0..KILLS {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &name])
            .env(HOME, home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let reading = Reading(child);
        // Any instant will do; the first come before anything was saved.
        std::thread::sleep(Duration::from_millis(5 + kill * 7 % 60));
        drop(reading);
        if state_dir.join("transcripts/index.bin").exists() {
            let state = Store::open(state_dir.join("transcripts")).load();
            assert_ne!(state, State::default(), "after kill {kill}");
        }
        let frozen = Frozen::look(&globs(home.path())).unwrap();
        let known = read(&frozen, &options, &mut |_, _| {});
        let anew = tempfile::tempdir().unwrap();
        let options = Options { state_dir: anew.path().to_owned(), ..options.clone() };
        assert_eq!(known, read(&frozen, &options, &mut |_, _| {}), "after kill {kill}");
    }
    let grown = fs::metadata(home.path().join("projects/p/grows.jsonl")).unwrap().len();
    assert!(grown > 0, "no reader ever came to read");
}
