//! Where this program reads the values of its machine, from its configuration.
//!
//! Invariant: every place is absolute; what the configuration says is shown on purpose (title, address of the site) is
//! not looked for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::config::{Config, environment_name};
use crate::journey::leak::machine::Places;
use crate::source::file::resolve;

/// Settings whose values the site shows.
const SHOWN: [&str; 3] = ["journey.title", "journey.base_url", "journey.commit_url"];

/// The places of `config` in `environment`.
pub fn places(config: &Config, environment: &[(OsString, OsString)]) -> Places {
    let text = |value: &OsString| value.to_string_lossy().into_owned();
    let environment: Vec<(String, String)> =
        environment.iter().map(|(name, value)| (text(name), text(value))).collect();
    let variable = |wanted: &str| {
        environment
            .iter()
            .find(|(name, value)| name == wanted && !value.is_empty())
            .map(|(_, value)| PathBuf::from(value))
    };
    let home = variable("HOME");
    let own = variable("XDG_CONFIG_HOME").or(home.as_ref().map(|home| home.join(".config")));
    let directories =
        [Some(PathBuf::from("/etc")), own].into_iter().flatten().map(|directory| directory.join("autoswe"));
    let environment_files =
        directories.flat_map(|directory| ["cluster.env", "secrets.env"].map(|name| directory.join(name)));
    let journey = &config.journey;
    let public = journey.public_environment.iter().cloned();
    Places {
        root: "/".into(),
        user: rustix::process::geteuid().as_raw(),
        environment_files: environment_files.collect(),
        public_environment: public.chain(SHOWN.map(environment_name)).collect(),
        repository: journey.repository.as_ref().map(|path| absolute(&config.in_repo(Path::new(path)))),
        directories: [config.runtime(), config.in_repo(Path::new("."))].iter().map(|path| absolute(path)).collect(),
        private_words: journey
            .private_words
            .as_ref()
            .map(|path| resolve(&config.in_repo(Path::new(".")), Path::new(path))),
        home,
        environment,
    }
}

/// `path` from the root, without the links on its way where it is there.
fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_from_configuration_and_environment() {
        let mut config = Config { repo_root: "/nowhere/project".into(), ..Config::default() };
        config.journey.public_environment = vec!["SHOWN_*".into()];
        config.journey.private_words = Some("words".into());
        let places = places(&config, &[("HOME".into(), "/home/ann".into()), ("XDG_CONFIG_HOME".into(), "".into())]);
        let files: Vec<_> = places.environment_files.iter().map(|path| path.to_str().unwrap()).collect();
        let expected = [
            "/etc/autoswe/cluster.env",
            "/etc/autoswe/secrets.env",
            "/home/ann/.config/autoswe/cluster.env",
            "/home/ann/.config/autoswe/secrets.env",
        ];
        assert_eq!(files, expected);
        assert_eq!(places.repository.as_deref(), Some(Path::new("/nowhere/project/.")));
        assert_eq!(places.private_words.as_deref(), Some(Path::new("/nowhere/project/words")));
        assert_eq!(
            places.public_environment,
            ["SHOWN_*", "AUTOSWE_JOURNEY_TITLE", "AUTOSWE_JOURNEY_BASE_URL", "AUTOSWE_JOURNEY_COMMIT_URL"]
        );
        assert!(places.directories.iter().all(|directory| directory.is_absolute()));
    }
}
