//! Flags of the server, and what its log looks like.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::{Exporter, Home, PATIENCE};

#[tokio::test]
async fn a_taken_port_is_told_with_its_mend() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let home = Home::new();
    let output = home.command().args(["--web.listen-address", &address.to_string()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let port = address.port();
    assert!(
        said.starts_with(&format!("autoswe-exporter: cannot listen on {address}: port {port} is in use; ")),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[tokio::test]
async fn every_address_is_served_and_the_metrics_lie_where_they_were_put() {
    let home = Home::new();
    let address = ["--web.listen-address", "127.0.0.1:0"];
    let mut command = home.command();
    command.args(address).args(address).args(["--web.telemetry-path", "/probe/metrics", "--no-collector.parity"]);
    let mut exporter = Exporter::spawn(&mut command).await;
    exporter.ready().await;
    assert_eq!(exporter.addresses.len(), 2);
    for _ in 0..2 {
        exporter.addresses.rotate_left(1);
        assert!(exporter.get("/probe/metrics").await.text().contains("\nautoswe_build_info{"));
        let lost = exporter.get("/metrics").await;
        assert_eq!(lost.status, 404);
        assert!(lost.text().contains("href=\"/probe/metrics\""), "{}", lost.text());
    }
    assert!(exporter.get("/").await.text().contains("/probe/metrics"), "the status page links to the metrics");
    let state = exporter.state().await;
    assert_eq!(state["sources"]["parity"]["status"], "disabled");
    assert!(!exporter.get("/probe/metrics").await.text().contains("source=\"parity\""));
}

/// What changes while the program runs, in its log.
async fn log_of_a_run(format: &str) -> Vec<String> {
    let home = Home::new();
    home.beat(0);
    let mut exporter = Exporter::spawn(home.command().args(["--log.format", format])).await;
    exporter.ready().await;
    home.beat(700);
    exporter.log.until("heartbeat 12 min old").await;
    exporter.signal(rustix::process::Signal::TERM);
    assert_eq!(exporter.exit_code(PATIENCE).await, Some(0));
    exporter.log.until("stopped").await;
    exporter.log.all().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_line_of_json_is_an_object() {
    let lines: Vec<Value> = log_of_a_run("json").await.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_loop = lines.iter().find(|line| line["fields"]["check"] == "loop").unwrap();
    assert_eq!((&of_loop["level"], &of_loop["fields"]["from"]), (&json!("WARN"), &json!("OK")), "{lines:#?}");
    assert_eq!(of_loop["fields"]["to"], "WARN");
    assert!(of_loop["fields"]["message"].as_str().unwrap().starts_with("heartbeat 12 min old"), "{of_loop}");
    assert!(lines.iter().all(|line| line["timestamp"].is_string()));
}

#[tokio::test]
async fn a_line_of_logfmt_is_pairs() {
    let lines = log_of_a_run("logfmt").await;
    let of_loop = lines.iter().find(|line| line.contains("check=loop")).unwrap();
    assert!(of_loop.contains(" level=warn ") && of_loop.ends_with(" check=loop from=OK to=WARN"), "{of_loop}");
    assert!(of_loop.contains(" message=\"heartbeat 12 min old"), "{of_loop}");
    for line in &lines {
        assert!(line.starts_with("ts=20") && !line.contains('\u{1b}'), "{line}");
    }
}
