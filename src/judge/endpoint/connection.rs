//! HTTP to the endpoint: its address, its key, and what goes wrong before it answers, in words.
//!
//! Invariant: no redirect is followed and no proxy is used; no message shows the key, or a login or a query of the URL.
//! Time is bounded by the caller.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;

use super::super::flags::variable;
use super::super::words::OwnWords;
use super::refusal::{Place, Refusal};
use crate::config::JudgeEntry;
use crate::http::{self, below, deepest_cause, is_not_http, shown};
use crate::judge::{Failure, Judge};

/// An address that takes no connection is given up after so long, or after most of the time that there is.
const CONNECT: Duration = Duration::from_secs(10);

/// So much of a page that is no list of models is kept, in bytes.
const SHOWN: usize = 4096;

/// A longer list of models is none, in bytes.
const LONGEST_LIST: usize = 4 << 20;

/// The endpoint's address, and a client for it.
pub(super) struct Connection {
    client: Client,
    base: Url,
    headers: HeaderMap,
    name: String,
    key_env: Option<String>,
    words: OwnWords,
}

/// What came back.
pub(super) enum Reply {
    /// A response with status 200, whose body is still to come.
    Answer(Response),
    /// Anything else.
    Refused(Refusal),
}

/// What it says of its models.
pub(super) enum Listed {
    /// Their names.
    Models(Vec<String>),
    /// What is no list of models; it begins so.
    Foreign(String),
    /// It does not tell.
    Refused(Refusal),
}

/// As much of a list of models as is needed.
#[derive(Deserialize)]
struct Models {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

impl Connection {
    /// A client for `url`, with the key that `judge` names.
    ///
    /// # Errors
    /// [`Failure::Usage`] where the URL is none, or the key is not where it should be.
    pub(super) fn new(judge: &Judge, url: &str) -> Result<Self, Failure> {
        let (name, entry) = (judge.name.clone(), &judge.entry);
        let wrong = |why: String| Failure::Usage(format!("judge.entries.{name}.url: {why}"));
        let base = base(url).map_err(wrong)?;
        let key = key(judge)?;
        let secrets = key.as_deref().into_iter().chain(base.password());
        let words = OwnWords::of(secrets.map(|secret| secret.as_bytes().to_vec()));
        let headers = key.map(|key| authorization(&key, entry)).transpose()?;
        let connect = CONNECT.min(judge.settings.timeout.duration().mul_f64(0.8));
        let client = http::client(&base, connect).map_err(|error| {
            let cause = deepest_cause(&error);
            wrong(format!(
                "no HTTP client for it: {cause}; are CA certificates installed? (SSL_CERT_FILE names others)"
            ))
        })?;
        let headers = headers.unwrap_or_default();
        Ok(Connection { client, base, headers, name, key_env: entry.key_env.clone(), words })
    }

    /// Which judge it is, and where.
    pub(super) fn who(&self) -> String {
        format!("the judge `{}` at {}", self.name, shown(&self.base))
    }

    /// What a mend may name.
    pub(super) fn place(&self) -> Place<'_> {
        let is_versioned = self.base.path().trim_end_matches('/').ends_with("/v1");
        Place { name: &self.name, key_env: self.key_env.as_deref(), is_versioned }
    }

    /// `said`, fit to be shown.
    pub(super) fn words(&self, said: &str) -> String {
        self.words.begin(said)
    }

    /// A failure of this judge, with what it said itself.
    pub(super) fn failed(&self, how: &str, said: &str) -> Failure {
        Failure::Failed { how: format!("{} {how}", self.who()), words: self.words(said) }
    }

    /// Posts `body`, which is JSON.
    ///
    /// # Errors
    /// [`Failure::Failed`] where nothing came back.
    pub(super) async fn post(&self, path: &str, body: Vec<u8>) -> Result<Reply, Failure> {
        let request = self.client.post(below(&self.base, path)).body(Bytes::from(body));
        self.send(request.header(CONTENT_TYPE, "application/json")).await
    }

    /// The names of its models.
    ///
    /// # Errors
    /// [`Failure::Failed`] where nothing came back.
    pub(super) async fn models(&self) -> Result<Listed, Failure> {
        let mut response = match self.send(self.client.get(below(&self.base, "/models"))).await? {
            Reply::Answer(response) => response,
            Reply::Refused(refusal) => return Ok(Listed::Refused(refusal)),
        };
        let mut list = Vec::new();
        while let Ok(Some(bytes)) = response.chunk().await {
            if list.len() + bytes.len() > LONGEST_LIST {
                break;
            }
            list.extend_from_slice(&bytes);
        }
        // What broke off, or was too long, is no JSON either.
        Ok(match serde_json::from_slice::<Models>(&list) {
            Ok(models) => Listed::Models(models.data.into_iter().map(|model| model.id).collect()),
            Err(_) => Listed::Foreign(String::from_utf8_lossy(&list[..list.len().min(SHOWN)]).into_owned()),
        })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Reply, Failure> {
        let response = request.headers(self.headers.clone()).send().await.map_err(|error| self.unreached(error))?;
        match response.status() {
            StatusCode::OK => Ok(Reply::Answer(response)),
            _ => Ok(Reply::Refused(Refusal::read(response).await)),
        }
    }

    /// Why nothing came back.
    fn unreached(&self, error: reqwest::Error) -> Failure {
        let error = error.without_url();
        let cause = deepest_cause(&error);
        let url = format!("judge.entries.{}.url", self.name);
        let how = if error.is_connect() && error.is_timeout() {
            format!("takes no connection; is it running, and {url} right?")
        } else if error.is_connect() && cause.contains("certificate") {
            "shows a certificate that is not trusted; SSL_CERT_FILE names a file with its CA's own".into()
        } else if error.is_connect() && cause.contains("InvalidContentType") {
            format!("does not speak TLS; is {url} right, https and not http?")
        } else if error.is_connect() {
            format!("cannot be reached; start it, or correct {url}")
        } else if is_not_http(&error) {
            format!("does not answer in HTTP; is {url} right, http and not https?")
        } else {
            "broke the connection off before it answered; read its log".into()
        };
        self.failed(&how, &cause)
    }
}

/// Whether `response` says that it is a stream of events.
pub(super) fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
}

/// `url` without what people append to a base URL out of habit.
fn base(url: &str) -> Result<Url, String> {
    const EXPECTED: &str = "expected something like http://127.0.0.1:8010/v1";
    // What cannot be parsed is not shown: it may hold a password.
    let mut base = Url::parse(url.trim()).map_err(|error| format!("not a URL ({error}); {EXPECTED}"))?;
    if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
        return Err(format!("neither http nor https; {EXPECTED}"));
    }
    base.set_fragment(None);
    let path = base.path().trim_end_matches('/');
    let path = path.strip_suffix("/chat/completions").unwrap_or(path).to_owned();
    base.set_path(&path);
    Ok(base)
}

/// The key in the variable that the judge's entry names, where it names one.
fn key(judge: &Judge) -> Result<Option<String>, Failure> {
    let Some(name) = judge.entry.key_env.as_deref().filter(|name| !name.is_empty()) else { return Ok(None) };
    let place = format!("judge.entries.{}.key_env", judge.name);
    let Some(key) = variable(&judge.environment, name).filter(|key| !key.is_empty()) else {
        let why = format!("{place}: the environment variable {name} is not set; put the endpoint's key into it");
        return Err(Failure::Usage(why));
    };
    // A file's last line end is no part of the key.
    let key = key.to_str().map(str::trim).filter(|key| !key.is_empty());
    key.map(|key| Some(key.to_owned()))
        .ok_or_else(|| Failure::Usage(format!("{place}: the environment variable {name} holds no text, so no key")))
}

/// The header that shows `key`.
fn authorization(key: &str, entry: &JudgeEntry) -> Result<HeaderMap, Failure> {
    let name = entry.key_env.as_deref().unwrap_or_default();
    let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| {
        let why = "holds a character that no HTTP header can hold";
        Failure::Usage(format!("the environment variable {name}, which is to hold the endpoint's key, {why}"))
    })?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn judge(url: &str, key_env: Option<&str>, environment: &[(&str, &str)]) -> Result<Connection, Failure> {
        let mut config = Config::default();
        config.judge.use_ = "endpoint".into();
        let (_, entry) = config.judge.entries.0.iter_mut().find(|(name, _)| name == "endpoint").unwrap();
        entry.key_env = key_env.map(str::to_owned);
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Connection::new(&Judge::new(&config, environment).unwrap(), url)
    }

    #[test]
    fn a_base_url_is_taken_as_people_write_it() {
        for url in
            ["http://h:8010/v1", " http://h:8010/v1/ ", "http://h:8010/v1/chat/completions/", "http://h:8010/v1#x"]
        {
            assert_eq!(below(&base(url).unwrap(), "/models").as_str(), "http://h:8010/v1/models", "{url}");
        }
        let azure = base("https://me:pw@[::1]/openai/v1?api-version=secret").unwrap();
        assert_eq!(below(&azure, "/models").as_str(), "https://me:pw@[::1]/openai/v1/models?api-version=secret");
        assert_eq!(shown(&azure), "https://[::1]/openai/v1");
        assert_eq!(shown(&base("http://h").unwrap()), "http://h");
    }

    #[test]
    fn what_is_no_url_is_told_and_not_shown() {
        for url in ["", "127.0.0.1:8010", "ftp://h", "http://", "unix:/run/vllm.sock", "http://me:secret@:1/v1"] {
            let failure = judge(url, None, &[]).err().unwrap();
            assert_eq!(failure.exit_code(), 64, "{url}");
            let told = failure.to_string();
            assert!(told.starts_with("judge.entries.endpoint.url: ") && !told.contains("secret"), "{told}");
            assert!(told.contains("http://127.0.0.1:8010/v1"), "{told}");
        }
    }

    #[test]
    fn a_key_is_where_it_should_be_or_it_is_said() {
        let with = |value: &str| judge("http://h/v1", Some("JUDGE_KEY"), &[("JUDGE_KEY", value)]);
        let connection = with("correct-horse\n").unwrap();
        let sent = &connection.headers[AUTHORIZATION];
        assert!(sent.as_bytes() == b"Bearer correct-horse" && sent.is_sensitive());
        assert!(!connection.failed("failed", "the key correct-horse").to_string().contains("horse"));
        let failures = [
            judge("http://h/v1", Some("JUDGE_KEY"), &[("OTHER", "x")]).err().unwrap(),
            with(" \n").err().unwrap(),
            with("correct\nhorse").err().unwrap(),
        ];
        for (failure, why) in failures.iter().zip(["is not set", "holds no text", "no HTTP header"]) {
            let told = failure.to_string();
            assert!(failure.exit_code() == 64 && told.contains("JUDGE_KEY") && told.contains(why), "{told}");
            assert!(!told.contains("horse"), "{told}");
        }
        assert!(judge("http://h/v1", None, &[]).unwrap().headers.is_empty());
        assert!(judge("http://h/v1", Some(""), &[]).unwrap().headers.is_empty());
    }
}
