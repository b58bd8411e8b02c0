//! The answer in what a judge left behind: its events, its file, its text.
//!
//! Invariants: pure; an answer is the judge's own text and all of it. A prompt or a tool may print whatever marks the
//! answer: where that could be, and nothing else tells, there is no verdict; where two ways tell different answers, too.

#[cfg(test)]
mod captured;
mod events;
mod layout;
mod report;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod transcripts;

use crate::config::AnswerFrom;
use events::Stream;
use layout::Layout;

/// What a judge left behind.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    /// What it was asked: it may be repeated in the output.
    pub prompt: &'a str,
    /// Its standard output.
    pub stdout: &'a str,
    /// Its standard error.
    pub stderr: &'a str,
    /// The file that it was to write its answer to; `None` where it wrote none.
    pub file: Option<&'a str>,
    /// Whether there was more output than was kept.
    pub cut: bool,
}

/// Where an answer was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The last message of a completed turn among its events.
    Events,
    /// The file that it wrote.
    LastMessageFile,
    /// Between the marks of its text.
    Text,
    /// All of standard output, as its entry says.
    Stdout,
    /// All of standard output, because nothing else was found: the last resort.
    WholeOutput,
    /// What an HTTP endpoint answered.
    Endpoint,
}

impl Way {
    /// The word for it in records.
    pub const fn name(self) -> &'static str {
        match self {
            Way::Events => "events",
            Way::LastMessageFile => "last-message-file",
            Way::Text => "text",
            Way::Stdout => "stdout",
            Way::WholeOutput => "whole-output",
            Way::Endpoint => "endpoint",
        }
    }
}

/// What an answer took, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Read, those from the cache included.
    pub input: u64,
    /// Read from the cache.
    pub cached_input: u64,
    /// Written, those of reasoning included.
    pub output: u64,
    /// Written while reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// What this and another answer took together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Usage {
            input: self.input.saturating_add(other.input),
            cached_input: self.cached_input.saturating_add(other.cached_input),
            output: self.output.saturating_add(other.output),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its text, trimmed; never empty.
    pub text: String,
    /// Where it was.
    pub how: Way,
    /// What it took, where that is told.
    pub usage: Option<Usage>,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// The judge says itself that it failed, in these words.
    Failed(String),
    /// It cannot be told, because of this.
    Unclear(String),
}

fn unclear<T>(why: impl Into<String>) -> Result<T, NoAnswer> {
    Err(NoAnswer::Unclear(why.into()))
}

fn found(text: &str, how: Way) -> Result<Found, NoAnswer> {
    Ok(Found { text: text.trim().to_owned(), how, usage: None })
}

/// The answer in `output` of a judge whose answer is where `from` says.
///
/// # Errors
/// Where the judge failed, gave no answer, or it cannot be told which.
pub fn extract(output: &Output<'_>, from: AnswerFrom) -> Result<Found, NoAnswer> {
    if from == AnswerFrom::Stdout {
        return stdout(output, Way::Stdout);
    }
    // Who tells its session on standard error prints no events: what looks like one is in the answer.
    let has_events = from != AnswerFrom::Text && !layout::has_head(output.stderr);
    let read =
        || report::read(output.stdout, output.stderr).unwrap_or_else(|| events::read(output.stdout, output.prompt));
    match if has_events { read() } else { Stream::Absent } {
        Stream::Present(turn) => {
            let from_file = from == AnswerFrom::LastMessageFile && output.file.is_some();
            let how = if from_file { Way::LastMessageFile } else { Way::Events };
            return of_events(turn, output.file).map(|found| Found { how, ..found });
        }
        Stream::Unclear(why) => return unclear(why),
        Stream::Absent => {}
    }
    if let (Some(file), true) = (output.file, from != AnswerFrom::Text) {
        return of_file(file, output);
    }
    match told(output) {
        Told::Answer(text) => found(&text, Way::Text),
        Told::Unclear(why) => unclear(why),
        Told::Nothing => last_resort(output),
    }
}

/// The answer of a stream of events, which the file must not contradict.
fn of_events(turn: events::Turn, file: Option<&str>) -> Result<Found, NoAnswer> {
    let (text, after_tool, usage) = (turn.message, turn.after_tool, turn.usage);
    if let Some(words) = turn.failure {
        return Err(NoAnswer::Failed(words));
    }
    if !turn.completed {
        return unclear("its events end before the turn is completed");
    }
    let Some(text) = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) else {
        return unclear("it completed its turn without a message");
    };
    if after_tool {
        // The tool calls it the last message all the same, in its file, too.
        return unclear("its last message came before a tool's call, so it is not its last word");
    }
    match file.map(str::trim) {
        Some(file) if file != text => unclear("its events and its file tell different answers"),
        _ => Ok(Found { text, how: Way::Events, usage }),
    }
}

/// The answer of a file, which the text must not contradict.
fn of_file(file: &str, output: &Output<'_>) -> Result<Found, NoAnswer> {
    let file = file.trim();
    if file.is_empty() {
        return unclear("the file that it wrote is empty");
    }
    let agreed = [output.stdout, output.stderr].iter().any(|text| layout::ends_with(text, output.prompt, file));
    match told(output) {
        Told::Answer(text) if text.trim() != file => unclear("its text and its file tell different answers"),
        Told::Unclear(_) if !agreed => unclear("its text does not end with the answer in its file"),
        _ => found(file, Way::LastMessageFile),
    }
}

/// What the text tells.
enum Told {
    Answer(String),
    Unclear(String),
    /// It has none of the known layouts.
    Nothing,
}

/// Today's layout has the answer alone on standard output and everything on standard error; earlier ones have
/// everything on one of them.
fn told(output: &Output<'_>) -> Told {
    let told = if layout::has_head(output.stderr) && !output.stdout.trim().is_empty() {
        let answer = layout::plain(output.stdout).trim().to_owned();
        match layout::ends_with(output.stderr, output.prompt, &answer) {
            true => Told::Answer(answer),
            false => Told::Unclear("standard output and standard error tell different answers".into()),
        }
    } else {
        match layout::read(output.stdout, output.prompt) {
            Layout::Absent if output.stdout.trim().is_empty() => layout::read(output.stderr, output.prompt),
            of_stdout => of_stdout,
        }
        .into()
    };
    match told {
        Told::Answer(_) if output.cut => Told::Unclear("it printed more than is kept, and its text has a gap".into()),
        told => told,
    }
}

impl From<Layout> for Told {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Absent => Told::Nothing,
            Layout::Answer(text) => Told::Answer(text),
            Layout::Unclear(why) => Told::Unclear(why),
        }
    }
}

/// All of standard output.
fn stdout(output: &Output<'_>, how: Way) -> Result<Found, NoAnswer> {
    let text = layout::plain(output.stdout);
    match text.trim() {
        _ if output.cut => unclear("it printed more than is kept, so that no answer can be told from the rest"),
        "" => unclear("it printed nothing"),
        text => found(text, how),
    }
}

/// Standard output, where nothing in it looks as if it came from somewhere else.
fn last_resort(output: &Output<'_>) -> Result<Found, NoAnswer> {
    if events::any(output.stdout) {
        return unclear("its output holds events, and no completed turn can be told");
    }
    stdout(output, Way::WholeOutput)
}
