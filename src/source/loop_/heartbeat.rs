//! The loop's sign of life: a JSON file, or the modification time of any file or of the newest of many.
//!
//! Invariant: a heartbeat is observed only with a time that its writer meant; one that holds something unreadable in
//! place of a time is malformed, and never borrows the file's.

use std::fs::Metadata;
use std::io::Read;
use std::path::PathBuf;

use crate::config::{FieldsConfig, HeartbeatFormat, LoopConfig};
use crate::observation::{Heartbeat, Reading, Time};
use crate::source::file::{Bounded, Cached, modified_at, stat_regular};
use crate::source::json::{self, Picker};
use crate::source::newest::Newest;

const WHAT: &str = "heartbeat";

/// Largest heartbeat that is read, bytes; a real one has some hundred.
const MAX: u64 = 1 << 20;

/// Where and how the heartbeat is read.
#[derive(Debug)]
pub(super) struct HeartbeatFile {
    place: PathBuf,
    newest: Option<Newest>,
    fields: Option<Picker>,
    file: Cached<Heartbeat>,
}

impl HeartbeatFile {
    /// The heartbeat at `place`, a file or a glob.
    pub(super) fn new(config: &LoopConfig, place: PathBuf) -> Self {
        let is_glob = place.to_string_lossy().contains(['*', '?', '[']);
        HeartbeatFile {
            newest: is_glob.then(|| Newest::new(WHAT, place.clone())),
            fields: (config.heartbeat_format != HeartbeatFormat::Mtime).then(|| fields(&config.fields)),
            file: Cached::new(WHAT, place.clone(), MAX),
            place,
        }
    }

    pub(super) fn read(&mut self, now: Time) -> Reading<Heartbeat> {
        let Some(newest) = &mut self.newest else { return self.read_file(now) };
        // A file whose name merely looks like a glob is that file.
        let found = match std::fs::symlink_metadata(&self.place) {
            Ok(_) => Reading::Observed(self.place.clone()),
            Err(_) => newest.find(now).map(|(path, _)| path),
        };
        found.and_then(|path| {
            if path != self.file.path() {
                self.file = Cached::new(WHAT, path, MAX);
            }
            self.read_file(now)
        })
    }

    fn read_file(&mut self, now: Time) -> Reading<Heartbeat> {
        let file = &mut self.file;
        let mut reading = match &self.fields {
            Some(fields) => file.read_stream(now, |bytes: &mut Bounded, metadata: &Metadata| {
                parse(fields, bytes, modified_at(metadata))
            }),
            None => stat_regular(WHAT, file.path())
                .map(|metadata| Heartbeat { at: modified_at(&metadata), ..Heartbeat::default() }),
        };
        if let (Reading::Observed(heartbeat), Some(_)) = (&mut reading, &self.newest) {
            heartbeat.file = Some(self.file.path().to_owned());
        }
        reading
    }
}

/// The fields of a heartbeat, in the order in which [`parse`] takes them.
fn fields(fields: &FieldsConfig) -> Picker {
    Picker::new(&[
        &fields.ts,
        &fields.pid,
        &fields.epoch,
        &fields.iteration,
        &fields.vertex,
        &fields.phase,
        &fields.phase_started_at,
        &fields.invocation_id,
    ])
}

/// Parses a JSON heartbeat; `modified` is the file's modification time, which counts where there is no `ts`.
fn parse(fields: &Picker, bytes: impl Read, modified: Option<Time>) -> Result<Heartbeat, String> {
    let picked = fields
        .pick(bytes)
        .map_err(|why| format!("{why} (where it is no JSON object by design, set loop.heartbeat_format to mtime)"))?;
    let ts = picked.get(0);
    let at = match json::time(ts) {
        None if !ts.is_null() => {
            return Err(format!("its time is {ts}, expected RFC 3339 with a zone or Unix seconds"));
        }
        at => at.or(modified),
    };
    Ok(Heartbeat {
        at,
        pid: json::whole(picked.get(1)).and_then(|pid| u32::try_from(pid).ok()),
        epoch: json::whole(picked.get(2)),
        iteration: json::whole(picked.get(3)),
        vertex: json::text(picked.get(4)),
        phase: json::text(picked.get(5)),
        phase_started_at: json::time(picked.get(6)),
        invocation_id: json::text(picked.get(7)),
        file: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: &str = r#"{"ts": "2026-11-22T11:59:56.5Z", "pid": 4242, "epoch": 3, "iter": 117, "vertex": "write",
        "phase": "writer", "phase_started_at": 1795348500, "invocation_id": "0123456789abcdef0123456789abcdef",
        "unknown": {"deep": [1, 2]}}"#;

    fn modified() -> Option<Time> {
        Some("2026-11-22T11:00:00Z".parse().unwrap())
    }

    fn parsed(json: &str) -> Result<Heartbeat, String> {
        parse(&fields(&FieldsConfig::default()), json.as_bytes(), modified())
    }

    #[test]
    fn every_field_is_read() {
        let expected = Heartbeat {
            at: Some("2026-11-22T11:59:56.5Z".parse().unwrap()),
            pid: Some(4242),
            epoch: Some(3),
            iteration: Some(117),
            vertex: Some("write".into()),
            phase: Some("writer".into()),
            phase_started_at: Some("2026-11-22T11:55:00Z".parse().unwrap()),
            invocation_id: Some("0123456789abcdef0123456789abcdef".into()),
            file: None,
        };
        assert_eq!(parsed(WHOLE), Ok(expected));
    }

    #[test]
    fn without_a_time_the_modification_time_counts() {
        for json in ["{}", r#"{"ts": null}"#] {
            assert_eq!(parsed(json), Ok(Heartbeat { at: modified(), ..Heartbeat::default() }), "{json}");
        }
    }

    #[test]
    fn an_unreadable_time_is_malformed_and_shown() {
        for ts in [r#""noon""#, r#""""#, "true", "[]", "{}", "-5", "1e300", r#""2026-11-22T12:00:00""#] {
            let error = parsed(&format!(r#"{{"ts": {ts}}}"#)).unwrap_err();
            assert!(error.contains("expected RFC 3339 with a zone or Unix seconds"), "{ts}: {error}");
        }
        assert!(parsed(r#"{"ts": "noon"}"#).unwrap_err().starts_with(r#"its time is "noon""#));
    }

    #[test]
    fn other_fields_of_a_wrong_type_are_absent() {
        let json = r#"{"ts": 1795348800, "pid": -1, "epoch": "x", "iter": 1.5, "vertex": [], "phase": {},
            "phase_started_at": "soon", "invocation_id": null}"#;
        let at = Some("2026-11-22T12:00:00Z".parse().unwrap());
        assert_eq!(parsed(json), Ok(Heartbeat { at, ..Heartbeat::default() }));
        assert_eq!(parsed(r#"{"pid": 99999999999}"#).unwrap().pid, None);
    }

    #[test]
    fn fields_are_mapped_by_pointer() {
        let config = FieldsConfig {
            ts: "/beat/time".into(),
            iteration: "/rounds/0".into(),
            epoch: "".into(),
            ..FieldsConfig::default()
        };
        let json = r#"{"beat": {"time": 1795348800}, "rounds": [7], "epoch": 3}"#;
        let heartbeat = parse(&fields(&config), json.as_bytes(), None).unwrap();
        assert_eq!(heartbeat.at, Some("2026-11-22T12:00:00Z".parse().unwrap()));
        assert_eq!((heartbeat.iteration, heartbeat.epoch), (Some(7), None));
    }

    #[test]
    fn cut_off_at_any_byte_it_is_malformed() {
        for end in 0..WHOLE.len() {
            let error = parsed(&WHOLE[..end]).unwrap_err();
            assert!(error.starts_with("line "), "{end}: {error}");
        }
    }

    #[test]
    fn what_is_no_object_is_malformed_and_the_mend_named() {
        for json in ["[]", "3", "\"x\"", "null", "plain text", "\0\0\0", "{} {}"] {
            assert!(parsed(json).unwrap_err().contains("loop.heartbeat_format"), "{json}");
        }
        assert!(parse(&fields(&FieldsConfig::default()), &b"{\"phase\": \"\xff\"}"[..], None).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(parse(&fields(&FieldsConfig::default()), &bytes[..], None));
        }

        #[test]
        fn arbitrary_values_do_not_panic(number in any::<f64>(), text in ".{0,40}") {
            let text = serde_json::Value::from(text);
            let number = serde_json::Value::from(number);
            drop(parsed(&format!(r#"{{"ts": {number}, "phase": {text}, "iter": {number}}}"#)));
            drop(parsed(&format!(r#"{{"ts": {text}, "pid": {number}, "phase_started_at": {number}}}"#)));
        }
    }
}
