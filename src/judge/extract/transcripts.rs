//! A test's aid: what a judge leaves behind, in each layout, around texts of one's choice.

use serde_json::json;

use super::Output;
use crate::config::AnswerFrom;

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Events,
    EarlierEvents,
    Early2025,
    Late2025,
    Today,
    TodayMerged,
}

impl Form {
    pub(super) const ALL: [Form; 6] =
        [Form::Events, Form::EarlierEvents, Form::Early2025, Form::Late2025, Form::Today, Form::TodayMerged];
}

/// What happened.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) prompt: String,
    /// What the judge said before a tool's call, and what that printed.
    pub(super) steps: Vec<(Option<String>, String)>,
    /// The judge's last word; without it the turn ended without one, and nobody said so.
    pub(super) answer: Option<String>,
    pub(super) file: bool,
}

/// Standard output, standard error and the file.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) file: Option<String>,
    prompt: String,
}

impl Left {
    pub(super) fn output(&self) -> Output<'_> {
        Output {
            prompt: &self.prompt,
            stdout: &self.stdout,
            stderr: &self.stderr,
            file: self.file.as_deref(),
            cut: false,
        }
    }
}

impl Session {
    pub(super) fn left(&self, form: Form) -> Left {
        let (stdout, stderr) = match form {
            Form::Events => (self.events(), "Reading additional input from stdin...\n".to_owned()),
            Form::EarlierEvents => (self.earlier_events(), String::new()),
            Form::Early2025 => (self.early(), String::new()),
            Form::Late2025 => (self.late("OpenAI Codex v0.42.0 (research preview)"), String::new()),
            Form::Today | Form::TodayMerged => {
                let told = self.late("Reading additional input from stdin...\nOpenAI Codex v0.169.0");
                let said = self.steps.iter().rev().find_map(|(said, _)| said.as_ref());
                let answer = self.answer.as_ref().or(said).map(|answer| format!("{answer}\n")).unwrap_or_default();
                if form == Form::Today { (answer, told) } else { (told + &answer, String::new()) }
            }
        };
        // Without a last word the tool writes the last that was said.
        let said = self.steps.iter().rev().find_map(|(said, _)| said.clone());
        let file = self.file.then(|| self.answer.clone().or(said).unwrap_or_default());
        Left { stdout, stderr, file, prompt: self.prompt.clone() }
    }

    fn events(&self) -> String {
        let mut lines = vec![json!({"type": "thread.started", "thread_id": "t"}), json!({"type": "turn.started"})];
        let mut next = 0..;
        let mut item = |kind: &str, text: &str, output: &str| {
            let id = format!("item_{}", next.next().unwrap_or(0));
            json!({"type": "item.completed",
                "item": {"id": id, "type": kind, "text": text, "aggregated_output": output}})
        };
        for (said, printed) in &self.steps {
            lines.extend(said.iter().map(|said| item("agent_message", said, "")));
            lines.push(item("command_execution", "", printed));
        }
        lines.extend(self.answer.iter().map(|answer| item("agent_message", answer, "")));
        lines.push(json!({"type": "turn.completed", "usage": {"input_tokens": 10, "output_tokens": 5}}));
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn earlier_events(&self) -> String {
        let mut lines = vec![json!({"model": "o3"}), json!({"prompt": self.prompt})];
        let mut event = |message: serde_json::Value| lines.push(json!({"id": "0", "msg": message}));
        event(json!({"type": "task_started"}));
        for (said, printed) in &self.steps {
            said.iter().for_each(|said| event(json!({"type": "agent_message", "message": said})));
            event(json!({"type": "exec_command_begin", "command": ["ls"]}));
            event(json!({"type": "exec_command_end", "stdout": printed}));
        }
        self.answer.iter().for_each(|answer| event(json!({"type": "agent_message", "message": answer})));
        event(json!({"type": "task_complete", "last_agent_message": self.answer}));
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn early(&self) -> String {
        let at = |text: &str| format!("[2025-05-06T17:42:33] {text}\n");
        let mut text = at("OpenAI Codex v0.1.2505 (research preview)\n--------\nworkdir: /tmp\nmodel: o3\n--------");
        text += &at(&format!("User instructions:\n{}", self.prompt));
        for (said, printed) in &self.steps {
            text.extend(said.iter().map(|said| at(&format!("codex\n{said}"))));
            text += &at("exec bash -lc ls in /tmp");
            text += &at(&format!("bash -lc ls succeeded in 5ms:\n{printed}"));
        }
        text.extend(self.answer.iter().map(|answer| at(&format!("codex\n{answer}"))));
        text + &at("tokens used: 1234")
    }

    fn late(&self, head: &str) -> String {
        let mut text = format!("{head}\n--------\nworkdir: /tmp\nmodel: gpt-5.5\n--------\nuser\n{}\n", self.prompt);
        for (said, printed) in &self.steps {
            text.extend(said.iter().map(|said| format!("codex\n{said}\n")));
            text += &format!("exec\n/bin/bash -lc ls in /tmp\n succeeded in 5ms:\n{printed}\n");
        }
        text.extend(self.answer.iter().map(|answer| format!("codex\n{answer}\n")));
        text + "tokens used\n1,234\n"
    }
}

/// Where a judge that writes like this has its answer.
pub(super) const FROM: [AnswerFrom; 3] = [AnswerFrom::Jsonl, AnswerFrom::LastMessageFile, AnswerFrom::Text];
