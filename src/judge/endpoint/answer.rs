//! What the endpoint answers, from bytes to the one message: as a stream of events, or as one JSON document where a server
//! does not stream.
//!
//! Invariants: pure; a text is given only where the endpoint says that its only choice ended by itself (`finish_reason`
//! `stop`) and said nothing after that; what is held is bounded.

use serde::Deserialize;
use serde_json::Value;

use super::stream::{Event, Events};
use super::thinking;
use crate::judge::extract::{Found, Usage, Way};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gap {
    /// The endpoint says in these words that it failed.
    Failed(String),
    /// What came is no chat completion; it begins so.
    Foreign(String),
    /// It is not told, for this reason; its own words where they say more.
    Unclear(&'static str, String),
}

/// So much of words that are shown is kept, in bytes.
const SHOWN: usize = 4096;

const TOO_LONG: &str = "its answer is longer than judge.max_output";
const SEVERAL: &str = "it gives several answers to one question";
const NO_TEXT: &str = "its answer is of another kind than text";
const AFTER_END: &str = "it goes on after the end of its answer";
const BROKEN_EVENT: &str = "an event of its answer is not the JSON that it should be, so that a part may be missing";

/// An answer that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    form: Form,
    message: Message,
    most: usize,
}

#[derive(Debug)]
enum Form {
    Stream(Events),
    Document(Vec<u8>),
}

/// What has been said so far.
#[derive(Debug, Default)]
struct Message {
    text: String,
    finish: Option<String>,
    refusal: String,
    failure: Option<String>,
    strange: Option<&'static str>,
    usage: Option<Usage>,
    has_thought: bool,
    has_called: bool,
    has_events: bool,
    /// The beginning of a page that is no chat completion.
    foreign: Option<String>,
    /// Nothing more is to be said.
    is_done: bool,
}

/// One event of a stream, or the whole document. What is not read here is passed over.
#[derive(Deserialize)]
struct Piece {
    choices: Option<Vec<Choice>>,
    error: Option<Value>,
    usage: Option<Value>,
    object: Option<Value>,
    message: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    index: Option<u64>,
    /// In a stream.
    delta: Option<Part>,
    /// In a document.
    message: Option<Part>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Part {
    content: Option<Value>,
    refusal: Option<String>,
    tool_calls: Option<Value>,
    function_call: Option<Value>,
    // vLLM called it so until 2025, llama.cpp and DeepSeek still do.
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
}

impl Reading {
    /// Nothing read yet of a stream of events or a document, of whose text `most` bytes are kept, and of a single event
    /// as much.
    pub(super) fn new(is_stream: bool, most: usize) -> Self {
        let form = if is_stream { Form::Stream(Events::default()) } else { Form::Document(Vec::new()) };
        Reading { form, message: Message::default(), most }
    }

    /// Takes the next bytes. Whether more are wanted.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        let (message, most) = (&mut self.message, self.most);
        let held = match &mut self.form {
            Form::Stream(events) => {
                events.push(bytes, |event| {
                    message.event(&event);
                    message.wants_more(most)
                });
                events.held()
            }
            Form::Document(page) => {
                let room = most.saturating_sub(page.len()).saturating_add(1);
                page.extend_from_slice(&bytes[..bytes.len().min(room)]);
                page.len()
            }
        };
        if held > most {
            message.strange.get_or_insert(TOO_LONG);
        }
        message.wants_more(most)
    }

    /// The answer, after the last bytes.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn found(mut self) -> Result<Found, Gap> {
        match self.form {
            Form::Stream(events) if !self.message.has_events && self.message.strange.is_none() => {
                return Err(Gap::Unclear("its answer is a stream without an event", beginning(events.rest())));
            }
            Form::Document(page) if self.message.strange.is_none() => self.message.document(&page),
            _ => {}
        }
        self.message.found()
    }
}

impl Message {
    fn wants_more(&mut self, most: usize) -> bool {
        if self.text.len() > most {
            self.strange.get_or_insert(TOO_LONG);
        }
        !self.is_done && self.strange.is_none() && self.failure.is_none()
    }

    fn event(&mut self, event: &Event) {
        self.has_events = true;
        match event {
            Event::Error(data) => {
                let words = |error: &Value| failure(error.get("error").unwrap_or(error));
                let told = serde_json::from_slice::<Value>(data).ok().map(|error| words(&error));
                self.failure = Some(told.unwrap_or_else(|| beginning(data)));
            }
            Event::Data(data) if data.trim_ascii() == b"[DONE]" => self.is_done = true,
            Event::Data(data) => match serde_json::from_slice::<Piece>(data) {
                Ok(piece) => self.piece(piece, true),
                Err(_) => self.strange = Some(BROKEN_EVENT),
            },
        }
    }

    /// Takes a whole answer that is no stream.
    fn document(&mut self, page: &[u8]) {
        let text = page.trim_ascii();
        if text.is_empty() {
            self.strange = Some("its answer is an empty page");
        } else if text.starts_with(b"data:") {
            // A stream that does not say so.
            Events::default().push(page, |event| {
                self.event(&event);
                self.wants_more(usize::MAX)
            });
        } else {
            match serde_json::from_slice::<Piece>(text) {
                Ok(piece) if piece.choices.is_some() || error_of(&piece).is_some() => self.piece(piece, false),
                Err(error) if error.is_eof() => self.strange = Some("its answer breaks off within its JSON"),
                _ => self.foreign = Some(beginning(page)),
            }
        }
    }

    fn piece(&mut self, piece: Piece, is_stream: bool) {
        if let Some(error) = error_of(&piece) {
            self.failure = Some(failure(error));
            return;
        }
        self.usage = piece.usage.as_ref().and_then(tokens).or(self.usage);
        let choices = piece.choices.unwrap_or_default();
        if choices.len() > 1 || choices.iter().any(|choice| choice.index.is_some_and(|index| index != 0)) {
            self.strange = Some(SEVERAL);
            return;
        }
        for choice in choices {
            let part = if is_stream { choice.delta } else { choice.message };
            if let Some(part) = part {
                self.part(part);
            }
            // Some servers send an empty one until the end, or the last one again.
            match choice.finish_reason.filter(|finish| !finish.is_empty()) {
                Some(finish) if self.finish.as_ref().is_some_and(|known| *known != finish) => {
                    self.strange = Some(AFTER_END);
                }
                Some(finish) => self.finish = Some(finish),
                None => {}
            }
        }
    }

    fn part(&mut self, part: Part) {
        let is_there = |value: &Option<Value>| match value {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(list)) => !list.is_empty(),
            Some(_) => true,
        };
        self.has_called |= is_there(&part.tool_calls) || is_there(&part.function_call);
        self.has_thought |= is_there(&part.reasoning) || is_there(&part.reasoning_content);
        if self.refusal.len() < SHOWN {
            self.refusal.push_str(part.refusal.as_deref().unwrap_or_default());
        }
        match part.content {
            Some(Value::String(text)) => {
                if self.finish.is_some() && !text.is_empty() {
                    self.strange = Some(AFTER_END);
                }
                self.text.push_str(&text);
            }
            None | Some(Value::Null) => {}
            Some(_) => self.strange = Some(NO_TEXT),
        }
    }

    fn found(self) -> Result<Found, Gap> {
        if let Some(words) = self.failure {
            return Err(Gap::Failed(words));
        }
        if let Some(page) = self.foreign {
            return Err(Gap::Foreign(page));
        }
        if let Some(why) = self.strange {
            return unclear(why);
        }
        if !self.refusal.trim().is_empty() {
            return Err(Gap::Unclear("it refuses to answer", self.refusal));
        }
        match self.finish.as_deref() {
            None => return unclear("its answer breaks off: it does not say that it ended (finish_reason)"),
            Some("tool_calls" | "function_call") => return unclear(CALL),
            Some("length") => return unclear(CUT),
            Some("content_filter") => {
                return unclear("a content filter cut its answer (finish_reason `content_filter`)");
            }
            Some("stop") if self.has_called => return unclear(CALL),
            Some("stop") => {}
            Some(other) => return Err(Gap::Unclear("its answer did not end by itself; finish_reason", other.into())),
        }
        let text = thinking::answer(&self.text, self.has_thought).or_else(unclear)?;
        match text {
            "" if self.has_thought || !self.text.trim().is_empty() => unclear("it thought, and answered nothing"),
            "" => unclear("it answered nothing"),
            text => Ok(Found { text: text.to_owned(), how: Way::Endpoint, usage: self.usage }),
        }
    }
}

const CALL: &str = "it calls a tool in place of an answer, though it was given none";
const CUT: &str = "its answer was cut where the model may write no more (finish_reason `length`); shorten the prompt, or \
    serve the model with a longer context";

fn unclear<T>(why: &'static str) -> Result<T, Gap> {
    Err(Gap::Unclear(why, String::new()))
}

/// What a piece says of a failure; an earlier vLLM said it without `error`.
fn error_of(piece: &Piece) -> Option<&Value> {
    let is_error = piece.object.as_ref().is_some_and(|object| object == "error");
    piece.error.as_ref().filter(|error| !error.is_null()).or(piece.message.as_ref().filter(|_| is_error))
}

/// The words in an error.
fn failure(error: &Value) -> String {
    let told = error.as_str().or_else(|| error.get("message")?.as_str());
    told.map_or_else(|| error.to_string(), str::to_owned)
}

fn beginning(page: &[u8]) -> String {
    let page = &page[..page.len().min(SHOWN)];
    String::from_utf8_lossy(page).trim().to_owned()
}

/// What it took; nothing where it does not tell both.
fn tokens(usage: &Value) -> Option<Usage> {
    let number = |path: &str| usage.pointer(path).and_then(Value::as_u64);
    Some(Usage {
        input: number("/prompt_tokens")?,
        cached_input: number("/prompt_tokens_details/cached_tokens").unwrap_or(0),
        output: number("/completion_tokens")?,
        reasoning: number("/completion_tokens_details/reasoning_tokens").unwrap_or(0),
    })
}
