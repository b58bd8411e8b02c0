//! `backtest`: today's checks over the recorded series, with the limits of the configuration in force.
//!
//! Invariant: nothing is written but the output that was asked for. Exit code 0 whatever was found, 2 for what cannot
//! be read or understood.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::tz::TimeZone;

use super::output::{self, ColorChoice};
use crate::backtest::show::{Context, html, json, terminal};
use crate::backtest::{Outcome, Question, backtest, places};
use crate::config::Loaded;
use crate::config::value::Seconds;
use crate::observation::Time;

pub(super) const HELP: &str = "\
WHEN is a time (2026-11-22T12:00:00Z, 2026-11-22 13:00, 2026-11-22) or how long ago (36h, 7d).

Examples:
  autoswe-exporter backtest                                   the configured series, the limits in force
  autoswe-exporter backtest --config new.yaml --since 30d     what other limits would have found
  autoswe-exporter backtest --log old/ --html report.html     a page with a plot
  zstdcat *.zst | autoswe-exporter backtest --log - --json    for scripts

docs/backtest.md says what is judged again, and how exactly.";

/// Flags of `backtest`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct BacktestArguments {
    /// The series, with its rotated files; a directory that holds one; - is standard input; may repeat
    /// [default: system_state.file]
    #[arg(long, value_name = "FILE")]
    log: Vec<PathBuf>,
    /// The same as --config.file
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Nothing before this
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Nothing after this
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write a page with a plot to FILE; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
    /// List every row, also those that do not differ
    #[arg(long)]
    all: bool,
    /// When to colour: auto, always, never; auto honours NO_COLOR and CLICOLOR
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    color: ColorChoice,
}

/// Runs the command. `file` is the configuration's.
pub(super) fn run(arguments: &BacktestArguments, loaded: &Loaded, file: Option<&Path>) -> ExitCode {
    match answer(arguments, loaded, file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => output::fail(super::USAGE, &message),
    }
}

fn answer(arguments: &BacktestArguments, loaded: &Loaded, file: Option<&Path>) -> Result<(), String> {
    let zone = TimeZone::system();
    let now = Time::now();
    let bound = |name: &str, text: &Option<String>| {
        text.as_ref().map(|text| when(text, now, &zone).map_err(|error| format!("{name} {text}: {error}"))).transpose()
    };
    let logs = match &arguments.log[..] {
        [] => vec![loaded.config.in_runtime_dir(&loaded.config.system_state.file)],
        logs => logs.to_vec(),
    };
    let question = Question {
        places: places(&logs)?,
        config: loaded.config.clone(),
        thresholds: loaded.thresholds(),
        since: bound("--since", &arguments.since)?,
        until: bound("--until", &arguments.until)?,
        threads: 0,
        block: 0,
    };
    if let (Some(since), Some(until)) = (question.since, question.until)
        && since > until
    {
        return Err("--since lies after --until; swap them".into());
    }
    let outcome = backtest(&question);
    if outcome.counts.records == 0 {
        return Err(nothing(&question, &outcome));
    }
    let limits = file.map_or("the default limits".to_owned(), |file| format!("the limits of {}", file.display()));
    show(arguments, &outcome, &Context { limits, zone })
}

/// Why there was nothing to judge, and the mend.
fn nothing(question: &Question, outcome: &Outcome) -> String {
    let places: Vec<String> = question.places.iter().map(ToString::to_string).collect();
    let places = places.join(", ");
    let counts = &outcome.counts;
    if let [failure, ..] = &outcome.failures[..] {
        return format!("no record could be read: {failure}");
    }
    if counts.outside > 0 {
        return format!("{places}: none of {} records lies in that time; widen --since and --until", counts.outside);
    }
    if counts.newer > 0 {
        return format!("{places}: its {} records were written by a later version; use that one", counts.newer);
    }
    if counts.spoilt > 0 {
        return format!(
            "{places}: none of {} lines is a record of system-state.jsonl; name that file with --log",
            counts.spoilt
        );
    }
    format!("{places}: empty; the exporter writes a record every system_state.interval")
}

fn show(arguments: &BacktestArguments, outcome: &Outcome, context: &Context) -> Result<(), String> {
    let text = if arguments.json {
        json::render(outcome, context).to_string() + "\n"
    } else if let Some(file) = &arguments.html {
        let page = html::render(outcome, context);
        if file != Path::new("-") {
            return write(file, &page);
        }
        page
    } else {
        let color = arguments.color.decide(output::on_terminal(), |name| std::env::var_os(name));
        terminal::render(outcome, context, terminal::Options { color, all: arguments.all })
    };
    output::print(&text).map(drop)
}

/// Writes the page whole or not at all.
fn write(file: &Path, page: &str) -> Result<(), String> {
    let fault = |error: std::io::Error| format!("{} cannot be written: {error}; name another file", file.display());
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(directory)
        .map_err(fault)?;
    temporary.write_all(page.as_bytes()).map_err(fault)?;
    temporary.persist(file).map(drop).map_err(|error| fault(error.error))
}

/// The time that `text` names: a length before `now`, a time with its zone, or one in `zone`.
fn when(text: &str, now: Time, zone: &TimeZone) -> Result<Time, String> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Time>() {
        return Ok(time);
    }
    if let Ok(civil) = text.parse::<jiff::civil::DateTime>() {
        return civil.to_zoned(zone.clone()).map(|zoned| zoned.timestamp()).map_err(|error| error.to_string());
    }
    let ago: Seconds = text.parse().map_err(|_| WHEN_EXPECTED)?;
    let ago = jiff::SignedDuration::try_from_secs_f64(ago.0).map_err(|_| WHEN_EXPECTED)?;
    now.checked_sub(ago).map_err(|_| WHEN_EXPECTED.into())
}

const WHEN_EXPECTED: &str =
    "expected a time such as 2026-11-22 13:00 or 2026-11-22T12:00:00Z, or how long ago: 36h, 7d";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::example_now;

    #[test]
    fn a_time_is_a_date_a_time_of_day_or_a_length() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let told = |text| when(text, example_now(), &zone).map(|time| time.to_string());
        for (text, expected) in [
            ("2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z"),
            ("2026-11-22T08:00:00+02:00", "2026-11-22T06:00:00Z"),
            ("2026-11-22 08:00", "2026-11-22T07:00:00Z"),
            ("2026-11-22", "2026-11-21T23:00:00Z"),
            ("36h", "2026-11-21T00:00:00Z"),
            ("7d", "2026-11-15T12:00:00Z"),
        ] {
            assert_eq!(told(text).as_deref(), Ok(expected), "{text}");
        }
        assert!(told("yesterday").unwrap_err().contains("expected a time such as"));
    }
}
