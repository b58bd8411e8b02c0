//! What a judge starts ends with it, whatever ends it.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::world::{World, eventually, lives};

/// Four processes that hear no SIGTERM: the judge, a child in its group, one in a session of its own, and an orphan of one.
const STUBBORN: &str = r#"
    trap '' TERM
    export STAY='echo $$ >>"$HERE/pids"; while :; do sleep 1; done'
    sh -c "$STAY" &
    setsid sh -c "$STAY" &
    (setsid sh -c 'setsid sh -c "$STAY" & exit' &)
    echo $$ >>"$HERE/pids"
"#;
const COUNT: usize = 4;

fn stubborn(rest: &str) -> World {
    World::script(&format!("{STUBBORN}{rest}"), "stdout")
}

/// Starts asking and waits until all processes are there.
fn started(world: &World) -> (Child, Vec<i32>) {
    let child = world.command("hello").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    (child, world.pids("pids", COUNT))
}

#[test]
fn a_judge_that_hangs_is_ended_with_all_that_it_started() {
    let world = stubborn("while :; do sleep 1; done").set("timeout", "2s");
    let begun = Instant::now();
    let asked = world.ask("hello");
    assert_eq!(asked.failure(3), "no answer within 2 s; all its processes were ended");
    // The limit that the program promises: five seconds for SIGTERM, five for SIGKILL.
    assert!(begun.elapsed() < Duration::from_secs(2 + 10), "{:?}", begun.elapsed());
    let pids = world.pids("pids", COUNT);
    assert!(pids.iter().all(|pid| !lives(*pid)), "{pids:?}");
}

#[test]
fn a_judge_that_hears_sigterm_is_given_time_to_end() {
    let script = r#"trap 'sleep 1; echo ended >"$HERE/last"; exit 0' TERM; while :; do sleep 0.1; done"#;
    let world = World::script(script, "stdout").set("timeout", "500ms");
    world.ask("hello").failure(3);
    assert_eq!(std::fs::read_to_string(world.path("last")).unwrap(), "ended\n");
}

#[test]
fn what_an_answer_leaves_behind_is_ended() {
    // The judge ends once everything is there.
    let world = stubborn(r#"while [ "$(wc -l <"$HERE/pids")" -lt 4 ]; do sleep 0.05; done; echo well"#);
    assert_eq!(world.ask("hello").answer(), "well");
    let pids = world.pids("pids", COUNT);
    assert!(pids.iter().all(|pid| !lives(*pid)), "{pids:?}");
}

#[test]
fn a_signal_ends_the_judge_first() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let world = stubborn("while :; do sleep 1; done");
        let (child, pids) = started(&world);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("the judge was ended first"), "{told}");
        assert!(pids.iter().all(|pid| !lives(*pid)), "{pids:?}");
    }
}

#[test]
fn a_judge_does_not_outlive_a_program_that_was_killed() {
    let world = stubborn("while :; do sleep 1; done");
    let (mut child, pids) = started(&world);
    child.kill().unwrap();
    child.wait().unwrap();
    eventually(|| pids.iter().all(|pid| !lives(*pid)).then_some(()));
}
