//! Environment variables that stand for flags which are no settings.
//!
//! Invariant: the flag wins, and an empty variable counts as unset.

use std::ffi::{OsStr, OsString};

use clap::ValueEnum;

use super::arguments::Common;

/// Their names.
pub(super) const NAMES: [&str; 3] = [FILE, LEVEL, FORMAT];
const FILE: &str = "AUTOSWE_CONFIG_FILE";
const LEVEL: &str = "AUTOSWE_LOG_LEVEL";
const FORMAT: &str = "AUTOSWE_LOG_FORMAT";

/// `common` with what the flags left open taken from `environment`.
pub(super) fn fill(mut common: Common, environment: &[(OsString, OsString)]) -> Result<Common, String> {
    let value = |wanted: &str| {
        let found = environment.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
    };
    common.config_file = common.config_file.or_else(|| value(FILE).map(Into::into));
    common.log.level = common.log.level.or(word(LEVEL, value(LEVEL))?);
    common.log.format = common.log.format.or(word(FORMAT, value(FORMAT))?);
    Ok(common)
}

fn word<T: ValueEnum>(name: &str, value: Option<&OsStr>) -> Result<Option<T>, String> {
    let Some(value) = value else { return Ok(None) };
    T::from_str(&value.to_string_lossy(), true).map(Some).map_err(|_| {
        let words: Vec<String> = T::value_variants()
            .iter()
            .filter_map(T::to_possible_value)
            .map(|word| word.get_name().to_owned())
            .collect();
        format!("environment variable {name}: expected one of {}", words.join(", "))
    })
}
