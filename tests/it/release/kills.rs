//! A run is killed at any instant: what is shown is whole, and the next run completes.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::gate::Words;
use super::stage::{Site, Stage, names, site};

/// Names the directory in which a child runs, and the version of the site that it publishes.
const DIRECTORY: &str = "AUTOSWE_RELEASE_CHILD";
const VERSION: &str = "AUTOSWE_RELEASE_VERSION";
/// The step at which the child ends itself, counted from 0.
const DIES_AT: &str = "AUTOSWE_RELEASE_DIES_AT";

/// Iterations of the site.
const ITERATIONS: usize = 60;
/// Kills at random instants, where 200 are not enough.
const KILLS: &str = "AUTOSWE_KILLS";

/// The child: this program once more. Without the variables it is a test of what the others rest on, that a run in a
/// directory of its own publishes.
#[test]
fn a_child_publishes() {
    let variable = |name| std::env::var(name).ok();
    let Some(directory) = variable(DIRECTORY) else {
        let directory = tempfile::tempdir().unwrap();
        assert!(child(directory.path(), 3, None).wait().unwrap().success());
        assert_eq!(Stage::at(directory.path()).shown(), Some(site(ITERATIONS, 3)));
        return;
    };
    let version: usize = variable(VERSION).unwrap().parse().unwrap();
    let dies_at: Option<usize> = variable(DIES_AT).map(|step| step.parse().unwrap());
    let steps = std::sync::atomic::AtomicUsize::new(0);
    let watch = |_| {
        let step = steps.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if dies_at == Some(step) {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
        }
        Ok(())
    };
    // Now and then the rules change, and everything that is kept is scanned again.
    let gate = Words::new(u8::try_from(version / 4 % 100).unwrap(), &[]);
    Stage::at(Path::new(&directory)).run(&site(ITERATIONS, version), &gate, &watch).unwrap();
}

/// A child that publishes `version` below `directory`.
pub(super) fn child(directory: &Path, version: usize, dies_at: Option<usize>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "release::kills::a_child_publishes", "--nocapture"]);
    command.env(DIRECTORY, directory).env(VERSION, version.to_string());
    dies_at.map(|step| command.env(DIES_AT, step.to_string()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// What is shown is one of the two, or nothing where nothing was shown before.
fn check(stage: &Stage, before: Option<usize>, after: usize) -> bool {
    let shown = stage.shown();
    let is_new = shown == Some(site(ITERATIONS, after));
    assert!(is_new || shown == before.map(|version| site(ITERATIONS, version)) as Option<Site>);
    is_new
}

/// Each step of a run that makes one more iteration, by which the release is linked or recycled.
#[test]
fn killed_at_each_step_the_old_release_is_whole_or_the_new_one_is() {
    // The first releases link, as long as none is to go; the later ones recycle.
    for skipped in [0, 5] {
        let directory = tempfile::tempdir().unwrap();
        let stage = Stage::at(directory.path());
        let mut version = 0;
        while version < skipped {
            assert!(child(directory.path(), version, None).wait().unwrap().success());
            version += 1;
        }
        let mut step = 0;
        loop {
            let is_over = child(directory.path(), version, Some(step)).wait().unwrap().success();
            check(&stage, version.checked_sub(1), version);
            assert!(is_over || child(directory.path(), version, None).wait().unwrap().success(), "step {step}");
            assert_eq!(stage.shown(), Some(site(ITERATIONS, version)), "the next run completes after step {step}");
            assert!(!stage.releases().iter().any(|name| name.starts_with('.')), "{:?}", stage.releases());
            if is_over {
                break;
            }
            (version, step) = (version + 1, step + 1);
        }
        assert!(step > 12, "{step}");
    }
}

#[test]
fn killed_at_random_instants_the_old_release_is_whole_or_the_new_one_is() {
    let kills: u32 = std::env::var(KILLS).map_or(200, |kills| kills.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let stage = Stage::at(directory.path());
    let length = length_of_a_run();
    let (mut version, mut before, mut killed, mut seed) = (0, None, 0, 0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..kills {
        // An xorshift generator: the instants are spread over a run's length and a little more.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let mut run = child(directory.path(), version, None);
        std::thread::sleep(length.mul_f64(1.1 * (seed % 1000) as f64 / 1000.0));
        run.kill().unwrap();
        killed += u32::from(run.wait().unwrap().code().is_none());
        if check(&stage, before, version) {
            before = Some(version);
            version += 1;
        }
    }
    assert!(killed > kills / 4, "{killed} of {kills} were killed before their end");
    assert!(child(directory.path(), version, None).wait().unwrap().success());
    assert_eq!(stage.shown(), Some(site(ITERATIONS, version)));
    assert!(names(&stage.state().join("withdrawn")).is_empty(), "a kill is no leak");
}

/// How long a run takes from its start as a process.
fn length_of_a_run() -> Duration {
    let directory = tempfile::tempdir().unwrap();
    let start = Instant::now();
    for version in 0..4 {
        assert!(child(directory.path(), version, None).wait().unwrap().success());
    }
    start.elapsed() / 4
}
