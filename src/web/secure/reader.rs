//! Taking a YAML tree apart key by key.
//!
//! Invariant: a key that nobody takes is refused with a suggestion, and a fault never shows the value it is about
//! unless that value is one of a closed list of names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::suggest::nearest;
use crate::config::tree::{Entry, Kind, Position, Problem, Tree};
use crate::config::{ConfigError, Origin};

/// What was found wrong so far, and in which file.
pub(super) struct Reader {
    file: Arc<Path>,
    found: Vec<(Position, String, String)>,
}

/// The keys of one mapping that were not taken yet.
pub(super) struct Section {
    /// Where it stands.
    pub(super) at: Position,
    path: String,
    keys: BTreeMap<String, (Position, Tree)>,
}

impl Reader {
    /// Begins with the `problems` of the text itself.
    pub(super) fn new(file: &Arc<Path>, problems: Vec<Problem>) -> Self {
        let found = problems.into_iter().map(|Problem { at, path, message }| (at, path, message)).collect();
        Reader { file: Arc::clone(file), found }
    }

    /// The file as a whole.
    pub(super) fn top(&self) -> Position {
        Position { line: 1, column: 1 }
    }

    /// Notes that something is wrong.
    pub(super) fn wrong(&mut self, at: Position, path: &str, message: String) {
        self.found.push((at, path.to_owned(), message));
    }

    /// `value`, or everything that is wrong, by line.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, Vec<ConfigError>> {
        if self.found.is_empty() {
            return Ok(value);
        }
        self.found.sort();
        let error = |(at, path, message)| ConfigError::at(&Origin::file(&self.file, at), path, message);
        Err(self.found.into_iter().map(error).collect())
    }

    /// The file `name`; a relative one lies beside the configuration.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(name)
    }

    /// The mapping `tree` at the dotted `path`, whose keys must be `known`; nothing there is an empty one.
    pub(super) fn section(&mut self, path: &str, tree: Option<Tree>, known: &[&str]) -> Section {
        let at = tree.as_ref().map_or(Position { line: 1, column: 1 }, |tree| tree.at);
        let mut section = Section { at, path: path.to_owned(), keys: BTreeMap::new() };
        let entries = match tree.map(|tree| tree.kind) {
            Some(Kind::Mapping(entries)) => entries,
            Some(Kind::Scalar(value)) if value.is_null() => Vec::new(),
            None => Vec::new(),
            Some(_) => {
                let example = known.first().copied().unwrap_or_default();
                self.wrong(at, path, format!("expected settings, such as `{example}: ...`"));
                Vec::new()
            }
        };
        for Entry { key, at, value } in entries {
            if known.contains(&key.as_str()) {
                section.keys.insert(key, (at, value));
            } else {
                let shown: String = key.chars().take(80).collect();
                let path = section.below(&shown);
                self.wrong(at, &path, format!("unknown key; {}", advice(&key, known)));
            }
        }
        section
    }
}

/// The mend for a wrong name where `known` are right.
pub(super) fn advice(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

impl Section {
    /// Whether nothing stands in it, or everything was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Takes the value of `key`.
    pub(super) fn take(&mut self, key: &str) -> Option<(Position, Tree)> {
        self.keys.remove(key)
    }

    /// The section `key` below this one; it stands where its key does.
    pub(super) fn section(&mut self, reader: &mut Reader, key: &str, known: &[&str]) -> Section {
        let path = self.below(key);
        let (at, tree) = self.take(key).map_or((self.at, None), |(at, tree)| (at, Some(tree)));
        Section { at, ..reader.section(&path, tree, known) }
    }

    /// The text at `key`; an empty one counts as none.
    pub(super) fn text(&mut self, reader: &mut Reader, key: &str) -> Option<(String, Position)> {
        let (_, tree) = self.take(key)?;
        match scalar(&tree) {
            Ok(text) => text.filter(|text| !text.is_empty()).map(|text| (text, tree.at)),
            Err(why) => {
                reader.wrong(tree.at, &self.below(key), why.into());
                None
            }
        }
    }

    /// The list of texts at `key`, where it is.
    pub(super) fn texts(&mut self, reader: &mut Reader, key: &str) -> Option<Vec<String>> {
        self.list(reader, key).map(|texts| texts.into_iter().map(|(text, _)| text).collect())
    }

    /// True or false at `key`, else `otherwise`.
    pub(super) fn flag(&mut self, reader: &mut Reader, key: &str, otherwise: bool) -> bool {
        let Some((_, tree)) = self.take(key) else { return otherwise };
        let Kind::Scalar(value) = &tree.kind else {
            reader.wrong(tree.at, &self.below(key), "expected true or false".into());
            return otherwise;
        };
        match value.as_bool() {
            Some(flag) => flag,
            None if value.is_null() => otherwise,
            None => {
                reader.wrong(tree.at, &self.below(key), "expected true or false".into());
                otherwise
            }
        }
    }

    /// The whole number at `key`.
    pub(super) fn number(&mut self, reader: &mut Reader, key: &str) -> Option<u64> {
        let (_, tree) = self.take(key)?;
        let number = match &tree.kind {
            Kind::Scalar(value) => value.as_u64(),
            _ => None,
        };
        if number.is_none() {
            reader.wrong(tree.at, &self.below(key), "expected a whole number, 0 or more".into());
        }
        number
    }

    /// What the name at `key` stands for, as `look_up` knows.
    pub(super) fn name<T>(
        &mut self,
        reader: &mut Reader,
        key: &str,
        look_up: fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (name, at) = self.text(reader, key)?;
        look_up(&name).map_err(|why| reader.wrong(at, &self.below(key), why)).ok()
    }

    /// What the names at `key` stand for; empty where there are none.
    pub(super) fn names<T>(
        &mut self,
        reader: &mut Reader,
        key: &str,
        look_up: fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let path = self.below(key);
        let names = self.list(reader, key).unwrap_or_default();
        let known = |(name, at): (String, Position)| look_up(&name).map_err(|why| reader.wrong(at, &path, why)).ok();
        names.into_iter().filter_map(known).collect()
    }

    fn list(&mut self, reader: &mut Reader, key: &str) -> Option<Vec<(String, Position)>> {
        let (_, tree) = self.take(key)?;
        let path = self.below(key);
        let items = match tree.kind {
            Kind::Sequence(items) => items,
            Kind::Scalar(value) if value.is_null() => return None,
            _ => {
                reader.wrong(tree.at, &path, "expected a list, such as [one, another]".into());
                return None;
            }
        };
        let text = |item: Tree| match scalar(&item) {
            Ok(text) => text.map(|text| (text, item.at)),
            Err(why) => {
                reader.wrong(item.at, &path, why.into());
                None
            }
        };
        Some(items.into_iter().filter_map(text).collect())
    }

    /// The dotted path of `key` in this section.
    pub(super) fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

/// A scalar as text; `None` where it is null.
fn scalar(tree: &Tree) -> Result<Option<String>, &'static str> {
    let Kind::Scalar(value) = &tree.kind else { return Err("expected text") };
    match value {
        serde_yaml::Value::Null => Ok(None),
        serde_yaml::Value::String(text) => Ok(Some(text.clone())),
        serde_yaml::Value::Number(number) => Ok(Some(number.to_string())),
        serde_yaml::Value::Bool(flag) => Ok(Some(flag.to_string())),
        _ => Err("expected text"),
    }
}
