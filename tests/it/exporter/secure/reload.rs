//! Files that change while the program runs.

use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::{Exporter, LOOK, PATIENCE};
use super::{NAMES, Place, TLS};

/// A connection, and the certificate that the server showed.
async fn connect(place: &Place, exporter: &Exporter) -> (TlsStream<TcpStream>, CertificateDer<'static>) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(place.authority.file()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(exporter.addresses[0]).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
    (stream, shown)
}

/// Asks for a page on a connection that stays open; the answer's status line.
async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"The exporter is up.\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap().lines().next().unwrap().to_owned()
}

fn certificate(place: &Place, name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(place.file(name)).unwrap()
}

/// Waits until a new connection shows the certificate that is in `server.pem` now.
async fn until_taken_up(place: &Place, exporter: &Exporter) {
    let start = Instant::now();
    while connect(place, exporter).await.1 != certificate(place, "server.pem") {
        assert!(start.elapsed() < PATIENCE, "it was never taken up\n{}", exporter.log.all());
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_old_ones_stay() {
    let place = Place::new();
    let exporter = place.start(TLS).await;
    let (mut old, shown) = connect(&place, &exporter).await;
    assert_eq!(shown, certificate(&place, "server.pem"));
    assert_eq!(ask(&mut old).await, "HTTP/1.1 200 OK");
    // Key and certificate one after the other, as some programs renew them: they do not fit in between.
    place.authority.issue("next", NAMES);
    place.write("server.key", std::fs::read(place.file("next.key")).unwrap());
    exporter.log.until("is not the key of the certificate").await;
    place.write("server.pem", std::fs::read(place.file("next.pem")).unwrap());
    until_taken_up(&place, &exporter).await;
    exporter.log.until("were taken up").await;
    assert_ne!(connect(&place, &exporter).await.1, shown);
    assert_eq!(ask(&mut old).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_is_told_of_once() {
    let place = Place::new();
    let exporter = place.start(TLS).await;
    let shown = certificate(&place, "server.pem");
    let secret = "MC4CAQAwBQYDK2VwBCIEIHVuc2VjcmV0";
    for (file, broken, says) in [
        ("server.key", format!("-----BEGIN PRIVATE KEY-----\n{secret}\n"), "-----END is missing"),
        ("web.yml", format!("{TLS}  min_version: TLS10\n"), "not offered"),
        ("web.yml", "basic_auth_users: {}\n".into(), "TLS is turned on and off at a start only"),
    ] {
        let good = std::fs::read(place.file(file)).unwrap();
        place.write(file, broken);
        exporter.log.until(says).await;
        for _ in 0..3 {
            assert_eq!(connect(&place, &exporter).await.1, shown);
        }
        assert_eq!(exporter.log.with(says).len(), 1, "{}", exporter.log.all());
        let taken_up = exporter.log.with("were taken up").len();
        place.write(file, good);
        let start = Instant::now();
        while exporter.log.with("were taken up").len() == taken_up {
            assert!(start.elapsed() < PATIENCE, "the mend was never taken up\n{}", exporter.log.all());
            tokio::time::sleep(LOOK).await;
        }
    }
    assert!(!exporter.log.all().contains(secret), "a key in the log");
}

#[tokio::test]
async fn a_new_password_is_taken_up_and_the_old_one_ends() {
    let place = Place::new();
    let web = |password: &str| format!("basic_auth_users: {{alice: {}}}\n", bcrypt::hash(password, 4).unwrap());
    let exporter = place.start(&web("old")).await;
    let code = async |password: &str| {
        let ask = exporter.client.get(exporter.url("/metrics")).basic_auth("alice", Some(password));
        ask.send().await.unwrap().status().as_u16()
    };
    assert_eq!((code("old").await, code("new").await), (200, 401));
    place.write("web.yml", web("new"));
    let start = Instant::now();
    while code("new").await != 200 {
        assert!(start.elapsed() < PATIENCE, "the new password was never taken up");
        tokio::time::sleep(LOOK).await;
    }
    assert_eq!(code("old").await, 401);
}
