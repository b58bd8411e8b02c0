//! The files of the story, as the contract describes them.

use std::time::Duration;

use super::*;
use crate::demo::Story;

struct Stage {
    directory: tempfile::TempDir,
    world: World,
    begun: Time,
}

impl Stage {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let begun = Time::from_second(1_795_348_800).unwrap();
        let (runtime, repo) = (directory.path().join("runtime"), directory.path().join("repo"));
        let world = World::create(&runtime, &repo, begun).unwrap();
        Stage { directory, world, begun }
    }

    /// Plays the story until `seconds`, in steps of half a second.
    fn play(&mut self, seconds: u32) {
        for half in 0..=seconds * 2 {
            let elapsed = Duration::from_millis(u64::from(half) * 500);
            self.world.apply(&Story::new(1.0).scene(elapsed), self.begun + elapsed).unwrap();
        }
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.directory.path().join(path)).unwrap()
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path)).unwrap()
    }

    fn lines(&self, path: &str) -> Vec<Value> {
        self.text(path).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn heartbeat_age(&self, at: u32) -> f64 {
        let written: Time = self.json("runtime/state-heartbeat.json")["ts"].as_str().unwrap().parse().unwrap();
        crate::observation::seconds_since(self.begun + Duration::from_secs(at.into()), written)
    }
}

#[test]
fn the_past_is_there_at_once_and_in_order() {
    let stage = Stage::new();
    let verdicts = stage.lines("runtime/verdicts.jsonl");
    assert_eq!(verdicts.len() as u64, BACKLOG);
    let times: Vec<Time> = verdicts.iter().map(|verdict| verdict["ts"].as_str().unwrap().parse().unwrap()).collect();
    assert!(times.is_sorted() && times.last() < Some(&stage.begun));
    let last: Vec<&str> = verdicts[33..].iter().map(|verdict| verdict["verdict"].as_str().unwrap()).collect();
    assert!(last.contains(&"ACCEPT"));
    assert!(stage.lines("runtime/meta-judge.jsonl").len() >= 5);
    assert_eq!(stage.lines("runtime/wedge-events.jsonl").len(), 1);
}

#[test]
fn the_past_series_leads_to_the_present() {
    let stage = Stage::new();
    let series = stage.lines("runtime/system-state.jsonl");
    assert_eq!(series.len(), 120, "six hours");
    let times: Vec<Time> = series.iter().map(|record| record["ts"].as_str().unwrap().parse().unwrap()).collect();
    assert!(times.is_sorted() && times.last() < Some(&stage.begun));
    let green: Vec<u64> = series.iter().map(|record| record["parity_green"].as_u64().unwrap()).collect();
    assert!(green.is_sorted() && green[0] < green[119]);
    assert_eq!(green[119] + series[119]["parity_red"].as_u64().unwrap(), 458);
    assert_eq!(series.iter().filter(|record| record["severity"] == "CRIT").count(), 2, "the one wedged iteration");
}

#[test]
fn the_heartbeat_beats_hangs_and_beats_again() {
    let mut stage = Stage::new();
    stage.play(14);
    assert_eq!(stage.heartbeat_age(14), 0.0);
    let before = stage.json("runtime/state-heartbeat.json");
    stage.play(32);
    assert!((17.0..18.0).contains(&stage.heartbeat_age(32)), "{}", stage.heartbeat_age(32));
    stage.play(34);
    assert_eq!(stage.heartbeat_age(34), 0.0);
    assert_ne!(stage.json("runtime/state-heartbeat.json")["invocation_id"], before["invocation_id"]);
}

#[test]
fn a_round_leaves_its_verdicts_and_one_restart() {
    let mut stage = Stage::new();
    let restarts = stage.lines("runtime/liveness-restarts.jsonl").len();
    stage.play(91);
    let verdicts = stage.lines("runtime/verdicts.jsonl");
    let new: Vec<&str> = verdicts[36..].iter().map(|verdict| verdict["verdict"].as_str().unwrap()).collect();
    assert_eq!(new, ["ACCEPT", "WEDGED_NO_VERDICT", "ACCEPT", "REVERT", "ACCEPT"]);
    let state = stage.json("runtime/state.json");
    assert_eq!(state["history"].as_array().unwrap().len(), 41);
    assert_eq!((state["iter"].as_u64(), state["epoch"].as_u64()), (Some(42), Some(EPOCH)));
    assert_eq!(stage.lines("runtime/liveness-restarts.jsonl").len(), restarts + 2, "an intent and its outcome");
    assert_eq!(stage.lines("runtime/wedge-events.jsonl").len(), 2);
}

#[test]
fn a_story_entered_in_the_middle_shows_an_old_heartbeat() {
    let mut stage = Stage::new();
    let scene = Story::new(1.0).scene(Duration::from_secs(30));
    stage.world.apply(&scene, stage.begun).unwrap();
    assert!((15.0 - stage.heartbeat_age(0)).abs() < 0.01);
}

#[test]
fn the_matrix_says_what_the_scene_counts() {
    for green in [0, 301, 458] {
        let parity = Parity { green, red: 458 - green, manual: 12, not_applicable: 10, ..Parity::default() };
        let text = matrix(parity);
        let value: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(value["modules"].as_mapping().unwrap().len(), 24);
        let count = |word: &str| {
            let plain = text.matches(&format!(": {word}\n")).count();
            (plain + text.matches(&format!("status: {word},")).count()) as u64
        };
        assert_eq!([count("green"), count("red"), count("manual"), count("n/a")], [green, 458 - green, 12, 10]);
    }
}

#[test]
fn every_file_is_whole_and_no_draft_stays() {
    let mut stage = Stage::new();
    stage.play(3);
    let mut names: Vec<String> = fs::read_dir(stage.directory.path().join("runtime"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "gpu.json",
            "liveness-restarts.jsonl",
            "meta-judge.jsonl",
            "state-heartbeat.json",
            "state.json",
            "system-state.jsonl",
            "verdicts.jsonl",
            "watchdog-state.json",
            "wedge-events.jsonl",
        ]
    );
    assert!(stage.text("repo/journey-web/dist/index.html").contains("36 iterations"));
    assert!(stage.json("repo/journey-web/site-data.json")["iterations"].is_array());
}

#[test]
fn a_lost_directory_is_named() {
    let mut stage = Stage::new();
    fs::remove_dir_all(stage.directory.path().join("runtime")).unwrap();
    let error = stage.world.apply(&Story::new(1.0).scene(Duration::ZERO), stage.begun).unwrap_err();
    assert!(error.to_string().contains("runtime/state.json: "), "{error}");
}
