//! `report`: read everything once, judge it, print it; or once each interval with `--watch`.
//!
//! Invariant: one source that fails or hangs costs its own lines and its deadline, never the report. The exit code
//! is that of the last round: 1 with a CRIT, else 0.

mod probe;
pub(super) mod progress;
mod reader;

use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output::{self, ColorChoice, Outlet};
use crate::assessment::{Assessment, Severity, assess};
use crate::config::{Loaded, value::Seconds};
use crate::history::History;
use crate::observation::Time;
use crate::sink::{api, report, system_state};
use crate::source::host;
use progress::Progress;
use reader::Reader;

/// Flags of `report`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ReportArguments {
    /// Print one JSON object, the same as /api/v1/state (with --watch one a line)
    #[arg(long)]
    pub(super) json: bool,
    /// Append one record to system-state.jsonl as well
    #[arg(long, conflicts_with = "watch")]
    pub(super) log: bool,
    /// Have vLLM generate some tokens and measure how fast
    #[arg(long)]
    pub(super) probe_tps: bool,
    /// Time between two samples of vLLM, for tokens per second; 0 takes only one
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = sample)]
    pub(super) sample: Seconds,
    /// Report again each INTERVAL until interrupted; 5s when none is given
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "5s",
          value_parser = interval)]
    pub(super) watch: Option<Seconds>,
    /// When to colour: auto, always, never; auto honours NO_COLOR and CLICOLOR
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub(super) color: ColorChoice,
}

fn sample(text: &str) -> Result<Seconds, String> {
    let sample: Seconds = text.parse()?;
    if sample.0 <= 600.0 { Ok(sample) } else { Err("expected at most 10m".into()) }
}

fn interval(text: &str) -> Result<Seconds, String> {
    let interval: Seconds = text.parse()?;
    if interval.0 >= 0.1 { Ok(interval) } else { Err("expected at least 100ms".into()) }
}

/// Runs the command.
pub(super) fn run(arguments: &ReportArguments, loaded: &Loaded) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(1, &format!("the asynchronous runtime cannot start: {error}")),
    };
    let code = runtime.block_on(session(arguments, loaded));
    // A reading that hangs in the kernel must not keep the program.
    runtime.shutdown_background();
    code
}

async fn session(arguments: &ReportArguments, loaded: &Loaded) -> ExitCode {
    let mut session = match Session::new(arguments, loaded) {
        Ok(session) => session,
        Err(error) => return output::fail(1, &format!("the threads of the sources cannot start: {error}")),
    };
    let mut interrupt = arguments.watch.and_then(|_| signal(SignalKind::interrupt()).ok());
    loop {
        let outcome = tokio::select! {
            outcome = session.round() => outcome,
            () = interrupted(interrupt.as_mut()) => break,
        };
        match (outcome, arguments.watch) {
            (Err(message), _) => return output::fail(1, &message),
            (Ok(Outlet::Gone), _) | (Ok(Outlet::There), None) => break,
            (Ok(Outlet::There), Some(interval)) => tokio::select! {
                () = tokio::time::sleep(interval.duration()) => {}
                () = interrupted(interrupt.as_mut()) => break,
            },
        }
    }
    session.progress.clear();
    exit_code(session.last)
}

/// Waits for the interrupt; without a listener it never comes, and the default action ends the program.
async fn interrupted(listener: Option<&mut Signal>) {
    match listener {
        Some(listener) => drop(listener.recv().await),
        None => std::future::pending().await,
    }
}

/// 1 with a CRIT, else 0. Interrupted before the first verdict: 130, as a shell tells it.
fn exit_code(last: Option<Severity>) -> ExitCode {
    match last {
        None => ExitCode::from(130),
        Some(severity) => ExitCode::from(u8::from(severity == Severity::Crit)),
    }
}

struct Session<'a> {
    arguments: &'a ReportArguments,
    loaded: &'a Loaded,
    reader: Reader,
    history: History,
    progress: Progress,
    last: Option<Severity>,
}

impl<'a> Session<'a> {
    fn new(arguments: &'a ReportArguments, loaded: &'a Loaded) -> std::io::Result<Self> {
        let reader = Reader::new(&loaded.config, Time::now())?;
        Ok(Session { arguments, loaded, reader, history: History::default(), progress: Progress::new(), last: None })
    }

    /// Reads, judges and prints once.
    async fn round(&mut self) -> Result<Outlet, String> {
        // Later rounds have the earlier ones to compare with.
        let sample = if self.last.is_none() { self.arguments.sample.duration() } else { Duration::ZERO };
        self.reader.read(sample, &self.progress).await;
        let assessment = assess(self.reader.state(), &self.loaded.thresholds(), Time::now());
        self.history.note(self.reader.state(), &assessment);
        let probed = if self.arguments.probe_tps && self.last.is_none() {
            Some(probe::run(&self.loaded.config.vllm, &self.progress).await)
        } else {
            None
        };
        if self.arguments.log {
            self.append(&assessment);
        }
        let text = self.text(&assessment, probed);
        self.last = Some(assessment.severity);
        output::print(&text)
    }

    fn text(&self, assessment: &Assessment, probed: Option<probe::Probed>) -> String {
        let state = self.reader.state();
        if self.arguments.json {
            let mut json = api::object(state, assessment, &self.history, &host::name());
            if let Some(probed) = &probed {
                json["probe"] = probe::json(probed);
            }
            return json_text(&json, self.arguments.watch.is_some());
        }
        let terminal = output::on_terminal();
        let color = self.arguments.color.decide(terminal, |name| std::env::var_os(name));
        let mut text = report::text(state, assessment, color);
        if let Some(probed) = &probed {
            text += &probe::text(probed);
        }
        match self.arguments.watch {
            // Home, clear to the end: the screen is drawn over without a flicker.
            Some(_) if terminal => format!("\x1b[H\x1b[J{text}"),
            Some(_) => format!("{text}\n"),
            None => text,
        }
    }

    fn append(&self, assessment: &Assessment) {
        let config = &self.loaded.config;
        let record = system_state::record(self.reader.state(), assessment, assessment.at);
        let mut series = system_state::SystemState::new(&config.system_state, &config.runtime());
        series.write(&record);
        if let Some(failure) = series.failure() {
            output::complain(&format!("no record was appended: {failure}"));
        }
        series.finish();
    }
}

/// One line for each round where there are many, else readable.
fn json_text(json: &Value, one_line: bool) -> String {
    if one_line { format!("{json}\n") } else { format!("{json:#}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_bounded() {
        assert_eq!(sample("0"), Ok(Seconds(0.0)));
        assert_eq!(sample("1.5"), Ok(Seconds(1.5)));
        assert!(sample("1h").is_err() && sample("soon").is_err());
        assert_eq!(interval("2s"), Ok(Seconds(2.0)));
        assert!(interval("0").is_err());
    }

    #[test]
    fn only_a_crit_is_a_failure() {
        assert_eq!(exit_code(Some(Severity::Ok)), ExitCode::SUCCESS);
        assert_eq!(exit_code(Some(Severity::Warn)), ExitCode::SUCCESS);
        assert_eq!(exit_code(Some(Severity::Crit)), ExitCode::from(1));
    }
}
