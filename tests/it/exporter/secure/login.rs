//! Logins over plain HTTP and TLS, and a flood of guesses.

use std::net::{IpAddr, Ipv4Addr};

use super::super::PATIENCE;
use super::Place;

/// The cost that people use.
const COST: u32 = 10;

fn web(password: &str) -> String {
    format!("basic_auth_users:\n  alice: {}\n", bcrypt::hash(password, COST).unwrap())
}

#[tokio::test]
async fn pages_need_a_login_and_probes_need_none() {
    let place = Place::new();
    let exporter = place.start(&web("wonder:land")).await;
    assert!(exporter.log.until("listening").await.contains("scheme=http"));
    let base = format!("http://{}", exporter.addresses[0]);
    let code = async |path: &str, more: &[&str]| place.curl_url(&format!("{base}{path}"), more).await;
    for path in ["/", "/metrics", "/api/v1/state", "/nothing", "/livez/", "/metrics?/livez"] {
        let answer = code(path, &[]).await;
        assert_eq!(answer.code(), 401, "{path}: {answer:?}");
        assert!(answer.answer.contains("www-authenticate: Basic realm="), "{answer:?}");
        assert_eq!(code(path, &["--user", "alice:wonder"]).await.code(), 401, "{path}");
        assert_eq!(code(path, &["--user", "bob:wonder:land"]).await.code(), 401, "{path}");
        assert_ne!(code(path, &["--user", "alice:wonder:land"]).await.code(), 401, "{path}");
    }
    for path in ["/livez", "/startupz", "/-/healthy", "/-/ready"] {
        assert_ne!(code(path, &[]).await.code(), 401, "{path}");
    }
    assert!(!exporter.log.all().contains("wonder"), "a password in the log");
}

/// A client that comes from `address`.
fn client(address: IpAddr) -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).local_address(address);
    client.build().unwrap()
}

#[tokio::test]
async fn a_flood_of_guesses_stalls_nobody() {
    let place = Place::new();
    let exporter = place.start(&web("right")).await;
    let url = |path: &str| format!("http://{}{path}", exporter.addresses[0]);
    let before = exporter.peak_memory();
    let mut guesses = tokio::task::JoinSet::new();
    for guess in 0..200_u8 {
        let client = client(Ipv4Addr::new(127, 0, 1, guess % 20).into());
        let ask = client.get(url("/metrics")).basic_auth("alice", Some(format!("guess {guess}")));
        guesses.spawn(async move { ask.send().await.unwrap().status().as_u16() });
    }
    let honest = client(Ipv4Addr::LOCALHOST.into());
    let probes = async {
        for _ in 0..50 {
            let answer = honest.get(url("/livez")).send().await.unwrap();
            assert_ne!(answer.status(), 401);
            answer.bytes().await.unwrap();
        }
    };
    let scrapes = async {
        let scrape = async || {
            let answer = honest.get(url("/metrics")).basic_auth("alice", Some("right")).send().await.unwrap();
            answer.status().as_u16()
        };
        // The line may be full at first; from the first login on nobody is asked to wait.
        while scrape().await == 429 {
            tokio::time::sleep(super::super::LOOK).await;
        }
        for _ in 0..20 {
            assert_eq!(scrape().await, 200);
        }
    };
    let ((), ()) = tokio::join!(probes, scrapes);
    let answers = guesses.join_all().await;
    assert!(answers.iter().all(|code| [401, 429].contains(code)), "{answers:?}");
    assert!(answers.contains(&429), "the line was never full");
    assert!(exporter.peak_memory() - before < 16 << 20, "{} bytes", exporter.peak_memory() - before);
}

#[tokio::test]
async fn more_requests_than_the_rate_allows_are_sent_away() {
    let place = Place::new();
    let exporter = place.start("rate_limit: {interval: 1h, burst: 3}\n").await;
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(exporter.get("/metrics").await.status);
    }
    assert_eq!(codes, [200, 200, 200, 429, 429]);
    assert_ne!(exporter.get("/livez").await.status, 429);
}
