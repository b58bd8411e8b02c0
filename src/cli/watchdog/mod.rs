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

/// Words with which the program ends soon.
const COMMANDS: [&str; 6] = ["--once", "status", "reset", "doctor", "--help", "--version"];
/// Exit code when another instance is at work: try again later (`EX_TEMPFAIL` of sysexits.h).
const BUSY: u8 = 75;

/// Runs the command line `arguments` (the first is the program's name) in `environment`.
pub fn run(arguments: Vec<OsString>, environment: Vec<(OsString, OsString)>) -> ExitCode {
    output::name_program("autoswe-watchdog");
    // Reading flags and settings takes memory that nobody needs afterwards. On a thread of its own it goes with the
    // thread; a program that ends soon need not care.
    let stays = arguments.iter().skip(1).all(|argument| !COMMANDS.iter().any(|command| argument == command));
    let prepare = move || prepare(arguments, environment);
    let prepared = match stays.then(|| std::thread::Builder::new().spawn(prepare.clone())) {
        Some(Ok(thread)) => thread.join().unwrap_or_else(|_| Err(output::fail(1, "reading the settings failed"))),
        None | Some(Err(_)) => prepare(),
    };
    match prepared {
        Ok(prepared) => dispatch(prepared),
        Err(code) => code,
    }
}

/// What was asked for, and the settings to do it by.
struct Prepared {
    arguments: Arguments,
    loaded: Loaded,
    exporter: Exporter,
}

fn prepare(arguments: Vec<OsString>, environment: Vec<(OsString, OsString)>) -> Result<Prepared, ExitCode> {
    let mut arguments = Arguments::parse(&arguments).map_err(|message| {
        // Nobody is left to tell when the terminal is gone.
        drop(message.print());
        ExitCode::from(u8::try_from(message.exit_code()).unwrap_or(USAGE))
    })?;
    let usage = |message: String| output::fail(USAGE, &message);
    arguments.common = variables::fill(arguments.common, &environment).map_err(usage)?;
    let common = &arguments.common;
    let exporter = Exporter::beside_this(common.arguments());
    let inputs = inputs(common, common.settings(), environment).map_err(usage)?;
    let loaded = load(&inputs).map_err(|errors| refuse(&errors))?;
    Ok(Prepared { arguments, loaded, exporter })
}

fn dispatch(Prepared { arguments, loaded, exporter }: Prepared) -> ExitCode {
    let Arguments { command, once, dry_run, common } = arguments;
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
