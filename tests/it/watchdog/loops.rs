//! The small loop that the other tests stand on does as it is told.

use std::time::SystemTime;

use super::world::World;

fn beaten_at(world: &World) -> Option<SystemTime> {
    std::fs::metadata(world.runtime("state-heartbeat.json")).ok()?.modified().ok()
}

#[test]
fn it_beats_with_the_identity_that_systemd_gave_it_and_hangs_when_told() {
    let world = World::with_loop(&["phase=writer"]);
    world.wait("it has beaten", || beaten_at(&world).is_some());
    let text = std::fs::read(world.runtime("state-heartbeat.json")).unwrap();
    let beat: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(beat["invocation_id"], world.show("InvocationID"));
    assert_eq!(beat["pid"].to_string(), world.show("MainPID"));
    assert_eq!(beat["phase"], "writer");
    world.tell(&["hang", "crash"]);
    let silent = |beaten: SystemTime| beaten.elapsed().is_ok_and(|age| age.as_millis() > 500);
    world.wait("it hangs", || beaten_at(&world).is_some_and(silent));
    assert_eq!(world.show("ActiveState"), "active");
    // Its second run is told otherwise.
    world.manager.done(&["restart", &world.unit]);
    world.until("ActiveState", "failed");
    assert_eq!(world.starts().len(), 2);
}

#[test]
fn it_ends_upon_a_word_that_it_does_not_know() {
    let world = World::with_loop(&["nonsense"]);
    world.until("ActiveState", "failed");
    assert_eq!(world.show("ExecMainStatus"), "2");
}
