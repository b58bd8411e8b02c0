//! `install-units` and `uninstall-units`.
//!
//! Invariant: what was done goes to standard output, a line per file; what was not done, where and the mend go to
//! standard error, and the exit code is 1 then.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::output;
use crate::config::{Config, Inputs, Loaded, Origin, UnitManager};
use crate::install::{
    self, Filling, Installed, Kind, Options, PROGRAMS, Places, Planned, Removed, Systemctl, TO_ENABLE, loop_user, units,
};

pub(super) const INSTALL_HELP: &str = "\
The repository root (setting repo_root) and the directory of this program are filled in. A unit that somebody wrote or
changed is kept, and said; the exit code is 1 then. The example autoswe.service is written only where there is none.

Examples:
  autoswe-exporter install-units --now         install, enable and start exporter and watchdog
  autoswe-exporter install-units --dry-run     show what would be written
  AUTOSWE_REPO_ROOT=/srv/project autoswe-exporter install-units
  sudo autoswe-exporter install-units --system --run-as ann
  autoswe-exporter install-units --system --root image/   into the root directory of an image";

pub(super) const UNINSTALL_HELP: &str = "\
Only what install-units wrote and nobody changed since is removed.

Examples:
  autoswe-exporter uninstall-units --dry-run   show what would be removed
  autoswe-exporter uninstall-units             remove it, and say how to end what still runs
  sudo autoswe-exporter uninstall-units --system";

/// Which units.
#[derive(Debug, Clone, clap::Args)]
struct Which {
    /// For the user's own systemd manager (the default)
    #[arg(long)]
    user: bool,
    /// For the system's manager
    #[arg(long, conflicts_with = "user")]
    system: bool,
    /// Take DIR for the root of the file system
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Which {
    fn scope(&self) -> UnitManager {
        if self.system { UnitManager::System } else { UnitManager::User }
    }

    fn places(&self) -> Result<Places, String> {
        let root = self.root.as_deref().map(|root| std::path::absolute(root).unwrap_or_else(|_| root.to_owned()));
        Places::new(self.scope(), root.as_deref(), variable)
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Flags of `install-units`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct InstallArguments {
    #[command(flatten)]
    which: Which,
    /// Replace what somebody wrote or changed, and keep it as NAME.bak
    #[arg(long)]
    force: bool,
    /// Enable and start exporter and watchdog
    #[arg(long, conflicts_with_all = ["root", "dry_run"])]
    now: bool,
    /// User of the system units [default: the owner of the repository, else who called sudo]
    #[arg(long, value_name = "USER", requires = "system")]
    run_as: Option<String>,
}

/// Flags of `uninstall-units`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct UninstallArguments {
    #[command(flatten)]
    which: Which,
}

/// Writes the units.
pub(super) fn install(arguments: &InstallArguments, loaded: &Loaded, inputs: &Inputs) -> ExitCode {
    let which = &arguments.which;
    let planned =
        filling(arguments, loaded, inputs).and_then(|filling| install::plan(which.scope(), &which.places()?, &filling));
    let planned = match planned {
        Ok(planned) => planned,
        Err(message) => return output::fail(1, &format!("no unit was written: {message}")),
    };
    let mut told = Told::default();
    let options = Options { dry_run: which.dry_run, force: arguments.force };
    for file in &planned {
        told.installed(file, &install::install(file, options), which.dry_run);
    }
    if !which.dry_run {
        told.next(arguments);
    }
    told.end()
}

/// Takes the units away.
pub(super) fn uninstall(arguments: &UninstallArguments) -> ExitCode {
    let which = &arguments.which;
    let places = match which.places() {
        Ok(places) => places,
        Err(message) => return output::fail(1, &format!("no unit was removed: {message}")),
    };
    let mut told = Told::default();
    for unit in units(which.scope()) {
        let (path, removed) = install::remove(unit, &places, which.dry_run);
        told.removed(&path, unit.kind, &removed, which.dry_run);
        if removed == Removed::Gone {
            told.gone += 1;
            told.enabled.extend(places.has_wants(unit).then_some(unit.name));
        }
    }
    told.farewell(which);
    told.end()
}

/// What differs from machine to machine; notes about it go to standard error.
fn filling(arguments: &InstallArguments, loaded: &Loaded, inputs: &Inputs) -> Result<Filling, String> {
    let which = &arguments.which;
    let program = std::env::current_exe().map_err(|error| format!("where this program lies is not known: {error}"))?;
    let programs = program.parent().unwrap_or(Path::new("/")).to_owned();
    for missing in PROGRAMS.iter().filter(|name| !programs.join(name).exists()) {
        note(&format!("{missing} is not in {}; its units do not start until it is", programs.display()));
    }
    not_for_the_units(loaded, which.scope());
    let repo_root = loaded.config.repo_root.to_path_buf();
    let account = match which.scope() {
        UnitManager::User => None,
        UnitManager::System => account(arguments, &repo_root)?,
    };
    let home = variable("HOME");
    let runtime = loaded.config.runtime();
    if which.scope() == UnitManager::User && !runtime.is_dir() {
        note(&format!("runtime_dir {} is not there yet; the watchdog starts once it is", runtime.display()));
    }
    let homes: Vec<&PathBuf> = account.iter().map(|account| &account.home).chain(&home).collect();
    let elsewhere = |path: &PathBuf| !homes.iter().any(|home| path.starts_with(home));
    let user_home = account.as_ref().map_or(Path::new("/home/autoswe"), |account| &account.home);
    let review_dirs = review_dirs(&loaded.config).into_iter().map(|path| match (which.scope(), &home) {
        // Written as `~`, it is the home of the units' user, not of who calls sudo.
        (UnitManager::System, Some(home)) => path.strip_prefix(home).map_or(path.clone(), |rest| user_home.join(rest)),
        _ => path,
    });
    let review_dirs = review_dirs.collect();
    let journey_dirs = journey_dirs(&loaded.config).into_iter().filter(elsewhere).collect();
    let runtime_dir = Some(runtime).filter(elsewhere);
    Ok(Filling {
        programs,
        repo_root,
        config_file: inputs.file.as_ref().map(|file| inputs.directory.join(file)),
        loop_unit: loaded.config.loop_.unit.clone(),
        account,
        runtime_dir,
        review_dirs,
        trigger: loaded.config.journey_trigger(),
        journey_dirs,
        example: loaded.config.loop_.unit == "autoswe.service",
    })
}

/// What a review writes to: the runtime directory, and where its file and what saves it time lie if that is elsewhere.
fn review_dirs(config: &Config) -> Vec<PathBuf> {
    let runtime = config.runtime();
    let file = config.in_runtime_dir(&config.review.file);
    let places = [file.parent().map(Path::to_owned), Some(config.in_runtime_dir(&config.journey.state_dir))];
    let elsewhere = places.into_iter().flatten().filter(|directory| !directory.starts_with(&runtime));
    std::iter::once(runtime.clone()).chain(elsewhere).collect()
}

/// What the journey writes to outside the runtime directory: the releases, which are made in the repository where they
/// belong there, and the directory of the trigger file.
fn journey_dirs(config: &Config) -> Vec<PathBuf> {
    let (output, repo) = (config.in_repo(&config.journey.output_dir), config.repo());
    let output = if output.starts_with(&repo) { repo } else { output };
    let trigger = config.journey_trigger();
    [Some(output), trigger.parent().map(Path::to_owned)].into_iter().flatten().collect()
}

/// The user of system units.
fn account(arguments: &InstallArguments, repo_root: &Path) -> Result<Option<install::Account>, String> {
    let sudo = std::env::var("SUDO_USER").ok();
    let account = loop_user(arguments.run_as.as_deref(), sudo.as_deref(), repo_root, arguments.which.root.as_deref())?;
    if account.is_none() {
        note(&format!(
            "{} belongs to root or to nobody known, and the exporter should not be root: the units run as the user \
             `autoswe`; add it (useradd --create-home autoswe), or name another with --run-as",
            repo_root.display()
        ));
    }
    Ok(account)
}

/// Settings that only this shell has would be missed by the units without a word.
fn not_for_the_units(loaded: &Loaded, scope: UnitManager) {
    let origins = loaded.origins.iter().filter(|(path, _)| path.as_str() != "repo_root");
    let only_here: Vec<&str> = origins
        .filter_map(|(_, origin)| match origin {
            Origin::Environment(name) | Origin::Flag(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    if !only_here.is_empty() {
        let file =
            if scope == UnitManager::User { "~/.config/autoswe/cluster.env" } else { "/etc/autoswe/cluster.env" };
        note(&format!("set here but not for the units: {}; write it in {file} as AUTOSWE_*", only_here.join(", ")));
    }
    if scope == UnitManager::User && std::env::var_os("SUDO_USER").is_some() {
        note("these are root's own units; without sudo they are yours, with --system the machine's");
    }
}

fn note(text: &str) {
    output::complain(&format!("note: {text}"));
}

/// What was told so far.
#[derive(Default)]
struct Told {
    /// Something that was asked for was not done.
    short: bool,
    /// A file that systemd read before has changed.
    changed: bool,
    /// How many files are gone.
    gone: usize,
    /// Units that are gone and still enabled.
    enabled: Vec<&'static str>,
}

impl Told {
    fn installed(&mut self, file: &Planned, installed: &Installed, dry_run: bool) {
        let path = file.path.display();
        let would = if dry_run { "would be " } else { "" };
        let kept = |what: &str, mend: &str| format!("{path}: kept: {what}; {mend}");
        let force = "--force replaces it and keeps it as .bak";
        match installed {
            Installed::Written => say(&format!("{path}: {would}written")),
            Installed::Updated => say(&format!("{path}: {would}updated")),
            Installed::Unchanged => say(&format!("{path}: unchanged")),
            Installed::Replaced(aside) => say(&format!("{path}: {would}replaced; the old one is {}", aside.display())),
            Installed::NotWanted(other) => say(&format!("{path}: not written; there is {}", other.display())),
            Installed::KeptChanged => self.short(&kept("it was changed since it was written", force)),
            Installed::KeptForeign => self.short(&kept("install-units did not write it", force)),
            Installed::KeptOdd(what) => {
                self.short(&kept(&format!("it is {what}"), "remove it to have the unit written"))
            }
            Installed::Failed(error) => {
                self.short(&format!("{path}: not written: {error}; mend that, or see --user, --system and --root"));
            }
        }
        self.changed |= matches!(installed, Installed::Updated | Installed::Replaced(_));
        let news = matches!(installed, Installed::Written | Installed::Updated | Installed::Replaced(_));
        if dry_run && news {
            file.text.lines().for_each(|line| say(format!("    {line}").trim_end()));
        }
    }

    fn removed(&mut self, path: &Path, kind: Kind, removed: &Removed, dry_run: bool) {
        let would = if dry_run { "would be " } else { "" };
        let path_text = path.display();
        match removed {
            Removed::Gone => say(&format!("{path_text}: {would}removed")),
            Removed::Absent => {}
            Removed::NotOurs => say(&format!("{path_text}: left: install-units did not write it")),
            // It is there to be changed.
            Removed::KeptChanged if kind == Kind::Example => {
                say(&format!("{path_text}: left: it was changed since it was written"));
            }
            Removed::KeptChanged => {
                self.short(&format!("{path_text}: kept: it was changed since it was written; remove it by hand"));
            }
            Removed::Failed(error) => self.short(&format!("{path_text}: not removed: {error}")),
        }
    }

    /// The commands that make the units run, told or run.
    fn next(&mut self, arguments: &InstallArguments) {
        let scope = arguments.which.scope();
        let mut calls = vec![vec!["daemon-reload"], [&["enable", "--now"][..], &TO_ENABLE].concat()];
        if self.changed {
            calls.push([&["try-restart"][..], &TO_ENABLE].concat());
        }
        let systemctl = Systemctl::new(scope);
        if arguments.now {
            for call in calls {
                say(&systemctl.line(&call));
                if let Err(message) = systemctl.call(&call) {
                    self.short(&message);
                    return;
                }
            }
        } else {
            say("\nnext:");
            calls.iter().for_each(|call| say(&format!("  {}", systemctl.line(call))));
        }
        if scope == UnitManager::User {
            say("so that they run while you are not logged in:\n  loginctl enable-linger");
        }
    }

    /// The commands that end what may still run.
    fn farewell(&self, which: &Which) {
        if self.gone == 0 {
            return say("nothing that install-units wrote is here");
        }
        if which.dry_run {
            return;
        }
        let systemctl = Systemctl::new(which.scope());
        say("\nnext:");
        if !self.enabled.is_empty() {
            say(&format!("  {}", systemctl.line(&[&["disable", "--now"][..], &self.enabled].concat())));
        }
        say(&format!("  {}", systemctl.line(&["daemon-reload"])));
    }

    fn short(&mut self, message: &str) {
        self.short = true;
        output::complain(message);
    }

    fn end(&self) -> ExitCode {
        ExitCode::from(u8::from(self.short))
    }
}

/// Goes on when nobody reads what it says.
fn say(text: &str) {
    drop(output::print(&format!("{text}\n")));
}
