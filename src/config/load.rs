//! Loading: defaults, then a YAML file, then the environment, then flags; the later wins.
//!
//! Invariant: every setting remembers its origin, and a configuration with any error is refused as a whole, with
//! all errors at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Config;
use super::error::{ConfigError, ConfigErrors};
pub use super::layer::environment_name;
use super::layer::{self, FlagSetting, Layer, Schema};
use super::section::{Setting, Visitor};
use super::text;
use super::tree::Position;
use super::validate::{Violation, violations};
use crate::assessment::Thresholds;
use crate::source::file;

/// Largest configuration file that is read, bytes. A complete one with comments takes 20 kB.
const MAX_FILE: u64 = 1 << 20;

/// Where a setting's value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The declaration.
    Default,
    /// A configuration file; line and column count from 1.
    File {
        /// The file as it was named.
        file: Arc<Path>,
        /// Line of the value.
        line: usize,
        /// Column of the value.
        column: usize,
    },
    /// The environment variable of this name.
    Environment(String),
    /// The command-line flag, such as `--no-collector.gpu`.
    Flag(String),
}

impl Origin {
    pub(crate) fn file(file: &Arc<Path>, Position { line, column }: Position) -> Self {
        Origin::File { file: file.clone(), line, column }
    }

    /// The place in an error: with the column, where there is one.
    pub(super) fn place(&self) -> String {
        match self {
            Origin::File { column, .. } => format!("{self}:{column}"),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => write!(f, "default"),
            Origin::File { file, line, .. } => write!(f, "{}:{line}", file.display()),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// What a configuration is made from.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The YAML file, if one was named.
    pub file: Option<PathBuf>,
    /// The environment, names with values.
    pub environment: Vec<(OsString, OsString)>,
    /// Settings from the command line.
    pub flags: Vec<FlagSetting>,
    /// Environment variables with our prefix that the command line reads itself.
    pub flag_variables: Vec<&'static str>,
    /// The directory that a relative `runtime_dir` and `repo_root` are taken from.
    pub directory: PathBuf,
}

/// A configuration with what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The effective values. `runtime_dir` and `repo_root` are absolute.
    pub config: Config,
    /// The settings that do not have their default, with who set them.
    pub origins: BTreeMap<String, Origin>,
    /// What a person may want to know although it is no error.
    pub notes: Vec<String>,
}

impl Loaded {
    /// Where the value of the setting at the dotted `path` came from.
    pub fn origin(&self, path: &str) -> &Origin {
        self.origins.get(path).unwrap_or(&Origin::Default)
    }

    /// Whether vLLM must be there: somebody wrote its address down.
    pub fn vllm_expected(&self) -> bool {
        *self.origin("vllm.url") != Origin::Default
    }

    /// What the checks compare readings with.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds::new(&self.config, self.vllm_expected())
    }
}

/// Loads a configuration; reads the file and nothing else. Without a file, variable or flag it is all defaults.
///
/// # Errors
/// Everything that is wrong in the file, in the environment and in the flags, and every setting that contradicts
/// another.
pub fn load(inputs: &Inputs) -> Result<Loaded, ConfigErrors> {
    load_over(Config::default(), inputs)
}

/// As [`load`], with the values of `base` in place of the defaults.
///
/// # Errors
/// As [`load`].
pub fn load_over(base: Config, inputs: &Inputs) -> Result<Loaded, ConfigErrors> {
    let schema = Schema::new();
    let (file_layer, mut errors) =
        inputs.file.as_deref().map_or_else(Default::default, |file| read_layer(file, &schema));
    let (environment, wrong, notes) = layer::from_environment(&inputs.environment, &schema, &inputs.flag_variables);
    errors.extend(wrong);
    let layers = [file_layer, environment, layer::from_flags(&inputs.flags)];

    let mut config = base;
    let mut assign = Assign { layers: &layers, origins: BTreeMap::new(), errors: Vec::new() };
    config.accept(&mut assign);
    let Assign { origins, errors: wrong, .. } = assign;
    errors.extend(wrong);

    let mut loaded = Loaded { config, origins, notes };
    errors.extend(contradictions(&loaded, &errors));
    make_absolute(&mut loaded.config, &inputs.directory);
    if errors.is_empty() { Ok(loaded) } else { Err(ConfigErrors(in_order(errors))) }
}

fn read_layer(file: &Path, schema: &Schema) -> (Layer, Vec<ConfigError>) {
    match text::read(file, MAX_FILE, "--config.file") {
        Ok(text) => layer::from_yaml(file, &text, schema),
        Err(message) => {
            let error = ConfigError { place: file.display().to_string(), path: String::new(), message };
            (Layer::new(), vec![error])
        }
    }
}

struct Assign<'a> {
    layers: &'a [Layer],
    origins: BTreeMap<String, Origin>,
    errors: Vec<ConfigError>,
}

impl Visitor for Assign<'_> {
    fn enter(&mut self, _path: &str, _doc: &'static str) {}

    fn setting(&mut self, path: &str, _doc: &'static str, setting: &mut dyn Setting) {
        for asked in self.layers.iter().filter_map(|layer| layer.get(path)) {
            match asked.apply(path, setting) {
                Ok(()) => drop(self.origins.insert(path.to_owned(), asked.origin.clone())),
                Err(errors) => self.errors.extend(errors),
            }
        }
    }
}

/// Settings that contradict each other or lie outside their range, unless something was wrong with them already.
fn contradictions(loaded: &Loaded, known: &[ConfigError]) -> Vec<ConfigError> {
    let already = |path: &str| known.iter().any(|error| error.path == path);
    let error = |Violation { paths, message }: Violation| {
        let path = paths.iter().find(|path| loaded.origins.contains_key(*path)).unwrap_or(&paths[0]);
        ConfigError::at(loaded.origin(path), path.as_str(), message)
    };
    let fresh = |violation: &Violation| !violation.paths.iter().any(|path| already(path));
    violations(&loaded.config).into_iter().filter(fresh).map(error).collect()
}

fn make_absolute(config: &mut Config, directory: &Path) {
    for path in [&mut config.runtime_dir, &mut config.repo_root] {
        *path = file::resolve(directory, path).components().collect();
    }
    for path in [&mut config.web.config_file, &mut config.journey.server.config_file].into_iter().flatten() {
        *path = file::resolve(directory, Path::new(path)).to_string_lossy().into_owned();
    }
}

/// Sorted as a person mends them: by the line of the file, then the environment and the flags as they came.
fn in_order(mut errors: Vec<ConfigError>) -> Vec<ConfigError> {
    let position = |error: &ConfigError| -> Option<(usize, usize)> {
        let mut parts = error.place.rsplitn(3, ':');
        let column = parts.next()?.parse().ok()?;
        Some((parts.next()?.parse().ok()?, column))
    };
    errors.sort_by_key(|error| position(error).unwrap_or((usize::MAX, 0)));
    errors
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
