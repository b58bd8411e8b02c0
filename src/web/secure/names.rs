//! The names that the format takes from Go's TLS library, and what they are in rustls.
//!
//! Invariant: a name that Go has and rustls has not is refused in words that say so, and is never left out quietly.

use rustls::crypto::SupportedKxGroup;
use rustls::crypto::ring::{ALL_CIPHER_SUITES, kx_group};
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion};

use super::reader::advice;

/// The keys of `tls_server_config`.
pub(super) const TLS_KEYS: [&str; 13] = [
    "cert_file",
    "cert",
    "key_file",
    "key",
    "client_auth_type",
    "client_ca_file",
    "client_ca",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "curve_preferences",
    "prefer_server_cipher_suites",
];

/// What is asked of a client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientAuth {
    /// Nothing; clients are not asked.
    None,
    /// Clients are asked, whatever they bring is taken.
    Request,
    /// There must be one, whoever signed it.
    RequireAny,
    /// Where there is one, the CA must have signed it.
    VerifyIfGiven,
    /// There must be one, and the CA must have signed it.
    RequireAndVerify,
}

impl ClientAuth {
    /// Whether a client without a certificate is sent away.
    pub(super) fn requires(self) -> bool {
        matches!(self, ClientAuth::RequireAny | ClientAuth::RequireAndVerify)
    }

    /// Whether a certificate is held against the CA.
    pub(super) fn verifies(self) -> bool {
        matches!(self, ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify)
    }
}

/// Go's names of its policies, and an older one that the toolkit still takes.
pub(super) fn client_auth(name: &str) -> Result<ClientAuth, String> {
    const NAMES: [(&str, ClientAuth); 6] = [
        ("NoClientCert", ClientAuth::None),
        ("RequestClientCert", ClientAuth::Request),
        ("RequireAnyClientCert", ClientAuth::RequireAny),
        ("VerifyClientCertIfGiven", ClientAuth::VerifyIfGiven),
        ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerify),
        ("RequireClientCert", ClientAuth::RequireAny),
    ];
    let found = NAMES.iter().find(|(known, _)| *known == name).map(|(_, policy)| *policy);
    found.ok_or_else(|| unknown(name, &NAMES.map(|(name, _)| name)[..5]))
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    Tls12,
    Tls13,
}

impl Version {
    pub(super) const ALL: [Version; 2] = [Version::Tls12, Version::Tls13];

    pub(super) fn rustls(self) -> &'static SupportedProtocolVersion {
        match self {
            Version::Tls12 => &TLS12,
            Version::Tls13 => &TLS13,
        }
    }
}

pub(super) fn version(name: &str) -> Result<Version, String> {
    match name {
        "TLS12" => Ok(Version::Tls12),
        "TLS13" => Ok(Version::Tls13),
        "TLS10" | "TLS11" => {
            Err("TLS 1.0 and 1.1 are not offered: they are broken, and rustls has neither; write TLS12".into())
        }
        _ => Err(unknown(name, &["TLS12", "TLS13"])),
    }
}

/// Suites that Go has and rustls has not: without forward secrecy, or with CBC.
const NOT_IN_RUSTLS: [&str; 8] = [
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// The suite that Go calls `name`.
pub(super) fn cipher_suite(name: &str) -> Result<SupportedCipherSuite, String> {
    if let Some(suite) = ALL_CIPHER_SUITES.iter().find(|suite| go_name(suite) == name) {
        return Ok(*suite);
    }
    if NOT_IN_RUSTLS.contains(&name) {
        return Err(format!(
            "{name} is not offered: rustls has no suites with CBC or without forward secrecy; take it out"
        ));
    }
    let names: Vec<String> = ALL_CIPHER_SUITES.iter().map(go_name).collect();
    Err(unknown(name, &names.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// `TLS13_AES_...` of rustls is `TLS_AES_...` elsewhere.
fn go_name(suite: &SupportedCipherSuite) -> String {
    let name = format!("{:?}", suite.suite());
    name.strip_prefix("TLS13_").map_or(name.clone(), |rest| format!("TLS_{rest}"))
}

/// The suites to offer where `named` were asked for. As with Go, the list is about TLS 1.2: the suites of TLS 1.3 are
/// always there.
pub(super) fn with_tls13(named: Vec<SupportedCipherSuite>) -> Vec<SupportedCipherSuite> {
    if named.is_empty() {
        return ALL_CIPHER_SUITES.to_vec();
    }
    let is_13 = |suite: &&SupportedCipherSuite| suite.version().version == ProtocolVersion::TLSv1_3;
    let older = named.iter().filter(|suite| !is_13(suite));
    ALL_CIPHER_SUITES.iter().filter(is_13).chain(older).copied().collect()
}

/// Every curve, best first.
pub(super) fn curves() -> Vec<&'static dyn SupportedKxGroup> {
    vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1]
}

/// The curve that Go calls `name`.
pub(super) fn curve(name: &str) -> Result<&'static dyn SupportedKxGroup, String> {
    match name {
        "X25519" => Ok(kx_group::X25519),
        "CurveP256" => Ok(kx_group::SECP256R1),
        "CurveP384" => Ok(kx_group::SECP384R1),
        "CurveP521" => Err("CurveP521 is not offered: ring, which computes here, has no P-521; take it out".into()),
        _ => Err(unknown(name, &["X25519", "CurveP256", "CurveP384"])),
    }
}

fn unknown(name: &str, known: &[&str]) -> String {
    let shown: String = name.chars().take(60).collect();
    format!("{shown:?} is not known; {}", advice(name, known))
}
