//! A matrix that is JSON: read as such where it is too large for the YAML parser.
//!
//! JSON is YAML in flow style, which the YAML parser holds in memory as a whole; JSON's parser streams it.
//!
//! Invariant: the same document counts the same either way.

use std::fmt;
use std::io::{BufReader, Read, Seek};

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::count::{Collection, Counter};
use crate::observation::Parity;
use crate::source::json::explain;

/// Whether the first thing in `reader` opens a JSON object or array. Leaves the reader where JSON begins.
pub(super) fn looks_like_json<R: Read + Seek>(reader: &mut R) -> bool {
    let mut start = [0; 4096];
    let read = match reader.rewind().and_then(|()| reader.read(&mut start)) {
        Ok(read) => &start[..read],
        Err(_) => return false,
    };
    let skipped = read.iter().position(|byte| !byte.is_ascii_whitespace() && !b"\xEF\xBB\xBF".contains(byte));
    let Some(skipped) = skipped.filter(|at| matches!(read[*at], b'{' | b'[')) else { return false };
    reader.seek(std::io::SeekFrom::Start(skipped as u64)).is_ok()
}

/// Counts the cells of the JSON document in `reader`.
pub(super) fn parse(reader: &mut impl Read) -> Result<Parity, String> {
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 16, reader));
    let mut counter = Counter::default();
    let read = Node(&mut counter).deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| format!("{}; correct the file there (read as JSON for its size)", explain(&error)))?;
    counter.finish()
}

struct Node<'a>(&'a mut Counter);

impl Node<'_> {
    fn scalar<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.scalar(text, 0, 0).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.scalar(text)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar("~")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(if value { "true" } else { "false" })
    }

    // Any number is as little a status as any other.
    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.scalar("0")
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.scalar("0")
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.scalar("0")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.open(Collection::List, 0).map_err(A::Error::custom)?;
        while list.next_element_seed(Node(self.0))?.is_some() {}
        self.0.close();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.open(Collection::Mapping, 0).map_err(A::Error::custom)?;
        while map.next_key_seed(Node(self.0))?.is_some() {
            map.next_value_seed(Node(self.0))?;
        }
        self.0.close();
        Ok(())
    }
}
