//! The watchdog: parse, load, run.

use std::process::ExitCode;

fn main() -> ExitCode {
    autoswe_exporter::cli::run_watchdog(std::env::args_os().collect(), std::env::vars_os().collect())
}
