//! The question as JSON.
//!
//! Invariant: pure; a part that a server may not know is left out once it refuses that part by name, and the schema is
//! then told in the prompt.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use crate::judge::Ask;

/// How the schema is told where the server has no field for it.
const IN_PROMPT: &str = "Answer with one JSON value and nothing else. It follows this JSON schema:";

/// One question.
#[derive(Debug)]
pub(super) struct Question<'a> {
    prompt: &'a str,
    /// The model that is asked.
    pub(super) model: String,
    /// The reasoning effort, where one is set.
    pub(super) effort: Option<&'a str>,
    schema: Option<&'a Value>,
    /// Whether the schema goes into its own field.
    has_format: bool,
    /// Whether the tokens are asked for, which a stream does not tell by itself.
    has_usage: bool,
}

impl<'a> Question<'a> {
    /// The question `ask` to `model`.
    pub(super) fn new(ask: &Ask<'a>, model: String, effort: Option<&'a str>) -> Self {
        let has_format = ask.schema.is_some();
        Question { prompt: ask.prompt, model, effort, schema: ask.schema, has_format, has_usage: true }
    }

    /// The request's body.
    pub(super) fn body(&self) -> Vec<u8> {
        let prompt = match self.schema {
            Some(schema) if !self.has_format => format!("{}\n\n{IN_PROMPT}\n{schema}", self.prompt),
            _ => self.prompt.to_owned(),
        };
        let mut body = Map::new();
        body.insert("model".into(), json!(self.model));
        body.insert("messages".into(), json!([{"role": "user", "content": prompt}]));
        body.insert("stream".into(), json!(true));
        if self.has_usage {
            body.insert("stream_options".into(), json!({"include_usage": true}));
        }
        if let Some(effort) = self.effort {
            body.insert("reasoning_effort".into(), json!(effort));
        }
        if let Some(schema) = self.schema.filter(|_| self.has_format) {
            let format = json!({"name": "answer", "schema": schema, "strict": true});
            body.insert("response_format".into(), json!({"type": "json_schema", "json_schema": format}));
        }
        Value::Object(body).to_string().into_bytes()
    }

    /// Leaves out the part that `refusal` names, if it has not been left out before: its name.
    ///
    /// The effort is none of these: who set it is told that it does not count.
    pub(super) fn leave_out(&mut self, refusal: &Refusal) -> Option<&'static str> {
        // vLLM and others name the grammar that they make of the schema.
        const FORMAT: [&str; 5] = ["response_format", "json_schema", "json schema", "grammar", "structured output"];
        if !refusal.is_of_the_question() {
            return None;
        }
        if self.has_format && refusal.names(&FORMAT) {
            self.has_format = false;
            return Some("response_format");
        }
        if self.has_usage && refusal.names(&["stream_options", "include_usage"]) {
            self.has_usage = false;
            return Some("stream_options");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;

    fn body(question: &Question<'_>) -> Value {
        serde_json::from_slice(&question.body()).unwrap()
    }

    #[test]
    fn only_what_is_set_is_in_the_question() {
        let bare = Question::new(&Ask { prompt: "a \"b\"\n", schema: None, tools: true }, "m".into(), None);
        let expected = json!({"model": "m", "messages": [{"role": "user", "content": "a \"b\"\n"}], "stream": true,
            "stream_options": {"include_usage": true}});
        assert_eq!(body(&bare), expected);
        let schema = json!({"type": "object"});
        let full = Question::new(&Ask { prompt: "p", schema: Some(&schema), tools: true }, "m".into(), Some("high"));
        let full = body(&full);
        assert_eq!(
            (&full["reasoning_effort"], &full["response_format"]["type"]),
            (&json!("high"), &json!("json_schema"))
        );
        assert_eq!(full["response_format"]["json_schema"], json!({"name": "answer", "schema": schema, "strict": true}));
        assert_eq!(full["messages"][0]["content"], "p");
    }

    #[test]
    fn a_part_that_is_refused_by_name_is_left_out_once() {
        let schema = json!({"type": "object"});
        let mut question =
            Question::new(&Ask { prompt: "p", schema: Some(&schema), tools: true }, "m".into(), Some("high"));
        let refusal = |status: u16, body: &str| Refusal {
            body: body.as_bytes().to_vec(),
            ..Refusal::of(StatusCode::from_u16(status).unwrap())
        };
        let format = refusal(400, "{\"error\":{\"message\":\"This Response_Format type is unavailable now\"}}");
        for other in [refusal(500, "response_format"), refusal(404, "response_format"), refusal(400, "no such model")] {
            assert_eq!(question.leave_out(&other), None);
        }
        assert_eq!(question.leave_out(&refusal(400, "reasoning_effort: unknown")), None, "who set it is told");
        assert_eq!(question.leave_out(&format), Some("response_format"));
        assert_eq!(question.leave_out(&format), None);
        let told = body(&question);
        assert!(told.get("response_format").is_none());
        let prompt = told["messages"][0]["content"].as_str().unwrap();
        assert!(prompt.starts_with("p\n\n") && prompt.ends_with("{\"type\":\"object\"}"), "{prompt}");
        let extra = refusal(422, "{\"detail\":[{\"loc\":[\"body\",\"stream_options\"],\"msg\":\"Extra inputs\"}]}");
        assert_eq!(question.leave_out(&extra), Some("stream_options"));
        assert!(body(&question).get("stream_options").is_none() && question.leave_out(&extra).is_none());
    }
}
