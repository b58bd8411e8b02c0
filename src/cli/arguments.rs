//! Flags and subcommands, in the exporter convention.
//!
//! Invariant: a flag that stands for a setting becomes a [`FlagSetting`]; it has no default of its own.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum};

use super::backtest::BacktestArguments;
use super::demo::DemoArguments;
use super::report::ReportArguments;
use super::units::{InstallArguments, UninstallArguments};
use crate::alert::rules::JOB;
use crate::config::FlagSetting;
use crate::observation::SourceId;

pub(super) const SOURCES_HELP: &str = "\
Sources:
      --collector.<NAME>, --no-collector.<NAME>
          Turn one source on or off: loop, subagents, vllm, gpu, parity, verdicts, site, review, watchdog, host";

const EXAMPLES: &str = "\
Examples:
  autoswe-exporter                                     serve http://HOST:9765/ with the defaults
  autoswe-exporter --config.file /etc/autoswe.yml      serve with a configuration
  autoswe-exporter --no-collector.gpu                  a machine without a GPU
  autoswe-exporter report                              how is it, once; exit code 1 when something is critical
  autoswe-exporter report --json | jq .severity        the same for scripts
  autoswe-exporter print-rules > autoswe.rules.yml     alert rules for Prometheus, with the times configured
  autoswe-exporter backtest --config.file new.yml      what other limits would have found
  autoswe-exporter demo                                see everything at work, with nothing set up
  autoswe-exporter install-units --now                 run exporter and watchdog under systemd

Every setting can also come from the environment: AUTOSWE_VLLM_URL is vllm.url.";

/// Watches an unattended coding loop on a GPU machine: metrics, checks, a status page, a report.
#[derive(Debug, Parser)]
#[command(
    name = "autoswe-exporter",
    version,
    disable_help_subcommand = true,
    subcommand_help_heading = "Commands (without one it serves)",
    after_help = format!("{SOURCES_HELP}\n\n{EXAMPLES}"),
    max_term_width = 100
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    web: Web,
    #[command(flatten)]
    security: WebConfigFile,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read everything once, judge it, print it
    #[command(after_help = SOURCES_HELP)]
    Report(ReportArguments),
    /// Judge the recorded series again, and show what other limits would have found
    #[command(after_help = super::backtest::HELP)]
    Backtest(BacktestArguments),
    /// Check the configuration and name every mistake in it
    CheckConfig,
    /// Print every effective setting and where it came from
    PrintConfig,
    /// Print the alert rules for Prometheus, with the times and the runbooks of the configuration
    PrintRules(RulesArguments),
    /// Live through a short story of a loop, with no GPU, model server or network
    #[command(after_help = super::demo::HELP)]
    Demo(DemoArguments),
    /// Write the systemd units of exporter, watchdog and report logger
    #[command(after_help = super::units::INSTALL_HELP)]
    InstallUnits(InstallArguments),
    /// Take away the units that install-units wrote
    #[command(after_help = super::units::UNINSTALL_HELP)]
    UninstallUnits(UninstallArguments),
    /// Look at vLLM and the GPUs for the watchdog, and print what a restart of the loop would not cure
    #[command(hide = true)]
    Dependencies(DependenciesArguments),
    /// Look for the watchdog who is told of alerts, and whether somebody else tells the same
    #[command(hide = true)]
    Senders,
    /// Fetch the URL of the dead man's switch for the watchdog
    #[command(hide = true)]
    Ping,
}

/// What the rules are made for.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RulesArguments {
    /// The name of the job that Prometheus scrapes the exporters as
    #[arg(long, value_name = "NAME", default_value = JOB, value_parser = job)]
    pub(super) job: String,
}

/// A job's name that can stand in a rule.
fn job(text: &str) -> Result<String, String> {
    let is_plain = !text.is_empty() && !text.contains(char::is_control);
    if is_plain {
        Ok(text.to_owned())
    } else {
        Err("give the job_name of Prometheus's scrape_configs, in one line".into())
    }
}

/// What the watchdog has this program do for it, which is no use to anybody else.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DependenciesArguments {
    /// vLLM answered before
    #[arg(long)]
    pub(super) vllm_seen: bool,
    /// A GPU was there before
    #[arg(long)]
    pub(super) gpu_seen: bool,
}

/// Flags of every command and program.
#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// Configuration file, YAML (environment: AUTOSWE_CONFIG_FILE)
    #[arg(long = "config.file", value_name = "FILE", global = true, help_heading = "Configuration and log")]
    pub(super) config_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) log: Log,
    #[command(flatten)]
    collectors: Collectors,
}

/// Flags of the server, for the commands that have one.
#[derive(Debug, Clone, Args)]
pub(super) struct Web {
    /// Address to listen on; may repeat [default: :9765]
    #[arg(long = "web.listen-address", value_name = "HOST:PORT", help_heading = "Server")]
    listen_addresses: Vec<String>,
    /// Path of the metrics page [default: /metrics]
    #[arg(long = "web.telemetry-path", value_name = "PATH", help_heading = "Server")]
    telemetry_path: Option<String>,
}

impl Web {
    /// The settings that these flags set.
    pub(super) fn settings(&self) -> Vec<FlagSetting> {
        let addresses = (!self.listen_addresses.is_empty()).then(|| self.listen_addresses.join(","));
        let settings = [
            ("web.listen_addresses", addresses, "--web.listen-address"),
            ("web.telemetry_path", self.telemetry_path.clone(), "--web.telemetry-path"),
        ];
        let given = settings.into_iter().filter_map(|(path, text, flag)| Some((path, text?, flag)));
        given.map(|(path, text, flag)| FlagSetting { path: path.into(), text, flag: flag.into() }).collect()
    }
}

/// The flag for TLS and logins. It stands before and after a command, so that `check-config` takes it too.
#[derive(Debug, Clone, Args)]
pub(super) struct WebConfigFile {
    /// TLS and logins, in the format of the Prometheus exporter toolkit (docs/web-config.md)
    #[arg(long = "web.config.file", value_name = "FILE", global = true, help_heading = "Server")]
    web_config_file: Option<String>,
}

impl WebConfigFile {
    /// The setting that this flag sets for the server whose setting is at `path`.
    pub(super) fn settings(&self, path: &str) -> Option<FlagSetting> {
        let text = self.web_config_file.clone()?;
        Some(FlagSetting { path: path.into(), text, flag: "--web.config.file".into() })
    }
}

/// Flags of the log.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Log {
    /// Least severe line: error, warn, info, debug, trace [default: info] (environment: AUTOSWE_LOG_LEVEL)
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        global = true,
        hide_possible_values = true,
        help_heading = "Configuration and log"
    )]
    pub(super) level: Option<LogLevel>,
    /// Form of a line: logfmt, json [default: logfmt] (environment: AUTOSWE_LOG_FORMAT)
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        global = true,
        hide_possible_values = true,
        help_heading = "Configuration and log"
    )]
    pub(super) format: Option<LogFormat>,
}

/// Severity of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Logfmt,
    Json,
}

impl Log {
    /// For a command that people run by hand: only errors, unless a level was asked for.
    pub(super) fn quieter(self) -> Self {
        Log { level: self.level.or(Some(LogLevel::Error)), ..self }
    }
}

impl Arguments {
    /// Parses the command line; the first argument is the program's name.
    pub(super) fn parse(arguments: Vec<OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }

    /// The settings that flags set.
    pub(super) fn settings(&self) -> Vec<FlagSetting> {
        self.web
            .settings()
            .into_iter()
            .chain(self.security.settings("web.config_file"))
            .chain(self.common.settings())
            .collect()
    }
}

impl Common {
    /// The flags that load the same configuration in another program of this package.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let file = self.config_file.iter().flat_map(|file| ["--config.file".into(), file.into()]);
        let switches =
            self.collectors.0.iter().map(|(source, on)| format!("--{}", collector_flag(*source, *on)).into());
        file.chain(switches).collect()
    }

    /// The settings that flags set.
    pub(super) fn settings(&self) -> Vec<FlagSetting> {
        let switch = |(source, on): &(SourceId, bool)| {
            let flag = format!("--{}", collector_flag(*source, *on));
            FlagSetting { path: format!("{source}.enabled"), text: on.to_string(), flag }
        };
        self.collectors.0.iter().map(switch).collect()
    }
}

/// Sources that flags turn on or off.
#[derive(Debug, Clone, Default)]
struct Collectors(Vec<(SourceId, bool)>);

fn collector_flag(source: SourceId, on: bool) -> String {
    format!("{}collector.{source}", if on { "" } else { "no-" })
}

/// Twenty flags, made from the list of sources; they are described together below the help.
impl Args for Collectors {
    fn augment_args(command: clap::Command) -> clap::Command {
        let flag = |source, on| {
            let (name, other) = (collector_flag(source, on), collector_flag(source, !on));
            let flag = Arg::new(name.clone()).long(name).overrides_with(other);
            flag.action(ArgAction::SetTrue).hide(true).global(true)
        };
        command.args(SourceId::ALL.into_iter().flat_map(|source| [flag(source, true), flag(source, false)]))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Collectors {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let asked = |source, on| matches.get_flag(&collector_flag(source, on)).then_some((source, on));
        let both = |source| [asked(source, true), asked(source, false)];
        Ok(Collectors(SourceId::ALL.into_iter().flat_map(both).flatten().collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Arguments {
        let arguments = std::iter::once("autoswe-exporter").chain(line.split_whitespace());
        Arguments::parse(arguments.map(OsString::from).collect()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn settings(line: &str) -> Vec<(String, String, String)> {
        let settings = parse(line).settings();
        settings.into_iter().map(|FlagSetting { path, text, flag }| (path, text, flag)).collect()
    }

    #[test]
    fn the_declaration_is_consistent() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn flags_become_settings_only_when_given() {
        assert_eq!(settings(""), []);
        let found = settings("--web.listen-address :1 --web.listen-address [::1]:2 --web.telemetry-path /m");
        assert_eq!(found[0].1, ":1,[::1]:2");
        assert_eq!(found[1].0, "web.telemetry_path");
        let found = settings("--config.file a.yml --web.config.file b.yml");
        assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("web.config_file", "b.yml"));
    }

    #[test]
    fn collectors_are_turned_on_and_off_before_and_after_the_command() {
        for line in ["--no-collector.gpu", "--no-collector.gpu report", "report --no-collector.gpu"] {
            let expected = ("gpu.enabled".to_owned(), "false".to_owned(), "--no-collector.gpu".to_owned());
            assert_eq!(settings(line), [expected], "{line}");
        }
        assert_eq!(settings("--no-collector.gpu --collector.gpu")[0].1, "true", "the last one counts");
        assert_eq!(settings("--collector.gpu --no-collector.gpu")[0].1, "false", "the last one counts");
    }

    #[test]
    fn every_source_has_its_flags_and_is_named_in_the_help() {
        for source in SourceId::ALL {
            assert_eq!(settings(&format!("--no-collector.{source}")).len(), 1);
            assert!(SOURCES_HELP.contains(source.name()), "{source}");
        }
    }

    #[test]
    fn the_configuration_is_named_before_or_after_the_command() {
        for line in ["--config.file a.yml check-config", "check-config --config.file a.yml"] {
            assert_eq!(parse(line).common.config_file.as_deref(), Some(std::path::Path::new("a.yml")));
        }
    }
}
