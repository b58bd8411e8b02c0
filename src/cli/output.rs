//! Writing to the terminal or pipe that the user gave us.
//!
//! Invariant: a reader that went away is no error, and nothing here panics.

use std::ffi::OsStr;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

/// The program's name in messages.
static PROGRAM: OnceLock<&str> = OnceLock::new();

/// Has messages begin with `name`.
pub(super) fn name_program(name: &'static str) {
    PROGRAM.get_or_init(|| name);
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless NO_COLOR or CLICOLOR=0 is set; CLICOLOR_FORCE colours a pipe too.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Whether to colour standard output. `variable` looks up the environment.
    pub(super) fn decide(self, terminal: bool, variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        match self {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if set("NO_COLOR").is_some() => false,
            ColorChoice::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != OsStr::new("0")) => true,
            ColorChoice::Auto => {
                terminal && set("CLICOLOR").is_none_or(|value| value != "0") && set("TERM").is_some_and(|t| t != "dumb")
            }
        }
    }
}

/// Whether a person looks at standard output.
pub(super) fn on_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Writes `text` to standard output.
///
/// # Errors
/// Other than that nobody reads any more, such as a full disk.
pub(super) fn print(text: &str) -> Result<Outlet, String> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Outlet::There),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Outlet::Gone),
        Err(error) => Err(format!("standard output cannot be written: {error}")),
    }
}

/// Whether somebody still reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlet {
    /// Somebody does.
    There,
    /// The pipe was closed.
    Gone,
}

/// Tells `message` on standard error.
pub(super) fn complain(message: &str) {
    // Nobody is left to tell when standard error is gone as well.
    drop(writeln!(std::io::stderr(), "{}: {message}", PROGRAM.get().unwrap_or(&"autoswe-exporter")));
}

/// Tells `message` on standard error and ends with `code`.
pub(super) fn fail(code: u8, message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::ColorChoice;

    fn auto(terminal: bool, variables: &[(&str, &str)]) -> bool {
        let look_up = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        ColorChoice::Auto.decide(terminal, look_up)
    }

    #[test]
    fn colour_follows_the_terminal_and_the_conventions() {
        let term = ("TERM", "xterm");
        assert!(auto(true, &[term]));
        assert!(!auto(false, &[term]));
        assert!(!auto(true, &[term, ("NO_COLOR", "1")]));
        assert!(auto(true, &[term, ("NO_COLOR", "")]), "an empty NO_COLOR counts as unset");
        assert!(!auto(true, &[term, ("CLICOLOR", "0")]));
        assert!(auto(false, &[term, ("CLICOLOR_FORCE", "1")]));
        assert!(!auto(false, &[term, ("CLICOLOR_FORCE", "0")]));
        assert!(!auto(true, &[("TERM", "dumb")]));
        assert!(ColorChoice::Always.decide(false, |_| None));
        assert!(!ColorChoice::Never.decide(true, |_| None));
    }
}
