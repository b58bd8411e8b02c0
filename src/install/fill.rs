//! What differs from machine to machine, put into the packaged files line by line.
//!
//! Invariant: a packaged file differs from an installed one only in the lines named here.

use std::path::{Path, PathBuf};

use super::account::Account;
use super::escape;
use super::set::{Kind, Unit};

/// Where the packaged system units look for their user's files.
const PACKAGED_HOME: &str = "/home/autoswe/";
/// Where the packaged units look for the runtime directory, below the home.
const PACKAGED_RUNTIME: &str = "/.autoswe/rebuild/runtime";
/// What the packaged units take for the trigger file, and the directory that it lies in.
const PACKAGED_TRIGGER: &str = "/data/autoswe/synth-trigger";
const PACKAGED_TRIGGER_DIR: &str = "-/data/autoswe";

/// What is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filling {
    /// The directory of the programs.
    pub programs: PathBuf,
    /// The setting `repo_root`.
    pub repo_root: PathBuf,
    /// The configuration file, where one was named.
    pub config_file: Option<PathBuf>,
    /// The loop's unit.
    pub loop_unit: String,
    /// The user of system units; without one it is the packaged one.
    pub account: Option<Account>,
    /// The runtime directory, where it does not lie in the user's home.
    pub runtime_dir: Option<PathBuf>,
    /// What a review writes to: the runtime directory, and those of `review.file` and `journey.state_dir` that lie
    /// elsewhere.
    pub review_dirs: Vec<PathBuf>,
    /// The setting `journey.trigger`.
    pub trigger: PathBuf,
    /// What the journey writes to beside these, where that does not lie in the user's home.
    pub journey_dirs: Vec<PathBuf>,
    /// Whether the example of the loop's unit is wanted.
    pub example: bool,
}

/// The text of `unit` for this machine.
pub(super) fn fill(unit: &Unit, filling: &Filling) -> Result<String, String> {
    let mut text = String::new();
    for line in unit.text.lines() {
        let filled = match unit.kind {
            Kind::Rule => rule(line, filling),
            Kind::Unit | Kind::Example => setting(line, filling)?,
        };
        text += &filled.unwrap_or_else(|| line.to_owned());
        text.push('\n');
    }
    Ok(text)
}

fn setting(line: &str, filling: &Filling) -> Result<Option<String>, String> {
    let Some((key, value)) = line.split_once('=') else { return Ok(None) };
    Ok(match (key, value) {
        ("ExecStart", value) => exec_start(value, &filling.programs)?,
        ("ExecStartPre", value) => exec_start_pre(value, &filling.trigger)?,
        ("PathExists", PACKAGED_TRIGGER) => Some(format!("{key}={}", escape::bare(escape::text(&filling.trigger)?))),
        ("Environment", value) if value.starts_with("AUTOSWE_REPO_ROOT=") => Some(environment(filling)?),
        ("WorkingDirectory", _) => Some(format!("{key}={}", escape::bare(escape::text(&filling.repo_root)?))),
        ("User", _) => filling.account.as_ref().map(|account| format!("User={}", account.name)),
        ("ReadWritePaths", value) if value.ends_with(PACKAGED_RUNTIME) => Some(paths(&filling.review_dirs)?),
        // Of the review's unit, whose directory systemd makes.
        ("ReadWritePaths", value) if value.starts_with('%') => None,
        ("ReadWritePaths", value) => Some(writable(filling, value.contains(PACKAGED_TRIGGER_DIR))?),
        ("EnvironmentFile", value) => match (value.split_once(PACKAGED_HOME), &filling.account) {
            (Some((ignoring, rest)), Some(account)) => {
                Some(format!("{key}={ignoring}{}", escape::bare(escape::text(&account.home.join(rest))?)))
            }
            _ => None,
        },
        _ => None,
    })
}

/// A command line that begins with one of our programs.
fn exec_start(value: &str, programs: &Path) -> Result<Option<String>, String> {
    let Some(command) = value.strip_prefix("/usr/bin/").filter(|command| command.starts_with("autoswe-")) else {
        return Ok(None);
    };
    let (name, rest) = command.split_at(command.find(' ').unwrap_or(command.len()));
    let program = programs.join(name);
    Ok(Some(format!("ExecStart={}{rest}", escape::program(escape::text(&program)?))))
}

/// The command that takes the trigger file away.
fn exec_start_pre(value: &str, trigger: &Path) -> Result<Option<String>, String> {
    let Some(command) = value.strip_suffix(PACKAGED_TRIGGER) else { return Ok(None) };
    Ok(Some(format!("ExecStartPre={command}{}", escape::argument(escape::text(trigger)?))))
}

fn environment(filling: &Filling) -> Result<String, String> {
    let assignment = |name: &str, path: &Path| -> Result<String, String> {
        Ok(format!("Environment={}", escape::quoted(&format!("{name}={}", escape::text(path)?))))
    };
    let mut lines = assignment("AUTOSWE_REPO_ROOT", &filling.repo_root)?;
    if let Some(file) = &filling.config_file {
        lines.push('\n');
        lines += &assignment("AUTOSWE_CONFIG_FILE", file)?;
    }
    Ok(lines)
}

fn writable(filling: &Filling, journey: bool) -> Result<String, String> {
    let home = filling.account.as_ref().map_or(Path::new(PACKAGED_HOME.trim_end_matches('/')), |account| &account.home);
    let journeys = filling.journey_dirs.iter().filter(|_| journey);
    let all: Vec<&Path> =
        std::iter::once(home).chain(filling.runtime_dir.iter().chain(journeys).map(PathBuf::as_path)).collect();
    paths(&all)
}

/// The line that lets these directories be written to, as far as they are there.
fn paths(directories: &[impl AsRef<Path>]) -> Result<String, String> {
    let word = |path: &Path| Ok::<_, String>(escape::quoted(&format!("-{}", escape::text(path)?)));
    let words: Result<Vec<_>, _> = directories.iter().map(|path| word(path.as_ref())).collect();
    Ok(format!("ReadWritePaths={}", words?.join(" ")))
}

/// Names in quotes, which JavaScript writes as JSON does.
fn rule(line: &str, filling: &Filling) -> Option<String> {
    let json = |name: &str| serde_json::Value::from(name).to_string();
    let user = filling.account.as_ref().map_or("autoswe", |account| &account.name);
    let known = |name: &str| line.contains(&json(name));
    (known("autoswe") || known("autoswe.service")).then(|| {
        line.replace(&json("autoswe"), &json(user)).replace(&json("autoswe.service"), &json(&filling.loop_unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::UnitManager;
    use crate::install::units;

    fn filling() -> Filling {
        Filling {
            programs: "/opt/my tools".into(),
            repo_root: "/srv/100% \"real\"".into(),
            config_file: Some("/etc/my autoswe.yml".into()),
            loop_unit: "my-loop.service".into(),
            account: Some(Account { uid: 1000, name: "ann".into(), home: "/home/ann".into() }),
            runtime_dir: Some("/data/run".into()),
            review_dirs: vec!["/data/run".into(), "/data/100% reviews".into()],
            trigger: "/data/my $ trigger".into(),
            journey_dirs: vec!["/data".into()],
            example: true,
        }
    }

    fn filled(scope: UnitManager, name: &str) -> String {
        let unit = units(scope).iter().find(|unit| unit.name == name).expect(name);
        fill(unit, &filling()).expect("it can be filled")
    }

    #[test]
    fn a_system_unit_is_filled() {
        let text = filled(UnitManager::System, "autoswe-exporter.service");
        for line in [
            r#"ExecStart="/opt/my tools/autoswe-exporter""#,
            r#"Environment="AUTOSWE_REPO_ROOT=/srv/100%% \"real\"""#,
            r#"Environment="AUTOSWE_CONFIG_FILE=/etc/my autoswe.yml""#,
            "User=ann",
            "EnvironmentFile=-/home/ann/.config/autoswe/cluster.env",
            "EnvironmentFile=-/etc/autoswe/cluster.env",
            "EnvironmentFile=-/home/ann/.config/autoswe/secrets.env",
            r#"ReadWritePaths="-/home/ann" "-/data/run""#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        let rules = filled(UnitManager::System, "50-autoswe-watchdog.rules");
        assert!(rules.contains(r#"subject.user === "ann""#) && rules.contains(r#"=== "my-loop.service""#), "{rules}");
    }

    #[test]
    fn the_trigger_is_filled_in() {
        for scope in [UnitManager::User, UnitManager::System] {
            let path = filled(scope, "autoswe-synth-bridge.path");
            assert!(path.lines().any(|line| line == "PathExists=/data/my $ trigger"), "{path}");
            let service = filled(scope, "autoswe-synth-bridge.service");
            assert!(service.contains("ExecStartPre=/bin/rm -f -- \"/data/my $$ trigger\"\n"), "{service}");
        }
        let service = filled(UnitManager::System, "autoswe-synth.service");
        assert!(service.contains("ReadWritePaths=\"-/home/ann\" \"-/data/run\" \"-/data\"\n"), "{service}");
    }

    #[test]
    fn the_loop_does_not_get_the_secrets_of_who_watches_it() {
        for scope in [UnitManager::User, UnitManager::System] {
            let reads = |name| filled(scope, name).matches("secrets.env\n").count() > 0;
            assert!(reads("autoswe-exporter.service") && reads("autoswe-watchdog.service"), "{scope:?}");
            assert!(reads("autoswe-watchdog-once.service") && !reads("autoswe.service"), "{scope:?}");
        }
    }

    #[test]
    fn a_review_writes_to_its_directories_alone_and_nobody_else_gets_its_keys() {
        for scope in [UnitManager::User, UnitManager::System] {
            let text = filled(scope, "autoswe-review.service");
            let writes: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("ReadWritePaths=")).collect();
            let own = if scope == UnitManager::User { &["%E/autoswe/codex"][..] } else { &[] };
            assert_eq!(writes, [&[r#""-/data/run" "-/data/100%% reviews""#], own].concat(), "{scope:?}");
            let readers = units(scope).iter().filter(|unit| unit.text.contains("judge.env\n")).map(|unit| unit.name);
            assert_eq!(readers.collect::<Vec<_>>(), ["autoswe-review.service"], "{scope:?}");
        }
    }

    #[test]
    fn nothing_of_the_packaged_places_is_left() {
        for scope in [UnitManager::User, UnitManager::System] {
            for unit in units(scope) {
                let text = filled(scope, unit.name);
                let settings: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
                for place in
                    ["/usr/bin/autoswe", "%h/autoswe", PACKAGED_HOME, "User=autoswe", "/data/autoswe", PACKAGED_RUNTIME]
                {
                    assert!(!settings.iter().any(|line| line.contains(place)), "{}: {place}\n{text}", unit.name);
                }
                let services = unit.name.ends_with(".service");
                assert_eq!(text.contains(r#"/srv/100%% "#), services, "{}", unit.name);
            }
        }
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let unit = &units(UnitManager::User)[0];
        let refused = fill(unit, &Filling { repo_root: "/a\nUser=root".into(), ..filling() });
        assert!(refused.is_err_and(|message| message.contains("control character")));
    }
}
