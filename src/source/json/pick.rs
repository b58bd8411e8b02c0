//! Some fields of a JSON document, picked while it streams by.
//!
//! Invariant: memory does not grow with the document. Only the picked scalars are kept, each cut short; a list that
//! is counted is counted element by element.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read};

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Characters of a text that are kept.
const MAX_TEXT: usize = 256;

/// Different texts that are counted apart; a hostile list cannot make up more of them.
const MAX_TEXTS: usize = 32;

/// Under which every further text is counted.
const OTHER_TEXT: &str = "other";

/// What to pick: JSON pointers (RFC 6901) as a tree.
#[derive(Debug, Default)]
pub struct Picker {
    root: Branch,
    places: usize,
}

#[derive(Debug, Default)]
struct Branch {
    places: Vec<usize>,
    tally: Option<Box<Picker>>,
    children: Vec<(String, Branch)>,
}

/// What was picked.
#[derive(Debug, Default, PartialEq)]
pub struct Picked {
    values: Vec<Value>,
    /// The counted list, where there was one.
    pub tally: Option<Tally>,
}

/// Elements of a list.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub total: u64,
    /// Those that have a text at the counted pointer, by that text.
    pub by_text: BTreeMap<String, u64>,
}

impl Picker {
    /// Picks the value at each of `pointers`. An empty pointer picks nothing.
    pub fn new(pointers: &[&str]) -> Self {
        let mut picker = Picker { root: Branch::default(), places: pointers.len() };
        for (place, pointer) in pointers.iter().enumerate() {
            if let Some(branch) = picker.root.grow(pointer) {
                branch.places.push(place);
            }
        }
        picker
    }

    /// Also counts the elements of the list at `list`, by the text at `field` within each.
    pub fn counting(mut self, list: &str, field: &str) -> Self {
        if let Some(branch) = self.root.grow(list) {
            branch.tally = Some(Box::new(Picker::new(&[field])));
        }
        self
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// Where and why it is not one, for people.
    pub fn pick(&self, reader: impl Read) -> Result<Picked, String> {
        let mut reader = BufReader::with_capacity(1 << 16, reader);
        if reader.fill_buf().is_ok_and(|start| start.starts_with(b"\xEF\xBB\xBF")) {
            reader.consume(3);
        }
        let mut json = serde_json::Deserializer::from_reader(reader);
        let mut picked = self.nothing();
        json.deserialize_map(At { branch: &self.root, picked: &mut picked })
            .and_then(|()| json.end())
            .map(|()| picked)
            .map_err(|error| explain(&error))
    }

    fn nothing(&self) -> Picked {
        Picked { values: vec![Value::Null; self.places], tally: None }
    }
}

impl Picked {
    /// The value at the pointer of that `place`; null when there is none, an empty list or object when it is one.
    pub fn get(&self, place: usize) -> &Value {
        self.values.get(place).unwrap_or(&Value::Null)
    }
}

impl Branch {
    /// The branch at `pointer`; `None` for the empty pointer.
    fn grow(&mut self, pointer: &str) -> Option<&mut Branch> {
        if pointer.is_empty() {
            return None;
        }
        let path = pointer.strip_prefix('/').unwrap_or(pointer);
        Some(path.split('/').fold(self, |branch, step| branch.child_or_new(step.replace("~1", "/").replace("~0", "~"))))
    }

    fn child_or_new(&mut self, name: String) -> &mut Branch {
        let known = self.children.iter().position(|(child, _)| *child == name);
        let index = known.unwrap_or_else(|| {
            self.children.push((name, Branch::default()));
            self.children.len() - 1
        });
        &mut self.children[index].1
    }

    fn child(&self, name: &str) -> Option<&Branch> {
        self.children.iter().find(|(child, _)| child == name).map(|(_, branch)| branch)
    }
}

/// Where and why a JSON document could not be read, for people.
pub(crate) fn explain(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    if error.is_eof() {
        return format!(
            "line {line}, column {column}: ends too early; its writer was interrupted, or the disk is full"
        );
    }
    let words = error.to_string();
    let why = words.split(" at line ").next().unwrap_or(&words);
    format!("line {line}, column {column}: {why}")
}

impl Tally {
    fn count(&mut self, text: Option<String>) {
        self.total += 1;
        let Some(text) = text else { return };
        let text =
            if self.by_text.len() < MAX_TEXTS || self.by_text.contains_key(&text) { text } else { OTHER_TEXT.into() };
        *self.by_text.entry(text).or_default() += 1;
    }
}

/// The value that stands at a branch.
struct At<'a> {
    branch: &'a Branch,
    picked: &'a mut Picked,
}

impl At<'_> {
    fn keep(self, value: &Value) {
        for &place in &self.branch.places {
            self.picked.values[place] = value.clone();
        }
        if self.branch.tally.is_some() {
            self.picked.tally = None;
        }
    }
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.keep(&Value::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.keep(&value.into());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.keep(&value.into());
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.keep(&value.into());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.keep(&value.into());
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.keep(&value.chars().take(MAX_TEXT).collect::<String>().into());
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let At { branch, picked } = self;
        At { branch, picked }.keep(&Value::Object(serde_json::Map::new()));
        while let Some(child) = map.next_key_seed(Key(branch))? {
            match child {
                Some(branch) => map.next_value_seed(At { branch, picked })?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let At { branch, picked } = self;
        At { branch, picked }.keep(&Value::Array(Vec::new()));
        if let Some(element) = &branch.tally {
            picked.tally = Some(tally(element, list)?);
            return Ok(());
        }
        for index in 0_usize.. {
            let child = if branch.children.is_empty() { None } else { branch.child(&index.to_string()) };
            let more = match child {
                Some(branch) => list.next_element_seed(At { branch, picked })?.is_some(),
                None => list.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }
}

fn tally<'de, A: SeqAccess<'de>>(element: &Picker, mut list: A) -> Result<Tally, A::Error> {
    let mut tally = Tally::default();
    let mut picked = element.nothing();
    while list.next_element_seed(At { branch: &element.root, picked: &mut picked })?.is_some() {
        tally.count(super::text(picked.get(0)));
        picked.values.fill(Value::Null);
    }
    Ok(tally)
}

/// The key of an object's member: the branch it leads to, compared without keeping it.
struct Key<'a>(&'a Branch);

impl<'de, 'a> DeserializeSeed<'de> for Key<'a> {
    type Value = Option<&'a Branch>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Key<'a> {
    type Value = Option<&'a Branch>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.child(key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pick(pointers: &[&str], json: &str) -> Result<Vec<Value>, String> {
        Picker::new(pointers).pick(json.as_bytes()).map(|picked| picked.values)
    }

    #[test]
    fn fields_are_found_where_their_pointers_lead() {
        let json = r#"{"a": 1, "b": {"c/d": "x", "e": [10, {"f": 2.5}]}, "skip": {"a": 9}, "~": true, "": null}"#;
        let pointers = ["/a", "/b/c~1d", "/b/e/1/f", "/b/e/0", "/~0", "/absent", "/a/deeper", ""];
        let expected = json!([1, "x", 2.5, 10, true, null, null, null]);
        assert_eq!(Value::Array(pick(&pointers, json).unwrap()), expected);
    }

    #[test]
    fn one_value_may_be_picked_twice_and_the_last_of_two_keys_counts() {
        assert_eq!(pick(&["/a", "/a"], r#"{"a": 1, "a": -2}"#).unwrap(), [json!(-2), json!(-2)]);
    }

    #[test]
    fn a_list_or_object_where_a_scalar_belongs_shows_as_an_empty_one() {
        assert_eq!(pick(&["/a", "/b"], r#"{"a": [1, 2], "b": {"c": 1}}"#).unwrap(), [json!([]), json!({})]);
    }

    #[test]
    fn texts_are_cut() {
        let json = json!({ "a": "\u{e9}".repeat(100_000) }).to_string();
        assert_eq!(pick(&["/a"], &json).unwrap()[0].as_str().unwrap().chars().count(), MAX_TEXT);
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(pick(&["/a"], "\u{feff}{\"a\": 1}").unwrap(), [json!(1)]);
    }

    fn counted(json: &str) -> Option<Tally> {
        Picker::new(&["/a"]).counting("/h", "/o").pick(json.as_bytes()).unwrap().tally
    }

    #[test]
    fn a_list_is_counted_by_the_text_of_its_elements() {
        let tally =
            counted(r#"{"h": [{"o": "X"}, {"o": "Y", "n": [1]}, {"o": "X"}, {}, 7, null, [], {"o": {}}]}"#).unwrap();
        assert_eq!(tally.total, 8);
        assert_eq!(tally.by_text, BTreeMap::from([("X".into(), 2), ("Y".into(), 1)]));
    }

    #[test]
    fn what_is_no_list_is_not_counted() {
        for json in [r"{}", r#"{"h": null}"#, r#"{"h": {"o": "X"}}"#, r#"{"h": "X"}"#, r#"{"h": [{"o": "X"}], "h": 3}"#]
        {
            assert_eq!(counted(json), None, "{json}");
        }
        assert_eq!(counted(r#"{"h": []}"#), Some(Tally::default()));
    }

    #[test]
    fn made_up_texts_are_counted_together() {
        let elements: Vec<Value> = (0..1000).map(|n| json!({ "o": format!("text {n}") })).collect();
        let tally = counted(&json!({ "h": elements }).to_string()).unwrap();
        assert_eq!(tally.total, 1000);
        assert_eq!(tally.by_text.len(), MAX_TEXTS + 1);
        assert_eq!(tally.by_text[OTHER_TEXT], 1000 - MAX_TEXTS as u64);
    }

    #[test]
    fn errors_say_where() {
        let error = |json: &str| pick(&["/a"], json).unwrap_err();
        assert_eq!(error("[1]"), "line 1, column 1: invalid type: sequence, expected a JSON object");
        assert_eq!(error("{\"a\": 1}\n{"), "line 2, column 1: trailing characters");
        assert_eq!(error("{\n  \"a\": nope}"), "line 2, column 9: expected ident");
        for early in ["", "  ", "{\"a\": 1"] {
            assert!(
                error(early).contains("ends too early; its writer was interrupted, or the disk is full"),
                "{early}"
            );
        }
        assert!(error(&format!("{{\"a\": {}", "[".repeat(1_000_000))).contains("line 1"));
        assert!(error("\0\0\0\0").contains("line 1, column 1"));
        assert!(pick(&["/a"], "{\"a\": \"\u{0}\"}").is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Picker::new(&["/a", "/b/0"]).counting("/h", "/o").pick(&bytes[..]));
        }

        #[test]
        fn json_like_text_does_not_panic(text in r#"[\[\]{}:, "abho\\eu0-9.\-]{0,60}"#) {
            drop(Picker::new(&["/a", "/b/0"]).counting("/h", "/o").pick(text.as_bytes()));
        }
    }
}
