//! The judge: parse, load, run.

use std::process::ExitCode;

fn main() -> ExitCode {
    // As in the exporter: a judge may be an HTTP endpoint.
    drop(rustls::crypto::ring::default_provider().install_default());
    autoswe_exporter::cli::run_judge(std::env::args_os().collect(), std::env::vars_os().collect())
}
