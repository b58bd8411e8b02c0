//! The web configuration file: YAML in the format of the Prometheus exporter toolkit, as typed settings.
//!
//! Invariant: every key is known here or refused, every fault is named with its line, and no fault shows a value that
//! may be a secret. No file is read here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use bcrypt::HashParts;

use super::limit::Rate;
use super::names::{self, ClientAuth, Version};
use super::reader::{Reader, Section};
use crate::config::ConfigError;
use crate::config::tree::{self, Kind, Position, Tree};
use crate::config::value::Seconds;

/// What a web configuration file says.
pub(super) struct WebFile {
    /// Absent: HTTP without TLS.
    pub(super) tls: Option<Tls>,
    /// Whether HTTP/2 is offered where there is TLS.
    pub(super) http2: bool,
    /// Headers for every answer.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Users with the bcrypt hash of their password; nobody has to log in when there are none.
    pub(super) users: Vec<(String, String)>,
    /// How often may be asked.
    pub(super) rate: Option<Rate>,
}

/// The section `tls_server_config`.
pub(super) struct Tls {
    /// Where the section stands.
    pub(super) at: Position,
    pub(super) certificate: Pem,
    pub(super) key: Pem,
    pub(super) clients: Clients,
    /// In the order of preference, oldest first.
    pub(super) versions: Vec<&'static rustls::SupportedProtocolVersion>,
    pub(super) suites: Vec<rustls::SupportedCipherSuite>,
    pub(super) groups: Vec<&'static dyn rustls::crypto::SupportedKxGroup>,
    pub(super) own_order: bool,
}

/// Which certificates clients must bring.
pub(super) struct Clients {
    pub(super) policy: ClientAuth,
    pub(super) ca: Option<Pem>,
    pub(super) allowed_sans: Vec<String>,
}

/// PEM text, or the file it is in, and the setting that says so.
pub(super) struct Pem {
    pub(super) source: PemSource,
    pub(super) path: String,
    pub(super) at: Position,
}

/// Where PEM text is.
pub(super) enum PemSource {
    File(PathBuf),
    Inline(String),
}

/// The highest cost of a hash: checking one password takes some 20 s then. Each step more doubles it.
const MAX_COST: u32 = 18;

/// The headers that may be set, each with the values it takes; none is any value.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-XSS-Protection", &[]),
    ("Strict-Transport-Security", &[]),
];

/// Reads the `text` of `file`.
///
/// # Errors
/// Everything that is wrong, by line.
pub(super) fn parse(file: &Arc<Path>, text: &str) -> Result<WebFile, Vec<ConfigError>> {
    let (tree, problems) = tree::parse(text);
    let mut reader = Reader::new(file, problems);
    let web = web(&mut reader, tree);
    reader.finish(web)
}

fn web(reader: &mut Reader, tree: Option<Tree>) -> WebFile {
    let known = ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"];
    let mut top = reader.section("", tree, &known);
    let tls = top.section(reader, "tls_server_config", &names::TLS_KEYS);
    let mut http = top.section(reader, "http_server_config", &["http2", "headers"]);
    let rate = top.section(reader, "rate_limit", &["interval", "burst"]);
    WebFile {
        tls: if tls.is_empty() { None } else { tls_section(reader, tls) },
        http2: http.flag(reader, "http2", true),
        headers: headers(reader, http),
        users: users(reader, top.take("basic_auth_users")),
        rate: rate_limit(reader, rate),
    }
}

fn tls_section(reader: &mut Reader, mut section: Section) -> Option<Tls> {
    let at = section.at;
    let certificate = pem(reader, &mut section, ("cert_file", "cert"));
    let key = pem(reader, &mut section, ("key_file", "key"));
    for (found, names) in [(&certificate, "cert_file or cert"), (&key, "key_file or key")] {
        if found.is_none() {
            reader.wrong(at, "tls_server_config", format!("{names} is missing; without it there can be no TLS"));
        }
    }
    let clients = clients(reader, &mut section);
    let versions = versions(reader, &mut section);
    let suites = section.names(reader, "cipher_suites", names::cipher_suite);
    let suites = names::with_tls13(suites);
    let versions: Vec<_> = versions
        .into_iter()
        .filter(|version| suites.iter().any(|suite| suite.version().version == version.version))
        .collect();
    if versions.is_empty() {
        let message = "no suite of TLS 1.2 is among the cipher_suites, and max_version allows no newer version; add one, \
            such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, or leave max_version out";
        reader.wrong(at, "tls_server_config.max_version", message.into());
    }
    let groups = section.names(reader, "curve_preferences", names::curve);
    Some(Tls {
        at,
        certificate: certificate?,
        key: key?,
        clients,
        versions,
        suites,
        groups: if groups.is_empty() { names::curves() } else { groups },
        own_order: section.flag(reader, "prefer_server_cipher_suites", true),
    })
}

/// The text of a PEM, or the file it is in: one of two keys.
fn pem(reader: &mut Reader, section: &mut Section, (file, inline): (&str, &str)) -> Option<Pem> {
    let (named, text) = (section.text(reader, file), section.text(reader, inline));
    // Told here, and nothing is missing because of it.
    if let (Some(_), Some((_, at))) = (&named, &text) {
        reader.wrong(*at, &section.below(inline), format!("stands beside {file}; keep one of the two"));
    }
    match (named, text) {
        (Some((name, at)), _) => {
            Some(Pem { source: PemSource::File(reader.beside(&name)), path: section.below(file), at })
        }
        (None, Some((text, at))) => Some(Pem { source: PemSource::Inline(text), path: section.below(inline), at }),
        (None, None) => None,
    }
}

fn clients(reader: &mut Reader, section: &mut Section) -> Clients {
    let at = section.at;
    let policy = section.name(reader, "client_auth_type", names::client_auth).unwrap_or(ClientAuth::None);
    let ca = pem(reader, section, ("client_ca_file", "client_ca"));
    let sans = section.texts(reader, "client_allowed_sans");
    let path = "tls_server_config.client_auth_type";
    if policy.verifies() && ca.is_none() {
        let message = "needs client_ca_file: name the CA that signs the certificates of clients; the machine's own CAs are \
            not taken, because they sign certificates for everybody";
        reader.wrong(at, path, message.into());
    }
    if policy == ClientAuth::None && ca.is_some() {
        let message = "is missing beside the client CA, so no client would be asked; write RequireAndVerifyClientCert";
        reader.wrong(at, path, message.into());
    }
    if sans.is_some() && policy != ClientAuth::RequireAndVerify {
        let message = "limits nothing unless client_auth_type is RequireAndVerifyClientCert: anybody can write such a name \
            into a certificate, or come without one";
        reader.wrong(at, "tls_server_config.client_allowed_sans", message.into());
    }
    if sans.as_ref().is_some_and(Vec::is_empty) {
        let message = "an empty list lets no client in; name one, or leave it out".to_owned();
        reader.wrong(at, "tls_server_config.client_allowed_sans", message);
    }
    Clients { policy, ca, allowed_sans: sans.unwrap_or_default() }
}

fn versions(reader: &mut Reader, section: &mut Section) -> Vec<&'static rustls::SupportedProtocolVersion> {
    let at = section.at;
    let least = section.name(reader, "min_version", names::version).unwrap_or(Version::Tls12);
    let most = section.name(reader, "max_version", names::version).unwrap_or(Version::Tls13);
    if least > most {
        let message = "is newer than max_version, so that no version is left; swap the two".to_owned();
        reader.wrong(at, "tls_server_config.min_version", message);
        return vec![&rustls::version::TLS13];
    }
    Version::ALL.into_iter().filter(|version| (least..=most).contains(version)).map(Version::rustls).collect()
}

fn headers(reader: &mut Reader, mut http: Section) -> Vec<(HeaderName, HeaderValue)> {
    let mut section = http.section(reader, "headers", &HEADERS.map(|(name, _)| name));
    let mut found = Vec::new();
    for (name, allowed) in HEADERS {
        let Some((text, at)) = section.text(reader, name) else { continue };
        let path = format!("http_server_config.headers.{name}");
        if !allowed.is_empty() && !allowed.contains(&text.as_str()) {
            reader.wrong(at, &path, format!("expected {}", allowed.join(" or ")));
        } else if let (Ok(value), Ok(name)) = (HeaderValue::from_str(&text), name.parse()) {
            found.push((name, value));
        } else {
            reader.wrong(at, &path, "expected one line of visible ASCII".into());
        }
    }
    found
}

fn users(reader: &mut Reader, tree: Option<(Position, Tree)>) -> Vec<(String, String)> {
    let path = "basic_auth_users";
    let Some((_, tree)) = tree else { return Vec::new() };
    let entries = match tree.kind {
        Kind::Mapping(entries) => entries,
        Kind::Scalar(value) if value.is_null() => return Vec::new(),
        _ => {
            reader.wrong(tree.at, path, "expected one line a user, such as alice: $2y$10$...".into());
            return Vec::new();
        }
    };
    let mut users = Vec::new();
    for entry in entries {
        let place = format!("{path}.{}", entry.key);
        if entry.key.contains(':') {
            let message = "a user's name with a colon can never log in: HTTP ends the name at it; rename".to_owned();
            reader.wrong(entry.at, &place, message);
        }
        let hash = match &entry.value.kind {
            Kind::Scalar(value) => value.as_str().map(str::to_owned),
            _ => None,
        };
        match hash.ok_or_else(not_a_hash).and_then(|hash| check_hash(&hash).map(|()| hash)) {
            Ok(hash) => users.push((entry.key, hash)),
            Err(why) => reader.wrong(entry.value.at, &place, why),
        }
    }
    users
}

fn not_a_hash() -> String {
    "expected the bcrypt hash of the password, such as `htpasswd -nBC 10 NAME` prints behind the colon".into()
}

fn check_hash(hash: &str) -> Result<(), String> {
    let known = ["$2a$", "$2b$", "$2y$"].iter().any(|version| hash.starts_with(version));
    let parts: HashParts = hash.parse().ok().filter(|_| known).ok_or_else(not_a_hash)?;
    match parts.get_cost() {
        4..=MAX_COST => Ok(()),
        cost => {
            Err(format!("the hash has cost {cost}; expected 4 to {MAX_COST}, such as `htpasswd -nBC 10 NAME` makes"))
        }
    }
}

fn rate_limit(reader: &mut Reader, mut section: Section) -> Option<Rate> {
    let (interval, burst) = (section.text(reader, "interval"), section.number(reader, "burst"));
    let (text, at) = interval?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let interval = text.parse::<Seconds>().ok().filter(|_| !digits || text == "0");
    let Some(interval) = interval else {
        reader.wrong(at, "rate_limit.interval", "expected a length of time with its unit, such as 1s or 100ms".into());
        return None;
    };
    if interval.duration() == Duration::ZERO {
        return None;
    }
    match burst.and_then(|burst| u32::try_from(burst).ok()).filter(|burst| *burst > 0) {
        Some(burst) => Some(Rate { interval: interval.duration(), burst }),
        None => {
            let message = "expected a whole number from 1 on: with none no request would ever be answered".to_owned();
            reader.wrong(at, "rate_limit.burst", message);
            None
        }
    }
}
