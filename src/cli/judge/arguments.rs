//! Flags and subcommands of `autoswe-judge`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::super::arguments::Common;
use super::review::ReviewArguments;
use super::rubric::RubricArguments;
use crate::config::FlagSetting;
use crate::process::keeper::Kept;

const EXAMPLES: &str = "\
Examples:
  autoswe-judge rubric prompt.md                    ask the judge of the configuration, print its answer
  autoswe-judge rubric prompt.md --judge claude     ask another one
  autoswe-judge rubric prompt.md --schema s.json    an answer in JSON
  autoswe-judge rubric - < prompt.md                the prompt from standard input
  autoswe-judge review                              review the loop, and record what the judge says
  autoswe-judge review --dry-run                    what it would be asked, with the evidence

Exit code: 0 an answer, 1 the judge failed, 3 it took too long, 4 no verdict, 64 a mistake in the usage,
75 another review is at work.";

/// Asks a judge, such as the Codex CLI, and prints what it answers.
#[derive(Debug, Parser)]
#[command(
    name = "autoswe-judge",
    version,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = EXAMPLES,
    max_term_width = 100
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) judge: JudgeArguments,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Ask the judge one rubric prompt, and print its answer and nothing else
    Rubric(RubricArguments),
    /// Have the judge review the loop's behaviour of the last hours, and record what it says
    Review(ReviewArguments),
}

/// Which judge is asked, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct JudgeArguments {
    /// The judge, by its name in judge.entries [default: judge.use]
    #[arg(long, value_name = "NAME", global = true, help_heading = "Judge")]
    judge: Option<String>,
    /// The model [default: judge.model, or the judge's own]
    #[arg(long, value_name = "MODEL", global = true, help_heading = "Judge")]
    model: Option<String>,
    /// The reasoning effort [default: judge.effort, or the judge's own]
    #[arg(long, value_name = "EFFORT", global = true, help_heading = "Judge")]
    effort: Option<String>,
    /// How long it may take, such as 7m [default: judge.timeout]
    #[arg(long, value_name = "TIME", global = true, help_heading = "Judge")]
    timeout: Option<String>,
}

impl JudgeArguments {
    /// The settings that these flags set.
    pub(super) fn settings(&self) -> Vec<FlagSetting> {
        let flags = [
            ("judge.use", &self.judge, "--judge"),
            ("judge.model", &self.model, "--model"),
            ("judge.effort", &self.effort, "--effort"),
            ("judge.timeout", &self.timeout, "--timeout"),
        ];
        let given = flags.into_iter().filter_map(|(path, text, flag)| Some((path, text.clone()?, flag)));
        given.map(|(path, text, flag)| FlagSetting { path: path.into(), text, flag: flag.into() }).collect()
    }
}

impl Arguments {
    /// Parses the command line; the first argument is the program's name.
    pub(super) fn parse(arguments: &[OsString]) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }
}

/// What this program tells itself when it runs as keeper.
#[derive(Debug, Parser)]
pub(super) struct KeepArguments {
    keep: String,
    /// Seconds.
    #[arg(long)]
    limit: f64,
    #[arg(long)]
    input: Option<PathBuf>,
    #[arg(last = true, required = true)]
    words: Vec<OsString>,
}

impl KeepArguments {
    /// Parses the command line; the first argument is the program's name.
    pub(super) fn parse(arguments: &[OsString]) -> Result<Kept, clap::Error> {
        let KeepArguments { keep: _, limit, input, words } = Self::try_parse_from(arguments)?;
        let limit = std::time::Duration::try_from_secs_f64(limit);
        let limit = limit.map_err(|error| clap::Error::raw(clap::error::ErrorKind::ValueValidation, error))?;
        Ok(Kept { limit, input, words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_is_consistent() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
        <KeepArguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn flags_become_settings_only_when_given() {
        let settings = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let settings = Arguments::parse(&words).unwrap().judge.settings();
            settings.into_iter().map(|setting| (setting.path, setting.text)).collect::<Vec<_>>()
        };
        assert_eq!(settings("x rubric p"), []);
        let found = settings("x --judge claude rubric p --model m --timeout 7m");
        let expected = [("judge.use", "claude"), ("judge.model", "m"), ("judge.timeout", "7m")];
        assert_eq!(found, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_kept_command_keeps_its_own_flags() {
        let words: Vec<OsString> =
            "x keep --limit 1.5 -- tool --json --limit 3".split(' ').map(OsString::from).collect();
        let kept = KeepArguments::parse(&words).unwrap();
        assert_eq!((kept.limit.as_millis(), kept.words.len()), (1500, 4));
        assert!(KeepArguments::parse(&words[..4]).is_err());
    }
}
