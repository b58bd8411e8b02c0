//! What an operator asks whose site is stale or refused: what is shown, what the last synthesis did, what the gate found,
//! what the inputs disagree about, whether a synthesis is asked for.
//!
//! Invariant: rules, places, numbers, times and words of closed lists, and where files lie on this machine. What an input
//! says, which is what redaction and gate hide, is not read into it. Each part stands for itself: one that is missing or
//! cannot be read says so and takes nothing from the others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::counters::News;
use super::files::Files;
use super::trigger::pending_since;
use crate::config::Config;
use crate::journey::account::{CONTRADICTIONS, RUN};
use crate::journey::last_run::{LastRun, MAX, NAME};
use crate::journey::run::{Key, Origin};
use crate::journey::synthesis::REPORT;
use crate::observation::{Reading, Time};
use crate::source::file::read_bounded;
use crate::source::json;

/// Largest file of the account that is read, bytes; one of 10,000 iterations has some 2 MB.
const LARGEST: u64 = 32 << 20;
/// Contradictions that are listed; the others are counted.
const LISTED: usize = 100;

/// Where things lie.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// What the last run left, for its owner alone.
    state_dir: PathBuf,
    /// The trigger file.
    pub(super) trigger: PathBuf,
    /// The loop's files.
    pub(super) files: Files,
}

/// Everything that is known, at one moment.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: u32,
    pub(super) at: Time,
    pub(super) shown: Shown,
    pub(super) refused: Refused,
    pub(super) trigger: Trigger,
    pub(super) last_run: Part<LastRun>,
    pub(super) leak_report: Part<Leaks>,
    pub(super) run: Part<Run>,
    pub(super) contradictions: Part<Contradictions>,
}

/// A part of what is known.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Part<T> {
    /// It is there.
    Known(T),
    /// There is no such file.
    Missing,
    /// There is one, and it cannot be read.
    Unreadable {
        /// What, where and the mend.
        why: String,
    },
}

/// What the server shows.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub(super) release: Option<String>,
    pub(super) since: Option<Time>,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) snapshots: Vec<String>,
    /// When something was last taken up.
    pub(super) taken_up_at: Option<Time>,
    /// How long that took.
    pub(super) take_up_seconds: Option<f64>,
}

/// What the server does not show that lies there.
#[derive(Debug, Serialize)]
pub(super) struct Refused {
    pub(super) count: u64,
    pub(super) reasons: Vec<String>,
    /// Why the output directory cannot be looked at.
    pub(super) blind: Option<String>,
}

/// Whether a synthesis is asked for.
#[derive(Debug, Serialize)]
pub(super) struct Trigger {
    pub(super) pending_since: Option<Time>,
}

/// What the gate found: `leak-report.json` without the fingerprints.
#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Leaks {
    pub(super) at: Option<Time>,
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) findings: Vec<Found>,
    pub(super) unscanned: Vec<Unscanned>,
}

/// One place.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) rule: String,
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) column: u64,
    #[serde(default)]
    pub(super) layers: Vec<String>,
}

/// A file that could not be scanned.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Unscanned {
    pub(super) file: String,
    pub(super) error: String,
}

/// What the last synthesis read, in numbers.
#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Run {
    /// The newest time that any input tells.
    pub(super) as_of: Option<Time>,
    /// Iterations of each epoch.
    pub(super) epochs: BTreeMap<u64, u64>,
    /// Iterations by how they ended.
    pub(super) outcomes: BTreeMap<String, u64>,
    /// Every file that was read.
    #[serde(skip_serializing)]
    files: Vec<PathBuf>,
}

/// What the inputs disagree about.
#[derive(Debug, PartialEq, Default, Serialize)]
pub(super) struct Contradictions {
    pub(super) by_kind: BTreeMap<String, u64>,
    pub(super) first: Vec<Contradiction>,
    /// What was passed over, by kind.
    pub(super) left_out: BTreeMap<String, u64>,
}

/// One of them.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Contradiction {
    kind: String,
    iteration: Option<Key>,
    places: Vec<Place>,
}

/// Where it stands.
#[derive(Debug, PartialEq, Serialize)]
struct Place {
    file: &'static str,
    byte: u64,
}

/// What is read of `contradictions.json`: not the sentences, in which may be anything that an input says.
#[derive(Deserialize)]
struct Disagreements {
    contradictions: Vec<Disagreement>,
    left_out: Vec<LeftOut>,
}

#[derive(Deserialize)]
struct Disagreement {
    kind: String,
    key: Option<Key>,
    from: Vec<Origin>,
}

#[derive(Deserialize)]
struct LeftOut {
    kind: String,
    count: u64,
}

impl Places {
    pub(super) fn of(config: &Config) -> Self {
        Places {
            state_dir: config.in_runtime_dir(&config.journey.state_dir),
            trigger: config.journey_trigger(),
            files: Files::of(config),
        }
    }

    /// Everything that is known at `now`; `news` is the server's own part of it.
    pub(super) fn report(&self, news: News, now: Time) -> Report {
        let run = self.part(RUN, LARGEST, parsed::<Run>);
        let contradictions = self.part(CONTRADICTIONS, LARGEST, parsed).map(|found| {
            let read = if let Part::Known(run) = &run { run.files.as_slice() } else { &[] };
            self.contradictions(found, read)
        });
        Report {
            version: 1,
            at: now,
            refused: Refused { count: news.refused, reasons: news.reasons.clone(), blind: news.blind.clone() },
            shown: shown(news),
            trigger: Trigger { pending_since: pending_since(&self.trigger) },
            last_run: self.part(NAME, MAX, LastRun::parse),
            leak_report: self.part(REPORT, LARGEST, parsed),
            run,
            contradictions,
        }
    }

    fn part<T>(&self, name: &str, most: u64, parse: impl FnOnce(&[u8]) -> Result<T, String>) -> Part<T> {
        match read_bounded("file", &self.state_dir.join(name), most) {
            Reading::Missing(_) => Part::Missing,
            Reading::Failed(failure) => Part::Unreadable { why: failure.message },
            Reading::Observed((bytes, _)) => {
                parse(&bytes).map_or_else(|why| Part::Unreadable { why: format!("{name}: {why}") }, Part::Known)
            }
        }
    }

    fn contradictions(&self, found: Disagreements, read: &[PathBuf]) -> Contradictions {
        let mut told = Contradictions::default();
        for LeftOut { kind, count } in found.left_out {
            *told.left_out.entry(kind).or_default() += count;
        }
        for Disagreement { kind, key, from } in found.contradictions {
            *told.by_kind.entry(kind.clone()).or_default() += 1;
            if told.first.len() < LISTED {
                let file = |origin: &Origin| read.get(origin.file as usize).map_or("-", |path| self.name(path));
                let places = from.iter().map(|origin| Place { file: file(origin), byte: origin.offset });
                told.first.push(Contradiction { kind, iteration: key, places: places.collect() });
            }
        }
        told
    }

    /// The name of an input; those of transcripts are not told, since they name the session.
    fn name(&self, path: &Path) -> &'static str {
        self.files.name(path).unwrap_or("another file")
    }
}

impl<T> Part<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Part<U> {
        match self {
            Part::Known(known) => Part::Known(change(known)),
            Part::Missing => Part::Missing,
            Part::Unreadable { why } => Part::Unreadable { why },
        }
    }
}

fn parsed<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes)
        .map_err(|error| format!("{}; the next synthesis writes it anew", json::explain(&error)))
}

fn shown(news: News) -> Shown {
    let crate::metric::Shown { release, since, snapshots, files, bytes } = news.shown;
    let (taken_up_at, took) = news.taken_up.unzip();
    Shown { release, since, files, bytes, snapshots, taken_up_at, take_up_seconds: took.map(|took| took.as_secs_f64()) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "s3cret-value";

    fn now() -> Time {
        Time::from_second(1_795_348_800).unwrap()
    }

    /// A runtime directory whose journey left `files`.
    fn places(files: &[(&str, Value)]) -> (tempfile::TempDir, Places) {
        let directory = tempfile::tempdir().unwrap();
        let config = Config { runtime_dir: directory.path().into(), ..Config::default() };
        std::fs::create_dir(directory.path().join("journey")).unwrap();
        for (name, content) in files {
            std::fs::write(directory.path().join("journey").join(name), content.to_string()).unwrap();
        }
        (directory, Places::of(&config))
    }

    fn told(places: &Places) -> Value {
        serde_json::to_value(places.report(News::default(), now())).unwrap()
    }

    #[test]
    fn what_is_not_there_is_told_as_missing() {
        let told = told(&places(&[]).1);
        for part in ["last_run", "leak_report", "run", "contradictions"] {
            assert_eq!(told[part], json!({"state": "missing"}), "{part}");
        }
        assert_eq!((&told["shown"]["release"], &told["version"]), (&Value::Null, &json!(1)));
    }

    #[test]
    fn a_spoilt_part_takes_nothing_from_the_others() {
        let run = json!({"ended_at": "2026-11-22T12:00:00Z", "outcome": "refused", "findings": {"github-token": 2}});
        let (directory, places) = places(&[("last-run.json", run), ("run.json", json!([1]))]);
        std::fs::create_dir(directory.path().join("journey/contradictions.json")).unwrap();
        let told = told(&places);
        assert_eq!((&told["last_run"]["state"], &told["last_run"]["outcome"]), (&json!("known"), &json!("refused")));
        assert_eq!(told["last_run"]["findings"], json!({"github-token": 2}));
        for part in ["run", "contradictions"] {
            assert_eq!(told[part]["state"], "unreadable", "{part}");
            assert!(told[part]["why"].as_str().unwrap().contains(part), "{}", told[part]);
        }
    }

    #[test]
    fn places_are_told_and_what_stands_there_is_not() {
        let found = json!({"rule": "github-token", "file": "index.html", "line": 3, "column": 7, "layers": ["base64"],
            "fingerprint": SECRET, "value": SECRET});
        let leaks = json!({"version": 1, "at": "2026-11-22T12:00:00Z", "counts": {"github-token": 1}, "findings": [found],
            "unscanned": [{"file": "a.gz", "error": "too large"}]});
        let contradiction = json!({"kind": "outcome", "key": {"epoch": 3, "iter": 9}, "text": SECRET, "from": [
            {"file": 0, "offset": 70, "lines": 1}, {"file": 1, "offset": 5, "lines": 1}, {"file": 9, "offset": 0, "lines": 1}]});
        let left_out = json!([{"kind": "torn", "count": 2, "first": null, "text": SECRET},
            {"kind": "torn", "count": 1, "first": null, "text": SECRET}]);
        let disagreements = json!({"contradictions": vec![contradiction; 150], "left_out": left_out});
        let (directory, places) = places(&[("leak-report.json", leaks), ("contradictions.json", disagreements)]);
        let files = [directory.path().join("verdicts.jsonl"), directory.path().join(format!("{SECRET}.jsonl"))];
        let run = json!({"version": 1, "files": files, "as_of": "2026-11-22T11:00:00Z", "epochs": {"3": 9},
            "outcomes": {"ACCEPT": 9}, "phase": {"value": SECRET, "from": []}, "events": [SECRET]});
        std::fs::write(directory.path().join("journey/run.json"), run.to_string()).unwrap();
        let told = told(&places);
        assert!(!told.to_string().contains(SECRET), "{told}");
        assert_eq!(
            told["leak_report"]["findings"],
            json!([{"rule": "github-token", "file": "index.html", "line": 3, "column": 7, "layers": ["base64"]}])
        );
        let first = json!({"kind": "outcome", "iteration": {"epoch": 3, "iter": 9}, "places": [
            {"file": "verdicts.jsonl", "byte": 70}, {"file": "another file", "byte": 5}, {"file": "-", "byte": 0}]});
        assert_eq!(told["contradictions"]["first"][0], first);
        assert_eq!(told["contradictions"]["first"].as_array().unwrap().len(), LISTED);
        assert_eq!(told["contradictions"]["by_kind"], json!({"outcome": 150}));
        assert_eq!(told["contradictions"]["left_out"], json!({"torn": 3}));
        assert_eq!((&told["run"]["epochs"], &told["run"]["outcomes"]), (&json!({"3": 9}), &json!({"ACCEPT": 9})));
    }

    #[test]
    fn the_servers_own_part_is_told() {
        let (directory, _) = places(&[]);
        let trigger = directory.path().join("trigger");
        let mut config = Config { runtime_dir: directory.path().into(), ..Config::default() };
        config.journey.trigger = trigger.clone();
        std::fs::write(&trigger, "").unwrap();
        let shown = crate::metric::Shown { release: Some("abc".into()), files: 3, bytes: 9, ..Default::default() };
        let taken_up = Some((now(), Duration::from_millis(1500)));
        let news = News { shown, taken_up, reasons: vec!["why".into()], refused: 1, ..News::default() };
        let told = serde_json::to_value(Places::of(&config).report(news, now())).unwrap();
        assert_eq!((&told["shown"]["release"], &told["shown"]["take_up_seconds"]), (&json!("abc"), &json!(1.5)));
        assert_eq!(told["refused"], json!({"count": 1, "reasons": ["why"], "blind": null}));
        assert!(told["trigger"]["pending_since"].is_string());
    }
}
