//! One session of the coding agent, as its transcript tells it: the shape of Claude Code's session logs.

use std::collections::BTreeMap;
use std::rc::Rc;

use autoswe_exporter::observation::Time;

use super::chance::Chance;
use super::text::{Text, escaped};

/// Tools and the share of calls, in percent, that go to each.
const TOOLS: &[(&str, u64)] = &[("Read", 34), ("Bash", 30), ("Edit", 18), ("Grep", 12), ("Write", 6)];

/// Milliseconds that pass from line to line of a sub-agent, at most.
const QUICK: u64 = 1200;

/// A transcript in the making.
pub(crate) struct Transcript {
    /// Its lines so far.
    pub(crate) bytes: Vec<u8>,
    /// Answers so far.
    pub(crate) answers: u64,
    /// Tokens so far, by model: of all four kinds.
    pub(crate) tokens: BTreeMap<&'static str, u64>,
    /// Unix milliseconds.
    pub(crate) clock: i64,
    /// Milliseconds that pass from line to line, at most.
    pub(crate) pace: u64,
    pub(crate) model: &'static str,
    pub(crate) sidechain: bool,
    text: Rc<Text>,
    chance: Chance,
    session: String,
    /// What every line begins with.
    head: String,
    parent: Option<String>,
    context: u64,
}

/// What one answer is made of.
struct Answer {
    message: String,
    request: String,
    created: u64,
    output: u64,
}

impl Transcript {
    /// A session in the directory `cwd` that begins at `clock`.
    pub(crate) fn new(text: Rc<Text>, mut chance: Chance, cwd: &str, clock: i64) -> Self {
        let session = chance.uuid();
        let version = chance.one(&["1.0.119", "2.0.14", "2.0.31"]);
        let head = format!(
            r#""userType":"external","cwd":"{}","sessionId":"{session}","version":"{version}","gitBranch":"main""#,
            escaped(cwd)
        );
        Transcript {
            bytes: Vec::new(),
            answers: 0,
            tokens: BTreeMap::new(),
            clock,
            pace: 8000,
            model: "qwen3-coder-30b-a3b",
            sidechain: false,
            text,
            chance,
            session,
            head,
            parent: None,
            context: 14_000,
        }
    }

    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    /// What a person or the loop asks for.
    pub(crate) fn prompt(&mut self, text: &str) {
        let message = format!(r#""type":"user","message":{{"role":"user","content":"{}"}}"#, escaped(text));
        self.line(message.as_bytes());
    }

    /// A title that the agent gives what went before.
    pub(crate) fn summary(&mut self, text: &str) {
        let leaf = self.chance.uuid();
        let line = format!("{{\"type\":\"summary\",\"summary\":\"{}\",\"leafUuid\":\"{leaf}\"}}\n", escaped(text));
        self.bytes.extend_from_slice(line.as_bytes());
    }

    /// The agent's copies of files that it may go back to.
    pub(crate) fn snapshot(&mut self) {
        let id = self.chance.uuid();
        let line = format!(
            "{{\"type\":\"file-history-snapshot\",\"messageId\":\"{id}\",\"snapshot\":{{\"messageId\":\"{id}\",\
             \"trackedFileBackups\":{{}},\"timestamp\":\"{}\"}},\"isSnapshotUpdate\":false}}\n",
            self.now()
        );
        self.bytes.extend_from_slice(line.as_bytes());
    }

    /// An error that the agent wrote down in place of an answer.
    pub(crate) fn error(&mut self) {
        let id = self.chance.uuid();
        let usage =
            r#"{"input_tokens":0,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}"#;
        let content = r#"[{"type":"text","text":"API Error: Connection error."}]"#;
        let about = format!(r#""id":"{id}","model":"<synthetic>","role":"assistant","type":"message""#);
        let message = format!(r#"{{{about},"usage":{usage},"content":{content}}}"#);
        let line = format!(r#""type":"assistant","message":{message},"isApiErrorMessage":true"#);
        self.line(line.as_bytes());
    }

    /// An answer with its calls of tools, and their results. `about` is the size of each result, in bytes.
    pub(crate) fn answer(&mut self, about: usize) {
        let output = self.chance.between(4, 30);
        let created = self.chance.between(100, 900) + about as u64 / 8;
        let mut answer = Answer {
            message: format!("msg_01{}", self.id(22)),
            request: format!("req_011{}", self.id(21)),
            created,
            output,
        };
        let mut calls = Vec::new();
        if self.chance.percent(35) {
            self.thinking(&mut answer);
        }
        if self.chance.percent(45) {
            let sentences = self.chance.between(1, 4);
            let text = Text::prose(&mut self.chance, sentences);
            self.block(&mut answer, format!(r#"{{"type":"text","text":"{text}"}}"#).as_bytes());
        }
        for _ in 0..if self.chance.percent(12) { 2 } else { 1 } {
            calls.push(self.call(&mut answer));
        }
        self.answers += 1;
        self.context += answer.created;
        let total = 6 + answer.output + self.context;
        *self.tokens.entry(self.model).or_default() += total;
        for (id, tool) in calls {
            let about = about / 2 + usize::try_from(self.chance.below(about as u64 + 1)).unwrap_or(0);
            self.result(&id, tool, about);
        }
        // A session is compacted before its context is full.
        if self.context > 160_000 {
            self.context = 22_000;
            self.summary("Continued after the context was summed up");
        }
    }

    /// A sub-agent in the same file, as older versions have it.
    pub(crate) fn side_chain(&mut self, about: usize) {
        let (context, parent) = (std::mem::replace(&mut self.context, 6000), self.parent.clone());
        let pace = std::mem::replace(&mut self.pace, QUICK);
        self.sidechain = true;
        self.prompt("Find every place where the checkpoint is read, and say which lock is held there.");
        for _ in 0..self.chance.between(2, 5) {
            self.answer(about);
        }
        self.sidechain = false;
        (self.context, self.parent, self.pace) = (context, parent, pace);
        let spent = self.chance.between(2000, 90_000);
        let content = r#"[{"type":"text","text":"Three places; the log lock is held in all of them."}]"#;
        let id = self.id(22);
        let result = format!(r#"{{"tool_use_id":"toolu_01{id}","type":"tool_result","content":{content}}}"#);
        let usage = format!(r#"{{"input_tokens":5,"cache_read_input_tokens":{spent},"output_tokens":230}}"#);
        let account =
            format!(r#"{{"status":"completed","totalTokens":{spent},"totalToolUseCount":7,"usage":{usage}}}"#);
        let message = format!(r#"{{"role":"user","content":[{result}]}}"#);
        let done = format!(r#""type":"user","message":{message},"toolUseResult":{account}"#);
        self.line(done.as_bytes());
    }

    fn thinking(&mut self, answer: &mut Answer) {
        let text = Text::prose(&mut self.chance, 5);
        let signature = self.text.picture(&mut self.chance, 600).to_owned();
        let mut block = format!(r#"{{"type":"thinking","thinking":"{text}","signature":""#).into_bytes();
        block.extend_from_slice(&signature);
        block.extend_from_slice(b"\"}");
        self.block(answer, &block);
    }

    /// A call of a tool; its id and the tool.
    fn call(&mut self, answer: &mut Answer) -> (String, &'static str) {
        let mut roll = self.chance.below(100);
        let tool = TOOLS.iter().find(|(_, share)| {
            let is_it = roll < *share;
            roll = roll.saturating_sub(*share);
            is_it
        });
        let tool = tool.map_or("Read", |(tool, _)| *tool);
        let id = format!("toolu_01{}", self.id(22));
        let mut block = format!(r#"{{"type":"tool_use","id":"{id}","name":"{tool}","input":{{"#).into_bytes();
        let length = usize::try_from(self.chance.between(300, 3000)).unwrap_or(0);
        match tool {
            "Edit" | "Write" => {
                block.extend_from_slice(br#""file_path":"src/storage/wal.rs","content":""#);
                block.extend_from_slice(self.text.code(&mut self.chance, length));
                block.extend_from_slice(b"\"");
            }
            "Bash" => block.extend_from_slice(br#""command":"cargo nextest run wal","description":"Run the tests""#),
            "Grep" => block.extend_from_slice(br#""pattern":"fn checkpoint\\(","path":"src""#),
            _ => block.extend_from_slice(br#""file_path":"src/storage/wal.rs","offset":120,"limit":80"#),
        }
        block.extend_from_slice(b"}}");
        self.block(answer, &block);
        (id, tool)
    }

    /// A line of an answer, with one block of its content and the usage so far.
    fn block(&mut self, answer: &mut Answer, block: &[u8]) {
        answer.output += block.len() as u64 / 4;
        let Answer { message, request, created, output } = &*answer;
        let (model, read) = (self.model, self.context);
        let mut line = format!(
            r#""message":{{"id":"{message}","type":"message","role":"assistant","model":"{model}","content":["#
        )
        .into_bytes();
        line.extend_from_slice(block);
        let cache = format!(r#"{{"ephemeral_5m_input_tokens":{created},"ephemeral_1h_input_tokens":0}}"#);
        let usage = format!(r#""input_tokens":6,"cache_creation_input_tokens":{created},"cache_creation":{cache}"#);
        let usage = format!(r#"{usage},"cache_read_input_tokens":{read}"#);
        let usage = format!(r#"{{{usage},"output_tokens":{output},"service_tier":"standard"}}"#);
        let tail = format!(
            r#"],"stop_reason":null,"stop_sequence":null,"usage":{usage}}},"requestId":"{request}","type":"assistant""#
        );
        line.extend_from_slice(tail.as_bytes());
        self.line(&line);
    }

    /// The result of a tool, and the agent's own account of it.
    fn result(&mut self, id: &str, tool: &str, about: usize) {
        let result = format!(r#"{{"tool_use_id":"{id}","type":"tool_result","content":"#);
        let mut line = format!(r#""type":"user","message":{{"role":"user","content":[{result}"#).into_bytes();
        if tool == "Read" && self.chance.below(70) == 0 {
            line.extend_from_slice(
                br#"[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo"#,
            );
            line.extend_from_slice(self.text.picture(&mut self.chance, about * 8));
            line.extend_from_slice(br#""}}]}]},"toolUseResult":{"type":"image"}"#);
        } else {
            let result = self.text.code(&mut self.chance, about);
            line.extend_from_slice(b"\"");
            line.extend_from_slice(result);
            line.extend_from_slice(br#""}]},"toolUseResult":{"stdout":""#);
            line.extend_from_slice(result);
            line.extend_from_slice(br#"","stderr":"","interrupted":false,"isImage":false}"#);
        }
        self.line(&line);
    }

    /// Writes a line with these fields.
    fn line(&mut self, fields: &[u8]) {
        self.clock += i64::try_from(self.chance.between(200, self.pace.max(201))).unwrap_or(0);
        let uuid = self.chance.uuid();
        let parent = self.parent.replace(uuid.clone()).map_or("null".into(), |parent| format!("\"{parent}\""));
        let (sidechain, head) = (self.sidechain, &self.head);
        let start = format!(r#"{{"parentUuid":{parent},"isSidechain":{sidechain},{head},"#);
        self.bytes.extend_from_slice(start.as_bytes());
        self.bytes.extend_from_slice(fields);
        self.bytes.extend_from_slice(format!(",\"uuid\":\"{uuid}\",\"timestamp\":\"{}\"}}\n", self.now()).as_bytes());
    }

    fn now(&self) -> String {
        format!("{:.3}", Time::from_millisecond(self.clock).unwrap_or_default())
    }

    fn id(&mut self, length: usize) -> String {
        self.chance.text("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789", length)
    }

    /// The session taken up again under another id: its file begins with a copy of what was said so far.
    pub(crate) fn resume(&mut self) {
        let session = self.chance.uuid();
        let mut copy = Vec::with_capacity(self.bytes.len());
        let mut from = 0;
        for at in memchr::memmem::find_iter(&self.bytes, self.session.as_bytes()) {
            copy.extend_from_slice(&self.bytes[from..at]);
            copy.extend_from_slice(session.as_bytes());
            from = at + self.session.len();
        }
        copy.extend_from_slice(&self.bytes[from..]);
        self.bytes = copy;
        self.head = self.head.replace(&self.session, &session);
        self.session = session;
    }

    /// A sub-agent of the session, with a file of its own, as newer versions have it; and the file's name.
    pub(crate) fn sub_agent(&mut self) -> (String, Transcript) {
        let mut chance = self.chance.fork();
        let id = chance.text("0123456789abcdef", 8);
        let agent = Transcript {
            bytes: Vec::new(),
            answers: 0,
            tokens: BTreeMap::new(),
            text: Rc::clone(&self.text),
            session: self.session.clone(),
            head: format!(r#"{},"agentId":"{id}""#, self.head),
            parent: None,
            context: 6000,
            sidechain: true,
            pace: QUICK,
            chance,
            ..*self
        };
        (format!("agent-{id}"), agent)
    }
}
