//! The command line of `autoswe-judge`.
//!
//! Invariant: exit code 0 is an answer, 1 a judge that failed, 3 one that took too long, 4 no verdict, 64 a mistake in the
//! usage or the configuration, 75 another review at work; 128 and a signal's number, that signal. Standard output holds
//! the answer and nothing else.

mod arguments;
mod review;
mod rubric;

use std::ffi::OsString;
use std::process::ExitCode;

use super::{inputs, log, output, refuse_with, variables};
use crate::config::load;
use crate::judge::Failure;
use crate::process::{keeper, kept};
use arguments::{Arguments, Command, KeepArguments};

/// Exit code of a mistake in the usage or the configuration (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;

/// The environment, as the program was given it.
type Environment = Vec<(OsString, OsString)>;

/// Runs the command line `arguments` (the first is the program's name) in `environment`.
pub fn run(arguments: Vec<OsString>, environment: Environment) -> ExitCode {
    output::name_program("autoswe-judge");
    if arguments.get(1).is_some_and(|word| word == kept::COMMAND) {
        return keep(&arguments);
    }
    match Arguments::parse(&arguments) {
        Ok(arguments) => dispatch(arguments, environment),
        Err(message) => {
            // Nobody is left to tell when the terminal is gone.
            drop(message.print());
            ExitCode::from(if message.use_stderr() { USAGE } else { 0 })
        }
    }
}

fn dispatch(arguments: Arguments, environment: Environment) -> ExitCode {
    let usage = |message: String| output::fail(USAGE, &message);
    let common = match variables::fill(arguments.common, &environment) {
        Ok(common) => common,
        Err(message) => return usage(message),
    };
    let of_command = match &arguments.command {
        Command::Review(arguments) => arguments.settings(),
        Command::Rubric(_) => None,
    };
    let settings = common.settings().into_iter().chain(arguments.judge.settings()).chain(of_command).collect();
    let loaded = match inputs(&common, settings, environment.clone()).map(|inputs| load(&inputs)) {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(errors)) => return refuse_with(USAGE, &errors),
        Err(message) => return usage(message),
    };
    log::start(&common.log.quieter());
    match arguments.command {
        Command::Rubric(arguments) => finish(rubric::run(&arguments, &loaded.config, environment)),
        Command::Review(arguments) => finish(review::run(&arguments, &loaded, environment)),
    }
}

/// Runs `command` to its end, and tells a failure in one line.
fn finish(command: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(1, &format!("the asynchronous runtime cannot start: {error}")),
    };
    let result = runtime.block_on(command);
    // A reading that hangs in the kernel must not keep the program.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output::fail(failure.exit_code(), &failure.to_string()),
    }
}

/// What this program does for itself, as a process of its own: see [`keeper`].
fn keep(arguments: &[OsString]) -> ExitCode {
    match KeepArguments::parse(arguments).map(|kept| keeper::keep(&kept)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => output::fail(1, &format!("{}: {error}; it is no use to people", kept::COMMAND)),
        Err(message) => {
            drop(message.print());
            ExitCode::from(USAGE)
        }
    }
}
