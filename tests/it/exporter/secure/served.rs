//! Pages over TLS: protocols, versions, suites, headers, and clients that do not speak TLS or speak it too slowly.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::PATIENCE;
use super::{Place, TLS, s_client};
use crate::prometheus::Prometheus;

#[tokio::test]
async fn pages_are_served_over_tls_with_http_2_or_1_1() {
    let place = Place::new();
    let exporter = place.start(TLS).await;
    assert!(exporter.log.until("listening").await.contains("scheme=https"));
    for (flag, status) in [("--http2", "HTTP/2 200"), ("--http1.1", "HTTP/1.1 200 OK")] {
        let answer = place.curl(&exporter, "/metrics", &[flag]).await;
        assert_eq!(answer.status(), status, "{answer:?}");
        assert!(answer.answer.contains("\nautoswe_build_info{"), "{answer:?}");
    }
    let stranger = place.curl(&exporter, "/metrics", &["--cacert", "/dev/null"]).await;
    assert_ne!(stranger.exit, Some(0), "{stranger:?}");
}

#[tokio::test]
async fn http_2_can_be_turned_off_and_headers_are_on_every_answer() {
    let place = Place::new();
    let web = "http_server_config:\n  http2: false\n  headers:\n    Strict-Transport-Security: max-age=1000\n    \
               X-Frame-Options: deny\n    Content-Security-Policy: default-src 'none'\n";
    let exporter = place.start(&format!("{TLS}{web}")).await;
    for path in ["/", "/livez", "/nothing"] {
        let answer = place.curl(&exporter, path, &["--http2"]).await;
        assert!(answer.status().starts_with("HTTP/1.1 "), "{answer:?}");
        for header in ["strict-transport-security: max-age=1000", "x-frame-options: deny"] {
            assert_eq!(answer.answer.matches(header).count(), 1, "{path}: {answer:?}");
        }
        let policies = answer.answer.matches("content-security-policy: ").count();
        assert_eq!(policies, 1, "the file's takes the place of the page's: {answer:?}");
    }
}

#[tokio::test]
async fn versions_suites_and_curves_are_those_of_the_file() {
    let place = Place::new();
    let newest = place.start(&format!("{TLS}  min_version: TLS13\n  curve_preferences: [CurveP384]\n")).await;
    let said = s_client(newest.addresses[0], &["-tls1_2"]).await;
    assert!(said.contains("alert protocol version") || said.contains("Cipher is (NONE)"), "{said}");
    let said = s_client(newest.addresses[0], &["-tls1_3"]).await;
    assert!(said.contains("New, TLSv1.3, Cipher is TLS_"), "{said}");
    assert!(said.contains("ECDH, P-384") || said.contains("secp384r1"), "{said}");
    let said = s_client(newest.addresses[0], &["-tls1_3", "-groups", "X25519"]).await;
    assert!(said.contains("Cipher is (NONE)"), "{said}");
    drop(newest);

    let suite = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
    let older = place.start(&format!("{TLS}  max_version: TLS12\n  cipher_suites: [{suite}]\n")).await;
    let said = s_client(older.addresses[0], &[]).await;
    assert!(said.contains("New, TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"), "{said}");
    for wrong in [&["-tls1_3"][..], &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], &["-tls1_1"]] {
        let said = s_client(older.addresses[0], wrong).await;
        assert!(said.contains("Cipher is (NONE)"), "{wrong:?}: {said}");
    }
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_what_to_do() {
    let place = Place::new();
    let exporter = place.start(TLS).await;
    let answer = place.curl_url(&format!("http://{}/metrics", exporter.addresses[0]), &[]).await;
    assert_eq!(answer.code(), 400, "{answer:?}");
    assert!(answer.answer.contains("https://"), "{answer:?}");
    assert_eq!(place.curl(&exporter, "/livez", &[]).await.code(), 200);
}

#[tokio::test]
async fn a_handshake_that_drips_is_cut_off() {
    let mut place = Place::new();
    place.home = place.home.with(json!({"web": {"header_timeout": "500ms"}}));
    let exporter = place.start(TLS).await;
    let (mut read, mut write) = TcpStream::connect(exporter.addresses[0]).await.unwrap().into_split();
    let drip = async {
        // A record of a handshake that never becomes whole; it ends with an error once the server has closed.
        let mut bytes = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01].into_iter().chain(std::iter::repeat(0));
        while write.write_all(&[bytes.next().unwrap()]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let cut = async {
        let mut answer = Vec::new();
        read.read_to_end(&mut answer).await.ok();
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(drip, cut) }).await.expect("cut off");
    assert_eq!(place.curl(&exporter, "/livez", &[]).await.code(), 200);
}

#[tokio::test]
async fn prometheus_scrapes_over_tls_with_a_login_and_a_certificate() {
    let place = Place::new();
    place.authority.issue("scraper", "DNS:prometheus");
    let hash = bcrypt::hash("open sesame", 8).unwrap();
    let web = format!(
        "{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  \
         client_allowed_sans: [prometheus]\nbasic_auth_users:\n  prometheus: {hash}\n"
    );
    let exporter = place.start(&web).await;
    let job = |name: &str, more: &str| {
        format!(
            "- job_name: {name}\n  scheme: https\n  tls_config: {{ca_file: {}, cert_file: {}, key_file: {}}}\n  \
             static_configs: [{{targets: ['{}']}}]\n{more}",
            place.file("ca.pem").display(),
            place.file("scraper.pem").display(),
            place.file("scraper.key").display(),
            exporter.addresses[0],
        )
    };
    let good = job("good", "  basic_auth: {username: prometheus, password: open sesame}\n");
    let bad = job("bad", "  basic_auth: {username: prometheus, password: open barley}\n");
    let prometheus = Prometheus::start_scraping(&(good + &bad)).await;
    prometheus.query_until("up{job=\"good\"} == 1", 1).await;
    prometheus.query_until("autoswe_build_info{job=\"good\"}", 1).await;
    prometheus.query_until("up{job=\"bad\"} == 0", 1).await;
    assert!(prometheus.query("autoswe_build_info{job=\"bad\"}").await.is_empty());
    assert!(!exporter.log.all().contains("open"), "a password in the log");
}
