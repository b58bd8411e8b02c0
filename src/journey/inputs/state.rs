//! `state.json` with its history, and the heartbeat.
//!
//! Invariant: what stands whole in a file that was cut short or is garbled further on is still read; each object of the
//! history knows the byte at which it begins.

use serde_json::{Map, Value};

use super::fields::object;
use super::gathered::{Finished, Heartbeat, State, Told};
use super::passed::Passed;
use crate::config::FieldsConfig;
use crate::journey::run::{Origin, Sourced, Tokens};
use crate::jsonl::scan::Scanner;
use crate::source::json;

/// Characters of a name (a slug, a module, a model) that are kept.
const NAME: usize = 200;
/// Characters of a file's path that are kept: the longest that Linux takes has 4096 bytes.
const PATH: usize = 4096;

/// A value in the text: where it begins, and where it ends, unless the text ends before it.
type Span = (usize, Option<usize>);

/// The history's keys. A test holds the places to the names.
const KEYS: [&str; 16] = [
    "epoch",
    "iter",
    "slug",
    "module",
    "outcome",
    "started_at",
    "ended_at",
    "tokens",
    "codex_calls",
    "codex_tokens",
    "commits",
    "files",
    "session_id",
    "sessions",
    "sessionId",
    "invocation_id",
];

/// The state and the history in `text`, which is the file numbered `file`. What cannot be read is counted in `passed`;
/// `name` names the file there.
pub(super) fn state(
    text: &[u8],
    (file, name): (u32, &str),
    fields: &FieldsConfig,
    passed: &mut Passed,
) -> (State, Vec<Finished>) {
    let pointers: [&str; 7] = [
        &fields.epoch,
        &fields.iteration,
        &fields.phase,
        &fields.module,
        &fields.started_at,
        &fields.updated_at,
        &fields.history,
    ];
    let mut spans = [None; 7];
    let start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let steps: Vec<(&str, usize)> = pointers.iter().enumerate().map(|(place, pointer)| (*pointer, place)).collect();
    let whole = find(text, start, &steps, &mut spans);
    if !whole {
        passed.count("malformed", Origin::of(file, 0), || malformed(name));
    }
    let told = |place: usize| Field { text, span: spans[place], file };
    let state = State {
        epoch: told(0).sourced(json::whole),
        iter: told(1).sourced(json::whole),
        phase: told(2).sourced(name_of),
        module: told(3).sourced(name_of),
        started_at: told(4).sourced(json::time),
        updated_at: told(5).sourced(json::time),
    };
    let outcome = fields.outcome.strip_prefix('/').unwrap_or("outcome").to_owned();
    let history = match spans[6] {
        Some((at, _)) => History { text, file, name, outcome: &outcome, passed }.read(at),
        None => Vec::new(),
    };
    (state, history)
}

fn malformed(name: &str) -> String {
    format!(
        "{name} is not one whole JSON object; what stands before the fault was read. It is read anew in the next run; \
         if it stays so, let the loop write it by renaming a whole file into place"
    )
}

/// The heartbeat in `text`.
pub(super) fn heartbeat(text: &[u8], file: u32, fields: &FieldsConfig) -> Heartbeat {
    let pointers: [&str; 4] = [&fields.ts, &fields.epoch, &fields.iteration, &fields.phase];
    let mut spans = [None; 4];
    let steps: Vec<(&str, usize)> = pointers.iter().enumerate().map(|(place, pointer)| (*pointer, place)).collect();
    find(text, 0, &steps, &mut spans);
    let told = |place: usize| Field { text, span: spans[place], file };
    Heartbeat {
        at: told(0).sourced(json::time),
        epoch: told(1).value().as_ref().and_then(json::whole),
        iter: told(2).value().as_ref().and_then(json::whole),
        phase: told(3).value().as_ref().and_then(name_of),
    }
}

/// A field of a JSON text.
struct Field<'a> {
    text: &'a [u8],
    span: Option<Span>,
    file: u32,
}

impl Field<'_> {
    fn value(&self) -> Option<Value> {
        let (start, end) = self.span?;
        serde_json::from_slice(&self.text[start..end?]).ok()
    }

    fn sourced<T>(&self, read: impl Fn(&Value) -> Option<T>) -> Option<Sourced<T>> {
        let value = read(&self.value()?)?;
        Some(Sourced::at(value, Origin::of(self.file, self.span?.0 as u64)))
    }
}

/// Where the values lie that `steps` (JSON pointers, each with the place in `spans` that it fills) lead to, from the
/// object that begins at `at`. Steps into lists are not taken. False when the object is not whole, or something follows
/// the outermost one.
fn find(text: &[u8], at: usize, steps: &[(&str, usize)], spans: &mut [Option<Span>]) -> bool {
    let mut scanner = Scanner::at(text, at);
    if !scanner.brace() {
        return false;
    }
    if scanner.ends() {
        return true;
    }
    loop {
        let Some(key) = scanner.key() else { return false };
        let start = scanner.place();
        let end = scanner.skip().map(|()| scanner.place());
        for (pointer, place) in steps {
            let path = pointer.strip_prefix('/').unwrap_or(pointer);
            let (step, rest) = path.split_once('/').map_or((path, None), |(step, rest)| (step, Some(rest)));
            if pointer.is_empty() || !is_named(key, step) {
                continue;
            }
            match rest {
                None => spans[*place] = Some((start, end)),
                Some(rest) => drop(find(text, start, &[(rest, *place)], spans)),
            }
        }
        if end.is_none() {
            return false;
        }
        if !scanner.comma() {
            return scanner.ends();
        }
    }
}

/// Whether `key`, as it stands in the text, is `step` of a pointer.
fn is_named(key: &[u8], step: &str) -> bool {
    if key == step.as_bytes() {
        return true;
    }
    let plain = step.replace("~1", "/").replace("~0", "~");
    if key.contains(&b'\\') {
        let quoted = [b"\"", key, b"\""].concat();
        return serde_json::from_slice::<String>(&quoted).is_ok_and(|key| key == plain);
    }
    key == plain.as_bytes()
}

/// The history in the making.
struct History<'a> {
    text: &'a [u8],
    file: u32,
    name: &'a str,
    outcome: &'a str,
    passed: &'a mut Passed,
}

impl History<'_> {
    /// The objects of the list that begins at `at`.
    fn read(&mut self, at: usize) -> Vec<Finished> {
        let mut keys = KEYS;
        keys[4] = self.outcome;
        let mut scanner = Scanner::at(self.text, at);
        let mut history = Vec::new();
        if !scanner.list() {
            return history;
        }
        while !scanner.list_ends() {
            let start = scanner.place();
            if scanner.skip().is_none() {
                break;
            }
            let from = Origin::of(self.file, start as u64);
            match object(&self.text[start..scanner.place()], &keys) {
                Some(values) => history.push(finished(values, from)),
                None => self.passed.count("malformed", from, || {
                    format!("{} has something in its history that is no object; mend what writes it", self.name)
                }),
            }
            if !scanner.comma() {
                break;
            }
        }
        history
    }
}

fn finished(values: [Value; 16], from: Origin) -> Finished {
    let [epoch, iter, slug, module, outcome, started, ended, tokens, calls, judge_tokens, commits, files, ids @ ..] =
        values;
    Finished {
        epoch: json::whole(&epoch),
        iter: json::whole(&iter),
        slug: name_of(&slug),
        module: name_of(&module),
        outcome: name_of(&outcome),
        started_at: json::time(&started),
        ended_at: json::time(&ended),
        tokens: by_model(&tokens),
        judge_calls: json::whole(&calls),
        judge_tokens: json::whole(&judge_tokens),
        commits: list(&commits).iter().filter_map(hash).collect(),
        files: paths(&files),
        ids: ids.iter().flat_map(self::ids).collect(),
        from,
    }
}

fn name_of(value: &Value) -> Option<String> {
    json::text_up_to(value, NAME)
}

/// Ids in a text or a list of texts; one of fewer than eight characters says nothing.
pub(super) fn ids(value: &Value) -> Vec<String> {
    let one = |value: &Value| value.as_str().filter(|id| (8..=128).contains(&id.len())).map(str::to_owned);
    match value {
        Value::Array(values) => values.iter().filter_map(one).collect(),
        value => one(value).into_iter().collect(),
    }
}

fn by_model(value: &Value) -> Vec<(String, Told)> {
    let Value::Object(models) = value else { return Vec::new() };
    let told = |value: &Value| match value {
        Value::Object(kinds) => split(kinds).map(Told::Split),
        value => json::whole(value).map(Told::Total),
    };
    let named = |name: &String| name.chars().take(NAME).map(|c| if c.is_control() { ' ' } else { c }).collect();
    models.iter().filter_map(|(name, value)| Some((named(name), told(value)?))).collect()
}

/// Tokens by kind, under the transcripts' names or their short forms; `None` where none is told.
fn split(kinds: &Map<String, Value>) -> Option<Tokens> {
    let mut any = false;
    let mut kind = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| kinds.get(*name).and_then(json::whole));
        any |= found.is_some();
        found.unwrap_or(0)
    };
    let tokens = Tokens {
        input: kind(["input_tokens", "input"]),
        output: kind(["output_tokens", "output"]),
        cache_read: kind(["cache_read_input_tokens", "cache_read"]),
        cache_creation: kind(["cache_creation_input_tokens", "cache_creation"]),
    };
    any.then_some(tokens)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A commit's hash: a text of 7 to 64 hexadecimal digits, or an object that holds one.
fn hash(value: &Value) -> Option<String> {
    let text = match value {
        Value::Object(commit) => ["hash", "sha", "id", "commit"].iter().find_map(|name| commit.get(*name)?.as_str())?,
        value => value.as_str()?,
    };
    let text = text.trim();
    let is_hash = (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.to_ascii_lowercase())
}

/// Paths in a list of texts, or of objects that hold one, sorted.
fn paths(value: &Value) -> Option<Vec<String>> {
    let path = |value: &Value| match value {
        Value::Object(file) => {
            ["path", "file", "name"].iter().find_map(|name| json::text_up_to(file.get(*name)?, PATH))
        }
        value => json::text_up_to(value, PATH),
    };
    let mut paths: Vec<String> = value.as_array()?.iter().filter_map(path).collect();
    paths.sort();
    paths.dedup();
    Some(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (State, Vec<Finished>, Vec<crate::journey::run::LeftOut>) {
        let mut passed = Passed::default();
        let (state, history) = state(text.as_bytes(), (4, "state.json"), &FieldsConfig::default(), &mut passed);
        (state, history, passed.into_entries())
    }

    const STATE: &str = r#"{"epoch": 3, "iter": "118", "phase": "writer", "started_at": 1795345200,
        "history": [{"epoch":3,"iter":116,"slug":"s","module":"m","outcome":"ACCEPT","started_at":"2026-11-22T10:00:00Z",
        "ended_at":1795348800.5,"tokens":{"q":7,"c":{"input_tokens":1,"output":2},"x":null},"codex_calls":2,
        "codex_tokens":"900","commits":["ABCDEF0123",{"sha":"0123456789"},"none",7],"files":["b","a","b",{"path":"c"}],
        "session_id":"session-1","sessions":["session-2","short"],"later":{}} , {"iter":117}]}"#;

    #[test]
    fn state_and_history_are_read_with_their_places() {
        let (state, history, passed) = read(STATE);
        let at = |needle: &str| STATE.find(needle).unwrap() as u64;
        assert_eq!(state.iter, Some(Sourced::at(118, Origin::of(4, at("\"118\"")))));
        assert_eq!(state.started_at.unwrap().value.as_second(), 1_795_345_200);
        assert_eq!((passed, history.len()), (Vec::new(), 2));
        let first = &history[0];
        assert_eq!(first.from, Origin::of(4, at("{\"epoch\":3")));
        assert_eq!(history[1].from, Origin::of(4, at("{\"iter\":117")));
        assert_eq!((first.epoch, first.iter, first.outcome.as_deref()), (Some(3), Some(116), Some("ACCEPT")));
        assert_eq!(first.ended_at.unwrap().to_string(), "2026-11-22T12:00:00.5Z");
        let split = Tokens { input: 1, output: 2, ..Tokens::default() };
        assert_eq!(first.tokens, [("c".into(), Told::Split(split)), ("q".into(), Told::Total(7))]);
        assert_eq!((first.judge_calls, first.judge_tokens), (Some(2), Some(900)));
        assert_eq!(first.commits, ["abcdef0123", "0123456789"]);
        assert_eq!(first.files.as_deref().unwrap(), ["a", "b", "c"]);
        assert_eq!(first.ids, ["session-1", "session-2"]);
        assert_eq!(history[1], Finished { iter: Some(117), from: history[1].from, ..Finished::default() });
    }

    #[test]
    fn what_stands_before_a_cut_is_read() {
        let first_ends = STATE.find(" , {").unwrap();
        for cut in 0..STATE.len() {
            let (state, history, passed) = read(&STATE[..cut]);
            assert_eq!(history.len(), usize::from(cut >= first_ends) + usize::from(cut + 2 >= STATE.len()), "{cut}");
            assert_eq!(state.epoch.is_some(), cut > 11, "{cut}: a number that nothing follows may be cut too");
            assert_eq!(passed[0].kind, "malformed", "{cut}");
        }
    }

    #[test]
    fn pointers_lead_deeper_and_escapes_are_understood() {
        let fields = FieldsConfig {
            epoch: "/run/a~1b".into(),
            history: "/run/past".into(),
            outcome: "/end".into(),
            ..FieldsConfig::default()
        };
        let text = br#"{"run":{"a\/b":5,"past":[{"end":"REVERT"},7]},"iter":1} tail"#;
        let mut passed = Passed::default();
        let (state, history) = state(text, (0, "x"), &fields, &mut passed);
        assert_eq!((state.epoch.unwrap().value, state.iter.unwrap().value), (5, 1));
        assert_eq!(history[0].outcome.as_deref(), Some("REVERT"));
        let kinds: Vec<_> = passed.entries().iter().map(|entry| (entry.kind.as_str(), entry.count)).collect();
        assert_eq!(kinds, [("malformed", 2)], "the tail and the 7, in one entry of this file");
    }

    #[test]
    fn the_heartbeat_tells_phase_and_time() {
        let beat = heartbeat(br#"{"ts":5,"iter":7,"phase":"judge"}"#, 1, &FieldsConfig::default());
        assert_eq!(beat.at, Some(Sourced::at(json::unix(5.0).unwrap(), Origin::of(1, 6))));
        assert_eq!((beat.epoch, beat.iter, beat.phase.as_deref()), (None, Some(7), Some("judge")));
        assert!(heartbeat(b"[]", 1, &FieldsConfig::default()).at.is_none());
    }
}
