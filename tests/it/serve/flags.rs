//! What the flags of the real program turn on: TLS with HTTP/2, the log of requests, the private address, the debug
//! surfaces.

use std::process::{Command, Stdio};

use super::served::{Served, command};
use crate::certificates::Authority;
use crate::exporter::Lines;
use crate::release::gate::Words;
use crate::release::stage::{Stage, site};

fn published() -> Stage {
    let stage = Stage::new();
    stage.publish(&site(2, 0), &Words::new(1, &["secret"]));
    stage
}

/// What curl says of a request to `url`: the version of HTTP, the status, and the body.
fn curl(url: &str, more: &[&str]) -> (String, String) {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--max-time",
        "40",
        "--write-out",
        "\n%{http_version} %{http_code}",
    ]);
    let output = command.args(more).arg(url).output().unwrap_or_else(|error| panic!("curl: {error}"));
    let said = String::from_utf8(output.stdout).unwrap();
    let (body, told) = said.rsplit_once('\n').unwrap_or_default();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (told.to_owned(), body.to_owned())
}

#[tokio::test]
async fn tls_and_both_versions_of_http() {
    let stage = published();
    let directory = stage.state();
    Authority::new(&directory, "ca").issue("server", "DNS:localhost,IP:127.0.0.1");
    let web = directory.join("web.yml");
    let text = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n\
                http_server_config: {headers: {Strict-Transport-Security: max-age=63072000}}\n";
    std::fs::write(&web, text).unwrap();
    let served = Served::start(&stage, &["--web.config.file", web.to_str().unwrap()]).await;
    let url = format!("https://{}/", served.address);
    let trust = ["--cacert", directory.join("ca.pem").to_str().unwrap()].map(str::to_owned);
    let ask = |more: &[&str]| {
        let all: Vec<&str> = trust.iter().map(String::as_str).chain(more.iter().copied()).collect();
        curl(&url, &all)
    };
    let page = site(2, 0)["index.html"].clone();
    assert_eq!(ask(&["--http2"]), ("2 200".to_owned(), page.clone()));
    assert_eq!(ask(&["--http1.1"]), ("1.1 200".to_owned(), page));
    assert!(ask(&["--head", "--http2"]).1.contains("strict-transport-security: max-age=63072000"));
    // Who forgets the s is told so.
    let plain = served.get("/");
    assert_eq!(plain.status, 400, "{plain:?}");
}

#[tokio::test]
async fn http_2_by_prior_knowledge() {
    let stage = published();
    let served = Served::start(&stage, &[]).await;
    let (told, body) = curl(&format!("http://{}/", served.address), &["--http2-prior-knowledge"]);
    assert_eq!((told.as_str(), body), ("2 200", site(2, 0)["index.html"].clone()));
}

#[tokio::test]
async fn requests_are_logged_and_counted_where_that_is_asked_for() {
    let stage = published();
    let mut command = command(&stage, &["--port", "0", "--access-log", "common"]);
    let mut served = Served::spawn(command.stdout(Stdio::piped())).await;
    let lines = Lines::of(served.child.stdout.take().unwrap());
    served.get("/?token=s3cret");
    served.get("/none");
    let line = lines.until("/none").await;
    assert!(line.starts_with("127.0.0.1 - - [") && line.contains("\"GET /none HTTP/1.1\" 404 "), "{line}");
    assert!(!lines.all().contains("s3cret"));
    let told = served.log.until("telling metrics").await;
    let address = told.split_once('[').and_then(|(_, rest)| rest.split_once(']')).unwrap().0;
    let (told, page) = curl(&format!("http://{address}/metrics"), &[]);
    assert_eq!(told, "1.1 200");
    let counted = |method: &str, code: &str| {
        page.lines().any(|line| {
            line.starts_with("autoswe_journey_server_requests_total{")
                && line.contains(&format!("method=\"{method}\""))
                && line.contains(&format!("code=\"{code}\""))
                && line.ends_with(" 1")
        })
    };
    assert!(counted("GET", "200") && counted("GET", "404"), "{page}");
    assert_eq!(curl(&format!("http://{address}/-/ready"), &[]).0, "1.1 200");
}

#[tokio::test]
async fn debug_surfaces_are_there_only_when_asked_for_and_only_for_this_machine() {
    let stage = published();
    let trigger = stage.state().join("trigger");
    let mut debug = command(&stage, &["--port", "0", "--debug-surfaces"]);
    debug.env("AUTOSWE_JOURNEY_TRIGGER", &trigger);
    let served = Served::spawn(&mut debug).await;
    assert_eq!(served.get("/status").status, 200);
    assert_eq!(served.get("/api/journey").header("content-type"), "application/json");
    assert_eq!(served.ask("POST", "/synthesize", &["Content-Length: 0"]).status, 202);
    assert!(trigger.exists());
    assert_eq!(served.get("/").text(), site(2, 0)["index.html"]);
    // Others could reach this one, and there is no token.
    let refused = command(&stage, &["--port", "0", "--bind", "0.0.0.0", "--debug-surfaces"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("--bind 127.0.0.1, or put a token"), "{said}");
    let mut with_token = command(&stage, &["--port", "0", "--debug-surfaces"]);
    let served = Served::spawn(with_token.env("AUTOSWE_JOURNEY_TOKEN", "0123456789abcdef0123")).await;
    assert_eq!(served.get("/status").status, 401);
    assert_eq!(served.ask("GET", "/status", &["Authorization: Bearer 0123456789abcdef0123"]).status, 200);
}
