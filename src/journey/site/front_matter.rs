//! JSON as YAML, for the head of a Markdown file.
//!
//! Invariant: what YAML reads is what JSON said, with the same types: every text is quoted, so that none is taken for a
//! number, a date or a truth, and whatever YAML cannot hold within quotes is escaped.

use std::fmt::Write;

use super::say::acts;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

/// The longest key that stands before its colon without an announcement, in bytes: YAML allows 1024 characters.
const KEY: usize = 1000;

/// A JSON value whose members keep their order.
pub(super) enum Node {
    /// `null`, a truth or a number, as JSON writes it: YAML writes it alike.
    Plain(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object.
    Members(Vec<(String, Node)>),
}

/// `members` as lines of YAML, indented by `depth` steps.
pub(super) fn write(out: &mut String, members: &[(String, Node)], depth: usize) {
    for (name, value) in members {
        indent(out, depth);
        let key = key(name);
        if key.len() > KEY {
            out.push_str("? ");
        }
        out.push_str(&key);
        if key.len() > KEY {
            out.push('\n');
            indent(out, depth);
        }
        out.push(':');
        inner(out, value, depth);
    }
}

/// `text` within double quotes, as YAML 1.1 and 1.2 read it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if !acts(c) => out.push(c),
            // What is not printable in YAML, breaks a line in some version of it, or would mislead the eyes of whoever
            // reads the source. YAML's longest escape reaches every character; writing to a string cannot fail.
            c => drop(write!(out, "\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// The value after a name: on the same line, or in lines of its own below.
fn inner(out: &mut String, value: &Node, depth: usize) {
    match value {
        Node::List(items) if !items.is_empty() => {
            out.push('\n');
            items.iter().for_each(|item| self::item(out, item, depth + 1));
        }
        Node::Members(members) if !members.is_empty() => {
            out.push('\n');
            write(out, members, depth + 1);
        }
        value => {
            out.push(' ');
            scalar(out, value);
            out.push('\n');
        }
    }
}

fn item(out: &mut String, item: &Node, depth: usize) {
    indent(out, depth);
    out.push('-');
    match item {
        Node::Members(members) if !members.is_empty() => {
            let mut inner = String::new();
            write(&mut inner, members, depth + 1);
            out.push(' ');
            out.push_str(inner.trim_start());
        }
        item => inner(out, item, depth),
    }
}

fn scalar(out: &mut String, value: &Node) {
    match value {
        Node::Plain(text) => out.push_str(text),
        Node::Text(text) => out.push_str(&quoted(text)),
        Node::List(_) => out.push_str("[]"),
        Node::Members(_) => out.push_str("{}"),
    }
}

fn key(name: &str) -> String {
    let word = !name.is_empty() && name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
    // What YAML 1.1 takes for a truth or for nothing.
    let taken = matches!(name, "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null");
    if word && !taken && name.len() <= KEY { name.to_owned() } else { quoted(name) }
}

fn indent(out: &mut String, depth: usize) {
    (0..depth).for_each(|_| out.push_str("  "));
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Plain("null".into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        // With a point always: YAML 1.1 takes 1e300 for a text.
        Ok(Node::Plain(if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.1}") } else { exact(value) }))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(member) = members.next_entry()? {
            all.push(member);
        }
        Ok(Node::Members(all))
    }
}

/// A float in the spelling that every YAML reads as a float: with a point, and with a sign in the exponent.
fn exact(value: f64) -> String {
    let text = format!("{value:?}");
    match text.split_once('e') {
        Some((digits, power)) => {
            let digits = if digits.contains('.') { digits.to_owned() } else { format!("{digits}.0") };
            let sign = if power.starts_with('-') { "" } else { "+" };
            format!("{digits}e{sign}{power}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn yaml(value: &Value) -> String {
        let Node::Members(members) = serde_json::from_str(&value.to_string()).unwrap() else { panic!("an object") };
        let mut out = String::new();
        write(&mut out, &members, 0);
        out
    }

    #[test]
    fn every_value_comes_back_with_its_type() {
        let hostile = "\"\\ \n\t\r\0\u{7f}\u{85}\u{a0}\u{2028}\u{feff}\u{fffe}😀: # - [] {} ' %\u{202e}";
        let value = json!({
            "no": "no", "yes": "2025-11-24", "null": "null", "~": "~", "1": "0x10", "": "", "number": 17, "minus": -3,
            "float": 0.5, "whole": 3.0, "large": 1e300, "small": -2.5e-9, "most": u64::MAX, "truth": true,
            "nothing": null, "empty": [], "none": {}, "text": hostile, "colon: key": "- item", hostile: 1,
            "k".repeat(2000): {"a": [1]}, "😀".repeat(800): "text",
            "deep": {"list": [[1, "2"], [], {"a": {"b": ["c", {"d": null}]}}, {}, ["x", ["y"]]]},
        });
        let text = yaml(&value);
        let back: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(back, value, "{text}");
    }

    #[test]
    fn members_keep_their_order_and_texts_are_quoted() {
        let Node::Members(members) = serde_json::from_str(r#"{"z":"1.0","a":{"at":[{"b":1,"c":2}]}}"#).unwrap() else {
            panic!("an object")
        };
        let mut out = String::new();
        write(&mut out, &members, 0);
        assert_eq!(out, "z: \"1.0\"\na:\n  at:\n    - b: 1\n      c: 2\n");
    }
}
