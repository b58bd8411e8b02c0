//! What the server tells of itself: its log and its private address, over real HTTP.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use autoswe_exporter::journey::release::Shelf;
use autoswe_exporter::journey::serve::{AccessLog, Counters, Form, Loader, Terms, Told, private};
use autoswe_exporter::web::Limits;
use axum::Router;
use axum::routing::get;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::wire::{PATIENCE, Served};
use crate::metrics::readers::{families, promtool_says};
use crate::release::gate::Words;
use crate::release::stage::{Stage, site};

fn public() -> Router {
    Router::new().route("/", get(async || "the site"))
}

fn log(form: Form) -> (Arc<AccessLog>, UnixStream) {
    let (reader, writer) = UnixStream::pair().unwrap();
    (Arc::new(AccessLog::to(form, writer).unwrap()), reader)
}

/// Everything that is logged until the log is closed.
async fn lines(log: Arc<AccessLog>, mut reader: UnixStream) -> Vec<String> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    assert!(tokio::task::spawn_blocking(move || log.close(PATIENCE)).await.unwrap());
    reading.await.unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn each_request_is_one_line_whatever_it_says() {
    let (log, reader) = log(Form::Json);
    let served = Served::start(Told::new(public(), Arc::default(), Some(Arc::clone(&log))));
    served.ask("GET /?token=s3cret", "Referer: http://a.b/s3cret\r\nAuthorization: Bearer s3cret\r\n").await;
    served.ask("HEAD /", "User-Agent: x\"} {\"status\":200,\\\r\n").await;
    served.raw("GET http://me:s3cret@example.org/none HTTP/1.0\r\n\r\n").await;
    served.ask("GET /%0a127.0.0.1%22", "").await;
    let lines: Vec<Value> = lines(log, reader).await.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let field = |name: &str| lines.iter().map(|line| line[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("path"), ["/", "/", "/none", "/%0a127.0.0.1%22"]);
    assert_eq!(field("method"), ["GET", "HEAD", "GET", "GET"]);
    assert_eq!(field("status"), [200, 200, 404, 404]);
    assert_eq!(field("bytes"), [8, 0, 0, 0]);
    assert_eq!(field("peer"), ["127.0.0.1"; 4]);
    assert_eq!((&lines[0]["referrer"], &lines[1]["agent"]), (&"a.b".into(), &"x\"} {\"status\":200,\\".into()));
    assert!(!format!("{lines:?}").contains("s3cret"), "{lines:?}");
}

#[tokio::test]
async fn what_the_server_refuses_by_itself_is_logged_and_counted_too() {
    let (log, reader) = log(Form::Json);
    let counters = Arc::new(Counters::default());
    let limits = Limits { connections: 1, ..Limits::default() };
    let served = Served::within(limits, Told::new(public(), Arc::clone(&counters), Some(Arc::clone(&log))));
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(20_000));
    let asked = [
        ("a broken head", "GET / nonsense\r\n\r\n"),
        ("a long one", long.as_str()),
        ("a body", "POST /a?s3cret HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
    ];
    let mut statuses = Vec::new();
    for (what, request) in asked {
        // The one connection that may be is over only a moment after its answer.
        let answer = loop {
            let answer = served.raw(request).await;
            if answer.status() != 503 {
                break answer;
            }
        };
        statuses.push((what, answer.status()));
    }
    assert_eq!(statuses, [("a broken head", 400), ("a long one", 431), ("a body", 413)]);
    loop {
        let _held = TcpStream::connect(served.address).await.unwrap();
        if served.ask("GET /", "").await.status() == 503 {
            break;
        }
    }

    let lines: Vec<Value> = lines(log, reader).await.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |status: u16| lines.iter().filter(move |line| line["status"] == status).collect::<Vec<_>>();
    for status in [400, 431, 503] {
        let line = of(status)[0];
        assert!(line["method"].is_null() && line["path"].is_null() && line["peer"] == "127.0.0.1", "{line}");
    }
    let body = of(413)[0];
    assert_eq!((&body["method"], &body["path"], &body["bytes"]), (&"POST".into(), &"/a".into(), &37.into()));
    assert!(!format!("{lines:?}").contains("s3cret"), "{lines:?}");
    let requests = counters.read(None, None).requests;
    for (method, status) in [("other", 400), ("other", 431), ("other", 503), ("POST", 413)] {
        let (code, told) = (status.to_string(), of(status).len() as u64);
        let counted = requests.iter().find(|row| (row.0, row.1) == (method, code.as_str())).map(|row| row.2);
        assert_eq!(counted, Some(told), "{status} of {requests:?}");
    }
}

#[tokio::test]
async fn a_stalled_reader_of_the_log_delays_no_request() {
    let (log, reader) = log(Form::Common);
    let counters = Arc::new(Counters::default());
    let served = Served::start(Told::new(public(), Arc::clone(&counters), Some(Arc::clone(&log))));
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let request = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(1900));
    // Three times what the queue and the socket hold. Nobody reads.
    let asked = 2500;
    for _ in 0..asked / 50 {
        stream.write_all(request.repeat(50).as_bytes()).await.unwrap();
        let mut answers = String::new();
        while answers.matches("HTTP/1.1 404").count() < 50 {
            let mut part = [0; 4096];
            let read = tokio::time::timeout(PATIENCE, stream.read(&mut part)).await.expect("answers").unwrap();
            answers.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
    }
    let read = counters.read(Some(&log), None);
    assert!(read.log_dropped.unwrap() > 0, "{read:?}");
    assert_eq!(read.requests, [("GET", "200", 0), ("GET", "404", asked)]);
    let dropped = log.dropped();
    assert_eq!(lines(log, reader).await.len() as u64 + dropped, asked);
}

#[tokio::test]
async fn the_private_address_tells_what_is_shown_and_what_is_refused() {
    let counters = Arc::new(Counters::default());
    let (log, _reader) = log(Form::Common);
    let served = Served::start(private(Arc::clone(&counters), Some(log)));
    let page = async || served.ask("GET /metrics", "").await.body;
    let ready = async || served.ask("GET /-/ready", "").await.status();
    assert_eq!((served.ask("GET /livez", "").await.status(), ready().await), (200, 503));
    assert_eq!(promtool_says(page().await.as_bytes()), "");

    let stage = Stage::new();
    let mut loader = Loader::new(Shelf::new(stage.output()), Terms { most_bytes: 1 << 20, immutable: Vec::new() });
    let mut look = || {
        let change = loader.look(SystemTime::now());
        counters.looked(&change, loader.is_blind(), (Duration::from_millis(3), SystemTime::now()));
    };
    let first = stage.publish(&site(3, 0), &Words::new(1, &["secret"]));
    look();
    let shown = page().await;
    assert!(shown.contains(&format!("autoswe_journey_server_release_info{{hash=\"{}\"}} 1", first.hash)), "{shown}");
    assert!(shown.contains("autoswe_journey_server_refused 0\n") && ready().await == 200);
    assert_eq!(promtool_says(shown.as_bytes()), "");

    let second = stage.publish(&site(3, 1), &Words::new(1, &["secret"]));
    std::fs::remove_file(second.path.join("index.html")).unwrap();
    look();
    let refused = page().await;
    assert!(refused.contains("autoswe_journey_server_refused 1\n"), "{refused}");
    assert!(refused.contains(&format!("release_info{{hash=\"{}\"}} 1", first.hash)) && ready().await == 200);
    assert!(counters.news().reasons[0].contains("index.html"), "{:?}", counters.news().reasons);
}

#[tokio::test]
async fn the_private_page_comes_as_openmetrics_too_and_the_rest_is_404() {
    let served = Served::start(private(Arc::default(), None));
    let page = served.ask("GET /metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n").await;
    assert_eq!(page.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let families = families("openmetrics", page.body.as_bytes());
    let has = |name: &str| families.iter().any(|family| family["name"] == name);
    assert!(has("autoswe_journey_server_requests") && has("process_resident_memory_bytes"));
    assert!(!has("autoswe_journey_server_access_log_dropped"), "there is no log");
    for line in ["GET /", "GET /status", "GET /index.html"] {
        assert_eq!(served.ask(line, "").await.status(), 404, "{line}");
    }
    assert_eq!(served.ask("POST /metrics", "").await.status(), 405);
}
