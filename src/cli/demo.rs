//! `demo`: the story of a loop in a few minutes, watched by the same program as in production.

use std::process::ExitCode;

use super::arguments::Common;
use super::output;

/// Flags of `demo`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DemoArguments {
    /// How many times faster than a round of about 90 s
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub(super) speed: f64,
}

/// Runs the demo until it is interrupted.
pub(super) fn run(_arguments: &DemoArguments, _common: &Common) -> ExitCode {
    output::fail(1, "the demo is not part of this build")
}
