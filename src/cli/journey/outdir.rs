//! Paths on the command line, and the one that every command takes: the directory of the releases.

use std::ffi::OsString;
use std::path::Path;

use crate::config::FlagSetting;

/// The environment variable that stands for `--outdir`.
pub(super) const OUTDIR: &str = "JOURNEY_OUTDIR";

/// What `environment` says for the variable `wanted`; an empty one counts as unset.
pub(super) fn variable(environment: &[(OsString, OsString)], wanted: &str) -> Option<OsString> {
    let found = environment.iter().find(|(name, _)| name == wanted);
    found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
}

/// The setting of the directory of the releases: by the flag, else by the variable.
pub(super) fn outdir(
    asked: Option<&Path>,
    environment: &[(OsString, OsString)],
) -> Result<Option<FlagSetting>, String> {
    let variable = variable(environment, OUTDIR);
    let (directory, flag) = match (asked, &variable) {
        (Some(asked), _) => (asked, "--outdir"),
        (None, Some(variable)) => (Path::new(variable), OUTDIR),
        (None, None) => return Ok(None),
    };
    let text = absolute(directory, flag)?;
    Ok(Some(FlagSetting { path: "journey.output_dir".into(), text, flag: flag.into() }))
}

/// The path that `flag` gave, taken from the working directory, as on every command line.
pub(super) fn absolute(path: &Path, flag: &str) -> Result<String, String> {
    let path = std::path::absolute(path).map_err(|error| format!("{flag}: {error}"))?;
    path.into_os_string().into_string().map_err(|_| format!("{flag}: the path is no UTF-8; rename it"))
}
