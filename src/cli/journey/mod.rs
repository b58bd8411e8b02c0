//! The command line of `autoswe-journey`.
//!
//! Invariant: exit code 0 is success (of `scan`: clean), 1 a refusal (of `scan`: findings), 2 a mistake in the usage or
//! the configuration (of `scan`: also that something could not be scanned), 75 (EX_TEMPFAIL) another instance at work.

mod arguments;
mod explain;
mod line;
mod outdir;
mod scan;
mod serve;
mod synthesize;
mod walk;

use std::ffi::OsString;
use std::process::ExitCode;

use super::{USAGE, inputs, log, output, refuse, variables};
use crate::config::load;
use crate::journey::leak::machine::exact_values;
use crate::journey::redact::places;
use arguments::{Arguments, Command};

/// The environment, as the program was given it.
type Environment = Vec<(OsString, OsString)>;

/// Runs the command line `arguments` (the first is the program's name) in `environment`.
pub fn run(arguments: Vec<OsString>, environment: Environment) -> ExitCode {
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

fn dispatch(arguments: Arguments, environment: Environment) -> ExitCode {
    // The gate on its own needs no configuration, so none can keep it from working.
    if let Command::Scan(scan) = &arguments.command
        && !scan.public
    {
        return scan::run(scan, Vec::new());
    }
    let usage = |message: String| output::fail(USAGE, &message);
    let common = match variables::fill(arguments.common, &environment) {
        Ok(common) => common,
        Err(message) => return usage(message),
    };
    let mut settings = common.settings();
    let asked = match &arguments.command {
        Command::Synthesize(asked) => asked.settings(&environment),
        Command::Serve(asked) => asked.settings(&environment),
        Command::Scan(_) | Command::Explain(_) => Ok(Vec::new()),
    };
    match asked {
        Ok(asked) => settings.extend(asked),
        Err(message) => return usage(message),
    }
    let loaded = match inputs(&common, settings, environment.clone()).map(|inputs| load(&inputs)) {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(errors)) => return refuse(&errors),
        Err(message) => return usage(message),
    };
    let is_daemon = matches!(arguments.command, Command::Serve(_));
    log::start(&if is_daemon { common.log } else { common.log.quieter() });
    match arguments.command {
        Command::Scan(scan) => match exact_values(&places(&loaded.config, &environment)) {
            Ok(values) => scan::run(&scan, values),
            // What must not be shown is not known, so nothing can be called clean.
            Err(error) => output::fail(USAGE, &error.to_string()),
        },
        Command::Explain(arguments) => explain::run(&loaded, &arguments),
        Command::Serve(_) => serve::run(loaded.config, &environment),
        Command::Synthesize(asked) => match asked.publishes(&environment) {
            Ok(publish) => synthesize::run(&asked, publish, (loaded.config, environment)),
            Err(message) => usage(message),
        },
    }
}
