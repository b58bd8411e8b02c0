//! The watchdog: parse, load, run.

use std::process::ExitCode;

fn main() -> ExitCode {
    // With more than one cryptography provider among the dependencies, the first use would panic without this. It
    // can only fail when one is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    autoswe_exporter::cli::run_watchdog(std::env::args_os().collect(), std::env::vars_os().collect())
}
