//! The real program is killed at any instant, while its inputs grow.

use std::fs;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::place::{Place, files, shown};
use crate::release::stage::Site;

/// Kills, where 200 are not enough.
const KILLS: &str = "AUTOSWE_KILLS";
/// Loops that are killed side by side, each with its own inputs and its own instants.
const LANES: u64 = 4;

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

/// A loop whose runs are killed.
struct Lane {
    place: Place,
    seed: u64,
    /// How long a run takes.
    length: Duration,
    shown: (String, Site),
    /// How often the inputs grew.
    grown: u64,
    killed: u64,
}

impl Lane {
    fn new(seed: u64) -> Self {
        let place = Place::new(6);
        place.synthesize(&["--rebuild-site"]);
        grow(&place, 0);
        let start = Instant::now();
        let shown = place.synthesize(&[]);
        Lane { place, seed, length: start.elapsed(), shown, grown: 1, killed: 0 }
    }

    /// A share of the time that a run takes and a little more, by an xorshift generator.
    fn instant(&mut self) -> Duration {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.length.mul_f64(1.1 * (self.seed % 1000) as f64 / 1000.0).min(Duration::from_secs(20))
    }

    /// A run that is killed: what is shown is the old release or the new one, and whole.
    fn kill(&mut self) {
        grow(&self.place, self.grown);
        self.grown += 1;
        let instant = self.instant();
        let run = self.place.start(&["synthesize"]);
        std::thread::sleep(instant);
        self.killed += u64::from(run.kill().code().is_none());
        self.shown = self.place.shown().expect("something is shown at any time");
    }

    /// The next run, which completes: all that is new is shown, and nothing is left lying about.
    fn complete(&mut self) {
        let start = Instant::now();
        self.shown = self.place.synthesize(&[]);
        self.length = start.elapsed();
        let newest = format!("growth-{}", self.grown - 1);
        assert!(self.shown.1["site-data.json"].contains(&newest), "{newest} is missing");
        let left = fs::read_dir(self.place.path("site/releases")).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_str().unwrap().starts_with('.')).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Makes the same site anew, of the same inputs and nothing else.
    fn compare(&self) {
        let place = &self.place;
        place.set("state_dir", place.path("fresh/state").to_str().into());
        fs::create_dir(place.path("fresh")).unwrap();
        let fresh = place.path("fresh/web");
        let ended = place.run(&["synthesize", "--rebuild-site", "--outdir", fresh.to_str().unwrap()]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let (hash, site) = shown(&fresh).unwrap();
        let differs = |(path, text): &(&String, &String)| self.shown.1.get(*path) != Some(*text);
        let differs: Vec<_> = site.iter().filter(differs).map(|(path, _)| path).collect();
        assert_eq!((differs, &hash), (Vec::new(), &self.shown.0));
    }
}

#[test]
fn killed_at_random_instants_what_is_shown_is_whole_and_the_next_run_is_as_good_as_the_first() {
    let kills: u64 = std::env::var(KILLS).map_or(200, |kills| kills.parse().unwrap());
    let live = |seed: u64| {
        let mut lane = Lane::new(seed);
        for number in 0..kills / LANES {
            lane.kill();
            // Now and then one kill follows the other.
            if number % 4 != 3 {
                lane.complete();
            }
        }
        lane.complete();
        lane.compare();
        lane.killed
    };
    let killed: u64 = std::thread::scope(|scope| {
        let seeds = (1..=LANES).map(|lane| lane.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let lanes: Vec<_> = seeds.map(|seed| (seed, scope.spawn(move || live(seed)))).collect();
        let killed = lanes.into_iter().map(|(seed, lane)| lane.join().unwrap_or_else(|_| panic!("seed {seed:#x}")));
        killed.sum()
    });
    assert!(killed > kills / 4, "{killed} of {kills} were killed before their end");
}
