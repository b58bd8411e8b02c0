//! The stream of events of a command-line judge: one JSON object a line.
//!
//! Three forms are known: that of `codex exec --json` since late 2025 (`{"type":"item.completed",...}`), the one before
//! it (`{"id":"0","msg":{...}}`), and the result of `claude --print` (`{"type":"result",...}`).
//!
//! Invariant: an event is a whole line. What a tool printed lies within a string of one, where a quotation mark is
//! escaped, so that it can be none.

use serde::Deserialize;
use serde_json::Value;

use super::Usage;
use super::layout;

/// What the events say.
#[derive(Debug)]
pub(super) enum Stream {
    /// There are none.
    Absent,
    /// The last turn.
    Present(Turn),
    /// They may not be the judge's.
    Unclear(String),
}

/// One turn.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Its last message.
    pub(super) message: Option<String>,
    /// Whether a tool was called after that.
    pub(super) after_tool: bool,
    /// Whether it came to its end.
    pub(super) completed: bool,
    /// What it says of its failure.
    pub(super) failure: Option<String>,
    /// What it took.
    pub(super) usage: Option<Usage>,
    /// The last error that was told.
    error: Option<String>,
    contradiction: bool,
}

/// One line, of either form. What is not read here is passed over.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: Option<String>,
    item: Option<Item>,
    error: Option<Value>,
    message: Option<Value>,
    usage: Option<Value>,
    msg: Option<Old>,
    // Claude's result.
    #[serde(default)]
    is_error: bool,
    result: Option<Value>,
    structured_output: Option<Value>,
    subtype: Option<String>,
    errors: Option<Value>,
    num_turns: Option<u64>,
}

#[derive(Deserialize)]
struct Item {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tokens {
    input_tokens: u64,
    cached_input_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation_input_tokens: u64,
    output_tokens: u64,
    reasoning_output_tokens: u64,
}

/// An event of the earlier form.
#[derive(Deserialize)]
struct Old {
    #[serde(rename = "type")]
    kind: String,
    message: Option<String>,
    last_agent_message: Option<String>,
    reason: Option<String>,
}

/// What a line means.
enum Event {
    Started,
    Message(String),
    Tool,
    Completed { last: Option<String>, usage: Option<Usage> },
    Failed(String),
    Error(String),
    Other,
}

/// Reads the events of `stdout`.
pub(super) fn read(stdout: &str, prompt: &str) -> Stream {
    let (mut turn, mut seen, mut completed_items) = (Turn::default(), Seen::default(), Vec::new());
    for line in stdout.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some(parsed) = parse(line) else {
            seen.foreign = true;
            // Text around the events: they may stand in a prompt or in a tool's output that it repeats.
            seen.layout |= layout::is_head(line);
            continue;
        };
        seen.events += 1;
        seen.echo |= prompt.lines().any(|of_prompt| of_prompt.trim() == line);
        if parsed.kind.as_deref() == Some("item.completed")
            && let Some(id) = parsed.item.as_ref().and_then(|item| item.id.clone())
        {
            completed_items.push(id);
        }
        turn.take(event(parsed));
    }
    if seen.events == 0 || seen.layout {
        return Stream::Absent;
    }
    let items = completed_items.len();
    completed_items.sort_unstable();
    completed_items.dedup();
    if seen.foreign && (seen.echo || completed_items.len() < items) {
        return Stream::Unclear("its events stand among other text, and some may not be its own".into());
    }
    if turn.contradiction {
        return Stream::Unclear("its events contradict each other".into());
    }
    if turn.failure.is_none() && !turn.completed {
        turn.failure = turn.error.take();
    }
    Stream::Present(turn)
}

/// Whether some line is an event.
pub(super) fn any(stdout: &str) -> bool {
    stdout.lines().any(|line| parse(line.trim()).is_some())
}

#[derive(Default)]
struct Seen {
    events: usize,
    foreign: bool,
    layout: bool,
    echo: bool,
}

fn parse(line: &str) -> Option<Line> {
    if !line.starts_with('{') {
        return None;
    }
    let parsed: Line = serde_json::from_str(line).ok()?;
    let is_known = |kind: &str| {
        matches!(kind.split('.').next(), Some("thread" | "turn" | "item")) && kind.contains('.')
            || matches!(kind, "error" | "result" | "system" | "assistant" | "user")
    };
    (parsed.msg.is_some() || parsed.kind.as_deref().is_some_and(is_known)).then_some(parsed)
}

fn event(line: Line) -> Event {
    if let Some(old) = line.msg {
        return of_old(old);
    }
    match line.kind.as_deref().unwrap_or_default() {
        "turn.started" => Event::Started,
        "turn.completed" => Event::Completed { last: None, usage: tokens(line.usage) },
        "turn.failed" => {
            Event::Failed(said(line.error.and_then(|mut error| error.get_mut("message").map(Value::take))))
        }
        "error" => Event::Error(said(line.message)),
        "item.started" | "item.updated" | "item.completed" => of_item(line.kind.as_deref(), line.item),
        "result" => of_result(line),
        _ => Event::Other,
    }
}

fn said(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => parts.into_iter().map(|part| said(Some(part))).collect::<Vec<_>>().join("; "),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// Claude's result. What the API refused is a success there, with `is_error`; what broke the schema has another subtype,
/// and its words in `errors`.
fn of_result(line: Line) -> Event {
    if line.is_error || line.subtype.as_deref().is_some_and(|subtype| subtype != "success") {
        let words = [said(line.result), said(line.errors), line.subtype.unwrap_or_default()];
        return Event::Failed(words.into_iter().find(|words| !words.is_empty()).unwrap_or_default());
    }
    if line.num_turns == Some(0) {
        // A prompt that begins with a slash may be a command, which says something without asking the model.
        return Event::Failed(format!("it took the prompt for a command of its own: {}", said(line.result)));
    }
    let structured = line.structured_output.filter(|value| !value.is_null()).map(|value| value.to_string());
    let last = structured.unwrap_or_else(|| said(line.result));
    Event::Completed { last: Some(last), usage: tokens(line.usage) }
}

fn of_item(kind: Option<&str>, item: Option<Item>) -> Event {
    let Some(item) = item else { return Event::Other };
    match item.kind.as_deref().unwrap_or_default() {
        "agent_message" | "assistant_message" => match item.text {
            Some(text) if kind == Some("item.completed") => Event::Message(text),
            _ => Event::Other,
        },
        // Neither is a step of the work; a list of what is to do is told once more at the end of a turn.
        "reasoning" | "todo_list" | "error" => Event::Other,
        _ => Event::Tool,
    }
}

fn of_old(old: Old) -> Event {
    match old.kind.as_str() {
        "task_started" => Event::Started,
        "agent_message" => Event::Message(old.message.unwrap_or_default()),
        "task_complete" => Event::Completed { last: old.last_agent_message, usage: None },
        "error" => Event::Failed(old.message.unwrap_or_default()),
        "turn_aborted" => Event::Failed(old.reason.unwrap_or_default()),
        kind if kind.ends_with("_begin") => Event::Tool,
        _ => Event::Other,
    }
}

impl Turn {
    /// One that came to its end with this as its last message.
    pub(super) fn answered(message: Option<String>, usage: Option<Usage>) -> Self {
        Turn { message, completed: true, usage, ..Turn::default() }
    }

    /// One that failed, in these words.
    pub(super) fn failed(words: String) -> Self {
        Turn { failure: Some(words), ..Turn::default() }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Started => *self = Turn { contradiction: self.contradiction, ..Turn::default() },
            Event::Message(text) => {
                // Nothing is said after the end of a turn.
                self.contradiction |= self.completed;
                (self.message, self.after_tool) = (Some(text), false);
            }
            Event::Tool => {
                self.contradiction |= self.completed;
                self.after_tool = true;
            }
            Event::Completed { last, usage } => {
                self.contradiction |= self.completed;
                if let Some(last) = last {
                    self.contradiction |= self.message.as_ref().is_some_and(|message| message.trim() != last.trim());
                    (self.message, self.after_tool) = (Some(last), false);
                }
                (self.completed, self.usage) = (true, usage);
            }
            Event::Failed(words) => (self.completed, self.failure) = (false, Some(words)),
            Event::Error(words) => (self.completed, self.error) = (false, Some(words)),
            Event::Other => {}
        }
    }
}

fn tokens(told: Option<Value>) -> Option<Usage> {
    let tokens: Tokens = serde_json::from_value(told?).ok()?;
    let written = tokens.cache_creation_input_tokens;
    Some(Usage {
        // Claude counts what the cache gave, and what it was given, apart.
        input: tokens.input_tokens.saturating_add(tokens.cache_read_input_tokens.saturating_add(written)),
        cached_input: tokens.cached_input_tokens.max(tokens.cache_read_input_tokens),
        output: tokens.output_tokens,
        reasoning: tokens.reasoning_output_tokens,
    })
}
