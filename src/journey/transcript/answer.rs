//! What one line tells of an answer of the model.
//!
//! Invariant: missing is not 0: a line without a usage, without a time, or of no model (an error that the agent wrote
//! down itself) tells no answer.

use memchr::memmem::Finder;
use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::pull::{Key, Pull, Scalar, Source};
use crate::observation::Time;
use crate::source::json;

/// Every line of an answer holds these bytes. In a string they cannot stand, because there the quotes are escaped.
const SIGN: &[u8] = b"\"usage\"";

/// Longest id and name of a model, bytes. Real ones have some 40.
const LONGEST_NAME: usize = 256;

/// Longest path that Linux takes, bytes (`PATH_MAX`).
const LONGEST_PATH: usize = 4096;

/// What the agent calls the model of an answer that no model gave: an error, or that it was interrupted.
const SYNTHETIC: &[u8] = b"<synthetic>";

/// The test that decides which lines are looked into.
pub(super) fn sign() -> Finder<'static> {
    Finder::new(SIGN)
}

/// Tokens as one line tells them: each absent or told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    pub(super) input: Option<u32>,
    pub(super) output: Option<u32>,
    pub(super) cache_read: Option<u32>,
    pub(super) cache_creation: Option<u32>,
}

/// What one line tells; taken up again for the next, so that its texts are allocated once.
#[derive(Default)]
pub(super) struct Line {
    assistant: bool,
    error: bool,
    pub(super) sidechain: bool,
    at_ms: Option<i64>,
    /// Texts are empty where the line does not tell them.
    pub(super) session: Vec<u8>,
    pub(super) cwd: Vec<u8>,
    pub(super) model: Vec<u8>,
    uuid: Vec<u8>,
    request: Vec<u8>,
    id: Vec<u8>,
    usage: Option<Usage>,
    /// Marks of the calls of tools, 24 bits that are not 0, each once.
    pub(super) tools: Vec<u32>,
    key: Key,
    scratch: Vec<u8>,
}

/// What a line turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Part of an answer, given at this time in Unix milliseconds.
    Answer { at_ms: i64, usage: Usage },
    /// Part of an answer, but nobody knows when.
    Untimed,
    /// Something else.
    Other,
}

impl Line {
    /// Looks into the line; `None` where it is no JSON object or holds a number that no answer can have.
    pub(super) fn read(&mut self, source: impl Source) -> Option<Told> {
        self.clear();
        let mut pull = Pull(source);
        pull.margin();
        if !pull.take(b'{') {
            return None;
        }
        self.envelope(&mut pull)?;
        pull.margin();
        pull.at_end().then(|| self.told())
    }

    fn told(&self) -> Told {
        let usage = self.usage.filter(|usage| usage.input.is_some() || usage.output.is_some());
        match (usage, self.at_ms) {
            _ if !self.assistant || self.error || self.model == SYNTHETIC => Told::Other,
            (None, _) => Told::Other,
            (Some(_), None) => Told::Untimed,
            (Some(usage), Some(at_ms)) => Told::Answer { at_ms, usage },
        }
    }

    /// What tells this answer from every other, in whichever file it stands: the ids that the model's server gave it.
    /// Where there are none, the id of the line; where there is none either, what it tells.
    pub(super) fn identity(&self, at_ms: i64, usage: Usage) -> [u8; 12] {
        let ids = match (self.id.is_empty(), self.uuid.is_empty()) {
            (false, _) => [b"id", self.id.as_slice(), self.request.as_slice()].join(&b'\n'),
            (true, false) => [b"uuid", self.uuid.as_slice()].join(&b'\n'),
            (true, true) => format!("{at_ms} {usage:?}").into_bytes(),
        };
        short_digest(&ids)
    }

    fn clear(&mut self) {
        (self.assistant, self.error, self.sidechain) = (false, false, false);
        (self.at_ms, self.usage) = (None, None);
        let ids = [&mut self.session, &mut self.uuid, &mut self.request, &mut self.id];
        ids.into_iter().chain([&mut self.cwd, &mut self.model]).for_each(Vec::clear);
        self.tools.clear();
    }

    fn envelope<S: Source>(&mut self, pull: &mut Pull<S>) -> Option<()> {
        let mut first = true;
        while pull.member(&mut first, &mut self.key)? {
            match self.key.bytes() {
                b"type" => self.assistant = self.is(pull, b"assistant")?,
                b"timestamp" => self.at_ms = self.time(pull)?,
                b"sessionId" => text(pull, &mut self.session, LONGEST_NAME)?,
                b"cwd" => text(pull, &mut self.cwd, LONGEST_PATH)?,
                b"requestId" => text(pull, &mut self.request, LONGEST_NAME)?,
                b"uuid" => text(pull, &mut self.uuid, LONGEST_NAME)?,
                b"isSidechain" => self.sidechain = self.is(pull, b"true")?,
                b"isApiErrorMessage" => self.error = self.is(pull, b"true")?,
                b"message" if pull.take(b'{') => self.message(pull)?,
                _ => pull.skip()?,
            }
        }
        Some(())
    }

    fn message<S: Source>(&mut self, pull: &mut Pull<S>) -> Option<()> {
        let mut first = true;
        while pull.member(&mut first, &mut self.key)? {
            match self.key.bytes() {
                b"id" => text(pull, &mut self.id, LONGEST_NAME)?,
                b"model" => text(pull, &mut self.model, LONGEST_NAME)?,
                b"usage" if pull.take(b'{') => self.tokens(pull)?,
                b"content" if pull.take(b'[') => self.content(pull)?,
                _ => pull.skip()?,
            }
        }
        Some(())
    }

    fn content<S: Source>(&mut self, pull: &mut Pull<S>) -> Option<()> {
        let mut first = true;
        while pull.element(&mut first)? {
            if pull.take(b'{') {
                self.block(pull)?;
            } else {
                pull.skip()?;
            }
        }
        Some(())
    }

    fn block<S: Source>(&mut self, pull: &mut Pull<S>) -> Option<()> {
        let (mut first, mut is_call, mut mark) = (true, false, None);
        while pull.member(&mut first, &mut self.key)? {
            match self.key.bytes() {
                b"type" => is_call = self.is(pull, b"tool_use")?,
                b"id" => {
                    let told = pull.scalar(&mut self.scratch, LONGEST_NAME)?;
                    mark = (told == Scalar::Text).then(|| mark_of(&self.scratch));
                }
                _ => pull.skip()?,
            }
        }
        if is_call {
            // A call without an id is told from the others of its answer by its place among them.
            let place = u32::try_from(self.tools.len()).unwrap_or(u32::MAX);
            let mark = mark.unwrap_or_else(|| mark_of(&[self.uuid.as_slice(), &place.to_le_bytes()].concat()));
            if !self.tools.contains(&mark) {
                self.tools.push(mark);
            }
        }
        Some(())
    }

    fn tokens<S: Source>(&mut self, pull: &mut Pull<S>) -> Option<()> {
        let mut usage = Usage::default();
        let mut first = true;
        while pull.member(&mut first, &mut self.key)? {
            let field = match self.key.bytes() {
                b"input_tokens" => &mut usage.input,
                b"output_tokens" => &mut usage.output,
                b"cache_read_input_tokens" => &mut usage.cache_read,
                b"cache_creation_input_tokens" => &mut usage.cache_creation,
                _ => {
                    pull.skip()?;
                    continue;
                }
            };
            let told = pull.scalar(&mut self.scratch, LONGEST_NAME)?;
            *field = match whole(told, &self.scratch) {
                // Four billion tokens in one answer: the line is broken.
                Some(count) => Some(u32::try_from(count).ok()?),
                None => None,
            };
        }
        self.usage = Some(usage);
        Some(())
    }

    /// Passes a value; whether it is this text or word.
    fn is<S: Source>(&mut self, pull: &mut Pull<S>, wanted: &[u8]) -> Option<bool> {
        let told = pull.scalar(&mut self.scratch, LONGEST_NAME)?;
        Some(matches!(told, Scalar::Text | Scalar::Token) && self.scratch == wanted)
    }

    fn time<S: Source>(&mut self, pull: &mut Pull<S>) -> Option<Option<i64>> {
        let told = pull.scalar(&mut self.scratch, LONGEST_NAME)?;
        if told == Scalar::Text
            && let Some(at) = std::str::from_utf8(&self.scratch).ok().and_then(|text| text.parse::<Time>().ok())
        {
            return Some(Some(at.as_millisecond()));
        }
        Some(value(told, &self.scratch).as_ref().and_then(json::time).map(Time::as_millisecond))
    }
}

/// SHA-256, cut to 12 bytes: a quarter of a million answers meet by chance once in 10^18 runs.
pub(super) fn short_digest(bytes: &[u8]) -> [u8; 12] {
    let mut short = [0; 12];
    short.copy_from_slice(&digest(&SHA256, bytes).as_ref()[..12]);
    short
}

/// The mark of a call of a tool: 24 bits that are not 0. It tells apart the few calls of one answer.
fn mark_of(id: &[u8]) -> u32 {
    let digest = short_digest(id);
    (u32::from_le_bytes([digest[0], digest[1], digest[2], 0])).max(1)
}

/// Passes a value, and writes it to `into` where it is a text that is not too long, without escapes.
fn text<S: Source>(pull: &mut Pull<S>, into: &mut Vec<u8>, most: usize) -> Option<()> {
    match pull.scalar(into, most)? {
        Scalar::Text if into.contains(&b'\\') => match value(Scalar::Text, into) {
            Some(Value::String(plain)) => *into = plain.into_bytes(),
            _ => into.clear(),
        },
        Scalar::Text => {}
        _ => into.clear(),
    }
    Some(())
}

/// The value that stands in `bytes`, by `serde_json`.
fn value(told: Scalar, bytes: &[u8]) -> Option<Value> {
    match told {
        Scalar::Text => serde_json::from_slice(&[b"\"", bytes, b"\""].concat()).ok(),
        Scalar::Token => serde_json::from_slice(bytes).ok(),
        Scalar::TooLong | Scalar::Nothing => None,
    }
}

/// A whole number, 0 or more, or one in text.
fn whole(told: Scalar, bytes: &[u8]) -> Option<u64> {
    if told == Scalar::Token && bytes.len() < 19 && bytes.iter().all(u8::is_ascii_digit) {
        return Some(bytes.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')));
    }
    value(told, bytes).as_ref().and_then(json::whole)
}
