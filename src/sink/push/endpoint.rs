//! One address that messages are posted to, and what its answers mean.
//!
//! Invariant: an answer comes within the time-out; nothing shows the credentials, and of a secret address nothing at
//! all is shown.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};

use super::{refusal, retry};
use crate::config::Config;
use crate::http::{self, deepest_cause, is_not_http};
use crate::metric::Dropped;

/// The setting of the Alertmanagers' addresses.
const ALERTMANAGER: &str = "alertmanager.urls";

/// An address to post to.
#[derive(Clone)]
pub struct Endpoint {
    url: Url,
    client: Option<Client>,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    names: Names,
}

/// What the settings are called, for the mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// The receiver, for people: its address, or a word where that is a secret.
    pub(super) receiver: String,
    /// The setting of the address.
    pub(super) url: &'static str,
    /// Where the credentials come from.
    pub(super) authorization: String,
    /// The setting of the time-out.
    pub(super) timeout: String,
}

/// What came of posting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It has it.
    Accepted,
    /// It may take it later; the receiver asked for that wait.
    Later(String, Option<Duration>),
    /// It will not take this, however often it is sent.
    Refused(Dropped, String),
}

/// The value of the environment variable `name`; `None` where it is unset or empty.
fn variable(name: &str) -> Option<String> {
    // The standard library need not take an empty name.
    let value = if name.is_empty() { None } else { std::env::var(name).ok() };
    value.filter(|value| !value.trim().is_empty())
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("receiver", &self.names.receiver).finish_non_exhaustive()
    }
}

impl PartialEq for Endpoint {
    /// Whether they are the same address with the same settings and credentials.
    fn eq(&self, other: &Self) -> bool {
        let parts = |one: &Self| (one.url.clone(), one.authorization.clone(), one.timeout, one.names.clone());
        parts(self) == parts(other)
    }
}

impl Endpoint {
    /// The Alertmanager at `base`; `authorization_env` names the variable that holds the value of its Authorization
    /// header.
    ///
    /// # Errors
    /// Where the URL or that value is not one.
    pub fn alertmanager(base: &str, authorization_env: &str, timeout: Duration) -> Result<Self, String> {
        let base = Url::parse(base).map_err(|error| format!("alertmanager.urls: {base} is no URL ({error})"))?;
        let names = Names {
            receiver: http::shown(&base),
            url: ALERTMANAGER,
            authorization: format!("environment variable {authorization_env} (alertmanager.authorization_env)"),
            timeout: "alertmanager.timeout".into(),
        };
        Self::new(http::below(&base, "/api/v2/alerts"), (authorization_env, timeout), names)
    }

    /// The webhook whose URL is in the environment variable `url_env`; `None` where that is not set.
    ///
    /// # Errors
    /// Where the URL or the credentials are none, in words that show neither.
    pub fn webhook(url_env: &str, authorization_env: &str, timeout: Duration) -> Result<Option<Self>, String> {
        let Some(url) = http::secret_url(url_env)? else { return Ok(None) };
        let names = Names {
            receiver: "webhook".into(),
            url: "the URL in the variable that webhook.url_env names",
            authorization: format!("environment variable {authorization_env} (webhook.authorization_env)"),
            timeout: "webhook.timeout".into(),
        };
        Self::new(url, (authorization_env, timeout), names).map(Some)
    }

    /// Every receiver that `config` and the environment name: the Alertmanagers, then the webhook.
    pub fn all(config: &Config) -> Vec<Result<Self, String>> {
        let (push, hook) = (&config.alertmanager, &config.webhook);
        let members =
            push.urls.iter().map(|url| Self::alertmanager(url, &push.authorization_env, push.timeout.duration()));
        let webhook = Self::webhook(&hook.url_env, &hook.authorization_env, hook.timeout.duration());
        members.chain(webhook.transpose()).collect()
    }

    /// Whether it is an Alertmanager, and not the webhook.
    pub fn is_alertmanager(&self) -> bool {
        self.names.url == ALERTMANAGER
    }

    fn new(url: Url, (authorization_env, timeout): (&str, Duration), names: Names) -> Result<Self, String> {
        let authorization = match variable(authorization_env) {
            None => None,
            Some(value) => {
                let value = HeaderValue::from_str(value.trim());
                let mut value = value.map_err(|_| {
                    format!("environment variable {authorization_env}: expected the value of an Authorization header")
                })?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Endpoint { url, client: None, authorization, timeout, names })
    }

    /// The receiver, for people and metrics.
    pub fn name(&self) -> &str {
        &self.names.receiver
    }

    /// Posts `body`.
    pub async fn post(&mut self, body: &serde_json::Value) -> Outcome {
        let client = match self.client() {
            Ok(client) => client,
            Err(why) => return Outcome::Later(why, None),
        };
        match self.send(client.post(self.url.clone()).json(body)).await {
            Ok(response) => self.judge(response).await,
            Err(why) => Outcome::Later(why, None),
        }
    }

    /// The answer to a GET with this query, where it is 200.
    ///
    /// # Errors
    /// What came in its place, with the mend.
    pub async fn get(&mut self, query: &[(&str, &str)]) -> Result<Response, String> {
        let client = self.client()?;
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(query);
        let response = self.send(client.get(url)).await?;
        match response.status() {
            StatusCode::OK => Ok(response),
            _ => match self.judge(response).await {
                Outcome::Later(why, _) | Outcome::Refused(_, why) => Err(why),
                Outcome::Accepted => Err(format!("{} answers nothing", self.names.receiver)),
            },
        }
    }

    /// Built when it is first needed, because building may fail.
    fn client(&mut self) -> Result<Client, String> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = http::client(&self.url, self.timeout).map_err(|error| {
            let why = deepest_cause(&error.without_url());
            format!("{}: no HTTP client for it ({why}); are CA certificates installed?", self.names.receiver)
        })?;
        Ok(self.client.insert(client).clone())
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, String> {
        let request = match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        };
        request.timeout(self.timeout).send().await.map_err(|error| self.transport(error.without_url()))
    }

    fn transport(&self, error: reqwest::Error) -> String {
        let Names { receiver, url, timeout, .. } = &self.names;
        let cause = deepest_cause(&error);
        match () {
            () if error.is_timeout() => {
                format!("{receiver} does not answer within {} s ({timeout})", self.timeout.as_secs_f64())
            }
            () if error.is_connect() => format!("{receiver} is not reached: {cause}; start it, or correct {url}"),
            () if is_not_http(&error) => format!("{receiver} does not answer in HTTP ({cause}); correct {url}"),
            () => format!("{receiver} broke the connection off ({cause}); read its log"),
        }
    }

    async fn judge(&self, response: Response) -> Outcome {
        let status = response.status();
        if status.is_success() {
            return Outcome::Accepted;
        }
        let after = retry::retry_after(response.headers().get("retry-after"));
        let said = http::said(response).await;
        let answers = format!("{} answers HTTP {status}{said}", self.names.receiver);
        match status.as_u16() {
            408 | 429 | 500.. => Outcome::Later(format!("{answers}; it is asked again"), after),
            status => {
                let (reason, mend) = refusal(status, &self.names);
                Outcome::Refused(reason, format!("{answers}; {mend}"))
            }
        }
    }
}
