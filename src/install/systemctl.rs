//! Running `systemctl`, bounded in time.
//!
//! Invariant: no call outlives its limit, and what it said is shown when it failed.

use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;

use super::Scope;
use crate::process;

/// Starting a unit may take its TimeoutStartSec (90 s) once more after a restart.
const LIMIT: Duration = Duration::from_secs(200);
/// What is kept of each of its outputs, bytes.
const MOST: usize = 64 << 10;

/// `systemctl` for the units of one manager.
pub struct Systemctl {
    scope: Scope,
}

impl Systemctl {
    /// For the manager of `scope`.
    pub fn new(scope: Scope) -> Self {
        Systemctl { scope }
    }

    /// The command line of a call, as a person would type it.
    pub fn line(&self, arguments: &[&str]) -> String {
        let user = if self.scope == Scope::User { " --user" } else { "" };
        format!("systemctl{user} {}", arguments.join(" "))
    }

    /// Makes one call.
    ///
    /// # Errors
    /// When it failed, did not end in time, or could not be started; the message holds what it said.
    pub fn call(&self, arguments: &[&str]) -> Result<(), String> {
        let line = self.line(arguments);
        let mut command = Command::new("systemctl");
        if self.scope == Scope::User {
            command.arg("--user");
            command.envs(runtime_dir().map(|directory| ("XDG_RUNTIME_DIR", directory)));
        }
        command.args(["--no-pager", "--no-ask-password"]).args(arguments);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("{line}: the asynchronous runtime cannot start: {error}"))?;
        let output =
            runtime.block_on(process::run(&mut command, LIMIT, MOST)).map_err(|error| format!("{line}: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!("{line}: {}\n{}", output.status, String::from_utf8_lossy(&said).trim_end()))
    }
}

/// `XDG_RUNTIME_DIR` where the environment lacks it (cron, su) and the directory is there: through it the user's
/// manager is found.
fn runtime_dir() -> Option<PathBuf> {
    if std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|directory| !directory.is_empty()) {
        return None;
    }
    let usual = PathBuf::from(format!("/run/user/{}", rustix::process::getuid().as_raw()));
    usual.is_dir().then_some(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_what_a_person_would_type() {
        assert_eq!(Systemctl::new(Scope::User).line(&["daemon-reload"]), "systemctl --user daemon-reload");
        assert_eq!(Systemctl::new(Scope::System).line(&["enable", "a"]), "systemctl enable a");
    }
}
