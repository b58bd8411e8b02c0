//! The command line of `autoswe-watchdog`.
//!
//! Invariant: exit code 0 is success, 1 "could not", 2 a mistake in the usage or the configuration, 75 (EX_TEMPFAIL)
//! another instance at work. What decides is the library.

mod arguments;
mod doctor;
mod explain;
mod status;

use std::ffi::OsString;
use std::process::ExitCode;

use super::{USAGE, inputs, log, output, refuse, variables};
use crate::config::{Loaded, load};
use crate::jsonl::Appender;
use crate::observation::Reading;
use crate::source::lines::Lines;
use crate::watchdog::clock::{Clock, boot_id};
use crate::watchdog::exporter::Exporter;
use crate::watchdog::memory::Memory;
use crate::watchdog::saved::Saved;
use crate::watchdog::trail::{self, LINES, Trail};
use crate::watchdog::watch::Parts;
use crate::watchdog::{lock, run};
use arguments::{Arguments, Command};

/// Exit code when another instance is at work: try again later (`EX_TEMPFAIL` of sysexits.h).
const BUSY: u8 = 75;

/// Runs the command line `arguments` (the first is the program's name) in `environment`.
pub fn run(arguments: Vec<OsString>, environment: Vec<(OsString, OsString)>) -> ExitCode {
    output::name_program("autoswe-watchdog");
    match Arguments::parse(&arguments) {
        Ok(parsed) => dispatch(parsed, environment),
        Err(message) => {
            // Nobody is left to tell when the terminal is gone.
            drop(message.print());
            ExitCode::from(u8::try_from(message.exit_code()).unwrap_or(USAGE))
        }
    }
}

fn dispatch(parsed: Arguments, environment: Vec<(OsString, OsString)>) -> ExitCode {
    let Arguments { command, once, dry_run, common } = parsed;
    let common = match variables::fill(common, &environment) {
        Ok(common) => common,
        Err(message) => return output::fail(USAGE, &message),
    };
    let exporter = Exporter::beside_this(common.arguments());
    let loaded = match inputs(&common, common.settings(), environment).map(|inputs| load(&inputs)) {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(errors)) => return refuse(&errors),
        Err(message) => return output::fail(USAGE, &message),
    };
    let by_hand = command.is_some() || (once && dry_run);
    log::start(&if by_hand { common.log.quieter() } else { common.log });
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(1, &format!("the asynchronous runtime cannot start: {error}")),
    };
    let code = match command {
        None => runtime.block_on(watch(Parts { loaded, exporter, dry: dry_run, once })),
        Some(Command::Status(arguments)) => status::run(&loaded, arguments.json),
        Some(Command::Reset) => reset(&loaded),
        Some(Command::Doctor(arguments)) => runtime.block_on(doctor::run(&loaded, &exporter, arguments.json)),
    };
    // A reading that hangs in the kernel must not keep the program.
    runtime.shutdown_background();
    code
}

async fn watch(parts: Parts) -> ExitCode {
    let (dry, once) = (parts.dry, parts.once);
    let directory = parts.loaded.config.runtime();
    if !(once || dry) {
        match run::wait_for(&directory, parts.loaded.config.restart.interval.duration()).await {
            Ok(true) => {}
            Ok(false) => return ExitCode::SUCCESS,
            Err(error) => return output::fail(1, &format!("{error:#}")),
        }
    }
    // A dry run writes nothing, so it may look over the shoulder of the watchdog that works.
    let lock = (!dry).then(|| lock::take(&directory, if once { "one evaluation" } else { "daemon" }));
    let _lock = match lock.transpose() {
        Ok(lock) => lock,
        Err(error @ lock::Error::Held { .. }) => return output::fail(BUSY, &error.to_string()),
        Err(error) => return output::fail(1, &error.to_string()),
    };
    let shown_by = (dry && once).then(|| parts.loaded.config.clone());
    let ended = match once {
        true => run::once(parts).await.map(Some),
        false => run::daemon(parts).await.map(|()| None),
    };
    match (ended, shown_by) {
        (Ok(Some(decision)), Some(config)) => shown(&explain::text(&decision, &config)),
        (Ok(_), _) => ExitCode::SUCCESS,
        (Err(error), _) => output::fail(1, &format!("{error:#}")),
    }
}

/// Writes a reset into the trail: what came before is forgotten, budget and latch are whole again.
fn reset(loaded: &Loaded) -> ExitCode {
    let config = &loaded.config;
    let path = config.in_runtime_dir(&config.watchdog.restarts);
    let mut clock = Clock::now(&boot_id());
    let saved = Saved::read(&config.in_runtime_dir(&config.watchdog.state)).unwrap_or_default();
    let before = match Lines::new("restarts", path.clone(), LINES).read(Trail::parse) {
        Reading::Observed(trail) => trail,
        _ => Trail::default(),
    };
    Memory::set_lived(&saved.memory, &mut clock, before.latest_stamp());
    let mut appender = Appender::new(path.clone(), None);
    match appender.append(trail::reset(&clock).as_bytes(), clock.wall).and_then(|_| appender.sync()) {
        Ok(()) => shown(&format!(
            "the restarts before now are forgotten ({}); the watchdog may restart the loop {} times again\n",
            path.display(),
            config.restart.budget
        )),
        Err(error) => output::fail(1, &format!("{}: {error}", path.display())),
    }
}

fn shown(text: &str) -> ExitCode {
    match output::print(text) {
        Ok(_) => ExitCode::SUCCESS,
        Err(message) => output::fail(1, &message),
    }
}
