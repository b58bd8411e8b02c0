//! The exporter's program, whose children do for the watchdog what it has no library for: vLLM, the GPUs, a URL.
//!
//! Invariant: it is asked for a moment at a time, and the watchdog gets on when it is not there.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use tokio::process::Command;

/// Its name.
const NAME: &str = "autoswe-exporter";

/// The program, and the arguments that load the same configuration.
#[derive(Debug, Clone)]
pub struct Exporter {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Exporter {
    /// The program beside this one, else the one in `PATH`.
    pub fn beside_this(arguments: Vec<OsString>) -> Self {
        let this = std::fs::read_link("/proc/self/exe").unwrap_or_default();
        let beside = original(&this).with_file_name(NAME);
        Exporter { program: if beside.is_file() { beside } else { NAME.into() }, arguments }
    }

    /// Where it is; a bare name is looked up in `PATH`.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its command `name`.
    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(name);
        command
    }
}

/// The path of a running program, whose file may have been replaced by an update meanwhile.
fn original(running: &Path) -> PathBuf {
    let bytes = running.as_os_str().as_bytes();
    PathBuf::from(OsString::from_vec(bytes.strip_suffix(b" (deleted)").unwrap_or(bytes).to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_does_not_part_the_programs() {
        assert_eq!(original(Path::new("/usr/bin/autoswe-watchdog (deleted)")), Path::new("/usr/bin/autoswe-watchdog"));
        assert_eq!(original(Path::new("/opt/a b/autoswe-watchdog")), Path::new("/opt/a b/autoswe-watchdog"));
    }

    #[test]
    fn where_none_is_beside_it_is_looked_up() {
        let exporter = Exporter::beside_this(vec!["--config.file".into(), "a.yml".into()]);
        assert!(exporter.program().ends_with(NAME));
        let command = exporter.command("dependencies");
        let arguments: Vec<_> = command.as_std().get_args().collect();
        assert_eq!(arguments, ["--config.file", "a.yml", "dependencies"]);
    }
}
