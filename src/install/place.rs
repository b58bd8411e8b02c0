//! Where unit files lie.
//!
//! Invariant: with a root directory every path lies below it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::set::{Kind, Unit};
use crate::config::UnitManager;

/// Directories that hold units beside those that are installed to.
const USER_ELSEWHERE: [&str; 4] =
    ["/etc/systemd/user", "/run/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"];
const SYSTEM_ELSEWHERE: [&str; 4] =
    ["/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// Where the units of this project are enabled to.
const WANTS: [&str; 4] =
    ["default.target.wants", "multi-user.target.wants", "timers.target.wants", "paths.target.wants"];

/// The directories of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    units: PathBuf,
    rules: PathBuf,
    elsewhere: Vec<PathBuf>,
}

impl Places {
    /// The directories of `scope`, below `root` where there is one. `variable` looks up the environment.
    ///
    /// # Errors
    /// When it is not known where the user's configuration lies.
    pub fn new(
        scope: UnitManager,
        root: Option<&Path>,
        variable: impl Fn(&str) -> Option<PathBuf>,
    ) -> Result<Self, String> {
        let below = |path: &Path| match root {
            Some(root) => root.join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        };
        let (units, elsewhere) = match scope {
            UnitManager::System => (PathBuf::from("/etc/systemd/system"), SYSTEM_ELSEWHERE),
            UnitManager::User => (user_config(variable)?.join("systemd/user"), USER_ELSEWHERE),
        };
        Ok(Places {
            units: below(&units),
            rules: below(Path::new("/etc/polkit-1/rules.d")),
            elsewhere: elsewhere.iter().map(|directory| below(Path::new(directory))).collect(),
        })
    }

    /// The file of `unit`.
    pub(super) fn of(&self, unit: &Unit) -> PathBuf {
        match unit.kind {
            Kind::Rule => self.rules.join(unit.name),
            Kind::Unit | Kind::Example => self.units.join(unit.name),
        }
    }

    /// Whether `systemctl enable` has made a link to `unit` that would now lead nowhere.
    pub fn has_wants(&self, unit: &Unit) -> bool {
        WANTS.iter().any(|wants| self.units.join(wants).join(unit.name).is_symlink())
    }

    /// Where else a unit of this name may lie.
    pub(super) fn elsewhere(&self, name: &str) -> Vec<PathBuf> {
        self.elsewhere.iter().map(|directory| directory.join(name)).collect()
    }
}

/// `$XDG_CONFIG_HOME` or `~/.config`; as its specification says, a relative one does not count.
fn user_config(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, String> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute() && path.as_os_str() != OsStr::new("/"));
    absolute("XDG_CONFIG_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".config")))
        .ok_or_else(|| "neither XDG_CONFIG_HOME nor HOME says where user units go; set HOME".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::units;

    fn first(scope: UnitManager, root: Option<&str>, variables: &[(&str, &str)]) -> Result<String, String> {
        let look_up = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        let places = Places::new(scope, root.map(Path::new), look_up)?;
        Ok(places.of(&units(scope)[0]).display().to_string())
    }

    #[test]
    fn the_places_follow_the_conventions() {
        let name = "autoswe-exporter.service";
        let home = ("HOME", "/home/ann");
        assert_eq!(first(UnitManager::User, None, &[home]), Ok(format!("/home/ann/.config/systemd/user/{name}")));
        let xdg = [home, ("XDG_CONFIG_HOME", "/cfg")];
        assert_eq!(first(UnitManager::User, None, &xdg), Ok(format!("/cfg/systemd/user/{name}")));
        assert_eq!(first(UnitManager::User, Some("/r"), &xdg), Ok(format!("/r/cfg/systemd/user/{name}")));
        let relative = [home, ("XDG_CONFIG_HOME", "cfg")];
        assert_eq!(first(UnitManager::User, None, &relative), Ok(format!("/home/ann/.config/systemd/user/{name}")));
        assert_eq!(first(UnitManager::System, Some("/r"), &[]), Ok(format!("/r/etc/systemd/system/{name}")));
        assert!(first(UnitManager::User, None, &[]).is_err());
    }
}
