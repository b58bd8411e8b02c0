//! The command line: what the user asked for, turned into calls of the library.
//!
//! Invariant: exit code 0 is success, 1 a report with a CRIT (or a server that could not run), 2 a mistake in the
//! usage or the configuration. Nothing here judges.

mod arguments;
mod backtest;
mod config;
mod demo;
mod errands;
mod journey;
mod judge;
mod log;
mod output;
mod report;
mod units;
mod variables;
mod watchdog;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::{ConfigErrors, FlagSetting, Inputs, Loaded, load};
use crate::daemon;
use crate::web;
use arguments::{Arguments, Command, Common};

/// Exit code of a mistake in the usage or the configuration.
const USAGE: u8 = 2;

/// Runs the command line `arguments` (the first is the program's name) in `environment`.
pub fn run(arguments: Vec<OsString>, environment: Vec<(OsString, OsString)>) -> ExitCode {
    match Arguments::parse(arguments) {
        Ok(arguments) => dispatch(arguments, environment),
        // Help and version are "errors" that go to standard output with exit code 0.
        Err(message) => {
            // Nobody is left to tell when the terminal is gone.
            drop(message.print());
            ExitCode::from(u8::try_from(message.exit_code()).unwrap_or(USAGE))
        }
    }
}

pub use journey::run as run_journey;
pub use judge::run as run_judge;
pub use watchdog::run as run_watchdog;

fn dispatch(arguments: Arguments, environment: Vec<(OsString, OsString)>) -> ExitCode {
    let settings = arguments.settings();
    let Arguments { command, mut common, .. } = arguments;
    if let Some(Command::Backtest(arguments)) = &command {
        common.config_file = arguments.config.clone().or(common.config_file);
    }
    let common = match variables::fill(common, &environment) {
        Ok(common) => common,
        Err(message) => return output::fail(USAGE, &message),
    };
    let inputs = match inputs(&common, settings, environment) {
        Ok(inputs) => inputs,
        Err(message) => return output::fail(USAGE, &message),
    };
    // The demo brings a configuration of its own.
    if let Some(Command::Demo(arguments)) = &command {
        log::start(&common.log.quieter());
        return demo::run(arguments, &inputs);
    }
    // What was written is taken away whatever the configuration says by now.
    if let Some(Command::UninstallUnits(arguments)) = &command {
        return units::uninstall(arguments);
    }
    let loaded = match load(&inputs) {
        Ok(loaded) => loaded,
        Err(errors) => return refuse(&errors),
    };
    match command {
        None => serve(loaded, inputs, &common),
        Some(Command::CheckConfig) => match config::beyond(&loaded) {
            Some(errors) => refuse(&errors),
            None => config::check(&loaded, inputs.file.as_deref()),
        },
        Some(Command::PrintConfig) => config::print(&loaded),
        Some(Command::PrintRules(arguments)) => config::print_rules(&loaded, &arguments.job),
        Some(Command::Report(arguments)) => {
            log::start(&common.log.quieter());
            report::run(&arguments, &loaded)
        }
        Some(Command::Backtest(arguments)) => {
            log::start(&common.log.quieter());
            backtest::run(&arguments, &loaded, inputs.file.as_deref())
        }
        Some(Command::InstallUnits(arguments)) => units::install(&arguments, &loaded, &inputs),
        Some(Command::Dependencies(arguments)) => errands::dependencies(&arguments, &loaded),
        Some(Command::Senders) => errands::senders(&loaded),
        Some(Command::Ping) => errands::ping(&loaded),
        Some(Command::Demo(_) | Command::UninstallUnits(_)) => ExitCode::SUCCESS,
    }
}

fn inputs(common: &Common, flags: Vec<FlagSetting>, environment: Vec<(OsString, OsString)>) -> Result<Inputs, String> {
    let directory = std::env::current_dir()
        .map_err(|error| format!("the working directory cannot be read ({error}); change to one that exists"))?;
    Ok(Inputs {
        file: common.config_file.clone(),
        environment,
        flags,
        flag_variables: variables::NAMES.to_vec(),
        directory,
    })
}

fn refuse(errors: &ConfigErrors) -> ExitCode {
    refuse_with(USAGE, errors)
}

fn refuse_with(code: u8, errors: &ConfigErrors) -> ExitCode {
    let count = errors.0.len();
    let plural = if count == 1 { "" } else { "s" };
    output::fail(code, &format!("the configuration has {count} mistake{plural}; mend it and try again:\n{errors}"))
}

fn serve(loaded: Loaded, inputs: Inputs, common: &Common) -> ExitCode {
    log::start(&common.log);
    let secure = match web::secure(&loaded.config.web) {
        Ok(secure) => secure,
        Err(errors) => return refuse(&errors),
    };
    let reload = Arc::new(move || load(&inputs));
    match daemon::run(daemon::Options { loaded, reload, secure, on_listen: None }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::fail(1, &format!("{error:#}")),
    }
}
