//! The layers above the defaults: a file, the environment, flags. Each maps settings to what was asked for.
//!
//! Invariant: a layer holds only declared settings; everything else in its input became an error or a note.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use super::Config;
use super::error::ConfigError;
use super::load::Origin;
use super::section::{Setting, Visitor, join};
use super::suggest::{did_you_mean, nearest};
use super::tree::{self, Entry, Kind, Position, Tree};

/// A setting that a command-line flag sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagSetting {
    /// The setting's dotted path.
    pub path: String,
    /// Its value, as on the command line.
    pub text: String,
    /// The flag as the user knows it, such as `--no-collector.gpu`.
    pub flag: String,
}

/// What was asked for, by dotted path.
pub(super) type Layer = BTreeMap<String, Asked>;

/// A value for one setting, and who asked for it.
pub(super) struct Asked {
    pub(super) input: Input,
    pub(super) origin: Origin,
}

/// A value as it came.
pub(super) enum Input {
    Yaml(Tree),
    Text(String),
}

impl Asked {
    /// Gives the value to `setting`; the errors say where within the value the fault lies.
    pub(super) fn apply(&self, path: &str, setting: &mut dyn Setting) -> Result<(), Vec<ConfigError>> {
        let outcome = match &self.input {
            Input::Yaml(tree) => setting.set(&tree.value()),
            Input::Text(text) => setting.set_text(text),
        };
        outcome.map_err(|faults| {
            let error = |fault: super::section::Fault| {
                let path = if fault.at.is_empty() { path.to_owned() } else { join(path, &fault.at) };
                ConfigError::at(&self.origin_of(&fault.at), path, fault.message)
            };
            faults.0.into_iter().map(error).collect()
        })
    }

    fn origin_of(&self, at: &str) -> Origin {
        match (&self.input, &self.origin) {
            (Input::Yaml(tree), Origin::File { file, .. }) => Origin::file(file, tree.place(at)),
            (_, origin) => origin.clone(),
        }
    }
}

/// The declared paths: settings and sections.
pub(super) struct Schema {
    pub(super) settings: Vec<String>,
    pub(super) sections: Vec<String>,
}

impl Schema {
    /// What [`Config`] declares.
    pub(super) fn new() -> Self {
        let mut schema = Schema { settings: Vec::new(), sections: Vec::new() };
        Config::default().accept(&mut schema);
        schema
    }

    fn has_setting(&self, path: &str) -> bool {
        self.settings.iter().any(|known| known == path)
    }

    fn has_section(&self, path: &str) -> bool {
        self.sections.iter().any(|known| known == path)
    }

    /// The keys directly below the section `parent`.
    fn keys<'a>(&'a self, parent: &str) -> Vec<&'a str> {
        let below = |path: &'a String| {
            let rest =
                if parent.is_empty() { Some(path.as_str()) } else { path.strip_prefix(parent)?.strip_prefix('.') };
            rest.filter(|rest| !rest.is_empty() && !rest.contains('.'))
        };
        self.sections.iter().chain(&self.settings).filter_map(below).collect()
    }

    /// The mend for the unknown key `key` below `parent`.
    fn advice(&self, parent: &str, key: &str) -> String {
        if key == "<<" {
            return "merge keys are not read; write the settings out".into();
        }
        if let Some(path) = self.settings.iter().find(|path| **path == join(parent, key)) {
            return format!("write `{path}` as nested keys, one line each");
        }
        if let Some(near) = nearest(key, self.keys(parent)) {
            return format!("did you mean `{near}`?");
        }
        let elsewhere = self.settings.iter().find(|path| path.rsplit('.').next() == Some(key));
        match elsewhere {
            Some(path) => format!("did you mean `{path}`?"),
            None => format!("known here: {}", self.keys(parent).join(", ")),
        }
    }
}

impl Visitor for Schema {
    fn enter(&mut self, path: &str, _doc: &'static str) {
        self.sections.push(path.to_owned());
    }
    fn setting(&mut self, path: &str, _doc: &'static str, _setting: &mut dyn Setting) {
        self.settings.push(path.to_owned());
    }
}

/// The layer in the YAML `text` of `file`.
pub(super) fn from_yaml(file: &Path, text: &str, schema: &Schema) -> (Layer, Vec<ConfigError>) {
    let (tree, problems) = tree::parse(text);
    let mut walk = Walk { file: file.into(), schema, layer: Layer::new(), found: Vec::new() };
    walk.found.extend(problems.into_iter().map(|problem| (problem.at, problem.path, problem.message)));
    if let Some(tree) = tree {
        walk.section("", tree);
    }
    walk.found.sort();
    let error = |(at, path, message)| ConfigError::at(&Origin::file(&walk.file, at), path, message);
    (walk.layer, walk.found.into_iter().map(error).collect())
}

struct Walk<'a> {
    file: Arc<Path>,
    schema: &'a Schema,
    layer: Layer,
    found: Vec<(Position, String, String)>,
}

impl Walk<'_> {
    fn section(&mut self, path: &str, tree: Tree) {
        match tree.kind {
            Kind::Mapping(entries) => entries.into_iter().for_each(|entry| self.entry(path, entry)),
            // `vllm:` with nothing below it: every key of it was commented out.
            Kind::Scalar(value) if value.is_null() => {}
            _ => {
                let example = self.schema.keys(path).first().copied().unwrap_or_default();
                self.found.push((tree.at, path.to_owned(), format!("expected settings, such as `{example}: ...`")));
            }
        }
    }

    fn entry(&mut self, parent: &str, Entry { key, at, value }: Entry) {
        let path = join(parent, &key);
        if key.contains('.') || key.ends_with('_') {
            self.unknown(parent, &key, at);
        } else if self.schema.has_section(&path) {
            self.section(&path, value);
        } else if self.schema.has_setting(&path) {
            let origin = Origin::file(&self.file, value.at);
            self.layer.insert(path, Asked { input: Input::Yaml(value), origin });
        } else {
            self.unknown(parent, &key, at);
        }
    }

    fn unknown(&mut self, parent: &str, key: &str, at: Position) {
        let shown: String = key.chars().take(80).collect();
        let path = if parent.is_empty() { shown } else { format!("{parent}.{shown}") };
        self.found.push((at, path, format!("unknown key; {}", self.schema.advice(parent, key))));
    }
}

/// The environment variable of the setting at `path`: `vllm.url` is `AUTOSWE_VLLM_URL`.
pub fn environment_name(path: &str) -> String {
    format!("AUTOSWE_{}", path.to_ascii_uppercase().replace('.', "_"))
}

/// What the environment asks for: the layer, the errors, and notes on variables that are no setting. The names in
/// `flags` belong to the command line.
pub(super) fn from_environment(
    variables: &[(OsString, OsString)],
    schema: &Schema,
    flags: &[&str],
) -> (Layer, Vec<ConfigError>, Vec<String>) {
    let (mut layer, mut errors, mut notes) = (Layer::new(), Vec::new(), Vec::new());
    let ours = |name: &OsString| name.to_str().filter(|name| name.starts_with("AUTOSWE_")).map(str::to_owned);
    for (name, value) in variables {
        let Some(name) = ours(name).filter(|name| !flags.contains(&name.as_str())) else { continue };
        let path = schema.settings.iter().find(|path| environment_name(path) == name);
        match (path, value.to_str()) {
            (None, _) => notes.push(note(&name, schema)),
            // An empty variable counts as unset: units and shells cannot always unset one.
            (Some(_), Some("")) => {}
            (Some(path), Some(text)) => {
                let asked = Asked { input: Input::Text(text.to_owned()), origin: Origin::Environment(name) };
                layer.insert(path.clone(), asked);
            }
            (Some(path), None) => errors.push(ConfigError::at(&Origin::Environment(name), path, "is not UTF-8")),
        }
    }
    notes.sort();
    (layer, errors, notes)
}

fn note(name: &str, schema: &Schema) -> String {
    let names: Vec<String> = schema.settings.iter().map(|path| environment_name(path)).collect();
    let hint = did_you_mean(name, names.iter().map(String::as_str));
    format!("environment variable {name} is no setting of this program and is not used{hint}")
}

/// What the flags ask for. A flag that repeats counts as the last one says.
pub(super) fn from_flags(flags: &[FlagSetting]) -> Layer {
    let asked =
        |flag: &FlagSetting| Asked { input: Input::Text(flag.text.clone()), origin: Origin::Flag(flag.flag.clone()) };
    flags.iter().map(|flag| (flag.path.clone(), asked(flag))).collect()
}
