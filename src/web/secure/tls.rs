//! From the section `tls_server_config` to what rustls serves with.
//!
//! Invariant: a certificate without its key, a key that cannot sign and a CA without a certificate are refused here
//! and not at the first handshake; no message shows a byte of a key.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{Error, RootCertStore, ServerConfig};

use super::client::{ClientCertificates, Policy};
use super::file::{Clients, Pem, PemSource, Tls};
use super::files::Files;
use super::names::ClientAuth;
use super::reader::Reader;

/// What a key may be.
const KEYS: &str = "an RSA key of 2048 to 8192 bits, ECDSA P-256 or P-384, or Ed25519";

/// The server of `tls`, which offers the protocols `alpn`; `None` where `reader` was told what is wrong.
pub(super) fn server(reader: &mut Reader, files: &mut Files, tls: Tls, alpn: &[&str]) -> Option<ServerConfig> {
    let chain = certificates(reader, files, &tls.certificate);
    let key = private_key(reader, files, &tls.key);
    let provider = Arc::new(CryptoProvider {
        cipher_suites: tls.suites,
        kx_groups: tls.groups,
        ..rustls::crypto::ring::default_provider()
    });
    let clients = clients(reader, files, tls.clients, &provider);
    let (chain, key, clients) = (chain?, key?, clients?);
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&tls.versions);
    let builder = builder.map_err(|error| reader.wrong(tls.at, "tls_server_config", error.to_string())).ok()?;
    let built = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients).with_single_cert(chain, key),
        None => builder.with_no_client_auth().with_single_cert(chain, key),
    };
    let mut server = built.map_err(|error| refused(reader, (&tls.certificate, &tls.key), &error)).ok()?;
    server.ignore_client_order = tls.own_order;
    server.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Some(server)
}

/// Names the setting that `error` is about.
fn refused(reader: &mut Reader, (certificate, key): (&Pem, &Pem), error: &Error) {
    match error {
        Error::InconsistentKeys(_) => {
            let message = "is not the key of the certificate; name the one it was made with".to_owned();
            reader.wrong(key.at, &key.path, message);
        }
        Error::InvalidCertificate(why) => {
            let message =
                format!("holds a certificate that cannot be used ({why:?}); make a new one, of X.509 version 3");
            reader.wrong(certificate.at, &certificate.path, message);
        }
        _ => reader.wrong(key.at, &key.path, format!("holds a key that cannot be used; expected {KEYS}")),
    }
}

fn certificates(reader: &mut Reader, files: &mut Files, pem: &Pem) -> Option<Vec<CertificateDer<'static>>> {
    let bytes = bytes(reader, files, pem)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let why = match read {
        Ok(found) if !found.is_empty() => return Some(found),
        Ok(_) => "holds no certificate; expected PEM with BEGIN CERTIFICATE",
        Err(error) => broken(&error),
    };
    reader.wrong(pem.at, &pem.path, why.into());
    None
}

fn private_key(reader: &mut Reader, files: &mut Files, pem: &Pem) -> Option<PrivateKeyDer<'static>> {
    let bytes = bytes(reader, files, pem)?;
    let is_encrypted = [&b"BEGIN ENCRYPTED PRIVATE KEY"[..], b"Proc-Type: 4,ENCRYPTED"]
        .iter()
        .any(|mark| memchr::memmem::find(&bytes, mark).is_some());
    let why = match PrivateKeyDer::from_pem_slice(&bytes) {
        _ if is_encrypted => {
            "holds a key under a passphrase, which nobody is there to type; `openssl pkey -in OLD -out NEW` takes it off"
        }
        Ok(key) => return Some(key),
        Err(pem::Error::NoItemsFound) => "holds no private key; expected PEM with BEGIN PRIVATE KEY",
        Err(error) => broken(&error),
    };
    reader.wrong(pem.at, &pem.path, why.into());
    None
}

/// What is wrong with a PEM. The error's own words may hold a line of the file.
fn broken(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "ends within a PEM section: the line -----END is missing; copy it whole"
        }
        pem::Error::Base64Decode(_) => "holds a PEM section that is not base64; copy it again",
        _ => "is not PEM; expected lines between -----BEGIN and -----END",
    }
}

fn bytes(reader: &mut Reader, files: &mut Files, pem: &Pem) -> Option<Vec<u8>> {
    match &pem.source {
        PemSource::Inline(text) => Some(text.clone().into_bytes()),
        PemSource::File(file) => files.pem(file).map_err(|why| reader.wrong(pem.at, &pem.path, why)).ok(),
    }
}

/// Who judges the certificates of clients: `Some(None)` where they are not asked, `None` where something is wrong.
#[expect(
    clippy::option_option,
    reason = "the outer one is whether the settings are right, the inner one what they say"
)]
fn clients(
    reader: &mut Reader,
    files: &mut Files,
    clients: Clients,
    provider: &Arc<CryptoProvider>,
) -> Option<Option<Arc<ClientCertificates>>> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = &clients.ca {
        for certificate in certificates(reader, files, pem)? {
            if let Err(error) = roots.add(certificate) {
                let message = format!("holds a CA that cannot be used ({error}); expected X.509 version 3");
                reader.wrong(pem.at, &pem.path, message);
                return None;
            }
        }
    }
    if clients.policy == ClientAuth::None {
        return Some(None);
    }
    let policy = Policy { clients: clients.policy, allowed_sans: clients.allowed_sans };
    match ClientCertificates::new(policy, roots, provider) {
        Ok(clients) => Some(Some(Arc::new(clients))),
        Err(error) => {
            let (at, path) =
                clients.ca.as_ref().map_or((reader.top(), "tls_server_config"), |pem| (pem.at, pem.path.as_str()));
            reader.wrong(at, path, format!("cannot be used to check clients: {error}"));
            None
        }
    }
}
