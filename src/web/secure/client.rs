//! Judging the certificates that clients bring.
//!
//! Invariant: whatever the policy, a client that brings a certificate has proved that it holds the key; only a policy
//! that verifies says who it is.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::names::ClientAuth;
use super::san;

/// What is asked of clients.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) clients: ClientAuth,
    /// Names of which a certificate must bear one; empty for no such limit.
    pub(super) allowed_sans: Vec<String>,
}

/// The judge.
#[derive(Debug)]
pub(super) struct ClientCertificates {
    policy: Policy,
    hints: Vec<DistinguishedName>,
    /// There where the policy verifies.
    authority: Option<Arc<dyn ClientCertVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertificates {
    /// Judges by `policy`; `roots` are the CAs.
    pub(super) fn new(
        policy: Policy,
        roots: RootCertStore,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let hints = roots.subjects();
        let authority = match policy.clients.verifies() {
            true => Some(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build()?),
            false => None,
        };
        Ok(ClientCertificates { policy, hints, authority, algorithms: provider.signature_verification_algorithms })
    }

    fn bears_allowed_name(&self, certificate: &CertificateDer<'_>) -> bool {
        let allowed = &self.policy.allowed_sans;
        allowed.is_empty() || san::names(certificate).iter().any(|name| allowed.contains(name))
    }
}

impl ClientCertVerifier for ClientCertificates {
    fn client_auth_mandatory(&self) -> bool {
        self.policy.clients.requires()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(authority) = &self.authority {
            authority.verify_client_cert(end_entity, intermediates, now)?;
        }
        match self.bears_allowed_name(end_entity) {
            true => Ok(ClientCertVerified::assertion()),
            false => Err(Error::InvalidCertificate(CertificateError::NotValidForName)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
