//! The server over real sockets: what clients may ask, and what they cannot do to it.

use std::io::Read;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use autoswe_exporter::web::{Limits, Page, Pages, Probe, Server, Snapshot, router};
use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::transport::{NEVER, PATIENCE, Running as Served, read_all, read_one};

fn snapshot() -> Snapshot {
    let metrics: String = (0..400).map(|n| format!("autoswe_example{{n=\"{n}\"}} {n}\n")).collect();
    let openmetrics = format!("{metrics}# EOF\n");
    Snapshot {
        metrics: metrics.into(),
        openmetrics: openmetrics.into(),
        state: "{}\n".into(),
        state_pretty: "{\n}\n".into(),
        status: "<!doctype html><h1>OK</h1>".into(),
        status_paused: "<!doctype html><h1>paused</h1>".into(),
        live: Probe::ok("alive"),
        started: Probe::failed("no heartbeat was seen yet"),
        ready: Probe::ok("every source was read"),
    }
}

/// The exporter's routes on a server.
struct Running {
    server: Served,
    pages: Arc<Pages>,
}

impl Running {
    fn start(limits: Limits) -> Self {
        let pages = Arc::new(Pages::new(snapshot()));
        let app = router(Arc::clone(&pages), "/metrics").unwrap();
        Running { server: Served::start(app, limits), pages }
    }

    async fn get(&self, path: &str, headers: &[(&'static str, &str)]) -> reqwest::Response {
        // Another test of this process may have installed it; either way there is one.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().tls_certs_only([]).no_proxy().build().unwrap();
        let request = client.get(format!("http://{}{path}", self.address)).timeout(PATIENCE);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap()
    }
}

impl Deref for Running {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.server
    }
}

fn header<'a>(answer: &'a reqwest::Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn metrics_come_in_the_form_that_was_asked_for() {
    let server = Running::start(Limits::default());
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    for (accept, kind, end) in [
        ("", "text/plain; version=0.0.4; charset=utf-8", "399\n"),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", openmetrics, "# EOF\n"),
        ("application/openmetrics-text;q=0,*/*", "text/plain; version=0.0.4; charset=utf-8", "399\n"),
    ] {
        let answer = server.get("/metrics", &[("accept", accept)]).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "content-type"), kind);
        assert_eq!(header(&answer, "vary"), "Accept, Accept-Encoding");
        assert_eq!(header(&answer, "cache-control"), "no-store");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert!(answer.text().await.unwrap().ends_with(end));
    }
}

#[tokio::test]
async fn compressed_pages_are_the_same_pages() {
    let server = Running::start(Limits::default());
    let plain = server.get("/metrics", &[]).await.bytes().await.unwrap();
    for (accept, coding) in [("gzip", "gzip"), ("gzip;q=0.5, zstd", "zstd"), ("identity;q=0, gzip", "gzip")] {
        let answer = server.get("/metrics", &[("accept-encoding", accept)]).await;
        assert_eq!(header(&answer, "content-encoding"), coding);
        let body = answer.bytes().await.unwrap();
        assert!(body.len() * 3 < plain.len(), "{coding}: {} of {}", body.len(), plain.len());
        let mut decoded = Vec::new();
        match coding {
            "gzip" => flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut decoded).map(drop).unwrap(),
            _ => decoded = zstd::bulk::decompress(&body, plain.len()).unwrap(),
        }
        assert_eq!(decoded, plain);
    }
    let answer = server.get("/metrics", &[("accept-encoding", "identity;q=0")]).await;
    assert_eq!(answer.status(), 406);
}

#[tokio::test]
async fn every_route_answers() {
    let server = Running::start(Limits::default());
    for (path, status, kind, body) in [
        ("/", 200, "text/html; charset=utf-8", "<!doctype html><h1>OK</h1>"),
        ("/?refresh=off", 200, "text/html; charset=utf-8", "<!doctype html><h1>paused</h1>"),
        ("/api/v1/state", 200, "application/json", "{}\n"),
        ("/api/v1/state?pretty", 200, "application/json", "{\n}\n"),
        ("/livez", 200, "text/plain; charset=utf-8", "alive\n"),
        ("/startupz", 503, "text/plain; charset=utf-8", "no heartbeat was seen yet\n"),
        ("/-/healthy", 200, "text/plain; charset=utf-8", "The exporter is up.\n"),
        ("/-/ready", 200, "text/plain; charset=utf-8", "every source was read\n"),
    ] {
        let answer = server.get(path, &[]).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (status, kind), "{path}");
        assert_eq!(header(&answer, "cache-control"), "no-store", "{path}");
        assert_eq!(answer.text().await.unwrap(), body, "{path}");
    }
    let page = server.get("/", &[]).await;
    assert!(header(&page, "content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(header(&page, "referrer-policy"), "no-referrer");
}

#[tokio::test]
async fn a_new_snapshot_replaces_every_page_at_once() {
    let server = Running::start(Limits::default());
    assert_eq!(server.get("/livez", &[]).await.status(), 200);
    server.pages.publish(Snapshot {
        live: Probe::failed("heartbeat 950 s old"),
        metrics: "up 1\n".into(),
        ..snapshot()
    });
    let answer = server.get("/livez", &[]).await;
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (503, "heartbeat 950 s old\n"));
    assert_eq!(server.get("/metrics", &[]).await.text().await.unwrap(), "up 1\n");
    let rows = server.pages.requests();
    let count = |handler, code| rows.iter().find(|row| row.handler == handler && row.code == code).map(|row| row.count);
    assert_eq!((count("livez", 200), count("livez", 503), count("metrics", 200)), (Some(1), Some(1), Some(1)));
    assert_eq!((count("state", 200), count("other", 404)), (Some(0), None));
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let server = Running::start(Limits::default());
    let length = server.get("/metrics", &[]).await.bytes().await.unwrap().len();
    let answer = server.raw(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(&format!("content-length: {length}\r\n")) && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn other_methods_are_told_what_is_allowed() {
    let server = Running::start(Limits::default());
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "QUERY"] {
        let request = format!("{method} /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{method}: {answer}");
        assert!(answer.to_lowercase().contains("\r\nallow: get,head\r\n"), "{method}: {answer}");
    }
}

#[tokio::test]
async fn bodies_are_refused() {
    let server = Running::start(Limits::default());
    for request in [
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
        "GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".to_owned(),
        "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n".to_owned(),
    ] {
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{request:?}: {answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_with_a_way_on_and_never_an_error_of_the_server() {
    let server = Running::start(Limits::default());
    for path in [
        "/nothing",
        "/metrics/",
        "//metrics",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/%",
        "/%zz",
        "/%00",
        "/metrics%00",
        "/%ff%fe",
        "/api/v1/state/../../livez",
        "/\\..\\x",
        "/a?%%%",
        "/{x}",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(answer.contains("href=\"/metrics\""), "{path}: {answer}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_400_or_nothing() {
    let server = Running::start(Limits::default());
    for request in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"[..],
        b"GET\r\n\r\n",
        b"GET /metrics\r\n\r\n",
        b"GET /\xff\xfe \r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    ] {
        let answer = server.raw(request).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{request:?}: {answer}");
    }
    assert_eq!(server.get("/-/healthy", &[]).await.status(), 200);
}

#[tokio::test]
async fn a_huge_head_is_431() {
    let server = Running::start(Limits::default());
    let mut request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Large: ".to_vec();
    request.resize(16 * 1024, b'a');
    assert!(server.raw(&request).await.starts_with("HTTP/1.1 431 "));
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let answer = server.raw(format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Running::start(Limits::default());
    let requests = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n\
                    GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = server.raw(requests.as_bytes()).await;
    let at = |text: &str| answer.find(text).unwrap_or_else(|| panic!("{text} in {answer}"));
    assert!(at("alive") < at("every source was read") && at("every source was read") < at("404 Not Found"));
}

#[tokio::test]
async fn a_client_that_drips_its_head_is_cut_off() {
    let server = Running::start(Limits { head: Duration::from_millis(200), idle: NEVER, ..Limits::default() });
    let mut stream = server.connect().await;
    let (mut read, mut write) = stream.split();
    let drip = async {
        // Ends with an error when the server has closed the connection.
        while write.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let cut = async {
        let mut answer = Vec::new();
        read.read_to_end(&mut answer).await.ok();
        assert!(answer.is_empty());
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(drip, cut) }).await.expect("cut off");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let server = Running::start(Limits { head: NEVER, idle: Duration::from_millis(200), ..Limits::default() });
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(read_one(&mut stream).await.ends_with("alive\n"));
    }
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn connections_beyond_the_cap_are_refused_politely_and_room_is_used_again() {
    let server = Running::start(Limits { connections: 2, head: NEVER, ..Limits::default() });
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(read_one(&mut stream).await.starts_with("HTTP/1.1 200 "));
        held.push(stream);
    }
    let refused = server.raw(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("Connection: close"), "{refused}");
    let (head, body) = refused.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{refused}");
    held.pop();
    let admitted = async {
        let request = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        while !server.raw(request).await.starts_with("HTTP/1.1 200 ") {}
    };
    tokio::time::timeout(PATIENCE, admitted).await.expect("room for one more");
}

/// A router whose `/slow` waits until `release` is sent, and says when it has begun.
fn slow_app() -> (Router, tokio::sync::mpsc::UnboundedReceiver<()>, Arc<tokio::sync::Notify>) {
    let (begun, beginnings) = tokio::sync::mpsc::unbounded_channel();
    let release = Arc::new(tokio::sync::Notify::new());
    let released = Arc::clone(&release);
    let slow = move || {
        let (begun, released) = (begun.clone(), Arc::clone(&released));
        async move {
            begun.send(()).unwrap();
            released.notified().await;
            "done\n"
        }
    };
    (Router::new().route("/slow", axum::routing::get(slow)), beginnings, release)
}

#[tokio::test]
async fn draining_answers_what_is_under_way_and_closes_what_is_idle() {
    let (app, mut beginnings, release) = slow_app();
    let mut server = Served::start(app, Limits { idle: NEVER, ..Limits::default() });
    let mut idle = server.connect().await;
    idle.write_all(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(read_one(&mut idle).await.starts_with("HTTP/1.1 404 "));
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    beginnings.recv().await.unwrap();
    server.tell();
    assert_eq!(read_all(&mut idle).await, "");
    let refused = tokio::time::timeout(PATIENCE, async { while TcpStream::connect(server.address).await.is_ok() {} });
    refused.await.expect("no new connection is taken");
    release.notify_one();
    let answer = read_all(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("done\n"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(server.ended().await, 0);
}

#[tokio::test]
async fn draining_ends_though_a_request_never_does() {
    let (app, mut beginnings, _release) = slow_app();
    let limits = Limits { drain: Duration::from_millis(200), ..Limits::default() };
    let mut server = Served::start(app, limits);
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    beginnings.recv().await.unwrap();
    let mut half = server.connect().await;
    half.write_all(b"GET /slow HT").await.unwrap();
    server.tell();
    assert!(server.ended().await >= 1);
}

#[tokio::test]
async fn a_page_that_comes_too_late_for_its_scrape_is_503() {
    let server = Running::start(Limits::default());
    let renders = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&renders);
    let slow = Page::lazy(move || {
        seen.fetch_add(1, Ordering::Relaxed);
        // Stands for work that takes this long.
        std::thread::sleep(Duration::from_millis(150));
        "slow 1\n"
    });
    server.pages.publish(Snapshot { metrics: slow, ..snapshot() });
    let hurried = [("x-prometheus-scrape-timeout-seconds", "0.2")];
    let answer = server.get("/metrics", &hurried).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.text().await.unwrap(), "The page was not ready in the scrape's time.\n");
    let answer = server.get("/metrics", &[("x-prometheus-scrape-timeout-seconds", "10")]).await;
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "slow 1\n"));
    assert_eq!(renders.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_page_that_panics_costs_its_own_request_only() {
    let server = Running::start(Limits::default());
    server.pages.publish(Snapshot { status: Page::lazy(|| -> &'static str { panic!("a bug") }), ..snapshot() });
    assert_eq!(server.get("/", &[]).await.status(), 500);
    assert_eq!(server.get("/metrics", &[]).await.status(), 200);
}

#[tokio::test]
async fn several_addresses_are_served_by_one_server() {
    let server = Server::bind(&["127.0.0.1:0".into(), "127.0.0.1:0".into()]).unwrap();
    let addresses = server.addresses();
    assert_eq!(addresses.len(), 2);
    let app = Router::new().route("/", axum::routing::get(async || "here\n"));
    let served = tokio::spawn(server.serve(app, Limits::default(), std::future::pending()));
    for address in addresses {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(read_all(&mut stream).await.ends_with("here\n"));
    }
    served.abort();
}

#[tokio::test]
async fn a_server_without_an_address_says_so() {
    assert!(Server::bind(&[]).unwrap_err().to_string().contains("no address is given"));
}
