//! The loop: its heartbeat, its durable state and the operator's pause sentinels.
//!
//! Invariant: each of the three has an outcome of its own, so that a broken state file hides no heartbeat and an
//! unreadable heartbeat hides no pause.

mod heartbeat;

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::config::{Config, FieldsConfig};
use crate::observation::{Data, Failure, FailureKind, LoopReading, LoopState, Pause, Reading, Time};
use crate::source::Source;
use crate::source::file::{Cached, modified_at, with_mend};
use crate::source::json::{self, Picker};
use heartbeat::HeartbeatFile;

/// Largest state file that is read, bytes: its history grows for the whole run.
const MAX_STATE: u64 = 64 << 20;

/// Reads the loop's files.
#[derive(Debug)]
pub struct LoopSource {
    heartbeat: HeartbeatFile,
    state: Option<StateFile>,
    pause: PathBuf,
    pause_hard: PathBuf,
}

#[derive(Debug)]
struct StateFile {
    fields: Picker,
    file: Cached<LoopState>,
}

impl LoopSource {
    /// The source as `config` has it: section `loop`, relative to the runtime directory.
    pub fn new(config: &Config) -> Self {
        let path = |path: &Path| config.in_runtime_dir(path);
        let settings = &config.loop_;
        let state = settings.state.as_deref().filter(|state| !state.is_empty()).map(|state| StateFile {
            fields: state_fields(&settings.fields),
            file: Cached::new("state", path(state.as_ref()), MAX_STATE),
        });
        LoopSource {
            heartbeat: HeartbeatFile::new(settings, path(&settings.heartbeat)),
            state,
            pause: path(&settings.pause),
            pause_hard: path(&settings.pause_hard),
        }
    }
}

impl Source for LoopSource {
    fn read(&mut self, now: Time) -> Reading<Data> {
        // The pause is looked at first: a loop that is paused at this moment may stop its heartbeat right after.
        let pause = read_pause(&self.pause, &self.pause_hard);
        let state = match &mut self.state {
            Some(StateFile { fields, file }) => file.read_stream(now, |bytes, _| parse_state(fields, bytes)),
            None => Reading::Missing("no state file is configured".into()),
        };
        Reading::Observed(Data::Loop(LoopReading { heartbeat: self.heartbeat.read(now), state, pause }))
    }
}

/// The fields of the state, in the order in which [`parse_state`] takes them.
fn state_fields(fields: &FieldsConfig) -> Picker {
    Picker::new(&[
        &fields.epoch,
        &fields.iteration,
        &fields.vertex,
        &fields.phase,
        &fields.module,
        &fields.status,
        &fields.started_at,
        &fields.updated_at,
    ])
    .counting(&fields.history, &fields.outcome)
}

/// Parses the state; its history is counted as it streams by, and not kept.
fn parse_state(fields: &Picker, bytes: impl Read) -> Result<LoopState, String> {
    let picked = fields.pick(bytes)?;
    let (iterations_finished, outcomes) = match picked.tally {
        Some(ref tally) => (Some(tally.total), tally.by_text.clone().into_iter().collect()),
        None => (None, Vec::new()),
    };
    Ok(LoopState {
        epoch: json::whole(picked.get(0)),
        iteration: json::whole(picked.get(1)),
        vertex: json::text(picked.get(2)),
        phase: json::text(picked.get(3)),
        module: json::text(picked.get(4)),
        status: json::text(picked.get(5)),
        started_at: json::time(picked.get(6)),
        updated_at: json::time(picked.get(7)),
        iterations_finished,
        outcomes,
    })
}

/// Looks for both sentinels. One that is there is a pause, however looking for the other went.
fn read_pause(soft: &Path, hard: &Path) -> Reading<Pause> {
    match (sentinel(soft), sentinel(hard)) {
        (Err(failure), Ok(None) | Err(_)) | (Ok(None), Err(failure)) => Reading::Failed(failure),
        (soft, hard) => Reading::Observed(Pause { soft: soft.unwrap_or(None), hard: hard.unwrap_or(None) }),
    }
}

/// Since when a sentinel stands at `path`. Existence counts, whatever it is: a dangling symbolic link pauses too.
fn sentinel(path: &Path) -> Result<Option<Time>, Failure> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(modified_at(&metadata).unwrap_or(Time::UNIX_EPOCH))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let message = format!("pause sentinel {}: {}", path.display(), with_mend(&error));
            Err(Failure::new(FailureKind::Unreadable, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parsed(json: &str) -> Result<LoopState, String> {
        parse_state(&state_fields(&FieldsConfig::default()), json.as_bytes())
    }

    fn whole() -> String {
        json!({
            "epoch": 3, "iter": 117, "vertex": "write", "phase": "writer", "module": "parser", "status": "running",
            "started_at": "2026-11-20T08:00:00Z", "updated_at": 1_795_348_790.5,
            "history": [
                {"epoch": 3, "iter": 1, "outcome": "ACCEPT", "tokens": {"m": 5}},
                {"epoch": 3, "iter": 2, "outcome": "REVERT", "files": ["a", "b"]},
                {"epoch": 3, "iter": 3, "outcome": "ACCEPT"},
            ],
        })
        .to_string()
    }

    #[test]
    fn every_field_is_read_and_the_history_counted() {
        let state = parsed(&whole()).unwrap();
        assert_eq!((state.epoch, state.iteration), (Some(3), Some(117)));
        assert_eq!(state.module.as_deref(), Some("parser"));
        assert_eq!(state.updated_at, Some("2026-11-22T11:59:50.5Z".parse().unwrap()));
        assert_eq!(state.iterations_finished, Some(3));
        assert_eq!(state.outcomes, [("ACCEPT".into(), 2), ("REVERT".into(), 1)]);
    }

    #[test]
    fn an_empty_object_is_a_state_that_says_nothing() {
        assert_eq!(parsed("{}"), Ok(LoopState::default()));
        assert_eq!(parsed(r#"{"history": "none", "epoch": [], "started_at": {}}"#), Ok(LoopState::default()));
    }

    #[test]
    fn cut_off_at_any_byte_it_is_malformed() {
        let whole = whole();
        for end in 0..whole.len() {
            assert!(parsed(&whole[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn either_sentinel_pauses_and_a_dangling_link_too() {
        let dir = tempfile::tempdir().unwrap();
        let (soft, hard) = (dir.path().join("PAUSE"), dir.path().join("PAUSE_HARD"));
        assert_eq!(read_pause(&soft, &hard), Reading::Observed(Pause::default()));
        std::os::unix::fs::symlink("nowhere", &hard).unwrap();
        let pause = *read_pause(&soft, &hard).observed().unwrap();
        assert!(pause.soft.is_none() && pause.hard.is_some());
        std::fs::create_dir(&soft).unwrap();
        assert!(read_pause(&soft, &hard).observed().unwrap().soft.is_some());
    }

    #[test]
    fn the_modification_time_is_since_when_it_is_paused() {
        let dir = tempfile::tempdir().unwrap();
        let soft = dir.path().join("PAUSE");
        let since = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_795_000_000);
        std::fs::File::create(&soft).unwrap().set_modified(since).unwrap();
        let pause = *read_pause(&soft, &dir.path().join("PAUSE_HARD")).observed().unwrap();
        assert_eq!(pause.since(), Some(Time::from_second(1_795_000_000).unwrap()));
    }

    #[test]
    fn a_failed_look_is_not_the_absence_of_a_pause() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        std::os::unix::fs::symlink(&a, &b).unwrap();
        std::os::unix::fs::symlink(&b, &a).unwrap();
        let (absent, present, looped) = (dir.path().join("absent"), dir.path().to_owned(), a.join("PAUSE"));
        std::fs::write(dir.path().join("file"), "").unwrap();
        for unknown in [looped, dir.path().join("file/PAUSE"), dir.path().join("x".repeat(300))] {
            assert!(matches!(read_pause(&unknown, &absent), Reading::Failed(_)), "{}", unknown.display());
            assert!(matches!(read_pause(&absent, &unknown), Reading::Failed(_)), "{}", unknown.display());
            assert!(matches!(read_pause(&unknown, &unknown), Reading::Failed(_)), "{}", unknown.display());
            assert!(read_pause(&present, &unknown).observed().unwrap().soft.is_some());
            assert!(read_pause(&unknown, &present).observed().unwrap().hard.is_some());
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(parse_state(&state_fields(&FieldsConfig::default()), &bytes[..]));
        }
    }
}
