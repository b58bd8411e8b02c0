//! Running `systemctl`, bounded in time.
//!
//! Invariant: no call outlives its limit, and what it said is shown when it failed.

use std::time::Duration;

use crate::config::UnitManager;
use crate::process;
use crate::systemd::systemctl;

/// Starting a unit may take its TimeoutStartSec (90 s) once more after a restart.
const LIMIT: Duration = Duration::from_secs(200);
/// What is kept of each of its outputs, bytes.
const MOST: usize = 64 << 10;

/// `systemctl` for the units of one manager.
pub struct Systemctl {
    scope: UnitManager,
}

impl Systemctl {
    /// For the manager of `scope`.
    pub fn new(scope: UnitManager) -> Self {
        Systemctl { scope }
    }

    /// The command line of a call, as a person would type it.
    pub fn line(&self, arguments: &[&str]) -> String {
        let user = if self.scope == UnitManager::User { " --user" } else { "" };
        format!("systemctl{user} {}", arguments.join(" "))
    }

    /// Makes one call.
    ///
    /// # Errors
    /// When it failed, did not end in time, or could not be started; the message holds what it said.
    pub fn call(&self, arguments: &[&str]) -> Result<(), String> {
        let line = self.line(arguments);
        let mut command = systemctl(self.scope);
        command.args(arguments);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_what_a_person_would_type() {
        assert_eq!(Systemctl::new(UnitManager::User).line(&["daemon-reload"]), "systemctl --user daemon-reload");
        assert_eq!(Systemctl::new(UnitManager::System).line(&["enable", "a"]), "systemctl enable a");
    }
}
