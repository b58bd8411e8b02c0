//! What the clients of vLLM, Alertmanager and webhooks have in common: how they are built, and what their failures are
//! called. (The dead man's switch has a client of its own, which follows redirects and the environment's proxy.)
//!
//! Invariant: no redirect is followed, no proxy of the environment is used, and nothing here shows a password, a query
//! or a key. Time is bounded by the caller.

use std::error::Error as _;
use std::time::Duration;

use reqwest::{Client, Response, Url};

/// Bytes of a refusal's body that are read for the message.
const REFUSAL: usize = 512;
/// How long they may take.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// Characters of a foreign answer that a message shows at most.
const SHOWN: usize = 120;

/// A client for `url`, which gives an address up after `connect`. It takes the system's CA certificates, and for http
/// none: without them building would fail.
///
/// # Errors
/// For https, when there are no CA certificates.
pub(crate) fn client(url: &Url, connect: Duration) -> reqwest::Result<Client> {
    // reqwest panics without a provider; the programs install one first of all, a library's user may not have.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // It fails only when another thread was quicker.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("autoswe-exporter/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect)
        // Servers close idle connections; a request sent into that moment would look like a reset.
        .pool_max_idle_per_host(0);
    let builder = if url.scheme() == "https" { builder } else { builder.tls_certs_only([]) };
    builder.build()
}

/// The URL in the environment variable `variable`, which nobody must see; `None` where that is unset or empty.
///
/// # Errors
/// Where it holds no http or https URL, in words that do not show what it holds.
pub(crate) fn secret_url(variable: &str) -> Result<Option<Url>, String> {
    // The standard library need not take an empty name.
    let text = if variable.is_empty() { None } else { std::env::var_os(variable) };
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let url = text.to_str().and_then(|text| Url::parse(text.trim()).ok());
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(Some).ok_or_else(|| format!("environment variable {variable}: expected an http or https URL"))
}

/// `base` with `path` behind its own.
pub(crate) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

/// `url` for people, without a password or a query.
pub(crate) fn shown(url: &Url) -> String {
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path().trim_end_matches('/'))
}

/// The innermost error says what the operating system or the other side did.
pub(crate) fn deepest_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Whether what answered does not speak HTTP.
pub(crate) fn is_not_http(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(hyper::Error::is_parse) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The beginning of a refusal's body as ` and says "..."`, as far as it comes within a second; empty where there is
/// none.
pub(crate) async fn said(mut response: Response) -> String {
    let mut body = Vec::new();
    let reading = async {
        while body.len() < REFUSAL
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.extend_from_slice(&chunk[..chunk.len().min(REFUSAL)]);
        }
    };
    // A refusal that is not whole by then is told as far as it came.
    drop(tokio::time::timeout(REFUSAL_TIME, reading).await);
    if body.is_empty() { String::new() } else { format!(" and says {}", excerpt(&body)) }
}

/// The first bytes of `page` on one line, in quotes.
pub(crate) fn excerpt(page: &[u8]) -> String {
    let text = String::from_utf8_lossy(&page[..page.len().min(4 * SHOWN)]);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    let cut: String = line.chars().take(SHOWN).collect();
    let more = if cut.len() < line.len() || page.len() > 4 * SHOWN { " ..." } else { "" };
    format!("\"{cut}{more}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_clean_line() {
        let shown = excerpt("a\r\n\x1b[31m b".as_bytes());
        assert_eq!(shown, "\"a [31m b\"");
        let long = excerpt("word ".repeat(1000).as_bytes());
        assert!(long.chars().count() <= SHOWN + 6 && long.ends_with("...\""), "{long}");
    }

    #[test]
    fn what_is_shown_of_an_address_is_no_secret() {
        let url = Url::parse("https://me:secret@h:8010/a/?token=secret#x").unwrap();
        assert_eq!(shown(&url), "https://h:8010/a");
        assert_eq!(
            below(&Url::parse("http://h/prefix/").unwrap(), "/api/v2/alerts").as_str(),
            "http://h/prefix/api/v2/alerts"
        );
    }
}
