//! The real program is killed at any instant, while its inputs grow.

use std::fs;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::place::{Place, files, shown};

/// Kills, where 40 are not enough.
const KILLS: &str = "AUTOSWE_KILLS";

/// One more iteration of the loop: in the history, with a verdict and an answer of a model.
fn grow(place: &Place, number: u64) {
    let mut state = place.state();
    let last = state["history"].as_array().unwrap().last().unwrap().clone();
    let ended: Timestamp = last["ended_at"].as_str().unwrap().parse().unwrap();
    let (epoch, iter) = (last["epoch"].as_u64().unwrap(), last["iter"].as_u64().unwrap() + 1);
    let (from, to) = (ended + SignedDuration::from_secs(20), ended + SignedDuration::from_mins(10));
    let added = json!({
        "epoch": epoch, "iter": iter, "slug": format!("growth-{number}"), "module": "core/types", "outcome": "ACCEPT",
        "started_at": from, "ended_at": to, "files": ["src/core/types.rs"],
    });
    state["history"].as_array_mut().unwrap().push(added);
    state["iter"] = (iter + 1).into();
    place.write_state(&state);
    let reason = format!("growth number {number} holds");
    place
        .add("verdicts.jsonl", &json!({"ts": to, "epoch": epoch, "iter": iter, "verdict": "ACCEPT", "reason": reason}));
    let transcripts = files(&place.path("projects"));
    let path = transcripts.iter().rfind(|path| !path.to_str().unwrap().contains("-srv-somewhere-else")).unwrap();
    let text = fs::read_to_string(path).unwrap();
    let answer = text.lines().rfind(|line| line.contains("\"usage\"") && line.contains("\"model\":")).unwrap();
    let mut answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    answer["timestamp"] = (from + SignedDuration::from_mins(3)).to_string().into();
    answer["message"]["id"] = format!("msg_{number}").into();
    answer["requestId"] = format!("req_{number}").into();
    fs::write(path, format!("{text}{answer}\n")).unwrap();
}

#[test]
fn killed_at_random_instants_what_is_shown_is_whole_and_the_next_run_is_as_good_as_the_first() {
    let kills: u64 = std::env::var(KILLS).map_or(40, |kills| kills.parse().unwrap());
    let place = Place::new(6);
    let start = Instant::now();
    let mut shown_last = place.synthesize(&["--rebuild-site"]);
    let length = start.elapsed();
    let (mut killed, mut releases, mut seed) = (0, 0, 0x9e37_79b9_7f4a_7c15_u64);
    for number in 0..kills {
        // Now and then the same inputs are tried again.
        if number % 3 != 2 {
            grow(&place, number);
        }
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let run = place.start(&["synthesize"]);
        std::thread::sleep(length.mul_f64(1.1 * (seed % 1000) as f64 / 1000.0).min(Duration::from_secs(20)));
        killed += u64::from(run.kill().code().is_none());
        let now = place.shown().expect("something is shown at any time");
        releases += u64::from(now.0 != shown_last.0);
        shown_last = now;
    }
    assert!(killed > kills / 4, "{killed} of {kills} were killed before their end");
    let after = place.synthesize(&[]);
    assert!(releases > 0 || after.0 != shown_last.0);
    place.set("state_dir", place.path("fresh/state").to_str().into());
    fs::create_dir(place.path("fresh")).unwrap();
    let fresh = place.path("fresh/web");
    let ended = place.run(&["synthesize", "--rebuild-site", "--outdir", fresh.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (hash, site) = shown(&fresh).unwrap();
    let differs: Vec<_> =
        site.iter().filter(|(path, text)| after.1.get(*path) != Some(*text)).map(|(path, _)| path).collect();
    assert_eq!((differs, hash), (Vec::new(), after.0));
    let left = fs::read_dir(place.path("site/releases")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_str().unwrap().starts_with('.')), "the next run cleared up");
}
