//! The newest file that matches a glob, such as a coding agent's latest transcript.
//!
//! Invariant: however many files match, looking costs little on average. Where hundreds match, only the newest of
//! the last full walk are looked at again, and a full walk is made in proportion to what it costs.

use std::fs::Metadata;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::observation::{Failure, FailureKind, Reading, Time, seconds_since};

/// Up to this many matches, every reading walks the directories: that costs a millisecond or less.
const FEW: usize = 256;

/// Seconds between two walks per match: 1,000 matches are walked every 10 s. A walk was measured to cost some 3 µs
/// a match, so walks take less than a thousandth of one core.
const WAIT_PER_MATCH: f64 = 0.01;

/// Longest time between two walks, seconds; a loop counts as old only after minutes.
const LONGEST_WAIT: f64 = 60.0;

/// Newest files of the last walk that are looked at between walks.
const REMEMBERED: usize = 8;

/// A glob of which the newest file counts.
#[derive(Debug)]
pub struct Newest {
    what: &'static str,
    pattern: PathBuf,
    walked: Option<Walk>,
}

#[derive(Debug)]
struct Walk {
    at: Time,
    matches: usize,
    newest: Vec<PathBuf>,
    denied: Option<String>,
}

impl Newest {
    /// Nothing looked at yet. `what` names the file in messages.
    pub fn new(what: &'static str, pattern: PathBuf) -> Self {
        Newest { what, pattern, walked: None }
    }

    /// The newest regular file that matches at `now`.
    pub fn find(&mut self, now: Time) -> Reading<(PathBuf, Metadata)> {
        if let Some(walk) = &self.walked
            && walk.holds(now)
            && let Some(found) = newest_of(&walk.newest)
        {
            return Reading::Observed(found);
        }
        let walk = match self.walk(now) {
            Ok(walk) => walk,
            Err(failure) => return Reading::Failed(failure),
        };
        let found = newest_of(&walk.newest);
        let reading = match (found, &walk.denied) {
            (Some(found), _) => Reading::Observed(found),
            (None, Some(why)) => Reading::Failed(Failure::new(
                FailureKind::Unreadable,
                format!("{} {}: {why}; let this program's user read it", self.what, self.pattern.display()),
            )),
            (None, None) => Reading::Missing(format!("no file matches the {} {}", self.what, self.pattern.display())),
        };
        self.walked = Some(walk);
        reading
    }

    fn walk(&self, now: Time) -> Result<Walk, Failure> {
        let wrong = |why: &str| {
            let message = format!("{} {}: {why}", self.what, self.pattern.display());
            Failure::new(FailureKind::Malformed, message)
        };
        let pattern = self.pattern.to_str().ok_or_else(|| wrong("is not UTF-8, which a glob must be"))?;
        let paths = glob::glob(pattern).map_err(|error| wrong(&format!("is no glob: {error}")))?;
        let mut walk = Walk { at: now, matches: 0, newest: Vec::new(), denied: None };
        let mut dated: Vec<(SystemTime, PathBuf)> = Vec::new();
        for path in paths {
            match path {
                Ok(path) => {
                    walk.matches += 1;
                    remember(&mut dated, path);
                }
                Err(error) => drop(walk.denied.get_or_insert_with(|| error.to_string())),
            }
        }
        walk.newest = dated.into_iter().map(|(_, path)| path).collect();
        Ok(walk)
    }
}

impl Walk {
    /// Whether what this walk found is recent enough at `now`.
    fn holds(&self, now: Time) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a count of files")]
        let wait = (self.matches as f64 * WAIT_PER_MATCH).min(LONGEST_WAIT);
        self.matches > FEW && (0.0..wait).contains(&seconds_since(now, self.at))
    }
}

/// Keeps `path` when it is among the newest regular files, newest first.
fn remember(dated: &mut Vec<(SystemTime, PathBuf)>, path: PathBuf) {
    let Some((modified, _)) = regular(&path) else { return };
    let place = dated.partition_point(|(other, _)| *other >= modified);
    if place < REMEMBERED {
        dated.insert(place, (modified, path));
        dated.truncate(REMEMBERED);
    }
}

fn newest_of(paths: &[PathBuf]) -> Option<(PathBuf, Metadata)> {
    let found = paths.iter().filter_map(|path| regular(path).map(|(modified, metadata)| (modified, path, metadata)));
    // The first of several equally new ones, so that the answer does not flip.
    let newest = found.reduce(|newest, other| if other.0 > newest.0 { other } else { newest });
    newest.map(|(_, path, metadata)| (path.clone(), metadata))
}

fn regular(path: &std::path::Path) -> Option<(SystemTime, Metadata)> {
    let metadata = std::fs::metadata(path).ok().filter(Metadata::is_file)?;
    Some((metadata.modified().ok()?, metadata))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::*;

    struct Agent {
        dir: tempfile::TempDir,
        start: SystemTime,
    }

    impl Agent {
        fn new() -> Self {
            Agent { dir: tempfile::tempdir().unwrap(), start: SystemTime::now() - Duration::from_secs(3600) }
        }

        /// Writes the file `name` and dates it `second` seconds after the start.
        fn write(&self, name: &str, second: u64) {
            let path = self.dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            File::create(path).unwrap().set_modified(self.start + Duration::from_secs(second)).unwrap();
        }

        fn newest(&self) -> Newest {
            Newest::new("heartbeat", self.dir.path().join("*/*.jsonl"))
        }
    }

    fn name(reading: Reading<(PathBuf, Metadata)>) -> String {
        let path = reading.observed().unwrap_or_else(|| panic!("{reading:?}")).0.clone();
        path.file_name().unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn the_newest_match_counts() {
        let agent = Agent::new();
        agent.write("p/old.jsonl", 1);
        agent.write("q/new.jsonl", 3);
        agent.write("q/newer.txt", 9);
        std::fs::create_dir_all(agent.dir.path().join("p/directory.jsonl")).unwrap();
        std::os::unix::fs::symlink("nowhere", agent.dir.path().join("p/dangling.jsonl")).unwrap();
        let mut newest = agent.newest();
        assert_eq!(name(newest.find(Time::now())), "new.jsonl");
        agent.write("p/old.jsonl", 5);
        assert_eq!(name(newest.find(Time::now())), "old.jsonl");
        agent.write("r/added.jsonl", 7);
        assert_eq!(name(newest.find(Time::now())), "added.jsonl");
    }

    #[test]
    fn no_match_is_missing_and_names_the_glob() {
        let agent = Agent::new();
        let expected = format!("no file matches the heartbeat {}/*/*.jsonl", agent.dir.path().display());
        assert_eq!(agent.newest().find(Time::now()).map(drop), Reading::Missing(expected));
    }

    #[test]
    fn a_wrong_glob_is_a_failure() {
        let reading = Newest::new("heartbeat", "/a/***".into()).find(Time::now());
        assert!(matches!(&reading, Reading::Failed(failure) if failure.message.contains("is no glob")), "{reading:?}");
    }

    #[test]
    fn many_matches_are_walked_now_and_then_only() {
        let agent = Agent::new();
        for file in 0..1000 {
            agent.write(&format!("p/{file:04}.jsonl"), file);
        }
        let mut newest = agent.newest();
        let start = Time::now();
        assert_eq!(name(newest.find(start)), "0999.jsonl");
        // A file that was among the newest is seen at once, a new one at the next walk.
        agent.write("p/0995.jsonl", 2000);
        agent.write("p/added.jsonl", 3000);
        assert_eq!(name(newest.find(start + SignedDuration::from_secs(5))), "0995.jsonl");
        assert_eq!(name(newest.find(start + SignedDuration::from_secs(11))), "added.jsonl");
        // The clock was set back: walk again.
        agent.write("p/again.jsonl", 3001);
        assert_eq!(name(newest.find(start)), "again.jsonl");
    }

    #[test]
    fn vanished_files_lead_to_a_new_walk() {
        let agent = Agent::new();
        for file in 0..300 {
            agent.write(&format!("p/{file:04}.jsonl"), file);
        }
        let mut newest = agent.newest();
        let now = Time::now();
        assert_eq!(name(newest.find(now)), "0299.jsonl");
        for file in 290..300 {
            std::fs::remove_file(agent.dir.path().join(format!("p/{file:04}.jsonl"))).unwrap();
        }
        assert_eq!(name(newest.find(now)), "0289.jsonl");
    }
}
