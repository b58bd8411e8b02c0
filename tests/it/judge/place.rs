//! What a judge gets by file does not outlive it for long, and nobody else's files go with it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use super::world::{World, eventually, lives};

/// A judge that answers, and one that never does.
fn world() -> World {
    World::script(r#"[ "$1" = answer ] || { echo $$ >>"$HERE/pids"; exec sleep 600; }; echo well"#, "stdout")
}

/// What lies there under a judge's name, in order.
fn places(world: &World) -> Vec<PathBuf> {
    let all = fs::read_dir(world.directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = all.filter(|path| path.to_string_lossy().contains("/autoswe-judge-")).collect();
    found.sort();
    found
}

/// A judge that waits; it is killed when this is dropped.
struct Waiting(Child);

impl Waiting {
    fn end(&mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The `count`th judge that waits in this world, with its place.
fn started(world: &World, count: usize) -> (Waiting, PathBuf) {
    let before = places(world);
    let child = Waiting(world.command(&format!("private {count}")).spawn().unwrap());
    world.pids("pids", count);
    let mut fresh = places(world);
    fresh.retain(|place| !before.contains(place));
    assert_eq!(fresh.len(), 1, "{fresh:?}");
    (child, fresh.remove(0))
}

fn prompt(place: &Path) -> String {
    fs::read_to_string(place.join("prompt")).unwrap_or_default()
}

#[test]
fn what_a_killed_judge_left_goes_with_the_next_one_and_that_of_a_running_one_stays() {
    let world = world();
    let (mut running, theirs) = started(&world, 1);
    let (mut killed, left) = started(&world, 2);
    assert_eq!(left.metadata().unwrap().permissions().mode() & 0o777, 0o700, "nobody else may look into it");
    killed.end(Signal::KILL);
    let tool = world.pids("pids", 2)[1];
    eventually(|| (!lives(tool)).then_some(()));
    assert_eq!(prompt(&left), "private 2", "nobody was there to remove it");

    assert_eq!(world.ask("answer").answer(), "well");
    assert_eq!(places(&world), [theirs.as_path()]);
    assert_eq!(prompt(&theirs), "private 1");

    running.end(Signal::TERM);
    assert_eq!(places(&world), [] as [PathBuf; 0]);
}

/// A directory such as a judge leaves that was killed.
fn leave(at: &Path) {
    fs::create_dir_all(at.join("work")).unwrap();
    allow(at, 0o700);
    for name in ["prompt", "judge.lock"] {
        fs::write(at.join(name), "private").unwrap();
        allow(&at.join(name), 0o600);
    }
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Every path below `directory` whose name begins as a judge's, or that lies below `elsewhere`.
fn all(world: &World) -> Vec<PathBuf> {
    let pattern = |name: &str| world.path(name).display().to_string();
    let globs = [pattern("autoswe-judge-*"), pattern("autoswe-judge-*/*"), pattern("elsewhere/**/*")];
    globs.iter().flat_map(|pattern| glob::glob(pattern).unwrap()).map(Result::unwrap).collect()
}

#[test]
fn what_only_looks_like_a_judges_is_left_alone() {
    let world = world();
    let place = |name: &str| world.path(&format!("autoswe-judge-{name}"));
    leave(&world.path("elsewhere"));
    symlink(world.path("elsewhere"), place("link")).unwrap();
    fs::write(place("file"), "").unwrap();
    // Another program's, or that of a judge that has not locked it yet.
    leave(&place("unmarked"));
    fs::remove_file(place("unmarked").join("judge.lock")).unwrap();
    // Where others may write, they may have put the lock's file; nor is it a link.
    leave(&place("open"));
    allow(&place("open"), 0o770);
    leave(&place("given"));
    allow(&place("given").join("judge.lock"), 0o666);
    leave(&place("linked"));
    fs::rename(place("linked").join("judge.lock"), world.path("lock")).unwrap();
    symlink(world.path("lock"), place("linked").join("judge.lock")).unwrap();
    // Only root can make one.
    if rustix::process::geteuid().is_root() {
        leave(&place("foreign"));
        std::os::unix::fs::chown(place("foreign"), Some(65534), Some(65534)).unwrap();
    }
    let before = all(&world);
    leave(&place("left"));
    symlink(world.path("elsewhere"), place("left").join("work/link")).unwrap();

    assert_eq!(world.ask("answer").answer(), "well");
    assert!(!place("left").exists());
    assert_eq!(all(&world), before);
}
