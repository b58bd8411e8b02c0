//! What an endpoint answers in place of an answer: a status, and its own words.
//!
//! Invariant: of a refusal's body a bounded part is read, in bounded time; each kind of refusal has its own mend.

use std::time::{Duration, SystemTime};

use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::http::shown;

/// So much of the body is read, in bytes, and for so long.
const BODY: (usize, Duration) = (64 << 10, Duration::from_secs(5));

/// So many models are named.
const NAMED: usize = 5;

/// A response whose status is not 200.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// How long to wait before the next try (`Retry-After`).
    pub(super) pause: Option<Duration>,
    /// Where it redirects to.
    pub(super) location: Option<String>,
    /// The beginning of its body.
    pub(super) body: Vec<u8>,
}

/// The names that a mend may need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) key_env: Option<&'a str>,
    /// Whether the URL ends with `/v1`.
    pub(super) is_versioned: bool,
}

impl Refusal {
    /// One that says nothing.
    pub(super) fn of(status: StatusCode) -> Self {
        Refusal { status, pause: None, location: None, body: Vec::new() }
    }

    /// Reads `response`.
    pub(super) async fn read(mut response: Response) -> Self {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let location = header(LOCATION).and_then(|location| response.url().join(location).ok());
        let pause = header(RETRY_AFTER).and_then(|pause| after(pause, SystemTime::now()));
        let mut refusal = Refusal { pause, location: location.as_ref().map(shown), ..Refusal::of(response.status()) };
        let reading = async {
            while refusal.body.len() < BODY.0
                && let Ok(Some(bytes)) = response.chunk().await
            {
                let room = BODY.0 - refusal.body.len();
                refusal.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
        };
        // What is not there by then is not told.
        drop(tokio::time::timeout(BODY.1, reading).await);
        refusal
    }

    /// Its own words: the message in its JSON, or the page.
    pub(super) fn words(&self) -> String {
        let page = || String::from_utf8_lossy(&self.body).into_owned();
        let Ok(told) = serde_json::from_slice::<Value>(&self.body) else { return page() };
        let message = ["/error/message", "/error", "/message", "/detail"].iter().find_map(|path| told.pointer(path));
        match message {
            Some(Value::String(words)) => words.clone(),
            Some(Value::Null) | None => page(),
            Some(other) => other.to_string(),
        }
    }

    /// Whether it holds one of `words`, which are in lower case.
    pub(super) fn names(&self, words: &[&str]) -> bool {
        let body = String::from_utf8_lossy(&self.body).to_lowercase();
        words.iter().any(|word| body.contains(word))
    }

    /// Whether it is for what the question holds.
    pub(super) fn is_of_the_question(&self) -> bool {
        matches!(self.status.as_u16(), 400 | 422)
    }

    /// Whether it is for the effort, where one is asked for.
    pub(super) fn is_of_effort(&self, effort: Option<&str>) -> bool {
        effort.is_some()
            && self.is_of_the_question()
            && self.names(&["reasoning_effort", "reasoning effort", "thinking"])
    }

    /// Whether it may be for the model.
    pub(super) fn may_be_of_model(&self) -> bool {
        let unknown = ["not found", "not exist", "unknown model", "no such model", "not loaded"];
        self.status == StatusCode::NOT_FOUND || self.is_of_the_question() && self.names(&unknown)
    }

    /// How long it asks to wait, where waiting helps.
    pub(super) fn again(&self) -> Option<Duration> {
        self.pause.filter(|_| matches!(self.status.as_u16(), 429 | 503))
    }

    /// How to mend it; `None` where that depends on what was asked.
    pub(super) fn mend(&self, place: &Place<'_>) -> Option<String> {
        let too_long =
            ["context length", "context_length", "context window", "context size", "too long", "max_model_len"];
        let busy = || match self.pause {
            Some(pause) => format!("it asks to come again in {} s", pause.as_secs()),
            None => "it does not say when to come again".into(),
        };
        Some(match self.status.as_u16() {
            300..=399 => {
                let location = self.location.as_deref().unwrap_or("nowhere");
                format!("it redirects to {location}; set judge.entries.{}.url to where it is", place.name)
            }
            401 => place.key("was refused"),
            403 => place.key("may not ask this"),
            407 => "a proxy wants a login; name the endpoint itself".into(),
            408 | 504 => {
                "it, or a proxy before it, gave up earlier than judge.timeout; give that a longer limit".into()
            }
            413 => "the prompt is longer than it, or a proxy before it, takes".into(),
            400 | 422 if self.names(&too_long) => {
                "the prompt is longer than the model takes; shorten it, or serve the model with a longer context".into()
            }
            429 => format!("it is asked too much; {}", busy()),
            502 => "what stands behind it does not answer; is the model loaded?".into(),
            503 => format!("it has no room, or its model is not ready; {}", busy()),
            500.. => "read its log".into(),
            _ => return None,
        })
    }
}

impl Place<'_> {
    /// For a refusal that has to do with the key.
    fn key(&self, what: &str) -> String {
        let setting = format!("judge.entries.{}.key_env", self.name);
        match self.key_env.filter(|name| !name.is_empty()) {
            Some(variable) => format!("the key in the environment variable {variable} ({setting}) {what}"),
            None => format!("it wants a key; name the environment variable that holds it in {setting}"),
        }
    }

    /// Where the address may be wrong.
    pub(super) fn base(&self) -> String {
        let setting = format!("judge.entries.{}.url", self.name);
        match self.is_versioned {
            false => format!("is /v1 missing from {setting}?"),
            true => format!("is {setting} the base URL of an OpenAI-compatible endpoint?"),
        }
    }

    /// For an effort that is refused.
    pub(super) fn effort(&self, effort: &str) -> String {
        let setting = format!("judge.entries.{}.effort", self.name);
        format!(
            "it does not take the effort `{effort}`; set --effort, judge.effort or {setting} to another, or to none"
        )
    }

    /// For a model that is there.
    pub(super) fn known_model(&self, model: &str) -> String {
        format!("it lists the model `{model}`, so the question is what it does not take")
    }

    /// For a model that is not there; `others` are.
    pub(super) fn unknown_model(&self, model: &str, others: &str) -> String {
        format!("it has no model `{model}` (--model, judge.model, judge.entries.{}.model), but {others}", self.name)
    }
}

/// The first of `models`, and how many more there are.
pub(super) fn list(models: &[String]) -> String {
    let named = models.iter().take(NAMED).map(|model| format!("`{model}`")).collect::<Vec<_>>().join(", ");
    match models.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// How long `Retry-After` says to wait: seconds, or an instant.
fn after(text: &str, now: SystemTime) -> Option<Duration> {
    match text.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text.trim()).ok().map(|then| then.duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const PLACE: Place<'_> = Place { name: "mine", key_env: None, is_versioned: true };

    fn refusal(status: u16, body: &str) -> Refusal {
        Refusal { body: body.as_bytes().to_vec(), ..Refusal::of(StatusCode::from_u16(status).unwrap()) }
    }

    #[test]
    fn each_kind_of_refusal_has_its_own_mend() {
        let statuses = [301, 401, 403, 407, 408, 413, 429, 500, 502, 503];
        let keyed = Place { key_env: Some("KEY"), ..PLACE };
        let mut mends: Vec<String> = statuses.map(|status| refusal(status, "").mend(&keyed).unwrap()).to_vec();
        mends.extend([
            refusal(400, "maximum context length").mend(&PLACE).unwrap(),
            refusal(401, "").mend(&PLACE).unwrap(),
        ]);
        mends.extend([PLACE.base(), Place { is_versioned: false, ..PLACE }.base(), PLACE.effort("high")]);
        mends.extend([PLACE.known_model("m"), PLACE.unknown_model("m", "`n`")]);
        let later = Refusal { pause: Some(Duration::from_secs(7)), ..refusal(429, "") };
        mends.push(later.mend(&PLACE).unwrap());
        assert!(mends.last().unwrap().ends_with("in 7 s"), "{mends:?}");
        assert_eq!(mends.iter().collect::<HashSet<_>>().len(), mends.len(), "{mends:#?}");
        for status in [201, 400, 404, 405, 418, 422] {
            assert_eq!(refusal(status, "").mend(&PLACE), None, "{status}");
        }
    }

    #[test]
    fn its_words_are_found_in_each_form() {
        for body in [
            r#"{"error":{"message":"why","type":"x"}}"#,
            r#"{"error":"why"}"#,
            r#"{"object":"error","message":"why"}"#,
            r#"{"detail":"why"}"#,
            "why",
        ] {
            assert_eq!(refusal(400, body).words(), "why", "{body}");
        }
        assert_eq!(refusal(422, r#"{"detail":[{"msg":"why"}]}"#).words(), r#"[{"msg":"why"}]"#);
        assert_eq!(refusal(400, r#"{"error":null}"#).words(), r#"{"error":null}"#);
        assert_eq!(refusal(400, "").words(), "");
    }

    #[test]
    fn when_to_come_again_is_seconds_or_an_instant() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap();
        assert_eq!(after(" 120 ", now), Some(Duration::from_secs(120)));
        assert_eq!(after("Wed, 21 Oct 2026 07:28:30 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(after("Wed, 21 Oct 2026 07:27:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(after("soon", now), None);
        assert_eq!(Refusal { pause: Some(Duration::ZERO), ..refusal(500, "") }.again(), None);
        assert_eq!(Refusal { pause: Some(Duration::ZERO), ..refusal(503, "") }.again(), Some(Duration::ZERO));
    }

    #[test]
    fn of_many_models_the_first_are_named() {
        let models: Vec<String> = (0..7).map(|number| format!("m{number}")).collect();
        assert_eq!(list(&models[..2]), "`m0`, `m1`");
        assert_eq!(list(&models), "`m0`, `m1`, `m2`, `m3`, `m4` and 2 more");
    }
}
