//! The names that a certificate bears (X.509 subject alternative names, RFC 5280 section 4.2.1.6).
//!
//! Invariant: whatever the bytes are, reading ends, and what is not a well-formed name is left out: a certificate that
//! cannot be read bears no name.

use std::net::{Ipv4Addr, Ipv6Addr};

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
/// `[0]` before the version, `[3]` before the extensions.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// The content of the object identifier 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// DNS names, mail addresses, URIs and IP addresses of `certificate`, as text.
pub(super) fn names(certificate: &[u8]) -> Vec<String> {
    let Some(mut names) = alternative_names(certificate).map(Der) else { return Vec::new() };
    std::iter::from_fn(|| names.next()).filter_map(|(tag, content)| name(tag, content)).collect()
}

/// One `GeneralName`.
fn name(tag: u8, content: &[u8]) -> Option<String> {
    match tag {
        // rfc822Name, dNSName and uniformResourceIdentifier are ASCII.
        0x81 | 0x82 | 0x86 => std::str::from_utf8(content).ok().filter(|text| text.is_ascii()).map(str::to_owned),
        0x87 => match content.len() {
            4 => <[u8; 4]>::try_from(content).ok().map(|bytes| Ipv4Addr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(content).ok().map(|bytes| Ipv6Addr::from(bytes).to_canonical().to_string()),
        },
        _ => None,
    }
}

/// The content of the extension's sequence of names.
fn alternative_names(certificate: &[u8]) -> Option<&[u8]> {
    let mut to_be_signed = Der(Der(Der(certificate).expect(SEQUENCE)?).expect(SEQUENCE)?);
    let mut extensions = loop {
        match to_be_signed.next()? {
            (EXTENSIONS, content) => break Der(Der(content).expect(SEQUENCE)?),
            (VERSION | INTEGER | SEQUENCE | 0x81 | 0x82 | 0xa1 | 0xa2, _) => {}
            _ => return None,
        }
    };
    loop {
        let mut extension = Der(extensions.expect(SEQUENCE)?);
        if extension.next()?.1 == SUBJECT_ALT_NAME {
            // A truth value, whether the extension is critical, may stand before the content.
            let content = std::iter::from_fn(|| extension.next()).find(|(tag, _)| *tag == OCTETS)?.1;
            return Der(content).expect(SEQUENCE);
        }
    }
}

/// Values in DER, one after the other.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value's tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // No certificate is so large that its length takes more than four bytes.
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next value, which must have this tag.
    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    /// A certificate with a name of each kind, made by openssl.
    const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIB7zCCAZagAwIBAgIUC04GJfqfc2BDJGQv7fD+23gkuhcwCgYIKoZIzj0EAwIw\n\
EzERMA8GA1UEAwwIc2FuIHRlc3QwHhcNMjYxMTI2MDAzMDQ3WhcNMzYxMTIzMDAz\n\
MDQ3WjATMREwDwYDVQQDDAhzYW4gdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEH\n\
A0IABKkHYRi0d31KYMRP3YKAsQ6WQFmd2KlYI1NMraRW0eu8XAH5ugEgV+rRuizz\n\
lxg9/g0pHbQfsHr2k6KOOazsflSjgccwgcQwHQYDVR0OBBYEFLl/l76Q0tEyOwne\n\
+V2Fbsk3aKyyMB8GA1UdIwQYMBaAFLl/l76Q0tEyOwne+V2Fbsk3aKyyMA8GA1Ud\n\
EwEB/wQFMAMBAf8wYQYDVR0RBFowWIIPc2NyYXBlci5leGFtcGxlgQ9vcHNAZXhh\n\
bXBsZS5vcmeGHHNwaWZmZTovL2V4YW1wbGUub3JnL3NjcmFwZXKHBMAAAgeHECAB\n\
DbgAAAAAAAAAAAAAAAcwDgYDVR0PAQH/BAQDAgeAMAoGCCqGSM49BAMCA0cAMEQC\n\
IESw5m7my82HNRU67m1JFPzyWY1jy9ZpHGeB4XZJau4TAiA61afx8LHDly5lFAZb\n\
pMzHLiWsPrIm2GrNc6deUC6eqw==\n\
-----END CERTIFICATE-----\n";

    #[test]
    fn names_of_every_kind_are_read() {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
        let expected =
            ["scraper.example", "ops@example.org", "spiffe://example.org/scraper", "192.0.2.7", "2001:db8::7"];
        assert_eq!(names(&certificate), expected);
    }

    #[test]
    fn a_certificate_that_is_cut_off_or_torn_bears_no_other_name() {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
        let whole = names(&certificate);
        for end in 0..certificate.len() {
            assert_eq!(names(&certificate[..end]), Vec::<String>::new(), "{end}");
            // A length that says more than there is.
            let mut torn = certificate.to_vec();
            torn[end] = 0x84;
            assert!(names(&torn).len() <= whole.len(), "{end}");
        }
    }
}
