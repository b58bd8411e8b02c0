//! HTTP to vLLM: one address, one key, and failures in words a person can act on.
//!
//! Invariant: no redirect is followed, no proxy of the environment is used, and no message shows a password or a key.
//! Time is bounded by the caller, memory by [`Answer::body`].

use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};

use crate::config::VllmConfig;
use crate::http::{self, below, deepest_cause, excerpt, is_not_http, shown};
use crate::observation::{Failure, FailureKind};

/// vLLM's address, and a client for it.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    base: Url,
    shown: String,
    key: Option<String>,
    key_env: String,
}

/// A response that has begun, with status 200.
pub(super) struct Answer {
    response: Response,
    shown: String,
}

impl std::fmt::Debug for Api {
    /// Without the key, and without the password that the URL may hold.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("url", &self.shown).finish_non_exhaustive()
    }
}

impl Api {
    /// A client for the configured address. It is built when it is first needed, because building may fail.
    pub(super) fn new(config: &VllmConfig) -> Result<Self, Failure> {
        let invalid = |why: String| Failure::new(FailureKind::Malformed, format!("vllm.url: {why}"));
        let base = base(&config.url).map_err(invalid)?;
        // An address that swallows packets is unreachable, which must be known before the reading's deadline.
        let client = http::client(&base, config.deadline.duration().mul_f64(0.8)).map_err(|error| {
            invalid(format!("no HTTP client for it: {}; are CA certificates installed?", deepest_cause(&error)))
        })?;
        let key = std::env::var(&config.api_key_env).ok().filter(|key| !key.is_empty());
        Ok(Api { client, shown: shown(&base), base, key, key_env: config.api_key_env.clone() })
    }

    /// The address for people, without a password or a query.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// A GET of `path`.
    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.authorize(self.client.get(below(&self.base, path)))
    }

    /// A POST of `body` to `path`.
    pub(super) fn post(&self, path: &str, body: &serde_json::Value) -> RequestBuilder {
        self.authorize(self.client.post(below(&self.base, path))).json(body)
    }

    /// Sends `request`.
    ///
    /// # Errors
    /// [`FailureKind::Unreachable`], [`FailureKind::NotPrometheus`] when what answers does not speak HTTP,
    /// [`FailureKind::ServerError`] and [`FailureKind::BadStatus`].
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let response = request.send().await.map_err(|error| transport(&self.shown, error))?;
        let answer = Answer { response, shown: self.shown.clone() };
        match answer.response.status() {
            StatusCode::OK => Ok(answer),
            status => Err(self.refused(status, answer).await),
        }
    }

    async fn refused(&self, status: StatusCode, answer: Answer) -> Failure {
        let location = answer.response.headers().get("location");
        let location = location.map(|location| excerpt(location.as_bytes()));
        let said = http::said(answer.response).await;
        let (kind, mend) = match status.as_u16() {
            500.. => (FailureKind::ServerError, "read vLLM's log".into()),
            401 | 403 => (FailureKind::BadStatus, self.key_mend()),
            300..=399 => (
                FailureKind::BadStatus,
                format!(
                    "it redirects to {}; set vllm.url to where it is",
                    location.unwrap_or_else(|| "nowhere".into())
                ),
            ),
            404 => (FailureKind::BadStatus, "is vllm.url vLLM's base URL?".into()),
            _ => (FailureKind::BadStatus, "is that really vLLM's port?".into()),
        };
        Failure::new(kind, format!("{} answers HTTP {status}{said}; {mend}", self.shown))
    }

    fn key_mend(&self) -> String {
        match self.key {
            Some(_) => format!("the key in {} was refused (vllm.api_key_env names that variable)", self.key_env),
            None => format!("put the API key into the environment variable {} (vllm.api_key_env)", self.key_env),
        }
    }

    fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }
}

impl Answer {
    /// The whole body, of at most `max` bytes; `setting` names what sets that limit.
    ///
    /// # Errors
    /// [`FailureKind::Unreachable`] when the connection breaks off, [`FailureKind::Malformed`] beyond `max`.
    pub(super) async fn body(mut self, max: u64, setting: &str) -> Result<Vec<u8>, Failure> {
        let too_large = |shown: &str| {
            let message =
                format!("{shown} answers with more than {max} bytes ({setting}); is that really vLLM's port?");
            Failure::new(FailureKind::Malformed, message)
        };
        if self.response.content_length().is_some_and(|length| length > max) {
            return Err(too_large(&self.shown));
        }
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if (body.len() + chunk.len()) as u64 > max {
                return Err(too_large(&self.shown));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// [`FailureKind::Unreachable`] when the connection breaks off.
    pub(super) async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, Failure> {
        self.response.chunk().await.map_err(|error| transport(&self.shown, error))
    }
}

/// `url` without what people append to a base URL out of habit.
fn base(url: &str) -> Result<Url, String> {
    let trimmed = url.trim().trim_end_matches('/');
    let trimmed = trimmed.strip_suffix("/metrics").or(trimmed.strip_suffix("/v1")).unwrap_or(trimmed);
    let expected = "expected something like http://127.0.0.1:8010";
    let mut base = Url::parse(trimmed).map_err(|error| format!("not a URL ({error}); {expected}"))?;
    base.set_query(None);
    base.set_fragment(None);
    match (base.scheme(), base.has_host()) {
        ("http" | "https", true) => Ok(base),
        _ => Err(format!("neither http nor https; {expected}")),
    }
}

/// A request that got no response, or a body that broke off.
fn transport(shown: &str, error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let cause = deepest_cause(&error);
    let (kind, message) = if error.is_connect() && error.is_timeout() {
        (FailureKind::Unreachable, format!("no vLLM at {shown}: it takes no connection; start it, or correct vllm.url"))
    } else if error.is_connect() {
        (FailureKind::Unreachable, format!("no vLLM at {shown}: {cause}; start it, or correct vllm.url"))
    } else if is_not_http(&error) {
        let message = format!("{shown} does not answer in HTTP ({cause}); is that really vLLM's port?");
        (FailureKind::NotPrometheus, message)
    } else {
        (FailureKind::Unreachable, format!("{shown} broke the connection off ({cause}); read vLLM's log"))
    };
    Failure::new(kind, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(url: &str) -> Result<Api, Failure> {
        Api::new(&VllmConfig { url: url.into(), ..VllmConfig::default() })
    }

    #[test]
    fn a_base_url_is_taken_as_people_write_it() {
        let hosts =
            ["http://h:8010", "http://h:8010/", " http://h:8010/v1/ ", "http://h:8010/metrics", "http://h:8010?a=b#c"];
        for url in hosts {
            let api = api(url).unwrap();
            assert_eq!(below(&api.base, "/metrics").as_str(), "http://h:8010/metrics", "{url}");
            assert_eq!(api.shown(), "http://h:8010", "{url}");
        }
        assert_eq!(
            below(&api("http://h/proxy/vllm/").unwrap().base, "/v1/models").as_str(),
            "http://h/proxy/vllm/v1/models"
        );
        assert_eq!(api("http://[::1]:8010").unwrap().shown(), "http://[::1]:8010");
    }

    #[test]
    fn a_password_in_the_url_is_not_shown() {
        let api = api("http://user:secret@h:8010/?token=secret").unwrap();
        assert_eq!(api.shown(), "http://h:8010");
    }

    #[test]
    fn https_needs_no_provider_installed_before() {
        // Whether CA certificates are there is the machine's affair; a panic for want of a TLS provider would be ours.
        match api("https://h") {
            Ok(api) => assert_eq!(api.shown(), "https://h"),
            Err(failure) => assert!(failure.message.contains("CA certificates"), "{failure}"),
        }
    }

    #[test]
    fn what_is_not_a_url_is_said() {
        for url in ["", "127.0.0.1:8010", "ftp://h", "unix:/run/vllm.sock", "http://"] {
            let failure = api(url).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Malformed, "{url}");
            assert!(failure.message.starts_with("vllm.url: "), "{url}: {failure}");
        }
    }
}
