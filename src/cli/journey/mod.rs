//! The command line of `autoswe-journey`.
//!
//! Invariant: exit code 0 is success (of `scan`: clean), 1 a refusal (of `scan`: findings), 2 a mistake in the usage or
//! the configuration (of `scan`: also that something could not be scanned), 75 (EX_TEMPFAIL) another instance at work.

mod arguments;
mod scan;
mod walk;

use std::ffi::OsString;
use std::process::ExitCode;

use super::{USAGE, inputs, log, output, refuse, variables};
use crate::config::load;
use arguments::{Arguments, Command};

/// Runs the command line `arguments` (the first is the program's name) in `environment`.
pub fn run(arguments: Vec<OsString>, environment: Vec<(OsString, OsString)>) -> ExitCode {
    output::name_program("autoswe-journey");
    match Arguments::parse(&arguments) {
        Ok(arguments) => dispatch(arguments, environment),
        Err(message) => {
            // Nobody is left to tell when the terminal is gone.
            drop(message.print());
            ExitCode::from(u8::try_from(message.exit_code()).unwrap_or(USAGE))
        }
    }
}

fn dispatch(arguments: Arguments, environment: Vec<(OsString, OsString)>) -> ExitCode {
    // The gate on its own needs no configuration, so none can keep it from working.
    if let Command::Scan(scan) = &arguments.command
        && !scan.public
    {
        return scan::run(scan, Vec::new());
    }
    let common = match variables::fill(arguments.common, &environment) {
        Ok(common) => common,
        Err(message) => return output::fail(USAGE, &message),
    };
    let loaded = match inputs(&common, common.settings(), environment).map(|inputs| load(&inputs)) {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(errors)) => return refuse(&errors),
        Err(message) => return output::fail(USAGE, &message),
    };
    log::start(&common.log.quieter());
    match arguments.command {
        Command::Scan(scan) => scan::run(&scan, Vec::new()),
        Command::Synthesize => output::fail(1, &format!("not built yet: {}", loaded.config.journey.title)),
    }
}
