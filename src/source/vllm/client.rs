//! HTTP to vLLM: one address, one key, and failures in words a person can act on.
//!
//! Invariant: no redirect is followed, no proxy of the environment is used, and no message shows a password or a key.
//! Time is bounded by the caller, memory by [`Answer::body`].

use std::error::Error as _;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};

use super::text;
use crate::config::VllmConfig;
use crate::observation::{Failure, FailureKind};

/// Bytes of a refusal's body that are read for the message.
const REFUSAL: usize = 512;
/// How long they may take.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

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
        let client = client(&base, config.deadline.duration()).map_err(|error| {
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
        self.authorize(self.client.get(self.url(path)))
    }

    /// A POST of `body` to `path`.
    pub(super) fn post(&self, path: &str, body: &serde_json::Value) -> RequestBuilder {
        self.authorize(self.client.post(self.url(path))).json(body)
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
        let location = location.map(|location| text::excerpt(location.as_bytes()));
        let said = match answer.beginning(REFUSAL).await {
            body if body.is_empty() => String::new(),
            body => format!(" and says {}", text::excerpt(&body)),
        };
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

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
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

    /// About the first `most` bytes of the body, as far as they come within a second.
    async fn beginning(mut self, most: usize) -> Vec<u8> {
        let mut body = Vec::new();
        let reading = async {
            while body.len() < most
                && let Ok(Some(chunk)) = self.chunk().await
            {
                body.extend_from_slice(&chunk[..chunk.len().min(most)]);
            }
        };
        // A refusal that is not whole by then is told as far as it came.
        drop(tokio::time::timeout(REFUSAL_TIME, reading).await);
        body
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

fn shown(base: &Url) -> String {
    let port = base.port().map_or(String::new(), |port| format!(":{port}"));
    format!("{}://{}{port}{}", base.scheme(), base.host_str().unwrap_or_default(), base.path().trim_end_matches('/'))
}

fn client(base: &Url, deadline: Duration) -> reqwest::Result<Client> {
    // reqwest panics without a provider; the programs install one first of all, a library's user may not have.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // It fails only when another thread was quicker.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("autoswe-exporter/", env!("CARGO_PKG_VERSION")))
        // An address that swallows packets is unreachable, which must be known before the reading's deadline.
        .connect_timeout(deadline.mul_f64(0.8))
        // vLLM's server closes idle connections after 5 s; a request sent into that moment would look like a reset.
        .pool_max_idle_per_host(0);
    let builder = if base.scheme() == "https" { builder } else { builder.tls_certs_only([]) };
    builder.build()
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

/// The innermost error says what the operating system or the other side did.
fn deepest_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn is_not_http(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(hyper::Error::is_parse) {
            return true;
        }
        cause = error.source();
    }
    false
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
            assert_eq!(api.url("/metrics").as_str(), "http://h:8010/metrics", "{url}");
            assert_eq!(api.shown(), "http://h:8010", "{url}");
        }
        assert_eq!(api("http://h/proxy/vllm/").unwrap().url("/v1/models").as_str(), "http://h/proxy/vllm/v1/models");
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
