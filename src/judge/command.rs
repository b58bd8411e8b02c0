//! A command-line tool as judge.
//!
//! Invariants: it runs in an empty directory of its own, with the environment variables that are listed and no other;
//! standard input is `/dev/null`, or the file that holds a long prompt: never this process's own.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use glob::Pattern;

use super::extract::{Found, NoAnswer, Output, extract};
use super::flags;
use super::place::Place;
use super::template::{Values, arguments};
use super::words::OwnWords;
use super::{Ask, Failure, Judge};
use crate::process::Error;
use crate::process::keeper::{End, Kept, Report};
use crate::process::kept::{Outcome, Tool, run};
use crate::signals::Signals;

/// How long the tool has to tell its flags, and how much of that is read, in bytes.
const HELP: (Duration, usize) = (Duration::from_secs(10), 1 << 20);

/// Asks the judge's command.
///
/// # Errors
/// Why there is no answer.
pub(super) async fn ask(judge: &Judge, ask: &Ask<'_>) -> Result<Found, Failure> {
    if ask.prompt.contains('\0') {
        return Err(Failure::Usage("the prompt holds a NUL byte, which no argument can hold; take it out".into()));
    }
    let mut asking = Asking::new(judge, ask).map_err(|error| Failure::Failed {
        how: "the files for the judge cannot be written".into(),
        words: error.to_string(),
    })?;
    let known = asking.flags().await?;
    let words = asking.words(known.as_ref());
    let limit = judge.settings.timeout.duration();
    let most = usize::try_from(judge.settings.max_output.0).unwrap_or(usize::MAX);
    let outcome = asking.run(words, limit, most).await?;
    asking.found(&outcome)
}

/// One question under way.
struct Asking<'a> {
    judge: &'a Judge,
    ask: &'a Ask<'a>,
    command: String,
    environment: Vec<(OsString, OsString)>,
    files: Files,
    signals: Signals,
}

/// What the judge gets by file, all of it in one place.
struct Files {
    _place: Place,
    prompt: PathBuf,
    answer: PathBuf,
    schema: Option<(String, PathBuf)>,
    /// The tool's working directory, which is empty.
    work: PathBuf,
}

impl Files {
    fn new(ask: &Ask<'_>) -> io::Result<Self> {
        let place = Place::new(&std::env::temp_dir())?;
        let at = |name: &str| place.path().join(name);
        let (prompt, answer, work) = (at("prompt"), at("answer"), at("work"));
        std::fs::create_dir(&work)?;
        // Tools look upwards for it (Gemini does), and anybody may write one to the directory for temporary files.
        std::fs::write(at(".env"), "")?;
        std::fs::write(&prompt, ask.prompt)?;
        let schema = ask.schema.map(|schema| (schema.to_string(), at("schema.json")));
        if let Some((text, path)) = &schema {
            std::fs::write(path, text)?;
        }
        Ok(Files { _place: place, prompt, answer, schema, work })
    }
}

impl<'a> Asking<'a> {
    fn new(judge: &'a Judge, ask: &'a Ask<'a>) -> io::Result<Self> {
        let command = judge.entry.command.clone().unwrap_or_default();
        // The tool is started elsewhere; a command without a slash is looked for in PATH.
        let command = match command.contains('/') {
            true => std::path::absolute(&command)?.to_string_lossy().into_owned(),
            false => command,
        };
        Ok(Asking {
            judge,
            ask,
            command,
            environment: environment(judge),
            files: Files::new(ask)?,
            signals: Signals::new()?,
        })
    }

    /// The flags that the tool knows, where it tells.
    async fn flags(&mut self) -> Result<Option<BTreeSet<String>>, Failure> {
        let judge = self.judge;
        if judge.entry.help.is_empty() {
            return Ok(None);
        }
        let identity = flags::identity(&self.command, flags::variable(&self.environment, "PATH"));
        let interrupted = Cell::new(None);
        let asked = async {
            let words = judge.entry.help.iter().map(OsString::from).collect();
            match self.run(words, HELP.0, HELP.1).await {
                Ok(outcome) => Some(outcome.stdout.text() + &outcome.stderr.text())
                    .filter(|_| outcome.report.end == End::Exited(0)),
                Err(failure) => {
                    interrupted.set(Some(failure).filter(|failure| matches!(failure, Failure::Interrupted { .. })));
                    None
                }
            }
        };
        let known = judge.flags.flags(identity, asked).await;
        interrupted.take().map_or(Ok(known), Err)
    }

    /// Whether the prompt is too long for an argument, or says what the tool takes for "look at standard input".
    fn goes_by_file(&self) -> bool {
        let Ask { prompt, .. } = self.ask;
        prompt.len() as u64 > self.judge.settings.max_argument.0
            || self.judge.entry.long_prompt.as_deref() == Some(*prompt)
    }

    /// The tool's arguments.
    fn words(&self, known: Option<&BTreeSet<String>>) -> Vec<OsString> {
        let (entry, files) = (&self.judge.entry, &self.files);
        let by_file = self.goes_by_file();
        let schema = files.schema.as_ref();
        let values = Values {
            prompt: if by_file { entry.long_prompt.as_deref() } else { Some(self.ask.prompt) },
            prompt_file: Some(&files.prompt),
            model: entry.model.as_deref(),
            effort: entry.effort.as_deref(),
            schema: schema.map(|(text, _)| text.as_str()),
            schema_file: schema.map(|(_, path)| path.as_path()),
            answer_file: Some(&files.answer),
            directory: Some(&files.work),
        };
        arguments(&self.template(), &values, known)
    }

    /// The entry's arguments, without tools where none may be used.
    fn template(&self) -> Vec<String> {
        let entry = &self.judge.entry;
        let mut template = entry.args.clone();
        if !self.ask.tools {
            let end = template.iter().position(|word| word == "--").unwrap_or(template.len());
            template.splice(end..end, entry.no_tools.iter().cloned());
        }
        template
    }

    /// Runs the tool with `words`.
    async fn run(&mut self, words: Vec<OsString>, limit: Duration, most: usize) -> Result<Outcome, Failure> {
        let words = std::iter::once(OsString::from(&self.command)).chain(words).collect();
        let input = self.goes_by_file().then(|| self.files.prompt.clone());
        let kept = Kept { limit, input, words };
        let tool = Tool { kept: &kept, environment: &self.environment, directory: &self.files.work, most };
        let signalled = Cell::new(0);
        let signals = &mut self.signals;
        let stop = async { signalled.set(signals.next().await) };
        let outcome = run(&tool, stop).await.map_err(|error| not_run(&self.judge.name, &error))?;
        match (signalled.get(), &outcome.report) {
            (0, _) => Ok(outcome),
            (signal, _) => Err(Failure::Interrupted { signal, left: "the judge was ended first".into() }),
        }
    }

    /// The answer in what the tool left.
    fn found(&self, outcome: &Outcome) -> Result<Found, Failure> {
        let (stdout, stderr) = (outcome.stdout.text(), outcome.stderr.text());
        let file = read(&self.files.answer);
        let output = Output {
            prompt: self.ask.prompt,
            stdout: &stdout,
            stderr: &stderr,
            file: file.as_deref(),
            cut: outcome.stdout.is_cut() || outcome.stderr.is_cut(),
        };
        let found = extract(&output, self.judge.entry.answer);
        let words = match &found {
            Err(NoAnswer::Failed(words)) => words,
            _ if !stderr.trim().is_empty() => &stderr,
            _ => &stdout,
        };
        if outcome.report.left > 0 {
            let left = outcome.report.left;
            tracing::error!(judge = self.judge.name, left, "processes of the judge could not be ended; look for them");
        }
        match (&outcome.report.end, &found) {
            (End::Exited(0), Ok(found)) => Ok(found.clone()),
            (End::Exited(0), Err(NoAnswer::Unclear(why))) => {
                Err(Failure::no_verdict(format!("of the judge `{}`: {why}", self.judge.name)))
            }
            _ => Err(self.failed(&outcome.report, words)),
        }
    }

    /// Why there is no answer where the tool did not end well; `words` are its own.
    fn failed(&self, report: &Report, words: &str) -> Failure {
        let name = &self.judge.name;
        let (how, words) = match &report.end {
            End::OutOfTime => {
                return Failure::TimedOut {
                    limit: self.judge.settings.timeout.duration(),
                    left: left_words(report.left),
                };
            }
            End::NotStarted(why) => {
                let command = &self.command;
                let mend = format!("is it installed, and judge.entries.{name}.command ({command}) right?");
                (format!("the judge `{name}` cannot be started; {mend}"), why.as_str())
            }
            End::Stopped => (format!("the judge `{name}` was told to end by somebody else"), words),
            End::Signalled(signal) => (format!("the judge `{name}` was ended by signal {signal}"), words),
            End::Exited(0) => (format!("the judge `{name}` says that it failed, though its exit code is 0"), words),
            End::Exited(code) => (format!("the judge `{name}` ended with exit code {code}"), words),
        };
        Failure::Failed { how, words: OwnWords::new(&self.judge.entry, &self.environment).say(words) }
    }
}

/// The answer's file, if the judge wrote one; as much of it as an answer may be long.
fn read(path: &Path) -> Option<String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(16 << 20).read_to_end(&mut bytes)).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn left_words(left: usize) -> String {
    match left {
        0 => "all its processes were ended".into(),
        1 => "one of its processes could not be ended; look for it".into(),
        more => format!("{more} of its processes could not be ended; look for them"),
    }
}

fn not_run(name: &str, error: &Error) -> Failure {
    Failure::Failed { how: format!("the judge `{name}` could not be kept"), words: error.to_string() }
}

/// The variables that the judge gets, out of those that this process has.
fn environment(judge: &Judge) -> Vec<(OsString, OsString)> {
    let listed = judge.settings.environment.iter().chain(&judge.entry.environment);
    let patterns: Vec<Pattern> = listed.filter_map(|name| Pattern::new(name).ok()).collect();
    let is_listed =
        |name: &OsString| name.to_str().is_some_and(|name| patterns.iter().any(|pattern| pattern.matches(name)));
    let given = judge.environment.iter().filter(|(name, _)| is_listed(name) && name != "TERM").cloned();
    // No tool draws on a terminal that is not there.
    given.chain([("TERM".into(), "dumb".into())]).collect()
}
