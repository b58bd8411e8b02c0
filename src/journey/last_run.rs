//! `last-run.json` in the journey's `state_dir`: what the last synthesis did. The synthesis writes it, the exporter and
//! people read it.
//!
//! Invariants: it is replaced as a whole, at the end of each run that held the lock (one that found another at work
//! writes nothing); what was once true of an earlier run (`last_success_at`, `last_published_at`, the release that is
//! shown) is carried on by [`LastRun::after`], and never lost by a run that came to nothing; it names rules and numbers,
//! never what was found.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::observation::Time;
use crate::source::json;

/// Its name in the directory.
pub const NAME: &str = "last-run.json";

/// The version that this program writes.
pub const VERSION: u64 = 1;

/// Largest file that is read, bytes; a real one has some hundred.
pub const MAX: u64 = 1 << 20;

/// Most rules that are read; each has a name and a number.
const MOST_RULES: usize = 1000;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new release is shown.
    Published,
    /// The release that is shown is what it would have published.
    Unchanged,
    /// Something that must not be shown was found, or something could not be scanned: the last release stays.
    Refused,
    /// It came to no end: a full disk, a builder that failed. The last release stays.
    Failed,
    /// Another run was at work.
    Busy,
    /// A word that this version does not know.
    Other,
}

/// One release, as its manifest has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Release {
    /// The hash of its content, which is its name in `releases/`.
    pub hash: String,
    /// The sizes of its files together, bytes.
    pub bytes: u64,
    /// Its files.
    pub files: u64,
}

/// What the last run did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastRun {
    /// [`VERSION`].
    pub version: u64,
    /// When it began.
    pub started_at: Option<Time>,
    /// When it ended.
    pub ended_at: Time,
    /// How.
    pub outcome: Outcome,
    /// How long it took, by a clock that nobody sets, seconds.
    pub duration_seconds: Option<f64>,
    /// How many findings each rule had. Empty where the gate found nothing or was not come to.
    pub findings: BTreeMap<String, u64>,
    /// Iterations that it read; `None` where it did not come so far.
    pub iterations: Option<u64>,
    /// The release that is shown after it.
    pub release: Option<Release>,
    /// When the last run ended that published, or found that what is shown is up to date.
    pub last_success_at: Option<Time>,
    /// When a release was last made the one that is shown.
    pub last_published_at: Option<Time>,
}

impl Outcome {
    /// Every one, in the order of the reference.
    pub const ALL: [Outcome; 6] =
        [Outcome::Published, Outcome::Unchanged, Outcome::Refused, Outcome::Failed, Outcome::Busy, Outcome::Other];

    /// Its word in the file and in the metric.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Published => "published",
            Outcome::Unchanged => "unchanged",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
            Outcome::Busy => "busy",
            Outcome::Other => "other",
        }
    }

    /// Whether what is shown is up to date after it.
    pub const fn succeeded(self) -> bool {
        matches!(self, Outcome::Published | Outcome::Unchanged)
    }

    fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|outcome| outcome.name() == word).unwrap_or(Outcome::Other)
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl LastRun {
    /// A run that ended at `ended_at`, and of which nothing else is known.
    pub fn new(ended_at: Time, outcome: Outcome) -> Self {
        LastRun {
            version: VERSION,
            started_at: None,
            ended_at,
            outcome,
            duration_seconds: None,
            findings: BTreeMap::new(),
            iterations: None,
            release: None,
            last_success_at: outcome.succeeded().then_some(ended_at),
            last_published_at: (outcome == Outcome::Published).then_some(ended_at),
        }
    }

    /// The same after the run `before`: what this one did not change is as that left it.
    #[must_use]
    pub fn after(self, before: Option<&LastRun>) -> Self {
        let Some(before) = before else { return self };
        LastRun {
            iterations: self.iterations.or(before.iterations),
            release: self.release.or_else(|| before.release.clone()),
            last_success_at: self.last_success_at.or(before.last_success_at),
            last_published_at: self.last_published_at.or(before.last_published_at),
            ..self
        }
    }

    /// Reads the content of the file. What is absent or odd costs that field alone.
    ///
    /// # Errors
    /// When it is no JSON object, or does not say how and when the run ended.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mend = "the next synthesis writes it anew";
        let file: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|error| format!("not a JSON object ({error}); {mend}"))?;
        let time = |name| file.get(name).and_then(json::time);
        let ended_at = time("ended_at").ok_or_else(|| format!("has no time in `ended_at`; {mend}"))?;
        let outcome = file.get("outcome").and_then(Value::as_str).ok_or_else(|| format!("has no `outcome`; {mend}"))?;
        Ok(LastRun {
            version: file.get("version").and_then(json::whole).unwrap_or(VERSION),
            started_at: time("started_at"),
            duration_seconds: file.get("duration_seconds").and_then(json::number).filter(|seconds| *seconds >= 0.0),
            findings: file.get("findings").map(findings).unwrap_or_default(),
            iterations: file.get("iterations").and_then(json::whole),
            release: file.get("release").and_then(release),
            last_success_at: time("last_success_at"),
            last_published_at: time("last_published_at"),
            ..LastRun::new(ended_at, Outcome::of(outcome))
        }
        .with_own_times())
    }

    /// A run that succeeded is the last one that did, whatever an older program left out.
    fn with_own_times(self) -> Self {
        let own = LastRun::new(self.ended_at, self.outcome);
        LastRun {
            last_success_at: own.last_success_at.or(self.last_success_at),
            last_published_at: self.last_published_at.or(own.last_published_at),
            ..self
        }
    }
}

fn findings(value: &Value) -> BTreeMap<String, u64> {
    let rules = value.as_object().into_iter().flatten().take(MOST_RULES);
    rules.filter_map(|(rule, count)| Some((json::text(&Value::from(rule.as_str()))?, json::whole(count)?))).collect()
}

fn release(value: &Value) -> Option<Release> {
    let whole = |name| value.get(name).and_then(json::whole);
    Some(Release { hash: json::text(value.get("hash")?)?, bytes: whole("bytes")?, files: whole("files")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        Time::from_second(1_795_348_800 + second).unwrap()
    }

    fn published() -> LastRun {
        LastRun {
            started_at: Some(at(-3)),
            duration_seconds: Some(2.5),
            iterations: Some(117),
            release: Some(Release { hash: "ab12".into(), bytes: 1_000_000, files: 240 }),
            ..LastRun::new(at(0), Outcome::Published)
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let refused =
            LastRun { findings: [("github-token".into(), 3)].into(), ..LastRun::new(at(60), Outcome::Refused) };
        for run in [published(), refused.after(Some(&published()))] {
            assert_eq!(LastRun::parse(&serde_json::to_vec(&run).unwrap()), Ok(run));
        }
    }

    #[test]
    fn a_run_that_came_to_nothing_loses_nothing() {
        let unchanged = LastRun::new(at(900), Outcome::Unchanged).after(Some(&published()));
        assert_eq!((unchanged.last_success_at, unchanged.last_published_at), (Some(at(900)), Some(at(0))));
        let refused = LastRun::new(at(1800), Outcome::Refused).after(Some(&unchanged));
        assert_eq!((refused.last_success_at, refused.last_published_at), (Some(at(900)), Some(at(0))));
        assert_eq!((refused.iterations, refused.release), (Some(117), published().release));
        assert_eq!(LastRun::new(at(0), Outcome::Failed).after(None).last_success_at, None);
    }

    #[test]
    fn an_odd_field_costs_itself_alone() {
        let run = LastRun::parse(
            br#"{"ended_at": 1795348800, "outcome": "polished", "findings": {"a": "2", "b": []}, "release": {"hash": 1},
                "duration_seconds": -1, "iterations": "x", "started_at": {}}"#,
        );
        let expected = LastRun { findings: [("a".into(), 2)].into(), ..LastRun::new(at(0), Outcome::Other) };
        assert_eq!(run, Ok(expected));
        let run = LastRun::parse(br#"{"ended_at": "2026-11-22T12:00:00Z", "outcome": "unchanged"}"#).unwrap();
        assert_eq!(run.last_success_at, Some(at(0)));
    }

    #[test]
    fn without_how_and_when_it_is_none() {
        for text in ["", "[]", "{}", r#"{"ended_at": 1795348800}"#, r#"{"outcome": "published", "ended_at": "soon"}"#] {
            assert!(LastRun::parse(text.as_bytes()).is_err_and(|why| why.ends_with("anew")), "{text}");
        }
    }
}
