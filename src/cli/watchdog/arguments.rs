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
    Doctor(Doctor),
    /// Look at vLLM and the GPUs; the watchdog's child does this
    #[command(hide = true)]
    Dependencies {
        #[arg(long)]
        vllm_seen: bool,
        #[arg(long)]
        gpu_seen: bool,
    },
}

/// The form of what is shown.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Json {
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// What the doctor is asked for.
#[derive(Debug, Clone, Copy, Args)]
#[command(after_help = "It changes nothing and ends within half a minute. Exit code 1 when something is critical.")]
pub(super) struct Doctor {
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) part: Option<Part>,
}

/// A part of the doctor's work that a child of it does, with the same configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(super) enum Part {
    /// Look at vLLM and the GPUs
    #[command(hide = true)]
    Dependencies {
        #[arg(long)]
        vllm_seen: bool,
        #[arg(long)]
        gpu_seen: bool,
    },
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
    fn the_declaration_is_consistent_and_the_child_can_be_asked_with_any_flags() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
        let line = "autoswe-watchdog --once --dry-run --config.file a.yml --no-collector.gpu dependencies --vllm-seen";
        let arguments: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let parsed = Arguments::parse(&arguments).unwrap();
        assert!(matches!(parsed.command, Some(Command::Dependencies { vllm_seen: true, gpu_seen: false })));
        let line = "autoswe-watchdog doctor --json --config.file doctor dependencies --gpu-seen";
        let arguments: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let parsed = Arguments::parse(&arguments).unwrap();
        let part = Some(Part::Dependencies { vllm_seen: false, gpu_seen: true });
        assert!(matches!(parsed.command, Some(Command::Doctor(doctor)) if doctor.part == part));
    }
}
