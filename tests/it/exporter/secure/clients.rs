//! Certificates of clients, by each policy.

use super::super::Exporter;
use super::{Place, TLS};
use crate::certificates::Authority;

/// How curl is told to bring the certificate `name`; none for "".
fn bring(name: &str) -> Vec<String> {
    if name.is_empty() {
        return Vec::new();
    }
    ["--cert".into(), format!("{name}.pem"), "--key".into(), format!("{name}.key")].into()
}

async fn is_let_in(place: &Place, exporter: &Exporter, name: &str, version: &str) -> bool {
    let more = bring(name);
    let more: Vec<&str> = more.iter().map(String::as_str).chain(["--tls-max", version]).collect();
    place.curl(exporter, "/livez", &more).await.code() == 200
}

#[tokio::test]
async fn each_policy_lets_in_whom_go_lets_in() {
    let place = Place::new();
    place.authority.issue("known", "DNS:scraper.example");
    Authority::new(place.home.path(), "other").issue("stranger", "DNS:scraper.example");
    let ca = "  client_ca_file: ca.pem\n";
    for (policy, ca, [nobody, known, stranger]) in [
        ("NoClientCert", "", [true, true, true]),
        ("RequestClientCert", "", [true, true, true]),
        ("RequireAnyClientCert", "", [false, true, true]),
        ("VerifyClientCertIfGiven", ca, [true, true, false]),
        ("RequireAndVerifyClientCert", ca, [false, true, false]),
    ] {
        let exporter = place.start(&format!("{TLS}  client_auth_type: {policy}\n{ca}")).await;
        for (name, expected) in [("", nobody), ("known", known), ("stranger", stranger)] {
            for version in ["1.2", "1.3"] {
                assert_eq!(is_let_in(&place, &exporter, name, version).await, expected, "{policy} {name} {version}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_of_each_kind_is_matched_as_it_is_written() {
    let place = Place::new();
    place.authority.issue("known", "DNS:*.example.org,email:ops@example.org,URI:spiffe://example.org/a,IP:2001:db8::7");
    let policy = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";
    for (name, expected) in [
        ("ops@example.org", true),
        ("spiffe://example.org/a", true),
        ("2001:db8::7", true),
        ("*.example.org", true),
        ("a.example.org", false),
        ("spiffe://example.org/", false),
        ("known", false),
    ] {
        let exporter = place.start(&format!("{TLS}{policy}  client_allowed_sans: [x, '{name}']\n")).await;
        assert_eq!(is_let_in(&place, &exporter, "known", "1.3").await, expected, "{name}");
    }
}
