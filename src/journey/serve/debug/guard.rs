//! Who may see the debug surfaces.
//!
//! Two ways: with a token, whoever has it, from anywhere; without one, programs and people of this machine, which is why
//! the server then listens on loopback addresses alone. A browser of this machine shows pages of others, so a request must
//! also name this machine as its host (else another site's name could be pointed here) and, where it changes something,
//! come from a page of this server or from no page.
//!
//! Invariant: pure. Every doubt is a refusal.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use ring::hmac;
use ring::rand::SystemRandom;

use crate::web::Peer;

/// A token has this many characters at least. 16 random ones of base64 are 96 bits.
const SHORTEST: usize = 16;
/// What proxies add. Who came through one is not of this machine, though the connection is.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// What opens the debug surfaces from anywhere. It is not kept: only what proves that another text is the same.
pub struct Token {
    key: hmac::Key,
    tag: hmac::Tag,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// The token that the environment variable `name` holds, as `value`; `None` where it is empty or not set.
    ///
    /// # Errors
    /// When it is too short to be one, or cannot stand in a header. The text never holds it.
    pub fn of_variable(name: &str, value: Option<&str>) -> Result<Option<Self>, String> {
        let Some(text) = value.filter(|text| !text.is_empty()) else { return Ok(None) };
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("the token in {name} has a character that a header cannot hold; take printable ASCII"));
        }
        if text.len() < SHORTEST {
            let length = text.len();
            return Err(format!(
                "the token in {name} has {length} characters; take {SHORTEST} or more by chance (openssl rand -hex 32)"
            ));
        }
        let no_chance = |_| "no random numbers can be had from the system; try again later".to_owned();
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map_err(no_chance)?;
        let tag = hmac::sign(&key, text.as_bytes());
        Ok(Some(Token { key, tag }))
    }

    /// Whether `text` is the token. How long it takes says nothing about how far they are alike: what is compared, in
    /// constant time, is what a key of chance makes of both.
    fn is(&self, text: &[u8]) -> bool {
        hmac::verify(&self.key, text, self.tag.as_ref()).is_ok()
    }

    /// Whether `headers` show it.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let mut all = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(only), None) = (all.next(), all.next()) else { return false };
        let Some((scheme, text)) = only.as_bytes().split_at_checked("Bearer ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Bearer ") && self.is(text.trim_ascii())
    }
}

/// Refuses an address to listen on (an IP address or a name) from which strangers could reach debug surfaces that ask for
/// no token.
///
/// # Errors
/// When it is none of loopback alone, or is no address. The text says what to do.
pub fn check(bind: &str, token: Option<&Token>) -> Result<(), String> {
    if token.is_some() {
        return Ok(());
    }
    let host = bind.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(bind);
    let found = (host, 0).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    let unknown = |why| format!("cannot tell whether {bind:?} is an address of this machine alone: {why}; {MEND}");
    let addresses = found.map_err(|error| unknown(error.to_string()))?;
    if addresses.is_empty() {
        return Err(unknown("the name has no address".into()));
    }
    check_addresses(&addresses, token)
}

/// The same for addresses that are listened on already.
///
/// # Errors
/// As above.
pub fn check_addresses(addresses: &[SocketAddr], token: Option<&Token>) -> Result<(), String> {
    match addresses.iter().find(|address| !is_loopback(address.ip())).filter(|_| token.is_none()) {
        Some(address) => {
            Err(format!("others can reach {}, and debug surfaces tell them everything; {MEND}", address.ip()))
        }
        None => Ok(()),
    }
}

const MEND: &str = "use --bind 127.0.0.1, or put a token of 16 characters or more into the environment variable that \
                    journey.server.debug_token_env names";

/// `0.0.0.0` and `::` are not: they are every address of the machine.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It shows no token.
    NoToken,
    /// It shows another one.
    OtherToken,
    /// It is not of this machine, or of another site's page.
    Foreign(&'static str),
}

/// Why `head` from `peer` is refused.
pub(super) fn refusal(head: &Parts, peer: Peer, token: Option<&Token>) -> Option<Refusal> {
    match token {
        Some(token) if token.is_shown(&head.headers) => {}
        Some(_) if head.headers.contains_key(header::AUTHORIZATION) => return Some(Refusal::OtherToken),
        Some(_) => return Some(Refusal::NoToken),
        None => {
            if let Some(why) = stranger(head, peer) {
                return Some(Refusal::Foreign(why));
            }
        }
    }
    let changes = head.method != Method::GET && head.method != Method::HEAD;
    (changes && !is_own_page(head)).then_some(Refusal::Foreign(
        "A page of another site asked for this. Ask from /status, or with a program that is no browser.\n",
    ))
}

/// Why a request without a token is not of this machine.
fn stranger(head: &Parts, peer: Peer) -> Option<&'static str> {
    // Behind a Unix socket is whoever its owner lets through: a proxy, mostly.
    if !peer.address.is_some_and(|address| is_loopback(address.ip())) {
        return Some("Without a token this is answered to this machine alone.\n");
    }
    if FORWARDED.iter().any(|name| head.headers.contains_key(*name)) {
        return Some("This came through a proxy. Without a token this is answered to this machine alone.\n");
    }
    let hosts = hosts(head);
    if hosts.is_empty() || !hosts.iter().all(|host| host.as_ref().is_some_and(is_this_machine)) {
        return Some("Ask for this under the name localhost, 127.0.0.1 or [::1].\n");
    }
    None
}

/// Every host that the request names; `None` for what is no host.
fn hosts(head: &Parts) -> Vec<Option<Authority>> {
    let named = head.headers.get_all(header::HOST).iter().map(|host| Authority::try_from(host.as_bytes()).ok());
    head.uri.authority().cloned().map(Some).into_iter().chain(named).collect()
}

fn is_this_machine(host: &Authority) -> bool {
    let name = host.host().to_ascii_lowercase();
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&name);
    match address.parse::<IpAddr>() {
        Ok(address) => is_loopback(address),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

/// Whether a request was made by no page, or by one of this server. A browser says so itself; an older one says where the
/// page is from.
fn is_own_page(head: &Parts) -> bool {
    let said = |name: &HeaderName| head.headers.get(name).map(HeaderValue::as_bytes);
    match (said(&SEC_FETCH_SITE), said(&header::ORIGIN)) {
        (Some(site), _) => site == b"same-origin" || site == b"none",
        (None, Some(origin)) => hosts(head).first().is_some_and(|host| is_of(origin, host.as_ref())),
        (None, None) => true,
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

fn is_of(origin: &[u8], host: Option<&Authority>) -> bool {
    let authority = [b"http://".as_slice(), b"https://"].into_iter().find_map(|scheme| origin.strip_prefix(scheme));
    authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host.as_str().as_bytes()))
}

impl Refusal {
    /// The answer to the request.
    pub(super) fn answer(self) -> Response<Body> {
        let (status, text, challenge) = match self {
            Refusal::NoToken => (StatusCode::UNAUTHORIZED, TOKEN, Some(r#"Bearer realm="autoswe-journey""#)),
            Refusal::OtherToken => {
                (StatusCode::UNAUTHORIZED, TOKEN, Some(r#"Bearer realm="autoswe-journey", error="invalid_token""#))
            }
            Refusal::Foreign(why) => (StatusCode::FORBIDDEN, why, None),
        };
        let mut answer = super::text(status, text);
        if let Some(challenge) = challenge {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        answer
    }
}

const TOKEN: &str = "Show the token: Authorization: Bearer TOKEN. The environment of the server holds it.\n";

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
