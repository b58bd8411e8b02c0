//! The fast reader and `serde_json` understand a line alike.

use proptest::prelude::*;

use super::super::answer::{Line, Told, Usage};
use super::super::pull::{Source, Whole};
use super::*;
use crate::source::json as tolerant;

/// A line that comes a few bytes at a time.
struct Drops<'a>(Vec<&'a [u8]>, usize);

impl Source for Drops<'_> {
    fn rest(&self) -> &[u8] {
        self.0.get(self.1).copied().unwrap_or_default()
    }

    fn pass(&mut self, count: usize) {
        if let Some(rest) = self.0.get_mut(self.1) {
            *rest = &rest[count..];
        }
    }

    fn more(&mut self) -> bool {
        self.1 += 1;
        self.1 < self.0.len()
    }
}

/// What `serde_json` makes of a line.
fn by_serde(line: &[u8]) -> Option<Told> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let fields = value.as_object()?;
    let usage = fields.get("message").and_then(|message| message.get("usage")).filter(|usage| usage.is_object());
    let count = |name: &str| {
        let told = usage.and_then(|usage| usage.get(name)).and_then(tolerant::whole);
        told.map(u32::try_from).transpose()
    };
    let usage = Usage {
        input: count("input_tokens").ok()?,
        output: count("output_tokens").ok()?,
        cache_read: count("cache_read_input_tokens").ok()?,
        cache_creation: count("cache_creation_input_tokens").ok()?,
    };
    let model = fields.get("message").and_then(|message| message.get("model"));
    let is = |name: &str, wanted: Value| fields.get(name) == Some(&wanted);
    if !is("type", json!("assistant"))
        || is("isApiErrorMessage", json!(true))
        || model == Some(&json!("<synthetic>"))
        || usage.input.is_none() && usage.output.is_none()
    {
        return Some(Told::Other);
    }
    let at = fields.get("timestamp").and_then(tolerant::time).map(Time::as_millisecond);
    Some(at.map_or(Told::Untimed, |at_ms| Told::Answer { at_ms, usage }))
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_u64..6_000_000_000).prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f32>().prop_map(|number| json!(number)),
        "[ -~\\n\\t\u{e9}]{0,12}".prop_map(Value::from),
        Just(json!("2026-11-22T12:00:00.5Z")),
        Just(json!("assistant")),
        Just(json!("<synthetic>")),
        Just(json!("17")),
        Just(json!(1_795_348_800.5)),
    ]
}

fn anything() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z\"\\\\]{0,6}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// A line of an answer of which some fields are something else.
fn line() -> impl Strategy<Value = Value> {
    let places = prop::sample::select(vec![
        "/type",
        "/timestamp",
        "/isApiErrorMessage",
        "/message",
        "/message/model",
        "/message/usage",
        "/message/content",
        "/message/usage/input_tokens",
        "/message/usage/output_tokens",
        "/message/usage/cache_read_input_tokens",
        "/requestId",
        "/extra",
    ]);
    prop::collection::vec((places, anything()), 0..3).prop_map(|changes| {
        let mut line = answer("a", 1, [1, 2, 3, 4]);
        line["isApiErrorMessage"] = json!(false);
        line["extra"] = json!(null);
        for (place, value) in changes {
            if let Some(slot) = line.pointer_mut(place) {
                *slot = value;
            }
        }
        line
    })
}

proptest! {
    #[test]
    fn a_line_is_understood_as_serde_json_does(line in line(), pretty in any::<bool>(), cut in 1_usize..9) {
        let text = if pretty { serde_json::to_string_pretty(&line)?.replace('\n', "\t ") } else { line.to_string() };
        let expected = by_serde(text.as_bytes());
        prop_assert_eq!(Line::default().read(Whole(text.as_bytes())), expected, "{}", text);
        let mut reader = Line::default();
        let drops = Drops(text.as_bytes().chunks(cut).collect(), 0);
        prop_assert_eq!(reader.read(drops), expected, "in drops of {}: {}", cut, text);
    }

    #[test]
    fn any_bytes_are_read_to_an_end(
        bytes in prop::collection::vec(prop::sample::select(b"{}[]\":,\\0e-tusage\n \0".to_vec()), 0..60),
    ) {
        let mut line = Line::default();
        let told = line.read(Whole(&bytes));
        prop_assert_eq!(line.read(Drops(bytes.chunks(1).collect(), 0)), told);
    }
}
