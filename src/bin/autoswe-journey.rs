//! The journey: parse, load, run.

use std::process::ExitCode;

fn main() -> ExitCode {
    autoswe_exporter::cli::run_journey(std::env::args_os().collect(), std::env::vars_os().collect())
}
