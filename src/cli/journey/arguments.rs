//! Flags and subcommands of `autoswe-journey`.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use super::super::arguments::Common;
use super::scan::{EXAMPLES, ScanArguments};
use super::serve::ServeArguments;
use super::synthesize::SynthesizeArguments;

/// Publishes the journey of an unattended coding loop as a web site, and leaks nothing.
#[derive(Debug, Parser)]
#[command(
    name = "autoswe-journey",
    version,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read what the loop left behind, and publish it when nothing leaks
    Synthesize(SynthesizeArguments),
    /// Show the released site, and nothing else, to the world
    Serve(ServeArguments),
    /// Tell where each number of an iteration was read, what inputs disagree about, and what was left out
    #[command(after_help = super::explain::HELP)]
    Explain(super::explain::ExplainArguments),

    /// Look for secrets in files, in whatever way they are written
    #[command(after_help = EXAMPLES)]
    Scan(ScanArguments),
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
}
