//! Some fields of one JSON object by name.
//!
//! Invariant: a field that nobody asked for costs no memory; of two with one name the last counts, as `serde_json` has
//! it; what is no JSON object gives nothing.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::source::json;

/// The values of `names` in the object that `text` holds, `null` for one that is absent; `None` where it holds no object
/// or more than one.
pub(super) fn object<const N: usize>(text: &[u8], names: &[&str; N]) -> Option<[Value; N]> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let values = json.deserialize_map(Wanted(names)).ok()?;
    json.end().ok()?;
    Some(values)
}

/// A free text of at most `most` characters. Its line breaks stay: redaction looks for values that are broken over lines.
pub(super) fn prose(value: &Value, most: usize) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => {
            Some(text.chars().take(most).map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect())
        }
        other => json::text_up_to(other, most),
    }
}

struct Wanted<'a, const N: usize>(&'a [&'a str; N]);

impl<'de, const N: usize> Visitor<'de> for Wanted<'_, N> {
    type Value = [Value; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = [const { Value::Null }; N];
        while let Some(place) = map.next_key_seed(Name(self.0))? {
            match place {
                Some(place) => values[place] = map.next_value()?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(values)
    }
}

/// A key: its place among the wanted ones, compared without keeping it.
struct Name<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| *name == key))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_come_by_name_and_the_last_of_two_counts() {
        let values = object(br#" {"b": [1], "x": {"a": 7}, "a": 1, "a": "z"} "#, &["a", "b", "c"]).unwrap();
        assert_eq!(values, [json!("z"), json!([1]), json!(null)]);
        let escaped = object(br#"{"\u0061": true}"#, &["a"]).unwrap();
        assert_eq!(escaped, [json!(true)]);
    }

    #[test]
    fn what_is_no_single_object_gives_nothing() {
        for text in ["", "[]", "7", "{", "{}{}", "{} x", r#"{"a": nope}"#, r#"{"a": 1e999}"#, "\u{feff}{}"] {
            assert_eq!(object(text.as_bytes(), &["a"]), None, "{text}");
        }
        assert_eq!(object(b"{\"a\": \"\xff\"}", &["a"]), None);
    }
}
