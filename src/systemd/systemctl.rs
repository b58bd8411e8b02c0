//! The same by the program `systemctl`, which reaches the user's manager over a socket of its own when the bus is dead.
//!
//! Invariant: it is killed when it takes longer than a call over the bus may.

use std::collections::HashMap;
use std::time::Duration;

use tokio::process::Command;

use super::bus::runtime_dir;
use super::manager::{Asked, Refused};
use super::shown::{NAMES, Shown};
use super::unit::{Active, Properties, Unit};
use crate::config::UnitManager;
use crate::process;

/// Bytes of its output that are kept; what is asked for takes some hundreds.
const MOST: usize = 64 << 10;

const PROPERTIES: &str = "Id,LoadState,ActiveState,SubState,Job,InvocationID,Result,Restart,ControlGroup,\
    InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic,ExecMainStartTimestampMonotonic,\
    StateChangeTimestampMonotonic";

/// `systemctl` for the units of `manager`, without a pager and without questions.
pub(crate) fn systemctl(manager: UnitManager) -> Command {
    let mut command = Command::new("systemctl");
    match manager {
        UnitManager::User => command.arg("--user"),
        UnitManager::System => command.arg("--system"),
    };
    if let Some(directory) = runtime_dir() {
        command.env("XDG_RUNTIME_DIR", directory);
    }
    command.args(["--no-pager", "--no-ask-password"]);
    command
}

/// Looks at `unit`. How long it may take to stop is not told: `systemctl` shows it in words only.
pub(super) async fn unit(manager: UnitManager, unit: &str, timeout: Duration, monotonic: f64) -> Result<Unit, String> {
    let mut command = systemctl(manager);
    command.args(["show", "--property", PROPERTIES, "--", unit]);
    let output = process::run(&mut command, timeout, MOST).await.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("systemctl: {}", complaint(&output)));
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout), monotonic))
}

/// The properties of `unit`, and its files for what is not shown in words.
pub(super) async fn shown(manager: UnitManager, unit: &str, timeout: Duration) -> Result<Shown, String> {
    let shown = told(manager, &["show", "--property", NAMES, "--", unit], timeout).await?;
    let files = told(manager, &["cat", "--", unit], timeout).await.ok();
    Ok(Shown::from_text(&shown, files.as_deref()))
}

/// Has the manager answer something.
pub(super) async fn version(manager: UnitManager, timeout: Duration) -> Result<(), String> {
    told(manager, &["show", "--property", "Version"], timeout).await.map(drop)
}

/// What it prints with these arguments.
async fn told(manager: UnitManager, arguments: &[&str], timeout: Duration) -> Result<String, String> {
    let mut command = systemctl(manager);
    command.args(arguments);
    let output = process::run(&mut command, timeout, MOST).await.map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("systemctl: {}", complaint(&output))),
    }
}

fn parse(text: &str, monotonic: f64) -> Unit {
    let fields: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let field = |name| fields.get(name).copied().unwrap_or_default();
    let stamp = |name| field(name).parse().unwrap_or(0);
    let properties = Properties {
        invocation: field("InvocationID").into(),
        result: field("Result").into(),
        restart: field("Restart").into(),
        control_group: field("ControlGroup").into(),
        stop_timeout: None,
        starts: [
            stamp("InactiveExitTimestampMonotonic"),
            stamp("ActiveEnterTimestampMonotonic"),
            stamp("ExecMainStartTimestampMonotonic"),
        ],
        changed: stamp("StateChangeTimestampMonotonic"),
    };
    Unit {
        name: field("Id").into(),
        load: field("LoadState").into(),
        active: Active::of(field("ActiveState")),
        sub: field("SubState").into(),
        job: Some(field("Job")).filter(|job| !job.is_empty() && *job != "0").map(|id| format!("number {id}")),
        since: properties.since(monotonic),
        details: Some(properties.details(monotonic)),
    }
}

/// As over the bus; `wait` bounds the whole.
pub(super) async fn try_restart(
    manager: UnitManager,
    unit: &str,
    timeout: Duration,
    wait: Duration,
) -> Result<Asked, Refused> {
    let mut reset = systemctl(manager);
    reset.args(["reset-failed", "--", unit]);
    let reset = process::run(&mut reset, timeout, MOST).await.map_err(|error| Refused::NotAsked(error.to_string()))?;
    if !reset.status.success() {
        return Err(Refused::NotAsked(complaint(&reset)));
    }
    let mut restart = systemctl(manager);
    restart.args(["try-restart", "--job-mode=fail", "--", unit]);
    match process::run(&mut restart, wait, MOST).await {
        Ok(output) if output.status.success() => Ok(Asked { result: Some("done".into()) }),
        // It says the same of a refusal and of a job that failed.
        Ok(output) => Err(Refused::Unknown(complaint(&output))),
        Err(process::Error::TimedOut { .. }) => Ok(Asked { result: None }),
        Err(error) => Err(Refused::NotAsked(error.to_string())),
    }
}

fn complaint(output: &process::Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty());
    line.map_or_else(|| format!("it ended with {}", output.status), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "Id=autoswe.service\nLoadState=loaded\nActiveState=active\nSubState=running\nJob=\n\
        InvocationID=d76524a11dcf42b6a732612d416956c5\nResult=success\nInactiveExitTimestampMonotonic=261796645\n\
        ActiveEnterTimestampMonotonic=261796646\nExecMainStartTimestampMonotonic=261796600\n\
        StateChangeTimestampMonotonic=261796646\n";

    #[test]
    fn what_it_shows_is_understood() {
        let unit = parse(SHOWN, 271.796_646);
        assert_eq!(
            (unit.name.as_str(), unit.load.as_str(), unit.active),
            ("autoswe.service", "loaded", Active::Active)
        );
        assert_eq!((unit.job, unit.sub.as_str()), (None, "running"));
        let details = unit.details.unwrap();
        assert_eq!(details.invocation, "d76524a11dcf42b6a732612d416956c5");
        assert!((details.started - 10.0).abs() < 1e-6 && (unit.since - 10.0).abs() < 1e-6);
    }

    #[test]
    fn what_it_does_not_show_is_unknown_and_young() {
        let unit = parse("ActiveState=odd\nJob=4711\nnonsense", 100.0);
        assert_eq!((unit.active, unit.load.as_str(), unit.job.as_deref()), (Active::Other, "", Some("number 4711")));
        assert_eq!(unit.details.unwrap().started, 0.0);
    }
}
