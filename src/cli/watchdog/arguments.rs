//! Flags and subcommands of `autoswe-watchdog`.

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand};

use super::super::arguments::Common;

const EXAMPLES: &str = "\
Examples:
  autoswe-watchdog --once --dry-run      what would it do now, and why; changes nothing
  autoswe-watchdog                       watch, and restart the loop when it is wedged
  autoswe-watchdog --once                one evaluation, for a timer
  autoswe-watchdog status                what it decided last, and the restarts it made
  autoswe-watchdog doctor                is everything as it must be for a restart to work
  autoswe-watchdog reset                 give the restart budget back, after the cause was mended

It reads the same configuration and environment as autoswe-exporter; its settings are `restart`, `checks.loop`, `loop`.
Exit codes: 0 done, 1 could not, 2 usage or configuration, 75 another instance is at work.";

/// Restarts an unattended coding loop when, and only when, it is wedged.
#[derive(Debug, Parser)]
#[command(
    name = "autoswe-watchdog",
    version,
    disable_help_subcommand = true,
    subcommand_help_heading = "Commands (without one it watches)",
    after_help = EXAMPLES,
    max_term_width = 100
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// Evaluate once and end, for a timer
    #[arg(long)]
    pub(super) once: bool,
    /// Decide, and do nothing: no restart, no file is written
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What to do instead of watching.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the last decision, the restart budget and the last restarts
    Status(Json),
    /// Forget the restarts made so far: the budget is whole again
    Reset,
    /// Check all that a restart rests on, and say how to mend what is wrong
    #[command(after_help = "It changes nothing and ends within half a minute. Exit code 1 when something is critical.")]
    Doctor(Json),
}

/// The form of what is shown.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Json {
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Arguments {
    /// Parses the command line; the first argument is the program's name.
    pub(super) fn parse(arguments: &[OsString]) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_is_consistent() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn what_loads_the_configuration_is_passed_on_to_the_exporter() {
        let line = "autoswe-watchdog --once --dry-run --config.file a.yml --no-collector.gpu --log.level error";
        let arguments: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let parsed = Arguments::parse(&arguments).unwrap();
        assert!(parsed.once && parsed.dry_run);
        assert_eq!(parsed.common.arguments(), ["--config.file", "a.yml", "--no-collector.gpu"]);
    }
}
